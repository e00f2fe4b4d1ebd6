"""Who asks: a token, a guest's device, or a session with CSRF. `request.auth` is an `access.Actor`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from annotate.access import ANONYMOUS, Actor, actor_of_account, actor_of_guest
from annotate.exceptions import NotAllowed, NotSignedIn
from annotate.models import User
from annotate.queries.people import find_guest, find_token_owner
from annotate.services.tokens import GUEST_PREFIX, TOKEN_PREFIX, hash_token, touch_token
from annotate.sessions import find_account

SCHEME = "bearer"
MAX_TOKEN_CHARS = 100
Found = tuple[User | AnonymousUser, Actor]


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer chorus_…` for an account, `Bearer chorus-guest_…` for a guest's device.

    One query, and once a minute a second one that notes the use.
    """

    def authenticate(self, request: Request) -> Found | None:
        header = request.META.get("HTTP_AUTHORIZATION")
        if not header:
            return None
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != SCHEME or not token or len(token) > MAX_TOKEN_CHARS or not token.isascii():
            raise NotSignedIn('Write the header as "Authorization: Bearer" and a token.', code="token_malformed")
        if token.startswith(GUEST_PREFIX):
            return find_guest_actor(token)
        if token.startswith(TOKEN_PREFIX):
            return find_token_actor(token)
        raise unknown_token()

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def find_token_actor(token: str) -> Found:
    """The account behind a token. Raises `NotSignedIn` with its own code for each way it can be void."""
    owner = find_token_owner(token_hash=hash_token(token))
    now = timezone.now()
    if owner is None:
        raise unknown_token()
    if owner.revoked_at is not None:
        raise NotSignedIn("This token was revoked. Make another one.", code="token_revoked")
    if owner.expires_at is not None and owner.expires_at <= now:
        raise NotSignedIn("This token has expired. Make another one.", code="token_expired")
    account = owner.account
    if not account.user.is_active:
        raise NotSignedIn("The account of this token is closed.", code="account_closed")
    touch_token(token_id=owner.token_id, last_used_at=owner.last_used_at, now=now)
    return account.user, actor_of_account(account, scopes=owner.scopes, token_id=owner.token_id)


def find_guest_actor(token: str) -> Found:
    """The guest behind a device token."""
    guest = find_guest(device_hash=hash_token(token))
    if guest is None:
        raise unknown_token()
    if guest.merged_into is not None:
        raise NotSignedIn("This guest was merged into an account: sign in with the account.", code="guest_merged")
    return AnonymousUser(), actor_of_guest(guest)


class SessionAuthentication(BaseAuthentication):
    """The site's own session; one query; unsafe methods need the CSRF token in `X-CSRFToken`."""

    def authenticate(self, request: Request) -> Found | None:
        account = find_account(django_request(request))
        if account is None:
            return None
        enforce_csrf(request)
        return account.user, actor_of_account(account)


class _CsrfCheck(CsrfViewMiddleware):
    """Django's check, with the reason as its answer."""

    def _reject(self, request: Any, reason: str) -> Any:
        return reason


def enforce_csrf(request: Request) -> None:
    """Raise `NotAllowed` unless the request comes from one of our own pages."""
    check = _CsrfCheck(lambda _: None)  # type: ignore[arg-type]
    check.process_request(django_request(request))
    reason = check.process_view(django_request(request), None, (), {})  # type: ignore[arg-type]
    if reason:
        raise NotAllowed(
            f"This request does not come from a page of this site ({reason}) Send the header X-CSRFToken, or use a token.",
            code="csrf_failed",
        )


def django_request(request: Request) -> HttpRequest:
    """The request as the middlewares saw it."""
    return request._request  # noqa: SLF001  (Django REST framework gives no other way to it)


def unknown_token() -> NotSignedIn:
    return NotSignedIn(
        "This token is not known here. Check that it is whole, or make another one.", code="token_unknown"
    )


def anonymous_actor() -> Actor:
    """`request.auth` of whoever shows nothing (Django REST framework's UNAUTHENTICATED_TOKEN)."""
    return ANONYMOUS
