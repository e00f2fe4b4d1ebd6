"""Killing the processes of a run, at chosen moments: while the victim waits for a lock that the test holds."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import psutil
import psycopg

from tests.faults.runs import Run, wait_until
from tests.faults.workplace import query

#: A process killed younger than this counts as a quick death, of which three in a row end a run (seconds).
SETTLED_SECONDS = 6.5

WAITERS = """
SELECT pid FROM pg_stat_activity WHERE application_name = %s AND %s = ANY(pg_blocking_pids(pid))"""


class Gate:
    """Rows that the test holds locked: whoever comes to them waits, in the midst of what they do."""

    def __init__(self, url: str, statement: str, *values: Any) -> None:
        self.url = url
        self.connection = psycopg.connect(url)
        self.connection.execute(statement, values)
        self.session = self.connection.info.backend_pid

    def await_waiter(self, process: str) -> int:
        """The session of this kind of process ("web", "worker") that has come to the gate."""
        found: list[int] = []

        def look() -> bool:
            found[:] = [row["pid"] for row in query(self.url, WAITERS, f"chorus-{process}", self.session)]
            return bool(found)

        wait_until(look, f"the {process} at the gate")
        return found[0]

    def open(self) -> None:
        with suppress(psycopg.Error):  # the server may have been the victim
            self.connection.rollback()
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open()


def find_victim(run: Run, name: str) -> psutil.Process | None:
    """A child of the run by its name, or "… process": the process of it that does the work."""
    child = run.child(name.removesuffix(" process"))
    if child is None or not name.endswith(" process"):
        return child
    with suppress(psutil.NoSuchProcess):
        for below in child.children():
            if below.cmdline() == child.cmdline():
                return below
    return None


def await_settled(run: Run, *names: str) -> None:
    """Wait until these have lived for so long that nobody holds another death against them."""
    wait_until(lambda: all(is_settled(run, name) for name in names), f"{names} to have lived a little")


def is_settled(run: Run, name: str) -> bool:
    return all(is_old(find_victim(run, part)) for part in {name, name.removesuffix(" process")})


def is_old(process: psutil.Process | None) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process is not None and time.time() - process.create_time() > SETTLED_SECONDS
    return False


def kill(run: Run, name: str) -> psutil.Process:
    """SIGKILL a victim; returns when it is dead."""
    victim = find_victim(run, name)
    assert victim is not None, f"there is no {name} to kill"
    victim.send_signal(signal.SIGKILL)
    wait_until(lambda: is_dead(victim), f"the death of {name}")
    return victim


def kill_session(session: int) -> None:
    """SIGKILL one session of PostgreSQL, which then ends all others and recovers."""
    process = psutil.Process(session)
    assert "postgres" in " ".join(process.cmdline()), process
    process.send_signal(signal.SIGKILL)


def is_dead(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True


def await_successor(run: Run, name: str, dead: psutil.Process) -> None:
    """Wait until the supervisor (or the master of the process) has started another."""

    def look() -> bool:
        now = find_victim(run, name)
        return now is not None and now.pid != dead.pid

    wait_until(look, f"another {name}")
