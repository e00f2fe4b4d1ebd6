"""What scores would have been had other annotators, or other prompts, come: a clustered bootstrap.

Clusters are drawn with replacement. More than `MOST_GROUPS` of them are dealt into as many groups at random, and the
groups are drawn: their sums vary as the clusters' do, and a table of groups fits into memory whatever the campaign.

Up to `FEW` generators, Davidson's model is fitted again to each draw (Newton's method from the fit to all, until no
score moves by more than a thousandth). Of more, each draw moves the scores by one step along the curvature of the fit
(Kline and Santos 2012, "A score based approach to wild bootstrap inference").
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.encounters import Encounters
from tasks.agreement.many_davidson import REST_OF_DRAWS, bend, solve
from tasks.agreement.meetings import Meetings, foresee
from tasks.agreement.pairs import LARGEST_STEP

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Of up to this many generators every draw is fitted again.
FEW = 128
MOST_GROUPS = 512
#: Of more generators, draws beyond this many are not worth their time: the error of an interval is 7 % by then.
DRAWS_OF_MANY = 100
#: Draws that are fitted together, and when they are near enough.
AT_ONCE, NEAR, MOST_STEPS = 50, 1e-3, 25


class Fit(NamedTuple):
    """The fit to all encounters: strengths (M,), nu, and the prior's precision."""

    strengths: Floats
    nu: float
    precision: float


def draw_strengths(
    met: Encounters, pairs: Meetings, clusters: Integers, *, fit: Fit, dice: np.random.RandomState, resamples: int
) -> Floats:
    """Return (R, M) strengths as they come out of drawn clusters; `clusters` (N,) is each ballot's."""
    numbers = np.unique(clusters[met.ballot], return_inverse=True)[1].reshape(-1)
    group = deal(numbers, dice)
    groups = int(group.max()) + 1
    draws = resamples if pairs.size <= FEW else min(resamples, DRAWS_OF_MANY)
    times = np.stack([np.bincount(dice.randint(0, groups, groups), minlength=groups) for _ in range(draws)])
    if pairs.size <= FEW:
        return _fit_again(met, pairs, group, times.astype(np.float64), fit)
    return _move_once(met, pairs, group, times.astype(np.float64), fit)


def deal(numbers: Integers, dice: np.random.RandomState) -> Integers:
    """Return (E,) the group of each encounter's cluster: the cluster itself while there are few."""
    clusters = int(numbers.max()) + 1
    if clusters <= MOST_GROUPS:
        return numbers
    dealt: Integers = (dice.permutation(clusters) % MOST_GROUPS)[numbers]
    return dealt


def _fit_again(met: Encounters, pairs: Meetings, group: Integers, times: Floats, fit: Fit) -> Floats:
    """Fit the sums of each draw."""
    groups, width = times.shape[1], len(pairs.left)
    cell = group * width + pairs.column
    weighed = (met.weight, met.weight * pairs.scored)
    met_sums, points = (times @ np.bincount(cell, each, groups * width).reshape(groups, width) for each in weighed)
    drawn = np.empty((len(times), pairs.size))
    incidence = np.zeros((width, pairs.size))
    incidence[np.arange(width), pairs.left], incidence[np.arange(width), pairs.right] = 1.0, -1.0
    for start in range(0, len(times), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        drawn[part] = _refine(pairs, met_sums[part], points[part], incidence=incidence, fit=fit)
    return drawn


def _refine(pairs: Meetings, met: Floats, points: Floats, *, incidence: Floats, fit: Fit) -> Floats:
    """Return (R, M) the strengths that are most probable by met and points (R, P): Newton from the fit."""
    at = np.repeat(fit.strengths[None, :], len(met), axis=0)
    diagonal = np.arange(pairs.size)
    limit, before = np.full(len(met), LARGEST_STEP), np.zeros_like(at)
    for _ in range(MOST_STEPS):
        seen = foresee(at[:, pairs.left] - at[:, pairs.right], fit.nu)
        gradient = (points - met * seen.expected) @ incidence - fit.precision * at
        curvature = np.zeros((len(met), pairs.size, pairs.size))
        weight = -met * seen.variance
        curvature[:, pairs.left, pairs.right] = weight
        curvature[:, pairs.right, pairs.left] = weight
        curvature[:, diagonal, diagonal] = fit.precision - curvature.sum(axis=2)
        step = np.asarray(np.linalg.solve(curvature, gradient[..., None])[..., 0], dtype=np.float64)
        # A step that turns back came too far before: from then on half as far.
        limit = np.where((step * before).sum(axis=1) < 0, limit / 2, limit)
        reach = np.abs(step).max(axis=1)
        step *= (limit / np.maximum(reach, limit))[:, None]
        at += step
        before = step
        if (reach <= NEAR).all():
            break
    return at


def _move_once(met: Encounters, pairs: Meetings, group: Integers, times: Floats, fit: Fit) -> Floats:
    """Move the strengths by what each draw adds to the gradient."""
    seen = foresee(fit.strengths[pairs.left] - fit.strengths[pairs.right], fit.nu)
    surprise = met.weight * (pairs.scored - seen.expected[pairs.column])
    groups, size = times.shape[1], pairs.size
    table = np.bincount(group * size + pairs.left[pairs.column], surprise, groups * size).astype(np.float64)
    table -= np.bincount(group * size + pairs.right[pairs.column], surprise, groups * size)
    curvature = bend(pairs, pairs.met * seen.variance, precision=fit.precision)
    moved = solve(curvature, (times - 1.0) @ table.reshape(groups, size), rest=REST_OF_DRAWS)
    drawn: Floats = fit.strengths + moved
    return drawn
