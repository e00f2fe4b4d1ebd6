"""The cache in Valkey, which nobody waits for and nobody breaks on.

A cache that is away is an empty one: reads find nothing, writes are forgotten. After a failure
nobody asks for `REST_SECONDS`, so that a hung server costs one caller one time-out and not every
request its own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)

REST_SECONDS = 3.0
TIMEOUT_SECONDS = 0.25


class Breaker:
    """Remembers for the whole process that a server is away; one breaker for one address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.rest_until = 0.0
        self.lock = threading.Lock()

    def is_open(self) -> bool:
        """Whether nobody should ask now. When the rest is over one caller tries, the others wait for it."""
        if self.rest_until == 0.0:
            return False
        with self.lock:
            if self.clock() < self.rest_until:
                return True
            self.rest_until = self.clock() + REST_SECONDS  # this caller tries
            return False

    def close(self) -> None:
        self.rest_until = 0.0

    def trip(self, error: Exception) -> None:
        if self.rest_until == 0.0:
            log.warning("cache away, going on without it: %s", error)
        self.rest_until = self.clock() + REST_SECONDS


_breakers: dict[str, Breaker] = {}


class OpenRedisCache(RedisCache):
    """Django's Redis cache; every answer that it cannot give is that of an empty cache."""

    def __init__(self, server: str, params: Mapping[str, Any]) -> None:
        short = {"socket_timeout": TIMEOUT_SECONDS, "retry": Retry(NoBackoff(), 0)}
        if not server.startswith("unix:"):
            short["socket_connect_timeout"] = TIMEOUT_SECONDS
        options = {**short, **params.get("OPTIONS", {})}
        super().__init__(server, {**params, "OPTIONS": options})
        self.address = server

    @cached_property
    def breaker(self) -> Breaker:
        return _breakers.setdefault(self.address, Breaker())

    def ask(self, question: Callable[[], Any], otherwise: Any) -> Any:
        """The server's answer, or `otherwise` when it gives none."""
        if self.breaker.is_open():
            return otherwise
        try:
            answer = question()
        except (RedisError, OSError) as error:
            self.breaker.trip(error)
            return otherwise
        self.breaker.close()
        return answer

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self.ask(lambda: super(OpenRedisCache, self).add(key, value, timeout, version), True))

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self.ask(lambda: super(OpenRedisCache, self).get(key, default, version), default)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self.ask(lambda: super(OpenRedisCache, self).set(key, value, timeout, version), None)

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self.ask(lambda: super(OpenRedisCache, self).touch(key, timeout, version), False))

    def delete(self, key: str, version: int | None = None) -> bool:
        return bool(self.ask(lambda: super(OpenRedisCache, self).delete(key, version), False))

    def get_many(self, keys: Any, version: int | None = None) -> dict[str, Any]:
        names = list(keys)
        return dict(self.ask(lambda: super(OpenRedisCache, self).get_many(names, version), {}))

    def has_key(self, key: str, version: int | None = None) -> bool:
        return bool(self.ask(lambda: super(OpenRedisCache, self).has_key(key, version), False))

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """The new value; a missing key is a ValueError, as everywhere in Django."""
        answer = self.ask(lambda: super(OpenRedisCache, self).incr(key, delta, version), None)
        if answer is None:
            raise ValueError(f"Key {key!r} not found")
        return int(answer)

    def set_many(
        self, data: Mapping[str, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[str]:
        self.ask(lambda: super(OpenRedisCache, self).set_many(dict(data), timeout, version), None)
        return []

    def delete_many(self, keys: Any, version: int | None = None) -> None:
        names = list(keys)
        self.ask(lambda: super(OpenRedisCache, self).delete_many(names, version), None)

    def clear(self) -> None:
        self.ask(lambda: super(OpenRedisCache, self).clear(), None)

    def is_answering(self) -> bool:
        """Ask the server itself, whatever the breaker says."""
        try:
            return bool(self._cache.get_client(None).ping())
        except (RedisError, OSError):
            return False
