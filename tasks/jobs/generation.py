"""Ask generators for what is queued, and sweep up after workers that died."""

import contextlib
import logging
import os
import random
import time
import uuid
from collections.abc import Generator as Generating
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, cast

from celery import shared_task
from celery.concurrency.solo import TaskPool
from celery.signals import worker_ready
from django.db import Error, InterfaceError, OperationalError
from django.utils import timezone

from annotate.models import Generator
from annotate.queries.generation import (
    describe_generator,
    find_generator,
    list_due_generators,
    list_generating_campaigns,
    load_jobs,
)
from annotate.services.generate_workers import forget_workers
from annotate.services.generation import ask_missing
from annotate.services.generation_queue import (
    LEASE_SECONDS,
    claim_requests,
    hand_back,
    hold_requests,
    sweep_lost_requests,
)
from annotate.services.generation_results import cancel_gone, settle_request
from annotate.services.servers import SharedGate
from annotate.services.stale import end_turn, rest_after, take_turn
from annotate.wake import wake
from tasks.generation.engines import find_engine
from tasks.generation.gates import NetworkCallable
from tasks.jobs.generation_stopping import PoolStop, Stop
from tasks.jobs.leases import keep_leases
from tasks.jobs.policy import Queue
from tasks.jobs.request_priorities import prioritize_requests
from tasks.jobs.trials import run_trials
from tasks.records.generation import GenerationJob, GenerationResult
from tasks.vocabulary import Engine, GenerationOutcome, JobName, StaleKind

log = logging.getLogger(__name__)

#: Engines that ask other people's servers. A model in a worker's own memory has a job of its own.
NETWORK_ENGINES = (Engine.OPENAI,)
#: A batch goes on while there is something to answer, and takes nothing new after this time (seconds).
BATCH_SECONDS = 780.0
#: How often a batch looks whether it has to end, and whether it is time to renew its leases.
BEAT_SECONDS = 5.0
#: How often one sweep asks for what the next thousand prompts of a campaign lack.
THOUSANDS = 5
TURN_SECONDS = 60.0


@shared_task(name=str(JobName.GENERATE_CANDIDATES))
def generate_candidates_job(generator_id: int | None = None) -> None:
    """One batch of one generator; without an id, a wake-up for each generator that has something to do."""
    if generator_id is None:
        for due in list_due_generators(engines=NETWORK_ENGINES, now=timezone.now()):
            wake(JobName.GENERATE_CANDIDATES, due)
    elif generate_batch(generator_id):
        wake(JobName.GENERATE_CANDIDATES, generator_id)


@shared_task(name=str(JobName.GENERATE_LOCALLY))
def generate_locally_job() -> None:
    """A turn of the worker with a model in this process (`celery -A annotate worker -Q generate --pool solo`)."""
    from tasks.jobs.generation_turns import take_turn

    take_turn()


@worker_ready.connect(weak=False)
def begin_turns(sender: Any, **_: object) -> None:
    """A Celery worker with a model gives its first sign of life before anybody wakes it."""
    if isinstance(sender.pool, TaskPool) and str(Queue.GENERATE) in sender.app.amqp.queues.consume_from:
        from tasks.jobs.generation_turns import find_turns

        find_turns().worker.pulse.start()


@shared_task(name=str(JobName.TRY_GENERATORS))
def try_generators_job() -> None:
    """Answer trials of generators that have a server."""
    run_trials()


@shared_task(name=str(JobName.SWEEP_REQUESTS))
def sweep_requests_job() -> None:
    """Queue again what dead workers left, and forget those that have long been gone; ask for what open campaigns lack.

    And decide what of it comes first.
    """
    forget_workers(now=timezone.now())
    while sweep_lost_requests(now=timezone.now()):
        log.info("requests of lost workers were queued again")
    for campaign_id in list_generating_campaigns():
        ask_in_turn(campaign_id)


def ask_in_turn(campaign_id: int) -> None:
    """Ask for what one campaign lacks, and order it, unless somebody does or it was found to lack nothing a moment ago."""
    turn = take_turn(
        kind=StaleKind.TURN_REQUESTS, subject_id=campaign_id, now=timezone.now(), lease_seconds=TURN_SECONDS
    )
    if turn is None:
        return
    started = time.monotonic()
    is_supplied = any(not ask_missing(campaign_id=campaign_id, now=timezone.now()) for _ in range(THOUSANDS))
    walked_to = prioritize_requests(campaign_id, after=turn.cursor)
    rest = rest_after(time.monotonic() - started)
    end_turn(turn=turn, rest_until=timezone.now() + rest if is_supplied else None, cursor=walked_to)
    if not is_supplied:
        wake(JobName.SWEEP_REQUESTS)


def generate_batch(generator_id: int, *, stop: Stop | None = None) -> bool:
    """Answer what one generator has to do now, as its server has room; False when there was nothing."""
    generator = find_generator(generator_id=generator_id)
    if generator is None or generator.engine not in NETWORK_ENGINES:
        return False
    until = time.time() + BATCH_SECONDS
    batch = Batch(generator=generator, token=uuid.uuid4(), until=until, stop=stop or PoolStop())
    if not batch.claim():
        return False
    with held(batch):
        answer_batch(batch, engine=cast("NetworkCallable", find_engine(Engine(generator.engine))))
    return True


@dataclass
class Batch:
    """Requests of one generator under one token: claimed as the engine asks for more, until `until` (UNIX time) or `stop`.

    `waiting`: claimed, and not given to the engine yet; `open`: not settled yet; `gone`: no longer ours.
    """

    generator: Generator
    token: uuid.UUID
    until: float
    stop: Stop
    waiting: list[int] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    is_alone: bool = False
    held_at: float = field(default_factory=monotonic)

    def claim(self, *, is_under_way: bool = False) -> bool:
        """Claim what the server has room for; False when that is nothing."""
        claim = claim_requests(
            generator_ids=[self.generator.pk],
            limit=self.generator.max_concurrent,
            now=timezone.now(),
            token=self.token,
            is_under_way=is_under_way,
        )
        if claim is None:
            return False
        self.waiting.extend(claim.request_ids)
        self.open.update(claim.request_ids)
        self.is_alone = claim.is_alone
        return True

    def take(self) -> list[int]:
        """What is claimed and not begun."""
        taken, self.waiting = self.waiting, []
        return taken

    def beat(self) -> None:
        """Hold what was claimed. When there is no time left it goes back: what a server still answers is dropped."""
        if self.stop.is_hurried():
            hand_back(token=self.token)
        elif monotonic() < self.held_at + LEASE_SECONDS / 3:
            return
        self.hold()

    def hold(self) -> None:
        """A sign of life; learns which requests were called off."""
        claimed = frozenset(self.open)
        self.gone |= claimed - hold_requests(token=self.token, now=timezone.now())
        self.held_at = monotonic()

    def jobs(self) -> Iterator[GenerationJob]:
        """What to answer, one after the other: when one has its answer, its place is given to the next in the queue."""
        while True:
            sheet = load_jobs(request_ids=self.take())
            cancel_gone(token=self.token, request_ids=sheet.gone, now=timezone.now())
            yield from sheet.jobs
            is_over = self.is_alone or self.stop.is_asked() or time.time() >= self.until
            if is_over or not self.claim(is_under_way=True):
                return


@contextlib.contextmanager
def held(batch: Batch) -> Iterator[None]:
    """Within this block what was claimed stays ours; what is not settled at its end goes back to the queue."""
    try:
        with keep_leases(batch.beat, every_seconds=BEAT_SECONDS):
            yield
    finally:
        with contextlib.suppress(Error):  # the database is away: the leases end by themselves
            hand_back(token=batch.token)


def answer_batch(batch: Batch, *, engine: NetworkCallable) -> None:
    """Call the engine with no lock and no transaction, and store each result as it comes."""
    try:
        record = describe_generator(generator=batch.generator, environment=os.environ)
    except LookupError as problem:
        for request_id in batch.take():
            result = GenerationResult(request_id, GenerationOutcome.UNREACHABLE, reason=str(problem))
            store_result(result, token=batch.token)
        return
    results = engine(
        batch.jobs(),
        generator=record,
        sleep=time.sleep,
        rng=random.SystemRandom(),
        clock=time.time,
        until=batch.until,
        gate=SharedGate(host=batch.generator.host, try_seconds=record.deadline_seconds),
        is_cut=batch.gone.__contains__,
    )
    with contextlib.closing(cast("Generating[GenerationResult]", results)):
        for result in results:
            store_result(result, token=batch.token)


def store_result(result: GenerationResult, *, token: uuid.UUID) -> None:
    """Store one result. One that cannot be stored is a failure of its own request, not of the batch."""
    try:
        settle_request(token=token, result=result, now=timezone.now())
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("could not store the answer to request %s", result.request_id)
        reason = f"The answer could not be stored ({type(error).__name__}). The worker's log says more."
        failure = GenerationResult(result.request_id, GenerationOutcome.BAD_ANSWER, reason=reason)
        settle_request(token=token, result=failure, now=timezone.now())
