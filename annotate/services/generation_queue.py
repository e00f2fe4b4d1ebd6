"""The queue of generation requests: claimed by lease, answered without a lock, stored exactly once.

1. `claim_requests` takes a batch of one generator: `running`, a token, the end of a lease, one attempt more.
2. The worker calls the engine, with no transaction open, and renews the lease (`renew_leases`) meanwhile.
3. `settle_request` stores one result, if the row still carries the worker's token; else the text is dropped.
4. `sweep_lost_requests` queues again what a dead worker left, and sets aside what killed several.

The states, and what enters and leaves each:

| state | enters | leaves |
|---|---|---|
| queued | asked for; handed back by a server; left by a dead worker; tried again by an organizer | claimed, or called off |
| running | claimed by a worker | settled, called off, or its lease ends |
| done | its text is a candidate, or was one already | never |
| failed | the server refused it, or it failed too often | an organizer tries it again |
| set_aside | workers died over it | an organizer tries it again |
| cancelled | an organizer called it off, or its conversation is gone | an organizer tries it again |
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from annotate.exceptions import ChorusError
from annotate.queries.rows import Row, fetch_all, fetch_one, run
from annotate.services.candidates import NewCandidate, add_candidates
from annotate.services.generation import GENERATING_STATES
from annotate.wake import wake
from tasks.records.generation import GenerationResult
from tasks.text.guards import BadText
from tasks.vocabulary import GenerationOutcome, JobName, RequestState

#: How long a claim lasts without a sign of life; the worker renews it three times in that time.
LEASE_SECONDS = 60.0
#: A worker that died takes a request with it this often before the request is set aside.
LOST_LIMIT = 3
#: The pause after a failure doubles from the first to the longest (seconds).
FIRST_PAUSE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 3600.0
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Retry:
    """How often an outcome may come back to the queue; `pauses_all`: the server itself asks to be left alone."""

    attempts: int
    pauses_all: bool = False


#: Outcomes that another attempt may better; every other one but a text is final.
RETRIES: Mapping[GenerationOutcome, Retry] = {
    GenerationOutcome.RATE_LIMITED: Retry(attempts=24, pauses_all=True),
    GenerationOutcome.UNREACHABLE: Retry(attempts=24, pauses_all=True),
    GenerationOutcome.SERVER_ERROR: Retry(attempts=5),
    GenerationOutcome.TIMED_OUT: Retry(attempts=3),
    GenerationOutcome.EMPTY: Retry(attempts=2),
}

#: One worker at a time decides about a generator; nobody waits for it.
_LOCK_GENERATOR = """
SELECT id FROM annotate_generator WHERE id = %(generator)s AND enabled FOR NO KEY UPDATE SKIP LOCKED"""

_IS_BUSY = """
SELECT EXISTS (
  SELECT 1 FROM annotate_generationrequest
  WHERE generator_id = %(generator)s AND state = 'running' AND lease_expires_at > %(now)s) AS running,
EXISTS (
  SELECT 1 FROM (
    SELECT outcome, not_before FROM annotate_generationrequest
    WHERE generator_id = %(generator)s AND state = 'queued' ORDER BY priority DESC, id LIMIT 64) front
  WHERE front.not_before > %(now)s AND front.outcome = ANY(%(pausing)s::text[])) AS pausing"""

_CLAIM = """
WITH due AS MATERIALIZED (
  SELECT r.id FROM annotate_generationrequest r
  JOIN annotate_message p ON p.id = r.parent_id
  JOIN annotate_messagetree t ON t.id = p.tree_id
  JOIN annotate_campaign c ON c.id = t.campaign_id
  WHERE r.generator_id = %(generator)s AND r.state = 'queued' AND (r.not_before IS NULL OR r.not_before <= %(now)s)
    AND c.state = ANY(%(generating)s::text[])
  ORDER BY r.priority DESC, r.id LIMIT %(limit)s FOR NO KEY UPDATE OF r SKIP LOCKED)
UPDATE annotate_generationrequest r
SET state = 'running', lease_token = %(token)s, lease_expires_at = %(lease_expires_at)s, not_before = NULL,
  attempts = r.attempts + 1
FROM due WHERE r.id = due.id RETURNING r.id"""

_RENEW = """
UPDATE annotate_generationrequest SET lease_expires_at = %(lease_expires_at)s
WHERE state = 'running' AND lease_token = %(token)s"""

_LOCK_MINE = """
SELECT r.id, r.parent_id, r.generator_id, r.attempts, t.campaign_id
FROM annotate_generationrequest r
JOIN annotate_message p ON p.id = r.parent_id JOIN annotate_messagetree t ON t.id = p.tree_id
WHERE r.id = %(request)s AND r.state = 'running' AND r.lease_token = %(token)s
FOR NO KEY UPDATE OF r"""

_END = """
UPDATE annotate_generationrequest
SET state = %(state)s, lease_token = NULL, lease_expires_at = NULL, not_before = %(not_before)s,
  attempts = attempts - %(uncounted)s, outcome = %(outcome)s, reason = %(reason)s,
  finished_at = %(finished_at)s
WHERE id = %(request)s AND state = 'running' AND lease_token = %(token)s"""

_HAND_BACK = """
UPDATE annotate_generationrequest
SET state = 'queued', lease_token = NULL, lease_expires_at = NULL, attempts = GREATEST(attempts - 1, 0)
WHERE state = 'running' AND lease_token = %(token)s"""

_SWEEP = """
WITH lost AS MATERIALIZED (
  SELECT id, attempts >= %(limit)s AS is_last FROM annotate_generationrequest
  WHERE state = 'running' AND lease_expires_at <= %(now)s ORDER BY lease_expires_at LIMIT 500
  FOR NO KEY UPDATE SKIP LOCKED)
UPDATE annotate_generationrequest r
SET state = CASE WHEN lost.is_last THEN 'set_aside' ELSE 'queued' END, lease_token = NULL, lease_expires_at = NULL,
  outcome = %(outcome)s,
  reason = CASE WHEN lost.is_last THEN %(set_aside)s ELSE %(queued_again)s END,
  finished_at = CASE WHEN lost.is_last THEN %(now)s::timestamptz END
FROM lost WHERE r.id = lost.id"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch of one generator's requests, and the token that storing their results needs."""

    generator_id: int
    token: uuid.UUID
    request_ids: tuple[int, ...]


def claim_requests(
    *, generator_id: int, limit: int, now: datetime, token: uuid.UUID, is_shared: bool = False
) -> Claim | None:
    """Claim at most `limit` requests of a generator that are due; None when there is nothing to do now.

    Unless `is_shared`, one worker at a time works for a generator, so that its server never meets more
    requests at once than its record allows. While a server asked for a pause, nothing of it is claimed.
    """
    params: Row = {"generator": generator_id, "limit": limit, "now": now, "token": token}
    params |= {
        "lease_expires_at": now + timedelta(seconds=LEASE_SECONDS),
        "pausing": [outcome.value for outcome, retry in RETRIES.items() if retry.pauses_all],
        "generating": [state.value for state in GENERATING_STATES],
    }
    with transaction.atomic():
        if fetch_one(_LOCK_GENERATOR, params) is None:
            return None
        busy = fetch_one(_IS_BUSY, params)
        if busy is None or busy["pausing"] or (busy["running"] and not is_shared):
            return None
        claimed = fetch_all(_CLAIM, params)
    return Claim(generator_id, token, tuple(sorted(row["id"] for row in claimed))) if claimed else None


def renew_leases(*, token: uuid.UUID, now: datetime) -> int:
    """A sign of life: what this worker still runs stays its own. Returns how many requests that is."""
    return run(_RENEW, {"token": token, "lease_expires_at": now + timedelta(seconds=LEASE_SECONDS)})


def settle_request(*, token: uuid.UUID, result: GenerationResult, now: datetime) -> RequestState | None:
    """Store one result in one transaction: the text as a candidate, or what came of the request instead.

    Returns the request's new state; None when this worker no longer holds it, and then nothing is stored.
    """
    params = {"request": result.request_id, "token": token}
    with transaction.atomic():
        mine = fetch_one(_LOCK_MINE, params)
        if mine is None:
            return None
        if result.outcome == GenerationOutcome.STORED:
            return _store_text(mine=mine, token=token, result=result, now=now)
        return _end_without_text(mine=mine, token=token, result=result, now=now)


def cancel_gone(*, token: uuid.UUID, request_ids: Sequence[int], now: datetime) -> None:
    """Nothing is generated for a conversation that was removed since it was asked for."""
    for request_id in request_ids:
        reason = "The conversation that this would answer was removed."
        _end(request_id, token=token, state=RequestState.CANCELLED, outcome=None, reason=reason, now=now)


def hand_back(*, token: uuid.UUID) -> int:
    """Queue again what this worker claimed and will not answer, as if it had never been tried; returns how many."""
    return run(_HAND_BACK, {"token": token})


def sweep_lost_requests(*, now: datetime) -> int:
    """Queue again what dead workers left; set aside what was lost too often. Returns how many there were."""
    swept = run(
        _SWEEP,
        {
            "now": now,
            "limit": LOST_LIMIT,
            "outcome": GenerationOutcome.WORKER_LOST,
            "queued_again": "The worker stopped before an answer came; the request waits for another one.",
            "set_aside": f"The worker stopped {LOST_LIMIT} times or more over this request, so it is set aside. "
            "Look at the worker's log, then try it again.",
        },
    )
    if swept:
        wake(JobName.GENERATE_CANDIDATES)
    return swept


def _store_text(*, mine: Row, token: uuid.UUID, result: GenerationResult, now: datetime) -> RequestState:
    candidate = NewCandidate.generated(
        text=result.text or "",
        request_id=mine["id"],
        generator_id=mine["generator_id"],
        provenance=result.provenance,
    )
    try:
        with transaction.atomic():
            (stored,) = add_candidates(
                campaign_id=mine["campaign_id"], parent_id=mine["parent_id"], candidates=[candidate], now=now
            )
    except ChorusError as refusal:
        state, outcome, reason = RequestState.CANCELLED, None, refusal.message
    except BadText as refusal:
        state, outcome, reason = RequestState.FAILED, GenerationOutcome.BAD_ANSWER, str(refusal)
    else:
        state, reason = RequestState.DONE, ""
        outcome = GenerationOutcome.STORED if stored.is_new else GenerationOutcome.DUPLICATE_TEXT
    return _end(mine["id"], token=token, state=state, outcome=outcome, reason=reason, now=now)


def _end_without_text(*, mine: Row, token: uuid.UUID, result: GenerationResult, now: datetime) -> RequestState:
    retry = RETRIES.get(result.outcome)
    reason = result.reason or "Nothing is known about why."
    if result.provenance.get("attempts") == 0:
        # The server was never asked: it wants a pause, or the batch's time was over. That is no attempt.
        wait = timedelta(seconds=result.retry_after_seconds or 0)
        return _end(mine["id"], token=token, state=RequestState.QUEUED, outcome=result.outcome, reason=reason, now=now,
                    not_before=now + wait, uncounted=1)  # fmt: skip
    if retry is None or mine["attempts"] >= retry.attempts:
        if retry is not None:
            reason = f"{reason} It was tried {mine['attempts']} times."
        return _end(mine["id"], token=token, state=RequestState.FAILED, outcome=result.outcome, reason=reason, now=now)
    pause = min(FIRST_PAUSE_SECONDS * 2 ** (mine["attempts"] - 1), LONGEST_PAUSE_SECONDS)
    not_before = now + timedelta(seconds=result.retry_after_seconds or pause)
    return _end(
        mine["id"],
        token=token,
        state=RequestState.QUEUED,
        outcome=result.outcome,
        reason=reason,
        now=now,
        not_before=not_before,
    )


def _end(
    request_id: int,
    *,
    token: uuid.UUID,
    state: RequestState,
    outcome: GenerationOutcome | None,
    reason: str,
    now: datetime,
    not_before: datetime | None = None,
    uncounted: int = 0,
) -> RequestState:
    run(
        _END,
        {
            "request": request_id,
            "token": token,
            "state": state,
            "outcome": outcome,
            "reason": reason[:LONGEST_REASON],
            "finished_at": None if state == RequestState.QUEUED else now,
            "not_before": not_before,
            "uncounted": uncounted,
        },
    )
    return state
