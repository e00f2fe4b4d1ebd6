"""What generate workers say of themselves, and what keeps a generator from answering."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from annotate.queries.rows import run
from tasks.vocabulary import WorkerState

#: A worker that has said nothing for so long is forgotten.
FORGOTTEN_AFTER = timedelta(days=7)
LONGEST_PROBLEM = 1_000

_REPORT = """
INSERT INTO annotate_generateworker AS w (name, model, device, state, problem, waiting_requests, running_requests,
  tokens_per_second, memory_used, memory_total, started_at, seen_at)
VALUES (%(name)s, %(model)s, %(device)s, %(state)s, %(problem)s, %(waiting)s, %(running)s, %(tokens_per_second)s,
  %(memory_used)s, %(memory_total)s, %(started_at)s, %(now)s)
ON CONFLICT (name) DO UPDATE SET model = excluded.model, device = excluded.device, state = excluded.state,
  problem = excluded.problem, waiting_requests = excluded.waiting_requests,
  running_requests = excluded.running_requests, tokens_per_second = excluded.tokens_per_second,
  memory_used = excluded.memory_used, memory_total = excluded.memory_total, started_at = excluded.started_at,
  seen_at = excluded.seen_at
WHERE w.seen_at <= excluded.seen_at"""

_FORGET = "DELETE FROM annotate_generateworker WHERE seen_at < %(before)s"

_NOTE_PROBLEM = """
UPDATE annotate_generator SET problem = %(problem)s, problem_at = %(now)s
WHERE id = ANY(%(generators)s::bigint[]) AND problem <> %(problem)s"""

_CLEAR_PROBLEM = """
UPDATE annotate_generator SET problem = '', problem_at = NULL
WHERE id = ANY(%(generators)s::bigint[]) AND problem <> ''"""


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What a worker says of itself: its name, unique among all, its model and device, and how it is doing.

    `waiting_requests`: queued for its model; `running_requests`: in its batch. Memory of the device in bytes.
    """

    name: str
    model: str
    device: str
    state: WorkerState
    started_at: datetime
    problem: str = ""
    waiting_requests: int = 0
    running_requests: int = 0
    tokens_per_second: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None


def report_worker(*, report: WorkerReport, now: datetime) -> None:
    """Keep what a worker says of itself in place of what it said before. An older report replaces no newer one."""
    run(
        _REPORT,
        {
            "name": report.name[:120],
            "model": report.model[:400],
            "device": report.device[:120],
            "state": report.state,
            "problem": report.problem[:LONGEST_PROBLEM],
            "waiting": report.waiting_requests,
            "running": report.running_requests,
            "tokens_per_second": report.tokens_per_second,
            "memory_used": report.memory_used,
            "memory_total": report.memory_total,
            "started_at": report.started_at,
            "now": now,
        },
    )


def forget_workers(*, now: datetime) -> int:
    """Drop the rows of workers that have long been gone; returns how many."""
    return run(_FORGET, {"before": now - FORGOTTEN_AFTER})


def note_problem(*, generator_ids: Sequence[int], problem: str, now: datetime) -> None:
    """Say what keeps these generators from answering now; their requests stay queued. Since when is kept."""
    params = {"generators": sorted(set(generator_ids)), "problem": problem[:LONGEST_PROBLEM], "now": now}
    run(_NOTE_PROBLEM if problem else _CLEAR_PROBLEM, params)


def clear_problem(*, generator_ids: Sequence[int]) -> None:
    """Say that nothing keeps these generators from answering; storing a candidate of theirs says it too."""
    run(_CLEAR_PROBLEM, {"generators": sorted(set(generator_ids))})
