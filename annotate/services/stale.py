"""Marks of what must be computed again, and whose turn it is to do it.

A mark is a row of `Stale` with `marked > computed`. Whoever writes something that a result depends on
marks its subject in the same transaction. A job claims marks with a lease and commits, loads and
computes without a lock, and settles in the transaction that stores the result. So a lost wake-up is
found by the next sweep, a doubled one finds nothing to do, a mark made while somebody computes
survives, and a slow worker's old result never replaces a newer one.

What changed by itself is fresh; what follows from something coarser (every parent of a campaign, from a new snapshot) is
marked for later, so that whoever has just judged does not wait behind all that. A fresh mark has no lease, one for later has
one that ended long ago, and so have marks whose worker died: claims can ask for either.

In the order of locks marks come after units; within marks, parents before campaigns.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from annotate.queries.rows import fetch_all, fetch_one, run
from tasks.vocabulary import StaleKind

#: A failed computation is tried again after this, doubled each time up to the longest (seconds).
FIRST_BACKOFF_SECONDS = 30
LONGEST_BACKOFF_SECONDS = 3600
LONGEST_ERROR = 500
#: What is computed again and again rests in between: this many times what it took, within these bounds (seconds).
REST_PER_SECOND = 15.0
SHORTEST_REST_SECONDS = 4.0
LONGEST_REST_SECONDS = 900.0
#: What is computed once an hour is computed more often where it takes less than a second: in small campaigns.
HOURLY_SECONDS = 3600.0
SHORTEST_HOURLY_SECONDS = 300.0

#: The lease of what is marked for later.
LATER = datetime(1970, 1, 1, tzinfo=UTC)

_MARK = """
INSERT INTO annotate_stale AS s (kind, subject_id, marked)
SELECT %(kind)s, subject, 1 FROM unnest(%(subjects)s::bigint[]) AS subject ORDER BY subject
ON CONFLICT (kind, subject_id)
DO UPDATE SET marked = s.marked + 1, lease_expires_at = NULLIF(s.lease_expires_at, %(later)s)"""

_MARK_LATER = """
INSERT INTO annotate_stale AS s (kind, subject_id, marked, lease_expires_at)
SELECT %(kind)s, subject, 1, %(later)s FROM unnest(%(subjects)s::bigint[]) AS subject ORDER BY subject
ON CONFLICT (kind, subject_id) DO UPDATE SET marked = s.marked + 1, lease_expires_at =
  CASE WHEN s.marked > s.computed THEN s.lease_expires_at ELSE COALESCE(s.lease_expires_at, %(later)s) END"""

_CLAIM = """
WITH due AS MATERIALIZED (
  SELECT kind, subject_id FROM annotate_stale
  WHERE kind = %(kind)s AND subject_id > %(after)s AND marked > computed
    AND (lease_expires_at IS NULL OR lease_expires_at <= %(now)s)
    AND (%(fresh)s::boolean IS NULL OR (lease_expires_at IS NULL) = %(fresh)s)
  ORDER BY subject_id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED)
UPDATE annotate_stale s SET lease_expires_at = %(lease_expires_at)s
FROM due WHERE s.kind = due.kind AND s.subject_id = due.subject_id
RETURNING s.subject_id, s.marked"""

_LOCK_CLAIMED = """
SELECT s.subject_id FROM annotate_stale s
JOIN unnest(%(subjects)s::bigint[], %(marked)s::bigint[]) AS mine (subject_id, marked) ON mine.subject_id = s.subject_id
WHERE s.kind = %(kind)s AND s.computed < mine.marked
ORDER BY s.subject_id FOR NO KEY UPDATE OF s"""

_SETTLE = """
UPDATE annotate_stale s
SET computed = GREATEST(s.computed, mine.marked), failures = 0, error = '',
  lease_expires_at = CASE WHEN s.lease_expires_at = %(lease)s THEN %(rest_until)s ELSE s.lease_expires_at END
FROM unnest(%(subjects)s::bigint[], %(marked)s::bigint[]) AS mine (subject_id, marked)
WHERE s.kind = %(kind)s AND s.subject_id = mine.subject_id"""

_FAIL = """
UPDATE annotate_stale
SET failures = LEAST(failures + 1, 1000), error = %(error)s,
  lease_expires_at = %(now)s::timestamptz
    + LEAST(%(first)s * power(2, LEAST(failures, 20)), %(longest)s) * interval '1 second'
WHERE kind = %(kind)s AND subject_id = %(subject)s AND lease_expires_at = %(lease)s"""

_RENEW = """
UPDATE annotate_stale SET lease_expires_at = %(lease_expires_at)s
WHERE kind = %(kind)s AND subject_id = %(subject)s AND lease_expires_at = %(lease)s"""

_TAKE_TURN = """
INSERT INTO annotate_stale AS s (kind, subject_id, marked, lease_expires_at)
VALUES (%(kind)s, %(subject)s, 0, %(lease_expires_at)s)
ON CONFLICT (kind, subject_id) DO UPDATE SET lease_expires_at = excluded.lease_expires_at
  WHERE s.lease_expires_at IS NULL OR s.lease_expires_at <= %(now)s
RETURNING s.marked AS cursor"""

_END_TURN = """
UPDATE annotate_stale
SET lease_expires_at = %(rest_until)s, marked = %(cursor)s, computed = %(cursor)s, failures = 0, error = ''
WHERE kind = %(kind)s AND subject_id = %(subject)s AND lease_expires_at = %(lease)s"""

_KEEP_TURN = """
SELECT subject_id FROM annotate_stale
WHERE kind = %(kind)s AND subject_id = %(subject)s AND lease_expires_at = %(lease)s FOR NO KEY UPDATE"""

_LOCK_TURN = """
SELECT subject_id FROM annotate_stale WHERE kind = %(kind)s AND subject_id = %(subject)s FOR NO KEY UPDATE"""

_RELEASE_TURN = """
INSERT INTO annotate_stale AS s (kind, subject_id, marked) VALUES (%(kind)s, %(subject)s, %(todo)s)
ON CONFLICT (kind, subject_id) DO UPDATE SET lease_expires_at = NULL, marked = s.marked | excluded.marked"""


@dataclass(frozen=True, slots=True)
class Mark:
    """One claimed mark: the value that was read, and the end of the lease, which is also its token."""

    kind: StaleKind
    subject_id: int
    marked: int
    lease_expires_at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to do a campaign's regular work until `lease_expires_at`.

    `cursor` is what the turn before left for this one, 0 at first: where a walk over many rows goes on.
    """

    kind: StaleKind
    subject_id: int
    lease_expires_at: datetime
    cursor: int


def mark_stale(*, kind: StaleKind, subject_ids: Iterable[int]) -> None:
    """Ask for these subjects to be computed again. Call it last in the transaction that changed their inputs."""
    subjects = sorted(set(subject_ids))
    if subjects:
        run(_MARK, {"kind": kind, "subjects": subjects, "later": LATER})


def mark_for_later(*, kind: StaleKind, subject_ids: Iterable[int]) -> None:
    """As `mark_stale`, of subjects whose inputs are as they were: what is fresh goes first. Fresh marks stay fresh."""
    subjects = sorted(set(subject_ids))
    if subjects:
        run(_MARK_LATER, {"kind": kind, "subjects": subjects, "later": LATER})


def claim_stale(
    *,
    kind: StaleKind,
    limit: int,
    now: datetime,
    lease_seconds: float,
    after: int = 0,
    fresh: bool | None = None,
) -> list[Mark]:
    """Lease at most `limit` marks that are due, by subject; passes over what others hold. `fresh`: of these, or of the others.

    A job that claims again goes on `after` the last subject, so that subjects marked all the time keep nobody waiting.
    """
    lease_expires_at = now + timedelta(seconds=lease_seconds)
    params = {"kind": kind, "limit": limit, "after": after, "now": now, "fresh": fresh}
    rows = fetch_all(_CLAIM, {**params, "lease_expires_at": lease_expires_at})
    return sorted(
        (Mark(kind, row["subject_id"], row["marked"], lease_expires_at) for row in rows),
        key=lambda mark: mark.subject_id,
    )


def renew_stale(*, mark: Mark, now: datetime, lease_seconds: float) -> Mark:
    """Hold a claimed mark for longer, for work that goes on in pieces; returns the mark with its new lease.

    One whose lease somebody else has taken over comes back as it was.
    """
    lease_expires_at = now + timedelta(seconds=lease_seconds)
    params = {"kind": mark.kind, "subject": mark.subject_id, "lease": mark.lease_expires_at}
    renewed = run(_RENEW, {**params, "lease_expires_at": lease_expires_at})
    return replace(mark, lease_expires_at=lease_expires_at) if renewed else mark


def lock_claimed(*, marks: Sequence[Mark]) -> list[Mark]:
    """Lock the marks whose result is still wanted, and return those: nobody computed them since from newer inputs."""
    if not marks:
        return []
    rows = fetch_all(_LOCK_CLAIMED, _name_marks(marks))
    wanted = {row["subject_id"] for row in rows}
    return [mark for mark in marks if mark.subject_id in wanted]


def settle_stale(*, marks: Sequence[Mark], rest_until: datetime | None = None) -> None:
    """Say that these are computed up to the value read. `rest_until`: not to be computed again before that."""
    if marks:
        run(_SETTLE, {**_name_marks(marks), "lease": marks[0].lease_expires_at, "rest_until": rest_until})


def fail_stale(*, mark: Mark, error: str, now: datetime) -> None:
    """Say that this could not be computed, and why; it is tried again after a pause that doubles each time."""
    params = {"first": FIRST_BACKOFF_SECONDS, "longest": LONGEST_BACKOFF_SECONDS, "now": now}
    run(
        _FAIL,
        {
            **params,
            "kind": mark.kind,
            "subject": mark.subject_id,
            "lease": mark.lease_expires_at,
            "error": error[:LONGEST_ERROR],
        },
    )


def take_turn(*, kind: StaleKind, subject_id: int, now: datetime, lease_seconds: float) -> Turn | None:
    """The turn at a campaign's regular work, or None while somebody has it or it rests."""
    lease_expires_at = now + timedelta(seconds=lease_seconds)
    params = {"kind": kind, "subject": subject_id, "now": now, "lease_expires_at": lease_expires_at}
    row = fetch_one(_TAKE_TURN, params)
    return None if row is None else Turn(kind, subject_id, lease_expires_at, row["cursor"])


def end_turn(*, turn: Turn, rest_until: datetime | None = None, cursor: int = 0) -> None:
    """Give the turn back, with a cursor for the next; nobody takes it before `rest_until`."""
    params = {"kind": turn.kind, "subject": turn.subject_id, "lease": turn.lease_expires_at}
    run(_END_TURN, {**params, "rest_until": rest_until, "cursor": cursor})


def fail_turn(*, turn: Turn, error: str, now: datetime) -> None:
    """Give the turn back, and say what kept it from its work; it is taken again after a pause that doubles each time."""
    params = {"first": FIRST_BACKOFF_SECONDS, "longest": LONGEST_BACKOFF_SECONDS, "now": now}
    named = {"kind": turn.kind, "subject": turn.subject_id, "lease": turn.lease_expires_at}
    run(_FAIL, {**params, **named, "error": error[:LONGEST_ERROR]})


def keep_turn(*, turn: Turn) -> bool:
    """Hold the turn's row until this transaction ends; False when the turn is no longer one's own."""
    params = {"kind": turn.kind, "subject": turn.subject_id, "lease": turn.lease_expires_at}
    return fetch_one(_KEEP_TURN, params) is not None


def lock_turn(*, kind: StaleKind, subject_id: int) -> None:
    """Wait for whoever is writing in this turn, and let nobody else: before one changes the same rows, and releases it."""
    fetch_one(_LOCK_TURN, {"kind": kind, "subject": subject_id})


def release_turn(*, kind: StaleKind, subject_id: int, todo: int = 0) -> None:
    """End a rest, and take the turn from whoever has it: what they compute may be old. Call it last in a transaction.

    `todo`: bits that are set in the turn's cursor until a turn from now on has ended, of a kind whose cursor is of such bits.
    """
    run(_RELEASE_TURN, {"kind": kind, "subject": subject_id, "todo": todo})


def rest_after(took_seconds: float) -> timedelta:
    """How long something that took so long may rest: it then costs a sixteenth of one processor at most."""
    return timedelta(seconds=min(max(SHORTEST_REST_SECONDS, REST_PER_SECOND * took_seconds), LONGEST_REST_SECONDS))


def rest_hourly(took_seconds: float) -> timedelta:
    """How long hourly work of a campaign rests: less than an hour where it is quick, more where it takes minutes."""
    if took_seconds < 1:
        return timedelta(seconds=SHORTEST_HOURLY_SECONDS)
    return timedelta(seconds=max(HOURLY_SECONDS, REST_PER_SECOND * took_seconds))


def _name_marks(marks: Sequence[Mark]) -> dict[str, object]:
    return {
        "kind": marks[0].kind,
        "subjects": [mark.subject_id for mark in marks],
        "marked": [mark.marked for mark in marks],
    }
