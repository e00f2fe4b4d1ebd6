"""Locks as files: held by an open descriptor, so that the kernel lets go when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def try_lock(path: Path, *, shared: bool = False) -> IO[str] | None:
    """The held lock (close it to let go), or None when somebody else holds it. Holds the pid."""
    file = path.open("a+", encoding="ascii")
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    if not shared:
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
    return file


def wait_for_lock(path: Path, *, seconds: float) -> IO[str] | None:
    """The held lock once it is free, or None when it is not within this time."""
    until = time.monotonic() + seconds
    while (lock := try_lock(path)) is None and time.monotonic() < until:
        time.sleep(0.05)
    return lock


def is_held(path: Path) -> bool:
    """Whether another process holds this lock exclusively."""
    if not path.exists():
        return False
    file = try_lock(path, shared=True)
    if file is None:
        return True
    file.close()
    return False


def holder(path: Path) -> str:
    """The process id that the holder wrote, or an empty text."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


@contextmanager
def held_lock(path: Path, *, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock for a block; waits for it, and says so through `on_wait` when it has to."""
    file = try_lock(path)
    if file is None:
        if on_wait is not None:
            on_wait()
        file = path.open("a+", encoding="ascii")
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        file.close()
