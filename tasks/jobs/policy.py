"""The worker side on one page: queues, routes, limits, retries and the beat table, as data.

Queues are named by what their jobs wait for, so that one kind of waiting never blocks another:

* `short`    the database, for milliseconds: sweeps over rows, counts, bands
* `compute`  the processor: consensus, agreement, leaderboards
* `network`  other people's servers: generation over HTTP
* `stream`   the disk, for minutes: imports and releases
* `generate` a model in the worker's own memory: one process for each device (`--pool solo`)

The database is the queue of record. A message only wakes a job that looks for rows to do, is
acknowledged before the job runs, and may be lost or doubled: the beat table finds what was lost.
Retries are therefore kept on the rows (attempts, not before, reason), never in Celery.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tasks.vocabulary import JobName


class Queue(StrEnum):
    SHORT = "short"
    COMPUTE = "compute"
    NETWORK = "network"
    STREAM = "stream"
    GENERATE = "generate"


@dataclass(frozen=True)
class Policy:
    """How one job runs. Seconds; `every` is None for a job that only a wake-up starts."""

    queue: Queue
    soft_limit: int  # the job is told to stop (SoftTimeLimitExceeded)
    hard_limit: int  # its process is killed; what it had leased comes back by itself
    every: float | None


POLICIES: dict[JobName, Policy] = {
    JobName.SWEEP_LEASES: Policy(Queue.SHORT, soft_limit=50, hard_limit=60, every=15),
    JobName.ADVANCE_TREES: Policy(Queue.SHORT, soft_limit=110, hard_limit=120, every=15),
    JobName.SCHEDULE_UNITS: Policy(Queue.SHORT, soft_limit=240, hard_limit=270, every=30),
    JobName.SUMMARIZE_QUEUES: Policy(Queue.SHORT, soft_limit=50, hard_limit=60, every=20),
    JobName.FOLLOW_CAMPAIGNS: Policy(Queue.STREAM, soft_limit=86_000, hard_limit=86_400, every=60),
    JobName.SWEEP_REQUESTS: Policy(Queue.SHORT, soft_limit=50, hard_limit=60, every=30),
    JobName.PLAN_RELEASES: Policy(Queue.SHORT, soft_limit=50, hard_limit=60, every=60),
    JobName.RECOMPUTE_STALE: Policy(Queue.COMPUTE, soft_limit=280, hard_limit=300, every=5),
    JobName.MEASURE_COVERAGE: Policy(Queue.COMPUTE, soft_limit=840, hard_limit=900, every=60),
    # Each campaign rests an hour between two turns, and a day between two checks.
    JobName.MEASURE_RELIABILITY: Policy(Queue.COMPUTE, soft_limit=840, hard_limit=900, every=300),
    JobName.CHECK_CONSENSUS: Policy(Queue.COMPUTE, soft_limit=1740, hard_limit=1800, every=3600),
    JobName.FIND_PERSPECTIVES: Policy(Queue.COMPUTE, soft_limit=840, hard_limit=900, every=300),
    JobName.FIND_MANIPULATION: Policy(Queue.COMPUTE, soft_limit=840, hard_limit=900, every=300),
    JobName.REFRESH_TRAITS: Policy(Queue.COMPUTE, soft_limit=280, hard_limit=300, every=300),
    JobName.MEASURE_SAVING: Policy(Queue.COMPUTE, soft_limit=280, hard_limit=300, every=60),
    JobName.MEASURE_STANDING: Policy(Queue.COMPUTE, soft_limit=280, hard_limit=300, every=60),
    JobName.OPEN_BRIEFS: Policy(Queue.COMPUTE, soft_limit=110, hard_limit=120, every=60),
    JobName.INDEX_MESSAGES: Policy(Queue.COMPUTE, soft_limit=280, hard_limit=300, every=10),
    JobName.EMBED_TEXTS: Policy(Queue.COMPUTE, soft_limit=840, hard_limit=900, every=15),
    JobName.EMBED_BY_SERVERS: Policy(Queue.NETWORK, soft_limit=840, hard_limit=900, every=15),
    JobName.FIND_TOPICS: Policy(Queue.COMPUTE, soft_limit=840, hard_limit=900, every=20),
    JobName.CHECK_INTEGRITY: Policy(Queue.COMPUTE, soft_limit=1740, hard_limit=1800, every=21_600),
    JobName.CLEAR_SESSIONS: Policy(Queue.SHORT, soft_limit=50, hard_limit=60, every=3600),
    JobName.REMOVE_GUESTS: Policy(Queue.SHORT, soft_limit=50, hard_limit=60, every=3600),
    JobName.GENERATE_CANDIDATES: Policy(Queue.NETWORK, soft_limit=840, hard_limit=900, every=15),
    JobName.GENERATE_LOCALLY: Policy(Queue.GENERATE, soft_limit=840, hard_limit=900, every=15),
    JobName.ASK_VARIETY: Policy(Queue.COMPUTE, soft_limit=110, hard_limit=120, every=30),
    JobName.TRY_GENERATORS: Policy(Queue.NETWORK, soft_limit=300, hard_limit=330, every=15),
    JobName.RUN_IMPORTS: Policy(Queue.STREAM, soft_limit=86_000, hard_limit=86_400, every=20),
    # One at a time, in a thread of low priority; it ends itself after two to four minutes.
    JobName.RUN_SIMULATIONS: Policy(Queue.STREAM, soft_limit=300, hard_limit=330, every=30),
    JobName.BUILD_RELEASES: Policy(Queue.STREAM, soft_limit=86_000, hard_limit=86_400, every=30),
}


def job_modules() -> tuple[str, ...]:
    """`tasks.jobs.<first part of the job's name>`, as strings: Celery imports them in the worker only."""
    return tuple(dict.fromkeys(f"tasks.jobs.{job.partition('.')[0]}" for job in POLICIES))


def beat_table() -> dict[str, dict[str, Any]]:
    """What beat sends, and how often. A message that lay unread for two rounds is thrown away."""
    return {
        str(job): {"task": str(job), "schedule": policy.every, "options": {"expires": max(60.0, 2 * policy.every)}}
        for job, policy in POLICIES.items()
        if policy.every is not None
    }


#: Celery's own settings, by its names; addresses and time-outs come from `annotate.celery`.
OPTIONS: dict[str, Any] = {
    "imports": job_modules(),
    "task_default_queue": str(Queue.SHORT),
    "task_routes": {str(job): {"queue": str(policy.queue)} for job, policy in POLICIES.items()},
    "task_annotations": {
        str(job): {"soft_time_limit": policy.soft_limit, "time_limit": policy.hard_limit, "max_retries": 0}
        for job, policy in POLICIES.items()
    },
    "beat_schedule": beat_table(),
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_ignore_result": True,
    "task_publish_retry": False,  # the next round of beat is the retry
    "result_backend": None,
    "task_acks_late": False,
    "task_send_sent_event": False,
    "worker_send_task_events": False,
    "worker_prefetch_multiplier": 1,
    "worker_max_tasks_per_child": 500,
    "worker_max_memory_per_child": 1_500_000,  # KiB; a job that grew is replaced after it ends
    "worker_hijack_root_logger": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_connection_retry": True,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "enable_utc": True,
    "timezone": "UTC",
}
