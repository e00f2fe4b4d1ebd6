"""Tokens: made, shown once, revoked. Only their SHA-256 is stored: a token has 256 random bits."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.access import Actor
from annotate.exceptions import InvalidInput, NotAllowed, NotFound
from annotate.models import ApiToken, User
from annotate.services.audit import record_event
from tasks.vocabulary import AuditAction, Scope

TOKEN_PREFIX = "chorus_"  # noqa: S105  (what a token starts with)
GUEST_PREFIX = "chorus-guest_"
TOKEN_BYTES = 32
TOUCH_SECONDS = 60
MAX_TOKENS = 100


def make_token_text(prefix: str) -> str:
    """A new token: the prefix, by which a leaked one is found, and 256 random bits."""
    return prefix + secrets.token_urlsafe(TOKEN_BYTES)


def hash_token(text: str) -> bytes:
    """What is stored of a token. No salt and no stretching: nobody guesses 256 bits."""
    return hashlib.sha256(text.encode("utf-8")).digest()


def create_token(
    *,
    user: User,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None,
    actor: Actor | None,
    now: datetime,
) -> tuple[ApiToken, str]:
    """A token of `user` and its text, which cannot be had again.

    `actor` None: a command on the server. A token can make another one with its own scopes at most
    (`scope_missing`), and the scope `admin` is for administrators (`administrators_only`).
    """
    wanted = sorted({Scope(scope) for scope in scopes})
    if not wanted:
        raise InvalidInput(_("A token needs a scope."), details={"scopes": [_("Name at least one.")]})
    if expires_at is not None and expires_at <= now:
        raise InvalidInput(
            _("The token would have expired already."), details={"expires_at": [_("Name a time to come.")]}
        )
    if Scope.ADMIN in wanted and not user.is_administrator:
        raise NotAllowed(
            _("Only administrators of the site can have a token with the scope “admin”."), code="administrators_only"
        )
    if actor is not None and (missing := set(wanted) - actor.effective_scopes):
        raise NotAllowed(
            _("A token cannot make one that may do more than itself: sign in, and make it there."),
            code="scope_missing",
            details={"needed": sorted(missing)},
        )
    text = make_token_text(TOKEN_PREFIX)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if find_live_tokens(user=user, now=now).count() >= MAX_TOKENS:
            raise NotAllowed(
                ngettext(
                    "You have %(count)s token. Revoke one that you do not need.",
                    "You have %(count)s tokens. Revoke one that you do not need.",
                    MAX_TOKENS,
                )
                % {"count": MAX_TOKENS},
                code="too_many_tokens",
            )
        token = ApiToken.objects.create(
            user=user,
            name=name,
            scopes=wanted,
            token_hash=hash_token(text),
            hint=text[len(TOKEN_PREFIX) :][:4],
            expires_at=expires_at,
            created_at=now,
        )
        record_event(
            actor=actor,
            action=AuditAction.TOKEN_CREATED,
            object_kind="token",
            object_id=token.pk,
            after={
                "name": name,
                "scopes": wanted,
                "user": user.pk,
                "expires_at": expires_at and expires_at.isoformat(),
            },
        )
    return token, text


def find_live_tokens(*, user: User, now: datetime) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), user=user, revoked_at=None)


def revoke_token(*, user: User, token_id: int, actor: Actor | None, now: datetime) -> None:
    """End a token at once. Revoking it again changes nothing. Raises `NotFound` for another's."""
    with transaction.atomic():
        token = ApiToken.objects.select_for_update(no_key=True).filter(pk=token_id, user=user).first()
        if token is None:
            raise NotFound(_("You have no such token."), code="token_not_found")
        if token.revoked_at is not None:
            return
        token.revoked_at = now
        token.save(update_fields=["revoked_at"])
        record_event(
            actor=actor,
            action=AuditAction.TOKEN_REVOKED,
            object_kind="token",
            object_id=token.pk,
            before={"name": token.name, "scopes": token.scopes, "user": user.pk},
        )


def touch_token(*, token_id: int, last_used_at: datetime | None, now: datetime) -> None:
    """Note that a token was used: at most once a minute, as a statement of its own before any transaction."""
    due = now - timedelta(seconds=TOUCH_SECONDS)
    if last_used_at is None or last_used_at < due:
        still_due = Q(last_used_at=None) | Q(last_used_at__lt=due)
        ApiToken.objects.filter(still_due, pk=token_id).update(last_used_at=now)
