"""`manage.py export_audit [CAMPAIGN]`: writes the audit as JSON Lines."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date, parse_datetime

from annotate.models import Campaign
from annotate.queries.audit import find_events, stream_events


class Command(BaseCommand):
    help = "Write the audit, of one campaign or of the whole site, oldest first, one JSON object a line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", metavar="CAMPAIGN", nargs="?", help="its slug; none: everything")
        parser.add_argument("--since", metavar="TIME", help="this moment and later: 2026-11-21 or 2026-11-21T14:05")
        parser.add_argument("--until", metavar="TIME", help="before this moment")
        parser.add_argument("--output", metavar="FILE", help="a file that is not there yet; none: standard output")

    def handle(
        self, *, campaign: str | None, since: str | None, until: str | None, output: str | None, **options: Any
    ) -> None:
        events = find_events(
            campaign=None if campaign is None else find_campaign(campaign),
            since=read_time(since),
            until=read_time(until),
        )
        count = 0
        with ExitStack() as stack:
            target = stack.enter_context(open_new(output)) if output else self.stdout
            for event in stream_events(events):
                target.write(json.dumps(event, ensure_ascii=False) + "\n")
                count += 1
        print(f"{count} events.", file=self.stderr or sys.stderr)


def find_campaign(slug: str) -> Campaign:
    found = Campaign.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f'There is no campaign "{slug}".')
    return found


def read_time(text: str | None) -> datetime | None:
    """A date or a time, in UTC where it names no zone. Raises `CommandError`."""
    if text is None:
        return None
    try:
        day = parse_date(text)
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"{text} is not a time: write 2026-11-21 or 2026-11-21T14:05.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def open_new(path: str) -> Any:
    """A file that was not there: an export replaces nothing. Raises `CommandError`."""
    try:
        return Path(path).open("x", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
