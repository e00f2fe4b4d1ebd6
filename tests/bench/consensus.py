"""Benchmark: consensus, agreement and leaderboard of a large campaign, and evalica beside.

    python -m tests.bench.consensus          100,000 ballots on 20,000 parents
    QUICK=1 python -m tests.bench.consensus  a tenth of it

`ratio` is the time evalica's Bradley-Terry takes for the same parents, one call each, over the time
of our consensus. It gets the bare comparisons ready made and gives scores alone: no ties of its
own, no bar, no uncertainty. The order of both is compared with the true one (Kendall's tau), on the
parents where evalica gives one: where a candidate won everything, its maximum likelihood is not
finite, and all scores come out alike.
"""

import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from random import Random
from time import perf_counter
from typing import TypeVar

import evalica
from evalica import Winner

from tasks.agreement.alpha import measure_label_agreement
from tasks.agreement.concordance import measure_ranking_agreement
from tasks.agreement.consensus import combine_rankings, fit_nu
from tasks.agreement.leaderboard import compare_generators
from tasks.records.ballots import Ballot, LabelVote
from tasks.vocabulary import Metric
from tests.pure.crowd import draw_ballots

CANDIDATES = 5
BALLOTS_EACH = 5
LABELS_EACH = 5

T = TypeVar("T")
Games = tuple[list[str], list[str], list[Winner]]


def measure_time(what: str, work: Callable[[], T]) -> tuple[T, float]:
    """Run `work`, say how long it took, and return its result with the seconds."""
    start = perf_counter()
    result = work()
    seconds = perf_counter() - start
    print(f"{what:<58} {seconds:8.2f} s", flush=True)
    return result, seconds


def list_games(ballots: list[Ballot]) -> dict[int, Games]:
    """The comparisons of each parent, as evalica takes them."""
    games: defaultdict[int, Games] = defaultdict(lambda: ([], [], []))
    for ballot in ballots:
        xs, ys, winners = games[ballot.parent]
        placed = [(c, number) for number, tier in enumerate(ballot.tiers) for c in tier]
        for (first, above), (second, below) in combinations(placed, 2):
            xs.append(str(first))
            ys.append(str(second))
            winners.append(Winner.X if above < below else Winner.Draw)
    return games


def rank_with_evalica(games: dict[int, Games]) -> dict[int, dict[int, float]]:
    """The scores that evalica gives the candidates of each parent."""
    found = {}
    for parent, (xs, ys, winners) in games.items():
        scores = evalica.bradley_terry(xs, ys, winners).scores
        found[parent] = {int(candidate): float(score) for candidate, score in scores.items()}
    return found


def mean_tau(scores: dict[int, dict[int, float]], truth: dict[int, dict[int, float]]) -> float:
    """Mean Kendall tau-a of the scores with the true strengths."""
    signs = []
    for parent, known in scores.items():
        for (one, a), (other, b) in combinations(known.items(), 2):
            agree = (a - b) * (truth[parent][one] - truth[parent][other])
            signs.append(0 if agree == 0 else 1 if agree > 0 else -1)
    return sum(signs) / len(signs)


def main() -> None:
    parents = 2_000 if os.environ.get("QUICK") else 20_000
    rng = Random(1)
    ballots, truth = draw_ballots(rng=rng, parents=parents, ballots=BALLOTS_EACH, candidates=CANDIDATES, annotators=500)
    print(f"{len(ballots):,} ballots of {CANDIDATES} candidates on {parents:,} parents")
    combine_rankings(ballots[: 50 * BALLOTS_EACH], seed=1)  # what is loaded at the first call

    records, ours = measure_time("consensus, all parents in one call", lambda: combine_rankings(ballots, seed=1))
    some = [ballots[at : at + BALLOTS_EACH] for at in range(0, 200 * BALLOTS_EACH, BALLOTS_EACH)]
    alone, one_by_one = measure_time(
        "consensus, 200 parents one call each", lambda: [combine_rankings(each, seed=1)[0] for each in some]
    )
    assert alone == records[:200], "a parent alone must give what it gives among others"
    nu, nu_seconds = measure_time("tie parameter of the campaign", lambda: fit_nu(ballots))
    tau, agreement_seconds = measure_time(
        "tau, W and pairwise alpha, 1,000 resamples", lambda: measure_ranking_agreement(ballots, seed=1)[0]
    )
    origins = {c: (f"generator {c % 100}",) for known in truth.values() for c in known}
    _, leaderboard_seconds = measure_time(
        "leaderboard, 200 resamples of annotators and of parents",
        lambda: compare_generators(ballots, origins, seed=1),
    )
    votes = [
        LabelVote(f"annotator {a}", subject, "quality", float(min(max(round(level + rng.gauss(0, 1)), 0), 4)))
        for subject in range(parents)
        for level in [rng.uniform(0, 4)]
        for a in range(LABELS_EACH)
    ]
    _, alpha_seconds = measure_time(
        f"alpha of {len(votes):,} labels, 1,000 resamples",
        lambda: measure_label_agreement(votes, metric=Metric.ORDINAL, seed=1),
    )

    games = list_games(ballots)
    theirs, evalica_seconds = measure_time("evalica Bradley-Terry, one call a parent", lambda: rank_with_evalica(games))
    our_scores = {r.parent: dict(zip(r.candidates, r.scores, strict=True)) for r in records}
    ordered = {parent: scores for parent, scores in theirs.items() if len(set(scores.values())) > 1}
    our_tau, their_tau = (
        mean_tau({parent: scores[parent] for parent in ordered}, truth) for scores in (our_scores, theirs)
    )
    print(f"evalica orders the candidates of {len(ordered):,} parents of {parents:,}; on those:")
    print(f"tau with the true order: {our_tau:.3f}, evalica {their_tau:.3f}; tau among annotators {tau.value}")
    print(
        json.dumps(
            {
                "bench": "consensus",
                "ballots": len(ballots),
                "parents": parents,
                "seconds": round(ours, 3),
                "ballots_per_second": round(len(ballots) / ours),
                "ms_one_parent": round(one_by_one / len(some) * 1000, 3),
                "nu": nu,
                "nu_seconds": round(nu_seconds, 3),
                "agreement_seconds": round(agreement_seconds, 3),
                "leaderboard_seconds": round(leaderboard_seconds, 3),
                "alpha_seconds": round(alpha_seconds, 3),
                "tau": round(our_tau, 4),
                "evalica_parents": len(ordered),
                "evalica_tau": round(their_tau, 4),
                "evalica_seconds": round(evalica_seconds, 3),
                "ratio": round(evalica_seconds / ours, 2),
            }
        )
    )


if __name__ == "__main__":
    sys.exit(main())
