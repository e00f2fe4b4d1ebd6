"""P(best): how often each candidate is the strongest in draws from the posterior.

One table of standard normal draws (with their mirror images) serves every parent of a size, so that
a parent's result does not depend on the others. Which candidate gets which column of it is decided
by the posterior alone, never by ids: by score, then error, then by how a candidate covaries with
those already placed. Candidates of equal score and error get the mean of their shares. A share of
512 draws is within 0.02 of the probability, two times out of three.
"""

import numpy as np
import numpy.typing as npt

from tasks.agreement.dice import throw_dice

Floats = npt.NDArray[np.float64]

DRAWS = 512
#: Numbers drawn at once: what fits a processor's cache.
CHUNK = 1 << 17
DIGITS = 6


def share_of_best(scores: Floats, errors: Floats, covariance: Floats, *, seed: int) -> Floats:
    """Return (P, k) the share of draws from N(scores, covariance) in which each is the largest.

    scores, errors  (P, k), rounded, so that equal ones compare equal
    covariance      (P, k, k), positive definite
    """
    problems, size = scores.shape
    order = np.lexsort((errors, -scores), axis=1)
    means = np.take_along_axis(scores, order, axis=1)
    alike = (np.diff(means, axis=1) == 0) & (np.diff(np.take_along_axis(errors, order, axis=1), axis=1) == 0)
    with_alikes = np.flatnonzero(alike.any(axis=1)).tolist()
    for problem in with_alikes:
        order[problem] = _order_by_posterior(
            scores[problem].tolist(),
            errors[problem].tolist(),
            np.round(covariance[problem], DIGITS).tolist(),
        )
    problem_rows = np.arange(problems)[:, None, None]
    root = np.linalg.cholesky(covariance[problem_rows, order[:, :, None], order[:, None, :]])
    half = throw_dice(seed, size).standard_normal((size, DRAWS // 2))
    table = np.concatenate([half, -half], axis=1)
    shares = np.empty_like(scores)
    step = max(1, CHUNK // (size * DRAWS))
    for start in range(0, problems, step):
        part = slice(start, start + step)
        drawn = means[part, :, None] + root[part] @ table
        strongest = drawn == drawn.max(axis=1, keepdims=True)
        won = np.count_nonzero(strongest, axis=2) / DRAWS
        np.put_along_axis(shares[part], order[part], won, axis=1)
    for problem in with_alikes:
        _share_among_alikes(shares[problem], scores[problem], errors[problem])
    return np.round(shares, DIGITS)


def _order_by_posterior(scores: list[float], errors: list[float], covariance: list[list[float]]) -> list[int]:
    """Return positions, best first; equals by their covariance with those already placed."""
    waiting = set(range(len(scores)))
    placed: list[int] = []
    while waiting:
        following = min(
            waiting,
            key=lambda i: (-scores[i], errors[i], [covariance[i][j] for j in placed]),
        )
        placed.append(following)
        waiting.remove(following)
    return placed


def _share_among_alikes(shares: Floats, scores: Floats, errors: Floats) -> None:
    """Give candidates of equal score and error the mean of their shares, in place."""
    alikes: dict[tuple[float, float], list[int]] = {}
    for position, key in enumerate(zip(scores.tolist(), errors.tolist(), strict=True)):
        alikes.setdefault(key, []).append(position)
    for positions in alikes.values():
        if len(positions) > 1:
            shares[positions] = shares[positions].mean()
