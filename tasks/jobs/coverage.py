"""Every few minutes: plan all open units of a campaign with the embeddings of its prompts, and measure what is covered.

The plan goes first, since people wait for it; its bands are written where they changed, a few hundred a transaction. What it
counted is then kept in the cells, and once in five minutes at most, and only where judgments came or a day went by, as a row
of the history. Vectors are read for as many prompts of each topic as the plan looks at; memory does not grow beyond that.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

import numpy as np
from celery import shared_task
from django.utils import timezone

from annotate.queries import coverage_facts as facts
from annotate.queries.planning import iterate_units
from annotate.services.coverage import CellCount, ReportRow, store_cells, store_reports
from annotate.services.scheduling import store_stratum_counts, write_bands
from annotate.services.stale import Turn, end_turn, rest_after, take_turn
from annotate.wake import wake
from tasks.jobs.coverage_vectors import read_surroundings
from tasks.jobs.planning import Ground, list_bands, load_pool, plan_units
from tasks.jobs.scheduling import lay_ground
from tasks.scheduling.coverage import (
    WEIGHTS,
    Coverage,
    Given,
    gain_per_prompt,
    measure_cells,
    measure_coverage,
    merge_groups,
)
from tasks.scheduling.explain import LanguagePeople, Reason, explain_cells
from tasks.scheduling.facility import measure_facility
from tasks.vocabulary import JobName, StaleKind

log = logging.getLogger(__name__)

LEASE_SECONDS = 930.0
LONGEST_RUN_SECONDS = 300.0
#: Between two full plans of a campaign at least, and between two rows of its history.
SHORTEST_REST, BETWEEN_REPORTS, LONGEST_BETWEEN = timedelta(minutes=2), timedelta(minutes=5), timedelta(days=1)
FAILED_REST = timedelta(minutes=10)
#: Cells that are behind are told with their reasons, those that lack most.
MOST_REASONS = 100
#: Cells whose coverage a row of the history keeps: as many as a page shows.
MOST_TENTHS = 5_000


@shared_task(name=str(JobName.MEASURE_COVERAGE))
def measure_coverage_job() -> None:
    """Every open campaign that does not rest."""
    ends = time.monotonic() + LONGEST_RUN_SECONDS
    for campaign_id in facts.list_plannable(now=timezone.now()):
        if time.monotonic() > ends:
            wake(JobName.MEASURE_COVERAGE)
            return
        turn = take_turn(
            kind=StaleKind.TURN_COVERAGE, subject_id=campaign_id, now=timezone.now(), lease_seconds=LEASE_SECONDS
        )
        if turn is None:
            continue
        started, rest = time.monotonic(), FAILED_REST
        try:
            measure_campaign(turn, now=timezone.now())
            rest = max(SHORTEST_REST, rest_after(time.monotonic() - started))
        except Exception:
            log.exception("The full plan of campaign %s failed", campaign_id)
        end_turn(turn=turn, rest_until=timezone.now() + rest)


def measure_campaign(turn: Turn, *, now: datetime) -> None:
    """One campaign: its plan, its cells, and where it is time a row of its history."""
    campaign_id = turn.subject_id
    ground = lay_ground(campaign_id)
    loaded = load_pool(iterate_units(campaign_id=campaign_id, now=now), ground=ground)
    surroundings, placed = read_surroundings(loaded, ground=ground, campaign_id=campaign_id)
    plans = plan_units(placed, ground=ground, surroundings=surroundings)
    write_bands(bands=list_bands(placed, plans, ground=ground), now=now)
    store_stratum_counts(cells=ground.strata, now=now)
    if not ground.rows:
        return
    groups = _count_groups(campaign_id)
    ground = Ground(
        ground.settings,
        [{**row, "groups": groups.get(row["id"], {})} for row in ground.rows],
        ground.strata,
        ground.minutes,
    )
    store_cells(cells=_list_counts(ground), now=now)
    at, seen = facts.find_last_report(campaign_id=campaign_id)
    present = int(ground.cells.judgments.sum()), mark_wanted(ground)
    if at is None or now - at >= LONGEST_BETWEEN or (now - at >= BETWEEN_REPORTS and seen != present):
        facility = None if surroundings is None else measure_facility(placed.pool, ground.cells, surroundings)
        store_reports(turn=turn, reports=make_reports(campaign_id, ground, facility, now=now), now=now)


def make_reports(campaign_id: int, ground: Ground, facility: np.ndarray | None, *, now: datetime) -> list[ReportRow]:
    """The row of the whole campaign and of each of its languages. `facility`: by language, and last of all; nan: not known."""
    cells, met = ground.cells, facts.count_meetings(campaign_id=campaign_id)
    sources = facts.list_sources(campaign_id=campaign_id)
    reasons = explain_campaign(campaign_id, ground, now=now)
    rows = []
    for name, code in [(None, -1), *ground.languages.items()]:
        which = np.ones(len(cells), dtype=bool) if name is None else cells.language == code
        if not which.any():
            continue
        counted: defaultdict[tuple[str, str], int] = defaultdict(int)
        for row in met:
            if name in (None, row["language"]):
                counted[str(row["first"]), str(row["second"])] += row["met"]
        here = {row["source"] for row in sources if name in (None, row["language"])}
        known = None if facility is None or np.isnan(facility[code]) else float(facility[code])
        found = measure_coverage(cells, met=counted, sources=len(here), facility=known, which=which)
        result = {
            "weights": dict(WEIGHTS),
            "cells": int(which.sum()),
            "covered": int((measure_cells(cells)[which] >= 1).sum()),
            "gain": float(gain_per_prompt(cells)[which].max()),
            "behind": [_tell(reason, ground) for reason in reasons if which[reason.cell]][:MOST_REASONS],
        }
        if name is None:
            result["tenths"] = tell_tenths(ground)
            result["wanted"] = mark_wanted(ground)
        rows.append(_make_row(name, found, int(cells.judgments[which].sum()), result))
    return rows


def mark_wanted(ground: Ground) -> str:
    """The same for as long as the cells and their shares are the same, to a thousandth."""
    shares = np.round(ground.cells.share, 3).tolist()
    listed = sorted((row["id"], share) for row, share in zip(ground.rows, shares, strict=True) if share)
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]


def tell_tenths(ground: Ground) -> dict[int, int]:
    """How far each cell is covered, in tenths, by its id, of those that are begun: what everybody reads of this moment later."""
    tenths = np.floor(measure_cells(ground.cells) * 10 + 1e-9).astype(int).tolist()
    largest = np.argsort(-ground.cells.share, kind="stable")[:MOST_TENTHS].tolist()
    return {ground.rows[place]["id"]: tenths[place] for place in largest if tenths[place]}


def explain_campaign(campaign_id: int, ground: Ground, *, now: datetime) -> Sequence[Reason]:
    """Why each cell that is behind is."""
    vacant = facts.count_vacant(campaign_id=campaign_id)
    people = {
        ground.languages[row["language"]]: LanguagePeople(row["people"], row["with_work"])
        for row in facts.count_people(campaign_id=campaign_id, now=now)
        if row["language"] in ground.languages
    }
    places = np.array([vacant.get(row["id"], 0) for row in ground.rows], dtype=float)
    least = min(ground.settings.redundancy, ground.settings.min_judgments)
    return explain_cells(ground.cells, vacant=places, people=people, judgments_each=least)


def _make_row(language: str | None, found: Coverage, judgments: int, result: dict[str, object]) -> ReportRow:
    return ReportRow(language=language, judgments=judgments, result=result, **asdict(found))


def _tell(reason: Reason, ground: Ground) -> dict[str, object]:
    return {**asdict(reason), "cell": ground.rows[reason.cell]["id"], "why": str(reason.why)}


def _count_groups(campaign_id: int) -> dict[int, dict[str, int]]:
    return merge_groups(
        Given(row["cell"], row["language"], row["name"], row["judgments"], row["people"])
        for row in facts.count_groups(campaign_id=campaign_id)
    )


def _list_counts(ground: Ground) -> list[CellCount]:
    covered = measure_cells(ground.cells)
    return [
        CellCount(
            row["id"],
            float(row["finished"]),
            int(row["judgments"]),
            int(row["held"]),
            float(covered[place]),
            row["groups"],
        )
        for place, row in enumerate(ground.rows)
    ]
