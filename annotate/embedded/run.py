"""`make run`: everything a run needs, in the order in which it needs it.

1. Refuse what cannot work: a second run on the same data, a taken port.
2. Start PostgreSQL and Valkey (or use the servers that DATABASE_URL and REDIS_URL name).
3. Prepare: refuse a newer schema, back up, migrate, make the demo campaign on the first run.
4. Start web, worker and beat; say the address when the first page answers. Then, where a model is named, the
   worker that generates candidates with it: it may be loading for minutes, and nothing waits for it.
5. Keep them alive, and print mail that no server was named for, until a signal comes; stop all in order.
"""

from __future__ import annotations

import http.client
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from annotate.embedded import postgres, valkey
from annotate.embedded.children import SECONDS_FOR_FORMER, Recipe
from annotate.embedded.commands import claim_data
from annotate.embedded.engines import prepare
from annotate.embedded.folders import remove_run_folder
from annotate.embedded.logfiles import tail
from annotate.embedded.mailbox import Mailbox
from annotate.embedded.places import Places
from annotate.embedded.refusals import RunRefused
from annotate.embedded.supervisor import StopRequested, Supervisor

#: The order in which children are stopped: what serves people first, what keeps their work last.
ORDER = ("prepare", "web", "generate", "worker", "beat", "valkey", "postgres")
#: What the worker of the run reads. The queue of `generate` is for workers with a model (`celery … -Q generate`);
#: the run's own one looks for its requests by itself.
QUEUES = "short,compute,network,stream"


#: They finish what they hold, or give it back.
SLOW_TO_STOP = ("worker", "generate")


@dataclass(frozen=True)
class RunOptions:
    """What of the settings a run needs to know."""

    places: Places
    base: Path
    embedded: bool
    host: str
    port: int
    address: str
    web_workers: int = 2
    web_threads: int = 4
    worker_processes: int = 4
    model: str = ""
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


def run(options: RunOptions, *, say: Callable[[str], None]) -> None:
    """Bring everything up, keep it up, and return when it has been stopped. Raises RunRefused."""
    supervisor = Supervisor(ORDER, say=say)
    with ExitStack() as stack:
        was_killed = stack.enter_context(claim_data(options.places, engines=options.embedded))
        refuse_taken_port(options.host, options.port, patience=SECONDS_FOR_FORMER if was_killed else 0)
        stack.enter_context(supervisor.catching_signals())
        stack.callback(remove_run_folder, options.places)
        stack.callback(supervisor.stop_all)
        with suppress(StopRequested):
            mailbox = Mailbox(options.places.mail, say=say)
            _bring_up(supervisor, options, say)
            supervisor.serve(also=mailbox.tell_new)
        say("Stopping.")


def _bring_up(supervisor: Supervisor, options: RunOptions, say: Callable[[str], None]) -> None:
    places = options.places
    if options.embedded:
        ready = prepare(places)
        supervisor.start(ready.postgres_recipe())
        supervisor.start(ready.valkey_recipe())
        supervisor.await_answer(lambda: postgres.is_answering(places))
        postgres.prepare_database(places)
        supervisor.await_answer(lambda: valkey.is_answering(places))
    recipes = make_recipes(options)
    if supervisor.run(recipes["prepare"]) != 0:
        raise RunRefused(tail(recipes["prepare"].log, lines=40))
    supervisor.start(recipes["web"])  # alone at first, so that nothing delays the first page
    supervisor.await_answer(lambda: is_page_answering(options.host, options.port))
    for name in ("worker", "beat"):
        supervisor.start(recipes[name])
    say(f"Chorus is up: {options.address}  (logs in {places.logs}, Ctrl-C stops it)")
    if options.model:
        supervisor.start(recipes["generate"])
        say(f"A worker is loading the model {options.model}; what it does is in {recipes['generate'].log}.")


def make_recipes(options: RunOptions) -> dict[str, Recipe]:
    """The children that are Python: the preparation, web, worker, beat, and the worker with a model if one is named."""
    programs = Path(sys.executable).parent
    celery = [sys.executable, "-m", "celery", "-A", "annotate.celery"]
    commands: dict[str, list[str | Path]] = {
        "prepare": [sys.executable, options.base / "manage.py", "prepare_run"],
        "web": [
            programs / "granian", "--interface", "wsgi", "annotate.wsgi:application",
            "--host", options.host, "--port", str(options.port), "--no-ws", "--no-access-log",
            "--workers", str(options.web_workers), "--blocking-threads", str(options.web_threads),
            "--respawn-failed-workers", "--workers-kill-timeout", "10", "--log-level", "warning",
        ],
        "worker": [
            *celery, "worker", "--queues", QUEUES, "--concurrency", str(options.worker_processes),
            "--without-gossip", "--without-mingle", "--without-heartbeat", "--hostname", "worker@chorus",
            "-O", "fair", "--loglevel", "INFO",
        ],
        "beat": [*celery, "beat", "--pidfile=", "--loglevel", "INFO"],
    }  # fmt: skip
    if options.model:
        commands["generate"] = [
            sys.executable, options.base / "manage.py", "generate", "--model", options.model, "--register", "--demo-campaign",
        ]  # fmt: skip
    return {
        name: Recipe(
            name=name,
            command=command,
            cwd=options.base,
            env=child_environment(options, process="command" if name == "prepare" else name),
            log=options.places.logs / f"{name}.log",
            once=name == "prepare",
            seconds_to_stop=30 if name in SLOW_TO_STOP else 15,
            vital=name != "generate",
            seconds_to_prove=300 if name == "generate" else 30,
        )
        for name, command in commands.items()
    }


def child_environment(options: RunOptions, *, process: str) -> dict[str, str]:
    """Ours, with what a child must not find out by itself: the data folder's path and which process it is."""
    return {
        # Several threads take twice to four times the processor on the small matrices that quality is computed with.
        "OPENBLAS_NUM_THREADS": "1",
        **options.environment,
        "DJANGO_SETTINGS_MODULE": "annotate.settings",
        "CHORUS_DATA": str(options.places.data),
        "CHORUS_PROCESS": process,
        "PYTHONUNBUFFERED": "1",
    }


def refuse_taken_port(host: str, port: int, *, patience: float = 0) -> None:
    """Refuse before anything is started when nobody could reach the web server.

    `patience`: seconds that the web server of a killed run may take to end.
    """
    until = time.monotonic() + patience
    while problem := find_port_problem(host, port):
        if time.monotonic() >= until:
            raise RunRefused(problem)
        time.sleep(0.1)


def find_port_problem(host: str, port: int) -> str:
    """Why the port cannot be listened on, with what to do; empty when it can."""
    for probe, place in _open_sockets(host, port):
        try:
            probe.bind(place)
        except PermissionError:
            return f"Port {port} needs root's powers. Set CHORUS_PORT to one above 1023."
        except OSError as error:
            return (
                f"Port {port} of {host} cannot be used ({error.strerror}): another program listens on it, or the "
                "address is not this machine's. Set CHORUS_PORT, or CHORUS_HOST."
            )
    return ""


def _open_sockets(host: str, port: int) -> Iterator[tuple[socket.socket, tuple[object, ...]]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise RunRefused(f"CHORUS_HOST is {host!r}, which names no address of this machine: {error}.") from error
    for family, kind, protocol, _name, place in found:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            yield probe, place


def is_page_answering(host: str, port: int) -> bool:
    """Whether the site answers its first page with anything but an error of its own."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (compared, not bound)
    connection = http.client.HTTPConnection(near, port, timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
