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
_USER_COLUMNS = ", ".join(f'u."{field.column}"' for field in _USER_FIELDS)

_TOKEN = f"""
SELECT t.id, t.scopes, t.expires_at, t.revoked_at, t.last_used_at,
       a.id, a.accepted_terms, a.suspended_at, {_USER_COLUMNS}
  FROM annotate_apitoken t
  JOIN annotate_user u ON u.id = t.user_id
  LEFT JOIN annotate_annotator a ON a.user_id = u.id
 WHERE t.token_hash = %s
"""

_GUEST = """
SELECT a.id, a.accepted_terms, a.suspended_at, a.merged_into_id FROM annotate_annotator a WHERE a.device_hash = %s
"""


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """A token with its account and annotator, as one query found them."""

    token_id: int
    scopes: frozenset[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    annotator_id: int | None
    accepted_terms: str
    is_suspended: bool
    user: User


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
    token_id, scopes, expires_at, revoked_at, last_used_at, annotator_id, terms, suspended_at, *values = row
    return TokenOwner(
        token_id=token_id,
        scopes=frozenset(scopes),
        expires_at=expires_at,
        revoked_at=revoked_at,
        last_used_at=last_used_at,
        annotator_id=annotator_id,
        accepted_terms=terms or "",
        is_suspended=suspended_at is not None,
        user=User.from_db(connection.alias, _USER_NAMES, values),
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


def find_annotator_of(*, user_id: int) -> Annotator | None:
    """The annotator of an account."""
    return Annotator.objects.filter(user_id=user_id).first()


def find_campaign_with_role(*, slug: str, user_id: int | None, related: Sequence[str] = ()) -> Campaign | None:
    """The campaign with `actor_role`, the role of this account in it or None: exactly one query."""
    role = Membership.objects.filter(campaign_id=OuterRef("pk"), user_id=user_id).values("role")[:1]
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
