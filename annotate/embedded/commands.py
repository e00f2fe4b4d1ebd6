"""`manage.py` commands work whether the run is up or not: without one, they bring the engines.

Three locks in the data folder say who is there (each a file that the kernel unlocks when its
holder dies, however it dies):

* `run`       held by `manage.py up` for its whole life
* `engines`   held while somebody starts or stops engines outside a run
* `users`     shared by every command that uses such engines

The command that starts them stops them, after the last other command that uses them has ended.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from annotate.embedded import postgres
from annotate.embedded.engines import Engines, start_engines
from annotate.embedded.locks import held_lock, holder, is_held, try_lock, wait_for_lock
from annotate.embedded.places import Places
from annotate.embedded.refusals import RunRefused

#: Commands that need no database, and therefore start no engine.
WITHOUT_DATABASE = frozenset(
    {"help", "version", "up", "check", "collectstatic", "compilemessages", "diffsettings", "findstatic"}
    | {"makemessages", "makemigrations", "spectacular", "startapp", "startproject", "testserver", "test"}
    | {"update_translations"}
)
SECONDS_FOR_RUN = 120
SECONDS_FOR_COMMANDS = 30


def needs_database(arguments: Sequence[str]) -> bool:
    """Whether this command line (with the program's name first) is of a command that asks the database."""
    words = [word for word in arguments[1:] if not word.startswith("-")]
    if not words or "--help" in arguments or "-h" in arguments or "--version" in arguments:
        return False
    if words[0] == "check":
        return "--database" in arguments
    return words[0] not in WITHOUT_DATABASE


@contextmanager
def engines_for_command(arguments: Sequence[str]) -> Iterator[None]:
    """Engines for the life of one command; nothing where servers are named or none are needed."""
    if os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE") or not needs_database(arguments):
        yield
        return
    from django.conf import settings

    with engines_in_use(settings.PLACES):
        _use_made_key(settings)
        yield


@contextmanager
def engines_in_use(places: Places) -> Iterator[None]:
    """Use the engines of the run that is up, or of another command, or start them."""
    places.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    places.locks.mkdir(mode=0o700, exist_ok=True)
    joined = _join_or_start(places)
    if joined is None:
        yield
        return
    mine, started = joined
    try:
        yield
    finally:
        mine.close()
        if started is not None:
            with held_lock(places.locks / "users", on_wait=_say_waiting), held_lock(places.locks / "engines"):
                started.stop()


def _join_or_start(places: Places) -> tuple[IO[str], Engines | None] | None:
    """None when a run is up; else our share in the engines, and the engines if we started them."""
    while not _await_run(places):
        with held_lock(places.locks / "engines"):
            if is_held(places.locks / "run"):
                continue
            mine = try_lock(places.locks / "users", shared=True)
            if mine is not None:
                try:
                    return mine, None if postgres.is_answering(places) else start_engines(places)
                except BaseException:
                    mine.close()
                    raise
        time.sleep(0.1)  # the last user is stopping them: then start them anew
    return None


@contextmanager
def claim_data(places: Places, *, engines: bool) -> Iterator[bool]:
    """Make this process the run of its data folder, once commands that use engines of their own have ended.

    Gives whether the run before this one was killed, so that what it left may still be ending.
    """
    places.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (places.locks, places.logs):
        folder.mkdir(mode=0o700, exist_ok=True)
    path = places.locks / "run"
    was_killed = bool(holder(path))
    run = wait_for_lock(path, seconds=1)
    if run is None:
        raise RunRefused(
            f"A run is up already on {places.data} (process {holder(path)}). Stop it first, or set CHORUS_DATA and "
            "CHORUS_PORT to start another one beside it."
        )
    try:
        if engines:
            _await_commands(places)
        yield was_killed
    finally:
        run.truncate(0)  # ended in order
        run.close()


def _await_commands(places: Places) -> None:
    """New commands use the run's engines from now on; wait until those with engines of their own have ended."""
    engines = places.locks / "engines"
    with held_lock(engines):
        pass
    users = wait_for_lock(places.locks / "users", seconds=SECONDS_FOR_COMMANDS)
    if users is None:
        raise RunRefused(f"A command still uses the database in {places.data}. Start the run when it has ended.")
    users.close()
    with held_lock(engines):
        pass


def _await_run(places: Places) -> bool:
    """True when a run is up and its database answers; waits for one that is starting."""
    until = time.monotonic() + SECONDS_FOR_RUN
    while is_held(places.locks / "run"):
        if postgres.is_answering(places):
            return True
        if time.monotonic() > until:
            raise RunRefused(f"A run on {places.data} is starting or stopping and its database does not answer.")
        time.sleep(0.1)
    return False


def _use_made_key(settings: object) -> None:
    """The settings may have been read before the first start made the key."""
    path: Path = settings.PLACES.secret_key  # type: ignore[attr-defined]
    settings.SECRET_KEY = path.read_text(encoding="ascii").strip()  # type: ignore[attr-defined]


def _say_waiting() -> None:
    print("Waiting for another command that uses the same database.", file=sys.stderr)
