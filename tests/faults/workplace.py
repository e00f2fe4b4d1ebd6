"""A campaign on a real run and people who work in it over HTTP: for tests that break the run under them."""

from __future__ import annotations

import collections
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from tests.faults.runs import SECONDS, manage, wait_until
from tests.loop import INTEGRITY

#: Everybody's account and token by the product's own commands, all in one process.
MAKE_PEOPLE = """
import io, json
from django.core.management import call_command
def call(*words):
    return call_command(*words, stdout=io.StringIO(), stderr=io.StringIO())
def make(name):
    call('create_user', f'{name}@example.org')
    return call('create_token', f'{name}@example.org', '--scope', 'annotate', '--scope', 'organize')
print(json.dumps({name: make(name) for name in json.loads(%r)}))
"""

OVER = "SELECT id FROM annotate_unit WHERE done + held > needed"

BALLOTS = """
SELECT j.id, j.assignment_id, j.unit_id, j.is_current, j.acceptable_tiers, j.rationale, j.active_seconds,
  (SELECT json_agg(json_build_array(r.tier, chr(97 + c.position)) ORDER BY r.tier, c.position)
   FROM annotate_rankedcandidate r JOIN annotate_assignmentcandidate c
     ON c.assignment_id = r.assignment_id AND c.message_id = r.message_id
   WHERE r.judgment_id = j.id) AS places
FROM annotate_judgment j ORDER BY j.id"""

#: Judged parents whose current consensus is not that of the ballots they have.
UNSETTLED = """
SELECT u.subject_id FROM annotate_judgment j JOIN annotate_unit u ON u.id = j.unit_id
  JOIN annotate_message m ON m.id = u.subject_id LEFT JOIN annotate_consensus c ON c.id = m.current_consensus_id
WHERE j.is_current GROUP BY u.subject_id, c.n HAVING count(*) IS DISTINCT FROM c.n"""

#: Stands for the passing of time: what a killed worker had leased is anybody's again, as after its two minutes.
END_LEASES = """
WITH due AS (
  SELECT kind, subject_id FROM annotate_stale WHERE marked > computed AND lease_expires_at > now() FOR UPDATE SKIP LOCKED)
UPDATE annotate_stale s SET lease_expires_at = now() FROM due WHERE s.kind = due.kind AND s.subject_id = due.subject_id
RETURNING s.subject_id"""


def make_tokens(data: Path, names: Sequence[str], **more: str) -> dict[str, str]:
    """A token for each name, which may annotate and organize."""
    told = manage(data, "shell", "-v0", "-c", MAKE_PEOPLE % json.dumps(list(names)), **more)
    assert told.returncode == 0, told.stderr
    return dict(json.loads(told.stdout))


class Person:
    """Somebody with a token, or a script of theirs. `met` counts what they met instead of answers."""

    def __init__(self, *, port: int, token: str, name: str, patience_seconds: float = SECONDS) -> None:
        self.name = name
        self.met: collections.Counter[str] = collections.Counter()
        self.slowest_seconds = 0.0
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=patience_seconds,
            trust_env=False,
        )

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        started = time.monotonic()
        try:
            return self.client.request(method, path, json=body)
        finally:
            self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - started)

    def try_once(self, method: str, path: str, body: Any = None) -> dict[str, Any] | None:
        """The answer, or None where none came: no connection, or a 503 in the API's own words."""
        try:
            response = self.ask(method, path, body)
        except httpx.TransportError as error:
            self.met[type(error).__name__] += 1
            return None
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            assert response.json()["error"]["code"] == "database_away", response.text
            self.met["database_away"] += 1
            return None
        assert response.is_success, (method, path, response.status_code, response.text)
        return dict(response.json())

    def insist(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The answer; where none comes, the same is sent again, as a browser or a script would."""
        until = time.monotonic() + SECONDS
        while (answer := self.try_once(method, path, body)) is None:
            assert time.monotonic() < until, f"no answer to {method} {path}: {self.met}"
            time.sleep(0.1)
        return answer

    def ask_next(self, slug: str = "birds") -> dict[str, Any]:
        """A piece of work; there must be one."""
        offered = self.insist("POST", f"campaigns/{slug}/next/", {})
        assert offered["assignment"] is not None, offered
        return dict(offered["assignment"])

    def submit(self, hold: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        return self.insist("POST", submit_path(hold), body)

    def save_draft(self, hold: dict[str, Any], draft: dict[str, Any]) -> dict[str, Any]:
        body = {"draft": draft, "draft_version": hold["draft_version"]}
        return self.insist("PUT", f"assignments/{hold['id']}/draft/", body)

    def close(self) -> None:
        self.client.close()


def submit_path(hold: dict[str, Any]) -> str:
    return f"assignments/{hold['id']}/submit/"


def make_ranking(hold: dict[str, Any], *, name: str) -> dict[str, Any]:
    """A ranking with ties like no other: everything in it can be recognised in the database."""
    rng = random.Random(hold["id"])
    handles = [candidate["id"] for candidate in hold["subject"]["candidates"]]
    rng.shuffle(handles)
    cut = rng.randint(1, len(handles) - 1)
    tiers = [sorted(handles[:cut]), sorted(handles[cut:])]
    return {
        "tiers": tiers,
        "acceptable_tiers": rng.randint(0, 2),
        "rationale": f"{name} on {hold['id']}",
        "active_seconds": hold["id"] + 0.25,
    }


def open_campaign(organizer: Person, *, slug: str = "birds", prompts: int, **parameters: Any) -> None:
    """A ranking campaign, made, filled and opened over HTTP; its imports are done when this returns."""
    spec = {"slug": slug, "title": slug.title(), "preset": "rank", "languages": ["en"], **parameters}
    organizer.insist("POST", "campaigns/", spec)
    items = [
        {
            "prompt": f"Question {number}?",
            "language": "en",
            "candidates": [{"text": f"Answer {place} to {number}.", "generator": f"g{place}"} for place in range(4)],
        }
        for number in range(prompts)
    ]
    started = organizer.insist("POST", f"campaigns/{slug}/imports/", {"items": items})
    path = f"campaigns/{slug}/imports/{started['id']}/"
    wait_until(lambda: organizer.insist("GET", path)["state"] in {"done", "failed"}, "the end of the import")
    ended = organizer.insist("GET", path)
    assert (ended["state"], ended["added"], ended["errors"]) == ("done", prompts, [])
    organizer.insist("PATCH", f"campaigns/{slug}/", {"state": "open"})


def query(url: str, sql: str, *values: Any) -> list[dict[str, Any]]:
    """The rows of one statement, by a connection made for it."""
    with psycopg.connect(url, row_factory=dict_row, autocommit=True) as connection:
        return connection.execute(sql, values).fetchall()


def find_drift(url: str) -> dict[str, list[Any]]:
    """What is not true of the counters, seen by one snapshot; empty when all is well."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        found = {name: connection.execute(sql).fetchall() for name, sql in {**INTEGRITY, "over": OVER}.items()}
    return {name: rows for name, rows in found.items() if rows}


def read_ballots(url: str) -> dict[int, dict[str, Any]]:
    """What is stored, by the judgment's id, in the words in which it was sent; with its assignment."""
    return {row["id"]: as_sent(row) for row in query(url, BALLOTS)}


def as_sent(row: dict[str, Any]) -> dict[str, Any]:
    tiers: dict[int, list[str]] = {}
    for tier, handle in row["places"]:
        tiers.setdefault(tier, []).append(handle)
    body = {
        "tiers": [sorted(tiers[tier]) for tier in sorted(tiers)],
        "acceptable_tiers": row["acceptable_tiers"],
        "rationale": row["rationale"],
        "active_seconds": row["active_seconds"],
    }
    return {"assignment": row["assignment_id"], "current": row["is_current"], "body": body}


def await_consensus(url: str) -> None:
    """Wait until every judged parent has the consensus of exactly its ballots, after leases of the dead have ended."""
    query(url, END_LEASES)
    wait_until(lambda: query(url, UNSETTLED) == [], "the consensus of every judged parent")
