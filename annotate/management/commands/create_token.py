"""`manage.py create_token EMAIL --scope annotate`: makes a token and prints it."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotate.exceptions import ChorusError
from annotate.models import User
from annotate.services.tokens import create_token
from tasks.vocabulary import Scope


class Command(BaseCommand):
    help = "Make a token of an account. Standard output: the token alone, this once; what else there is goes to standard error."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            choices=[scope.value for scope in Scope],
            help="what it may do (repeat it); admin covers the others",
        )
        parser.add_argument("--name", default="command line", help="what it is for")
        parser.add_argument(
            "--expires-days", type=int, metavar="DAYS", help="ends after so many days; none: when revoked"
        )

    def handle(self, *, email: str, scope: list[str], name: str, expires_days: int | None, **options: Any) -> str:
        user = User.objects.filter(email=email.strip().lower()).first()
        if user is None:
            raise CommandError(f"There is no account {email}: make it with create_user.")
        if expires_days is not None and not 1 <= expires_days <= 36_500:
            raise CommandError("--expires-days takes a number from 1 to 36500.")
        now = timezone.now()
        expires_at = None if expires_days is None else now + timedelta(days=expires_days)
        try:
            token, text = create_token(user=user, name=name, scopes=scope, expires_at=expires_at, actor=None, now=now)
        except ChorusError as refusal:
            raise CommandError(refusal.message) from refusal
        ends = "when it is revoked" if expires_at is None else expires_at.isoformat(timespec="minutes")
        self.stderr.write(f"Token {token.pk} of {user.email} with {', '.join(token.scopes)}; it ends {ends}.")
        self.stderr.write("It is shown this once:")
        return text
