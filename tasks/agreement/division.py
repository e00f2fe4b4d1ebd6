"""How much of a disagreement lies between opinion groups, told apart from noise.

Groups are found in the votes, so that in the same votes they always divide. Therefore prompts are dealt into folds, the
groups are found again without a fold, and only its votes say how much these groups divide: a share of the variance
within candidates, of votes less what person and candidate explain by themselves, everybody weighing the same. Groups drawn at random (the same labels
dealt out anew among the people) say how much is noise, and how often noise alone does as much.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.agreement.dice import throw_dice
from tasks.agreement.opinions import COUNTS, MOST_GROUPS, place_people, split_people
from tasks.agreement.votes import Votes, keep_votes
from tasks.records.perspectives import Division

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FOLDS = 5
#: Votes that all deals of the dice look at together, and how many deals there are at least and at most.
DEALT_VOTES, FEWEST_DEALS, MOST_DEALS = 40_000_000, 399, 999
RESAMPLES = 1000
#: A further group must say this many times as much.
WORTH = 1.3
#: Everybody's variance is drawn to the common one as if by so many votes more.
PRIOR_VOTES, SMALLEST_SPREAD = 3, 1e-9
#: Of fewer prompts no interval is given.
FEWEST_PROMPTS = 10
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Apart:
    """Groups found without the prompts of a fold.

    labels   by the number of groups that were looked for: (folds, people), -1 where nothing else is known of somebody
    fold_of  (candidates,) the fold of each candidate's prompt
    """

    labels: dict[int, Integers]
    fold_of: Integers


@dataclass(frozen=True, slots=True)
class Held:
    """The votes of people of whom more is known than the fold's, and their variance within each candidate."""

    person: Integers
    item: Integers
    fold: Integers
    value: Floats
    judged: Integers
    middle: Floats
    within: Floats
    width: int

    def divide(self, labels: Integers) -> Floats:
        """Return (candidates,) the sum of squares between the groups of these labels."""
        cell = self.item * self.width + labels[self.fold, self.person]
        counts = np.bincount(cell, minlength=len(self.judged) * self.width)
        sums = np.bincount(cell, self.value, len(self.judged) * self.width)
        squares: Floats = (sums * sums / np.maximum(counts, 1)).reshape(-1, self.width).sum(axis=1) - self.middle
        return squares

    def count_groups(self, labels: Integers) -> Integers:
        """Return (candidates,) how many groups voted on each."""
        cell = self.item * self.width + labels[self.fold, self.person]
        counts = np.bincount(cell, minlength=len(self.judged) * self.width).reshape(-1, self.width)
        groups: Integers = np.maximum((counts > 0).sum(axis=1), 1)
        return groups


@dataclass(frozen=True, slots=True)
class Trial:
    """What the votes say of groups that were found without them, by candidate: (candidates,).

    within      variance about the candidate, as a sum of squares; between: the part between groups
    by_chance   mean of that part over deals; at_least: deals in which it was as large
    """

    within: Floats
    between: Floats
    by_chance: Floats
    at_least: Integers
    deals: int
    total_at_least: int

    @property
    def p_value(self) -> float:
        """How often dice divide all candidates together as much."""
        return (self.total_at_least + 1) / (self.deals + 1)

    @property
    def p_values(self) -> Floats:
        """(candidates,) how often dice divide each as much."""
        values: Floats = (self.at_least + 1) / (self.deals + 1)
        return values

    @property
    def shares(self) -> Floats:
        """(candidates,) share of the variance that lies between groups, above chance; 0 where all are of one opinion."""
        return _share(self.between, self.by_chance, self.within)


def hold_out(votes: Votes, residuals: Floats, fold_of: Integers, labels: Integers) -> Held:
    """Return the votes on which groups that were found without them can be tried."""
    fold = fold_of[votes.item]
    known = labels[fold, votes.person] >= 0
    item, value, size = votes.item[known], residuals[known], len(votes.candidates)
    judged, sums = np.bincount(item, minlength=size), np.bincount(item, value, size)
    middle = sums * sums / np.maximum(judged, 1)
    within = np.maximum(np.bincount(item, value * value, size) - middle, 0.0)
    return Held(votes.person[known], item, fold[known], value, judged, middle, within, int(labels.max(initial=0)) + 1)


def even_out(votes: Votes, residuals: Floats) -> Floats:
    """Return (n,) residuals in which everybody's have about the same variance; means of candidates are 0.

    Without that, groups in which votes scatter more than in others would seem to divide: lenient people hardly scatter.
    """
    people, items = len(votes.people), len(votes.candidates)
    squares = np.bincount(votes.person, residuals * residuals, people)
    common = squares.sum() / len(residuals)
    spread = np.sqrt((squares + PRIOR_VOTES * common) / (votes.seen + PRIOR_VOTES))
    evened = residuals / np.maximum(spread, SMALLEST_SPREAD)[votes.person]
    centred: Floats = evened - (np.bincount(votes.item, evened, items) / votes.judged)[votes.item]
    return centred


def find_labels_apart(votes: Votes, residuals: Floats, *, seed: int) -> Apart:
    """Find groups without the prompts of each fold in turn, for every number of groups."""
    parents, place = np.unique(votes.parents, return_inverse=True)
    folds = min(FOLDS, len(parents))
    fold_of = (throw_dice(seed, 4).permutation(len(parents)) % folds)[place]
    labels = {count: np.full((folds, len(votes.people)), -1) for count in COUNTS}
    for fold in range(folds):
        kept = fold_of[votes.item] != fold
        rest = keep_votes(votes, kept)
        if len(rest.people) > MOST_GROUPS:
            known = np.unique(votes.person[kept])
            places = place_people(rest, residuals[kept], seed=seed)
            for count in COUNTS:
                labels[count][fold, known] = split_people(places, count, seed=seed)
    return Apart(labels, fold_of)


def choose_count(votes: Votes, residuals: Floats, apart: Apart, counts: Iterable[int], *, last: int | None) -> int:
    """Return the number of groups whose groups say most of the prompts that did not form them.

    A larger number must say `WORTH` times as much as a smaller one; the last run's stays where it says nearly as much.
    """
    shares = {}
    for count in sorted(counts):
        held = hold_out(votes, residuals, apart.fold_of, apart.labels[count])
        between = held.divide(apart.labels[count])
        groups = held.count_groups(apart.labels[count])
        chance = held.within * (groups - 1) / np.maximum(held.judged - 1, 1)
        left = float((held.within - chance).sum())
        shares[count] = max(0.0, float((between - chance).sum()) / left if left > 0 else 0.0)
    chosen = min(shares)
    for count, share in shares.items():
        if share > WORTH * shares[chosen]:
            chosen = count
    if last in shares and shares[chosen] <= WORTH * shares[last]:
        return last
    return chosen


def try_division(votes: Votes, residuals: Floats, apart: Apart, *, count: int, seed: int) -> Trial:
    """Compare these groups with groups dealt by dice, on the votes of each fold."""
    labels = apart.labels[count]
    held = hold_out(votes, residuals, apart.fold_of, labels)
    between = held.divide(labels)
    deals = max(FEWEST_DEALS, min(MOST_DEALS, DEALT_VOTES // max(1, len(held.value))))
    dice = throw_dice(seed, 5)
    by_chance, at_least, total_at_least = np.zeros(len(between)), np.zeros(len(between), np.int64), 0
    knows = [np.flatnonzero(row >= 0) for row in labels]
    for _ in range(deals):
        dealt = labels.copy()
        for row, people in zip(dealt, knows, strict=True):
            row[people] = row[dice.permutation(people)]
        chance = held.divide(dealt)
        by_chance += chance
        at_least += chance >= between - 1e-9
        total_at_least += int(chance.sum() >= between.sum() - 1e-9)
    return Trial(held.within, between, by_chance / deals, at_least, deals, total_at_least)


def sum_up(test: Trial, parents: Integers, *, seed: int) -> Division:
    """Return what the test says of all candidates together, with an interval over prompts."""
    prompts, place = np.unique(parents, return_inverse=True)
    parts = np.stack(
        [np.bincount(place, part, len(prompts)) for part in (test.between, test.by_chance, test.within)], axis=1
    )
    low = high = None
    if len(prompts) >= FEWEST_PROMPTS:
        dice = throw_dice(seed, 6)
        drawn = np.stack(
            [
                np.bincount(dice.randint(0, len(prompts), len(prompts)), minlength=len(prompts)) @ parts
                for _ in range(RESAMPLES)
            ]
        )
        low, high = (float(one) for one in np.round(np.quantile(_share(*drawn.T), [0.025, 0.975]), DIGITS))
    total = parts.sum(axis=0)
    share = float(_share(*total[:, None])[0])
    by_chance = float(total[1] / total[2]) if total[2] > 0 else 0.0
    return Division(
        share=round(share, DIGITS),
        low=low,
        high=high,
        by_chance=round(by_chance, DIGITS),
        p_value=round(test.p_value, DIGITS),
    )


def pass_beyond_noise(p_values: Floats, *, rate: float) -> npt.NDArray[np.bool_]:
    """Return which of these tests stand when at most this share of those that stand may be noise (Benjamini, Hochberg)."""
    order = np.argsort(p_values, kind="stable")
    within = p_values[order] <= rate * (np.arange(len(order)) + 1) / max(1, len(order))
    stands = np.zeros(len(order), bool)
    if within.any():
        stands[order[: int(np.flatnonzero(within)[-1]) + 1]] = True
    return stands


def _share(between: Floats, by_chance: Floats, within: Floats) -> Floats:
    left = within - by_chance
    shares: Floats = np.clip((between - by_chance) / np.where(left > 1e-12, left, 1.0), 0.0, 1.0)
    return np.where(left > 1e-12, shares, 0.0)
