"""Encounters added up by pair of generators, the groups they link, and Davidson's model over pairs.

With log-strengths t, d = t_left - t_right and q = exp(-d/2): P(left wins) = 1 / (1 + q² + nu q), P(tie) = nu q
times that. Of a pair only what was met and the points matter: a win is one, a tie half.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.encounters import Encounters

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Beyond this the rarer outcomes are zero anyway, and the exponential would overflow.
FARTHEST = 600.0


class Meetings(NamedTuple):
    """P pairs of `size` generators.

    left, right  (P,) generators, left < right, in ascending order
    met          (P,) weight of their encounters
    points       (P,) of left: wins, and half of the ties
    ties         (P,) weight of the ties
    column       (E,) the pair of each encounter
    scored       (E,) what left got out of each encounter: 1, 1/2 or 0
    """

    size: int
    left: Integers
    right: Integers
    met: Floats
    points: Floats
    ties: Floats
    column: Integers
    scored: Floats


class Outcomes(NamedTuple):
    """Of pairs: the points that left may expect, P(tie), and the variance of the points, for a weight of 1."""

    expected: Floats
    tie: Floats
    variance: Floats


def add_up(met: Encounters) -> Meetings:
    """Return the encounters by pair."""
    size = len(met.generators)
    key = np.minimum(met.winner, met.loser) * size + np.maximum(met.winner, met.loser)
    if size * size <= max(len(key), 1 << 16):
        seen = np.flatnonzero(np.bincount(key, minlength=size * size))
        place = np.zeros(size * size, dtype=np.int64)
        place[seen] = np.arange(len(seen))
        column = place[key]
    else:
        seen, column = np.unique(key, return_inverse=True)
        column = column.reshape(-1)
    scored = np.where(met.tie, 0.5, (met.winner < met.loser).astype(np.float64))

    def total(weights: Floats) -> Floats:
        return np.bincount(column, weights, len(seen)).astype(np.float64)

    return Meetings(
        size,
        seen // max(size, 1),
        seen % max(size, 1),
        total(met.weight),
        total(met.weight * scored),
        total(met.weight * met.tie),
        column,
        scored,
    )


def unfold(pairs: Meetings) -> tuple[Floats, Floats]:
    """Return wins and ties as square tables (M, M)."""
    wins, ties = np.zeros((pairs.size, pairs.size)), np.zeros((pairs.size, pairs.size))
    wins[pairs.left, pairs.right] = pairs.points - pairs.ties / 2
    wins[pairs.right, pairs.left] = pairs.met - pairs.points - pairs.ties / 2
    ties[pairs.left, pairs.right] = ties[pairs.right, pairs.left] = pairs.ties
    return wins, ties


def foresee(difference: Floats, nu: float) -> Outcomes:
    """Return what Davidson's model expects of pairs whose strengths differ by this much, elementwise."""
    half = np.exp(np.clip(-difference / 2, -FARTHEST / 2, FARTHEST / 2))
    win = 1.0 / (1.0 + half * half + nu * half)
    tie = nu * half * win
    expected = win + tie / 2
    return Outcomes(expected, tie, win + tie / 4 - expected * expected)


def spread_points(pairs: Meetings, values: Floats) -> Floats:
    """Return (M,) what the generators get when of each pair left gets the value, and right its negative."""
    both = np.bincount(pairs.left, values, pairs.size) - np.bincount(pairs.right, values, pairs.size)
    return both.astype(np.float64)


def sum_over_both(pairs: Meetings, values: Floats) -> Floats:
    """Return (M,) the sums of a value of each pair over the pairs in which a generator stands."""
    both = np.bincount(pairs.left, values, pairs.size) + np.bincount(pairs.right, values, pairs.size)
    return both.astype(np.float64)


def find_components(pairs: Meetings) -> Integers:
    """Return (M,) the component of each generator, the largest being 0; -1 where nobody was met.

    Every generator takes the smallest number among itself and whom it met, and then that one's, until nothing moves.
    """
    label = np.arange(pairs.size)
    while True:
        smallest = np.minimum(label[pairs.left], label[pairs.right])
        np.minimum.at(label, label[pairs.left], smallest)
        np.minimum.at(label, label[pairs.right], smallest)
        while (label != label[label]).any():
            label = label[label]
        if (label[pairs.left] == label[pairs.right]).all():
            break
    members = np.bincount(label, minlength=pairs.size)
    heads = np.flatnonzero((label == np.arange(pairs.size)) & (members > 1))
    numbers = np.full(pairs.size, -1, dtype=np.int64)
    numbers[heads[np.argsort(-members[heads], kind="stable")]] = np.arange(len(heads))
    found: Integers = numbers[label]
    return found


def centre(values: Floats, component: Integers) -> Floats:
    """Return values (..., M) less the mean of their component; 0 for those that met nobody."""
    compared = np.flatnonzero(component >= 0)
    group = component[compared]
    sizes = np.bincount(group)
    rows = np.atleast_2d(values)
    centred = np.zeros_like(rows)
    for number, row in enumerate(rows):
        means = np.bincount(group, row[compared], len(sizes)) / np.maximum(sizes, 1)
        centred[number, compared] = row[compared] - means[group]
    return centred.reshape(values.shape)
