"""Valkey of the embedded run: broker, cache and rate limits, on a unix socket."""

from __future__ import annotations

import subprocess
import time
from typing import IO

import redis

from annotate.embedded.account import Account
from annotate.embedded.binaries import Binaries
from annotate.embedded.places import Places
from annotate.embedded.postgres import SECONDS_BETWEEN_LOOKS, engine_environment
from annotate.embedded.spawn import start_child


def start_valkey(
    places: Places, account: Account, binaries: Binaries, *, output: IO[bytes] | int, unsafe: bool = False
) -> subprocess.Popen[bytes]:
    """Start the server; `await_valkey` says when it answers. Every message is in its log file on disk."""
    command = [str(binaries.valkey), "--port", "0", "--unixsocket", str(places.valkey_socket)]
    command += ["--unixsocketperm", "700", "--dir", ".", "--save", "", "--appendonly", "no" if unsafe else "yes"]
    command += ["--maxmemory", "512mb", "--maxmemory-policy", "volatile-lru", "--logfile", "", "--daemonize", "no"]
    return start_child(command, cwd=places.valkey, env=engine_environment(), output=output, account=account)


def is_answering(places: Places) -> bool:
    """Whether a server answers on the socket and has read its log."""
    client = redis.Redis(unix_socket_path=str(places.valkey_socket), socket_timeout=1)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()


def await_valkey(places: Places, server: subprocess.Popen[bytes]) -> bool:
    """True when it answers, False when it has ended."""
    while server.poll() is None:
        if places.valkey_socket.exists() and is_answering(places):
            return True
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return False
