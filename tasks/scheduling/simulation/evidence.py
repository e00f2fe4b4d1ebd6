"""What volunteers say of candidates, and what is known from it: the product's own consensus of imagined rankings.

What a candidate is worth is drawn; somebody sees it at their sharpness, bent by the opinion of their group, plus Gumbel noise:
the Plackett-Luce model of rankings. What somebody would say of a unit depends on the two alone, so that every policy meets
the same answers. Strengths and their certainty are those of `tasks.agreement` (the consensus without an acceptable bar and
without ties), fitted anew for every unit that was judged.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.agreement.best import share_of_best
from tasks.agreement.block_consensus import fit_parents
from tasks.agreement.davidson import DEFAULT_NU
from tasks.agreement.gain import expect_gain
from tasks.agreement.normal import normal_cdf
from tasks.agreement.pairs import Comparisons, Strengths, list_pairs
from tasks.scheduling.simulation.volunteers import Crowd

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Rows of noise: what somebody says of a unit looks its row up, by both.
NOISE_ROWS = 1 << 16
#: Prompts differ in how clear their order is: what candidates are worth is spread by a number between these.
CLEAREST, LEAST_CLEAR = 2.5, 0.5
#: How far a group of another opinion sees candidates differently.
TILT = 0.7
#: Sharpness at which rankings are read where the campaign weighs people, by its nearest; dice are not heard.
CLASSES = (0.4, 0.8, 1.2, 1.8)
SPAM_BELOW = 0.1


@dataclass(frozen=True, slots=True)
class Truth:
    """What nobody knows: the worth of each unit's candidates (U, k), how opinions bend it, and noise (rows, k)."""

    worth: Floats
    tilt: Floats
    noise: Floats
    lots: Floats


def draw_truth(candidates: Integers, *, rng: np.random.Generator) -> Truth:
    """Draw the worth of candidates; beyond a unit's number they are there and never shown."""
    shape = (len(candidates), int(candidates.max()))
    clear = rng.uniform(LEAST_CLEAR, CLEAREST, size=(shape[0], 1))
    return Truth(
        worth=clear * rng.normal(0.0, 0.9, size=shape),
        tilt=TILT * rng.normal(0.0, 1.0, size=shape),
        noise=rng.gumbel(size=(NOISE_ROWS, shape[1])),
        lots=rng.random((NOISE_ROWS, shape[1])),
    )


class Evidence:
    """Rankings of every unit as weighed pairs, and what they make known.

    confidence, p_best, gain  (U,) of the consensus; nan while nothing is known, or where nothing asks for it
    strengths                 (U, k + 1) of the candidates; the last column is the bar's, which nobody gives here
    """

    def __init__(
        self,
        truth: Truth,
        candidates: Integers,
        crowd: Crowd,
        *,
        shown: int,
        weighs: bool,
        with_best: bool,
        with_gain: bool,
    ) -> None:
        self.truth, self.candidates, self.crowd = truth, candidates, crowd
        self.shown, self.with_best, self.with_gain = shown, with_best, with_gain
        units, size = truth.worth.shape
        self.first, self.second = list_pairs(size)
        self.classes = np.array(CLASSES) if weighs else np.ones(1)
        nearest = np.abs(crowd.sharpness[:, None] - self.classes[None, :]).argmin(axis=1)
        # Who answers by dice is found out where people are weighed, and not heard; elsewhere everybody counts alike.
        self.row = np.where(crowd.sharpness < SPAM_BELOW, -1, nearest) if weighs else np.zeros(len(crowd), np.int64)
        self.net = np.zeros((len(self.first), units * len(self.classes)), dtype=np.float32)
        self.met = np.zeros_like(self.net)
        self.strengths = np.zeros((units, size + 1))
        self.confidence, self.p_best, self.gain = (np.full(units, np.nan) for _ in range(3))

    def rank(self, units: Integers, people: Integers) -> tuple[Integers, Integers]:
        """Return (n, k) the place of each candidate, 0 the best, -1 not shown; and (n,) how many were shown."""
        size = self.truth.worth.shape[1]
        known = people >= 0
        sharpness = np.where(known, self.crowd.sharpness[people], 1.0)[:, None]
        opinion = np.where(known, self.crowd.opinion[people], 0)
        bend = np.where(opinion == 0, 0.0, np.where(opinion % 2 == 1, 1.0, -1.0))[:, None]
        rows = _look_up(units, people)
        seen = sharpness * (self.truth.worth[units] + bend * self.truth.tilt[units]) + self.truth.noise[rows]
        there = np.arange(size)[None, :] < self.candidates[units][:, None]
        if size > self.shown:
            lots = np.where(there, self.truth.lots[rows], 2.0)
            there &= lots.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable") < self.shown
        seen = np.where(there, seen, -np.inf)
        places = (-seen).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
        return np.where(there, places, -1), there.sum(axis=1)

    def add(self, units: Integers, people: Integers) -> None:
        """Take in rankings of these units by these people; somebody below 0 is typical and not of the crowd."""
        rows = np.where(people >= 0, self.row[people], np.abs(self.classes - 1.0).argmin())
        heard = rows >= 0
        units, people, rows = units[heard], people[heard], rows[heard]
        places, shown = self.rank(units, people)
        weight = 2.0 / np.maximum(shown, 2)
        column = units * len(self.classes) + rows
        for pair, (one, other) in enumerate(zip(self.first.tolist(), self.second.tolist(), strict=True)):
            both = (places[:, one] >= 0) & (places[:, other] >= 0)
            if both.any():
                sign = np.where(places[both, one] < places[both, other], 1.0, -1.0)
                np.add.at(self.net[pair], column[both], (sign * weight[both]).astype(np.float32))
                np.add.at(self.met[pair], column[both], weight[both].astype(np.float32))

    def refresh(self, units: Integers) -> None:
        """Fit the consensus of these units anew."""
        sizes = self.candidates[units]
        for size in np.unique(sizes).tolist():
            self._refresh_alike(units[sizes == size], size)

    def _refresh_alike(self, units: Integers, size: int) -> None:
        fit = fit_parents(self._compare(units, size), candidates=size, nu=DEFAULT_NU, start=self._start(units, size))
        self.strengths[units[:, None], np.arange(size)[None, :]] = fit.strengths[:, :size]
        self.strengths[units, -1] = fit.strengths[:, size]
        self.confidence[units] = tell_confidence(fit, size)
        if self.with_best:
            own = fit.covariance[:, :size, :size]
            errors = np.sqrt(own[:, np.arange(size), np.arange(size)])
            self.p_best[units] = share_of_best(fit.strengths[:, :size], errors, own, seed=1).max(axis=1)
        if self.with_gain:
            table = np.zeros((size + 1, size + 1))
            table[:size, :size] = DEFAULT_NU
            np.fill_diagonal(table, 0.0)
            placed = np.full(len(units), float(min(size, self.shown)))
            no_bar = np.zeros(len(units), dtype=bool)
            self.gain[units] = expect_gain(fit.strengths, fit.covariance, nu=table, placed=placed, bar_given=no_bar)

    def _compare(self, units: Integers, size: int) -> Comparisons:
        """Return the pairs of units with `size` candidates, the bar last and never compared."""
        rows = len(self.classes)
        columns = (units[:, None] * rows + np.arange(rows)[None, :]).ravel()
        own = np.flatnonzero(self.second < size)
        of_candidates = list_pairs(size + 1)[1] < size
        net, met = np.zeros((2, len(of_candidates), len(columns)))
        net[of_candidates] = self.net[own[:, None], columns[None, :]]
        met[of_candidates] = self.met[own[:, None], columns[None, :]]
        if rows == 1:
            return Comparisons(net, met)
        return Comparisons(net, met, np.tile(self.classes, len(units)), np.arange(len(units)) * rows)

    def _start(self, units: Integers, size: int) -> Floats:
        return np.column_stack([self.strengths[units][:, :size], self.strengths[units, -1]])

    def measure_tau(self, units: Integers) -> Floats:
        """Return (n,) Kendall's tau of each unit's consensus with what its candidates are worth."""
        known, true = self.strengths[units][:, :-1], self.truth.worth[units]
        there = self.second[None, :] < self.candidates[units][:, None]
        signs = np.sign(known[:, self.first] - known[:, self.second]) * np.sign(
            true[:, self.first] - true[:, self.second]
        )
        taus: Floats = (signs * there).sum(axis=1) / there.sum(axis=1)
        return taus


def tell_confidence(fit: Strengths, size: int) -> Floats:
    """Return (n,) the mean over pairs of candidates of |2 P(above) - 1|, as consensuses have it."""
    first, second = list_pairs(size)
    own = fit.covariance[:, np.arange(size), np.arange(size)]
    variance = own[:, first] + own[:, second] - 2 * fit.covariance[:, first, second]
    share = normal_cdf((fit.strengths[:, first] - fit.strengths[:, second]) / np.sqrt(variance))
    certain: Floats = np.abs(2 * share - 1).mean(axis=1)
    return certain


def _look_up(units: Integers, people: Integers) -> Integers:
    """Return the row of noise of what these people say of these units."""
    mixed = units.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + people.astype(np.uint64) * np.uint64(
        0xC2B2AE3D27D4EB4F
    )
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(48)).astype(np.int64) & (NOISE_ROWS - 1)
