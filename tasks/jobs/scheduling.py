"""Decide what is wanted most: bands and needs of open units, a bounded number of rows a tick."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from celery import shared_task
from django.utils import timezone

from annotate.queries.backlog import (
    Cell,
    describe_cells,
    find_settings,
    list_front_units,
    list_open_campaigns,
    list_ordering_units,
    list_units_after,
    load_cells,
    load_units,
    place_in_cells,
)
from annotate.services.scheduling import store_stratum_counts, write_bands
from annotate.services.stale import claim_stale, end_turn, rest_after, settle_stale, take_turn
from annotate.services.tree_marks import mark_tree_of_units
from annotate.wake import wake
from tasks.records.parameters import CampaignSettings
from tasks.records.scheduling import Band, Redundancy, UnitState
from tasks.scheduling.bands import score_units
from tasks.scheduling.redundancy import decide_wanted, read_redundancy
from tasks.vocabulary import ORDERING_KINDS, WRITING_KINDS, JobName, ReasonCode, StaleKind

#: Units of the queues' fronts, and of the walk over all of them, that one tick looks at.
FRONT_UNITS = 5000
WALKED_UNITS = 5000
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
        changed = write_bands(bands=decide_needs([mark.subject_id for mark in marks]), now=now)
        mark_tree_of_units(unit_ids=changed)
        settle_stale(marks=marks)
    return bool(marks)


def decide_needs(subject_ids: Sequence[int]) -> list[Band]:
    """Bands with the need that the present certainty asks for, of units in which it changes."""
    found = load_units(unit_ids=list_ordering_units(subject_ids=subject_ids))
    settings = find_settings(campaign_ids={campaign_id for campaign_id, _ in found})
    decided = []
    for campaign_id, unit in found:
        wanted = decide_wanted(unit, redundancy=read_redundancy(settings[campaign_id]))
        if wanted != unit.wanted:
            decided.append((campaign_id, unit, wanted))
    cells = {campaign_id: load_cells(campaign_id=campaign_id) for campaign_id in {item[0] for item in decided}}
    return [
        replace(band, band=band.band if unit.band is None else unit.band)
        for campaign_id, unit, _ in decided
        for band in score_campaign([unit], cells=cells[campaign_id], settings=settings[campaign_id])
    ]


def schedule_in_turn(campaign_id: int) -> None:
    """One tick of a campaign, unless somebody is at it or it rests."""
    turn = take_turn(
        kind=StaleKind.TURN_SCHEDULE, subject_id=campaign_id, now=timezone.now(), lease_seconds=LEASE_SECONDS
    )
    if turn is None:
        return
    started = time.monotonic()
    last = schedule_campaign(campaign_id, after=turn.cursor, now=timezone.now())
    rest = rest_after(time.monotonic() - started)
    end_turn(turn=turn, rest_until=timezone.now() + rest, cursor=last)


def schedule_campaign(campaign_id: int, *, after: int, now: datetime) -> int:
    """Count the cells, score what is offered next and a stretch of the rest, write what changes.

    Returns where the walk over the rest goes on: a unit's id, 0 for its beginning.
    """
    cells = load_cells(campaign_id=campaign_id)
    store_stratum_counts(cells=cells, now=now)
    walked = list_units_after(campaign_id=campaign_id, after=after, limit=WALKED_UNITS)
    front = list_front_units(campaign_id=campaign_id, limit=FRONT_UNITS)
    units = [unit for _, unit in load_units(unit_ids=sorted({*walked, *front}))]
    settings = find_settings(campaign_ids=[campaign_id])[campaign_id]
    scored = score_campaign(units, cells=cells, settings=settings)
    write_bands(bands=keep_changes(units, scored), now=now)
    return walked[-1] if len(walked) == WALKED_UNITS else 0


def score_campaign(units: Sequence[UnitState], *, cells: Sequence[Cell], settings: CampaignSettings) -> list[Band]:
    """The band of every unit of one campaign, in no order. The need of writing is not the scheduler's.

    Where trees grow, it has a word on what puts candidates in order alone: texts and reviews stand where the tree that
    asks for them put them.
    """
    groups: defaultdict[Redundancy, list[UnitState]] = defaultdict(list)
    for unit in place_in_cells(units, cells=cells):
        if settings.grow_trees and unit.kind not in ORDERING_KINDS:
            continue
        if unit.kind not in WRITING_KINDS:
            groups[read_redundancy(settings)].append(unit)
        elif unit.wanted > 0:
            groups[Redundancy(base=unit.wanted, minimum=unit.wanted, maximum=unit.wanted)].append(unit)
    strata = describe_cells(cells)
    bands = [
        band
        for redundancy, group in groups.items()
        for band in score_units(group, strata=strata, redundancy=redundancy)
    ]
    return name_cells(bands, units=units, cells=cells)


def keep_changes(units: Sequence[UnitState], bands: Sequence[Band]) -> list[Band]:
    """The bands that say something else than their unit does now, in band or in need."""
    now = {unit.unit: unit for unit in units}
    return [
        band
        for band in bands
        if (now[band.unit].band, now[band.unit].needed)
        != (band.band, max(band.wanted, now[band.unit].done + now[band.unit].held))
        or now[band.unit].wanted != band.wanted
    ]


def name_cells(bands: Sequence[Band], *, units: Sequence[UnitState], cells: Sequence[Cell]) -> list[Band]:
    """The reason of a thin cell says which, and how far it is: counts of a cell, never of a unit."""
    cell_of = {unit.unit: unit.stratum for unit in place_in_cells(units, cells=cells)}
    by_id = {str(cell.id): cell for cell in cells}
    named = []
    for band in bands:
        cell = by_id.get(cell_of[band.unit])
        args = {}
        if band.reason_code == ReasonCode.STRATUM_THIN and cell is not None:
            args = {"where": cell.label, "done": str(cell.done), "target": str(cell.target)}
        named.append(replace(band, reason_args=args))
    return named
