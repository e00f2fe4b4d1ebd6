"""Both engines together: what a run, the tests, and commands without a run start."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from annotate.embedded import postgres, valkey
from annotate.embedded.account import Account, find_account
from annotate.embedded.binaries import Binaries, find_binaries
from annotate.embedded.children import SECONDS_BETWEEN_LOOKS, Child, Recipe
from annotate.embedded.folders import make_folders, make_secret_key, remove_run_folder
from annotate.embedded.logfiles import tail
from annotate.embedded.places import Places
from annotate.embedded.refusals import RunRefused

STARTS = 40
SECONDS_BETWEEN_STARTS = 0.25


@dataclass(frozen=True)
class Prepared:
    """What a start needs, found and made once."""

    places: Places
    account: Account
    binaries: Binaries
    unsafe: bool

    def postgres_recipe(self) -> Recipe:
        return Recipe(
            name="postgres",
            command=postgres.postgres_command(self.places, self.binaries, unsafe=self.unsafe),
            cwd=self.places.postgres,
            env=postgres.engine_environment(),
            log=self.places.logs / "postgres.log",
            account=self.account,
            stop_signal=signal.SIGINT,  # fast shutdown: sessions are ended, everything is written
            seconds_to_stop=60,
            is_excused=postgres.is_busy_start,
        )

    def valkey_recipe(self) -> Recipe:
        return Recipe(
            name="valkey",
            command=valkey.valkey_command(self.places, self.binaries, unsafe=self.unsafe),
            cwd=self.places.valkey,
            env=postgres.engine_environment(),
            log=self.places.logs / "valkey.log",
            account=self.account,
            lock=self.places.locks / "valkey",
        )


@dataclass
class Engines:
    """The two running servers of one data folder."""

    places: Places
    postgres: Child
    valkey: Child

    def stop(self) -> None:
        self.valkey.stop()
        self.postgres.stop()
        remove_run_folder(self.places)


def prepare(places: Places, *, unsafe: bool = False) -> Prepared:
    """Account, binaries, folders, secret and cluster; nothing is started yet.

    `unsafe` leaves out what protects from a power cut, for tests.
    """
    account = find_account()
    make_folders(places, account)
    make_secret_key(places.secret_key)
    binaries = find_binaries(account)
    postgres.initialise_cluster(places, account, binaries, unsafe=unsafe)
    postgres.write_callers(places, account)
    return Prepared(places, account, binaries, unsafe=unsafe)


def start_engines(places: Places, *, unsafe: bool = False) -> Engines:
    """Start both and return when both answer and the database is there."""
    ready = prepare(places, unsafe=unsafe)
    engines = Engines(places, postgres=Child(ready.postgres_recipe()), valkey=Child(ready.valkey_recipe()))
    try:
        engines.valkey.start()
        start_until_answering(engines.postgres, lambda: postgres.is_answering(places))
        postgres.prepare_database(places)
        await_answer(engines.valkey, lambda: valkey.is_answering(places))
    except BaseException:
        engines.stop()
        raise
    return engines


def start_until_answering(child: Child, is_answering: Callable[[], bool]) -> None:
    """Start a child, again while a killed one before it is still being cleared away."""
    for _ in range(STARTS):
        child.start()
        while child.is_running():
            if is_answering():
                return
            time.sleep(SECONDS_BETWEEN_LOOKS)
        if not child.recipe.is_excused(child.output_since_start()):
            break
        time.sleep(SECONDS_BETWEEN_STARTS)
    raise RunRefused(f"{child.name} ended at its start. The end of {child.recipe.log}:\n{tail(child.recipe.log)}")


def await_answer(child: Child, is_answering: Callable[[], bool]) -> None:
    """Wait as long as it lives: recovery after a crash may take as long as it takes."""
    while not is_answering():
        if not child.is_running():
            raise RunRefused(
                f"{child.name} ended at its start. The end of {child.recipe.log}:\n{tail(child.recipe.log)}"
            )
        time.sleep(SECONDS_BETWEEN_LOOKS)
