"""What people of all viewpoints accept.

bridging   Each vote is taken apart as r = mu + b + c + f g: how much the person accepts at all (b), how acceptable the
           candidate is to everybody (c), and one viewpoint that both have (f, g). Intercepts are held five times as
           firmly as viewpoints, so that what a viewpoint can explain is left to it and `c` is what people of all
           viewpoints agree on (the form of Community Notes; here by alternating ridge regressions of 2 x 2).
consensus  Over groups, the product of (accepted + 1) / (judged + 2) (Polis: group-informed consensus), and its
           geometric mean, which does not fall with the number of groups.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.agreement.dice import throw_dice
from tasks.agreement.votes import Votes

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ITERATIONS = 25
#: Penalties of viewpoints and of intercepts, for each vote that people or candidates have on average.
FACTOR_PENALTY = 0.03
INTERCEPT_PENALTY = 5 * FACTOR_PENALTY
SMALLEST_SPREAD = 1e-9


@dataclass(frozen=True, slots=True)
class Bridging:
    """The parts of the votes (1 acceptable, 0 not): `candidate` is what is left at viewpoint 0, between the sides.

    Viewpoints of people have a standard deviation of 1, or are all 0 where everybody has the same; on which side one
    stands means nothing. Their mean is not 0 where one side has more people: what most think is no common ground.
    """

    mean: float
    person: Floats
    candidate: Floats
    viewpoint: Floats
    polarity: Floats


def fit_bridging(votes: Votes, *, seed: int, iterations: int = ITERATIONS) -> Bridging:
    """Return the parts of these votes; raises ValueError where there is none."""
    if not len(votes.value):
        raise ValueError("There are no votes to take apart.")
    rating = (votes.value + 1) / 2
    mean = float(rating.mean())
    people, items = len(votes.people), len(votes.candidates)
    by_item = np.argsort(votes.item, kind="stable")
    mine = _Side(votes.person, votes.item, rating - mean, people)
    theirs = _Side(votes.item[by_item], votes.person[by_item], (rating - mean)[by_item], items)
    own, common = np.zeros(people), np.zeros(items)
    side = np.zeros(people)
    pull = throw_dice(seed, 7).standard_normal(items)
    for _ in range(iterations):
        own, side = mine.regress(common, pull)
        common, pull = theirs.regress(own, side)
    spread = float(side.std())
    if spread < SMALLEST_SPREAD:
        return Bridging(mean, own, common, np.zeros(people), np.zeros(items))
    return Bridging(mean, own, common, side / spread, pull * spread)


def accept_in_all(accepted: Floats, judged: Floats) -> tuple[Floats, Floats]:
    """Return the product over groups of the smoothed acceptance, and its geometric mean.

    accepted, judged  (candidates, groups)
    """
    product: Floats = ((accepted + 1) / (judged + 2)).prod(axis=1)
    return product, product ** (1 / max(1, accepted.shape[1]))


class _Side:
    """The votes sorted by what is fitted: by person, or by candidate."""

    def __init__(self, row: Integers, column: Integers, rating: Floats, size: int) -> None:
        self.column, self.rating = column, rating
        counts = np.bincount(row, minlength=size)
        self.starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self.counts = counts.astype(np.float64)
        firmness = len(row) / size
        self.intercept_penalty, self.factor_penalty = INTERCEPT_PENALTY * firmness, FACTOR_PENALTY * firmness

    def regress(self, intercept: Floats, factor: Floats) -> tuple[Floats, Floats]:
        """Return each row's intercept and slope on the other side's factor, the other side held as it is."""
        x = factor[self.column]
        y = self.rating - intercept[self.column]
        sum_x, sum_xx = self._add(x), self._add(x * x) + self.factor_penalty
        sum_y, sum_xy = self._add(y), self._add(x * y)
        ones = self.counts + self.intercept_penalty
        determinant = ones * sum_xx - sum_x * sum_x
        return (sum_xx * sum_y - sum_x * sum_xy) / determinant, (ones * sum_xy - sum_x * sum_y) / determinant

    def _add(self, values: Floats) -> Floats:
        sums: Floats = np.add.reduceat(values, self.starts)
        return sums
