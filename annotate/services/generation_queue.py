"""The queue of generation requests: claimed by lease, answered without a lock, stored exactly once.

1. `claim_requests` takes a batch of some generators: `running`, a token, the end of a lease.
2. The worker calls the engine, with no transaction open, and renews the lease (`hold_requests`) meanwhile; what is
   no longer among the answer was called off.
3. `generation_results.settle_request` stores one result, if the row still carries the token; else the text is dropped.
4. `sweep_lost_requests` queues again what a dead worker left. Each of these is a suspect from then on: it is claimed
   alone, so that one that kills its worker takes no other with it, and is set aside the second time.

The states, and what enters and leaves each:

| state | enters | leaves |
|---|---|---|
| queued | asked for; handed back; drawn again; left by a dead worker; tried again by an organizer | claimed, or called off |
| running | claimed by a worker | settled, handed back, called off, or its lease ends |
| done | its text is a candidate, or was one already | never |
| failed | no text that can be used came, and no other try is left | an organizer tries it again |
| set_aside | workers died over it | an organizer tries it again |
| cancelled | an organizer called it off, or its conversation is gone | an organizer tries it again |

A claim looks at the front of each generator's queue in each campaign, however long they are
(`queries.generation_lanes`); what waits for a moment (`not_before`) joins them when the moment has come.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from annotate.queries.generation_lanes import FRONT_READY, FRONT_SUSPECTS
from annotate.queries.rows import Row, fetch_all, fetch_row, run
from annotate.services.generation import GENERATING_STATES
from annotate.services.generator_keys import keep_one_try, widen
from annotate.services.servers import count_allowed
from annotate.wake import wake
from tasks.vocabulary import GenerationOutcome, JobName

#: How long a claim lasts without a sign of life; the worker renews it three times in that time.
LEASE_SECONDS = 60.0
#: The second worker that dies over a request sets it aside.
LOST_LIMIT = 2
#: Of what waited for a moment that has come, a claim moves so many of each generator and outcome to the front.
MOST_RIPENED = 500
#: After these nothing of the generator is asked until the moment that the request waits for.
PAUSING = (GenerationOutcome.RATE_LIMITED, GenerationOutcome.UNREACHABLE, GenerationOutcome.KEY_REFUSED)

#: Those who claim for one server, or for one loaded model, take turns; nobody holds these rows for longer than a claim.
_LOCK_GENERATORS = """
SELECT g.id, g.host, g.max_concurrent, g.id = ANY(%(generators)s::bigint[]) AS is_asked,
  g.host <> '' AND g.problem <> '' AS is_refused
FROM annotate_generator g
WHERE g.enabled AND g.engine <> 'label' AND (g.id = ANY(%(generators)s::bigint[]) OR g.host IN (
  SELECT asked.host FROM annotate_generator asked WHERE asked.id = ANY(%(generators)s::bigint[]) AND asked.host <> ''))
ORDER BY g.id FOR NO KEY UPDATE"""

# `= ANY(ARRAY(…))` around what is locked: a join is estimated at thousands of rows, and reads the whole table for them.
_RIPEN = """
WITH ripe AS MATERIALIZED (
  SELECT due.id FROM unnest(%(generators)s::bigint[]) AS g (id) CROSS JOIN unnest(%(outcomes)s::text[]) AS o (outcome)
  CROSS JOIN LATERAL (
    SELECT r.id FROM annotate_generationrequest r
    WHERE r.generator_id = g.id AND r.outcome = o.outcome AND r.state = 'queued'
      AND r.not_before IS NOT NULL AND r.not_before <= %(now)s
    ORDER BY r.not_before LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED) due)
UPDATE annotate_generationrequest SET not_before = NULL WHERE id = ANY(ARRAY(SELECT id FROM ripe))"""

_SERVER = """
SELECT (
  SELECT count(*) FROM annotate_generationrequest r JOIN annotate_generator g ON g.id = r.generator_id
  WHERE r.state = 'running' AND r.lease_expires_at > %(now)s AND g.host = %(host)s) AS running,
ARRAY(
  SELECT g.id FROM unnest(%(generators)s::bigint[]) AS g (id) WHERE NOT EXISTS (
    SELECT 1 FROM unnest(%(pausing)s::text[]) AS o (outcome) CROSS JOIN LATERAL (
      SELECT r.id FROM annotate_generationrequest r
      WHERE r.generator_id = g.id AND r.outcome = o.outcome AND r.state = 'queued' AND r.not_before > %(now)s
      LIMIT 1) waiting)
  ORDER BY g.id) AS asking"""

_TAKE = """
WITH mine AS MATERIALIZED (
  SELECT r.id FROM annotate_generationrequest r
  WHERE r.id = ANY(%(requests)s::bigint[]) AND r.state = 'queued' AND r.not_before IS NULL
  ORDER BY r.id FOR NO KEY UPDATE SKIP LOCKED)
UPDATE annotate_generationrequest
SET state = 'running', lease_token = %(token)s, lease_expires_at = %(lease_expires_at)s, started_at = %(now)s
WHERE id = ANY(ARRAY(SELECT id FROM mine)) RETURNING id, generator_id"""

# In the order of ids, as whoever calls requests off locks them.
_MINE = """
WITH mine AS MATERIALIZED (
  SELECT r.id FROM annotate_generationrequest r WHERE r.state = 'running' AND r.lease_token = %(token)s {some}
  ORDER BY r.id FOR NO KEY UPDATE)"""

_HOLD = f"""{_MINE.format(some="")}
UPDATE annotate_generationrequest SET lease_expires_at = %(lease_expires_at)s
WHERE id = ANY(ARRAY(SELECT id FROM mine)) RETURNING id"""

_HAND_BACK = f"""{_MINE.format(some="AND (%(requests)s::bigint[] IS NULL OR r.id = ANY(%(requests)s::bigint[]))")}
UPDATE annotate_generationrequest SET state = 'queued', lease_token = NULL, lease_expires_at = NULL
WHERE id = ANY(ARRAY(SELECT id FROM mine))"""

_SWEEP = """
WITH lost AS MATERIALIZED (
  SELECT id FROM annotate_generationrequest
  WHERE state = 'running' AND lease_expires_at <= %(now)s ORDER BY lease_expires_at LIMIT 500
  FOR NO KEY UPDATE SKIP LOCKED)
UPDATE annotate_generationrequest
SET state = CASE WHEN losses + 1 >= %(limit)s THEN 'set_aside' ELSE 'queued' END, lease_token = NULL,
  lease_expires_at = NULL, losses = losses + 1, outcome = %(outcome)s,
  reason = CASE WHEN losses + 1 >= %(limit)s THEN %(set_aside)s ELSE %(queued_again)s END,
  finished_at = CASE WHEN losses + 1 >= %(limit)s THEN %(now)s::timestamptz END
WHERE id = ANY(ARRAY(SELECT id FROM lost))"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch of requests, the generator of each, and the token that storing their results needs.

    `is_alone`: its one request was under way when a worker died; nothing else is to run beside it.
    """

    token: uuid.UUID
    request_ids: tuple[int, ...]
    generator_of: Mapping[int, int]
    is_alone: bool = False


def claim_requests(
    *, generator_ids: Sequence[int], limit: int, now: datetime, token: uuid.UUID, is_under_way: bool = False
) -> Claim | None:
    """Claim at most `limit` requests of these generators, the most urgent first; None when there is nothing to do now.

    The generators are those of one loaded model, or have one server. A server never meets more requests at once than
    the largest `max_concurrent` among its generators, whoever claims; while it asked for a pause, nothing is claimed.

    A suspect is claimed alone. Where both wait, the token's last bit says which has its turn, so that neither keeps
    the other waiting. `is_under_way`: more for a batch that runs under this token already, so no suspect.
    """
    params: Row = {"generators": sorted(set(generator_ids)), "now": now, "token": token, "limit": limit}
    params["generating"] = [state.value for state in GENERATING_STATES]
    with transaction.atomic():
        locked = fetch_all(_LOCK_GENERATORS, params)
        params["generators"] = [row["id"] for row in locked if row["is_asked"]]
        if not params["generators"] or limit < 1:
            return None
        run(_RIPEN, {**params, "outcomes": [outcome.value for outcome in GenerationOutcome], "most": MOST_RIPENED})
        host = _name_host(locked)
        if host:
            params |= _look_at_server(params=params, host=host, most=max(row["max_concurrent"] for row in locked))
        wide = {**params, "limit": widen(params["limit"], locked=locked)}
        rows, is_alone = _find_front(params=wide, is_suspects_turn=bool(token.int & 1), is_under_way=is_under_way)
        kept = keep_one_try(rows, locked=locked, lot=token.int >> 1, now=now)
        front = [row["id"] for row in kept[: params["limit"]]]
        if host and front:  # a server's own limits: its requests a minute, and whether it answers at all
            front = front[: count_allowed(host=host, wanted=len(front), now=now)]
        return _take(front, params=params, is_alone=is_alone) if front else None


def hold_requests(*, token: uuid.UUID, now: datetime) -> frozenset[int]:
    """A sign of life: what this worker still runs stays its own. Returns those; the others were called off or taken."""
    rows = fetch_all(_HOLD, {"token": token, "lease_expires_at": now + timedelta(seconds=LEASE_SECONDS)})
    return frozenset(row["id"] for row in rows)


def hand_back(*, token: uuid.UUID, request_ids: Sequence[int] | None = None) -> int:
    """Queue again what this worker claimed and will not answer, as if it had never been tried; returns how many."""
    return run(_HAND_BACK, {"token": token, "requests": None if request_ids is None else list(request_ids)})


def sweep_lost_requests(*, now: datetime) -> int:
    """Queue again what dead workers left; set aside what was lost too often. Returns how many there were."""
    swept = run(
        _SWEEP,
        {
            "now": now,
            "limit": LOST_LIMIT,
            "outcome": GenerationOutcome.WORKER_LOST,
            "queued_again": "The worker stopped before an answer came; the request waits for another one.",
            "set_aside": f"The worker stopped {LOST_LIMIT} times over this request, so it is set aside. "
            "Look at the worker's log, then try it again.",
        },
    )
    if swept:
        wake(JobName.GENERATE_CANDIDATES)
    return swept


def _name_host(locked: Sequence[Row]) -> str:
    hosts = {str(row["host"]) for row in locked}
    if len(hosts) > 1:
        raise ValueError("A claim is for the generators of one server, or of none.")
    return hosts.pop()


def _look_at_server(*, params: Row, host: str, most: int) -> Row:
    """The generators of a server that may be asked now, and how many requests it has room for."""
    pausing = [outcome.value for outcome in PAUSING]
    server = fetch_row(_SERVER, {**params, "host": host, "pausing": pausing})
    return {"generators": server["asking"], "limit": max(0, min(params["limit"], most - server["running"]))}


def _find_front(*, params: Row, is_suspects_turn: bool, is_under_way: bool) -> tuple[list[Row], bool]:
    """The requests to take, most urgent first, and whether it is one to be answered alone."""
    turns = [(FRONT_READY, params, False)]
    if not is_under_way:
        suspects = (FRONT_SUSPECTS, {**params, "limit": min(params["limit"], 1)}, True)
        turns.insert(0 if is_suspects_turn else 1, suspects)
    for sql, given, is_alone in turns:
        front = fetch_all(sql, given)
        if front:
            return front, is_alone
    return [], False


def _take(front: Sequence[int], *, params: Row, is_alone: bool) -> Claim | None:
    lease_expires_at = params["now"] + timedelta(seconds=LEASE_SECONDS)
    taken = fetch_all(_TAKE, {**params, "requests": list(front), "lease_expires_at": lease_expires_at})
    generator_of = {row["id"]: row["generator_id"] for row in taken}
    request_ids = tuple(request for request in front if request in generator_of)
    return Claim(params["token"], request_ids, generator_of, is_alone) if taken else None
