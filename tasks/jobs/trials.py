"""Trials of generators that have a server: ask it, and what it serves, and store what came."""

from __future__ import annotations

import os
import random
import time
import uuid
from contextlib import suppress
from dataclasses import replace

from django.db import Error
from django.utils import timezone

from annotate.models import Generator
from annotate.queries.campaigns import list_site_generators
from annotate.queries.generation import describe_generator
from annotate.services.generator_keys import note_answer
from annotate.services.servers import SharedGate
from annotate.services.trials import ClaimedTrial, claim_trials, end_lost_trials, hand_back_trials, settle_trial
from tasks.generation.listing import list_models, say_missing
from tasks.generation.openai_client import generate, open_client
from tasks.generation.payloads import check_generator
from tasks.generation.servers import find_facts
from tasks.records.generation import GenerationResult, GeneratorRecord
from tasks.vocabulary import Engine, GenerationOutcome

#: A trial may take so long, whatever the generator's own time-out is (seconds): its job has to end.
LONGEST_SECONDS = 240.0
#: Models of a server that a trial shows.
MOST_SHOWN = 50


def run_trials() -> int:
    """Answer what waits, one at a time; end what was lost. Returns how many were answered."""
    end_lost_trials(now=timezone.now())
    until = time.time() + LONGEST_SECONDS
    answered = 0
    while time.time() < until:
        token = uuid.uuid4()
        claimed = claim_trials(generator_ids=_list_servers(), limit=1, now=timezone.now(), token=token)
        if not claimed:
            break
        try:
            answer_trial(claimed[0], token=token, until=until)
        finally:
            with suppress(Error):  # the database is away: the lease ends by itself
                hand_back_trials(token=token)
        answered += 1
    return answered


def answer_trial(trial: ClaimedTrial, *, token: uuid.UUID, until: float) -> None:
    """Ask the server once. An answer of another kind than a text is an answer too."""
    generator = Generator.objects.get(pk=trial.generator_id)
    more: dict[str, object] = {}
    try:
        record = describe_generator(generator=generator, environment=os.environ)
    except LookupError as problem:
        result = GenerationResult(trial.id, GenerationOutcome.UNREACHABLE, reason=str(problem))
    else:
        served = _list_models(record)
        result = _ask(trial, generator=generator, record=record, until=until)
        more["models"] = list(served[:MOST_SHOWN])
        missing = say_missing(record.model, served=served)
        if missing and result.outcome not in (GenerationOutcome.STORED, GenerationOutcome.MODEL_UNAVAILABLE):
            result = replace(result, reason=f"{result.reason} {missing}" if result.reason else missing)
    settle_trial(token=token, result=result, now=timezone.now(), more=more)
    if generator.problem:
        note_answer(generator_id=generator.pk, result=result, now=timezone.now())


def _ask(trial: ClaimedTrial, *, generator: Generator, record: GeneratorRecord, until: float) -> GenerationResult:
    gate = SharedGate(host=generator.host, try_seconds=record.deadline_seconds, is_trial=True)
    once = replace(record, attempts=1, deadline_seconds=min(record.deadline_seconds, LONGEST_SECONDS))
    rng = random.SystemRandom()
    (result,) = generate(
        [trial.job], generator=once, sleep=time.sleep, rng=rng, clock=time.time, until=until, gate=gate
    )
    return result


def _list_models(record: GeneratorRecord) -> tuple[str, ...]:
    if check_generator(record) is not None or not find_facts(record.server_kind).lists_models:
        return ()
    with open_client(generator=replace(record, read_timeout_seconds=10.0), clock=time.time) as client:
        return list_models(record, client=client)


def _list_servers() -> list[int]:
    return list(list_site_generators().filter(engine=Engine.OPENAI).values_list("pk", flat=True))
