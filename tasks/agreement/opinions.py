"""Opinion groups from votes, as Polis finds them, with what a lenient person and a liked candidate explain taken out.

1. Residuals: each vote less what the person and the candidate explain by themselves: how lenient somebody is, how
   liked a candidate, and how closely somebody follows what is liked. A vote that was not given is as expected, hence 0.
   (Polis imputes means of candidates; then whoever accepts everything is a group, and so are the careless.)
2. Two principal components by randomised SVD; a person's place is scaled by sqrt(candidates / votes of theirs), as few
   votes draw everybody to the middle.
3. k-means for k = 2 to 5, from several starts. A group of fewer than ten people is none: its people go to the nearest
   other one. Which k is taken, if any, is decided by what its groups say of prompts that did not form them
   (`tasks.agreement.division`); the silhouette, by which Polis chooses, is told beside it. Of few votes a person it
   splits two groups along noise: measured on planted ones it chose right in 2 of 4 where the other did in 4 of 4.
4. The map is turned onto the last run's map, and groups take the numbers of those that most of their people were in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from tasks.agreement.dice import throw_dice
from tasks.agreement.votes import Votes

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: A group of fewer people is never formed, shown or published.
LEAST_PEOPLE = 10
MOST_GROUPS = 5
COUNTS = range(2, MOST_GROUPS + 1)
COMPONENTS, OVERSAMPLED, POWER_ITERATIONS = 2, 6, 4
#: Newton steps, how far one may go, and centrings; variances of the priors of levels, in log odds, and of sharpness.
SWEEPS, LONGEST_STEP, CENTRINGS = 8, 2.0, 3
LEVEL_VARIANCE, SHARPNESS_VARIANCE = 2.0, 0.25
STARTS, LLOYD_ITERATIONS = 5, 50
#: People on whom a silhouette is measured.
MOST_MEASURED = 1000


@dataclass(frozen=True, slots=True)
class Grouping:
    """Groups of people by places in `labels` 0 … k - 1, the largest first, and how well they stand apart."""

    labels: Integers
    count: int
    silhouette: float


def take_out_levels(votes: Votes) -> Floats:
    """Return (n,) the votes, 1 or -1, less what was to be expected of this person and this candidate.

    Expected is what a response model with two parameters says: log odds of acceptance are the person's level plus the
    candidate's times the person's sharpness, with normal priors, by Newton steps of each in turn. What priors left of
    levels is then taken out as means; those of candidates are 0.
    """
    accepted = (votes.value + 1) / 2
    people, items = len(votes.people), len(votes.candidates)
    person_level, sharpness, level = np.zeros(people), np.ones(people), np.zeros(items)
    for _ in range(SWEEPS):
        for own, row, by, middle, variance in (
            (level, votes.item, sharpness[votes.person], 0.0, LEVEL_VARIANCE),
            (person_level, votes.person, np.ones(len(accepted)), 0.0, LEVEL_VARIANCE),
            (sharpness, votes.person, level[votes.item], 1.0, SHARPNESS_VARIANCE),
        ):
            chance = _chance(person_level[votes.person] + sharpness[votes.person] * level[votes.item])
            slope = np.bincount(row, (accepted - chance) * by, len(own)) - (own - middle) / variance
            bend = np.bincount(row, chance * (1 - chance) * by * by, len(own)) + 1 / variance
            own += np.clip(slope / bend, -LONGEST_STEP, LONGEST_STEP)
    rest: Floats = 2 * (accepted - _chance(person_level[votes.person] + sharpness[votes.person] * level[votes.item]))
    for _ in range(CENTRINGS):
        rest -= (np.bincount(votes.person, rest, people) / votes.seen)[votes.person]
        rest -= (np.bincount(votes.item, rest, items) / votes.judged)[votes.item]
    return rest


def place_people(votes: Votes, residuals: Floats, *, seed: int) -> Floats:
    """Return (people, 2) the place of each person: the largest number of the first column's is positive."""
    people, items = len(votes.people), len(votes.candidates)
    by_item = np.argsort(votes.item, kind="stable")
    row_starts = _starts(votes.seen)
    column_starts = _starts(votes.judged)
    turned_person, turned_value = votes.person[by_item], residuals[by_item][:, None]

    def forth(directions: Floats) -> Floats:
        sums: Floats = np.add.reduceat(residuals[:, None] * directions[votes.item], row_starts, axis=0)
        return sums

    def back(directions: Floats) -> Floats:
        sums: Floats = np.add.reduceat(turned_value * directions[turned_person], column_starts, axis=0)
        return sums

    width = min(COMPONENTS + OVERSAMPLED, people, items)
    found = forth(throw_dice(seed, 1).standard_normal((items, width)))
    for _ in range(POWER_ITERATIONS):
        found = forth(np.linalg.qr(back(np.linalg.qr(found)[0]))[0])
    basis = np.linalg.qr(found)[0]
    left, sizes, _rest = np.linalg.svd(back(basis).T, full_matrices=False)
    places = np.zeros((people, COMPONENTS))
    kept = min(COMPONENTS, width)
    places[:, :kept] = (basis @ left[:, :kept]) * sizes[:kept]
    signs = np.sign(places[np.abs(places).argmax(axis=0), range(COMPONENTS)])
    scaled: Floats = places * np.where(signs == 0, 1, signs) * np.sqrt(items / votes.seen)[:, None]
    return scaled


def group_people(places: Floats, *, seed: int) -> dict[int, Grouping]:
    """Return groupings by their number of groups: those of two to five groups of at least ten people that there are."""
    measured = _choose_measured(len(places), seed)
    apart = np.sqrt(_squares(places[measured], places[measured]))
    found: dict[int, Grouping] = {}
    for count in COUNTS:
        labels = split_people(places, count, seed=seed)
        formed = int(labels.max()) + 1
        if formed > 1:
            grouping = Grouping(labels, formed, _silhouette(apart, labels[measured], formed))
            if formed not in found or grouping.silhouette > found[formed].silhouette:
                found[formed] = grouping
    return found


def split_people(places: Floats, count: int, *, seed: int, least: int = LEAST_PEOPLE) -> Integers:
    """Return (people,) the group of each, the largest 0; people of groups that are too small go to the nearest other."""
    centres, labels = _find_centres(places, count, throw_dice(seed, 2, count))
    while len(centres) > 1:
        sizes = np.bincount(labels, minlength=len(centres))
        smallest = int(sizes.argmin())
        if sizes[smallest] >= least:
            break
        centres = np.delete(centres, smallest, axis=0)
        labels = _squares(places, centres).argmin(axis=1)
    sizes = np.bincount(labels, minlength=len(centres))
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    numbered: Integers = rank[labels]
    return numbered


def turn_map(places: Floats, people: Sequence[str], last: Mapping[str, tuple[float, float]]) -> Floats:
    """Return the places turned or mirrored so that people stand as near as can be to where they stood last."""
    known = [number for number, name in enumerate(people) if name in last]
    if not known:
        return places
    then = np.array([last[people[number]] for number in known])
    left, _sizes, right = np.linalg.svd(places[known].T @ then)
    turned: Floats = places @ (left @ right)
    return turned


def number_groups(labels: Integers, count: int, people: Sequence[str], last: Mapping[str, int | None]) -> list[int]:
    """Return the number (from 1) of each group: the one that most of its people had, else the lowest that is free."""
    had = np.zeros((count, MOST_GROUPS + 1), np.int64)
    for label, name in zip(labels.tolist(), people, strict=True):
        had[label, last.get(name) or 0] += 1
    choices = permutations(range(1, MOST_GROUPS + 1), count)
    return list(max(choices, key=lambda numbers: sum(had[label, number] for label, number in enumerate(numbers))))


def _find_centres(places: Floats, count: int, dice: np.random.RandomState) -> tuple[Floats, Integers]:
    """Return the centres and labels of the best of several starts of k-means."""
    best: tuple[float, Floats, Integers] | None = None
    for _ in range(STARTS):
        centres = _begin(places, count, dice)
        labels = np.full(len(places), -1)
        for _ in range(LLOYD_ITERATIONS):
            squares = _squares(places, centres)
            nearest = squares.argmin(axis=1)
            if (nearest == labels).all():
                break
            labels = nearest
            sizes = np.bincount(labels, minlength=count)
            sums = np.stack([np.bincount(labels, axis, count) for axis in places.T], axis=1)
            centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
        cost = float(squares.min(axis=1).sum())
        if best is None or cost < best[0] - 1e-12:
            best = (cost, centres, labels)
    assert best is not None, "there is at least one start"
    return best[1], best[2]


def _begin(places: Floats, count: int, dice: np.random.RandomState) -> Floats:
    """Return `count` people's places, each drawn by its squared distance to those before (k-means++)."""
    chosen = [int(dice.randint(len(places)))]
    nearest = _squares(places, places[chosen]).min(axis=1)
    for _ in range(count - 1):
        reach = np.cumsum(nearest)
        at = int(np.searchsorted(reach, dice.random_sample() * reach[-1], side="right"))
        chosen.append(min(at, len(places) - 1))
        nearest = np.minimum(nearest, _squares(places, places[chosen[-1:]])[:, 0])
    return places[chosen]


def _silhouette(apart: Floats, labels: Integers, count: int) -> float:
    """Return the mean silhouette; who is alone in a group has 0."""
    own = np.eye(count)[labels]
    sizes = own.sum(axis=0)
    means = apart @ own
    mine = means[np.arange(len(labels)), labels] / np.maximum(sizes[labels] - 1, 1)
    others = np.where(own > 0, np.inf, means / np.maximum(sizes, 1))
    others[:, sizes == 0] = np.inf
    nearest = others.min(axis=1)
    if not np.isfinite(nearest).all():
        return 0.0
    widest = np.maximum(mine, nearest)
    widths = np.where((sizes[labels] > 1) & (widest > 0), (nearest - mine) / np.where(widest > 0, widest, 1), 0.0)
    return float(widths.mean())


def _choose_measured(people: int, seed: int) -> Integers:
    if people <= MOST_MEASURED:
        return np.arange(people)
    return np.sort(throw_dice(seed, 3).permutation(people)[:MOST_MEASURED])


def _squares(places: Floats, centres: Floats) -> Floats:
    """Return (places, centres) squared distances."""
    across = places[:, None, 0] - centres[None, :, 0]
    down = places[:, None, 1] - centres[None, :, 1]
    squares: Floats = across * across + down * down
    return squares


def _starts(counts: Integers) -> Integers:
    return np.concatenate([[0], np.cumsum(counts)[:-1]])


def _chance(odds: Floats) -> Floats:
    chance: Floats = 1 / (1 + np.exp(-odds))
    return chance
