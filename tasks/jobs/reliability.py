"""How reliable annotators are, hour by hour; and every night whether each consensus still comes out as it is stored.

Both go campaign by campaign, in a turn that rests afterwards, and read in short statements. What fails in one campaign is
tried again later, and the others go on.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from annotate.queries.judgments import iterate_ballots
from annotate.queries.reliability import list_ready_campaigns, list_upheld, load_gold, read_inputs
from annotate.services.reliability import forget_old_snapshots, mark_outdated, store_reliability
from annotate.services.stale import Turn, end_turn, rest_hourly, take_turn
from annotate.wake import wake
from tasks.agreement.consensus import METHOD, METHOD_VERSION
from tasks.agreement.davidson import DEFAULT_NU
from tasks.agreement.reliability import METHOD_VERSION as RELIABILITY_VERSION
from tasks.agreement.reliability import estimate_reliability
from tasks.jobs.consensus_check import check_campaign
from tasks.jobs.weighing import SEED
from tasks.records.reliability import AnnotatorReliabilityRecord, ReliabilityRecord
from tasks.vocabulary import JobName, StaleKind

log = logging.getLogger(__name__)

#: Longer than the hard limit of the job: whoever has a turn is alone, unless it is taken away.
MEASURE_LEASE_SECONDS, CHECK_LEASE_SECONDS = 930.0, 1830.0
#: A run that works longer than this wakes its successor and ends (seconds).
LONGEST_RUN_SECONDS = 300.0
CHECK_REST, FAILED_REST = timedelta(hours=24), timedelta(minutes=10)


@shared_task(name=str(JobName.MEASURE_RELIABILITY))
def measure_reliability_job() -> None:
    """Every campaign that does not rest: how reliable its annotators are, and what must follow that."""
    if not do_in_turn(StaleKind.TURN_RELIABILITY, measure_in_turn, lease=MEASURE_LEASE_SECONDS):
        wake(JobName.MEASURE_RELIABILITY)


@shared_task(name=str(JobName.CHECK_CONSENSUS))
def check_consensus_job() -> None:
    """Every campaign that does not rest: whether its consensuses and its newest snapshot come out as they are stored."""
    if not do_in_turn(StaleKind.TURN_CHECK, check_in_turn, lease=CHECK_LEASE_SECONDS):
        wake(JobName.CHECK_CONSENSUS)


def do_in_turn(kind: StaleKind, work: Callable[[Turn], None], *, lease: float) -> bool:
    """Take one turn after the other; False when time ran out before."""
    ends = time.monotonic() + LONGEST_RUN_SECONDS
    for campaign_id in list_ready_campaigns(kind=kind, now=timezone.now()):
        if time.monotonic() > ends:
            return False
        turn = take_turn(kind=kind, subject_id=campaign_id, now=timezone.now(), lease_seconds=lease)
        if turn is not None:
            do_safely(work, turn)
    return True


def do_safely(work: Callable[[Turn], None], turn: Turn) -> None:
    """One campaign that fails must not cost the others their turn."""
    try:
        work(turn)
    except (OperationalError, InterfaceError, SoftTimeLimitExceeded):
        raise  # the database is away, or time is: the lease ends, and another one goes on
    except Exception:
        log.exception("could not do %s of campaign %s", turn.kind, turn.subject_id)
        end_turn(turn=turn, rest_until=timezone.now() + FAILED_REST, cursor=turn.cursor)


def measure_in_turn(turn: Turn) -> None:
    """One campaign. Whether there is a new snapshot or not, every consensus must be of the one in force.

    The turn's cursor says from which ballots the last run measured: where nothing has changed, none is read.
    """
    started, campaign_id, snapshot = time.monotonic(), turn.subject_id, None
    position = read_inputs(campaign_id=campaign_id, method_version=RELIABILITY_VERSION)
    if position != turn.cursor:
        record, upheld = measure_campaign(campaign_id)
        snapshot = store_reliability(turn=turn, record=record, upheld=upheld, now=timezone.now())
    marked = mark_outdated(campaign_id=campaign_id, method=METHOD, method_version=int(METHOD_VERSION))
    if snapshot is not None or marked:
        log.info(
            "campaign %s: %s, %s consensuses to compute again", campaign_id, snapshot or "no new reliability", marked
        )
    forget_old_snapshots(campaign_id=campaign_id, now=timezone.now())
    end_turn(turn=turn, rest_until=timezone.now() + rest_hourly(time.monotonic() - started), cursor=position)


def check_in_turn(turn: Turn) -> None:
    """One campaign, or a stretch of it where it is large: the next turn goes on there."""
    cursor = check_campaign(turn.subject_id, after=turn.cursor, measure=measure_campaign)
    rest = timezone.now() + CHECK_REST if cursor == 0 else None
    end_turn(turn=turn, rest_until=rest, cursor=cursor)
    if cursor:
        wake(JobName.CHECK_CONSENSUS)


def measure_campaign(campaign_id: int) -> tuple[ReliabilityRecord, list[str]]:
    """The reliability of a campaign's annotators, and those of whom a finding was upheld.

    Nothing is known from the ballots of the latter: their sharpness is 0, and the others are measured without them. How they
    agree with the others is told all the same.
    """
    ballots = [known.ballot for known in iterate_ballots(campaign_id=campaign_id)]
    gold, upheld = load_gold(campaign_id=campaign_id), list_upheld(campaign_id=campaign_id)
    everybody = estimate_reliability(ballots, seed=SEED, nu=DEFAULT_NU, gold=gold)
    silent = set(upheld) & {person.annotator for person in everybody.annotators}
    if not silent:
        return everybody, upheld
    rest = estimate_reliability(
        [ballot for ballot in ballots if ballot.annotator not in silent],
        seed=SEED,
        nu=DEFAULT_NU,
        gold=[answer for answer in gold if answer.annotator not in silent],
    )
    return silence(everybody, rest=rest, silent=silent), upheld


def silence(everybody: ReliabilityRecord, *, rest: ReliabilityRecord, silent: set[str]) -> ReliabilityRecord:
    """The others as they are without the silent; these with their figures, and a sharpness of 0."""
    quiet = [replace(one, sharpness=0.0, low=0.0, high=0.0) for one in everybody.annotators if one.annotator in silent]
    people: list[AnnotatorReliabilityRecord] = sorted([*rest.annotators, *quiet], key=lambda one: one.annotator)
    return replace(rest, annotators=tuple(people), n_ballots=everybody.n_ballots, input_hash=everybody.input_hash)
