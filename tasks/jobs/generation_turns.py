"""The worker with a model as a Celery job: `celery -A annotate worker -Q generate --pool solo`, one for each GPU.

A job is a turn of some minutes at most, so that Celery can answer and end between two of them; the model stays warm in
the process. The message was acknowledged before the turn began: what counts is the lease of each row. When the process
must be started afresh, its turn gives back what it holds and has Celery end with `EXIT_RESTART`; whatever supervises it
(compose's `restart:`, systemd's `Restart=`) starts it again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from celery.signals import worker_shutdown
from django.db import Error, connections
from django.utils import timezone

from annotate.queries.local_generation import list_wanted
from tasks.generation.local import RestartNeeded
from tasks.jobs.generation_models import ModelKey, list_local_generators
from tasks.jobs.generation_stopping import CeleryStop, end_celery_worker
from tasks.jobs.generation_worker import EXIT_RESTART, Worker
from tasks.records.local_models import ModelRefused
from tasks.vocabulary import Engine, WorkerState

log = logging.getLogger(__name__)

#: Celery's own limits do not exist in its solo pool: a turn ends by itself (seconds).
TURN_SECONDS = 240.0
#: A model is changed when nobody has asked it for so long, and another one is wanted.
IDLE_SECONDS = 10.0
#: A model that could not be loaded is tried again after this time: somebody may have put right what was wrong.
REFUSED_SECONDS = 300.0


class Turns:
    """The worker of this process, and the models that it could not load."""

    def __init__(self, worker: Worker, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.worker = worker
        self.clock = clock
        self.refused: dict[ModelKey, float] = {}

    def take(self) -> None:
        """One turn. Raises RestartNeeded."""
        until = self.clock() + TURN_SECONDS
        while self.clock() < until and not self.worker.stop.is_asked():
            if self.worker.key is None and not self._load_wanted():
                return
            self.worker.work(is_over=_Idleness(until=until, clock=self.clock))
            if self.clock() < until and not self._change_model():
                return

    def _change_model(self) -> bool:
        """Nobody asks the present model now: make room for another one that somebody asks."""
        wanted = self._list_wanted()
        if not wanted or wanted[0] == self.worker.key:
            return bool(wanted)
        self.worker.drop_model()
        return True

    def _load_wanted(self) -> bool:
        """Load the model that is wanted most and can be loaded; False when there is none."""
        for key in self._list_wanted():
            try:
                self.worker.take_model(key)
            except ModelRefused as refusal:
                log.error("%s cannot be loaded: %s", key, refusal)  # noqa: TRY400  (the sentence says it all)
                self.refused[key] = self.clock() + REFUSED_SECONDS
            else:
                return True
        return False

    def _list_wanted(self) -> list[ModelKey]:
        """Models that have something to do, the most urgent first; without those that were just refused.

        One that is loaded and can answer nothing of what it is asked is refused too: it keeps no other waiting.
        """
        ids = list_wanted(engine=Engine.TRANSFORMERS, now=timezone.now())
        places = {generator_id: place for place, generator_id in enumerate(ids)}
        found = list_local_generators(ids)
        present = self.worker.key
        if present in found and not any(map(self.worker.can_answer, found[present])):
            self.refused[present] = self.clock() + REFUSED_SECONDS
        keys = sorted(found, key=lambda key: min(places[generator.pk] for generator in found[key]))
        return [key for key in keys if self.refused.get(key, 0.0) <= self.clock()]


class _Idleness:
    """Whether a turn is over: its time is, or nothing was asked for a while."""

    def __init__(self, *, until: float, clock: Callable[[], float]) -> None:
        self.until = until
        self.clock = clock
        self.idle_since: float | None = None

    def __call__(self, is_idle: bool) -> bool:  # noqa: FBT001  (the worker's question has one answer)
        now = self.clock()
        if not is_idle:
            self.idle_since = None
        elif self.idle_since is None:
            self.idle_since = now
        return now >= self.until or (self.idle_since is not None and now - self.idle_since >= IDLE_SECONDS)


_turns: list[Turns] = []


def find_turns() -> Turns:
    """The worker of this process, which is made at the first call; it ends with Celery."""
    if not _turns:
        _turns.append(Turns(Worker(stop=CeleryStop())))
        _turns[0].worker.pulse.state = WorkerState.WAITING
        worker_shutdown.connect(end_turns)
    return _turns[0]


def take_turn() -> None:
    """One turn of this process's worker."""
    turns = find_turns()
    try:
        turns.take()
    except RestartNeeded as reason:
        log.error("the worker ends, to be started afresh: %s", reason)  # noqa: TRY400
        end_celery_worker(EXIT_RESTART)
    except Error as error:
        log.warning("the database is away: %s", error)
        connections.close_all()


def end_turns(**_: object) -> None:
    """Celery ends: store and give back what is held, and say so."""
    while _turns:
        _turns.pop().worker.end()
