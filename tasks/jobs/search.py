"""Keeps messages findable: what came or changed since the last look, whoever brought it."""

import time

from celery import shared_task
from django.utils import timezone

from annotate.services.search_index import MESSAGES_AT_ONCE, find_settled, index_changed, index_new
from annotate.services.stale import end_turn, take_turn
from tasks.vocabulary import JobName, StaleKind

#: There is one index for the whole site, and one turn at it.
WHOLE_SITE = 0
LEASE_SECONDS = 300.0
#: A large import is indexed in several runs, so that consensus has its turn in between.
LONGEST_RUN_SECONDS = 30.0


@shared_task(name=str(JobName.INDEX_MESSAGES))
def index_messages_job() -> None:
    """Index in batches until nothing is left or the time is up; the next run goes on from there."""
    turn = take_turn(kind=StaleKind.TURN_INDEX, subject_id=WHOLE_SITE, now=timezone.now(), lease_seconds=LEASE_SECONDS)
    if turn is None:
        return
    ends = time.monotonic() + LONGEST_RUN_SECONDS
    position: int | None = turn.cursor
    walked = turn.cursor
    while position is not None and time.monotonic() < ends:
        walked = position
        position = index_new(after=position)
    while index_changed() == MESSAGES_AT_ONCE and time.monotonic() < ends:
        pass
    settled = find_settled(after=turn.cursor, now=timezone.now())
    end_turn(turn=turn, cursor=settled if position is None else min(settled, walked))
