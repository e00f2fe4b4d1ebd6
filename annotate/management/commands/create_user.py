"""`manage.py create_user EMAIL`: makes an account and prints its id."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotate.exceptions import ChorusError
from annotate.services.people import create_user
from annotate.services.terms import CURRENT_TERMS

STDIN = "-"


class Command(BaseCommand):
    help = "Make an account. Standard output: its id alone; what else there is to say goes to standard error."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--administrator", action="store_true", help="may do everything on the site")
        parser.add_argument("--name", default="", help="the name that is shown")
        parser.add_argument(
            "--language",
            action="append",
            default=[],
            metavar="CODE",
            help="works in this language (repeat it); none: in any",
        )
        parser.add_argument(
            "--password-file",
            metavar="FILE",
            help="its first line is the password; - reads standard input. None: tokens alone",
        )
        parser.add_argument(
            "--no-terms",
            action="store_true",
            help="record no consent: no work is offered until the person accepts the terms",
        )

    def handle(self, *, email: str, no_terms: bool, **options: Any) -> str:
        try:
            user = create_user(
                email=email,
                now=timezone.now(),
                display_name=options["name"],
                password=read_password(options["password_file"]),
                languages=options["language"],
                is_administrator=options["administrator"],
                with_terms=not no_terms,
            )
        except ChorusError as refusal:
            raise CommandError(refusal.message) from refusal
        self.stderr.write(f"Made {'the administrator' if user.is_administrator else 'the account'} {user.email}.")
        self.stderr.write(
            "No consent is recorded: no work is offered until the terms are accepted (POST /api/v1/me/consent/)."
            if no_terms
            else f"Consent to the terms {CURRENT_TERMS} is recorded on their behalf: make sure that they have read them "
            "(GET /api/v1/terms/), or use --no-terms."
        )
        return str(user.pk)


def read_password(source: str | None) -> str | None:
    """The first line of a file or of standard input; None where no source is given. Raises `CommandError`."""
    if source is None:
        return None
    try:
        text = sys.stdin.readline() if source == STDIN else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The password cannot be read from {source}: {error}.") from error
    password = text.partition("\n")[0].rstrip("\r")
    if not password:
        raise CommandError(f"There is no password on the first line of {source}.")
    return password
