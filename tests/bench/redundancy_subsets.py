"""Rankings of four of eight candidates, chosen by doubt and in balance: the last part of `tests.bench.redundancy`."""

from __future__ import annotations

import sys
from itertools import combinations
from random import Random

from tasks.agreement.consensus import combine_rankings
from tasks.records.ballots import Ballot
from tasks.records.quality import ConsensusRecord
from tasks.scheduling.pick import choose_doubtful
from tests.bench.redundancy_crowd import (
    PEOPLE,
    TAU,
    Point,
    Truth,
    draw_sharpness,
    draw_truth,
    find_needed,
    rank,
    read_scores,
    score,
)

#: The mark, and rankings that are tried.
SUBSET_MARK, MOST_SUBSETS = 0.8, 60


def measure_subsets() -> float:
    """Rankings that a mark takes with subsets by doubt, over those with balanced ones."""
    needed = []
    for by_doubt in (False, True):
        truth = draw_truth(8, rng=Random("subsets"))
        curve = judge_subsets(truth, by_doubt=by_doubt, rng=Random("people"))
        for given, tau, best, _ in curve:
            print(
                f"4 of 8, {'by doubt' if by_doubt else 'balanced'}  {given:4.0f} rankings  tau {tau:.3f}  best {best:.3f}",
                file=sys.stderr,
            )
        needed.append(find_needed(curve, TAU, mark=SUBSET_MARK))
    return round(needed[1] / needed[0], 3)


def judge_subsets(truth: Truth, *, by_doubt: bool, rng: Random) -> list[Point]:
    """The curve over fixed numbers of rankings of four of eight candidates."""
    sharpness = [draw_sharpness(number, rng) for number in range(PEOPLE)]
    given: dict[int, list[Ballot]] = {prompt: [] for prompt in truth}
    known: dict[int, dict[tuple[int, int], float]] = {prompt: {} for prompt in truth}
    curve: list[Point] = []
    for number in range(1, MOST_SUBSETS + 1):
        for prompt, strengths in truth.items():
            shown = [ballot.shown for ballot in given[prompt]]
            some = choose_doubtful(list(strengths), shown=shown, doubt=known[prompt], size=4, rng=rng)
            person = rng.randrange(PEOPLE)
            part = {one: strengths[one] for one in some}
            given[prompt].append(rank(prompt, f"person {person}", part, sharpness[person], rng))
        records = combine_rankings([ballot for ballots in given.values() for ballot in ballots], seed=1)
        curve.append((float(number), *score(read_scores(records), truth), 0.0))
        if curve[-1][TAU] >= SUBSET_MARK:
            break
        if by_doubt:
            known = {record.parent: read_doubt(record) for record in records}
    return curve


def read_doubt(record: ConsensusRecord) -> dict[tuple[int, int], float]:
    """As `annotate.queries.doubt` reads it."""
    return {
        (one, other): min(record.p_above[first][second], record.p_above[second][first])
        for (first, one), (second, other) in combinations(enumerate(record.candidates), 2)
    }
