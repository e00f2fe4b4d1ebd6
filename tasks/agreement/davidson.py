"""Davidson's model of paired comparisons with ties: strengths, tie parameter, covariance.

Davidson (1970), "On extending the Bradley-Terry model to accommodate ties": with log-strengths t
and d = t_i - t_j,

    P(i above j) = 1 / (1 + exp(-d) + nu exp(-d/2)),   P(tie) = nu exp(-d/2) * P(i above j).

Tables have shape (P, k, k): P independent problems of k items each. `wins[p, i, j]` is the weight
with which i was placed above j, `ties[p, i, j] = ties[p, j, i]` that of their ties. Every problem
is solved as if it were alone: the result for one never depends on which others are in the batch.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.pairs import (
    LARGEST_STEP,
    MOST_ROUNDS,
    Comparisons,
    Strengths,
    fit_comparisons,
    list_pairs,
)

__all__ = [
    "DEFAULT_NU",
    "LARGEST_STEP",
    "LOG_NU_VARIANCE",
    "MOST_ROUNDS",
    "DavidsonFit",
    "Strengths",
    "fit_davidson",
    "fit_strengths",
    "outcome_probabilities",
]

Floats = npt.NDArray[np.float64]

#: Equals tie with probability nu / (2 + nu): a fifth.
DEFAULT_NU = 0.5
#: The prior of log nu, where one is asked for: so wide that a dozen ties outweigh it.
LOG_NU_VARIANCE = 4.0
#: The joint fit has converged when no parameter moves more than this.
TOLERANCE = 1e-9


class DavidsonFit(NamedTuple):
    """One table fitted together with its tie parameter.

    strengths   (k,) log-strengths
    nu          tie parameter; 0 when no tie was seen and no prior was asked for
    covariance  (k + 1, k + 1) of the strengths and log nu; zero where a parameter was held fixed
    """

    strengths: Floats
    nu: float
    covariance: Floats


def fit_strengths(wins: Floats, ties: Floats, *, nu: Floats, prior_variance: float) -> Strengths:
    """Return the most probable strengths under independent N(0, prior_variance) priors.

    wins, ties  (P, k, k), zero on the diagonal
    nu          (k, k), symmetric: the tie parameter of each pair; a pair with 0 cannot tie

    Newton with clamped, halved steps on a strictly concave objective; the covariance is Laplace's.
    Raises ArithmeticError if a problem does not converge, which finite tables do not do.
    """
    items = wins.shape[1]
    first, second = list_pairs(items)
    up, down = wins[:, first, second].T, wins[:, second, first].T
    return fit_comparisons(
        Comparisons(net=up - down, met=up + down + ties[:, first, second].T),
        items=items,
        nu=nu[first, second][:, None],
        prior_variance=prior_variance,
    )


def fit_davidson(wins: Floats, ties: Floats, *, prior_variance: float | None) -> DavidsonFit:
    """Fit the strengths and nu of one table (k, k) together.

    With `prior_variance` None this is the maximum likelihood of Davidson's paper, the first item
    being the reference (strength 0); ArithmeticError when it is not finite, because some items won
    or lost all they met. With a prior (and log nu then under a wide one) there is always an answer.
    """
    items = len(wins)
    free = np.ones(items + 1, dtype=bool)
    at = np.zeros(items + 1)
    at[items] = math.log(DEFAULT_NU)
    precision = np.zeros(items + 1)
    if prior_variance is None:
        free[0] = False
        if not ties.any():
            free[items], at[items] = False, -math.inf
    else:
        precision[:items], precision[items] = 1.0 / prior_variance, 1.0 / LOG_NU_VARIANCE
    value = _joint_log_posterior(at, wins, ties, precision)
    for _ in range(MOST_ROUNDS):
        gradient, curvature = _joint_derivatives(at, wins, ties, precision)
        try:
            step = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        except np.linalg.LinAlgError:
            break
        reach = float(np.abs(step).max(initial=0.0))
        step *= LARGEST_STEP / max(reach, LARGEST_STEP)
        start = at.copy()
        at[free] = start[free] + step
        moved = _joint_log_posterior(at, wins, ties, precision)
        while moved < value - 1e-9 * (1 + abs(value)):
            step /= 2
            at[free] = start[free] + step
            moved = _joint_log_posterior(at, wins, ties, precision)
        value = moved
        if reach <= TOLERANCE:
            _, curvature = _joint_derivatives(at, wins, ties, precision)
            covariance = np.zeros((items + 1, items + 1))
            covariance[np.ix_(free, free)] = np.linalg.inv(curvature[np.ix_(free, free)])
            return DavidsonFit(at[:items].copy(), math.exp(at[items]), covariance)
    raise ArithmeticError(
        "These comparisons have no finite maximum likelihood: some items won, or lost, every "
        "comparison with the rest. Fit them with a prior."
    )


def outcome_probabilities(strengths: Floats, nu: Floats) -> tuple[Floats, Floats]:
    """Return P(i above j) and P(i ties with j), each (P, k, k), for strengths (P, k)."""
    difference = strengths[:, :, None] - strengths[:, None, :]
    # Beyond these the rarer outcomes are zero anyway, and the exponential would overflow.
    difference = np.clip(difference, -700.0, 700.0)
    half = nu * np.exp(-difference / 2)
    p_win = 1.0 / (1.0 + np.exp(-difference) + half)
    return p_win, half * p_win


def _log_posterior(at: Floats, wins: Floats, ties: Floats, nu: Floats, precision: float) -> Floats:
    """Return (P,) the log posterior less terms that do not depend on the strengths."""
    difference = at[:, :, None] - at[:, None, :]
    far = np.abs(difference)
    log_total = far / 2 + np.log(1.0 + np.exp(-far) + nu * np.exp(-far / 2))
    terms = wins * (difference / 2 - log_total) - ties * (log_total / 2)
    value: Floats = terms.sum(axis=2).sum(axis=1) - precision / 2 * (at * at).sum(axis=1)
    return value


def _derivatives(at: Floats, wins: Floats, ties: Floats, nu: Floats, precision: float) -> tuple[Floats, Floats]:
    """Return the gradient (P, k) and the negative Hessian (P, k, k) of the log posterior."""
    met = wins + wins.transpose(0, 2, 1) + ties
    p_win, p_tie = outcome_probabilities(at, nu)
    expected = p_win + p_tie / 2
    gradient = (wins + ties / 2 - met * expected).sum(axis=2) - precision * at
    variance = met * (p_win + p_tie / 4 - expected * expected)
    curvature = -variance
    diagonal = np.arange(at.shape[1])
    curvature[:, diagonal, diagonal] += variance.sum(axis=2) + precision
    return gradient, curvature


def _joint_log_posterior(at: Floats, wins: Floats, ties: Floats, precision: Floats) -> float:
    """Return the log posterior of one table at (strengths, log nu)."""
    log_nu = float(at[-1])
    value = float(_log_posterior(at[None, :-1], wins[None], ties[None], np.exp(at[-1:])[:, None], 0.0)[0])
    if log_nu > -math.inf:
        value += log_nu * float(ties.sum()) / 2
    away = _away_from_prior(at)
    return value - float((precision * away * away).sum()) / 2


def _joint_derivatives(at: Floats, wins: Floats, ties: Floats, precision: Floats) -> tuple[Floats, Floats]:
    """Return the gradient (k + 1,) and negative Hessian (k + 1, k + 1) at (strengths, log nu)."""
    items = len(wins)
    nu = np.exp(at[-1:])[:, None]
    met = wins + wins.T + ties
    p_win, p_tie = (table[0] for table in outcome_probabilities(at[None, :-1], nu))
    gradient = np.zeros(items + 1)
    curvature = np.zeros((items + 1, items + 1))
    strengths, strengths_curvature = _derivatives(at[None, :-1], wins[None], ties[None], nu, 0.0)
    gradient[:items], curvature[:items, :items] = strengths[0], strengths_curvature[0]
    gradient[items] = float((ties - met * p_tie).sum()) / 2
    # Scores of an outcome: 1, 1/2 or 0 for the strength, 0 or 1 for log nu; their covariance.
    mixed = (met * p_tie * (0.5 - p_win - p_tie / 2)).sum(axis=1)
    curvature[:items, items] = curvature[items, :items] = mixed
    curvature[items, items] = float((met * p_tie * (1 - p_tie)).sum()) / 2
    curvature[np.diag_indices(items + 1)] += precision
    return gradient - precision * _away_from_prior(at), curvature


def _away_from_prior(at: Floats) -> Floats:
    """Return (k + 1,) how far the parameters are from where their priors stand."""
    away = at.copy()
    away[-1] = away[-1] - math.log(DEFAULT_NU) if away[-1] > -math.inf else 0.0
    return away
