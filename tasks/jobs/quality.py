"""Compute again what was marked: consensus per parent, then agreement and leaderboard per campaign.

Marks are claimed by lease, everything is computed without a lock, and stored while it is the newest. What
fails is tried again later; the others go on.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from annotate.queries.judgments import load_ballots
from annotate.queries.reliability import find_ways
from annotate.services.quality import store_consensus, store_reports
from annotate.services.stale import Mark, claim_stale, fail_stale
from annotate.wake import wake
from tasks.jobs.reports import compute_reports
from tasks.jobs.weighing import SEED, combine_weighed
from tasks.vocabulary import JobName, StaleKind

log = logging.getLogger(__name__)

PARENTS_AT_ONCE = 200
PARENT_LEASE_SECONDS = 120.0
CAMPAIGN_LEASE_SECONDS = 330.0
#: A run that works longer than this wakes its successor and ends (seconds).
LONGEST_RUN_SECONDS = 120.0

Compute = Callable[[Sequence[Mark], datetime], None]


@shared_task(name=str(JobName.RECOMPUTE_STALE))
def recompute_stale_job() -> None:
    """Every parent that is marked, then every campaign that is marked and does not rest."""
    ends = time.monotonic() + LONGEST_RUN_SECONDS
    done = recompute_kind(
        StaleKind.PARENT, recompute_parents, at_once=PARENTS_AT_ONCE, lease=PARENT_LEASE_SECONDS, ends=ends
    )
    done &= recompute_kind(StaleKind.CAMPAIGN, recompute_campaign, at_once=1, lease=CAMPAIGN_LEASE_SECONDS, ends=ends)
    if not done:
        wake(JobName.RECOMPUTE_STALE)


def recompute_kind(kind: StaleKind, compute: Compute, *, at_once: int, lease: float, ends: float) -> bool:
    """Claim and compute batches of marks until none is due; False when time ran out before.

    A batch of fresh ones and one of the others in turn: neither waits behind all of the other kind.
    """
    after = {True: 0, False: 0}
    while time.monotonic() < ends:
        idle = True
        for fresh, last in list(after.items()):
            now = timezone.now()
            marks = claim_stale(kind=kind, limit=at_once, now=now, lease_seconds=lease, after=last, fresh=fresh)
            idle &= not marks and not last
            after[fresh] = marks[-1].subject_id if marks else 0
            if marks:
                compute_safely(compute, marks, now)
        if idle:
            return True
    return False


def compute_safely(compute: Compute, marks: Sequence[Mark], now: datetime) -> None:
    """One mark that fails must not cost the others their results."""
    try:
        compute(marks, now)
    except (OperationalError, InterfaceError):
        raise  # the database is away: nothing to blame on a subject
    except Exception as error:
        if len(marks) > 1 and isinstance(error, SoftTimeLimitExceeded):
            raise  # nobody knows which; the leases end, and others go on
        if len(marks) > 1:
            for mark in marks:
                compute_safely(compute, [mark], now)
            return
        log.exception("could not compute %s %s", marks[0].kind, marks[0].subject_id)
        fail_stale(mark=marks[0], error=f"{type(error).__name__}: {error}", now=now)


def recompute_parents(marks: Sequence[Mark], now: datetime) -> None:
    """The consensus of these parents, from the ballots that stand, weighed where their campaign weighs them."""
    parents = [mark.subject_id for mark in marks]
    ways = find_ways(parent_ids=parents)
    records = combine_weighed(load_ballots(parent_ids=parents), ways=ways)
    store_consensus(marks=marks, records=records, ways=ways, now=now)


def recompute_campaign(marks: Sequence[Mark], now: datetime) -> None:
    """Agreement and leaderboard of one campaign."""
    (mark,) = marks
    started = time.monotonic()
    agreement, detail, leaderboard, slices = compute_reports(campaign_id=mark.subject_id, seed=SEED)
    took_seconds = time.monotonic() - started
    store_reports(
        mark=mark,
        agreement=agreement,
        detail=detail,
        leaderboard=leaderboard,
        slices=slices,
        now=now,
        took_seconds=took_seconds,
    )
