"""Both engines together, for tests and for commands that need them while no run is up."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from annotate.embedded import postgres, valkey
from annotate.embedded.account import Account, find_account
from annotate.embedded.binaries import Binaries, find_binaries
from annotate.embedded.folders import make_folders, make_secret_key
from annotate.embedded.places import Places
from annotate.embedded.refusals import RunRefused
from annotate.embedded.spawn import kill_group

STARTS = 20
SECONDS_BETWEEN_STARTS = 0.25
SECONDS_TO_STOP = 30


@dataclass
class Engines:
    """The two running servers of one data folder."""

    places: Places
    postgres: subprocess.Popen[bytes]
    valkey: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Valkey first, then PostgreSQL, each with its own orderly way to end."""
        stop_server(self.valkey, signal.SIGTERM)
        stop_server(self.postgres, signal.SIGINT)


@dataclass(frozen=True)
class Prepared:
    """What a start needs, found and made once."""

    places: Places
    account: Account
    binaries: Binaries


def prepare(places: Places, *, unsafe: bool = False) -> Prepared:
    """Account, binaries, folders, secret and cluster; nothing is started yet."""
    account = find_account()
    make_folders(places, account)
    make_secret_key(places.secret_key)
    binaries = find_binaries(account)
    postgres.initialise_cluster(places, account, binaries, unsafe=unsafe)
    return Prepared(places, account, binaries)


def start_engines(places: Places, *, unsafe: bool = False) -> Engines:
    """Start both and return when both answer and the database is there."""
    ready = prepare(places, unsafe=unsafe)
    log = places.logs / "engines.log"
    server = start_until_answering(ready, log=log, unsafe=unsafe)
    with log.open("ab") as output:
        broker = valkey.start_valkey(places, ready.account, ready.binaries, output=output, unsafe=unsafe)
    engines = Engines(places, postgres=server, valkey=broker)
    try:
        postgres.prepare_database(places)
        if not valkey.await_valkey(places, broker):
            raise RunRefused(f"Valkey ended at its start. The end of {log}:\n{tail(log)}")
    except BaseException:
        engines.stop()
        raise
    return engines


def start_until_answering(ready: Prepared, *, log: Path, unsafe: bool = False) -> subprocess.Popen[bytes]:
    """PostgreSQL, started again while a killed one before it is being cleared away."""
    for _ in range(STARTS):
        begin = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            server = postgres.start_postgres(
                ready.places, ready.account, ready.binaries, output=output, unsafe=unsafe
            )
        try:
            if postgres.await_postgres(ready.places, server):
                return server
        except BaseException:
            stop_server(server, signal.SIGINT)
            raise
        if not postgres.is_busy_start(log.read_bytes()[begin:].decode(errors="replace")):
            break
        time.sleep(SECONDS_BETWEEN_STARTS)
    raise RunRefused(f"PostgreSQL ended at its start. The end of {log}:\n{tail(log)}")


def stop_server(server: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Ask it to end, and end it when it does not in half a minute."""
    if server.poll() is None:
        server.send_signal(number)
        try:
            server.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            kill_group(server.pid, signal.SIGKILL)
    server.wait()


def tail(log: Path, *, lines: int = 15) -> str:
    """The last lines of a log file, or nothing."""
    try:
        text = log.read_bytes()[-20_000:].decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
