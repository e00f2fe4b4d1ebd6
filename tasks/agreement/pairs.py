"""Strengths from paired comparisons under Davidson's model, for many small problems at once.

The model is that of tasks.agreement.davidson. Pairs i < j of k items stand in the order of
`list_pairs`, and arrays have the pairs (or items) first and the problems last, so that every step
runs along the problems. A problem may have several rows, one for each sharpness at which its
comparisons are to be read: comparisons of sharpness s follow s · (t_i - t_j).

Every problem is solved as if it were alone: each step is elementwise along the problems, sums run in
one order whatever else is there, and problems of more than `LARGEST_SIZE` items are solved one by one.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.cholesky import factorize, invert, solve

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: A Newton step moves no strength further than this: undamped, wide spreads diverge.
LARGEST_STEP = 2.0
#: Converged when no strength moves more than this; what is left is about its square.
TOLERANCE = 1e-6
MOST_ROUNDS = 200
#: Larger problems are solved one by one, by LAPACK.
LARGEST_SIZE = 24


class Strengths(NamedTuple):
    """`strengths` (P, k): log-strengths; `covariance` (P, k, k): inverse of the curvature there."""

    strengths: Floats
    covariance: Floats


class Comparisons(NamedTuple):
    """R rows of comparisons in P problems.

    net        (pairs, R) weight of i above j less that of j above i
    met        (pairs, R) weight of all comparisons, ties included
    sharpness  (R,), or None: all are 1
    firsts     (P,) the first row of each problem, or None: each row is a problem
    """

    net: Floats
    met: Floats
    sharpness: Floats | None = None
    firsts: Integers | None = None


class _Terms(NamedTuple):
    """The log posterior (P,), its gradient (k, P), and the information of each pair (pairs, P)."""

    value: Floats
    gradient: Floats
    information: Floats


def list_pairs(items: int) -> tuple[Integers, Integers]:
    """Return the first and the second item of each pair."""
    first, second = np.triu_indices(items, 1)
    return first, second


def fit_comparisons(
    comparisons: Comparisons, *, items: int, nu: Floats, prior_variance: float, start: Floats | None = None
) -> Strengths:
    """Return the most probable strengths under independent N(0, prior_variance) priors.

    nu     (pairs, 1) the tie parameter of each pair; a pair with 0 cannot tie
    start  (P, k) where to begin: strengths that are near

    Newton with clamped, halved steps on a strictly concave objective; the covariance is Laplace's.
    Raises ArithmeticError if a problem does not converge, which finite tables do not do.
    """
    comparisons = comparisons._replace(
        net=np.ascontiguousarray(comparisons.net), met=np.ascontiguousarray(comparisons.met)
    )
    rows = comparisons.net.shape[1]
    firsts = np.arange(rows) if comparisons.firsts is None else comparisons.firsts
    at = np.zeros((items, len(firsts))) if start is None else np.ascontiguousarray(start.T)
    if items <= LARGEST_SIZE:
        return _fit(comparisons, at, nu, 1.0 / prior_variance)
    ends = np.append(firsts[1:], rows)
    alone = [
        _fit(_take_rows(comparisons, np.arange(begin, end)), at[:, [problem]], nu, 1.0 / prior_variance)
        for problem, (begin, end) in enumerate(zip(firsts.tolist(), ends.tolist(), strict=True))
    ]
    if not alone:
        return Strengths(np.zeros((0, items)), np.zeros((0, items, items)))
    return Strengths(*(np.concatenate(parts) for parts in zip(*alone, strict=True)))


def weigh_rows(at: Floats, comparisons: Comparisons, nu: Floats) -> tuple[Floats, Floats]:
    """Return for each pair and row (pairs, R) the slope of its log-likelihood by the difference, and its information.

    at  (k, P) the strengths
    """
    x, e, total = _read(at, comparisons, nu)
    return _slope_and_information(x, e, total, comparisons)


def assemble(information: Floats, *, items: int, precision: float) -> Floats:
    """Return (k, k, P) the curvature that the information of pairs (pairs, P) and the prior make."""
    first, second = list_pairs(items)
    curvature = np.zeros((items, items, information.shape[1]))
    curvature[first, second] = curvature[second, first] = -information
    diagonal = np.full((items, information.shape[1]), precision)
    for row in curvature:
        diagonal -= row
    curvature[np.arange(items), np.arange(items)] = diagonal
    return curvature


def pull_items(slope: Floats, *, items: int) -> Floats:
    """Return (k, P) the sum over its pairs of the slope (pairs, P) at each item."""
    first, second = list_pairs(items)
    table = np.zeros((items, items, slope.shape[1]))
    table[second, first], table[first, second] = slope, -slope
    pull = np.zeros((items, slope.shape[1]))
    for row in table:
        pull += row
    return pull


def _fit(comparisons: Comparisons, at: Floats, nu: Floats, precision: float) -> Strengths:
    """Return the fit of problems of at most LARGEST_SIZE items, or of one; `at` is where it begins."""
    items, problems = at.shape
    strengths, information = at.copy(), np.zeros((len(nu), problems))
    unsolved, given = np.arange(problems), comparisons
    now = _evaluate(at, given, nu, precision)
    for _ in range(MOST_ROUNDS):
        if not len(unsolved):
            break
        step = _solve(assemble(now.information, items=items, precision=precision), now.gradient)
        reach = np.abs(step).max(axis=0)
        step *= LARGEST_STEP / np.maximum(reach, LARGEST_STEP)
        after = _evaluate(at + step, given, nu, precision)
        while (worse := after.value < now.value - 1e-9 * (1 + np.abs(now.value))).any():
            which = np.flatnonzero(worse)
            step[:, which] /= 2
            again = _evaluate(at[:, which] + step[:, which], _take_problems(given, which), nu, precision)
            for whole, part in zip(after, again, strict=True):
                whole[..., which] = part
        at, now = at + step, after
        done = reach <= TOLERANCE
        if done.any():
            strengths[:, unsolved[done]] = at[:, done]
            information[:, unsolved[done]] = now.information[:, done]
            left = np.flatnonzero(~done)
            unsolved, at, given = unsolved[left], at[:, left], _take_problems(given, left)
            now = _Terms(*(each[..., left] for each in now))
    if len(unsolved):
        raise ArithmeticError(
            f"{len(unsolved)} of {problems} problems did not converge; "
            "check that every weight in their tables is finite."
        )
    covariance = _invert(assemble(information, items=items, precision=precision))
    return Strengths(np.ascontiguousarray(strengths.T), np.ascontiguousarray(covariance.transpose(2, 0, 1)))


def _evaluate(at: Floats, comparisons: Comparisons, nu: Floats, precision: float) -> _Terms:
    """Return the log posterior at strengths (k, P), less terms that do not depend on them, and its derivatives."""
    x, e, total = _read(at, comparisons, nu)
    likelihood = comparisons.net * x / 2 - comparisons.met * (np.abs(x) / 2 + np.log(total))
    slope, information = _slope_and_information(x, e, total, comparisons)
    if comparisons.firsts is not None:
        likelihood, slope, information = (
            np.add.reduceat(each, comparisons.firsts, axis=1) for each in (likelihood, slope, information)
        )
    value = np.zeros(at.shape[1])
    for each in likelihood:
        value += each
    for each in at:
        value -= precision / 2 * each * each
    return _Terms(value, pull_items(slope, items=len(at)) - precision * at, information)


def _read(at: Floats, comparisons: Comparisons, nu: Floats) -> tuple[Floats, Floats, Floats]:
    """Return (pairs, R) the differences x at which rows are read, e = exp(-|x|/2), and 1 + e² + nu e."""
    first, second = list_pairs(len(at))
    x = at[first] - at[second]
    if comparisons.firsts is not None:
        lengths = np.diff(np.append(comparisons.firsts, comparisons.net.shape[1]))
        x = np.repeat(x, lengths, axis=1)
    if comparisons.sharpness is not None:
        x = x * comparisons.sharpness
    e = np.exp(np.abs(x) / -2)
    return x, e, 1.0 + e * e + nu * e


def _slope_and_information(x: Floats, e: Floats, total: Floats, comparisons: Comparisons) -> tuple[Floats, Floats]:
    """Return (pairs, R) the first derivative of the log-likelihood by the difference, and minus the second."""
    tilt = np.copysign((1.0 - e * e) / (2 * total), x)
    slope = comparisons.net / 2 - comparisons.met * tilt
    information = comparisons.met * ((1.0 + e * e) / (4 * total) - tilt * tilt)
    if comparisons.sharpness is not None:
        slope *= comparisons.sharpness
        information *= comparisons.sharpness * comparisons.sharpness
    return slope, information


def _take_problems(comparisons: Comparisons, problems: Integers) -> Comparisons:
    """Return the rows of these problems."""
    if comparisons.firsts is None:
        return _take_rows(comparisons, problems)
    lengths = np.diff(np.append(comparisons.firsts, comparisons.net.shape[1]))[problems]
    firsts = np.cumsum(lengths) - lengths
    rows = np.repeat(comparisons.firsts[problems] - firsts, lengths) + np.arange(int(lengths.sum()))
    return _take_rows(comparisons, rows)._replace(firsts=firsts)


def _take_rows(comparisons: Comparisons, rows: Integers) -> Comparisons:
    """Return these rows; of what problem they are is forgotten unless all are of one."""
    return Comparisons(
        net=comparisons.net[:, rows],
        met=comparisons.met[:, rows],
        sharpness=None if comparisons.sharpness is None else comparisons.sharpness[rows],
        firsts=None if comparisons.firsts is None else np.zeros(1, dtype=np.int64),
    )


def _solve(curvature: Floats, gradient: Floats) -> Floats:
    """Return (k, P) the solutions of curvature (k, k, P) · step = gradient."""
    if len(gradient) > LARGEST_SIZE:
        return np.asarray(np.linalg.solve(curvature[..., 0], gradient), dtype=np.float64)
    return solve(factorize(curvature), gradient)


def _invert(curvature: Floats) -> Floats:
    """Return (k, k, P) the inverses."""
    if len(curvature) > LARGEST_SIZE:
        return np.asarray(np.linalg.inv(curvature[..., 0])[..., None], dtype=np.float64)
    return invert(factorize(curvature))
