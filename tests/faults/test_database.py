"""How the product keeps its connections."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from django.db import connection

import annotate

SETTINGS = str(Path(annotate.__file__).with_name("settings.py"))


@pytest.mark.django_db(transaction=True)
def test_pool_keeps_connections_with_their_prepared_statements() -> None:
    """A hot statement is planned once, not once a request."""
    connection.close()
    connection.close_pool()  # a fresh pool, which opens one connection for one caller
    servers = set()
    for number in range(6):
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::int, pg_backend_pid()", [number])
            servers.add(cursor.fetchone()[1])
        connection.close()  # as at the end of each request
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE %s", ["%pg_backend_pid%"])
        prepared = [row[0] for row in cursor.fetchall()]
    assert (len(servers), prepared) == (1, ["SELECT $1::int, pg_backend_pid()"])


@pytest.mark.django_db
def test_product_runs_without_the_powers_of_a_superuser() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False, False)


@pytest.mark.django_db
def test_database_sorts_the_same_everywhere() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding) FROM pg_database "
            "WHERE datname = current_database()"
        )
        assert cursor.fetchone() == ("b", "C.UTF-8", "UTF8")


@pytest.mark.parametrize(
    ("process", "statement", "lock", "idle"),
    [("web", 15_000, 5_000, 30_000), ("worker", 600_000, 30_000, 120_000), ("command", 0, 0, 0)],
)
def test_each_process_says_who_it_is_and_waits_no_longer_than_it_should(
    monkeypatch: pytest.MonkeyPatch, process: str, statement: int, lock: int, idle: int
) -> None:
    monkeypatch.setenv("CHORUS_PROCESS", process)
    options = runpy.run_path(SETTINGS)["DATABASES"]["default"]["OPTIONS"]
    assert options["application_name"] == f"chorus-{process}"
    assert options["options"] == (
        f"-c statement_timeout={statement} -c lock_timeout={lock} -c idle_in_transaction_session_timeout={idle}"
    )
