"""The cache is never waited for: away, it is an empty one."""

import socket
from contextlib import closing

import pytest

from annotate.cache import REST_SECONDS, Breaker, OpenRedisCache
from tests.plugin import PLACES


@pytest.fixture
def here() -> OpenRedisCache:
    cache = OpenRedisCache(PLACES.redis_url, {"KEY_PREFIX": "test-cache"})
    cache.delete_many(["a", "b", "n"])
    return cache


def test_cache_that_answers_is_a_cache(here: OpenRedisCache) -> None:
    here.set("a", {"x": 1})
    assert (here.get("a"), here.get("b", "none"), here.add("a", 2), here.add("b", 3)) == ({"x": 1}, "none", False, True)
    here.set_many({"n": 4})
    assert (here.incr("n", 3), here.get_many(["a", "n"]), here.has_key("b")) == (7, {"a": {"x": 1}, "n": 7}, True)
    assert (here.touch("a"), here.delete("a"), here.delete("a"), here.is_answering()) == (True, True, False, True)


def check_empty(cache: OpenRedisCache) -> None:
    cache.set("a", 1)
    cache.delete_many(["a"])
    assert (cache.get("a", "none"), cache.get_many(["a"]), cache.has_key("a")) == ("none", {}, False)
    assert (cache.add("a", 1), cache.set_many({"a": 1}), cache.touch("a")) == (True, [], False)
    cache.clear()
    assert (cache.delete("a"), cache.is_answering()) == (False, False)
    with pytest.raises(ValueError, match="not found"):
        cache.incr("a")


def test_cache_that_is_dead_is_an_empty_one(tmp_path) -> None:
    check_empty(OpenRedisCache(f"unix://{tmp_path}/nobody.sock", {}))


def test_cache_that_hangs_is_asked_once_and_is_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotate.cache.TIMEOUT_SECONDS", 0.25)
    with closing(socket.socket()) as hung:
        hung.bind(("127.0.0.1", 0))
        hung.listen()
        hung.settimeout(20)
        cache = OpenRedisCache(f"redis://127.0.0.1:{hung.getsockname()[1]}/0", {})
        for _ in range(50):
            assert cache.get("a", "none") == "none"
        hung.accept()[0].close()
        hung.setblocking(False)
        with pytest.raises(BlockingIOError):
            hung.accept()
        check_empty(cache)


def test_after_a_rest_one_caller_tries_and_success_ends_the_rest() -> None:
    now = [100.0]
    breaker = Breaker(clock=lambda: now[0])
    assert breaker.is_open() is False
    breaker.trip(OSError("away"))
    assert breaker.is_open() is True
    now[0] += REST_SECONDS
    assert [breaker.is_open(), breaker.is_open()] == [False, True]
    breaker.close()
    assert breaker.is_open() is False
