"""The crowd of `tests.bench.redundancy`: prompts, people, and the ranking that each of them would give of each prompt."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from itertools import combinations, pairwise
from math import exp
from random import Random

from tasks.records.ballots import Ballot
from tasks.records.quality import ConsensusRecord

QUICK = os.environ.get("QUICK") == "1"
PROMPTS = 120 if QUICK else 400
PEOPLE = 150
MARK = 0.9
#: Crowds with prompts of their own that each way is tried with: of one alone, chance moves a ratio by a tenth.
CROWDS = 1 if QUICK else 4
#: Rankings that a prompt can have.
MOST = 60
#: The spread of the strengths of a prompt lies between these: from contested to clear.
SPREADS = (1.0, 5.0)

Truth = dict[int, dict[int, float]]
#: Mean rankings of a prompt, mean tau, share of prompts whose first is the true best, mean confidence.
Point = tuple[float, float, float, float]
TAU, BEST, SAID = 1, 2, 3


class Crowd:
    """What everybody would say: the same ranking, whichever way it is that asks for it."""

    def __init__(self, size: int, number: int = 0) -> None:
        rng = Random(f"streams/{size}/{number}")
        self.size, self.number = size, number
        self.sharpness = [draw_sharpness(number, rng) for number in range(PEOPLE)]
        self.truth = draw_truth(size, rng=rng)
        self.streams = {prompt: rng.sample(range(PEOPLE), MOST) for prompt in self.truth}
        self._given: dict[tuple[int, int], Ballot] = {}

    def ask(self, prompt: int, person: int) -> Ballot:
        """The ranking of a prompt by a person."""
        if (prompt, person) not in self._given:
            rng = Random(f"{self.size}/{self.number}/{prompt}/{person}")
            strengths, sharpness = self.truth[prompt], self.sharpness[person]
            self._given[prompt, person] = rank(prompt, name_of(person), strengths, sharpness, rng)
        return self._given[prompt, person]


def name_of(person: int) -> str:
    return f"person {person}"


def draw_truth(size: int, *, rng: Random) -> Truth:
    """The true strengths of the candidates of each prompt."""
    truth: Truth = {}
    for prompt in range(PROMPTS):
        spread = rng.uniform(*SPREADS)
        truth[prompt] = {prompt * 100 + place: rng.gauss(0, spread) for place in range(size)}
    return truth


def draw_sharpness(number: int, rng: Random) -> float:
    """Of every twenty people thirteen follow the strengths, four weakly, three not at all."""
    place = number % 20
    return rng.uniform(0.8, 1.3) if place < 13 else rng.uniform(0.2, 0.5) if place < 17 else 0.0


def rank(prompt: int, person: str, strengths: dict[int, float], sharpness: float, rng: Random) -> Ballot:
    late = {one: rng.expovariate(1.0) / exp(sharpness * strength) for one, strength in strengths.items()}
    order = sorted(late, key=late.__getitem__)
    return Ballot(person, prompt, tuple((one,) for one in order), None, tuple(order))


def read_scores(records: Sequence[ConsensusRecord]) -> dict[int, dict[int, float]]:
    return {record.parent: dict(zip(record.candidates, record.scores, strict=True)) for record in records}


def mean_confidence(records: Sequence[ConsensusRecord]) -> float:
    return statistics.mean(record.confidence or 0.0 for record in records)


def score(orders: dict[int, dict[int, float]], truth: Truth) -> tuple[float, float]:
    """Mean Kendall tau with the true order, and how often the first is the true best; of several firsts a share."""
    taus, bests = [], []
    for prompt, order in orders.items():
        known = truth[prompt]
        signs = [(order[one] - order[other]) * (known[one] - known[other]) for one, other in combinations(order, 2)]
        taus.append(statistics.mean((sign > 0) - (sign < 0) for sign in signs))
        firsts = [one for one in order if order[one] == max(order.values())]
        bests.append((max(known, key=known.__getitem__) in firsts) / len(firsts))
    return statistics.mean(taus), statistics.mean(bests)


def find_needed(curve: Sequence[Point], column: int, mark: float = MARK) -> float:
    """Mean rankings at which a curve first reaches the mark."""
    before = curve[0]
    for point in curve:
        if point[column] >= mark:
            if point is before:
                return point[0]
            share = (mark - before[column]) / (point[column] - before[column])
            return before[0] + (point[0] - before[0]) * share
        before = point
    raise SystemExit(f"{mark} was not reached with {curve[-1][0]:.1f} rankings: {curve[-1][column]:.3f}.")


def interpolate(curve: Sequence[Point], given: float, column: int) -> float:
    for before, after in pairwise(curve):
        if before[0] <= given <= after[0]:
            return before[column] + (after[column] - before[column]) * (given - before[0]) / (after[0] - before[0])
    return curve[0][column]
