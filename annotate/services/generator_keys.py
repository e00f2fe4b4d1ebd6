"""A server that refuses the key of a generator: its requests wait, one of them tries the key now and then, nothing is failed.

As a breaker (`tasks.generation.breaker`) of one generator, whose state is its `problem`: open while a request of it waits for
a moment (`generation_queue.PAUSING`), half open when that has come (`keep_one_try`), closed by any answer of the server. The
host's own breaker does not see it: the server works, and other generators may ask it with keys of their own.

Some servers refuse a single request in the same words. So what tries the key is drawn by lot, and a request with which the
refusals began, while others were answered, has lost a try (`generation_results`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from annotate.queries.rows import Row, fetch_all, run
from annotate.services.generate_workers import clear_problem, note_problem
from tasks.records.generation import GenerationResult
from tasks.vocabulary import GenerationOutcome

#: Between two tries of a key, longer the longer it is refused: as long again as it has been, within these bounds (seconds).
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 60.0, 900.0
#: Requests of which one is drawn to try a key.
TRIED_AMONG = 16
REFUSED = "The server refuses the key. Requests wait, and go on by themselves when it takes the key again."
#: What no server gives whose key was refused.
ANSWERS = frozenset(
    {
        GenerationOutcome.STORED,
        GenerationOutcome.DUPLICATE_TEXT,
        GenerationOutcome.NEAR_DUPLICATE,
        GenerationOutcome.DECLINED,
        GenerationOutcome.LOOPING,
        GenerationOutcome.PROMPT_TOO_LONG,
        GenerationOutcome.EMPTY,
        GenerationOutcome.TRUNCATED,
    }
)

#: What somebody holds is passed over: they call it off, or let it go on themselves.
_GO_ON = """
WITH mine AS MATERIALIZED (
  SELECT id FROM annotate_generationrequest
  WHERE generator_id = %(generator)s AND outcome = %(outcome)s AND state = 'queued' AND not_before > %(now)s
  ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
UPDATE annotate_generationrequest SET not_before = %(now)s WHERE id = ANY(ARRAY(SELECT id FROM mine))"""

_UNDER_WAY = """
SELECT DISTINCT r.generator_id AS generator FROM annotate_generationrequest r
WHERE r.state = 'running' AND r.lease_expires_at > %(now)s AND r.generator_id = ANY(%(generators)s::bigint[])"""


def wait_for_key(*, generator_id: int, since: datetime | None, now: datetime) -> timedelta:
    """Say that the key is refused; returns how long requests wait. `since`: when that was said first."""
    note_problem(generator_ids=[generator_id], problem=REFUSED, now=now)
    refused = 0.0 if since is None else (now - since).total_seconds()
    return timedelta(seconds=min(max(refused, FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS))


def note_answer(*, generator_id: int, result: GenerationResult, now: datetime) -> None:
    """A server that answers takes the key: what waited for that goes on. Last in a transaction."""
    if result.outcome in ANSWERS:
        clear_problem(generator_ids=[generator_id])
        run(_GO_ON, {"generator": generator_id, "outcome": GenerationOutcome.KEY_REFUSED, "now": now})


def widen(limit: int, *, locked: Sequence[Row]) -> int:
    """How many requests to look at for a claim of `limit`: where a key was refused, enough to draw one by lot."""
    return max(limit, TRIED_AMONG) if limit and any(row["is_refused"] for row in locked) else limit


def keep_one_try(front: Sequence[Row], *, locked: Sequence[Row], lot: int, now: datetime) -> list[Row]:
    """Of each generator whose key was refused one request by `lot`, and none while another one is under way.

    front   what would be claimed: `id`, `generator`
    locked  the generators, with `is_refused`; whoever claims for them takes turns
    """
    refused = {row["id"] for row in locked if row["is_refused"]}
    if not refused:
        return list(front)
    under_way = {row["generator"] for row in fetch_all(_UNDER_WAY, {"generators": sorted(refused), "now": now})}
    drawn = {row["id"] for row in front if row["generator"] not in refused}
    for generator in refused - under_way:
        own = [row["id"] for row in front if row["generator"] == generator]
        drawn |= {own[lot % len(own)]} if own else set()
    return [row for row in front if row["id"] in drawn]
