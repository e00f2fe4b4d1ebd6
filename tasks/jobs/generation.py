"""Ask generators for what is queued, and sweep up after workers that died."""

import contextlib
import logging
import os
import random
import time
import uuid
from collections.abc import Generator as Generating
from collections.abc import Iterator
from typing import cast

from celery import shared_task
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
from annotate.services.generation import ask_missing
from annotate.services.generation_queue import (
    LEASE_SECONDS,
    Claim,
    cancel_gone,
    claim_requests,
    hand_back,
    renew_leases,
    settle_request,
    sweep_lost_requests,
)
from annotate.services.stale import end_turn, rest_after, take_turn
from annotate.wake import wake
from tasks.generation.engines import EngineUnavailable, GenerateCallable, find_engine
from tasks.jobs.leases import keep_leases
from tasks.records.generation import GenerationResult
from tasks.vocabulary import Engine, GenerationOutcome, JobName, StaleKind

log = logging.getLogger(__name__)

#: A batch holds this many rounds of what a generator answers at once, and ends after this time (seconds).
ROUNDS = 4
BATCH_SECONDS = 780.0
#: How often one sweep asks for what the next thousand prompts of a campaign lack.
THOUSANDS = 5
TURN_SECONDS = 60.0


@shared_task(name=str(JobName.GENERATE_CANDIDATES))
def generate_candidates_job(generator_id: int | None = None) -> None:
    """One batch of one generator; without an id, a wake-up for each generator that has something to do."""
    if generator_id is None:
        for due in list_due_generators(engines=list_engines(), now=timezone.now()):
            wake(JobName.GENERATE_CANDIDATES, due)
    elif generate_batch(generator_id):
        wake(JobName.GENERATE_CANDIDATES, generator_id)


@shared_task(name=str(JobName.SWEEP_REQUESTS))
def sweep_requests_job() -> None:
    """Queue again what dead workers left; ask for what open campaigns lack."""
    while sweep_lost_requests(now=timezone.now()):
        log.info("requests of lost workers were queued again")
    for campaign_id in list_generating_campaigns():
        ask_in_turn(campaign_id)


def ask_in_turn(campaign_id: int) -> None:
    """Ask for what one campaign lacks, unless somebody does or it was found to lack nothing a moment ago."""
    turn = take_turn(
        kind=StaleKind.TURN_REQUESTS, subject_id=campaign_id, now=timezone.now(), lease_seconds=TURN_SECONDS
    )
    if turn is None:
        return
    started = time.monotonic()
    is_supplied = any(not ask_missing(campaign_id=campaign_id, now=timezone.now()) for _ in range(THOUSANDS))
    rest = rest_after(time.monotonic() - started)
    end_turn(turn=turn, rest_until=timezone.now() + rest if is_supplied else None)
    if not is_supplied:
        wake(JobName.SWEEP_REQUESTS)


def list_engines() -> list[Engine]:
    """The engines that this process can call."""
    found = []
    for engine in Engine:
        with contextlib.suppress(EngineUnavailable):
            find_engine(engine)
            found.append(engine)
    return found


def generate_batch(generator_id: int) -> bool:
    """Claim one batch and answer it; False when there was nothing to do for this process."""
    generator = find_generator(generator_id=generator_id)
    if generator is None or generator.engine not in list_engines():
        return False
    claim = claim_requests(
        generator_id=generator_id,
        limit=ROUNDS * generator.max_concurrent,
        now=timezone.now(),
        token=uuid.uuid4(),
        is_shared=generator.engine == Engine.TRANSFORMERS,
    )
    if claim is None:
        return False
    with held(claim):
        answer_claim(claim, generator=generator, engine=find_engine(Engine(generator.engine)))
    return True


@contextlib.contextmanager
def held(claim: Claim) -> Iterator[None]:
    """Within this block the claim stays ours; what is not settled at its end goes back to the queue."""
    try:
        with keep_leases(lambda: renew_leases(token=claim.token, now=timezone.now()), every_seconds=LEASE_SECONDS / 3):
            yield
    finally:
        with contextlib.suppress(Error):  # the database is away: the leases end by themselves
            hand_back(token=claim.token)


def answer_claim(claim: Claim, *, generator: Generator, engine: GenerateCallable) -> None:
    """Call the engine with no lock and no transaction, and store each result as it comes."""
    try:
        record = describe_generator(generator=generator, environment=os.environ)
    except LookupError as problem:
        for request_id in claim.request_ids:
            store_result(claim, GenerationResult(request_id, GenerationOutcome.UNREACHABLE, reason=str(problem)))
        return
    sheet = load_jobs(request_ids=claim.request_ids)
    cancel_gone(token=claim.token, request_ids=sheet.gone, now=timezone.now())
    results = engine(
        sheet.jobs,
        generator=record,
        sleep=time.sleep,
        rng=random.SystemRandom(),
        clock=time.time,
        until=time.time() + BATCH_SECONDS,
    )
    with contextlib.closing(cast("Generating[GenerationResult]", results)):
        for result in results:
            store_result(claim, result)


def store_result(claim: Claim, result: GenerationResult) -> None:
    """Store one result. One that cannot be stored is a failure of its own request, not of the batch."""
    try:
        settle_request(token=claim.token, result=result, now=timezone.now())
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("could not store the answer to request %s", result.request_id)
        reason = f"The answer could not be stored ({type(error).__name__}). The worker's log says more."
        failure = GenerationResult(result.request_id, GenerationOutcome.BAD_ANSWER, reason=reason)
        settle_request(token=claim.token, result=failure, now=timezone.now())
