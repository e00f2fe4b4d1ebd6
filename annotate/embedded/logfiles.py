"""The children's log files: bounded, and quoted when something went wrong."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MOST_BYTES = 10_000_000


def bound_log(log: Path, *, most_bytes: int = MOST_BYTES) -> None:
    """Move what a log holds to `NAME.1` once it is too large, and go on in the same, emptied file.

    Its writer holds it open for appending, so it is emptied and not replaced.
    """
    try:
        if log.stat().st_size <= most_bytes:
            return
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)
    except FileNotFoundError:
        return


def tail(log: Path, *, lines: int = 15) -> str:
    """The last lines of a log file, or nothing."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 20_000))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
