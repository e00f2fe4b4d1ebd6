"""/healthz and /readyz."""

import pytest
from django.db import connection
from django.test import Client


def test_healthz_answers_without_asking_anybody(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_readyz_reports_database_and_valkey(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "database": "ok", "valkey": "ok"})


@pytest.mark.django_db
def test_readyz_refuses_when_a_migration_is_missing(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        503,
        {"ready": False, "database": "migrations missing", "valkey": "ok"},
    )


@pytest.mark.django_db
def test_readyz_stays_ready_without_valkey(client: Client, settings, tmp_path) -> None:
    backend = settings.CACHES["default"]
    settings.CACHES = {"default": {**backend, "LOCATION": f"unix://{tmp_path}/nobody.sock"}}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "database": "ok", "valkey": "away"})
