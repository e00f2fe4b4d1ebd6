"""Runs a simulation through the product itself: a process of its own, on a database of its own that is removed again."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection
from psycopg import sql

from tasks.records.growing_simulations import GrowingCampaign
from tasks.records.simulations import SimulatedCampaign, SimulationPlan

PREFIX = "chorus_simulation_"
#: Nobody answers there: neither jobs nor caches nor limits of the site are touched.
NO_BROKER = "redis://127.0.0.1:1/0"
#: Beyond this the services would take hours.
MOST_EXPECTED = 200_000


def run_exactly(
    campaign: SimulatedCampaign | GrowingCampaign, plan: SimulationPlan, *, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """The report of a plan. Raises CommandError with what went wrong; the database is removed whatever happens."""
    if plan.expected_judgments > MOST_EXPECTED:
        raise CommandError(
            f"About {plan.expected_judgments:,} judgments through the services would take hours: at most {MOST_EXPECTED:,}. "
            "Ask for fewer volunteers, days or runs, or leave --exact out."
        )
    with make_database() as url, tempfile.TemporaryDirectory(prefix="chorus-simulation-") as folder:
        return run_child(
            campaign, plan, environment=make_environment(url, folder), folder=Path(folder), progress=progress
        )


def run_child(
    campaign: SimulatedCampaign | GrowingCampaign,
    plan: SimulationPlan,
    *,
    environment: dict[str, str],
    folder: Path,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """Start the process, tell what it tells, and return its report. What goes in and out lies in files: both may be long."""
    asked, answer = folder / "asked.json", folder / "report.json"
    name = "growing" if isinstance(campaign, GrowingCampaign) else "campaign"
    asked.write_text(json.dumps({name: campaign.as_json(), "plan": plan.as_json()}), encoding="utf-8")
    told: deque[str] = deque(maxlen=15)
    command = [sys.executable, "-m", "tasks.jobs.exact_simulations"]
    with (
        asked.open(encoding="utf-8") as given,
        answer.open("w", encoding="utf-8") as taken,
        subprocess.Popen(
            command,
            env=environment,
            cwd=settings.BASE_DIR,
            text=True,
            stdin=given,
            stdout=taken,
            stderr=subprocess.PIPE,
        ) as child,
    ):
        try:
            for line in child.stderr or ():
                done, _, of = line.strip().partition(" ")
                if done.isdecimal() and of.isdecimal():
                    progress(int(done), int(of))
                else:
                    told.append(line)
        except BaseException:
            child.terminate()
            raise
    if child.returncode:
        raise CommandError("The exact simulation broke off. The end of what it said:\n" + "".join(told))
    report: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return report


@contextmanager
def make_database() -> Iterator[str]:
    """The address of an empty database on the same server, which is removed at the end, and those that were left behind."""
    name = f"{PREFIX}{secrets.token_hex(6)}"
    try:
        with psycopg.connect(write_url("postgres"), autocommit=True) as server:
            drop_left(server)
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise CommandError(
            f"No database could be made for the exact simulation ({str(error).strip()}). The role of DATABASE_URL needs the "
            "right to make one: ALTER ROLE … CREATEDB. Or leave --exact out: nothing but memory is needed then."
        ) from error
    try:
        # While it is made use of, somebody is connected: no other command takes it for one that was left behind.
        with psycopg.connect(write_url(name), autocommit=True):
            yield write_url(name)
    finally:
        with psycopg.connect(write_url("postgres"), autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def drop_left(server: psycopg.Connection[Any]) -> None:
    """Remove databases of simulations that nobody is connected to: their command was killed."""
    rows = server.execute(
        "SELECT d.datname FROM pg_database d WHERE d.datname LIKE %s "
        "AND NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.datname = d.datname)",
        [f"{PREFIX.replace('_', chr(92) + '_')}%"],
    ).fetchall()
    for (name,) in rows:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def write_url(database: str) -> str:
    """The address of a database of the server that is in use."""
    given = connection.settings_dict
    who = quote(given["USER"] or "", safe="")
    if given["PASSWORD"]:
        who += ":" + quote(given["PASSWORD"], safe="")
    options = {
        name: value
        for name, value in given["OPTIONS"].items()
        if name in ("sslmode", "sslrootcert", "sslcert", "sslkey")
    }
    places = {"host": given["HOST"], "port": str(given["PORT"] or "")}
    query = urlencode({name: value for name, value in {**places, **options}.items() if value})
    return f"postgresql://{who}@/{quote(database, safe='')}?{query}"


def make_environment(url: str, folder: str) -> dict[str, str]:
    """The environment of the process: its own database and folder, and no broker."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}
    return {
        **kept,
        "DATABASE_URL": url,
        "REDIS_URL": NO_BROKER,
        "SECRET_KEY": secrets.token_hex(32),
        "CHORUS_DATA": folder,
        "CHORUS_STATIC_FILES": "live",
        "CHORUS_LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "annotate.settings",
    }
