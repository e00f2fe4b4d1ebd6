"""Scripted volunteers of a growing campaign, over raw HTTP: whoever they are asked for, they do it, without thinking.

python -m tests.bench.campaign_people PORT FILE SECONDS SEED
FILE: {"slug": …, "people": [{"session": …, "languages": […]}, …], "sittings": N}   prints one JSON line of counts.

Each of N sittings is one connection: somebody sits down, does about ten pieces of work, gives back what came last, and
the next person sits down. What they think follows from the texts themselves: a text that begins with "spam" is spam, and
of two replies the one whose digest is higher is better, seen through some noise; so people mostly agree.
"""

from __future__ import annotations

import asyncio
import collections
import hashlib
import json
import random
import sys
import time
from typing import Any

TOKEN = "a" * 32
SITTING = 10
SPAM_SHARE, SKIP_SHARE, FINISH_SHARE = 0.04, 0.02, 0.1

WORDS = {
    "en": "the river bird garden morning sings quietly near stone bridge while people walk slowly home with bread and tea",
    "de": "der Fluss Vogel Garten Morgen singt leise bei einer Brücke während Leute langsam nach Hause gehen und Brot essen",
    "es": "el río pájaro jardín mañana canta cerca del puente mientras la gente camina despacio a casa con pan y té",
    "ar": "النهر الطائر الحديقة الصباح يغني بهدوء قرب الجسر بينما يمشي الناس ببطء إلى البيت مع الخبز والشاي",
    "lt": "upė paukštis sodas rytas gieda tyliai prie tilto kol žmonės lėtai eina namo su duona ir arbata",
}


class Person:
    """One connection on which people sit down one after the other."""

    def __init__(self, *, port: int, plan: dict[str, Any], rng: random.Random, told: Told) -> None:
        self.port, self.plan, self.rng, self.told = port, plan, rng, told
        self.session = ""

    async def work(self, *, ends: float) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        while time.perf_counter() < ends:
            # Nobody sits in two places at once.
            person = self.told.free.pop(self.rng.randrange(len(self.told.free)))
            self.session = person["session"]
            await self.sit(ends=ends)
            self.told.free.append(person)
        self.writer.close()

    async def sit(self, *, ends: float) -> None:
        held: dict[str, Any] | None = None
        for _ in range(SITTING):
            if time.perf_counter() > ends:
                break
            held = await (self.ask() if held is None else self.give(held))
            if held is None:
                await asyncio.sleep(0.02)
                break
        if held is not None:
            await self.post(f"/api/v1/assignments/{held['id']}/release/", {})

    async def ask(self) -> dict[str, Any] | None:
        status, answer, seconds = await self.post(f"/api/v1/campaigns/{self.plan['slug']}/next/", {})
        if status != 200:
            self.told.refused[f"next {status} {answer.get('code')}"] += 1
            return None
        self.told.next_seconds.append(seconds)
        return self.take(answer)

    async def give(self, held: dict[str, Any]) -> dict[str, Any] | None:
        kind = held["kind"]
        if self.rng.random() < SKIP_SHARE:
            path, body = f"/api/v1/assignments/{held['id']}/skip/", {"skip_reason": "not_my_topic"}
            kind = "skip"
        else:
            path, body = f"/api/v1/assignments/{held['id']}/submit/", self.answer(held)
        status, answer, seconds = await self.post(path, body)
        if status != 200:
            code = str(answer.get("code"))
            gone = self.told.gone if code in ("subject_removed", "candidate_removed") else self.told.refused
            gone[f"{kind} {status} {code}"] += 1
            return None
        self.told.submit_seconds.append(seconds)
        self.told.kinds[kind] += 1
        return self.take(answer["next"])

    def take(self, offer: dict[str, Any]) -> dict[str, Any] | None:
        if offer["assignment"] is None:
            self.told.nothing[offer["why_none"]["code"]] += 1
        assignment: dict[str, Any] | None = offer["assignment"]
        return assignment

    def answer(self, held: dict[str, Any]) -> dict[str, Any]:
        subject = held["subject"]
        language = subject["language"]
        kind = held["kind"]
        if kind in ("rank", "compare"):
            return {"tiers": self.rank(subject["candidates"]), "active_seconds": 30.0}
        if kind == "label":
            return {"labels": self.label(subject["labels"], subject["thread"][-1]["text"]), "active_seconds": 12.0}
        if kind == "write_pair":
            return {"prompt": self.text(language), "reply": self.text(language), "language": language}
        if kind == "write_prompter_reply" and self.rng.random() < FINISH_SHARE:
            return {"ends_thread": True}
        return {"text": self.text(language), "language": language, "active_seconds": 90.0}

    def rank(self, candidates: list[dict[str, str]]) -> list[list[str]]:
        def worth(candidate: dict[str, str]) -> float:
            return hashlib.sha256(candidate["text"].encode()).digest()[0] / 255 + self.rng.gauss(0, 0.15)

        worths = sorted(((worth(candidate), candidate["id"]) for candidate in candidates), reverse=True)
        return [[handle] for _, handle in worths]

    def label(self, dimensions: list[dict[str, Any]], text: str) -> dict[str, Any]:
        is_spam = text.startswith("spam") if self.rng.random() > 0.05 else not text.startswith("spam")
        given: dict[str, Any] = {}
        for dimension in dimensions:
            if dimension["name"] == "spam":
                given["spam"] = is_spam
            elif dimension["widget"] == "scale":
                given[dimension["name"]] = self.rng.choice(dimension["anchors"])["value"]
            elif dimension["mandatory"]:
                given[dimension["name"]] = False
        return given or {dimensions[0]["name"]: False}

    def text(self, language: str) -> str:
        words = WORDS.get(language, WORDS["en"]).split()
        chosen = [self.rng.choice(words) for _ in range(self.rng.randint(8, 80))]
        start = "spam " if self.rng.random() < SPAM_SHARE else ""
        return f"{start}{' '.join(chosen)} {self.rng.getrandbits(48):x}"

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any], float]:
        sent = json.dumps(body).encode()
        begun = time.perf_counter()
        self.writer.write(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: sessionid={self.session}; csrftoken={TOKEN}\r\n"
            f"X-CSRFToken: {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n".encode()
            + sent
        )
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        data = await self.reader.readexactly(length)
        seconds = time.perf_counter() - begun
        answer = json.loads(data) if data[:1] == b"{" else {}
        return int(head[9:12]), answer.get("error", answer), seconds


class Told:
    """What all people of this process did and met."""

    def __init__(self, people: list[dict[str, Any]]) -> None:
        self.free = people
        self.kinds: collections.Counter[str] = collections.Counter()
        self.refused: collections.Counter[str] = collections.Counter()
        self.gone: collections.Counter[str] = collections.Counter()
        self.nothing: collections.Counter[str] = collections.Counter()
        self.next_seconds: list[float] = []
        self.submit_seconds: list[float] = []

    def as_json(self) -> str:
        return json.dumps(
            {
                name: value if isinstance(value, list) else dict(value)
                for name, value in vars(self).items()
                if name != "free"
            }
        )


async def work(port: int, plan: dict[str, Any], seconds: float, seed: int) -> Told:
    told = Told(plan["people"])
    ends = time.perf_counter() + seconds
    people = [
        Person(port=port, plan=plan, rng=random.Random(f"{seed}:{number}"), told=told)
        for number in range(plan["sittings"])
    ]
    await asyncio.gather(*(person.work(ends=ends) for person in people))
    return told


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        given = json.load(file)
    print(asyncio.run(work(int(sys.argv[1]), given, float(sys.argv[3]), int(sys.argv[4]))).as_json())
