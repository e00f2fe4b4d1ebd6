"""With DATABASE_URL and REDIS_URL set, those servers are used and checked, and none are started."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connection

from annotate.management.commands.prepare_run import check_server
from tests.conftest import find_free_port
from tests.faults.runs import Run, living, manage, wait_until

KEY = "k" * 50


@pytest.mark.slow
def test_run_on_servers_of_ones_own_starts_none(
    clone_database: Callable[[], str], redis_url: str, tmp_path: Path
) -> None:
    servers = {"DATABASE_URL": clone_database(), "REDIS_URL": f"{redis_url}?db=7", "SECRET_KEY": KEY}
    run = Run(tmp_path, find_free_port(), **servers).await_up()
    try:
        assert run.is_ready()
        wait_until(lambda: run.child("worker") and run.child("beat"), "worker and beat")
        assert (run.child("postgres"), run.child("valkey")) == (None, None)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["locks", "logs", "static"]
        family = run.family()
        run.process.send_signal(signal.SIGINT)
        assert run.await_end() == 0
        assert run.lines[-4:] == ["Stopping.", "web has ended.", "worker has ended.", "beat has ended."]
        assert living(family) == []
    finally:
        run.end()


@pytest.mark.slow
def test_server_that_does_not_answer_is_refused_with_a_sentence(tmp_path: Path, redis_url: str) -> None:
    nowhere = f"postgresql://chorus@127.0.0.1:{find_free_port()}/chorus"
    told = manage(tmp_path, "prepare_run", DATABASE_URL=nowhere, REDIS_URL=redis_url, SECRET_KEY=KEY)
    assert told.returncode == 1
    assert "PostgreSQL at DATABASE_URL does not answer: " in told.stderr
    assert "Start it, or correct DATABASE_URL." in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.slow
def test_a_command_whose_server_does_not_answer_ends_with_a_sentence(tmp_path: Path, redis_url: str) -> None:
    nowhere = f"postgresql://chorus@127.0.0.1:{find_free_port()}/chorus"
    told = manage(tmp_path, "create_user", "ada@example.org", DATABASE_URL=nowhere, REDIS_URL=redis_url, SECRET_KEY=KEY)
    assert (told.returncode, told.stdout) == (1, "")
    assert "PostgreSQL at DATABASE_URL does not answer: connection failed: " in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.slow
def test_a_database_that_the_server_does_not_have_is_told_by_its_name(
    clone_database: Callable[[], str], redis_url: str, tmp_path: Path
) -> None:
    address = re.sub(r"/clone_\w+", "/no_such_database", clone_database())
    told = manage(tmp_path, "prepare_run", DATABASE_URL=address, REDIS_URL=redis_url, SECRET_KEY=KEY)
    assert told.returncode == 1
    assert 'database "no_such_database" does not exist. Start it, or correct DATABASE_URL.' in told.stderr


@pytest.mark.django_db
def test_server_of_an_older_version_is_refused_by_its_version() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
    with pytest.raises(CommandError) as refusal:
        check_server(oldest=990_000)
    assert f"The server at DATABASE_URL is PostgreSQL {version}; Chorus needs PostgreSQL 99." in str(refusal.value)


@pytest.mark.django_db
def test_server_without_the_extension_is_refused_by_its_name() -> None:
    with pytest.raises(CommandError, match="The server at DATABASE_URL has no extension no_such_thing"):
        check_server(extension="no_such_thing")
