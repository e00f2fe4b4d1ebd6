"""A run whose Valkey (or Redis) hangs, is killed and kept away, or is emptied: no request fails or waits for long,
rate limits stand open, and what was left undone is done when it is back."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from tests.conftest import find_free_port
from tests.faults.brokers import BROKERS, Broker
from tests.faults.killing import await_settled, await_successor, find_victim, kill
from tests.faults.runs import Run, wait_until
from tests.faults.workplace import (
    Person,
    await_consensus,
    find_drift,
    make_ranking,
    make_tokens,
    open_campaign,
    query,
    read_ballots,
)
from tests.plugin import PLACES

pytestmark = pytest.mark.slow

PEOPLE = 12
PROMPTS = 24
FAILURES = 5
#: A request waits for Valkey for a fraction of a second; this is what a busy machine may make of it.
LONGEST_SECONDS = 20.0
#: How long it is away where that must outlast every patience: that of beat is the longest, with five seconds.
AWAY_SECONDS = 8.0
MARKED = "SELECT count(*) AS n FROM annotate_stale WHERE kind = 'parent' AND marked > computed"

#: A piece of work and what was sent for it.
Done = tuple[dict[str, Any], dict[str, Any]]


class Site:
    """A run on a database and a broker that the test owns."""

    def __init__(self, folder: Path, broker: Broker, database_url: str) -> None:
        self.broker = broker
        self.url = database_url
        self.servers = {"DATABASE_URL": database_url, "REDIS_URL": broker.url, "SECRET_KEY": "x" * 50}
        self.run = Run(folder, find_free_port(), CHORUS_LIMIT_FAILURES=str(FAILURES), **self.servers)
        self.all: list[Person] = []
        self.people: Iterator[Person] = iter(())
        self.stranger = httpx.Client(
            base_url=f"http://127.0.0.1:{self.run.port}/api/v1/",
            headers={"Authorization": "Bearer chorus_nobody"},
            timeout=LONGEST_SECONDS,
            trust_env=False,
        )

    def prepare(self) -> None:
        self.run.await_up()
        tokens = make_tokens(self.run.places.data, [f"p{number}" for number in range(PEOPLE)], **self.servers)
        self.all = [Person(port=self.run.port, token=token, name=name) for name, token in tokens.items()]
        self.people = itertools.chain(self.all[1:])
        open_campaign(self.all[0], prompts=PROMPTS, redundancy=PEOPLE, max_judgments=PEOPLE)

    def knock(self) -> list[int]:
        """The answers to more calls with a token that is not valid than one address may make in a minute."""
        return [self.stranger.get("me/").status_code for _ in range(3 * FAILURES)]

    def is_limited(self) -> bool:
        return 429 in self.knock()

    def end(self) -> None:
        self.stranger.close()
        for person in self.all:
            person.close()
        self.run.end()


@pytest.fixture(scope="module", params=["valkey", pytest.param("redis", marks=pytest.mark.redis)])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    folder = PLACES.data.parent / f"{request.param}-{os.urandom(3).hex()}"
    folder.mkdir()
    folder.chmod(0o755)
    broker = BROKERS[request.param](folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.end()


@pytest.fixture(scope="module")
def site(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"away_{os.urandom(4).hex()}"
    with closing(psycopg.connect(PLACES.database_url, autocommit=True)) as server:
        server.execute(f"CREATE DATABASE {name}")
        site = Site(tmp_path_factory.mktemp("run"), broker, PLACES.database_url.replace("/chorus?", f"/{name}?"))
        try:
            site.prepare()
            yield site
        finally:
            site.end()
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(autouse=True)
def _broker_comes_back(broker: Broker) -> Iterator[None]:
    yield
    broker.bring_back()


def work(person: Person, *, times: int, ends: threading.Event | None = None) -> list[Done]:
    """Ask, save a draft and submit, over and over; every call is answered at once and in its right sense.

    With `ends`, at the pace of somebody who thinks, until that is set.
    """
    done: list[Done] = []
    while len(done) < times and not (ends is not None and ends.wait(0.2)):
        hold = person.ask_next()
        body = make_ranking(hold, name=person.name)
        person.save_draft(hold, body)
        person.submit(hold, body)
        done.append((hold, body))
    assert dict(person.met) == {}
    assert person.slowest_seconds < LONGEST_SECONDS
    return done


def check_stored(site: Site, person: Person, done: list[Done]) -> None:
    mine = [
        ballot
        for ballot in read_ballots(site.url).values()
        if ballot["body"]["rationale"].startswith(f"{person.name} ")
    ]
    assert mine == [{"assignment": hold["id"], "current": True, "body": body} for hold, body in done]
    assert find_drift(site.url) == {}


@pytest.mark.parametrize("how", ["hung", "killed"])
def test_work_goes_on_and_limits_stand_open_until_it_is_back(site: Site, how: str) -> None:
    person = next(site.people)
    wait_until(site.is_limited, "a limit that is reached")
    site.broker.take_away(how)
    site.knock()  # the first to ask waits, and then nobody asks for a while
    assert site.knock() == [401] * 3 * FAILURES
    done = work(person, times=3)
    time.sleep(AWAY_SECONDS)
    done += work(person, times=3)
    status, body = site.run.get("/readyz")
    assert (status, '"valkey": "away"' in body) == (200, True)
    site.broker.bring_back()
    done += work(person, times=2)
    wait_until(site.is_limited, "limits that count again")
    wait_until(site.run.is_ready, "ready again")
    await_consensus(site.url)
    check_stored(site, person, done)


def test_work_that_never_stops_notices_nothing_of_its_coming_and_going(site: Site) -> None:
    people = [next(site.people), next(site.people)]
    is_over = threading.Event()
    with ThreadPoolExecutor(len(people)) as pool:
        working = [pool.submit(work, person, times=PROMPTS, ends=is_over) for person in people]
        for how in ("hung", "killed", "hung", "killed"):
            site.broker.take_away(how)
            time.sleep(1.0)
            site.broker.bring_back()
            time.sleep(0.5)
        is_over.set()
        done = [one.result() for one in working]
    wait_until(site.run.is_ready, "ready again")
    await_consensus(site.url)
    for person, theirs in zip(people, done, strict=True):
        check_stored(site, person, theirs)


def test_processes_that_start_while_it_is_away_work_and_find_it_when_it_is_back(site: Site) -> None:
    person = next(site.people)
    children = ["web", "worker", "beat"]
    await_settled(site.run, *children)
    site.broker.take_away("killed")
    dead = {name: kill(site.run, name) for name in children}
    for name, victim in dead.items():
        await_successor(site.run, name, victim)
    wait_until(lambda: site.run.get("/healthz")[0] == 200, "another web process")
    done = work(person, times=3)
    site.broker.bring_back()
    wait_until(site.run.is_ready, "ready again")
    await_consensus(site.url)
    check_stored(site, person, done)


def test_messages_that_are_lost_lose_nothing(site: Site) -> None:
    """Everything in the broker is thrown away, and so is what the worker had taken: the next sweep finds the marks."""
    person = next(site.people)
    await_settled(site.run, "worker")
    await_consensus(site.url)
    stop(site.run, "beat", "worker", "worker process")
    done = work(person, times=3)
    for _ in range(2):
        time.sleep(0.5)  # what the web process still has to send
        site.broker.empty()
    assert query(site.url, MARKED)[0]["n"] >= 3
    dead = kill(site.run, "worker")
    go_on(site.run, "beat")
    await_successor(site.run, "worker", dead)
    await_consensus(site.url)
    check_stored(site, person, done)


def stop(run: Run, *names: str) -> None:
    for name in names:
        process = find_victim(run, name)
        assert process is not None, name
        process.send_signal(signal.SIGSTOP)


def go_on(run: Run, name: str) -> None:
    process = find_victim(run, name)
    assert process is not None
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGCONT)
