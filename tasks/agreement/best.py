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
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

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
    with_alikes = np.flatnonzero(alike.any(axis=1))
    if len(with_alikes):
        order[with_alikes] = _order_by_posterior(
            scores[with_alikes], errors[with_alikes], np.round(covariance[with_alikes], DIGITS)
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
        won = _count_true(drawn == drawn.max(axis=1, keepdims=True)) / DRAWS
        np.put_along_axis(shares[part], order[part], won, axis=1)
    if len(with_alikes):
        shares[with_alikes] = _share_among_alikes(shares[with_alikes], scores[with_alikes], errors[with_alikes])
    return np.round(shares, DIGITS)


def _count_true(answers: Booleans) -> Integers:
    """Return how many are true along the last axis of DRAWS answers, counting eight at a time.

    A word of eight bytes adds up eight answers at once: no byte overflows, since there are DRAWS / 8 words.
    """
    words = answers.view(np.uint64).sum(axis=-1)
    counts: Integers = words[..., None].view(np.uint8).sum(axis=-1, dtype=np.int64)
    return counts


def _order_by_posterior(scores: Floats, errors: Floats, covariance: Floats) -> Integers:
    """Return positions (Q, k), best first; equals by their covariance with those already placed."""
    problems, size = scores.shape
    rows = np.arange(problems)
    waiting = np.ones((problems, size), dtype=bool)
    order = np.zeros((problems, size), dtype=np.int64)
    keys = [-scores, errors]
    for place in range(size):
        foremost = waiting.copy()
        for key in keys:
            least = np.where(foremost, key, np.inf).min(axis=1, keepdims=True)
            foremost &= key == least
        order[:, place] = foremost.argmax(axis=1)
        waiting[rows, order[:, place]] = False
        keys.append(covariance[rows, order[:, place]])
    return order


def _share_among_alikes(shares: Floats, scores: Floats, errors: Floats) -> Floats:
    """Return the shares (Q, k) with those of candidates of equal score and error replaced by their mean."""
    alike = (scores[:, :, None] == scores[:, None, :]) & (errors[:, :, None] == errors[:, None, :])
    total = np.zeros_like(shares)
    for share, column in zip(shares.T, np.moveaxis(alike, 2, 0), strict=True):
        total += column * share[:, None]
    total /= alike.sum(axis=2)
    return total
