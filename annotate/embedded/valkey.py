"""Valkey of the embedded run: broker, cache and rate limits, on a unix socket."""

from __future__ import annotations

import redis

from annotate.embedded.binaries import Binaries
from annotate.embedded.places import Places


def valkey_command(places: Places, binaries: Binaries, *, unsafe: bool = False) -> list[str]:
    """The command line of the server, run *in* its data folder. Every message is in its log file on disk."""
    command = [str(binaries.valkey), "--port", "0", "--unixsocket", str(places.valkey_socket)]
    command += ["--unixsocketperm", "700", "--dir", ".", "--save", "", "--appendonly", "no" if unsafe else "yes"]
    return [*command, "--maxmemory", "512mb", "--maxmemory-policy", "volatile-lru", "--daemonize", "no"]


def is_answering(places: Places) -> bool:
    """Whether a server answers on the socket and has read its log."""
    client = redis.Redis(unix_socket_path=str(places.valkey_socket), socket_timeout=1)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()
