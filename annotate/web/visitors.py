"""Who looks at a page: an account by its session, a guest by the cookie of their device, or nobody."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from annotate.access import ANONYMOUS, Actor, actor_of_account, actor_of_guest
from annotate.queries.people import find_guest
from annotate.services.tokens import GUEST_PREFIX, hash_token
from annotate.sessions import find_account

GUEST_COOKIE = "chorus_guest"
GUEST_COOKIE_AGE = 60 * 60 * 24 * 365
#: A device token is shorter than this; what is longer is no token.
MAX_TOKEN_CHARS = 100


def find_actor(request: HttpRequest) -> Actor:
    """One query for an account or a guest, none for nobody. A guest that was merged into an account is nobody."""
    account = find_account(request)
    if account is not None:
        return actor_of_account(account)
    token = read_guest_token(request)
    guest = find_guest(device_hash=hash_token(token)) if token else None
    return ANONYMOUS if guest is None or guest.merged_into is not None else actor_of_guest(guest)


def read_guest_token(request: HttpRequest) -> str | None:
    """The token of this device, if its cookie holds something of its form."""
    token = request.COOKIES.get(GUEST_COOKIE, "")
    return token if token.startswith(GUEST_PREFIX) and len(token) <= MAX_TOKEN_CHARS and token.isascii() else None


def keep_guest(response: HttpResponse, token: str) -> None:
    """Make this browser a guest's device for a year. No script can read the cookie."""
    response.set_cookie(
        GUEST_COOKIE, token, max_age=GUEST_COOKIE_AGE, httponly=True, secure=settings.HTTPS, samesite="Lax"
    )


def forget_guest(response: HttpResponse) -> None:
    response.delete_cookie(GUEST_COOKIE, samesite="Lax")
