"""The lease of an import: taken with a token, renewed by progress, given back at the end.

Every statement here says whose lease it writes under; where no row answers, somebody else runs the import
now, and the transaction that found out is undone.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from annotate.exceptions import Conflict
from annotate.models import ImportRun
from annotate.queries.rows import fetch_one, run
from tasks.vocabulary import ImportFormat, ImportState

LEASE_SECONDS = 60
#: A run that died this often without getting any further is not tried again.
MOST_ATTEMPTS = 5
#: Bad lines that are kept with their reasons; all are counted.
KEPT_PROBLEMS = 1_000
LONGEST_REASON = 500

INTERRUPTED = "The command that ran this import was stopped. Run it again: it goes on where it stopped."
WORN_OUT = (
    "Each worker that ran this import died at the same place. What was imported before it stands; look at the records "
    "that follow, and import the rest as a new file."
)

#: An absolute path is somebody's own file, which only their own command reads.
_CLAIM = """
UPDATE annotate_importrun r
SET state = 'running', lease_token = %(token)s, lease_expires_at = %(lease_expires_at)s, attempts = r.attempts + 1
WHERE r.id = (
  SELECT w.id FROM annotate_importrun w
  WHERE NOT starts_with(w.stored_path, '/')
    AND (w.state = 'queued' OR (w.state = 'running' AND w.lease_expires_at <= %(now)s))
  ORDER BY w.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING r.id"""

_RESUME = """
UPDATE annotate_importrun
SET state = 'running', lease_token = %(token)s, lease_expires_at = %(lease_expires_at)s, attempts = attempts + 1,
  reason = '', finished_at = NULL
WHERE id = %(id)s AND (state IN ('queued', 'failed') OR (state = 'running' AND lease_expires_at <= %(now)s))
RETURNING id"""

_GIVE_UP = """
UPDATE annotate_importrun
SET state = 'failed', lease_token = NULL, lease_expires_at = NULL, finished_at = %(now)s,
  reason = CASE WHEN starts_with(stored_path, '/') THEN %(interrupted)s ELSE %(worn_out)s END
WHERE state = 'running' AND lease_expires_at <= %(now)s
  AND (starts_with(stored_path, '/') OR attempts >= %(most_attempts)s)"""

_MINE = "WHERE id = %(id)s AND state = 'running' AND lease_token = %(token)s"

_BEAT = f"""
UPDATE annotate_importrun
SET lease_expires_at = %(lease_expires_at)s, bytes_read = GREATEST(bytes_read, %(bytes_read)s), format = %(format)s
{_MINE}"""

_ADVANCE = f"""
UPDATE annotate_importrun
SET lease_expires_at = %(lease_expires_at)s, bytes_read = GREATEST(bytes_read, %(bytes_read)s), format = %(format)s,
  attempts = 0, records_done = %(records_done)s, read = %(records_done)s, added = added + %(added)s,
  skipped = skipped + %(skipped)s, bad = bad + %(bad)s, prompts_added = prompts_added + %(prompts_added)s,
  candidates_added = candidates_added + %(candidates_added)s,
  languages_seen = ARRAY(SELECT DISTINCT l FROM unnest(languages_seen || %(languages)s::varchar[]) AS l ORDER BY l)
{_MINE}"""

_FINISH = f"""
UPDATE annotate_importrun
SET state = %(state)s, reason = %(reason)s, format = %(format)s, lease_token = NULL, lease_expires_at = NULL,
  finished_at = %(now)s, read = GREATEST(read, %(read)s), bad = GREATEST(bad, %(bad)s),
  bytes_read = CASE WHEN %(is_done)s THEN bytes ELSE bytes_read END
{_MINE}"""

_KEEP_PROBLEMS = """
INSERT INTO annotate_importproblem (import_run_id, line, reason)
SELECT %(id)s, p.line, p.reason FROM unnest(%(lines)s::bigint[], %(reasons)s::text[]) AS p (line, reason)
ON CONFLICT (import_run_id, line, reason) DO NOTHING"""


class LeaseLost(Conflict):
    """Somebody else runs this import now."""

    code = "import_taken"


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """What one batch did. `records_done`: the ordinal of its last record."""

    records_done: int
    added: int
    skipped: int
    bad: int
    prompts_added: int
    candidates_added: int
    languages: list[str]


@dataclass(frozen=True, slots=True)
class Place:
    """How far into the file a run is, and the file's format once that is known."""

    bytes_read: int
    format: ImportFormat | None


def claim_import(*, now: datetime) -> ImportRun | None:
    """Take the lease of the first import that waits for a worker, or None. Ends those that nobody will finish."""
    with transaction.atomic():
        run(_GIVE_UP, {"now": now, "interrupted": INTERRUPTED, "worn_out": WORN_OUT, "most_attempts": MOST_ATTEMPTS})
        row = fetch_one(_CLAIM, {"now": now} | _make_lease(now=now))
        return None if row is None else ImportRun.objects.get(pk=row["id"])


def resume_import(*, import_id: int, now: datetime) -> ImportRun:
    """Take the lease of one import that is not done. Raises LeaseLost when it is, or while somebody runs it."""
    row = fetch_one(_RESUME, {"id": import_id, "now": now} | _make_lease(now=now))
    if row is None:
        raise _taken()
    return ImportRun.objects.get(pk=import_id)


def stop_import(*, claimed: ImportRun, now: datetime) -> None:
    """Give the lease back in the midst of it, so that the same command can go on at once."""
    finish(claimed=claimed, state=ImportState.FAILED, reason=INTERRUPTED, place=Place(0, None), now=now)


def renew_lease(*, claimed: ImportRun, place: Place, now: datetime) -> None:
    """Say that the run is alive."""
    _write(_BEAT, claimed, {"lease_expires_at": now + timedelta(seconds=LEASE_SECONDS)} | _tell_place(claimed, place))


def advance(*, claimed: ImportRun, counts: BatchCounts, place: Place, now: datetime) -> None:
    """Say what a batch did, in its transaction."""
    told = {name: getattr(counts, name) for name in BatchCounts.__slots__}
    _write(
        _ADVANCE,
        claimed,
        told | {"lease_expires_at": now + timedelta(seconds=LEASE_SECONDS)} | _tell_place(claimed, place),
    )


def finish(
    *, claimed: ImportRun, state: ImportState, reason: str, place: Place, now: datetime, read: int = 0, bad: int = 0
) -> None:
    """End the import. `read` and `bad`: what a run counted that stored nothing."""
    told = {
        "state": state,
        "is_done": state is ImportState.DONE,
        "reason": reason,
        "now": now,
        "read": read,
        "bad": bad,
    }
    _write(_FINISH, claimed, told | _tell_place(claimed, place))


def keep_problems(*, claimed: ImportRun, problems: Sequence[tuple[int, str]]) -> None:
    """Keep lines that could not be used, as (number, reason)."""
    if problems:
        run(
            _KEEP_PROBLEMS,
            {
                "id": claimed.pk,
                "lines": [line for line, _ in problems],
                "reasons": [reason[:LONGEST_REASON] for _, reason in problems],
            },
        )


def _make_lease(*, now: datetime) -> dict[str, Any]:
    return {"token": uuid.uuid4(), "lease_expires_at": now + timedelta(seconds=LEASE_SECONDS)}


def _tell_place(claimed: ImportRun, place: Place) -> dict[str, Any]:
    return {"bytes_read": place.bytes_read, "format": place.format or claimed.format}


def _write(sql: str, claimed: ImportRun, params: dict[str, Any]) -> None:
    if not run(sql, params | {"id": claimed.pk, "token": claimed.lease_token}):
        raise _taken()


def _taken() -> LeaseLost:
    return LeaseLost("This import is running already, or it is done. If what ran it was killed, try again in a minute.")
