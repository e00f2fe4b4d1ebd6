"""Rate limits in Valkey: one atomic script, one round trip, whatever the number of limits.

Each limit is a leaky bucket (the generic cell rate algorithm): `amount` at once, then as they flow off, evenly
over `seconds`. Limits stand open while Valkey is away or hung: a call waits at most `TIMEOUT` seconds, and after
a failure nobody asks for a while.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from math import ceil
from typing import TYPE_CHECKING

import redis
from django.conf import settings
from django.http import HttpRequest
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from annotate.cache import Breaker

if TYPE_CHECKING:
    from rest_framework.request import Request

#: Seconds that a request waits for Valkey.
TIMEOUT = 0.05

#: KEYS: buckets. ARGV: for each, microseconds between two calls and how many fit at once. The theoretical
#: arrival time of a bucket moves only when all of them let the call through; the answer is 0, or which bucket
#: refuses and after how many microseconds it will not.
SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local moved = {}
for i, key in ipairs(KEYS) do
  local step, fits = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local arrival = math.max(tonumber(redis.call('GET', key) or now), now) + step
  local wait = arrival - step * fits - now
  if wait > 0 then return {i, wait} end
  moved[i] = arrival
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', moved[i]), 'PX', math.ceil((moved[i] - now) / 1000) + 1)
end
return {0, 0}
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
class Limiter:
    """Counts calls in one Valkey; after a failure its breaker lets nobody ask for a while."""

    client: redis.Redis
    breaker: Breaker = field(default_factory=Breaker)

    def __post_init__(self) -> None:
        self._script = self.client.register_script(SCRIPT)

    def take(self, limits: Sequence[Limit]) -> Refusal | None:
        """Count one call against all of `limits`, or against none of them and say which one is reached.

        None also when Valkey does not answer: an open door is better than a closed site.
        """
        if not limits or self.breaker.is_open():
            return None
        arguments = [number for limit in limits for number in (limit.seconds * 1_000_000 // limit.amount, limit.amount)]
        try:
            which, wait = self._script(keys=[limit.key for limit in limits], args=arguments)
        except (RedisError, OSError) as error:
            self.breaker.trip(error)
            self.client.connection_pool.disconnect()
            return None
        self.breaker.close()
        return Refusal(limits[which - 1], max(1, ceil(wait / 1_000_000))) if which else None


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
