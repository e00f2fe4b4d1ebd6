"""`manage.py update_translations`: bring the catalogues of the interface up to the sources."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Read what templates and code ask to be translated, update annotate/locale, and list what is missing."
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        try:
            from annotate.management.translations import LANGUAGES, list_gaps, update_catalog
        except ModuleNotFoundError as missing:
            raise CommandError(f"This needs {missing.name}: pip install '.[test]', or make venv-test.") from missing
        for language in LANGUAGES:
            catalog = update_catalog(language)
            gaps = list_gaps(catalog)
            for gap in gaps:
                self.stdout.write(f"{language}: {gap}")
            self.stdout.write(f"{language}: {len(catalog)} messages, {len(gaps)} to be looked at.")
