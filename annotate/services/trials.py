"""Trials: an administrator asks a generator one prompt and sees what comes back. It is nobody's candidate.

| state | enters | leaves |
|---|---|---|
| queued | an administrator started it | a worker with the generator's engine claims it; nobody does in `PATIENCE`: failed |
| running | claimed | settled; its lease ends: failed |
| done | a text came | never |
| failed | none came, and the reason says why | never |

A trial is asked for once: whoever wants another one starts another one. The latest of each generator are kept.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor, require_administrator
from annotate.exceptions import Conflict, InvalidInput, NotFound
from annotate.models import Generator, GeneratorTrial
from annotate.queries.campaigns import list_site_generators
from annotate.queries.rows import fetch_all, run
from annotate.services.campaign_values import Reader
from annotate.wake import wake
from tasks.records.generation import GenerationJob, GenerationResult, Turn
from tasks.vocabulary import Engine, GenerationOutcome, JobName, MessageRole, TrialState

LONGEST_PROMPT = 20_000
#: Trials that may wait at once: of one generator, and of all.
MOST_OF_ONE = 3
MOST_WAITING = 20
#: Trials of one generator that are kept.
MOST_KEPT = 20
#: A claimed trial is lost without a sign of life for so long; one that nobody takes ends too.
LEASE = timedelta(minutes=15)
PATIENCE = timedelta(minutes=15)
LONGEST_TEXT = 100_000
LONGEST_REASON = 500
WAITING = (TrialState.QUEUED, TrialState.RUNNING)
_JOBS = {Engine.OPENAI: JobName.TRY_GENERATORS, Engine.TRANSFORMERS: JobName.GENERATE_LOCALLY}

_CLAIM = """
WITH due AS MATERIALIZED (
  SELECT t.id FROM annotate_generatortrial t
  WHERE t.state = 'queued' AND t.generator_id = ANY(%(generators)s::bigint[])
  ORDER BY t.id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED)
UPDATE annotate_generatortrial t
SET state = 'running', lease_token = %(token)s, lease_expires_at = %(lease_expires_at)s
FROM due WHERE t.id = due.id RETURNING t.id, t.generator_id, t.prompt"""

_SETTLE = """
UPDATE annotate_generatortrial
SET state = %(state)s, outcome = %(outcome)s, text = %(text)s, reason = %(reason)s, provenance = %(provenance)s,
  seconds = %(seconds)s, completion_tokens = %(completion_tokens)s, lease_token = NULL, lease_expires_at = NULL,
  finished_at = %(now)s
WHERE id = %(trial)s AND state = 'running' AND lease_token = %(token)s"""

_HAND_BACK = """
UPDATE annotate_generatortrial SET state = 'queued', lease_token = NULL, lease_expires_at = NULL
WHERE state = 'running' AND lease_token = %(token)s"""

_END_LOST = """
WITH lost AS MATERIALIZED (
  SELECT id FROM annotate_generatortrial
  WHERE (state = 'running' AND lease_expires_at <= %(now)s) OR (state = 'queued' AND created_at <= %(before)s)
  ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
UPDATE annotate_generatortrial t
SET state = 'failed', outcome = %(outcome)s, finished_at = %(now)s, lease_token = NULL, lease_expires_at = NULL,
  reason = CASE t.state WHEN 'running' THEN %(lost)s ELSE %(untaken)s END
FROM lost WHERE t.id = lost.id"""

_FORGET = """
DELETE FROM annotate_generatortrial t WHERE t.generator_id = %(generator)s AND t.state IN ('done', 'failed')
  AND t.id <= (SELECT id FROM annotate_generatortrial WHERE generator_id = %(generator)s
    ORDER BY id DESC OFFSET %(most)s LIMIT 1)"""


@dataclass(frozen=True, slots=True)
class ClaimedTrial:
    """A trial that this worker holds, as a job of an engine; its result carries the trial's id."""

    id: int
    generator_id: int
    job: GenerationJob


def start_trial(*, generator_id: int, prompt: str, actor: Actor, now: datetime) -> GeneratorTrial:
    """Ask a generator of the site one prompt; a worker answers, and the row says what came.

    Raises InvalidInput `trial_invalid`, NotFound `generator_not_found`, Conflict `generator_disabled`, or
    `too_many_trials` while others wait.
    """
    user = require_administrator(actor)
    prompt = _check_prompt(prompt)
    with transaction.atomic():
        generator = _lock(generator_id)
        _check_room(generator)
        trial = GeneratorTrial.objects.create(
            generator=generator, prompt=prompt, state=TrialState.QUEUED, created_by=user, created_at=now
        )
        run(_FORGET, {"generator": generator.pk, "most": MOST_KEPT})
        wake(_JOBS[Engine(generator.engine)])
    return trial


def claim_trials(
    *, generator_ids: Sequence[int], limit: int, now: datetime, token: uuid.UUID
) -> tuple[ClaimedTrial, ...]:
    """Claim at most `limit` trials of these generators, the oldest first."""
    given = {"generators": list(generator_ids), "limit": limit, "token": token, "lease_expires_at": now + LEASE}
    rows = sorted(fetch_all(_CLAIM, given), key=lambda row: row["id"])
    return tuple(ClaimedTrial(row["id"], row["generator_id"], _make_job(row)) for row in rows)


def settle_trial(
    *, token: uuid.UUID, result: GenerationResult, now: datetime, more: Mapping[str, Any] | None = None
) -> bool:
    """Store what came of a trial; False when this worker no longer holds it. `more` goes into its provenance.

    What the model told itself is not stored.
    """
    has_text = result.outcome == GenerationOutcome.STORED
    given = {
        "trial": result.request_id,
        "token": token,
        "state": TrialState.DONE if has_text else TrialState.FAILED,
        "outcome": result.outcome,
        "text": (result.text or "")[:LONGEST_TEXT],
        "reason": (result.reason or "")[:LONGEST_REASON],
        "provenance": json.dumps({**result.provenance, **(more or {})}),
        "seconds": result.compute_seconds,
        "completion_tokens": result.completion_tokens,
        "now": now,
    }
    return run(_SETTLE, given) == 1


def hand_back_trials(*, token: uuid.UUID) -> int:
    """Queue again what this worker claimed and will not answer; returns how many."""
    return run(_HAND_BACK, {"token": token})


def end_lost_trials(*, now: datetime) -> int:
    """End what a dead worker held, and what no worker took; returns how many."""
    return run(
        _END_LOST,
        {
            "now": now,
            "before": now - PATIENCE,
            "outcome": GenerationOutcome.WORKER_LOST,
            "lost": "The worker stopped before an answer came. Try it again.",
            "untaken": "No worker took this trial: none that can ask this generator is running. Start one, and try again.",
        },
    )


def _check_prompt(prompt: str) -> str:
    reader = Reader()
    checked = reader.text("prompt", prompt, longest=LONGEST_PROMPT, lines=True)
    if reader.problems or checked is None:
        details = {place: [sentence] for place, sentence in reader.problems.items()}
        raise InvalidInput(next(iter(reader.problems.values())), code="trial_invalid", details=details)
    return checked


def _lock(generator_id: int) -> Generator:
    generator = list_site_generators().select_for_update(no_key=True).filter(pk=generator_id).first()
    if generator is None:
        raise NotFound(_("The site has no such generator."), code="generator_not_found")
    if not generator.enabled:
        raise Conflict(_("This generator is disabled. Enable it to try it."), code="generator_disabled")
    return generator


def _check_room(generator: Generator) -> None:
    waiting = GeneratorTrial.objects.filter(state__in=WAITING)
    if waiting.filter(generator=generator).count() >= MOST_OF_ONE or waiting.count() >= MOST_WAITING:
        raise Conflict(
            _("Other trials are still waiting for their answers. Wait until one has come, then try again."),
            code="too_many_trials",
        )


def _make_job(row: Mapping[str, Any]) -> GenerationJob:
    return GenerationJob(row["id"], (Turn(MessageRole.PROMPTER, row["prompt"]),), seed=row["id"] % 2**31)
