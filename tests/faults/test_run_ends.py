"""How runs end, begin again and live beside each other."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from tests.conftest import find_free_port
from tests.faults.runs import Run, engines_of, living, manage, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def start_run() -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def start(data: Path, *, port: int = 0, **more: str) -> Run:
        runs.append(Run(data, port or find_free_port(), **more))
        return runs[-1]

    yield start
    for run in runs:
        run.end()


def test_killed_supervisor_leaves_nobody_behind(start_run, tmp_path: Path) -> None:
    run = start_run(tmp_path, CHORUS_WEB_WORKERS="2", CHORUS_WORKER_PROCESSES="2").await_up()
    family = run.family()
    assert len(living(family)) > 10
    run.process.send_signal(signal.SIGKILL)
    wait_until(lambda: living(family) == [], "the end of the whole family")
    assert engines_of(run.places) == []


def test_next_run_starts_while_a_killed_one_is_still_ending(start_run, tmp_path: Path) -> None:
    """On the same data and the same port, at once: it waits for what the watchdog ends."""
    killed = start_run(tmp_path).await_up()
    family = killed.family()
    killed.process.send_signal(signal.SIGKILL)
    again = start_run(tmp_path, port=killed.port).await_up()
    assert again.is_ready()
    assert living(family) == []
    with closing(redis.Redis(unix_socket_path=str(again.places.valkey_socket))) as client:
        assert client.ping() is True


def test_three_quick_deaths_end_the_run_with_the_end_of_the_log(start_run, tmp_path: Path) -> None:
    run = start_run(tmp_path).await_up()
    family = run.family()
    killed: set[int] = set()

    def kill_young_worker() -> bool:
        worker = run.child("worker")
        if worker is not None and worker.pid not in killed:
            killed.add(worker.pid)
            worker.send_signal(signal.SIGKILL)
        return run.process.poll() is not None

    with (run.places.logs / "worker.log").open("a") as log:
        log.write("the last words of the worker\n")
    wait_until(kill_young_worker, "the end of the run")
    assert run.await_end() == 1
    assert "worker has died 3 times at its start (signal 9)." in run.output
    assert "the last words of the worker" in run.output
    assert living(family) == []
    assert engines_of(run.places) == []


def test_two_runs_live_side_by_side(start_run, tmp_path: Path) -> None:
    one, two = start_run(tmp_path / "one"), start_run(tmp_path / "two")
    one.await_up()
    two.await_up()
    assert (one.is_ready(), two.is_ready()) == (True, True)
    one.process.send_signal(signal.SIGTERM)
    assert one.await_end() == 0
    assert (two.is_ready(), engines_of(one.places)) == (True, [])


def test_stop_while_starting_leaves_nobody_behind(start_run, tmp_path: Path) -> None:
    run = start_run(tmp_path)
    wait_until(lambda: run.child("postgres") is not None, "PostgreSQL")
    family = run.family()
    run.process.send_signal(signal.SIGINT)
    assert run.await_end() == 0
    assert (living(family), engines_of(run.places)) == ([], [])
    assert "Chorus is up" not in run.output


def test_newer_schema_is_refused_and_nothing_is_changed(start_run, tmp_path: Path) -> None:
    assert manage(tmp_path, "migrate", "-v0").returncode == 0
    future = "MigrationRecorder(connection).record_applied('annotate', '9999_from_the_future')"
    assert shell(tmp_path, future) == ""
    run = start_run(tmp_path)
    assert run.await_end() == 1
    assert (
        "The database was written by a newer version of Chorus: this one does not know the migration "
        "annotate.9999_from_the_future." in run.output
    )
    assert list((tmp_path / "backups").iterdir()) == []
    assert engines_of(run.places) == []


def test_migrations_after_an_update_come_after_a_backup(start_run, tmp_path: Path) -> None:
    assert manage(tmp_path, "migrate", "-v0").returncode == 0
    assert shell(tmp_path, "connection.cursor().execute('DROP TABLE django_session')") == ""
    assert shell(tmp_path, "MigrationRecorder(connection).record_unapplied('sessions', '0001_initial')") == ""
    run = start_run(tmp_path).await_up()
    (backup,) = (tmp_path / "backups").iterdir()
    assert (backup.suffix, backup.read_bytes()[:5]) == (".dump", b"PGDMP")
    assert run.is_ready()
    assert str(backup) in (tmp_path / "logs" / "prepare.log").read_text()


def shell(data: Path, statement: str) -> str:
    """Run a statement where no run is up; the command brings the engines and takes them away."""
    imports = "from django.db import connection; from django.db.migrations.recorder import MigrationRecorder"
    told = manage(data, "shell", "-v0", "-c", f"{imports}; {statement}")
    assert told.returncode == 0, told.stderr
    return told.stdout
