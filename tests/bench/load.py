"""A closed loop of annotators over raw HTTP: each connection submits and gets the next work, without thinking.

python -m tests.bench.load PORT FILE SECONDS WARMUP   FILE: {"kind": "product" | "limit", "sessions": […], "slug": …}
prints one JSON line: {"units", "units_per_s", "p50_ms", "p99_ms", "errors"}.
"""

from __future__ import annotations

import asyncio
import collections
import json
import sys
import time
from typing import Any

TOKEN = "a" * 32


class Annotator:
    """One signed-in person on one connection."""

    def __init__(self, *, port: int, session: str, plan: dict[str, Any], errors: collections.Counter[str]) -> None:
        self.port, self.plan, self.errors = port, plan, errors
        self.head = (
            f"Host: 127.0.0.1:{port}\r\nCookie: sessionid={session}; csrftoken={TOKEN}\r\nX-CSRFToken: {TOKEN}\r\n"
            "Content-Type: application/json\r\n"
        )
        self.held: dict[str, Any] | int | None = None

    async def work(self, *, starts: float, ends: float) -> list[float]:
        """Exchange until `ends`; the durations (s) of those that began after `starts`."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        durations = []
        while (begun := time.perf_counter()) < ends:
            was_held = self.held is not None
            ok = await self.exchange()
            if ok and was_held and begun >= starts:
                durations.append(time.perf_counter() - begun)
            if not ok:
                await asyncio.sleep(0.01)
        self.writer.close()
        return durations

    async def exchange(self) -> bool:
        path, body = self.next_product() if self.plan["kind"] == "product" else self.next_limit()
        status, data = await self.post(path, json.dumps(body).encode())
        if status != 200:
            self.errors[f"{status} {data[:120].decode(errors='replace')}"] += 1
            self.held = None
            return False
        answer = json.loads(data)
        if self.plan["kind"] == "limit":
            self.held = answer["assignment"]
            return True
        offered = answer.get("next", answer)
        self.held = offered["assignment"]
        if self.held is None:
            self.errors[f"nothing: {offered['why_none']['code']}"] += 1
        return self.held is not None

    def next_limit(self) -> tuple[str, dict[str, Any]]:
        if self.held is None:
            return "/exchange", {}
        return "/exchange", {"assignment": self.held, "answer": {"order": ["b", "a", "d", "c"], "why": "clearer"}}

    def next_product(self) -> tuple[str, dict[str, Any]]:
        if self.held is None:
            return f"/api/v1/campaigns/{self.plan['slug']}/next/", {}
        assert isinstance(self.held, dict)
        handles = [candidate["id"] for candidate in self.held["subject"]["candidates"]]
        tiers = [[handle] for handle in reversed(handles)]
        body = {"tiers": tiers, "acceptable_tiers": 2, "rationale": "clearer", "active_seconds": 31.5}
        return f"/api/v1/assignments/{self.held['id']}/submit/", body

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        self.writer.write(f"POST {path} HTTP/1.1\r\n{self.head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        return int(head[9:12]), await self.reader.readexactly(length)


async def load(port: int, plan: dict[str, Any], seconds: float, warmup: float) -> dict[str, Any]:
    errors: collections.Counter[str] = collections.Counter()
    people = [Annotator(port=port, session=session, plan=plan, errors=errors) for session in plan["sessions"]]
    starts = time.perf_counter() + warmup
    results = await asyncio.gather(*(person.work(starts=starts, ends=starts + seconds) for person in people))
    durations = sorted(duration for result in results for duration in result)
    if not durations:
        return {"units": 0, "units_per_s": 0, "p50_ms": None, "p99_ms": None, "errors": errors}
    return {
        "units": len(durations),
        "units_per_s": round(len(durations) / seconds, 1),
        "p50_ms": round(durations[len(durations) // 2] * 1e3, 1),
        "p99_ms": round(durations[int(len(durations) * 0.99)] * 1e3, 1),
        "errors": errors,
    }


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        given = json.load(file)
    print(json.dumps(asyncio.run(load(int(sys.argv[1]), given, float(sys.argv[3]), float(sys.argv[4])))))
