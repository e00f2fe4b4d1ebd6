"""How long pages take and how large they are, beside the same things as JSON.

python -m tests.bench.page_speed     (QUICK=1: a minute)

A whole run as `make run` starts it, one web process. On one connection each, with session and CSRF, in turns:
a person who loads the ranking page and submits as htmx does, which answers with the next work as HTML, and a person who
reads the same work and submits as JSON, which answers with the next work as JSON. Medians of the time until the last
byte; texts were shown to somebody before (`first` gives the same for texts that nobody has seen yet). Then Chromium:
bytes of every page with what it loads, as sent, nothing cached; and on a slow phone (4 times slower, 1.6 Mbit/s, 150 ms)
the largest paint, layout shift, and how long a key press of the ranking takes until it is painted.

`ratio`  the larger of: ranking page over JSON, htmx exchange over JSON (goal: at most 1.5)
"""

from __future__ import annotations

import http.client
import json
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import django
from playwright.sync_api import Browser, sync_playwright

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotate.settings")
django.setup()

from tests.journeys.addresses import LOOKS, find_session, make_path  # noqa: E402
from tests.journeys.browsers import DESK, PHONE, Window, open_chromium  # noqa: E402
from tests.journeys.measures import read_seen, slow_down, watch, weigh  # noqa: E402
from tests.journeys.site import Site, Volunteer  # noqa: E402
from tests.journeys.world import World, make_world  # noqa: E402

QUICK = bool(os.environ.get("QUICK"))
PAIRS = 40 if QUICK else 200
LOOKS_AT_SLOW_PAGES = 1 if QUICK else 5
SECONDS_TO_SETTLE = 5
TOKEN = "a" * 32
DEMO = Path(__file__).resolve().parents[2] / "annotate" / "demo" / "demo.jsonl"


class Reader:
    """Somebody with a session on one connection that stays open; every answer's time in milliseconds."""

    def __init__(self, site: Site, person: Volunteer) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", site.run.port)
        self.head = {"Cookie": f"sessionid={person.session}; csrftoken={TOKEN}", "X-CSRFToken": TOKEN}

    def ask(self, method: str, path: str, body: str = "", **head: str) -> tuple[float, str, http.client.HTTPResponse]:
        begun = time.perf_counter()
        self.connection.request(method, path, body.encode() or None, {**self.head, **head})
        answer = self.connection.getresponse()
        text = answer.read().decode()
        spent = (time.perf_counter() - begun) * 1e3
        if answer.status != http.client.OK:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:500]}")
        return spent, text, answer


class PageReader(Reader):
    """The ranking page, then submits as htmx sends them."""

    def begin(self, assignment: int) -> None:
        self.number = assignment
        _, self.text, _ = self.ask("GET", f"/work/{assignment}/")

    def look(self) -> float:
        return self.ask("GET", f"/work/{self.number}/")[0]

    def submit(self) -> float:
        shown = re.search(r'name="shown" value="([^"]+)"', self.text)
        assert shown is not None, self.text[:500]
        handles = shown[1].split()
        fields = [("kind", "rank"), ("shown", shown[1]), ("acceptable_tiers", "2"), ("active_seconds", "31"),
                  *(("tiers", f"{handle}:{place}") for place, handle in enumerate(reversed(handles), start=1))]  # fmt: skip
        head = {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true", "HX-Target": "work"}
        spent, self.text, answer = self.ask("POST", f"/work/{self.number}/submit/", urlencode(fields), **head)
        self.number = int((answer.headers["HX-Push-Url"] or "").split("/")[2])
        return spent


class JsonReader(Reader):
    """The same work and the same submits as JSON."""

    def begin(self, assignment: int) -> None:
        self.number = assignment
        _, text, _ = self.ask("GET", f"/api/v1/assignments/{assignment}/")
        self.held: dict[str, Any] = json.loads(text)

    def look(self) -> float:
        return self.ask("GET", f"/api/v1/assignments/{self.number}/")[0]

    def submit(self) -> float:
        handles = [candidate["id"] for candidate in self.held["subject"]["candidates"]]
        body = {"tiers": [[handle] for handle in reversed(handles)], "acceptable_tiers": 2, "active_seconds": 31}
        path = f"/api/v1/assignments/{self.number}/submit/"
        spent, text, _ = self.ask("POST", path, json.dumps(body), **{"Content-Type": "application/json"})
        self.held = json.loads(text)["next"]["assignment"]
        self.number = self.held["id"]
        return spent


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="chorus-bench-", dir="/tmp") as home:
        Path(home).chmod(0o711)
        site = Site(Path(home) / "site")
        try:
            site.prepare(people=30)
            server = measure_server(site)
            world = make_world(site)
            with sync_playwright() as playwright, open_chromium(playwright) as browser:
                sizes = dict(weigh_pages(browser, world))
                slow = measure_slow_phone(browser, world)
        finally:
            site.end()
    report(server, sizes, slow)


def make_prompts(count: int) -> Iterator[dict[str, Any]]:
    """The demo's English prompts with their candidates, as often as needed, each a little different."""
    items = [
        item for item in map(json.loads, DEMO.read_text(encoding="utf-8").splitlines()) if item["language"] == "en"
    ]
    for number in range(count):
        item = items[number % len(items)]
        texts = [{**one, "text": f"{one['text']} ({number})"} for one in item["candidates"]]
        yield {"prompt": f"{item['prompt']} ({number})", "language": "en", "candidates": texts}


def measure_server(site: Site) -> dict[str, dict[str, float]]:
    """Median milliseconds of looking and submitting, as page and as JSON, in turns."""
    slug = site.make_campaign(site.organizer, items=list(make_prompts(PAIRS + 5)), redundancy=9, max_held=8)
    time.sleep(SECONDS_TO_SETTLE)  # the worker orders what was imported
    first = PageReader(site, starter := site.person())
    first.begin(starter.ask_next(slug)["id"])
    unseen = [first.submit() for _ in range(PAIRS)]
    readers: dict[str, PageReader | JsonReader] = {}
    for name, reader in {"page": PageReader, "json": JsonReader}.items():
        person = site.person()
        readers[name] = reader(site, person)
        readers[name].begin(person.ask_next(slug)["id"])
    times: dict[str, dict[str, list[float]]] = {name: {"look": [], "submit": []} for name in readers}
    for number in range(PAIRS):
        for name in ("page", "json") if number % 2 == 0 else ("json", "page"):
            times[name]["look"].append(readers[name].look())
        for name in ("page", "json") if number % 2 == 0 else ("json", "page"):
            times[name]["submit"].append(readers[name].submit())
    found = {name: {what: statistics.median(values) for what, values in each.items()} for name, each in times.items()}
    found["first"] = {"submit": statistics.median(unseen)}
    print(f"{PAIRS} pairs, median ms: {found}", flush=True)
    return found


def weigh_pages(browser: Browser, world: World) -> Iterator[tuple[str, dict[str, int]]]:
    """Bytes of every page: its own, and with all that it loads."""
    for name, looks in LOOKS.items():
        for look in looks:
            session = find_session(look, world)
            window = Window(browser, world.site.address, session=session, **DESK)
            path = make_path(name, look, world)
            parts = weigh(window.page, lambda: window.page.goto(path))  # noqa: B023  (called at once)
            window.close()
            own = sum(size for url, size in parts.items() if "/static/" not in url)
            size = {"html": own, "whole": sum(parts.values())}
            print(f"bytes {name:36} {look.kind or look.who:22} {size['html']:8} {size['whole']:8}", flush=True)
            yield f"{name} {look.kind or look.who}", size


def measure_slow_phone(browser: Browser, world: World) -> dict[str, dict[str, float]]:
    """Largest paint (ms), layout shift and the slowest of five key presses (ms), as a slow phone has them; medians."""
    paths = {
        "landing": ("/", None),
        "home": ("/", world.volunteer),
        "ranking": (f"/work/{world.holds['rank']}/", world.volunteer),
    }
    found: dict[str, dict[str, float]] = {}
    for name, (path, person) in paths.items():
        runs = [
            look_slowly(browser, world.site, path, person, is_ranking=name == "ranking")
            for _ in range(LOOKS_AT_SLOW_PAGES)
        ]
        found[name] = {what: round(statistics.median(run[what] for run in runs), 3) for what in runs[0]}
        print(f"slow phone {name}: {found[name]}", flush=True)
    return found


def look_slowly(
    browser: Browser, site: Site, path: str, person: Volunteer | None, *, is_ranking: bool
) -> dict[str, float]:
    window = Window(browser, site.address, session=person.session if person else None, **PHONE)
    watch(window.page)
    slow_down(window.page)
    window.page.goto(path, wait_until="networkidle")
    if is_ranking:
        for key in ("c", "a", "=", "-", "d"):
            window.page.keyboard.press(key)
            window.page.wait_for_timeout(150)
    seen = read_seen(window.page)
    window.close()
    keys = {"key_ms": max(seen["events"], default=16)} if is_ranking else {}
    return {"largest_paint_ms": seen["paint"], "shift": seen["shift"], **keys}


def report(server: dict[str, Any], sizes: dict[str, Any], slow: dict[str, Any]) -> None:
    look = server["page"]["look"] / server["json"]["look"]
    submit = server["page"]["submit"] / server["json"]["submit"]
    print(
        json.dumps(
            {
                "bench": "page_speed",
                "quick": QUICK,
                "pairs": PAIRS,
                "server_ms": {name: {what: round(ms, 2) for what, ms in each.items()} for name, each in server.items()},
                "page_over_json": round(look, 3),
                "exchange_over_json": round(submit, 3),
                "ratio": round(max(look, submit), 3),
                "ranking_page_bytes": sizes["work rank"],
                "largest_page": max(sizes.items(), key=lambda item: item[1]["whole"]),
                "slow_phone": slow,
            }
        )
    )


if __name__ == "__main__":
    main()
