"""Davidson's model for thousands of generators: no table of all pairs, only those that met.

The curvature of the posterior is that of a graph (its Laplacian by what was met, and the prior on the
diagonal); Newton's equations are solved by conjugate gradients, a sweep over the pairs for each round.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.davidson import DEFAULT_NU, LOG_NU_VARIANCE
from tasks.agreement.meetings import FARTHEST, Meetings, foresee, spread_points
from tasks.agreement.pairs import LARGEST_STEP, MOST_ROUNDS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Newton has arrived when no strength would move further than this.
TOLERANCE = 1e-8
#: Conjugate gradients end when what is left is this share of what was there.
REST_OF_NEWTON, REST_OF_DRAWS = 1e-10, 1e-4
MOST_SWEEPS = 2000
#: Right-hand sides that are solved together.
TOGETHER = 16


class Curvature(NamedTuple):
    """A graph's matrix over the generators that met somebody.

    source, target  (2P,) both directions of every pair, by source
    firsts          (K,) where each source begins
    weight          (2P,)
    diagonal        (K,)
    """

    source: Integers
    target: Integers
    firsts: Integers
    weight: Floats
    diagonal: Floats


def fit_many(pairs: Meetings, *, prior_variance: float) -> tuple[Floats, float]:
    """Return strengths (M,) and nu, most probable together under the priors of `davidson.fit_davidson`."""
    precision, nu_precision = 1.0 / prior_variance, 1.0 / LOG_NU_VARIANCE
    at, log_nu = np.zeros(pairs.size), math.log(DEFAULT_NU)
    value = _log_posterior(pairs, at, log_nu, precision)
    for _ in range(MOST_ROUNDS):
        seen = foresee(at[pairs.left] - at[pairs.right], math.exp(log_nu))
        gradient = spread_points(pairs, pairs.points - pairs.met * seen.expected) - precision * at
        nu_gradient = float((pairs.ties - pairs.met * seen.tie).sum())
        nu_gradient -= nu_precision * (log_nu - math.log(DEFAULT_NU))
        mixed = spread_points(pairs, pairs.met * seen.tie * (0.5 - seen.expected))
        nu_curvature = float((pairs.met * seen.tie * (1 - seen.tie)).sum()) + nu_precision
        curvature = bend(pairs, pairs.met * seen.variance, precision=precision)
        solved, along = solve(curvature, np.stack([gradient, mixed]), rest=REST_OF_NEWTON)
        nu_step = (nu_gradient - float(mixed @ solved)) / (nu_curvature - float(mixed @ along))
        step = solved - along * nu_step
        reach = max(float(np.abs(step).max(initial=0.0)), abs(nu_step))
        share = LARGEST_STEP / max(reach, LARGEST_STEP)
        moved = _log_posterior(pairs, at + share * step, log_nu + share * nu_step, precision)
        while moved < value - 1e-9 * (1 + abs(value)):
            share /= 2
            moved = _log_posterior(pairs, at + share * step, log_nu + share * nu_step, precision)
        at, log_nu, value = at + share * step, log_nu + share * nu_step, moved
        if reach <= TOLERANCE:
            return at, math.exp(log_nu)
    raise ArithmeticError("The strengths of these generators do not converge; check that every weight is finite.")


def bend(pairs: Meetings, weight: Floats, *, precision: float) -> Curvature:
    """Return the curvature in which each pair has its weight. Generators that met nobody are left out."""
    source = np.concatenate([pairs.left, pairs.right])
    order = np.argsort(source, kind="stable")
    source, target = source[order], np.concatenate([pairs.right, pairs.left])[order]
    weight = np.concatenate([weight, weight])[order]
    firsts = np.flatnonzero(np.diff(source, prepend=-1))
    return Curvature(source, target, firsts, weight, np.add.reduceat(weight, firsts) + precision)


def solve(curvature: Curvature, sides: Floats, *, rest: float) -> Floats:
    """Return (R, M) what the curvature turns into `sides` (R, M); 0 for generators that met nobody."""
    found = np.zeros_like(sides)
    nodes = curvature.source[curvature.firsts]
    place = np.zeros(sides.shape[1], dtype=np.int64)
    place[nodes] = np.arange(len(nodes))
    target = place[curvature.target]
    for start in range(0, len(sides), TOGETHER):
        block = np.ascontiguousarray(sides[start : start + TOGETHER, nodes].T)
        found[start : start + TOGETHER, nodes] = _descend(curvature, target, block, rest=rest).T
    return found


def _descend(curvature: Curvature, target: Integers, sides: Floats, *, rest: float) -> Floats:
    """Conjugate gradients on (K, R) right-hand sides, each by itself, with the diagonal to begin from."""
    weight, diagonal = curvature.weight[:, None], curvature.diagonal[:, None]
    at, left = np.zeros_like(sides), sides.copy()
    turned = left / diagonal
    direction, size = turned.copy(), (left * turned).sum(axis=0)
    enough = rest * rest * size
    for _ in range(MOST_SWEEPS):
        if (size <= enough).all():
            break
        moved = diagonal * direction
        moved -= np.add.reduceat(weight * direction[target], curvature.firsts, axis=0)
        bent = (direction * moved).sum(axis=0)
        length = np.where(size > enough, size / np.where(bent > 0, bent, 1.0), 0.0)
        at += length * direction
        left -= length * moved
        turned = left / diagonal
        new = (left * turned).sum(axis=0)
        direction = turned + new / np.where(size > 0, size, 1.0) * direction
        size = new
    return at


def _log_posterior(pairs: Meetings, at: Floats, log_nu: float, precision: float) -> float:
    """Return the log posterior less terms that do not depend on strengths or nu."""
    difference = at[pairs.left] - at[pairs.right]
    far = np.minimum(np.abs(difference), FARTHEST)
    log_total = far / 2 + np.log(1.0 + np.exp(-far) + math.exp(log_nu) * np.exp(-far / 2))
    value = float(((pairs.points - pairs.met / 2) * difference - pairs.met * log_total).sum())
    away = log_nu - math.log(DEFAULT_NU)
    value += log_nu * float(pairs.ties.sum()) - away * away / LOG_NU_VARIANCE / 2
    return value - precision / 2 * float((at * at).sum())
