"""Worker, beat and wake-ups while the broker is killed, hung or emptied: on Valkey, and on Debian's Redis."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from annotate.embedded.children import Child, Recipe
from annotate.embedded.engines import await_answer, prepare
from annotate.embedded.places import Places
from annotate.embedded.valkey import is_answering
from annotate.wake import BrokerSender, Publisher
from tests.faults.runs import BASE, wait_until
from tests.plugin import PLACES

pytestmark = pytest.mark.slow

QUEUE = "short"  # where what has no route of its own goes


def valkey_recipe(places: Places) -> Recipe:
    recipe = prepare(places, unsafe=True).valkey_recipe()
    return Recipe(**{**vars(recipe), "command": [*recipe.command, "--appendonly", "yes"]})


def redis_recipe(places: Places) -> Recipe:
    places.data.mkdir()
    places.run.mkdir()
    command = [shutil.which("redis-server"), "--port", "0", "--unixsocket", str(places.valkey_socket)]
    command += ["--dir", str(places.data), "--save", "", "--appendonly", "yes"]
    return Recipe(name="redis", command=command, cwd=places.data, env={}, log=places.data / "redis.log")


class Site:
    """A broker of its own, and the worker or the beat of the product on it."""

    def __init__(self, make_recipe, folder: Path) -> None:
        folder.mkdir()
        folder.chmod(0o755)
        self.folder = folder
        self.places = Places(data=folder / "d", run=folder / "r")
        self.server = Child(make_recipe(self.places))
        self.children: list[Child] = [self.server]
        self.start_server()
        self.sender = BrokerSender(f"redis+socket://{self.places.valkey_socket}")
        self.publisher = Publisher(self.sender)

    def start_server(self) -> None:
        self.server.start()
        await_answer(self.server, lambda: is_answering(self.places))

    def start(self, *command: str) -> Child:
        env = {**os.environ, "REDIS_URL": self.places.redis_url, "NOTES": str(self.folder / "notes")}
        child = Child(
            Recipe(
                name=command[0],
                command=[
                    sys.executable,
                    "-m",
                    "celery",
                    "-A",
                    "tests.faults.broker_jobs",
                    *command,
                    "--loglevel",
                    "INFO",
                ],
                cwd=BASE,
                env={**env, "CHORUS_PROCESS": command[0]},
                log=self.folder / f"{command[0]}.log",
            )
        )
        child.start()
        self.children.append(child)
        return child

    def start_worker(self) -> Child:
        return self.start("worker", "-Q", QUEUE, "--concurrency", "1", "--without-gossip", "--without-mingle")

    def wake(self, word: str) -> None:
        self.publisher.put("tests.note", (word,))

    def notes(self) -> list[str]:
        path = self.folder / "notes"
        return path.read_text().split() if path.exists() else []

    def await_note(self, word: str) -> None:
        logs = [child.recipe.log for child in self.children]
        wait_until(lambda: word in self.notes(), f"{word!r} in the notes; see {logs}")

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.places.valkey_socket))

    def end(self) -> None:
        with self.publisher.changed:
            self.publisher.due.clear()
        for child in reversed(self.children):
            if child.process is not None:
                child.process.send_signal(signal.SIGCONT)
            child.stop()


@pytest.fixture(params=["valkey", pytest.param("redis", marks=pytest.mark.redis)])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    folder = PLACES.data.parent / f"broker-{request.node.name.encode().hex()[-12:]}-{os.urandom(3).hex()}"
    site = Site({"valkey": valkey_recipe, "redis": redis_recipe}[request.param], folder)
    yield site
    site.end()


def test_worker_goes_on_after_its_broker_is_killed(site: Site) -> None:
    site.start_worker()
    site.wake("before")
    site.await_note("before")
    site.server.process.kill()
    site.server.process.wait()
    site.wake("meanwhile")
    wait_until(lambda: site.publisher.pause_until > 0, "a failed attempt")
    site.start_server()
    site.await_note("meanwhile")
    site.wake("after")
    site.await_note("after")


def test_messages_of_a_killed_broker_are_there_when_it_is_back(site: Site) -> None:
    site.wake("kept")
    assert site.publisher.flush(30)
    with closing(site.client()) as client:
        client.config_set("appendfsync", "always")
        client.set("written", "1")
    site.server.process.kill()
    site.server.process.wait()
    site.start_server()
    site.start_worker()
    site.await_note("kept")


def test_worker_goes_on_after_its_broker_hung(site: Site) -> None:
    site.start_worker()
    site.wake("before")
    site.await_note("before")
    site.server.process.send_signal(signal.SIGSTOP)
    site.wake("meanwhile")
    wait_until(lambda: site.publisher.pause_until > 0, "a failed attempt")
    site.server.process.send_signal(signal.SIGCONT)
    site.await_note("meanwhile")


def test_worker_goes_on_after_its_broker_was_emptied(site: Site) -> None:
    site.start_worker()
    site.wake("before")
    site.await_note("before")
    with closing(site.client()) as client:
        client.flushall()
    site.wake("after")
    site.await_note("after")


def test_beat_sends_at_once_and_goes_on_after_its_broker_hung_and_was_killed(site: Site) -> None:
    site.start("beat", "--pidfile=")

    def sent() -> int:
        with closing(site.client()) as client:
            return client.llen(QUEUE)

    wait_until(lambda: sent() >= 2, "the first messages")
    site.server.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: "imeout" in site.children[1].output_since_start(), "beat's complaint")
    site.server.process.send_signal(signal.SIGCONT)
    before = sent()
    wait_until(lambda: sent() >= before + 2, "messages after the hang")
    site.server.process.kill()
    site.server.process.wait()
    site.start_server()
    with closing(site.client()) as client:
        client.delete(QUEUE)
    wait_until(lambda: sent() >= 2, "messages after the kill")
    assert site.children[1].is_running()


def test_job_that_runs_is_not_run_again_when_its_worker_is_killed(site: Site) -> None:
    """Acknowledged early: a message is only a wake-up, and what it was about is found by the next sweep."""
    worker = site.start_worker()
    site.wake("once")
    site.await_note("once")
    worker.process.kill()
    worker.process.wait()
    worker.clear_away()
    with closing(site.client()) as client:
        assert (client.llen(QUEUE), client.hlen("unacked")) == (0, 0)
    site.start_worker()
    site.wake("next")
    site.await_note("next")
    assert site.notes() == ["once", "next"]
