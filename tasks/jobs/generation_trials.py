"""Trials of generators whose model is loaded in this process: one prompt of an administrator, asked by itself."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress

from django.db import Error
from django.utils import timezone

from annotate.models import GeneratorTrial
from annotate.services.trials import ClaimedTrial, claim_trials, hand_back_trials, settle_trial
from tasks.generation.local import LocalEngine, RestartNeeded
from tasks.jobs.generation_stopping import Stop
from tasks.records.generation import GenerationResult, GeneratorRecord
from tasks.vocabulary import GenerationOutcome, TrialState


def is_trial_waiting(records: Sequence[GeneratorRecord]) -> bool:
    """Whether somebody waits for the trial of one of these generators."""
    ids = [record.id for record in records]
    return GeneratorTrial.objects.filter(generator_id__in=ids, state=TrialState.QUEUED).exists()


def answer_trial(records: Sequence[GeneratorRecord], *, engine: LocalEngine, stop: Stop) -> bool:
    """Answer one trial, if there is one; False when there is none. Raises RestartNeeded, after it was told."""
    known = {record.id: record for record in records}
    token = uuid.uuid4()
    claimed = claim_trials(generator_ids=tuple(known), limit=1, now=timezone.now(), token=token)
    if not claimed:
        return False
    [trial] = claimed
    try:
        _ask(trial, known[trial.generator_id], token=token, engine=engine, stop=stop)
    finally:
        with suppress(Error):  # the database is away: the lease ends by itself
            hand_back_trials(token=token)
    return True


def _ask(trial: ClaimedTrial, record: GeneratorRecord, *, token: uuid.UUID, engine: LocalEngine, stop: Stop) -> None:
    try:
        for result in engine.answer([(trial.job, record)], is_cut=lambda _: stop.is_hurried()):
            if not stop.is_hurried() or result.outcome == GenerationOutcome.STORED:
                settle_trial(token=token, result=result, now=timezone.now())
    except RestartNeeded as reason:
        lost = GenerationResult(trial.id, GenerationOutcome.WORKER_LOST, reason=str(reason))
        settle_trial(token=token, result=lost, now=timezone.now())  # where it is not settled already
        raise
