"""`manage.py prepare_run`: what must be true before the web server starts. `up` and the images call it.

1. The server is PostgreSQL 18 or newer and has `vector`.
2. Its schema is not newer than this code.
3. Migrations that are missing are applied, after a backup where the database is the embedded one.
4. Static files are collected, where they are served as collected.
5. A first run of the embedded database gets the demo campaign.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import OperationalError

from annotate.embedded.backups import back_up
from annotate.embedded.reaching import find_cause
from annotate.embedded.refusals import RunRefused

OLDEST_POSTGRES = 180_000


class Command(BaseCommand):
    help = "Check the database server, back up, migrate, collect static files, make the demo campaign."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        check_server()
        executor = MigrationExecutor(connection)
        first_run = not MigrationRecorder(connection).has_table()
        refuse_newer_schema(executor)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan and settings.EMBEDDED and not first_run:
            self._back_up()
        if plan:
            call_command("migrate", interactive=False, verbosity=1)
        if settings.STATIC_COLLECTED and not is_static_current():
            call_command("collectstatic", interactive=False, verbosity=0)
        if first_run and settings.EMBEDDED and settings.DEMO and "create_demo" in get_commands():
            call_command("create_demo")

    def _back_up(self) -> None:
        try:
            path = back_up(settings.PLACES)
        except RunRefused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"The database was backed up to {path} before its schema is changed.")


def check_server(*, oldest: int = OLDEST_POSTGRES, extension: str = "vector") -> None:
    """Refuse a server on which the product cannot run, by name. `oldest` as server_version_num has it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
            number, version = cursor.fetchone()
            cursor.execute("SELECT count(*) FROM pg_available_extensions WHERE name = %s", [extension])
            (available,) = cursor.fetchone()
    except OperationalError as error:
        raise CommandError(
            f"PostgreSQL at DATABASE_URL does not answer: {find_cause(error)}. Start it, or correct DATABASE_URL."
        ) from error
    if number < oldest:
        raise CommandError(
            f"The server at DATABASE_URL is PostgreSQL {version}; Chorus needs PostgreSQL {oldest // 10_000}. Upgrade "
            "it, or unset DATABASE_URL and REDIS_URL to use the embedded one."
        )
    if not available:
        raise CommandError(
            f"The server at DATABASE_URL has no extension {extension}. Install pgvector on it (the image pgvector/pgvector:pg18 "
            "has it)."
        )


def is_static_current() -> bool:
    """Whether the collected files are newer than every source, so that collecting them again changes nothing."""
    manifest = settings.STATIC_ROOT / "staticfiles.json"
    if not manifest.exists():
        return False
    collected = manifest.stat().st_mtime
    sources = (storage.path(name) for finder in get_finders() for name, storage in finder.list(None))
    return all(Path(source).stat().st_mtime < collected for source in sources)


def refuse_newer_schema(executor: MigrationExecutor) -> None:
    """Code that does not know what the database went through must not write to it."""
    loader = executor.loader
    known = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        known |= set(migration.replaces)
    newer = sorted(key for key in loader.applied_migrations if key not in known and key[0] in loader.migrated_apps)
    if newer:
        names = ", ".join(f"{app}.{name}" for app, name in newer)
        raise CommandError(
            f"The database was written by a newer version of Chorus: this one does not know the migration {names}. "
            "Nothing was changed. Get the newer code (git pull), or restore the backup from before it."
        )
