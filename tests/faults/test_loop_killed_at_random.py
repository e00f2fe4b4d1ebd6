"""A thousand submits while a killer takes down one process of the run after the other: nothing acknowledged is
lost, nothing is doubled, and the run goes on by itself."""

from __future__ import annotations

import collections
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from tests.conftest import find_free_port
from tests.faults.killing import SETTLED_SECONDS, is_settled, kill, kill_session
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

pytestmark = pytest.mark.slow

SEED = 7
UNITS = 200
PEOPLE = 8
SUBMITS = 1000
#: Each victim dies at least once, and this many die in all before the annotators may stop.
KILLS = 16
VICTIMS = ("web process", "web", "worker process", "worker", "beat", "valkey", "postgres", "session")
#: What a request may wait for its answer before it is sent again (seconds).
PATIENCE_SECONDS = 20
WEB_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'chorus-web' ORDER BY state <> 'active', pid"


@dataclass
class Ledger:
    """What the annotators have sent, and which judgment each was told, by assignment."""

    sent: dict[int, dict[str, Any]] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)


class Killer:
    """Kills one victim after the other, at random; none so often that the run would be given up.

    Somebody was answered between any two deaths: on a busy machine a process may be killed as fast as it starts.
    """

    def __init__(self, run: Run, ledger: Ledger) -> None:
        self.run = run
        self.ledger = ledger
        self.told_before = 0
        self.rng = random.Random(SEED)
        self.killed: collections.Counter[str] = collections.Counter()
        self.last_session = 0.0

    def is_done(self) -> bool:
        return all(self.killed[name] for name in VICTIMS) and self.killed.total() >= KILLS

    def kill_until(self, ended: threading.Event) -> None:
        while not ended.is_set():
            # First each of them once; then whoever can be killed.
            wanted = [name for name in VICTIMS if not self.killed[name]] or VICTIMS
            able = [name for name in wanted if self.can_kill(name)]
            if able and len(self.ledger.told) > self.told_before:
                self.kill(self.rng.choice(able))
                self.told_before = len(self.ledger.told)
            ended.wait(self.rng.uniform(0.8, 2.2))

    def can_kill(self, name: str) -> bool:
        if name == "session":
            return time.monotonic() > self.last_session + SETTLED_SECONDS and is_settled(self.run, "postgres")
        return is_settled(self.run, name)

    def kill(self, name: str) -> None:
        # Whatever dies by itself at this moment, because another has died, is not counted.
        with suppress(AssertionError, psutil.NoSuchProcess, psycopg.OperationalError, IndexError):
            if name == "session":
                kill_session(query(self.run.places.database_url, WEB_SESSIONS)[0]["pid"])
                self.last_session = time.monotonic()
            else:
                kill(self.run, name)
            self.killed[name] += 1


def annotate(person: Person, ledger: Ledger, is_enough: threading.Event) -> None:
    """Judge whatever is offered, and send again what was not answered; now and then also what was."""
    rng = random.Random(person.name)
    hold = None
    while not is_enough.is_set():
        if hold is None:
            hold = person.insist("POST", "campaigns/birds/next/", {})["assignment"]
            if hold is None:
                return
        body = make_ranking(hold, name=person.name)
        if rng.random() < 0.2:
            person.save_draft(hold, body)
        ledger.sent[hold["id"]] = body
        answer = person.submit(hold, body)
        ledger.told[hold["id"]] = answer["judgment"]["id"]
        if rng.random() < 0.1:
            assert person.submit(hold, body)["judgment"] == answer["judgment"]
        hold = answer["next"]["assignment"]
        # Enough is sent, and not enough killed: work must last until it is.
        slower = 10 if len(ledger.told) >= SUBMITS else 1
        is_enough.wait(slower * rng.uniform(0.05, 0.25))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path, find_free_port(), CHORUS_WEB_WORKERS="2", CHORUS_WORKER_PROCESSES="2")
    try:
        yield run.await_up()
    finally:
        run.end()


@pytest.fixture
def people(run: Run) -> Iterator[list[Person]]:
    tokens = make_tokens(run.places.data, [f"p{number}" for number in range(PEOPLE)])
    people = [
        Person(port=run.port, token=token, name=name, patience_seconds=PATIENCE_SECONDS)
        for name, token in tokens.items()
    ]
    yield people
    for person in people:
        person.close()


def test_thousand_submits_under_random_kills_are_each_stored_once(run: Run, people: list[Person]) -> None:
    open_campaign(people[0], prompts=UNITS, redundancy=PEOPLE, max_judgments=PEOPLE)
    url, ledger = run.places.database_url, Ledger()
    killer = Killer(run, ledger)
    is_enough, is_over = threading.Event(), threading.Event()
    drift: list[dict[str, list[Any]]] = []
    with ThreadPoolExecutor(PEOPLE + 1) as pool:
        killing = pool.submit(killer.kill_until, is_over)
        working = [pool.submit(annotate, person, ledger, is_enough) for person in people]
        try:
            while not (len(ledger.told) >= SUBMITS and killer.is_done()) and not all(one.done() for one in working):
                check_runs(run)
                with suppress(psycopg.OperationalError):  # it was the victim
                    drift.append(find_drift(url))
                time.sleep(0.5)
        finally:
            is_over.set()
            is_enough.set()
        for one in [killing, *working]:
            one.result()
    met = sum((person.met for person in people), collections.Counter())
    print(dict(killer.killed), dict(met), len(ledger.told))
    assert (killer.is_done(), len(ledger.told) >= SUBMITS, met.total() > 0) == (True, True, True)
    assert [found for found in drift if found] == []

    wait_until(run.is_ready, "ready again")
    stored = read_ballots(url)
    assert {row["assignment"]: judgment for judgment, row in stored.items()} == ledger.told
    assert {judgment: row["body"] for judgment, row in stored.items()} == {
        ledger.told[assignment]: body for assignment, body in ledger.sent.items()
    }
    assert {row["current"] for row in stored.values()} == {True}
    assert find_drift(url) == {}
    await_consensus(url)
    check_runs(run)


def check_runs(run: Run) -> None:
    """The supervisor lives: what it started again it has not given up."""
    if run.process.poll() is not None:
        pytest.fail(f"the run has ended with {run.await_end()}:\n{run.output}")
