"""Backups of the embedded database, made before its schema is changed."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from annotate.embedded.account import find_account
from annotate.embedded.binaries import find_binaries
from annotate.embedded.places import DATABASE, ROLE, Places
from annotate.embedded.refusals import RunRefused

KEPT = 3


def back_up(places: Places) -> Path:
    """Dump the database (pg_dump's custom format) while it runs; keeps the last few. Returns the file.

    `pg_restore --clean --if-exists --dbname …` brings one back.
    """
    places.backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = places.backups / f"{datetime.now(tz=UTC):%Y%m%dT%H%M%S%fZ}.dump"
    draft = target.with_suffix(".making")
    program = find_binaries(find_account()).program("pg_dump")
    command = [
        str(program),
        "--format=custom",
        f"--file={draft}",
        f"--host={places.run}",
        f"--username={ROLE}",
        DATABASE,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        draft.unlink(missing_ok=True)
        raise RunRefused(
            f"The database could not be backed up, so its schema was not changed: {done.stderr.strip()} "
            f"Make room in {places.backups}, or set CHORUS_DATA."
        )
    draft.chmod(0o600)
    draft.rename(target)
    for old in sorted(places.backups.glob("*.dump"))[:-KEPT]:
        old.unlink()
    return target
