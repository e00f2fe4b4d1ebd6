"""Rate limits stand open while Valkey is away or hung, and count again when it is back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
from redis import Redis
from rest_framework.test import APIClient

from annotate.cache import REST_SECONDS, Breaker
from annotate.limits import Limit, Limiter, Refusal, get_limiter, make_limiter
from tests.conftest import find_free_port
from tests.faults.runs import wait_until

ONE = Limit("test", "ada", 1, 60)


class HungServer:
    """Takes connections and never answers; counts them."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.taken: list[socket.socket] = []
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                self.taken.append(self.listener.accept()[0])

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for taken in self.taken:
            taken.close()


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Iterator[HungServer]:
    monkeypatch.setattr("annotate.limits.TIMEOUT", 0.05)
    server = HungServer()
    yield server
    server.stop()


def point_at(url: str, *, clock: list[float]) -> Limiter:
    limiter = make_limiter(url)
    limiter.breaker = Breaker(clock=lambda: clock[0])
    return limiter


def test_limits_stand_open_while_valkey_is_away():
    limiter = make_limiter(f"redis://127.0.0.1:{find_free_port()}/0")
    assert [limiter.take([ONE]) for _ in range(5)] == [None] * 5


def test_limits_stand_open_while_its_socket_is_gone(tmp_path):
    limiter = make_limiter(f"unix://{tmp_path}/nobody.sock")
    assert [limiter.take([ONE]) for _ in range(5)] == [None] * 5


def test_a_hung_valkey_is_asked_once_and_then_left_alone(hung):
    clock = [100.0]
    limiter = point_at(f"redis://127.0.0.1:{hung.port}/0", clock=clock)
    for times in (1, 2):
        assert [limiter.take([ONE]) for _ in range(20)] == [None] * 20
        wait_until(lambda wanted=times: len(hung.taken) >= wanted, "the connection that was made")
        assert len(hung.taken) == times
        clock[0] += REST_SECONDS


def test_limits_count_again_when_valkey_is_back(redis_url):
    clock = [100.0]
    limiter = point_at(f"redis://127.0.0.1:{find_free_port()}/0", clock=clock)
    assert limiter.take([ONE]) is None
    limiter.client = Redis.from_url(redis_url)
    limiter.__post_init__()
    assert [limiter.take([ONE]), limiter.take([ONE])] == [None, None]
    clock[0] += REST_SECONDS
    limiter.client.flushall()
    assert [limiter.take([ONE]), limiter.take([ONE])] == [None, Refusal(ONE, 60)]


def test_a_valkey_that_forgot_everything_also_the_script_counts_from_the_start(redis_url):
    limiter = make_limiter(redis_url)
    with closing(Redis.from_url(redis_url)) as client:
        client.flushall()
        assert [limiter.take([ONE]), limiter.take([ONE])] == [None, Refusal(ONE, 60)]
        client.flushall()
        client.script_flush()
        assert [limiter.take([ONE]), limiter.take([ONE])] == [None, Refusal(ONE, 60)]


def test_a_bucket_that_holds_something_else_keeps_nobody_out(redis_url):
    with closing(Redis.from_url(redis_url)) as client:
        client.set(ONE.key, "nonsense")
        client.lpush("chorus-limit:list", 1)
        assert make_limiter(redis_url).take([ONE]) is None


def test_a_call_that_fails_leaves_the_connections_of_others_alone(redis_url):
    limiter = make_limiter(redis_url)
    mine = limiter.client.connection_pool.get_connection()
    mine.send_command("PING")
    with closing(Redis.from_url(redis_url)) as client:
        client.delete(ONE.key)
        client.lpush(ONE.key, 1)  # a list is no bucket: asking about it fails
        assert limiter.take([ONE]) is None
        client.delete(ONE.key)
    assert limiter.breaker.is_open()
    assert mine.read_response() == b"PONG"
    mine.disconnect()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["away", "hung"])
def test_the_api_answers_without_valkey(settings, hung, kind):
    port = hung.port if kind == "hung" else find_free_port()
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    settings.LIMIT_ADDRESS = 1
    get_limiter.cache_clear()
    try:
        assert [APIClient().get("/api/v1/terms/").status_code for _ in range(5)] == [200] * 5
    finally:
        get_limiter.cache_clear()
