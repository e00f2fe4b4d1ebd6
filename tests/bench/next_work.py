"""Asking for work in a large campaign against asking in a small one, by volunteers of uneven languages and histories.

python -m tests.bench.next_work     (QUICK=1: 50,000 units and 2,000 volunteers instead of a million and 13,500)

A sample of the volunteers asks over HTTP and gives back at once what they got, in interleaved rounds on a campaign with
1,000 open units and on one with many; five languages, three kinds of work, the same volunteers' habits in both.

`ratio`  the time of `next` (median) on the small campaign over that on the large one; 1 is flat, 0.83 is 20 % slower
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from annotate.embedded.engines import start_engines
from tests.bench.load import TOKEN
from tests.bench.serving import Bench

QUICK = bool(os.environ.get("QUICK"))
SMALL, LARGE = 1_000, 50_000 if QUICK else 1_000_000
VOLUNTEERS = 2_000 if QUICK else 13_500
ROUNDS, ASKS = (2, 100) if QUICK else (5, 400)
OPEN_LIMITS = {"CHORUS_LIMIT_ADDRESS": "0", "CHORUS_LIMIT_PERSON": "0", "CHORUS_LIMIT_GUESTS": "0"}


class NextBench(Bench):
    def environment(self, database: str, **more: str) -> dict[str, str]:
        return super().environment(database, **OPEN_LIMITS, **more)

    def fill(self, database: str, units: int) -> dict[str, Any]:
        self.create(database)
        command = [sys.executable, "-m", "tests.bench.next_data", str(units), str(VOLUNTEERS)]
        done = subprocess.run(command, env=self.environment(database), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def ask(self, plan: dict[str, Any]) -> tuple[list[float], int]:
        """Milliseconds of each `next`, and how many had nothing to give."""
        link = HTTPConnection("127.0.0.1", self.port)
        took, nothing = [], 0
        for number in range(ASKS):
            session = plan["sessions"][number % len(plan["sessions"])]
            begun = time.perf_counter()
            answer = self.post(link, session, f"/api/v1/campaigns/{plan['slug']}/next/")
            took.append((time.perf_counter() - begun) * 1e3)
            if answer["assignment"] is None:
                nothing += 1
            else:
                self.post(link, session, f"/api/v1/assignments/{answer['assignment']['id']}/release/")
        return took[len(plan["sessions"]) :], nothing

    @staticmethod
    def post(link: HTTPConnection, session: str, path: str) -> dict[str, Any]:
        headers = {
            "Cookie": f"sessionid={session}; csrftoken={TOKEN}",
            "X-CSRFToken": TOKEN,
            "Content-Type": "application/json",
        }
        link.request("POST", path, body="{}", headers=headers)
        answer = link.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {body[:300]!r}")
        read: dict[str, Any] = json.loads(body)
        return read


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="chorus-bench-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        bench = NextBench(Path(folder))
        engines = start_engines(bench.places, unsafe=False)
        try:
            measure(bench)
        finally:
            engines.stop()


def measure(bench: NextBench) -> None:
    plans = {}
    for name, units in {"small": SMALL, "large": LARGE}.items():
        begun = time.perf_counter()
        plans[name] = bench.fill(name, units)
        print(
            f"filled {name} ({units} units, {VOLUNTEERS} volunteers) in {time.perf_counter() - begun:.0f} s", flush=True
        )
    took: dict[str, list[float]] = {"small": [], "large": []}
    nothing = {"small": 0, "large": 0}
    for number in range(ROUNDS):
        for name in ("small", "large") if number % 2 == 0 else ("large", "small"):
            with bench.serve("product", name):
                times, none = bench.ask(plans[name])
            took[name] += times
            nothing[name] += none
            print(f"round {number + 1} {name:6} {statistics.median(times):.2f} ms", flush=True)
    medians = {name: round(statistics.median(times), 2) for name, times in took.items()}
    p99 = {name: round(sorted(times)[int(len(times) * 0.99)], 2) for name, times in took.items()}
    print(
        json.dumps(
            {
                "bench": "next_work",
                "quick": QUICK,
                "units": {"small": SMALL, "large": LARGE},
                "volunteers": VOLUNTEERS,
                "next_ms": medians,
                "p99_ms": p99,
                "ratio": round(medians["small"] / medians["large"], 3),
                "nothing": nothing,
            }
        )
    )


if __name__ == "__main__":
    main()
