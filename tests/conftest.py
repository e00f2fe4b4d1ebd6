"""Fixtures for all tests: what may be missing on a machine, databases of one's own, free ports."""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connections
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql

from annotate import cache as annotate_cache
from annotate import limits
from tests import plugin

# No test is timed, and every run tries the same: neither a busy machine nor the dice must fail somebody's change.
hypothesis_settings.register_profile(
    "steady", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("steady")

TEMPLATE = "chorus_template"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
REDIS_SERVER = "redis-server"


def find_chromium() -> str | None:
    """The path of a Chromium on this machine."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def _missing_browser() -> str:
    return "" if find_chromium() else "no Chromium on this machine (apt-get install chromium)"


def _missing_torch() -> str:
    return "" if importlib.util.find_spec("torch") else "torch is not installed (pip install torch)"


def _missing_real_data() -> str:
    folder = os.environ.get("CHORUS_REAL_DATA", "")
    return "" if folder and Path(folder).is_dir() else "CHORUS_REAL_DATA names no folder of real data"


def _missing_redis() -> str:
    return "" if shutil.which(REDIS_SERVER) else "no redis-server on this machine (apt-get install redis-server)"


def _missing_gpu() -> str:
    return "" if Path("/dev/nvidia0").exists() else "no GPU on this machine"


NEEDS: dict[str, Callable[[], str]] = {
    "browser": _missing_browser,
    "torch": _missing_torch,
    "real_data": _missing_real_data,
    "redis": _missing_redis,
    "gpu": _missing_gpu,
}


def pytest_configure(config: pytest.Config) -> None:
    # A site goes on without limits and cache after a fraction of a second, and asks again after some: on a busy machine
    # a test that counts on them must not. Those that look at just this set what a site has.
    limits.TIMEOUT = annotate_cache.TIMEOUT_SECONDS = 30.0
    unknown = required_needs() - set(NEEDS)
    if unknown:
        raise pytest.UsageError(f"CHORUS_TEST_REQUIRE names {sorted(unknown)}: known are {sorted(NEEDS)}.")


def required_needs() -> set[str]:
    """What CHORUS_TEST_REQUIRE says must be there."""
    return {part.strip() for part in os.environ.get("CHORUS_TEST_REQUIRE", "").split(",") if part.strip()}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run, or fail it where it was said that the machine can. Each begins in English."""
    translation.deactivate()
    for need, find_missing in NEEDS.items():
        if item.get_closest_marker(need) is None:
            continue
        if missing := find_missing():
            if need in required_needs():
                pytest.fail(f"CHORUS_TEST_REQUIRE asks for {need}, and there is {missing}.", pytrace=False)
            pytest.skip(missing)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> None:
    """After the test database is migrated, a copy of it is kept as the template of `clone_database`."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        migrated = connections["default"].settings_dict["NAME"]
        if not migrated.startswith("test_"):  # no chosen test has a database of its own, so none was made
            call_command("migrate", verbosity=0)
        connections["default"].close()
        connections["default"].close_pool()  # type: ignore[attr-defined]
    with closing(_server()) as server:
        server.execute(_name("CREATE DATABASE {} TEMPLATE {}", TEMPLATE, migrated))


@pytest.fixture
def clone_database(django_db_setup: None) -> Iterator[Callable[[], str]]:
    """Makes a migrated, empty database for real processes; gives its DATABASE_URL."""
    made: list[str] = []

    def clone() -> str:
        name = f"clone_{os.getpid()}_{len(made)}_{os.urandom(4).hex()}"
        with closing(_server()) as server:
            server.execute(_name("CREATE DATABASE {} TEMPLATE {}", name, TEMPLATE))
        made.append(name)
        return plugin.PLACES.database_url.replace("/chorus?", f"/{name}?")

    yield clone
    with closing(_server()) as server:
        for name in made:
            _drop(server, name)


def _drop(server: psycopg.Connection, name: str) -> None:
    """Drop a database with whoever is connected to it. The server's own cleaner cannot be sent away: it ends by itself."""
    for _ in range(100):
        with suppress(psycopg.errors.InsufficientPrivilege):
            server.execute(_name("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))
            return
        time.sleep(0.2)
    server.execute(_name("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))


@pytest.fixture
def free_port() -> int:
    """A TCP port of loopback that nobody listens on now."""
    return find_free_port()


def find_free_port() -> int:
    """Below those that systems give to whoever connects: it is still free when a server comes to listen on it."""
    for port in random.SystemRandom().sample(range(10_000, 32_000), 100):
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("Of a hundred ports none is free.")


@pytest.fixture
def redis_url() -> str:
    """The run's Valkey, as REDIS_URL names it."""
    return plugin.PLACES.redis_url


@pytest.fixture(autouse=True)
def _empty_cache(request: pytest.FixtureRequest) -> None:
    """Rate limits and caches of one test never reach the next one."""
    asked = {"db", "transactional_db"} & set(request.fixturenames)
    if asked or request.node.get_closest_marker("django_db"):
        cache.clear()


def _server() -> psycopg.Connection:
    return psycopg.connect(
        host=str(plugin.PLACES.run), user="chorus", dbname="postgres", autocommit=True, connect_timeout=5
    )


def _name(statement: str, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*(sql.Identifier(name) for name in names))
