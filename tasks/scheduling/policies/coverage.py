"""Coverage first: what a minute of a volunteer is expected to add to what the campaign lacks.

    value = (1.0 * coverage + 0.35 * certainty + 0.25 * reach + 1.0 * target) * language / minutes

coverage   growth of the value of the unit's cell (tasks.scheduling.gains) when it comes after all in its cell that come
           before it: gains diminish, so that the order goes through the cells in turn
certainty  expected rise of the certainty by one more judgment; where it is not known, the uncertainty shared among all
           judgments that there then are: first judgments go before second ones
reach      how much of its surroundings it reaches that nothing finished is like (tasks.scheduling.facility)
target     share of its target that the organizer's stratum lacks
language   between 1 and 2: more where a language has less of what is finished than its share
minutes    that one judgment takes, relative to the median unit, between a quarter and four
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.scheduling.facility import order_by_reach
from tasks.scheduling.gains import count_wanted, measure_gain, weigh_cells

if TYPE_CHECKING:
    from tasks.records.coverage import Cells, Floats, Integers, PlanSettings, Pool, Surroundings

COVERAGE_WEIGHT, CERTAINTY_WEIGHT, REACH_WEIGHT, TARGET_WEIGHT = 1.0, 0.35, 0.25, 1.0
#: Bounds of the factors.
MOST_LIFT, MOST_MINUTES = 2.0, 4.0
#: Ties differ less than anything that counts.
TIE_WEIGHT = 1e-6


def score_coverage(
    pool: Pool,
    cells: Cells,
    *,
    settings: PlanSettings,
    rng: np.random.Generator,
    surroundings: Surroundings | None = None,
) -> tuple[Floats, dict[str, Floats]]:
    """The value of every unit, and its terms."""
    certainty = estimate_certainty(pool)
    static = CERTAINTY_WEIGHT * certainty + TARGET_WEIGHT * pool.deficit
    reach, turn = _find_reach(pool, cells, static, settings, rng, surroundings)
    best_first = -(static + REACH_WEIGHT * reach)
    order = np.lexsort((pool.tie, best_first, turn, pool.cell))
    coverage = _gain_in_turn(pool, cells, order)
    language = lift_languages(pool, cells)
    minutes = relate_minutes(pool.minutes)
    value = (COVERAGE_WEIGHT * coverage + static + REACH_WEIGHT * reach) * language / minutes
    return value, {
        "coverage": coverage,
        "certainty": certainty,
        "reach": reach,
        "target": pool.deficit,
        "language": language,
        "minutes": minutes,
    }


def estimate_certainty(pool: Pool) -> Floats:
    """Expected rise of the certainty by one more judgment of each unit."""
    shared = pool.uncertainty / (pool.done + pool.held + 1)
    certainty: Floats = np.where(np.isnan(pool.gain), shared, np.clip(pool.gain, 0.0, 1.0))
    return certainty


def count_parts(pool: Pool) -> Floats:
    """What of a prompt is finished when each unit has what it still lacks."""
    vacant = np.maximum(pool.wanted - pool.done - pool.held, 0)
    parts: Floats = pool.part * vacant / np.maximum(pool.wanted, 1)
    return parts


def lift_languages(pool: Pool, cells: Cells) -> Floats:
    """For each unit, how far its language is behind its share, from 1 to the most."""
    if not len(cells):
        return np.ones(len(pool))
    size = int(max(pool.language.max(initial=0), cells.language.max())) + 1
    share = np.bincount(cells.language, weights=cells.share, minlength=size)
    finished = np.bincount(cells.language, weights=cells.finished + cells.held, minlength=size)
    behind = (share * finished.sum() + 1.0) / (finished + 1.0)
    lifts: Floats = np.clip(np.sqrt(behind), 1.0, MOST_LIFT)
    lifted: Floats = lifts[pool.language]
    return lifted


def relate_minutes(minutes: Floats) -> Floats:
    """How long each takes, the median as 1."""
    median = float(np.median(minutes)) if len(minutes) else 1.0
    related: Floats = np.clip(minutes / (median or 1.0), 1 / MOST_MINUTES, MOST_MINUTES)
    return related if median > 0 else np.ones(len(minutes))


def _find_reach(
    pool: Pool,
    cells: Cells,
    static: Floats,
    settings: PlanSettings,
    rng: np.random.Generator,
    surroundings: Surroundings | None,
) -> tuple[Floats, Integers]:
    """Reach and turn of each unit: fresh where there are vectors, as it was last known elsewhere."""
    known = np.nan_to_num(pool.reach, nan=0.0)
    turn = np.zeros(len(pool), dtype=np.int64)
    if surroundings is None or not len(cells) or not len(surroundings.vectors):
        return known, turn
    topic = np.where(pool.cell >= 0, cells.topic[pool.cell], -1)
    weights = weigh_cells(cells, count_wanted(cells))
    by_topic = np.bincount(cells.topic + 1, weights=weights)
    found = order_by_reach(
        pool,
        topic=topic,
        weight=by_topic[topic + 1],
        base=static / REACH_WEIGHT + TIE_WEIGHT * pool.tie,
        surroundings=surroundings,
        settings=settings,
        rng=rng,
    )
    return np.where(np.isnan(found.value), known, found.value), found.turn


def _gain_in_turn(pool: Pool, cells: Cells, order: Integers) -> Floats:
    """The growth of its cell's value by each unit, after those that come before it in the order of its cell."""
    gained = np.ones(len(pool))
    order = order[pool.cell[order] >= 0]
    if not len(order):
        return gained
    cell = pool.cell[order]
    part = count_parts(pool)[order]
    before = np.cumsum(part) - part
    _, starts, counts = np.unique(cell, return_index=True, return_counts=True)
    before -= np.repeat(before[starts], counts)
    start = (cells.finished + cells.held)[cell] + before
    wanted = count_wanted(cells)
    gained[order] = measure_gain(start, part, wanted=wanted[cell], weight=weigh_cells(cells, wanted)[cell])
    return gained
