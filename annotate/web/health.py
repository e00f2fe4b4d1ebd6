"""`/healthz`: this process answers. `/readyz`: it can do its work."""

from __future__ import annotations

from functools import cache

from django.core.cache import caches
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotate.cache import OpenRedisCache


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers; asks nobody else."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and has this code's migrations, else 503.

    Valkey is reported, and is not needed: without it the site goes on, with open rate limits.
    """
    state = {"database": database_state(), "valkey": valkey_state()}
    ready = state["database"] == "ok"
    return JsonResponse({"ready": ready, **state}, status=200 if ready else 503)


def database_state() -> str:
    """ "ok", "away", or "migrations missing"."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT app, name FROM django_migrations")
            applied = set(cursor.fetchall())
    except DatabaseError:
        return "away"
    return "ok" if wanted_migrations() <= applied else "migrations missing"


@cache
def wanted_migrations() -> frozenset[tuple[str, str]]:
    """App and name of every migration in this code; the same for the life of the process."""
    return frozenset(MigrationLoader(None).disk_migrations)


def valkey_state() -> str:
    """ "ok" or "away", within the cache's short time-outs."""
    cache = caches["default"]
    return "ok" if isinstance(cache, OpenRedisCache) and cache.is_answering() else "away"
