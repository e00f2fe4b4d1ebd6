"""`make bench BENCH=schedule`: what it takes to plan a campaign of 100,000 open units with embeddings of 384 numbers.

Units lie in cells by Zipf's laws (12 languages, 60 topics, 3 lengths); a tenth is finished. Measured in this process, without
the database: the full plan with the embeddings (`seconds`, `peak_mb` beyond what the units and vectors themselves take); a
tick after 1,000 judgments (`tick_seconds`: the front of 5,000 units and the judged ones, against all cells); `naive_seconds`:
the greedy order of 5,000 units with the same gains computed for all of them again after each pick, beside our plan of the
same units (`small_seconds`), and how much of the value of its first 500 picks our order has (`value_of_naive`); and the plan
of 1,000,000 units (`million_seconds`, `million_peak_mb`), with vectors of as many of them as the job reads.
The rows of the database are read and written beside that: see `rows_seconds` of tests/jobs, and the bench `serving`.

QUICK=1: a tenth of everything.
"""

from __future__ import annotations

import json
import os
import resource
import tracemalloc
from time import perf_counter

import numpy as np

from tasks.records.coverage import MOST_OPEN_VECTORS, Cells, PlanSettings, Pool, Surroundings
from tasks.scheduling.gains import count_wanted, measure_gain, weigh_cells
from tasks.scheduling.plan import plan
from tasks.scheduling.policies.coverage import COVERAGE_WEIGHT, REACH_WEIGHT
from tasks.scheduling.pools import make_cells, make_pool, take_units
from tasks.vocabulary import PolicyName
from tests.bench.coverage_worlds import Integers, Vectors, normalise, number_cells, zipf

QUICK = os.environ.get("QUICK") == "1"
UNITS, MILLION, SMALL = (10_000, 100_000, 1_000) if QUICK else (100_000, 1_000_000, 5_000)
DIMENSIONS, FRONT, JUDGED, PICKS = 384, 5_000, 1_000, 500


def make_campaign(units: int, *, embedded: int, seed: int) -> tuple[Pool, Cells, Surroundings]:
    """Open units, cells and vectors; the first `embedded` units have one."""
    rng = np.random.default_rng(seed)
    language, topic = rng.choice(12, units, p=zipf(12, 1.5)), rng.choice(60, units, p=zipf(60, 1.1))
    length = rng.choice(3, units, p=[0.5, 0.35, 0.15])
    cell = number_cells(language, topic, length)
    _, first = np.unique(cell, return_index=True)
    prompts = np.bincount(cell)
    centers = rng.standard_normal((60, DIMENSIONS), dtype=np.float32)
    embedded = min(embedded, units)
    vectors = make_vectors(topic[:embedded], centers, rng)
    pool = make_pool(
        np.arange(units),
        language=language,
        cell=cell,
        done=rng.integers(0, 2, units),
        wanted=3,
        uncertainty=rng.random(units),
        waiting=rng.random(units) * 20,
        minutes=rng.choice([1.0, 2.0, 4.0], units),
        tie=rng.random(units),
        author=rng.integers(0, units // 20, units),
        point=np.where(np.arange(units) < embedded, np.arange(units), -1),
    )
    cells = make_cells(
        np.sqrt(prompts),
        language=language[first],
        topic=topic[first],
        prompts=prompts,
        finished=rng.binomial(prompts, 0.1).astype(float),
    )
    done_topic = rng.choice(60, embedded // 10, p=zipf(60, 1.1))
    return pool, cells, Surroundings(vectors, make_vectors(done_topic, centers, rng), done_topic)


def make_vectors(topic: Integers, centers: Vectors, rng: np.random.Generator) -> Vectors:
    vectors = rng.standard_normal((len(topic), DIMENSIONS), dtype=np.float32)
    for start in range(0, len(topic), 10_000):
        vectors[start : start + 10_000] += centers[topic[start : start + 10_000]]
    return normalise(vectors)


def run_plan(pool: Pool, cells: Cells, surroundings: Surroundings | None) -> np.ndarray:
    made = plan(
        pool,
        cells,
        policy=PolicyName.COVERAGE,
        settings=PlanSettings(),
        rng=np.random.default_rng(1),
        surroundings=surroundings,
    )
    return made.band


def measure(pool: Pool, cells: Cells, surroundings: Surroundings) -> tuple[float, float, np.ndarray]:
    """Seconds of a plan, and the most memory that it took at once, in megabytes; two runs, as tracing slows the first."""
    tracemalloc.start()
    run_plan(pool, cells, surroundings)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    started = perf_counter()
    band = run_plan(pool, cells, surroundings)
    return perf_counter() - started, peak, band


def pick_naively(pool: Pool, cells: Cells, around: Surroundings, picks: int) -> tuple[Integers, float]:
    """The greedy order: the gains of all units again after every pick. Its value is that of `value_order`."""
    return value_order(pool, cells, around, picks=picks, order=None)


def value_order(
    pool: Pool, cells: Cells, around: Surroundings, *, picks: int, order: Integers | None
) -> tuple[Integers, float]:
    """Take `picks` units, in this order or greedily, and add up what each gains: coverage of its cell, and reach in its topic."""
    wanted = count_wanted(cells)
    weight = weigh_cells(cells, wanted)
    topic = cells.topic[pool.cell]
    by_topic = np.bincount(cells.topic, weights=weight)
    filled = (cells.finished + cells.held).copy()
    near = around.vectors[pool.point] @ around.vectors[pool.point].T
    near[topic[:, None] != topic[None, :]] = 0.0
    cover = np.zeros(len(pool), dtype=np.float32)
    for number in np.unique(topic):
        finished = around.covered[around.covered_topic == number]
        if len(finished):
            here = topic == number
            cover[here] = np.maximum(0.0, (around.vectors[pool.point[here]] @ finished.T).max(axis=1))
    share = by_topic[topic] / np.bincount(topic)[topic]
    part = (pool.wanted - pool.done) / pool.wanted
    left, taken, value = np.ones(len(pool), dtype=bool), [], 0.0
    for turn in range(picks):
        which = np.arange(len(pool)) if order is None else order[turn : turn + 1]
        cell = pool.cell[which]
        gain = COVERAGE_WEIGHT * measure_gain(filled[cell], part[which], wanted=wanted[cell], weight=weight[cell])
        gain += REACH_WEIGHT * np.minimum(1.0, np.maximum(near[which] - cover, 0.0).sum(axis=1) * share[which])
        best = int(np.argmax(np.where(left[which], gain, -np.inf)))
        unit = int(which[best])
        value += float(gain[best])
        left[unit] = False
        filled[pool.cell[unit]] += part[unit]
        np.maximum(cover, near[unit], out=cover)
        taken.append(unit)
    return np.array(taken), value


def main() -> None:
    figures: dict[str, float | int | bool] = {"units": UNITS, "dimensions": DIMENSIONS, "quick": QUICK}
    pool, cells, around = make_campaign(UNITS, embedded=UNITS, seed=1)
    seconds, peak, band = measure(pool, cells, around)
    figures |= {"seconds": round(seconds, 2), "peak_mb": round(peak), "cells": len(cells)}
    front = np.argsort(-band.astype(int), kind="stable")[: FRONT + JUDGED]
    cells.finished[pool.cell[front[:JUDGED]]] += 1 / 3
    started = perf_counter()
    run_plan(take_units(pool, front), cells, None)
    figures["tick_seconds"] = round(perf_counter() - started, 3)

    few, few_cells, few_around = make_campaign(SMALL, embedded=SMALL, seed=2)
    plain = make_pool(few.unit, language=few.language, cell=few.cell, done=0, wanted=3, tie=few.tie, point=few.point)
    started = perf_counter()
    bands = run_plan(plain, few_cells, few_around)
    figures["small_seconds"] = round(perf_counter() - started, 2)
    picks = min(PICKS, SMALL // 4)
    started = perf_counter()
    _, best = pick_naively(plain, few_cells, few_around, picks)
    figures["naive_seconds"] = round((perf_counter() - started) * SMALL / picks, 1)
    ours = np.lexsort((plain.tie, -bands.astype(int)))[:picks]
    drawn = np.argsort(plain.tie)[:picks]
    figures["value_of_naive"] = round(value_order(plain, few_cells, few_around, picks=picks, order=ours)[1] / best, 3)
    figures["random_of_naive"] = round(value_order(plain, few_cells, few_around, picks=picks, order=drawn)[1] / best, 3)

    million = make_campaign(MILLION, embedded=MOST_OPEN_VECTORS, seed=3)
    seconds, peak, _ = measure(*million)
    figures |= {"million": MILLION, "million_seconds": round(seconds, 1), "million_peak_mb": round(peak)}
    figures["process_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
