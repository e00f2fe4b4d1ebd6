"""Starts a child that never outlives us, as its own process group, with its output where we want it.

On Linux the kernel signals the child when the thread that started it dies (PR_SET_PDEATHSIG, set
after the change of user, which would clear it). Children of children, and other systems, are the
watchdog's part (`watchdog.py`).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from annotate.embedded.account import Account

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


def start_child(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: IO[bytes] | int,
    account: Account | None = None,
    on_our_death: signal.Signals | None = signal.SIGTERM,
    keep_open: Sequence[int] = (),
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start `command` in a new session (so that a terminal's Ctrl-C reaches us alone).

    `on_our_death` is what the kernel sends the child when we die (None: nothing); for PostgreSQL
    SIGINT is the fast shutdown.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=dict(env),
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=tuple(keep_open),
        # Runs after the change of user. Nothing there takes a lock or imports.
        preexec_fn=_die_with_us(on_our_death, os.getpid()),  # noqa: PLW1509
        **(account.spawn_options() if account else {}),
    )


def _die_with_us(number: signal.Signals | None, parent: int) -> Callable[[], None] | None:
    if _libc is None or number is None:
        return None

    def ask_kernel() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # we died in between: too late for the kernel to tell
            os._exit(1)

    return ask_kernel


def kill_group(process_id: int, number: signal.Signals) -> None:
    """Signal a child and all of its group; nothing happens when none is left."""
    with suppress(ProcessLookupError, PermissionError):  # macOS says "not permitted" of a group of zombies
        os.killpg(process_id, number)
