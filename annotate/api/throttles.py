"""Rate limits of the API: each call counts against its person, its token and its address, in one round trip."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from annotate.access import Actor
from annotate.exceptions import TooManyRequests
from annotate.limits import Limit, address_of, get_limiter

MINUTE, HOUR = 60, 3600


class CallThrottle(BaseThrottle):
    """Every call: `CHORUS_LIMIT_PERSON`, `CHORUS_LIMIT_TOKEN` and `CHORUS_LIMIT_ADDRESS` a minute."""

    def allow_request(self, request: Request, view: Any) -> bool:
        take(limits_of_call(view.actor, request))
        return True


class GuestThrottle(BaseThrottle):
    """New guests: `CHORUS_LIMIT_GUESTS` an hour from one address."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if request.method == "POST":
            take([Limit("guests", address_of(request), settings.LIMIT_GUESTS, HOUR)])
        return True


def limits_of_call(actor: Actor, request: Request) -> list[Limit]:
    """What one call counts against; an empty amount means no limit."""
    named = [("address", address_of(request), settings.LIMIT_ADDRESS)]
    if actor.annotator_id is not None or actor.user is not None:
        person = f"user {actor.user_id}" if actor.user is not None else f"guest {actor.annotator_id}"
        named.append(("person", person, settings.LIMIT_PERSON))
    if actor.token_id is not None:
        named.append(("token", str(actor.token_id), settings.LIMIT_TOKEN))
    return [Limit(name, subject, amount, MINUTE) for name, subject, amount in named if amount]


def count_failed_sign_in(request: Request) -> None:
    """Count a token that was refused: `CHORUS_LIMIT_FAILURES` a minute from one address."""
    take([Limit("failures", address_of(request), settings.LIMIT_FAILURES, MINUTE)])


def take(limits: list[Limit]) -> None:
    """Raise `TooManyRequests` with `Retry-After` when one of `limits` is reached."""
    refusal = get_limiter().take([limit for limit in limits if limit.amount])
    if refusal is None:
        return
    limit = refusal.limit
    raise TooManyRequests(
        f"Too many requests: {limit.amount:,} in {limit.seconds} seconds are taken from one {_WORDS[limit.name]}. "
        f"Try again in {refusal.retry_after} s.",
        details={"limit": limit.name, "amount": limit.amount, "seconds": limit.seconds},
        retry_after=refusal.retry_after,
    )


_WORDS = {
    "address": "address",
    "person": "person",
    "token": "token",
    "guests": "address for new guests",
    "failures": "address with tokens that are not valid",
}
