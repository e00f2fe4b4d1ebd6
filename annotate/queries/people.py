"""Reads of people, their tokens and their roles. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, OuterRef, QuerySet, Subquery

from annotate.models import Annotator, ApiToken, Campaign, Consent, LanguageSkill, Membership, User

_USER_FIELDS = list(User._meta.concrete_fields)  # noqa: SLF001  (Django's documented API of models)
_USER_NAMES = [field.attname for field in _USER_FIELDS]
#: Where the id of the user stands among the columns that `_read_account` takes.
_USER_ID = 3 + _USER_NAMES.index("id")
_USER_COLUMNS = ", ".join(f'u."{field.column}"' for field in _USER_FIELDS)

_TOKEN = f"""
SELECT t.id, t.scopes, t.expires_at, t.revoked_at, t.last_used_at,
       a.id, a.accepted_terms, a.suspended_at, {_USER_COLUMNS}
  FROM annotate_apitoken t
  JOIN annotate_user u ON u.id = t.user_id
  LEFT JOIN annotate_annotator a ON a.user_id = u.id
 WHERE t.token_hash = %s
"""

_SESSION = f"""
SELECT s.session_data, a.id, a.accepted_terms, a.suspended_at, {_USER_COLUMNS}
  FROM annotate_session s
  LEFT JOIN annotate_user u ON u.id = s.user_id
  LEFT JOIN annotate_annotator a ON a.user_id = u.id
 WHERE s.session_key = %s AND s.expire_date > %s
"""

_GUEST = """
SELECT a.id, a.accepted_terms, a.suspended_at, a.merged_into_id FROM annotate_annotator a WHERE a.device_hash = %s
"""


@dataclass(frozen=True, slots=True)
class Account:
    """An account with its annotator, as one query found them."""

    user: User
    annotator_id: int | None
    accepted_terms: str
    is_suspended: bool


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """A token with the account that it belongs to."""

    token_id: int
    scopes: frozenset[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    account: Account


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What a session holds, still signed, and the account that is signed in with it."""

    data: str
    account: Account | None


@dataclass(frozen=True, slots=True)
class GuestDevice:
    """A guest by the token of their device."""

    annotator_id: int
    accepted_terms: str
    is_suspended: bool
    merged_into: int | None


def find_token_owner(*, token_hash: bytes) -> TokenOwner | None:
    """Token, account and annotator by the SHA-256 of the token: exactly one query."""
    with connection.cursor() as cursor:
        cursor.execute(_TOKEN, [token_hash])
        row = cursor.fetchone()
    if row is None:
        return None
    token_id, scopes, expires_at, revoked_at, last_used_at, *account = row
    return TokenOwner(token_id, frozenset(scopes), expires_at, revoked_at, last_used_at, _read_account(account))


def find_session(*, session_key: str, now: datetime) -> StoredSession | None:
    """A session that has not expired, with account and annotator: exactly one query."""
    with connection.cursor() as cursor:
        cursor.execute(_SESSION, [session_key, now])
        row = cursor.fetchone()
    if row is None:
        return None
    data, *account = row
    return StoredSession(data, _read_account(account) if account[_USER_ID] is not None else None)


def find_account_of(*, user: User) -> Account:
    """An account that is known already, with its annotator."""
    annotator = Annotator.objects.filter(user=user).first()
    if annotator is None:
        return Account(user, None, "", is_suspended=False)
    return Account(user, annotator.pk, annotator.accepted_terms, annotator.suspended_at is not None)


def _read_account(values: Sequence[Any]) -> Account:
    annotator_id, terms, suspended_at, *user = values
    return Account(
        user=User.from_db(connection.alias, _USER_NAMES, user),
        annotator_id=annotator_id,
        accepted_terms=terms or "",
        is_suspended=suspended_at is not None,
    )


def find_guest(*, device_hash: bytes) -> GuestDevice | None:
    """A guest by the SHA-256 of the device token: exactly one query."""
    with connection.cursor() as cursor:
        cursor.execute(_GUEST, [device_hash])
        row = cursor.fetchone()
    if row is None:
        return None
    annotator_id, terms, suspended_at, merged_into = row
    return GuestDevice(annotator_id, terms, suspended_at is not None, merged_into)


def find_campaign_with_role(*, slug: str, user_id: int | None, related: Sequence[str] = ()) -> Campaign | None:
    """The campaign with `actor_role`, the role of this account in it or None: exactly one query."""
    role = Membership.objects.filter(campaign_id=OuterRef("pk"), user=user_id).values("role")[:1]
    campaigns = Campaign.objects.select_related(*related) if related else Campaign.objects.all()
    return campaigns.annotate(actor_role=Subquery(role)).filter(slug=slug).first()


def list_languages(*, annotator_id: int) -> list[str]:
    """The languages that somebody works in, sorted; none means any."""
    skills = LanguageSkill.objects.filter(annotator_id=annotator_id)
    return list(skills.order_by("language").values_list("language", flat=True))


def list_tokens(*, user: User) -> QuerySet[ApiToken]:
    """Every token of an account, revoked ones too; their texts are not there to be had."""
    return ApiToken.objects.filter(user=user).defer("token_hash")


def describe_person(*, user: User | None, annotator_id: int) -> dict[str, Any]:
    """An account or a guest as they see themselves: three queries, whatever their number of roles."""
    annotator = Annotator.objects.get(pk=annotator_id)
    roles = Membership.objects.filter(user=user).order_by("campaign__slug").values("role", slug=F("campaign__slug"))
    return {
        "id": None if user is None else user.pk,
        "email": None if user is None else user.email,
        "display_name": "" if user is None else user.display_name,
        "interface_language": "en" if user is None else user.interface_language,
        "is_guest": user is None,
        "is_administrator": user is not None and user.is_administrator,
        "is_suspended": annotator.suspended_at is not None,
        "languages": list_languages(annotator_id=annotator_id),
        "roles": [{"campaign": row["slug"], "role": row["role"]} for row in roles] if user is not None else [],
    }


def describe_consent(*, annotator_id: int) -> dict[str, Any]:
    """The version in force for somebody, and every one they ever accepted, newest first."""
    accepted = Annotator.objects.values_list("accepted_terms", flat=True).get(pk=annotator_id)
    given = Consent.objects.filter(annotator_id=annotator_id).order_by("-pk")
    return {
        "accepted": accepted or None,
        "given": list(given.values("terms_version", "accepted_at", "withdrawn_at")),
    }
