"""Rate limits in Valkey: one atomic script, one round trip, whatever the number of limits.

Each limit is a leaky bucket (the generic cell rate algorithm): `amount` at once, then as they flow off, evenly
over `seconds`. Limits stand open while Valkey is away or hung: a call waits at most `TIMEOUT` seconds, and after
a failure nobody asks for a while.
"""

from __future__ import annotations

import hashlib
import ipaddress
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import ceil
from typing import TYPE_CHECKING

import redis
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from annotate.cache import Breaker
from annotate.exceptions import TooManyRequests
from annotate.figures import whole

if TYPE_CHECKING:
    from rest_framework.request import Request

#: Seconds that a request waits for Valkey.
TIMEOUT = 0.05
MINUTE, HOUR = 60, 3600
#: Texts that one person may have rendered in a minute to look at them.
MOST_PREVIEWS = 60
#: Messages that one person may report in an hour, and texts they may have looked at for writing help in a minute.
MOST_REPORTS = 60
MOST_CHECKS = 60

#: A process that is far from a limit pays for several calls at once and counts them itself: at most this part of the
#: room that is left, at most so many, for at most so many seconds. What it does not use is counted all the same.
PREPAID_PART, PREPAID_MOST, PREPAID_SECONDS = 20, 32, 1.0
#: Prepaid calls that a process remembers; forgetting them costs nothing but another question.
MOST_REMEMBERED = 10_000

#: KEYS: buckets. ARGV: how many calls to pay for at most; then, for each bucket, microseconds between two calls and
#: how many fit at once. The theoretical arrival time of a bucket moves only when all of them let one call through.
#: Answers {which bucket refuses, after how many microseconds it will not} or {0, calls paid for, room left}.
SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local calls, room, arrivals = tonumber(ARGV[1]), nil, {}
for i, key in ipairs(KEYS) do
  local step, fits = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  arrivals[i] = math.max(tonumber(redis.call('GET', key) or now), now)
  local space = fits - (arrivals[i] - now) / step
  if space < 1 then return {i, math.ceil((1 - space) * step)} end
  room = math.min(room or space, space)
end
calls = math.min(calls, math.floor(room))
for i, key in ipairs(KEYS) do
  local arrival = arrivals[i] + calls * tonumber(ARGV[2 * i])
  redis.call('SET', key, string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000) + 1)
end
return {0, calls, math.floor(room - calls)}
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` calls in `seconds` for one `subject` (a person, a token, an address) under one `name`."""

    name: str
    subject: str
    amount: int
    seconds: int

    @property
    def key(self) -> str:
        digest = hashlib.blake2s(self.subject.encode("utf-8", "replace"), digest_size=12).hexdigest()
        return f"chorus-limit:{self.name}:{digest}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The limit that was reached, and after how many seconds the next call fits."""

    limit: Limit
    retry_after: int


@dataclass
class Prepaid:
    """Calls that are paid for and not made yet, and the room that was left then."""

    left: int
    until: float
    room: int


@dataclass
class Limiter:
    """Counts calls in one Valkey; after a failure its breaker lets nobody ask for a while."""

    client: redis.Redis
    breaker: Breaker = field(default_factory=Breaker)
    clock: Callable[[], float] = time.monotonic
    prepaid: dict[tuple[Limit, ...], Prepaid] = field(default_factory=dict, init=False)
    lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        self._script = self.client.register_script(SCRIPT)

    def take(self, limits: Sequence[Limit]) -> Refusal | None:
        """Count one call against all of `limits`, or against none of them and say which one is reached.

        None also when Valkey does not answer: an open door is better than a closed site.
        """
        if not limits:
            return None
        group = tuple(limits)
        calls = self._spend(group)
        if not calls or self.breaker.is_open():
            return None
        try:
            which, number, *rest = self._script(keys=[limit.key for limit in group], args=[calls, *_rates(group)])
        except (RedisError, OSError) as error:
            self.breaker.trip(error)
            # Not those in use: another thread is reading from its own at this moment.
            self.client.connection_pool.disconnect(inuse_connections=False)
            return None
        self.breaker.close()
        if which:
            return Refusal(group[which - 1], max(1, ceil(number / 1_000_000)))
        self._keep(group, left=number - 1, room=rest[0])
        return None

    def _spend(self, group: tuple[Limit, ...]) -> int:
        """Use a call that is paid for and return 0, or return how many to pay for now."""
        with self.lock:
            known = self.prepaid.get(group)
            if known is None:
                return 1
            if known.left and self.clock() < known.until:
                known.left -= 1
                return 0
            return max(1, min(known.room // PREPAID_PART, PREPAID_MOST))

    def _keep(self, group: tuple[Limit, ...], *, left: int, room: int) -> None:
        with self.lock:
            if len(self.prepaid) >= MOST_REMEMBERED:
                self.prepaid.clear()
            known, now = self.prepaid.get(group), self.clock()
            if known is not None and now < known.until:
                left += known.left  # of another thread that paid at the same time
            self.prepaid[group] = Prepaid(left, now + PREPAID_SECONDS, room)


def _rates(limits: Sequence[Limit]) -> list[int]:
    return [number for limit in limits for number in (limit.seconds * 1_000_000 // limit.amount, limit.amount)]


def make_limiter(url: str) -> Limiter:
    """A limiter whose calls never wait longer than `TIMEOUT`, and never try twice."""
    options = {"socket_timeout": TIMEOUT, "retry": Retry(NoBackoff(), 0)}
    if not url.startswith("unix:"):
        options["socket_connect_timeout"] = TIMEOUT
    return Limiter(redis.Redis.from_url(url, **options))


@cache
def get_limiter() -> Limiter:
    """The limiter of this process."""
    return make_limiter(settings.REDIS_URL)


def address_of(request: HttpRequest | Request) -> str:
    """Where a request comes from, one line a household: IPv6 by its /64.

    With CHORUS_TRUSTED_PROXIES = n the n-th last address of X-Forwarded-For is believed, as each proxy of
    ours adds whom it saw; nothing that a client wrote before them is.
    """
    proxies = settings.TRUSTED_PROXIES
    seen = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    raw = seen[-min(proxies, len(seen))] if proxies and seen else request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(raw)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def take_call(
    request: HttpRequest | Request, *, user_id: int | None, annotator_id: int | None, token_id: int | None = None
) -> None:
    """Count one call of the API or the pages against its address, its person and its token.

    Raises `TooManyRequests` at CHORUS_LIMIT_ADDRESS, CHORUS_LIMIT_PERSON or CHORUS_LIMIT_TOKEN a minute.
    """
    named = [("address", address_of(request), settings.LIMIT_ADDRESS)]
    if user_id is not None or annotator_id is not None:
        person = f"user {user_id}" if user_id is not None else f"guest {annotator_id}"
        named.append(("person", person, settings.LIMIT_PERSON))
    if token_id is not None:
        named.append(("token", str(token_id), settings.LIMIT_TOKEN))
    take_limits([Limit(name, subject, amount, MINUTE) for name, subject, amount in named])


def take_guest(request: HttpRequest | Request) -> None:
    """Count a new guest: CHORUS_LIMIT_GUESTS an hour from one address."""
    take_limits([Limit("guests", address_of(request), settings.LIMIT_GUESTS, HOUR)])


def take_kept(request: HttpRequest | Request) -> None:
    """Count an answer that is kept for somebody who was signed out: as many an hour as new guests."""
    take_limits([Limit("kept", address_of(request), settings.LIMIT_GUESTS, HOUR)])


def take_preview(*, annotator_id: int) -> None:
    """Count a text that is rendered to look at it: the longest take a second. More than anybody presses in a minute."""
    take_limits([Limit("previews", str(annotator_id), MOST_PREVIEWS, MINUTE)])


def take_report(*, annotator_id: int | None) -> None:
    """Count a report of a message: more than anybody has reason for in an hour is a flood."""
    take_limits([Limit("reports", str(annotator_id), MOST_REPORTS, HOUR)])


def take_check(*, annotator_id: int) -> None:
    """Count a text that is looked at while it is written: as often as somebody pauses at most."""
    take_limits([Limit("checks", str(annotator_id), MOST_CHECKS, MINUTE)])


def take_failure(request: HttpRequest | Request) -> None:
    """Count a token or a password that was refused: CHORUS_LIMIT_FAILURES a minute from one address."""
    take_limits([Limit("failures", address_of(request), settings.LIMIT_FAILURES, MINUTE)])


def take_limits(limits: Sequence[Limit]) -> None:
    """Raise `TooManyRequests` with when to come again if one of `limits` is reached; an amount of 0 is no limit."""
    refusal = get_limiter().take([limit for limit in limits if limit.amount])
    if refusal is None:
        return
    limit = refusal.limit
    raise TooManyRequests(
        _("Too many requests: %(amount)s in %(seconds)s seconds are taken from one %(whom)s. Try again in %(wait)s s.")
        % {
            "amount": whole(limit.amount),
            "seconds": limit.seconds,
            "whom": _WHOM[limit.name],
            "wait": refusal.retry_after,
        },
        details={"limit": limit.name, "amount": limit.amount, "seconds": limit.seconds},
        retry_after=refusal.retry_after,
    )


_WHOM = {
    "address": gettext_lazy("address"),
    "person": gettext_lazy("person"),
    "token": gettext_lazy("token"),
    "guests": gettext_lazy("address for new guests"),
    "kept": gettext_lazy("address without a sign-in"),
    "previews": gettext_lazy("person"),
    "reports": gettext_lazy("person"),
    "checks": gettext_lazy("person"),
    "failures": gettext_lazy("address with tokens or passwords that are not valid"),
}
