"""Imports that die in the midst of it, and imports beside each other: all comes in, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from annotate.models import Campaign, ImportRun, Message, MessageOrigin, MessageTree, Unit, UnitCandidate
from tasks.jobs.imports import run_imports_job
from tests.services.imports import count_trees, item, lines, make_campaign, outcome, queue_bytes, tree_texts

ROOT = Path(__file__).resolve().parents[2]
PROMPTS = 3000
PATIENCE_SECONDS = 300
JOB = "import django; django.setup(); from tasks.jobs.imports import run_imports_job; run_imports_job()"

COUNTS = """
SELECT (SELECT count(*) FROM annotate_messagetree), (SELECT count(*) FROM annotate_message),
  (SELECT count(*) FROM annotate_messageorigin), (SELECT count(*) FROM annotate_unit),
  (SELECT count(*) FROM annotate_unitdetail), (SELECT count(*) FROM annotate_unitcandidate)"""
#: Prompts; prompts and candidates; an origin for each; units; their details; what they show.
EXPECTED = (PROMPTS, PROMPTS * 3, PROMPTS * 3, PROMPTS, PROMPTS, PROMPTS * 2)

LOOK = "SELECT state, records_done, read, added, skipped, bad, prompts_added, candidates_added FROM annotate_importrun"
WAITS_FOR_A_LOCK = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"""


@pytest.fixture
def database(clone_database) -> Iterator[psycopg.Connection]:
    """A database of its own with a campaign, and a connection to look at it."""
    url = clone_database()
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(
            """INSERT INTO annotate_campaign (slug, title, purpose, licence, preset, state, languages, kinds, allow_guests,
                 parameters, parameters_version)
               VALUES ('birds', 'Birds', '', 'CC-BY-4.0', 'rank', 'draft', '{en}', '{rank}', false, '{}', 1)"""
        )
        connection.url = url
        yield connection


def environment(database: psycopg.Connection, folder: Path) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": database.url,
        "CHORUS_DATA": str(folder / "files"),
        "CHORUS_LOG_LEVEL": "WARNING",
    }


def write_file(folder: Path) -> Path:
    path = folder / "items.jsonl"
    path.write_bytes(lines(item(f"Prompt {number}", "A", "B") for number in range(PROMPTS)))
    return path


def wait_for(condition, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


@contextmanager
def holding_up_units(url: str) -> Iterator[None]:
    """While this lasts, nobody inserts units: a batch that gets there waits with its messages written."""
    with closing(psycopg.connect(url)) as connection:
        connection.execute("LOCK TABLE annotate_unit IN SHARE MODE")
        yield
        connection.rollback()


def kill_in_a_batch(process: subprocess.Popen, database: psycopg.Connection) -> None:
    """Kill the importing process while its batch is written but not committed."""
    wait_for(lambda: (database.execute(LOOK).fetchone() or ("", 0))[1] >= 500, "the first batch")
    with holding_up_units(database.url):
        wait_for(lambda: database.execute(WAITS_FOR_A_LOCK).fetchone()[0] == 1, "the importer to meet the lock")
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    # The server notices when it writes to whom it served; its transaction is undone then.
    wait_for(lambda: database.execute(WAITS_FOR_A_LOCK).fetchone()[0] == 0, "the end of the killed one's session")


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True])
def test_a_command_killed_in_a_batch_goes_on_when_it_is_run_again(database, tmp_path, strict) -> None:
    path = write_file(tmp_path)
    command = [sys.executable, "manage.py", "import_data", "birds", str(path), *(["--strict"] if strict else [])]
    env = environment(database, tmp_path)
    first = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    kill_in_a_batch(first, database)
    done = database.execute(LOOK).fetchone()[1]
    assert 500 <= done < PROMPTS
    wait_for(lambda: database.execute(COUNTS).fetchone()[0] == done, "what was not committed to be gone")

    too_soon = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert too_soon.returncode == 1
    assert "try again in a minute" in too_soon.stderr
    database.execute("UPDATE annotate_importrun SET lease_expires_at = now()")
    again = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (again.returncode, f"going on after record {done:,}" in again.stderr) == (0, True), again.stderr
    assert database.execute(COUNTS).fetchone() == EXPECTED
    assert database.execute(LOOK).fetchall() == [("done", PROMPTS, PROMPTS, PROMPTS, 0, 0, PROMPTS, 2 * PROMPTS)]


@pytest.mark.slow
def test_a_worker_killed_in_a_batch_is_followed_by_the_next(database, tmp_path) -> None:
    env = environment(database, tmp_path)
    stored = tmp_path / "files" / "uploads" / "imports" / "waiting"
    stored.parent.mkdir(parents=True)
    write_file(tmp_path).rename(stored)
    database.execute(
        """INSERT INTO annotate_importrun (campaign_id, public_id, state, format, file_name, stored_path, bytes, bytes_read,
             strict, defaults, records_done, read, added, skipped, bad, prompts_added, candidates_added, reason, attempts,
             languages_seen)
           SELECT id, gen_random_uuid(), 'queued', '', 'items.jsonl', 'imports/waiting', %s, 0, false, '{}', 0, 0, 0, 0, 0, 0,
             0, '', 0, '{}' FROM annotate_campaign""",
        [stored.stat().st_size],
    )
    kill_in_a_batch(subprocess.Popen([sys.executable, "-c", JOB], cwd=ROOT, env=env), database)
    for expired in (False, True):
        if expired:
            database.execute("UPDATE annotate_importrun SET lease_expires_at = now()")
        subprocess.run([sys.executable, "-c", JOB], cwd=ROOT, env=env, check=True)
        assert database.execute(LOOK).fetchone()[0] == ("done" if expired else "running")
    assert database.execute(COUNTS).fetchone() == EXPECTED
    assert database.execute(LOOK).fetchall() == [("done", PROMPTS, PROMPTS, PROMPTS, 0, 0, PROMPTS, 2 * PROMPTS)]
    assert not stored.exists()


def run_in_threads(count: int) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            run_imports_job()
        except BaseException as failure:  # noqa: BLE001  (whatever it is, the test tells)
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def count_rows(campaign: Campaign) -> dict[str, int]:
    messages = Message.objects.filter(tree__campaign=campaign)
    return {
        "trees": count_trees(campaign),
        "messages": messages.count(),
        "origins": MessageOrigin.objects.filter(message__in=messages).count(),
        "units": Unit.objects.filter(subject__in=messages).count(),
        "shown": UnitCandidate.objects.filter(unit__subject__in=messages).count(),
    }


@pytest.mark.django_db(transaction=True)
def test_the_same_file_imported_twice_at_once_comes_in_once() -> None:
    campaign = make_campaign()
    content = lines(item(f"Prompt {number}", "A", "B", topic=f"topic {number % 7}") for number in range(1500))
    runs = [queue_bytes(campaign, content) for _ in range(2)]
    run_in_threads(2)
    for run in runs:
        run.refresh_from_db()
        assert (run.state, run.read, run.added + run.skipped) == ("done", 1500, 1500)
    assert sum(run.added for run in runs) == sum(run.prompts_added for run in runs) == 1500
    assert count_rows(campaign) == {"trees": 1500, "messages": 4500, "origins": 4500, "units": 1500, "shown": 3000}


@pytest.mark.django_db(transaction=True)
def test_files_about_the_same_prompts_in_other_orders_come_together() -> None:
    """Four imports add to the same trees at once; none of them waits for another in a circle."""
    campaign = make_campaign()
    numbers = list(range(1200))
    orders = [numbers, numbers[::-1], numbers[600:] + numbers[:600], numbers[::2] + numbers[1::2]]
    for place, order in enumerate(orders):
        own, shared = f"Only in {place}", "In all"
        queue_bytes(campaign, lines(item(f"Prompt {number}", own, shared) for number in order), name=f"{place}.jsonl")
    run_in_threads(4)
    assert [outcome(run)[:3] for run in ImportRun.objects.all()] == [("done", 1200, 1200)] * 4
    expected = {"In all", *(f"Only in {place}" for place in range(4))}
    assert set(map(frozenset, tree_texts(campaign).values())) == {frozenset(expected)}
    # The shared text was told by g1 in each file, which is one origin; each prompt keeps its first one.
    assert count_rows(campaign) == {"trees": 1200, "messages": 7200, "origins": 7200, "units": 1200, "shown": 6000}
    assert MessageTree.objects.filter(import_run=None).count() == 0
