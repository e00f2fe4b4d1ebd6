"""Decide what is wanted most, every few seconds: bands and needs of the units that are offered next, and of what changed.

A tick looks at the front of each queue, at what was judged a moment ago and at what is new, all against cells as the last
full plan counted them and what came since; a campaign with few open units is counted and looked at as a whole. The full plan
of a large one, with the embeddings, is made every few minutes beside it (tasks.jobs.coverage). When neither runs, work goes
on by the last bands.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from celery import shared_task
from django.utils import timezone

from annotate.queries.backlog import (
    Cell,
    find_settings,
    list_front_units,
    list_open_campaigns,
    list_ordering_units,
    load_cells,
    load_units,
)
from annotate.queries.planning import (
    count_cells,
    has_more_open,
    iterate_units,
    list_judged_units,
    list_new_units,
    read_units,
    time_kinds,
)
from annotate.queries.recent_counts import count_cells_since, find_last_count, load_strata_since
from annotate.services.scheduling import store_stratum_counts, write_bands
from annotate.services.stale import claim_stale, end_turn, rest_after, settle_stale, take_turn
from annotate.services.tree_marks import mark_tree_of_units
from annotate.wake import wake
from tasks.jobs.planning import Ground, list_bands, load_pool, plan_units
from tasks.records.scheduling import Band
from tasks.scheduling.bands import give_reason
from tasks.scheduling.redundancy import decide_wanted, read_redundancy
from tasks.vocabulary import ORDERING_KINDS, JobName, StaleKind

#: Units of the queues' fronts, new ones, and judged ones that one tick looks at; a campaign with no more is planned as a whole.
FRONT_UNITS = 5000
#: A tick looks at what was judged in this time: longer than the longest rest.
JUDGED_LATELY = timedelta(minutes=20)
MARKS_AT_ONCE = 500
LEASE_SECONDS = 270.0
#: A run that works longer than this wakes its successor and ends (seconds).
LONGEST_RUN_SECONDS = 60.0


@shared_task(name=str(JobName.SCHEDULE_UNITS))
def schedule_units_job() -> None:
    """Needs that follow from new certainty first; then a tick of every open campaign that does not rest."""
    ends = time.monotonic() + LONGEST_RUN_SECONDS
    while follow_needs(now=timezone.now()):
        if time.monotonic() > ends:
            wake(JobName.SCHEDULE_UNITS)
            return
    for campaign_id in list_open_campaigns():
        schedule_in_turn(campaign_id)


def follow_needs(*, now: datetime) -> bool:
    """Let the units of parents whose consensus changed ask for more judgments, or stop; False when none is marked.

    Bands stay as they are: the next tick sees to them.
    """
    marks = claim_stale(kind=StaleKind.SUBJECT_NEED, limit=MARKS_AT_ONCE, now=now, lease_seconds=LEASE_SECONDS)
    if marks:
        changed = write_bands(bands=decide_needs([mark.subject_id for mark in marks], now=now), now=now)
        mark_tree_of_units(unit_ids=changed)
        settle_stale(marks=marks)
    return bool(marks)


def decide_needs(subject_ids: Sequence[int], *, now: datetime) -> list[Band]:
    """The need that the present certainty asks for, of units in which it changes; their bands stay."""
    found = load_units(unit_ids=list_ordering_units(subject_ids=subject_ids))
    settings = find_settings(campaign_ids={campaign_id for campaign_id, _ in found})
    decided = []
    for campaign_id, unit in found:
        wanted = decide_wanted(unit, redundancy=read_redundancy(settings[campaign_id]))
        if wanted != unit.wanted and unit.kind in ORDERING_KINDS:
            decided.append((campaign_id, unit, wanted))
    strata = {
        campaign_id: Ground(settings[campaign_id], [], load_strata(campaign_id, now=now), {}).stratum_of
        for campaign_id in {item[0] for item in decided}
    }
    needs = []
    for campaign_id, unit, wanted in decided:
        stratum = strata[campaign_id].get(int(unit.stratum))
        reason, args = give_reason(kind=unit.kind, done=unit.done, stratum=stratum)
        needs.append(Band(unit.unit, None, wanted, reason, args))
    return needs


def load_strata(campaign_id: int, *, now: datetime) -> Sequence[Cell]:
    """The strata as a tick sees them."""
    is_large = has_more_open(campaign_id=campaign_id, than=FRONT_UNITS)
    since = find_last_count(campaign_id=campaign_id, now=now) if is_large else None
    if since is None:
        return load_cells(campaign_id=campaign_id)
    return load_strata_since(campaign_id=campaign_id, since=since)


def schedule_in_turn(campaign_id: int) -> None:
    """One tick of a campaign, unless somebody is at it or it rests."""
    turn = take_turn(
        kind=StaleKind.TURN_SCHEDULE, subject_id=campaign_id, now=timezone.now(), lease_seconds=LEASE_SECONDS
    )
    if turn is None:
        return
    started = time.monotonic()
    schedule_campaign(campaign_id, now=timezone.now())
    end_turn(turn=turn, rest_until=timezone.now() + rest_after(time.monotonic() - started))


def schedule_campaign(campaign_id: int, *, now: datetime) -> int:
    """Count, plan what is offered next and what changed, write what says something new; how many bands that was."""
    if has_more_open(campaign_id=campaign_id, than=FRONT_UNITS):
        ground = lay_ground_lately(campaign_id, now=now)
        front = list_front_units(campaign_id=campaign_id, limit=FRONT_UNITS)
        new = list_new_units(campaign_id=campaign_id, limit=FRONT_UNITS)
        judged = list_judged_units(campaign_id=campaign_id, since=now - JUDGED_LATELY, limit=FRONT_UNITS)
        parts = [read_units(unit_ids=sorted({*front, *new, *judged}), now=now)]
        loaded = load_pool(parts, ground=ground, is_whole=False)
    else:
        ground = lay_ground(campaign_id)
        store_stratum_counts(cells=ground.strata, now=now)
        loaded = load_pool(iterate_units(campaign_id=campaign_id, now=now), ground=ground)
    bands = list(list_bands(loaded, plan_units(loaded, ground=ground), ground=ground))
    write_bands(bands=bands, now=now)
    return len(bands)


def lay_ground(campaign_id: int) -> Ground:
    """What a plan of this campaign stands on: everything counted now. Cells come first, so that their moment is the earlier."""
    settings = find_settings(campaign_ids=[campaign_id])[campaign_id]
    cells = count_cells(campaign_id=campaign_id)
    return Ground(settings, cells, load_cells(campaign_id=campaign_id), time_kinds(campaign_id=campaign_id))


def lay_ground_lately(campaign_id: int, *, now: datetime) -> Ground:
    """The same from the last full plan's counts and what came since; everything counted where there are none that are good.

    Strata keep the counts of the full plan, so that both are of one moment.
    """
    since = find_last_count(campaign_id=campaign_id, now=now)
    if since is None:
        return lay_ground(campaign_id)
    return Ground(
        find_settings(campaign_ids=[campaign_id])[campaign_id],
        count_cells_since(campaign_id=campaign_id, since=since),
        load_strata_since(campaign_id=campaign_id, since=since),
        time_kinds(campaign_id=campaign_id),
    )
