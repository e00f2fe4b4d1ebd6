"""`manage.py update_translations`: bring the catalogues of the interface up to the sources."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Read what templates and code ask to be translated, update annotate/locale, and list what is missing."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--language", action="append", default=[], help="Only this one; may be given again.")

    def handle(self, *, language: list[str], **options: Any) -> None:
        try:
            from annotate.management.translations import LANGUAGES, list_gaps, update_catalog
        except ModuleNotFoundError as missing:
            raise CommandError(f"This needs {missing.name}: pip install '.[test]', or make venv-test.") from missing
        if unknown := set(language) - set(LANGUAGES):
            raise CommandError(
                f"No language of the interface: {', '.join(sorted(unknown))}. Name {' or '.join(LANGUAGES)}."
            )
        for code in language or LANGUAGES:
            catalog = update_catalog(code)
            gaps = list_gaps(catalog)
            for gap in gaps:
                self.stdout.write(f"{code}: {gap}")
            self.stdout.write(f"{code}: {len(catalog)} messages, {len(gaps)} to be looked at.")
