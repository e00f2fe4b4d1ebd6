"""The worker with a model in its own memory: one loop for both of its starts.

* `manage.py generate --model NAME`: one model for the life of the process.
* `celery -A annotate worker -Q generate --pool solo`: the model that is wanted most, kept warm between jobs, and changed
  only when nobody has wanted it for a while (`generation_turns`).

1. Claim requests of all generators of the model, whatever their campaigns, as the model has room for them.
2. Answer them, with no transaction open; each result is stored by the clerk while others are being made.
3. After a minute of this, or when nothing waits: trials and suspects have their turn, and it may be time to end.

An error that may have left the device in a bad state ends the process (`RestartNeeded`): what it holds goes back first,
and its supervisor starts it afresh.
"""

from __future__ import annotations

import gc
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Generator as Generating
from contextlib import closing
from dataclasses import replace
from typing import Any, cast

from django.db import Error, connections
from django.utils import timezone

from annotate.models import Generator
from annotate.queries.generation import describe_generator
from annotate.services.generate_workers import note_problem
from tasks.generation.local import LocalEngine, RestartNeeded
from tasks.generation.prompt_formats import suggest_format
from tasks.jobs.generation_batching import choose_batching
from tasks.jobs.generation_desk import Asked, Batch, Desk
from tasks.jobs.generation_models import ModelKey, list_local_generators, load
from tasks.jobs.generation_pulse import Meter, Pulse
from tasks.jobs.generation_stopping import Stop
from tasks.jobs.generation_trials import answer_trial, is_trial_waiting
from tasks.records.generation import GeneratorRecord, Loading
from tasks.records.local_models import LocalModel, ModelRefused
from tasks.vocabulary import WorkerState

log = logging.getLogger(__name__)

#: What the process ends with when it is to be started afresh (EX_TEMPFAIL).
EXIT_RESTART = 75
#: So long a batch takes more in; then it is brought to its end, and trials and suspects have their turn (seconds).
FEEDING_SECONDS = 60.0
#: How often an idle worker looks at the queue, at least and at most (seconds).
FIRST_LOOK, LAST_LOOK = 0.1, 1.0


class Worker:
    """One process that generates. The model may change (`take_model`); desk, pulse and meter stay."""

    def __init__(self, *, stop: Stop, clock: Callable[[], float] = time.monotonic) -> None:
        self.stop = stop
        self.clock = clock
        self.desk = Desk(stop=stop, clock=clock)
        self.meter = Meter(clock=clock)
        self.pulse = Pulse(desk=self.desk, meter=self.meter)
        self.key: ModelKey | None = None
        self.engine: LocalEngine | None = None
        self._told: dict[int, str] = {}
        self._suspects_seconds = self._others_seconds = 0.0

    def take_model(self, key: ModelKey, *, sharing: Mapping[str, Any] | None = None) -> LocalModel:
        """Load a model in place of the present one. Raises ModelRefused, which its generators then show.

        `sharing`: `batching` and `max_batch`, where somebody said them.
        """
        self.drop_model()
        self.pulse.state, self.pulse.model_name = WorkerState.LOADING, str(key)
        self.pulse.start()
        generators = list_local_generators().get(key, [])
        try:
            model = load(key, say=log.info)
        except ModelRefused as refusal:
            self.pulse.problem = str(refusal)
            note_problem(generator_ids=[g.pk for g in generators], problem=str(refusal), now=timezone.now())
            raise
        self.take_loaded(key, model, loading=replace(find_loading(key, generators), **(sharing or {})))
        return model

    def take_loaded(self, key: ModelKey, model: LocalModel, *, loading: Loading) -> None:
        """Use a model that is in memory."""
        self.engine = LocalEngine(
            model, loading=loading,
            clock=time.time, rng=random.SystemRandom(),
            batching=choose_batching(model, wanted=loading.batching),
        )  # fmt: skip
        self.key = key
        progress = self.engine.progress
        self.pulse.count_rows = lambda: progress.running
        self.pulse.model, self.pulse.model_name = model, str(key)
        self.pulse.state, self.pulse.problem = WorkerState.WAITING, ""

    def drop_model(self) -> None:
        """Free the memory of the present model."""
        model, self.pulse.model, self.engine, self.key = self.pulse.model, None, None, None
        if model is not None:
            gc.collect()  # what the engine held of it
            model.clear()
            del model
            gc.collect()

    def work(self, *, is_over: Callable[[bool], bool]) -> None:
        """Answer what is asked of the model until the worker is told to end, or `is_over(is_idle)` says so.

        Raises RestartNeeded.
        """
        pause = FIRST_LOOK
        while not self.stop.is_asked():
            if self._do_something():
                pause = FIRST_LOOK
                if is_over(False):
                    return
                continue
            self.desk.wait()
            self.pulse.state = WorkerState.WAITING
            if is_over(True):
                return
            self._rest(pause)
            pause = min(2 * pause, LAST_LOOK)

    def can_answer(self, generator: Generator) -> bool:
        """Whether nothing is known that keeps the present model from answering for a generator."""
        return not self._told.get(generator.pk)

    def end(self) -> None:
        """Store and give back everything, and say so."""
        self.pulse.state = WorkerState.STOPPING
        self.desk.end()
        self.pulse.end()

    def _do_something(self) -> bool:
        """A trial and a batch; False when there is neither, or the database is away."""
        assert self.engine is not None
        batch: Batch | None = None
        try:
            every, records = self._find_records()
            has_tried = answer_trial(every, engine=self.engine, stop=self.stop)
            if not records:
                return has_tried
            batch = self.desk.begin(suspects_first=self._suspects_seconds < self._others_seconds)
            first = self.desk.claim(batch, records, limit=self.engine.most_rows)
        except Error as error:
            log.warning("the database is away: %s", error)
            connections.close_all()
            if batch is not None:
                self.desk.finish(batch)  # what it claimed all the same is not to be held for ever
            return False
        if not first:
            self.desk.finish(batch)
        elif batch.is_alone:
            self.desk.wait()  # it may end the process, and must take nothing with it that was answered
            self._answer(batch, first, records)
            self.desk.wait()  # nor may the next one take its answer
        else:
            self._answer(batch, first, records)
        return has_tried or bool(first)

    def _find_records(self) -> tuple[list[GeneratorRecord], list[GeneratorRecord]]:
        """The model's generators, and those that it can answer for; what keeps the others from it is shown with them."""
        assert self.engine is not None
        assert self.key is not None
        generators = self.pulse.generators = list_local_generators().get(self.key, [])
        records = [describe_generator(generator=generator, environment={}) for generator in generators]
        fit = []
        for generator, record in zip(generators, records, strict=True):
            problem = self.engine.find_problem(record) or ""
            if self._told.get(generator.pk, generator.problem) != problem:
                note_problem(generator_ids=[generator.pk], problem=problem, now=timezone.now())
            self._told[generator.pk] = problem
            if not problem:
                fit.append(record)
        return records, fit

    def _answer(self, batch: Batch, first: Sequence[Asked], records: Sequence[GeneratorRecord]) -> None:
        """Answer a batch, and what is claimed to it meanwhile; give back what of it has no result."""
        assert self.engine is not None
        self.pulse.state = WorkerState.WORKING
        started = self.clock()
        try:
            with self.meter.answering():
                results = self.engine.answer(
                    self._feed(batch, first, records), is_cut=lambda request_id: self._is_cut(batch, request_id)
                )
                with closing(cast("Generating[object]", results)):
                    for result in results:
                        self.meter.count(result)
                        if batch.keeps(result):
                            self.desk.store(batch, result)
        except RestartNeeded as reason:
            batch.kept = reason.suspects
            raise
        finally:
            self.desk.finish(batch)
            self._count_time(self.clock() - started, is_suspect=batch.is_alone)

    def _feed(self, batch: Batch, first: Sequence[Asked], records: Sequence[GeneratorRecord]) -> Iterator[Asked]:
        """What is claimed already, then more, as the model asks for it and the queue has it."""
        assert self.engine is not None
        yield from first
        until = self.clock() + FEEDING_SECONDS
        while not (batch.is_alone or self.stop.is_asked() or self.clock() >= until):
            try:
                if is_trial_waiting(records):
                    return
                more = self.desk.claim(batch, records, limit=self.engine.most_rows)
            except Error as error:
                log.warning("the database is away: %s", error)
                connections.close_all()
                return
            if not more:
                return
            yield from more

    def _is_cut(self, batch: Batch, request_id: int) -> bool:
        """Whether a row is to stop: its request is no longer ours, or there is no time left."""
        if request_id not in batch.gone and not self.stop.is_hurried():
            return False
        batch.told.add(request_id)
        return True

    def _count_time(self, seconds: float, *, is_suspect: bool) -> None:
        """Suspects get as much time as all others, and no more: neither keeps the other waiting."""
        if is_suspect:
            self._suspects_seconds += seconds
        else:
            self._others_seconds += seconds
        least = min(self._suspects_seconds, self._others_seconds)
        self._suspects_seconds, self._others_seconds = self._suspects_seconds - least, self._others_seconds - least

    def _rest(self, seconds: float) -> None:
        until = self.clock() + seconds
        while not self.stop.is_asked() and (left := until - self.clock()) > 0:
            time.sleep(min(left, 0.1))


def find_loading(key: ModelKey, generators: Sequence[Generator]) -> Loading:
    """How a model is loaded and shared: as the first of its generators says."""
    for generator in generators:
        return describe_generator(generator=generator, environment={}).loading
    return key.loading


def find_format(model: LocalModel) -> str:
    """The prompt format for a model: none where it has a chat template of its own."""
    return "" if model.facts.template_sha256 is not None else suggest_format(model.facts.name)
