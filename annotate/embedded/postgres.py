"""PostgreSQL of the embedded run: initialised once, started, awaited, stopped.

Nobody connects but the account of the run: it listens on no port, its socket lies in a private
folder, and it asks the kernel who is calling (`peer`), with a map that names two callers: the
engines' account and the one who runs Chorus.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg

from annotate.embedded.account import Account
from annotate.embedded.binaries import Binaries
from annotate.embedded.folders import engine_home, make_engine_folder
from annotate.embedded.places import DATABASE, POSTGRES_PORT, ROLE, Places
from annotate.embedded.refusals import RunRefused

BOOTSTRAP = "postgres"  # the superuser that initdb makes; the product itself runs without its powers
MAP = "chorus"

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(POSTGRES_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_timezone": "UTC",
    "TimeZone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] %a ",
    "log_min_duration_statement": "2000",
    "restart_after_crash": "on",
}
#: A SIGKILL loses nothing that the kernel has; only a power cut would. For tests.
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def engine_environment() -> dict[str, str]:
    """What an engine sees of our environment: nothing that could change what it does."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def initialise_cluster(places: Places, account: Account, binaries: Binaries, *, unsafe: bool = False) -> None:
    """Make the cluster unless it is there: aside, and moved to its place when it is whole."""
    if (places.postgres / "PG_VERSION").exists():
        _refuse_other_major(places.postgres)
        return
    draft = places.postgres.with_name("postgres.making")
    shutil.rmtree(draft, ignore_errors=True)
    make_engine_folder(draft, account)
    command = [str(binaries.program("initdb")), "-D", engine_home(draft), "-U", BOOTSTRAP, "-E", "UTF8"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth=peer"]
    made = subprocess.run(
        [*command, "--no-sync"] if unsafe else command,
        cwd=draft, env=engine_environment(), capture_output=True, text=True, check=False, **account.spawn_options(),
    )  # fmt: skip
    if made.returncode != 0:
        raise RunRefused(f"PostgreSQL could not make its data folder in {places.postgres}: {made.stderr.strip()}")
    _write(draft / "pg_hba.conf", f"local all all peer map={MAP}\n", account)
    try:
        draft.rename(places.postgres)
    except OSError as error:
        raise RunRefused(
            f"{places.postgres} is there and holds no PostgreSQL data: {error}. Move it away, or set CHORUS_DATA."
        ) from error


def write_callers(places: Places, account: Account) -> None:
    """Who may connect, as whom: written at every start, because another person may have run it before."""
    callers = dict.fromkeys([account.name, pwd.getpwuid(os.getuid()).pw_name])
    lines = [f'{MAP} "{caller}" {role}\n' for caller in callers for role in (BOOTSTRAP, ROLE)]
    _write(places.postgres / "pg_ident.conf", "".join(lines), account)


def postgres_command(places: Places, binaries: Binaries, *, unsafe: bool = False) -> list[str]:
    """The command line of the server; it is run *in* its data folder (see `engine_home`)."""
    chosen = {**SETTINGS, "unix_socket_directories": str(places.run), **(UNSAFE if unsafe else {})}
    command = [str(binaries.program("postgres")), "-D", engine_home(places.postgres)]
    for name, value in chosen.items():
        command += ["-c", f"{name}={value}"]
    return command


def connect(places: Places, *, role: str = BOOTSTRAP, database: str = "postgres") -> psycopg.Connection:
    """A plain connection, for what happens before Django is there."""
    return psycopg.connect(
        host=str(places.run), port=POSTGRES_PORT, user=role, dbname=database, connect_timeout=5, autocommit=True
    )


def is_answering(places: Places) -> bool:
    """Whether a server answers on the socket and takes our statements."""
    try:
        with connect(places) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def prepare_database(places: Places) -> None:
    """The product's role, its database, and `vector` in it and in the template of those to come."""
    with connect(places) as connection:
        if not _has(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", ROLE):
            connection.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB")
        with connect(places, database="template1") as template:
            template.execute("CREATE EXTENSION IF NOT EXISTS vector")
        if not _has(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")


def is_busy_start(output: str) -> bool:
    """Whether a start failed because the dead server before it has not been cleared away yet."""
    return any(
        words in output
        for words in ('lock file "postmaster.pid"', "pre-existing shared memory block", '.lock" already exists')
    )


def _has(connection: psycopg.Connection, query: str, value: str) -> bool:
    return connection.execute(query, [value]).fetchone() is not None


def _refuse_other_major(folder: Path) -> None:
    major = (folder / "PG_VERSION").read_text(encoding="ascii").strip()
    if major != "18":
        raise RunRefused(
            f"The data in {folder} was written by PostgreSQL {major}; this version of Chorus brings PostgreSQL 18. "
            "Start the version of Chorus that wrote it, export, and import here."
        )


def _write(path: Path, text: str, account: Account) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    account.own(path)
