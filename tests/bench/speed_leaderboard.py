"""Benchmark: a leaderboard of a million comparisons with clustered intervals, and evalica beside.

    python -m tests.bench.speed_leaderboard          1,000,000 comparisons of 100 models, and 10,000 models
    QUICK=1 python -m tests.bench.speed_leaderboard  a tenth of it

`leaderboard_s` is the time of the processor from the comparisons to the record: fit with ties, 200 resamples of annotators
and 200 of prompts, intervals, ranks (`leaderboard_wall_s` by the clock). Threads of the linear algebra only get in each
other's way on matrices of a hundred: set OPENBLAS_NUM_THREADS=1, as this module does when it is run. evalica's
Bradley-Terry gets the same comparisons ready made; it gives scores alone, so that `evalica_resampled_s`, its time for as
many resamples, is its time for one times 401. `from_ballots_s` is what reading the comparisons from a million ballots takes before that.
"""

import json
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is loaded

import resource
import sys
from random import Random
from time import perf_counter, process_time

import evalica
import numpy as np
from evalica import Winner

from tasks.agreement.encounters import Encounters, list_encounters
from tasks.agreement.leaderboard import RESAMPLES, compare_encounters
from tasks.records.ballots import Ballot
from tasks.records.quality import LeaderboardRecord

MODELS, ANNOTATORS, PROMPTS, NU = 100, 2_000, 20_000, 0.5


def make_encounters(*, comparisons: int, models: int, seed: int = 1) -> tuple[Encounters, list[float]]:
    """Comparisons of two models each, drawn from Davidson's model; with the true strengths."""
    dice = np.random.default_rng(seed)
    strengths = dice.normal(0, 1, models)
    strengths -= strengths.mean()
    one = dice.integers(0, models, comparisons)
    other = (one + dice.integers(1, models, comparisons)) % models
    half = np.exp((strengths[one] - strengths[other]) / 2)
    at = dice.random(comparisons) * (half + 1 / half + NU)
    tie = at >= half + 1 / half
    swap = np.where(tie, one > other, at >= half)
    prompts = dice.integers(0, PROMPTS, comparisons)
    winner, loser = np.where(swap, other, one), np.where(swap, one, other)
    met = Encounters(
        generators=tuple(f"model {number:05d}" for number in range(models)),
        ballot=np.arange(comparisons),
        winner=winner,
        loser=loser,
        above=prompts * models + winner,
        below=prompts * models + loser,
        tie=tie,
        weight=np.ones(comparisons),
        annotator=dice.integers(0, ANNOTATORS, comparisons),
        parent=prompts,
        judged=np.zeros(models),
        acceptable=np.zeros(models),
    )
    return met, strengths.tolist()


def make_ballots(met: Encounters) -> tuple[list[Ballot], dict[int, tuple[str, ...]]]:
    """The same comparisons as ballots, and whose texts they are about."""
    columns = (met.above, met.below, met.tie, met.annotator, met.parent)
    ballots = [
        Ballot(f"a{who}", parent, ((above, below),) if tie else ((above,), (below,)), None, (above, below))
        for above, below, tie, who, parent in zip(*(column.tolist() for column in columns), strict=True)
    ]
    texts = np.unique(np.concatenate([met.above, met.below])).tolist()
    size = len(met.generators)
    return ballots, {text: (met.generators[text % size],) for text in texts}


def ask_evalica(met: Encounters) -> tuple[dict[str, float], float]:
    """Its scores, and the seconds it took."""
    names = list(met.generators)
    xs, ys = ([names[number] for number in column.tolist()] for column in (met.winner, met.loser))
    outcomes = [Winner.Draw if tie else Winner.X for tie in met.tie.tolist()]
    start = process_time()
    found = evalica.bradley_terry(xs, ys, outcomes)
    seconds = process_time() - start
    return {name: float(score) for name, score in found.scores.items()}, seconds


def order_truth(record: LeaderboardRecord, strengths: list[float]) -> tuple[float, float]:
    """Kendall's tau of the scores with the truth, and how often an interval holds it."""
    truth = [strengths[int(standing.generator.split()[1])] for standing in record.standings]
    rng, size = Random(1), len(truth)
    pairs = [rng.sample(range(size), 2) for _ in range(20_000)]
    agree = [
        (truth[i] - truth[j]) * (record.standings[i].score - record.standings[j].score) > 0 for i, j in pairs if i != j
    ]
    held = [
        standing.low <= value <= standing.high
        for standing, value in zip(record.standings, truth, strict=True)
        if standing.low is not None and standing.high is not None
    ]
    return 2 * sum(agree) / len(agree) - 1, sum(held) / len(held)


def measure_leaderboard(*, quick: bool = bool(os.environ.get("QUICK"))) -> dict[str, float]:
    """`leaderboard_s` and what stands beside it."""
    comparisons = 100_000 if quick else 1_000_000
    met, strengths = make_encounters(comparisons=comparisons, models=MODELS)
    compare_encounters(make_encounters(comparisons=1000, models=5)[0], seed=1)  # what is loaded at the first call
    wall, start = perf_counter(), process_time()
    record = compare_encounters(met, seed=1)
    seconds, wall = process_time() - start, perf_counter() - wall
    tau, held = order_truth(record, strengths)
    _, evalica_seconds = ask_evalica(met)
    ballots, origins = make_ballots(met)
    start = process_time()
    read = list_encounters(ballots, origins)
    reading = process_time() - start
    assert len(read.ballot) == comparisons
    del ballots, origins, read
    many, true = make_encounters(comparisons=comparisons // 5, models=comparisons // 100)
    start = process_time()
    large = compare_encounters(many, seed=1)
    many_seconds = process_time() - start
    many_tau, many_held = order_truth(large, true)
    return {
        "leaderboard_s": round(seconds, 3),
        "leaderboard_wall_s": round(wall, 3),
        "leaderboard_comparisons": comparisons,
        "leaderboard_tau": round(tau, 4),
        "leaderboard_coverage": round(held, 3),
        "from_ballots_s": round(reading, 3),
        "evalica_s": round(evalica_seconds, 3),
        "evalica_resampled_s": round(evalica_seconds * (2 * RESAMPLES + 1), 1),
        "leaderboard_ratio": round(evalica_seconds * (2 * RESAMPLES + 1) / seconds, 1),
        "many_models": len(many.generators),
        "many_comparisons": len(many.ballot),
        "many_s": round(many_seconds, 2),
        "many_tau": round(many_tau, 4),
        "many_coverage": round(many_held, 3),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    print(json.dumps({"bench": "speed_leaderboard", **measure_leaderboard()}))
    sys.exit(0)
