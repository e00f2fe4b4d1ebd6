"""Servers of the Redis protocol for tests to hang, kill, keep away and empty: our Valkey on a socket, Debian's Redis on a port."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import redis

from annotate.embedded.children import Child, Recipe
from annotate.embedded.engines import prepare
from annotate.embedded.places import Places
from tests.conftest import find_free_port
from tests.faults.runs import wait_until


@dataclass
class Broker:
    """One server and what may happen to it."""

    url: str
    server: Child

    def start(self) -> None:
        self.server.start()
        wait_until(self.is_answering, f"{self.url}; see {self.server.recipe.log}")

    def is_answering(self) -> bool:
        try:
            with closing(self.client()) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=1)

    def take_away(self, how: str) -> None:
        """`hung`: it keeps its connections and takes new ones, and answers nobody. `killed`: nobody is there."""
        assert self.server.process is not None
        if how == "hung":
            self.server.process.send_signal(signal.SIGSTOP)
        else:
            self.server.process.kill()
            self.server.process.wait()

    def bring_back(self) -> None:
        if self.server.is_running():
            self.server.process.send_signal(signal.SIGCONT)
        else:
            self.start()

    def empty(self) -> None:
        with closing(self.client()) as client:
            client.flushall()

    def end(self) -> None:
        if self.server.is_running():
            self.server.process.send_signal(signal.SIGCONT)
        self.server.stop()


def make_valkey(folder: Path) -> Broker:
    """The server that the embedded run starts, as it starts it: on a socket."""
    places = Places(data=folder / "data", run=folder / "run")
    return Broker(places.redis_url, Child(prepare(places, unsafe=True).valkey_recipe()))


def make_redis(folder: Path) -> Broker:
    """Debian's server, on a port of loopback."""
    port = find_free_port()
    command = [str(shutil.which("redis-server")), "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    recipe = Recipe(name="redis", command=command, cwd=folder, env=dict(os.environ), log=folder / "redis.log")
    return Broker(f"redis://127.0.0.1:{port}/0", Child(recipe))


BROKERS: dict[str, Callable[[Path], Broker]] = {"valkey": make_valkey, "redis": make_redis}
