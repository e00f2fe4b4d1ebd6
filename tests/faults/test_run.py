"""`manage.py up`: one run of everything, looked at from outside."""

from __future__ import annotations

import os
import signal
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import find_free_port
from tests.faults.runs import CHILDREN, Run, engines_of, living, manage, wait_until

pytestmark = pytest.mark.slow

NOBODY = 65534


@pytest.fixture(scope="module")
def long_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a path of at least 150 characters and a space in it."""
    folder = tmp_path_factory.mktemp("data")
    while len(str(folder)) < 150:
        folder = folder / "a long name"
    return folder


@pytest.fixture(scope="module")
def run(long_path: Path) -> Iterator[Run]:
    run = Run(long_path, find_free_port())
    yield run.await_up()
    run.end()


def test_run_on_a_long_path_with_a_space_is_ready(run: Run) -> None:
    assert (len(str(run.places.data)) >= 150, " " in str(run.places.data)) == (True, True)
    assert run.is_ready()
    assert run.get("/healthz") == (200, "ok\n")


def test_run_keeps_what_is_its_own_to_itself(run: Run) -> None:
    modes = {
        path: stat.S_IMODE(path.stat().st_mode)
        for path in (run.places.secret_key, run.places.run, run.places.data, run.places.logs, run.places.postgres)
    }
    assert list(modes.values()) == [0o600, 0o700, 0o700, 0o700, 0o700]
    assert len(run.places.secret_key.read_text().strip()) >= 50


def test_engines_listen_on_no_port(run: Run) -> None:
    for name in ("postgres", "valkey"):
        engine = run.child(name)
        kinds = {c.family.name for c in engine.net_connections(kind="all") if c.status == "LISTEN" or c.raddr == ""}
        assert "AF_INET" not in kinds
        assert "AF_INET6" not in kinds


def test_second_start_on_the_same_data_is_refused(run: Run) -> None:
    second = manage(run.places.data, "up", CHORUS_PORT=str(find_free_port()))
    assert second.returncode == 1
    assert f"A run is up already on {run.places.data} (process {run.process.pid})." in second.stderr
    assert run.is_ready()


def test_taken_port_is_refused_before_anything_starts(run: Run, tmp_path: Path) -> None:
    other = manage(tmp_path / "other", "up", CHORUS_PORT=str(run.port))
    assert other.returncode == 1
    assert f"Port {run.port} of 127.0.0.1 cannot be used" in other.stderr
    assert not (tmp_path / "other" / "postgres").exists()


def test_command_uses_the_engines_of_the_run(run: Run) -> None:
    before = run.child("postgres").pid
    told = manage(
        run.places.data, "shell", "-v0", "-c", "from annotate.models import User; print(User.objects.count())"
    )
    assert (told.returncode, told.stdout.strip()) == (0, "0"), told.stderr
    assert run.child("postgres").pid == before
    assert run.is_ready()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can try as somebody else")
def test_nobody_else_is_let_in(run: Run) -> None:
    """Neither through the folder nor, where somebody opened the folder, past the server's question who calls."""
    assert "ermission denied" in connect_as(NOBODY, run)
    socket = run.places.postgres_socket
    run.places.run.chmod(0o755)
    socket.chmod(0o777)
    try:
        told = connect_as(NOBODY, run)
    finally:
        socket.chmod(0o700)
        run.places.run.chmod(0o700)
    assert 'Peer authentication failed for user "chorus"' in told
    assert connect_as(0, run) == "let in"


def connect_as(uid: int, run: Run) -> str:
    """What PostgreSQL tells a process of this user."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child only connects, and ends
        child = os.fork()
    if child == 0:
        try:
            os.setuid(uid)
            psycopg.connect(host=str(run.places.run), user="chorus", dbname="chorus", connect_timeout=5).close()
            told = "let in"
        except psycopg.OperationalError as error:
            told = str(error)
        os.write(write, told.encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as answer:
        return answer.read()


@pytest.mark.parametrize("name", list(CHILDREN))
def test_child_that_is_killed_is_started_again(run: Run, name: str) -> None:
    killed = run.child(name)
    below = killed.children(recursive=True)
    killed.send_signal(signal.SIGKILL)
    wait_until(lambda: (now := run.child(name)) is not None and now.pid != killed.pid, f"another {name}")
    wait_until(run.is_ready, "ready again")
    wait_until(lambda: living([killed, *below]) == [], f"the end of the killed {name}'s own children")
    assert f"{name} has ended (signal 9) and starts again in 0.5 s." in run.output


def test_interrupt_stops_the_children_in_order_and_leaves_none(run: Run) -> None:
    """The last test of this run."""
    family = run.family()
    run.process.send_signal(signal.SIGINT)
    assert run.await_end() == 0
    ends = ["web", "worker", "beat", "valkey", "postgres"]
    assert run.lines[-6:] == ["Stopping.", *(f"{name} has ended." for name in ends)]
    assert living(family) == []
    assert (engines_of(run.places), run.places.run.exists()) == ([], False)
    log = (run.places.logs / "postgres.log").read_text()
    assert "database system is shut down" in log.splitlines()[-1]
