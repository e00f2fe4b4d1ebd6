"""Publishing a wake-up can neither fail nor slow whoever asks for it."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
import redis
from django.db import transaction

from annotate import wake as wake_module
from annotate.embedded.children import Child
from annotate.embedded.engines import await_answer, prepare
from annotate.embedded.places import Places
from annotate.embedded.valkey import is_answering
from annotate.wake import COALESCE_SECONDS, MOST_WAITING, BrokerSender, Publisher, wake
from tasks.jobs.policy import POLICIES
from tasks.vocabulary import JobName
from tests.plugin import PLACES

JOB = JobName.RECOMPUTE_STALE
QUEUE = str(POLICIES[JOB].queue)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Outbox:
    """A broker of the test's own that takes, refuses or holds messages."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, tuple]] = []
        self.refuse = False
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def __call__(self, job: str, ids: tuple) -> None:
        self.entered.set()
        self.gate.wait(30)
        if self.refuse:
            raise ConnectionError("no broker")
        self.taken.append((job, ids))


def wait_until(condition, *, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.005)


def nudge(publisher: Publisher) -> None:
    with publisher.changed:
        publisher.changed.notify_all()


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    client = redis.Redis(unix_socket_path=str(PLACES.valkey_socket))
    client.delete(QUEUE)
    yield client
    client.delete(QUEUE)
    client.close()


def messages(client: redis.Redis) -> list[tuple[str, list]]:
    raw = [json.loads(item) for item in client.lrange(QUEUE, 0, -1)]
    return [(item["headers"]["task"], json.loads(item["headers"]["argsrepr"].replace("'", '"'))) for item in raw]


@pytest.mark.django_db(transaction=True)
def test_wake_is_published_on_commit_to_the_queue_of_its_policy(broker: redis.Redis) -> None:
    with transaction.atomic():
        wake(JOB, 12)
        wake_module.flush(0.2)
        assert messages(broker) == []
    assert wake_module.flush(20)
    assert messages(broker) == [(str(JOB), [12])]


@pytest.mark.django_db(transaction=True)
def test_wake_is_not_published_when_the_transaction_rolls_back(broker: redis.Redis) -> None:
    with transaction.atomic():
        wake(JOB, 12)
        transaction.set_rollback(True)
    assert wake_module.flush(20)
    assert messages(broker) == []


def test_same_wake_is_sent_at_once_and_once_more_after_the_window() -> None:
    clock, outbox = Clock(), Outbox()
    publisher = Publisher(outbox, clock=clock)
    publisher.put("a.job", (1,))
    wait_until(lambda: outbox.taken == [("a.job", (1,))])
    for _ in range(50):
        publisher.put("a.job", (1,))
    publisher.put("a.job", (2,))
    wait_until(lambda: outbox.taken == [("a.job", (1,)), ("a.job", (2,))])
    assert list(publisher.due) == [("a.job", (1,))]
    clock.now += COALESCE_SECONDS
    nudge(publisher)
    wait_until(lambda: outbox.taken == [("a.job", (1,)), ("a.job", (2,)), ("a.job", (1,))])
    assert publisher.flush(20)


def test_wake_asked_for_while_the_same_one_is_on_its_way_is_sent_again() -> None:
    clock, outbox = Clock(), Outbox()
    outbox.gate.clear()
    publisher = Publisher(outbox, clock=clock)
    publisher.put("a.job", ())
    assert outbox.entered.wait(20)
    publisher.put("a.job", ())
    outbox.gate.set()
    wait_until(lambda: len(outbox.taken) == 1)
    clock.now += COALESCE_SECONDS
    nudge(publisher)
    wait_until(lambda: outbox.taken == [("a.job", ()), ("a.job", ())])


def test_nothing_is_tried_during_the_pause_after_a_failure_and_nothing_is_forgotten() -> None:
    clock, outbox = Clock(), Outbox()
    outbox.refuse = True
    publisher = Publisher(outbox, clock=clock)
    publisher.put("a.job", (1,))
    wait_until(lambda: publisher.pause_until > clock.now)
    outbox.refuse = False
    outbox.entered.clear()
    publisher.put("a.job", (2,))
    assert not outbox.entered.wait(0.2)
    clock.now = publisher.pause_until
    nudge(publisher)
    wait_until(lambda: sorted(outbox.taken) == [("a.job", (1,)), ("a.job", (2,))])


def test_what_waits_is_bounded() -> None:
    outbox = Outbox()
    outbox.gate.clear()
    publisher = Publisher(outbox)
    publisher.put("a.job", ("first",))
    assert outbox.entered.wait(20)
    for number in range(MOST_WAITING + 50):
        publisher.put("a.job", (number,))
    assert len(publisher.due) == MOST_WAITING
    outbox.gate.set()


def test_put_returns_while_the_broker_hangs() -> None:
    """A listening socket that never answers: the thread waits for it, the caller does not."""
    with closing(socket.socket()) as hung:
        hung.bind(("127.0.0.1", 0))
        hung.listen()
        failures: list[BaseException] = []
        sender = BrokerSender(f"redis://127.0.0.1:{hung.getsockname()[1]}/0")

        def send(job: str, ids: tuple) -> None:
            try:
                sender(job, ids)
            except Exception as error:
                failures.append(error)
                raise

        publisher = Publisher(send)
        publisher.put(str(JOB), ())
        wait_until(lambda: len(failures) == 1)
        assert "imeout" in str(failures[0])
        assert publisher.due  # kept for later
        publisher.due.clear()


def test_dead_broker_keeps_the_wake_for_later() -> None:
    publisher = Publisher(BrokerSender("redis://127.0.0.1:1/0"))
    publisher.put(str(JOB), (7,))
    wait_until(lambda: publisher.pause_until > 0)
    assert list(publisher.due) == [(str(JOB), (7,))]
    publisher.due.clear()


@pytest.mark.slow
def test_broker_killed_and_started_again_gets_what_waited() -> None:
    places = Places(data=PLACES.data.parent / "broker", run=PLACES.data.parent / "broker-run")
    recipe = prepare(places, unsafe=True).valkey_recipe()
    server = Child(replace(recipe, command=[*recipe.command, "--appendonly", "yes"]))
    publisher = Publisher(BrokerSender(f"redis+socket://{places.valkey_socket}"))
    server.start()
    try:
        await_answer(server, lambda: is_answering(places))
        publisher.put(str(JOB), (1,))
        assert publisher.flush(20)
        server.process.kill()
        server.process.wait()
        publisher.put(str(JOB), (2,))
        wait_until(lambda: publisher.pause_until > 0)
        server.start()
        await_answer(server, lambda: is_answering(places))
        assert publisher.flush(30)
        with closing(redis.Redis(unix_socket_path=str(places.valkey_socket))) as client:
            assert sorted(messages(client)) == [(str(JOB), [1]), (str(JOB), [2])]
    finally:
        server.stop()


def test_forked_process_publishes_through_a_thread_of_its_own() -> None:
    """Runs in a process of its own, because a test process with threads should not fork."""
    program = """
import os, django; django.setup()
from annotate import wake
wake.publisher.put("a.job", ())
first = wake.publisher.thread
read, write = os.pipe()
child = os.fork()
if child == 0:
    alone = wake.publisher.thread is None and not wake.publisher.due
    wake.publisher.put("b.job", ())
    sent = wake.publisher.flush(20)
    os.write(write, b"yes" if alone and sent else b"no")
    os._exit(0)
os.waitpid(child, 0)
print(os.read(read, 9).decode(), first is not None)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.returncode) == ("yes True\n", 0), done.stderr
