"""What adaptive redundancy saves: measured campaign by campaign, soon after something was ranked, in a turn that rests."""

import json
import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from annotate.queries.reliability import find_ways, list_ready_campaigns, load_sharpness
from annotate.queries.saving import (
    RankedUnit,
    is_saving_old,
    iterate_ranked_units,
    load_rule,
    load_streams,
    measure_seconds,
)
from annotate.services.saving import store_saving
from annotate.services.stale import Turn, end_turn, rest_after, take_turn
from annotate.wake import wake
from tasks.agreement.replay import limit_streams, trace_parents
from tasks.jobs.weighing import SEED
from tasks.records.ballots import Ballot
from tasks.records.redundancy import Trace
from tasks.records.scheduling import Redundancy
from tasks.scheduling.redundancy import find_stop
from tasks.scheduling.replay import expect_fixed, find_fixed
from tasks.vocabulary import JobName, StaleKind

log = logging.getLogger(__name__)

LEASE_SECONDS = 330.0
#: A run that works longer than this wakes its successor and ends (seconds).
LONGEST_RUN_SECONDS = 120.0
SHORTEST_REST, FAILED_REST = timedelta(minutes=1), timedelta(minutes=10)
#: Of an order that has what it needs, though nothing says why: a moderator, or another rule, decided so.
OTHERWISE = "otherwise"


@shared_task(name=str(JobName.MEASURE_SAVING))
def measure_saving_job() -> None:
    """Every campaign that does not rest and in which something was ranked since the last time."""
    ends = time.monotonic() + LONGEST_RUN_SECONDS
    for campaign_id in list_ready_campaigns(kind=StaleKind.TURN_SAVING, now=timezone.now()):
        if time.monotonic() > ends:
            wake(JobName.MEASURE_SAVING)
            return
        rule = load_rule(campaign_id=campaign_id)
        if is_saving_old(campaign_id=campaign_id, rule=json.dumps(asdict(rule))):
            measure_in_turn(campaign_id, rule=rule)


def measure_in_turn(campaign_id: int, *, rule: Redundancy) -> None:
    """One campaign, unless somebody is at it; one that fails must not cost the others their turn."""
    turn = take_turn(
        kind=StaleKind.TURN_SAVING, subject_id=campaign_id, now=timezone.now(), lease_seconds=LEASE_SECONDS
    )
    if turn is None:
        return
    started = time.monotonic()
    try:
        measure_campaign(turn, rule=rule)
    except (OperationalError, InterfaceError, SoftTimeLimitExceeded):
        raise  # the database is away, or time is: the lease ends, and another one goes on
    except Exception:
        log.exception("could not measure the saving of campaign %s", campaign_id)
        end_turn(turn=turn, rest_until=timezone.now() + FAILED_REST)
        return
    rest = max(SHORTEST_REST, rest_after(time.monotonic() - started))
    end_turn(turn=turn, rest_until=timezone.now() + rest)


def measure_campaign(turn: Turn, *, rule: Redundancy) -> None:
    """Count all orders, tell the past of some, and store both with the moment before anything was read."""
    now, campaign_id = timezone.now(), turn.subject_id
    units = list(iterate_ranked_units(campaign_id=campaign_id))
    traces = trace_campaign(load_streams(campaign_id=campaign_id))
    seconds, timed = measure_seconds(campaign_id=campaign_id)
    result = {
        "rule": asdict(rule),
        **count_units(units, rule=rule),
        "seconds": None if seconds is None else round(seconds, 1),
        "timed": timed,
        **measure_sample(traces, decided={unit.parent for unit in units if unit.is_decided}),
    }
    store_saving(turn=turn, result=result, traces=traces, now=now)


def trace_campaign(streams: dict[int, list[Ballot]]) -> list[Trace]:
    """The past of these parents, by the reliability that weighs their consensus now."""
    taken = limit_streams(streams)
    ways = find_ways(parent_ids=list(taken)[:1])
    sharpness = None
    for way in ways.values():
        if way.version:
            annotators = {ballot.annotator for stream in taken.values() for ballot in stream}
            sharpness = load_sharpness(campaign_id=way.campaign_id, version=way.version, annotators=annotators)
    return trace_parents(taken, seed=SEED, sharpness=sharpness)


def count_units(units: Iterable[RankedUnit], *, rule: Redundancy) -> dict[str, Any]:
    """What all the orders took.

    orders, rankings             that have a ranking, and their rankings
    decided, given               orders that have what they need, and their rankings
    per_order                    decided orders by their number of rankings: [[number, orders]]
    reasons                      decided orders by what stopped them
    """
    units = list(units)
    decided = [unit for unit in units if unit.is_decided]
    reasons = Counter(str(find_stop(unit.done, unit.certainty, redundancy=rule) or OTHERWISE) for unit in decided)
    return {
        "orders": len(units),
        "rankings": sum(unit.given for unit in units),
        "decided": len(decided),
        "given": sum(unit.given for unit in decided),
        "per_order": sorted(Counter(unit.given for unit in decided).items()),
        "reasons": dict(sorted(reasons.items())),
    }


def measure_sample(traces: Sequence[Trace], *, decided: set[int]) -> dict[str, Any]:
    """What the parents whose past was told say of a fixed number of rankings.

    sample         parents whose past was told; sample_decided: those of them that have what they need
    sample_each    rankings that each of these had
    confidence     how sure they are on the mean
    fixed          how sure they would be with 1, 2, … rankings each: what was, and beyond it what can be expected
    fixed_each     the number of rankings each at which that is as sure; None: none that was looked at
    """
    some = [trace for trace in traces if trace.parent in decided]
    confidence = sum(trace.steps[-1].confidence for trace in some) / len(some) if some else None
    curve = expect_fixed(some)
    return {
        "sample": len(traces),
        "sample_decided": len(some),
        "sample_each": round(sum(len(trace.steps) for trace in some) / len(some), 2) if some else None,
        "confidence": None if confidence is None else round(confidence, 4),
        "fixed": curve,
        "fixed_each": None if confidence is None else find_fixed(curve, confidence=round(confidence, 4)),
    }
