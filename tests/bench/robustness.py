"""Benchmark: how little careless and colluding annotators move a consensus that knows them.

    python -m tests.bench.robustness          three crowds for each number of ballots
    QUICK=1 python -m tests.bench.robustness  one small crowd

A crowd of 150 with a known truth, 20 % of whom shuffle and 10 % of whom agreed on one arbitrary order for each
parent. `gap`: by how much the consensus weighed by reliability is further from the truth (mean Kendall tau) than an
oracle that is given the honest ballots alone and weighs them likewise, at 5 ballots a parent or more, the worst of the
cases; `ranked_pairs_gap` is the same of ranked pairs. `calibration`: how far P(i above j) is from how often i truly
stands above j, the worst of the bins of at least 1,000 pairs. `found` and `accused`: careless and colluding
annotators whose interval of sharpness lies wholly below 1/2, and honest ones of whom it does, as shares.
"""

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations, pairwise
from random import Random

from tasks.agreement.consensus import combine_rankings
from tasks.agreement.reliability import estimate_reliability
from tasks.records.ballots import Ballot
from tasks.records.quality import ConsensusRecord
from tests.pure.crowd import MixedCrowd, draw_mixed_crowd

ANNOTATORS = 150
RANDOM, COLLUDING = 0.2, 0.1
BALLOTS = 7500
EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0001)
FEWEST_IN_A_BIN = 1000
GOAL_GAP, GOAL_CALIBRATION = 0.01, 0.07


def claims_of(crowd: MixedCrowd, records: Iterable[ConsensusRecord]) -> list[tuple[float, bool]]:
    """Every P(above) of at least 1/2, and whether it is so."""
    claims = []
    for record in records:
        true = [crowd.truth[record.parent][candidate] for candidate in record.candidates]
        for i, j in combinations(range(len(true)), 2):
            p, so = record.p_above[i][j], true[i] > true[j]
            claims.append((p, so) if p >= 0.5 else (1 - p, not so))
    return claims


def worst_of_bins(claims: list[tuple[float, bool]]) -> float:
    """The largest difference between what was claimed and what is so, over the bins."""
    worst = 0.0
    for low, high in pairwise(EDGES):
        inside = [claim for claim in claims if low <= claim[0] < high]
        if len(inside) >= FEWEST_IN_A_BIN:
            claimed, actual = (sum(each) / len(inside) for each in zip(*inside, strict=True))
            worst = max(worst, abs(claimed - actual))
    return worst


def weigh(ballots: list[Ballot]) -> list[ConsensusRecord]:
    """The consensus of these ballots, weighed by what they say of their authors."""
    reliability = estimate_reliability(ballots, seed=1, nu=0.5)
    return combine_rankings(ballots, seed=1, sharpness=reliability.as_weights())


def main() -> int:
    quick = bool(os.environ.get("QUICK"))
    taus: defaultdict[tuple[int, int], list[dict[str, float]]] = defaultdict(list)
    claims: defaultdict[tuple[int, int], list[tuple[float, bool]]] = defaultdict(list)
    found, accused = [], []
    seconds = 0.0
    for candidates, each in ((5, 5),) if quick else ((5, 5), (5, 10), (5, 20), (8, 10)):
        for seed in range(1 if quick else 3):
            crowd = draw_mixed_crowd(
                rng=Random(seed * 1000 + each),
                parents=(BALLOTS // 3 if quick else BALLOTS) // each,
                ballots=each,
                annotators=ANNOTATORS // 3 if quick else ANNOTATORS,
                candidates=candidates,
                random=RANDOM,
                colluding=COLLUDING,
            )
            honest = [ballot for ballot in crowd.ballots if crowd.kinds[ballot.annotator] == "honest"]
            start = time.process_time()
            reliability = estimate_reliability(crowd.ballots, seed=1, nu=0.5)
            seconds += time.process_time() - start
            weighed = combine_rankings(crowd.ballots, seed=1, sharpness=reliability.as_weights())
            plain, oracle = combine_rankings(crowd.ballots, seed=1), weigh(honest)
            taus[candidates, each].append(
                {
                    "weighed": crowd.mean_tau(weighed),
                    "plain": crowd.mean_tau(plain),
                    "oracle": crowd.mean_tau(oracle),
                    "ranked_pairs": crowd.mean_tau(plain, by_pairs=True),
                    "ranked_pairs_oracle": crowd.mean_tau(oracle, by_pairs=True),
                }
            )
            claims[candidates, each] += claims_of(crowd, weighed)
            for one in reliability.annotators:
                (accused if crowd.kinds[one.annotator] == "honest" else found).append(one.high < 0.5)
    mean = {case: {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]} for case, rows in taus.items()}
    for (candidates, each), row in mean.items():
        told = "  ".join(f"{name} {value:.4f}" for name, value in row.items())
        print(f"{candidates} candidates, {each:2} ballots: {told}")
    gap = max(row["oracle"] - row["weighed"] for row in mean.values())
    calibration = max(worst_of_bins(each) for each in claims.values())
    result = {
        "bench": "robustness",
        "gap": round(gap, 4),
        "plain_gap": round(max(row["oracle"] - row["plain"] for row in mean.values()), 4),
        "ranked_pairs_gap": round(max(row["ranked_pairs_oracle"] - row["ranked_pairs"] for row in mean.values()), 4),
        "calibration": round(calibration, 4),
        "found": round(sum(found) / len(found), 4),
        "accused": round(sum(accused) / len(accused), 4),
        "reliability_seconds": round(seconds, 2),
        "ok": gap <= GOAL_GAP and calibration <= GOAL_CALIBRATION,
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
