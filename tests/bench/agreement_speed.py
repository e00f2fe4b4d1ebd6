"""Benchmark: how fast consensus, reliability, agreement and leaderboard are computed, each beside a library.

    python -m tests.bench.agreement_speed          the sizes below
    QUICK=1 python -m tests.bench.agreement_speed  a tenth of them

`consensus_s`: 100,000 ballots on 20,000 parents, with all columns; `one_parent_ms`: one parent in a call of its own, five
ballots of five candidates. `consensus_ratio` is the time evalica's Bradley-Terry takes for as many parents, one call
each, over ours: it gets the bare comparisons ready made and gives scores alone. `weighed_s` is the consensus at
everybody's sharpness, and `reliability_s` what it takes to estimate that for 1,000 annotators. `alpha_s` and
`leaderboard_s`: see the modules of their own. Seconds are of the processor, which other work on the machine changes less.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is loaded

import json
import sys
from collections.abc import Callable
from random import Random
from time import process_time
from typing import Any, TypeVar

from tasks.agreement.consensus import combine_rankings
from tasks.agreement.reliability import estimate_reliability
from tests.bench.consensus import list_games, mean_tau, rank_with_evalica
from tests.bench.speed_alpha import SAMPLES, UNITS, measure_alpha
from tests.bench.speed_leaderboard import measure_leaderboard
from tests.pure.crowd import draw_ballots

PARENTS, BALLOTS_EACH, CANDIDATES, ANNOTATORS = 20_000, 5, 5, 1_000
#: Of the parents, those that evalica is given, and those that are computed alone.
THEIRS, ALONE = 500, 200
GOALS = {"consensus_s": 1.0, "one_parent_ms": 5.0, "alpha_s": 1.0, "leaderboard_s": 2.0}

T = TypeVar("T")


def take_time(work: Callable[[], T]) -> tuple[T, float]:
    """Return what `work` returns, and the seconds of the processor that it took."""
    start = process_time()
    result = work()
    return result, process_time() - start


def measure_consensus(*, quick: bool) -> dict[str, float]:
    """Seconds of consensus and reliability, and of evalica beside."""
    parents = PARENTS // 10 if quick else PARENTS
    ballots, truth = draw_ballots(
        rng=Random(1), parents=parents, ballots=BALLOTS_EACH, candidates=CANDIDATES, annotators=ANNOTATORS
    )
    combine_rankings(ballots[: 50 * BALLOTS_EACH], seed=1)  # what is loaded at the first call
    records, ours = take_time(lambda: combine_rankings(ballots, seed=1))
    some = [ballots[at : at + BALLOTS_EACH] for at in range(0, ALONE * BALLOTS_EACH, BALLOTS_EACH)]
    alone, one_by_one = take_time(lambda: [combine_rankings(each, seed=1)[0] for each in some])
    assert alone == records[:ALONE], "a parent alone must give what it gives among others"
    reliability, reliability_seconds = take_time(lambda: estimate_reliability(ballots, seed=1, nu=0.5))
    sharpness = reliability.as_weights()
    _, weighed = take_time(lambda: combine_rankings(ballots, seed=1, sharpness=sharpness))
    games = list_games(ballots[: THEIRS * BALLOTS_EACH])
    theirs, evalica_seconds = take_time(lambda: rank_with_evalica(games))
    ordered = {parent: scores for parent, scores in theirs.items() if len(set(scores.values())) > 1}
    own = {r.parent: dict(zip(r.candidates, r.scores, strict=True)) for r in records if r.parent in ordered}
    return {
        "consensus_s": round(ours, 3),
        "one_parent_ms": round(one_by_one / len(some) * 1000, 3),
        "weighed_s": round(weighed, 3),
        "reliability_s": round(reliability_seconds, 3),
        "ballots": len(ballots),
        "annotators": reliability.n_annotators,
        "evalica_s": round(evalica_seconds / THEIRS * parents, 2),
        "consensus_ratio": round(evalica_seconds / THEIRS * parents / ours, 1),
        "tau": round(mean_tau(own, truth), 4),
        "evalica_tau": round(mean_tau(ordered, truth), 4),
    }


def main() -> int:
    quick = bool(os.environ.get("QUICK"))
    parts: dict[str, dict[str, Any]] = {}
    measures: dict[str, Callable[[], dict[str, Any]]] = {
        "consensus": lambda: measure_consensus(quick=quick),
        "alpha": lambda: measure_alpha(units=UNITS // 10, samples=SAMPLES // 10) if quick else measure_alpha(),
        "leaderboard": lambda: measure_leaderboard(quick=quick),
    }
    for name, measure in measures.items():
        parts[name] = measure()
        print(name, json.dumps(parts[name]), flush=True)
    figures = {name: part[name] for part in parts.values() for name in GOALS if name in part}
    late = [name for name, seconds in figures.items() if seconds > GOALS[name]]
    print(json.dumps({"bench": "agreement_speed", "quick": quick, **figures, "ok": not late, "late": late, **parts}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
