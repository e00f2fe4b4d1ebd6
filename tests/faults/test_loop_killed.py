"""SIGKILL to the processes of a run, at moments that the test chooses: what was acknowledged is stored, what was
not may be sent again and is stored once, and the run goes on by itself."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.conftest import find_free_port
from tests.faults.killing import Gate, await_settled, await_successor, kill, kill_session
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
    submit_path,
)

pytestmark = pytest.mark.slow

PEOPLE = 24

#: Where a submit is held up, by the rows that the test locks.
MOMENTS = {
    # at its first statement: nothing is written
    "before": """SELECT 1 FROM annotate_annotator WHERE id =
                   (SELECT annotator_id FROM annotate_assignment WHERE id = %s) FOR UPDATE""",
    # in the statement that writes everything
    "within": "SELECT 1 FROM annotate_unit WHERE id = (SELECT unit_id FROM annotate_assignment WHERE id = %s) FOR UPDATE",
    # in its COMMIT, where foreign keys are looked at: nobody can stop it any more but the death of the server
    "commit": """SELECT 1 FROM annotate_guideline WHERE campaign_id = (SELECT campaign_id FROM annotate_queue WHERE id =
                   (SELECT queue_id FROM annotate_unit WHERE id =
                     (SELECT unit_id FROM annotate_assignment WHERE id = %s))) FOR UPDATE""",
}
SESSIONS = "SELECT pid FROM pg_stat_activity WHERE pid = %s"
JUDGED = "SELECT id FROM annotate_judgment WHERE assignment_id = %s"
MARK = """
SELECT s.marked > s.computed AS is_marked, s.lease_expires_at > now() AS is_leased FROM annotate_stale s
WHERE s.kind = 'parent' AND s.subject_id = (SELECT u.subject_id FROM annotate_unit u
  JOIN annotate_assignment a ON a.unit_id = u.id WHERE a.id = %s)"""


def has_ended(url: str, session: int) -> bool:
    """Whether the server answers and does not have this session any more; it may not have noticed the death yet."""
    with suppress(psycopg.OperationalError):
        return query(url, SESSIONS, session) == []
    return False


class Site:
    """One run with a campaign in which everybody finds work, for all tests of this module."""

    def __init__(self, folder: Path) -> None:
        self.run = Run(folder, find_free_port())
        self.people: Iterator[Person] = iter(())
        self.all: list[Person] = []

    def prepare(self) -> None:
        self.run.await_up()
        tokens = make_tokens(self.run.places.data, [f"p{number}" for number in range(PEOPLE)])
        self.all = [Person(port=self.run.port, token=token, name=name) for name, token in tokens.items()]
        self.people = itertools.chain(self.all[1:])
        open_campaign(self.all[0], prompts=3, redundancy=PEOPLE, max_judgments=PEOPLE)

    @property
    def url(self) -> str:
        return self.run.places.database_url

    def check_goes_on(self, person: Person, sent: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        """The run is whole again: the next submit works, everything sent is there once, all is computed from it."""
        wait_until(self.run.is_ready, "ready again")
        hold = person.ask_next()
        body = make_ranking(hold, name=person.name)
        person.submit(hold, body)
        mine = [
            ballot
            for ballot in read_ballots(self.url).values()
            if ballot["body"]["rationale"].startswith(f"{person.name} ")
        ]
        assert mine == [
            {"assignment": held["id"], "current": True, "body": given} for held, given in [*sent, (hold, body)]
        ]
        assert find_drift(self.url) == {}
        await_consensus(self.url)
        assert self.run.process.poll() is None

    def end(self) -> None:
        for person in self.all:
            person.close()
        self.run.end()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("run"))
    try:
        site.prepare()
        yield site
    finally:
        site.end()


@pytest.fixture
def sender() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def has_no_answer(sending: Future[httpx.Response]) -> bool:
    return isinstance(sending.exception(), httpx.TransportError)


@pytest.mark.parametrize(
    ("moment", "victim"),
    [
        ("before", "web process"),
        ("within", "web process"),
        ("commit", "web process"),
        ("within", "web"),
        ("commit", "web"),
    ],
)
def test_submit_in_flight_when_its_web_process_dies_is_stored_once(
    site: Site, sender: ThreadPoolExecutor, moment: str, victim: str
) -> None:
    person = next(site.people)
    hold = person.ask_next()
    body = make_ranking(hold, name=person.name)
    await_settled(site.run, victim)
    with Gate(site.url, MOMENTS[moment], hold["id"]) as gate:
        sending = sender.submit(person.ask, "POST", submit_path(hold), body)
        session = gate.await_waiter("web")
        dead = kill(site.run, victim)
        assert has_no_answer(sending)
        assert query(site.url, JUDGED, hold["id"]) == []
    wait_until(lambda: has_ended(site.url, session), "the end of the dead process's session")
    # PostgreSQL notices a dead client when it answers it. A COMMIT has happened by then, anything earlier is undone.
    stored = query(site.url, JUDGED, hold["id"])
    assert len(stored) == (moment == "commit")
    await_successor(site.run, victim, dead)
    answer = person.submit(hold, body)
    assert [row["id"] for row in stored] in ([], [answer["judgment"]["id"]])
    assert person.submit(hold, body) == answer
    site.check_goes_on(person, [(hold, body)])


@pytest.mark.parametrize(
    ("moment", "victim"),
    [("before", "postgres"), ("within", "postgres"), ("commit", "postgres"), ("commit", "session")],
)
def test_submit_in_flight_when_the_database_dies_is_refused_and_stored_once_when_sent_again(
    site: Site, sender: ThreadPoolExecutor, moment: str, victim: str
) -> None:
    """The death of one session (the kernel may kill one that grew) takes all others with it, and the server recovers."""
    person = next(site.people)
    hold = person.ask_next()
    body = make_ranking(hold, name=person.name)
    await_settled(site.run, "postgres")
    with Gate(site.url, MOMENTS[moment], hold["id"]) as gate:
        sending = sender.submit(person.ask, "POST", submit_path(hold), body)
        session = gate.await_waiter("web")
        if victim == "session":
            kill_session(session)
        else:
            await_successor(site.run, "postgres", kill(site.run, "postgres"))
        refused = sending.result()
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "database_away")
    assert int(refused.headers["Retry-After"]) > 0
    wait_until(site.run.is_ready, "ready again")
    assert query(site.url, JUDGED, hold["id"]) == []
    answer = person.submit(hold, body)
    assert person.submit(hold, body) == answer
    site.check_goes_on(person, [(hold, body)])


def test_submit_in_flight_when_valkey_dies_is_answered(site: Site, sender: ThreadPoolExecutor) -> None:
    person = next(site.people)
    hold = person.ask_next()
    body = make_ranking(hold, name=person.name)
    await_settled(site.run, "valkey")
    with Gate(site.url, MOMENTS["within"], hold["id"]) as gate:
        sending = sender.submit(person.ask, "POST", submit_path(hold), body)
        gate.await_waiter("web")
        dead = kill(site.run, "valkey")
    answered = sending.result()
    assert answered.status_code == 200, answered.text
    assert person.submit(hold, body) == answered.json()
    await_successor(site.run, "valkey", dead)
    site.check_goes_on(person, [(hold, body)])


def test_submit_in_flight_when_everything_dies_at_once_is_stored_once(site: Site, sender: ThreadPoolExecutor) -> None:
    person = next(site.people)
    hold = person.ask_next()
    body = make_ranking(hold, name=person.name)
    everything = ["postgres", "web", "worker", "beat", "valkey"]
    await_settled(site.run, *everything)
    with Gate(site.url, MOMENTS["commit"], hold["id"]) as gate:
        sending = sender.submit(person.ask, "POST", submit_path(hold), body)
        gate.await_waiter("web")
        dead = {name: kill(site.run, name) for name in everything}
        sending.exception()  # no answer, or that the database is away: whichever died first
    for name, victim in dead.items():
        await_successor(site.run, name, victim)
    answer = person.submit(hold, body)
    assert person.submit(hold, body) == answer
    site.check_goes_on(person, [(hold, body)])


def test_work_asked_for_when_the_web_process_dies_is_the_same_when_asked_again(
    site: Site, sender: ThreadPoolExecutor
) -> None:
    """Held up in COMMIT: the hold is made, and nobody was told. It is theirs, and the only one."""
    person = next(site.people)
    await_settled(site.run, "web process")
    with Gate(site.url, "SELECT 1 FROM annotate_message WHERE parent_id IS NOT NULL FOR UPDATE") as gate:
        sending = sender.submit(person.ask, "POST", "campaigns/birds/next/", {})
        session = gate.await_waiter("web")
        dead = kill(site.run, "web process")
        assert has_no_answer(sending)
    wait_until(lambda: has_ended(site.url, session), "the end of the dead process's session")
    mine = """SELECT id FROM annotate_assignment ORDER BY id DESC LIMIT 1"""
    (made,) = query(site.url, mine)
    await_successor(site.run, "web process", dead)
    assert person.ask_next()["id"] == made["id"]
    listed = person.insist("GET", "assignments/?state=live")
    assert [row["id"] for row in listed["results"]] == [made["id"]]
    site.check_goes_on(person, [])


def test_draft_in_flight_when_the_web_process_dies_is_saved_when_sent_again(
    site: Site, sender: ThreadPoolExecutor
) -> None:
    person = next(site.people)
    hold = person.ask_next()
    path, body = f"assignments/{hold['id']}/draft/", {"draft": {"rationale": "half a sen"}, "draft_version": 0}
    await_settled(site.run, "web process")
    with Gate(site.url, "SELECT 1 FROM annotate_assignment WHERE id = %s FOR UPDATE", hold["id"]) as gate:
        sending = sender.submit(person.ask, "PUT", path, body)
        session = gate.await_waiter("web")
        dead = kill(site.run, "web process")
        assert has_no_answer(sending)
    wait_until(lambda: has_ended(site.url, session), "the end of the dead process's session")
    await_successor(site.run, "web process", dead)
    assert person.insist("PUT", path, body)["draft_version"] == 1
    assert person.ask_next()["draft"] == body["draft"]
    site.check_goes_on(person, [])


@pytest.mark.parametrize("victim", ["worker process", "worker", "session", "postgres"])
def test_consensus_in_the_making_when_its_worker_or_the_database_dies_is_made_by_the_next(
    site: Site, victim: str
) -> None:
    """Held up where it is stored: marks are leased, the consensus is computed, nothing is written."""
    person = next(site.people)
    hold = person.ask_next()
    body = make_ranking(hold, name=person.name)
    await_settled(site.run, "worker process", "postgres")
    of_parent = """SELECT 1 FROM annotate_message WHERE id = (SELECT u.subject_id FROM annotate_unit u
                     JOIN annotate_assignment a ON a.unit_id = u.id WHERE a.id = %s) FOR UPDATE"""
    with Gate(site.url, of_parent, hold["id"]) as gate:
        person.submit(hold, body)
        session = gate.await_waiter("worker")
        if victim == "session":
            kill_session(session)
        else:
            await_successor(site.run, victim, kill(site.run, victim))
    wait_until(site.run.is_ready, "ready again")
    wait_until(lambda: has_ended(site.url, session), "the end of the dead one's session")
    assert query(site.url, MARK, hold["id"]) == [{"is_marked": True, "is_leased": True}]
    await_consensus(site.url)
    doubled = """SELECT parent_id, n FROM annotate_consensus GROUP BY parent_id, n HAVING count(*) > 1"""
    assert query(site.url, doubled) == []
    site.check_goes_on(person, [(hold, body)])


def test_mark_whose_message_was_lost_is_found_after_beat_was_killed(site: Site) -> None:
    person = next(site.people)
    hold = person.ask_next()
    body = make_ranking(hold, name=person.name)
    person.submit(hold, body)
    await_consensus(site.url)
    await_settled(site.run, "beat")
    dead = kill(site.run, "beat")
    (marked,) = query(
        site.url,
        """UPDATE annotate_stale SET marked = marked + 1, lease_expires_at = NULL WHERE kind = 'parent' AND subject_id =
             (SELECT u.subject_id FROM annotate_unit u JOIN annotate_assignment a ON a.unit_id = u.id WHERE a.id = %s)
           RETURNING subject_id""",
        hold["id"],
    )
    await_successor(site.run, "beat", dead)
    left = "SELECT 1 FROM annotate_stale WHERE kind = 'parent' AND subject_id = %s AND marked > computed"
    wait_until(lambda: query(site.url, left, marked["subject_id"]) == [], "the sweep that beat wakes")
    site.check_goes_on(person, [(hold, body)])
