"""Sessions that know their account: one query finds session, account and annotator.

Named by SESSION_ENGINE and in MIDDLEWARE. Signing in and out are Django's own.
"""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from annotate.models import Session, User
from annotate.queries.people import Account, find_account_of, find_session

#: Where a request keeps whom it found.
LOOKED_UP = "_chorus_account"


class SessionStore(DatabaseStore):
    """Django's session in the database, with its account beside it."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.account: Account | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def load(self) -> dict[str, Any]:
        """The data of the session, empty when it is not there; `account` is who is signed in with it."""
        found = find_session(session_key=self.session_key, now=timezone.now()) if self.session_key else None
        if found is None:
            self._session_key = None
            return {}
        self.account = found.account
        return dict(self.decode(found.data))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session = cast("Session", super().create_model_instance(data))
        session.user_id = data.get(SESSION_KEY)
        return session


class AccountMiddleware(AuthenticationMiddleware):
    """`request.user` from the query that found the session."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: find_user(request))  # type: ignore[assignment]


def find_user(request: HttpRequest) -> User | AnonymousUser:
    """Whoever is signed in; looked up once a request."""
    account = find_account(request)
    return account.user if account else AnonymousUser()


def find_account(request: HttpRequest) -> Account | None:
    """The account that is signed in, with its annotator; looked up once a request. None for nobody."""
    if not hasattr(request, LOOKED_UP):
        setattr(request, LOOKED_UP, _check_session(request) or _ask_django(request))
    found: Account | None = getattr(request, LOOKED_UP)
    return found


def _check_session(request: HttpRequest) -> Account | None:
    """What came with the session, if the session is still good for it: an open account, the same password."""
    session = request.session
    signed_in = session.get(SESSION_KEY)
    account: Account | None = getattr(session, "account", None)
    if account is None or not account.user.is_active or signed_in != str(account.user.pk):
        return None
    given, wanted = session.get(HASH_SESSION_KEY, ""), account.user.get_session_auth_hash()
    return account if constant_time_compare(given, wanted) else None


def _ask_django(request: HttpRequest) -> Account | None:
    """The long way, for the rare rest: a former SECRET_KEY, a session that must end, a sign-in in this request."""
    if SESSION_KEY not in request.session:
        return None
    user = get_user(request)
    return find_account_of(user=user) if isinstance(user, User) else None
