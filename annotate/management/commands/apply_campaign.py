"""`manage.py apply_campaign FILE`: makes the campaign that a TOML file describes, or changes it to that."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotate.access import Actor
from annotate.exceptions import ChorusError
from annotate.models import User
from annotate.services.campaign_files import MAX_FILE_BYTES, read_campaign_file
from annotate.services.campaigns import AppliedCampaign, apply_campaign
from tasks.records.campaigns import CampaignSpec

LONGEST_VALUE = 160


class Command(BaseCommand):
    help = (
        "Make the campaign that FILE (TOML) describes, or change it to that; what the file does not name stays. "
        "Shows what changes; the second time nothing does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")
        parser.add_argument("--yes", action="store_true", help="do not ask before changing a campaign that exists")
        parser.add_argument(
            "--as", dest="email", metavar="EMAIL", help="the account that does this: the audit names it, and a new campaign has it as organizer"
        )  # fmt: skip

    def handle(self, *, file: Path, dry_run: bool, yes: bool, email: str | None, **options: Any) -> None:
        actor = find_actor(email)
        try:
            spec = read_campaign_file(read_file(file))
            planned = apply_campaign(spec=spec, actor=actor, now=timezone.now(), dry_run=True)
            self.show(spec, planned)
            if dry_run or not (planned.changes and self.may_go_on(planned, yes=yes)):
                return
            apply_campaign(spec=spec, actor=actor, now=timezone.now())
        except ChorusError as refusal:
            raise CommandError(write_refusal(refusal)) from refusal
        self.stdout.write(self.style.SUCCESS("Done."))

    def show(self, spec: CampaignSpec, planned: AppliedCampaign) -> None:
        """What changes, a line a field: before → after."""
        if not planned.changes:
            self.stdout.write(f"{spec.slug}: nothing to change.")
            return
        self.stdout.write(f"{spec.slug}: a new campaign." if planned.is_new else f"{spec.slug}: changes.")
        for change in planned.changes:
            before = "" if planned.is_new else f"{write_value(change.before)} → "
            self.stdout.write(f"  {change.field}: {before}{write_value(change.after)}")

    def may_go_on(self, planned: AppliedCampaign, *, yes: bool) -> bool:
        """Whether to write: a person at a terminal is asked before a campaign that exists is changed."""
        if planned.is_new or yes or not sys.stdin.isatty():
            return True
        if input("Change it so? [y/N] ").strip().lower() in {"y", "yes"}:
            return True
        self.stdout.write("Nothing was changed.")
        return False


def read_file(path: Path) -> bytes:
    """The file, or at most a byte more than a campaign's file may have."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}.") from error


def find_actor(email: str | None) -> Actor | None:
    """The account that acts; None for the command itself."""
    if email is None:
        return None
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        raise CommandError(f"There is no account {email}: make it with create_user.")
    return Actor(user=user, scopes=None)


def write_value(value: Any) -> str:
    """A value on one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def write_refusal(refusal: ChorusError) -> str:
    """The sentence, and each problem at its place."""
    problems = [
        f"  {place}: {sentence}" for place, sentences in refusal.details.items() for sentence in _list(sentences)
    ]
    return "\n".join([refusal.message, *problems]) if len(problems) > 1 else refusal.message


def _list(sentences: Any) -> list[Any]:
    return sentences if isinstance(sentences, list) else [sentences]
