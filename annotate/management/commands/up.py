"""`manage.py up`: the whole of Chorus on this machine, until Ctrl-C. `make run` calls it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from annotate.embedded.refusals import RunRefused
from annotate.embedded.run import RunOptions, run


class Command(BaseCommand):
    help = (
        "Start PostgreSQL, Valkey, web, worker and beat, and keep them up until Ctrl-C. "
        "With DATABASE_URL and REDIS_URL set, use those servers."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--model",
            default=settings.MODEL,
            metavar="NAME",
            help="also generate candidates with this model: a name, a folder, or demo for a toy built here. "
            "It becomes a generator of the demo campaign",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = RunOptions(
            places=settings.PLACES,
            base=settings.BASE_DIR,
            embedded=settings.EMBEDDED,
            host=settings.HOST,
            port=settings.PORT,
            address=settings.PUBLIC_URL,
            web_workers=settings.WEB_WORKERS,
            web_threads=settings.WEB_THREADS,
            worker_processes=settings.WORKER_PROCESSES,
            model=options["model"],
        )
        try:
            run(chosen, say=self._say)
        except RunRefused as refusal:
            raise CommandError(str(refusal)) from None

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
