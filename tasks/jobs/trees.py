"""Let trees grow: decide those that are marked, then the supply of prompts, then a stretch of all that have not ended.

What changed is marked and found at once; the regular walk finds what time alone changes: holds that ended, trees
that nobody comes to, prompts that wait too long, and whatever a mark was forgotten for.
"""

import logging
import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from annotate.queries.growing_trees import list_campaigns_to_look_at, list_trees_after
from annotate.services.prompt_supply import supply_prompts
from annotate.services.stale import Mark, end_turn, lock_claimed, settle_stale, take_turn
from annotate.services.tree_growth import advance_trees
from annotate.wake import wake
from tasks.jobs.quality import recompute_kind
from tasks.vocabulary import JobName, StaleKind

log = logging.getLogger(__name__)

TREES_AT_ONCE = 100
LEASE_SECONDS = 120.0
#: Trees of one campaign that a regular look comes to, and how long it rests after it (seconds): at most a
#: fifteenth of the time is spent on looking.
WALKED_TREES = 200
REST_SECONDS = 15.0
REST_PER_SECOND = 15.0
#: What was quick needs no rest (seconds).
QUICK_SECONDS = 0.25
LONGEST_REST_SECONDS = 600.0
#: A run that works longer than this wakes its successor and ends (seconds).
LONGEST_RUN_SECONDS = 30.0


@shared_task(name=str(JobName.ADVANCE_TREES))
def advance_trees_job() -> None:
    """Every tree that is marked, every supply that is, the trees whose turn came by it, and the regular look."""
    ends = time.monotonic() + LONGEST_RUN_SECONDS
    done = advance_marked(ends=ends)
    done &= recompute_kind(StaleKind.SUPPLY, _supply_marked, at_once=1, lease=LEASE_SECONDS, ends=ends)
    for campaign_id in list_campaigns_to_look_at(now=timezone.now()):
        look_in_turn(campaign_id)
    done &= advance_marked(ends=ends)
    if not done:
        wake(JobName.ADVANCE_TREES)


def advance_marked(*, ends: float) -> bool:
    """Every tree that is marked; False when time ran out before."""
    return recompute_kind(StaleKind.TREE, _advance_marked, at_once=TREES_AT_ONCE, lease=LEASE_SECONDS, ends=ends)


def look_in_turn(campaign_id: int) -> None:
    """A stretch of the campaign's trees and its supply, unless somebody is at it or it rests."""
    turn = take_turn(kind=StaleKind.TURN_TREES, subject_id=campaign_id, now=timezone.now(), lease_seconds=LEASE_SECONDS)
    if turn is None:
        return
    started = time.monotonic()
    last = look_at_campaign(campaign_id, after=turn.cursor, now=timezone.now())
    rest = min(max(REST_SECONDS, REST_PER_SECOND * (time.monotonic() - started)), LONGEST_REST_SECONDS)
    end_turn(turn=turn, rest_until=timezone.now() + timedelta(seconds=rest), cursor=last)


def look_at_campaign(campaign_id: int, *, after: int, now: datetime) -> int:
    """Decide a stretch of trees and the supply; returns where the walk goes on: a tree's id, 0 for its beginning."""
    trees = list_trees_after(campaign_id=campaign_id, after=after, limit=WALKED_TREES)
    _advance_safely(trees, now)
    supply_prompts(campaign_id=campaign_id, now=now, rng=random.SystemRandom())
    return trees[-1] if len(trees) == WALKED_TREES else 0


def _advance_safely(trees: Sequence[int], now: datetime) -> None:
    """One tree that cannot be decided must not stop the walk: it is told of, and the others go on."""
    try:
        advance_trees(tree_ids=trees, now=now, rng=random.SystemRandom())
    except (OperationalError, InterfaceError, SoftTimeLimitExceeded):
        raise  # nothing to blame on a tree
    except Exception:
        if len(trees) > 1:
            for tree in trees:
                _advance_safely([tree], now)
        else:
            log.exception("could not decide tree %s", *trees)


def _advance_marked(marks: Sequence[Mark], now: datetime) -> None:
    advance_trees(tree_ids=[mark.subject_id for mark in marks], now=now, rng=random.SystemRandom())
    with transaction.atomic():
        # In the order of subjects, as everybody marks: the UPDATE by itself would take any order.
        settle_stale(marks=lock_claimed(marks=marks))


def _supply_marked(marks: Sequence[Mark], now: datetime) -> None:
    """A large campaign rests in between, so that its counts cost a fifteenth of the time."""
    started = time.monotonic()
    for mark in marks:
        supply_prompts(campaign_id=mark.subject_id, now=now, rng=random.SystemRandom())
    took = time.monotonic() - started
    rest = 0.0 if took < QUICK_SECONDS else min(REST_PER_SECOND * took, LONGEST_REST_SECONDS)
    settle_stale(marks=marks, rest_until=timezone.now() + timedelta(seconds=rest))
