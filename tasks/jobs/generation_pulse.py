"""The sign of life of a worker with a model: every ten seconds it holds what it claimed, and says how it does.

A thread of its own, since the model keeps the main one busy. What it says is one line of the log and one row that the
site shows; the row is also how a container's health check knows that the worker lives.
"""

from __future__ import annotations

import collections
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import Error, connections
from django.utils import timezone

from annotate.models import Generator
from annotate.queries.generate_workers import list_workers
from annotate.queries.local_generation import count_waiting
from annotate.services.generate_workers import WorkerReport, report_worker
from tasks.jobs.generation_desk import Desk
from tasks.records.generation import GenerationResult
from tasks.records.local_models import LocalModel, Memory
from tasks.vocabulary import WorkerState

log = logging.getLogger(__name__)

SECONDS_BETWEEN = 10.0
#: A tick that found the database away is made up for sooner.
SECONDS_AFTER_FAILURE = 2.0
#: The speed is that of the last so many ticks.
TICKS_REMEMBERED = 6
MEBIBYTE = 2**20


def name_worker() -> str:
    """Who this process is to others: the machine and the process."""
    return f"{socket.gethostname()}/{os.getpid()}"


def is_alive(*, now: datetime) -> bool:
    """Whether a worker of this machine (or container) has given a sign of life lately."""
    ours = f"{socket.gethostname()}/"
    return any(worker["is_alive"] and worker["name"].startswith(ours) for worker in list_workers(now=now))


class Meter:
    """How fast the model answers. Only time in which it had something to do counts."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.tokens = 0
        self.answers = 0
        self._busy_before = 0.0
        self._busy_since: float | None = None
        self._marks: collections.deque[tuple[int, float]] = collections.deque([(0, 0.0)], maxlen=TICKS_REMEMBERED)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Within this block the model is at work."""
        self._busy_since = self.clock()
        try:
            yield
        finally:
            self._busy_before, self._busy_since = self.measure_busy(), None

    def count(self, result: GenerationResult) -> None:
        self.answers += 1
        self.tokens += result.completion_tokens or 0

    def measure_busy(self) -> float:
        """Seconds in which the model was at work so far."""
        since = self._busy_since
        return self._busy_before + (self.clock() - since if since is not None else 0.0)

    def measure_speed(self) -> float | None:
        """Tokens per second over the last minute of work; None before there is anything to measure."""
        tokens, busy = self._marks[0]
        now = (self.tokens, self.measure_busy())
        self._marks.append(now)
        seconds = now[1] - busy
        return (now[0] - tokens) / seconds if seconds > 0 and now[0] > tokens else None


class Pulse:
    """What the worker is, and the thread that tells it."""

    def __init__(self, *, desk: Desk, meter: Meter, name: str | None = None, every: float = SECONDS_BETWEEN) -> None:
        self.desk = desk
        self.meter = meter
        self.name = name or name_worker()
        self.every = every
        self.state = WorkerState.LOADING
        self.model_name = ""
        self.model: LocalModel | None = None
        self.count_rows: Callable[[], int] = lambda: 0
        self.generators: Sequence[Generator] = ()
        self.problem = ""
        self.started_at: datetime = timezone.now()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to beat; starting twice is starting once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Say the last word, and stop."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self.state = WorkerState.STOPPED
        self._try_tick()
        connections.close_all()

    def tick(self) -> bool:
        """Hold and report once; False when the database is away."""
        try:
            self.desk.hold()
            report = self.describe(waiting=count_waiting(generator_ids=[generator.pk for generator in self.generators]))
            report_worker(report=report, now=timezone.now())
        except Error as error:
            log.warning("the worker could not tell that it lives: %s", error)
            connections.close_all()
            return False
        log.info("%s", write_line(report, batch=self.count_rows()))
        return True

    def describe(self, *, waiting: int) -> WorkerReport:
        """What the worker says of itself now."""
        memory = self._measure_memory()
        return WorkerReport(
            name=self.name,
            model=self.model_name,
            device=self.model.facts.device if self.model is not None else "",
            state=self.state,
            problem=self.problem,
            waiting_requests=waiting,
            running_requests=self.desk.count_open(),
            tokens_per_second=self.meter.measure_speed(),
            memory_used=memory.used if memory is not None else None,
            memory_total=memory.total if memory is not None else None,
            started_at=self.started_at,
        )

    def _measure_memory(self) -> Memory | None:
        model = self.model
        try:
            return None if model is None else model.measure_memory()
        except Exception as error:  # noqa: BLE001  (a device that failed: the main thread finds that out by itself)
            log.warning("the memory of the device cannot be measured: %s", error)
            return None

    def _beat(self) -> None:
        wait = 0.0
        while not self._ended.wait(wait):
            wait = self.every if self._try_tick() else min(SECONDS_AFTER_FAILURE, self.every)
        connections.close_all()

    def _try_tick(self) -> bool:
        """Whatever goes wrong at one beat, there is a next one: without it, all that is claimed would be lost."""
        try:
            return self.tick()
        except Exception:
            log.exception("a beat of the pulse failed")
            return False


def write_line(report: WorkerReport, *, batch: int) -> str:
    """The health line of the log."""
    speed = "-" if report.tokens_per_second is None else f"{report.tokens_per_second:.0f}"
    memory = (
        "-"
        if report.memory_used is None or report.memory_total is None
        else f"{report.memory_used // MEBIBYTE} of {report.memory_total // MEBIBYTE} MiB"
    )
    return (
        f"{report.model or 'no model'} is {report.state}: queue {report.waiting_requests}, "
        f"running {report.running_requests}, {speed} tokens/s, batch {batch}, memory {memory}"
    )
