"""`manage.py check_integrity`: compares every counter with the rows that it counts. Repairs nothing."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotate.queries.integrity import OF_ALL, OF_UNITS, find_broken_rules


class Command(BaseCommand):
    help = "Look for rows that break a rule: counters, judgments, units, releases. Fails when it finds any; repairs nothing."

    def handle(self, **options: Any) -> None:
        found = find_broken_rules()
        for finding in found:
            self.stdout.write(str(finding))
        if found:
            raise CommandError(f"{len(found)} rules do not hold. Keep the database as it is, and report this.")
        self.stdout.write(f"{len(OF_UNITS) + len(OF_ALL)} rules hold.")
