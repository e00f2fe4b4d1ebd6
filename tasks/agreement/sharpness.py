"""What is known of a sharpness from comparisons with a consensus that is itself uncertain, and from gold items.

A comparison was won or lost against a difference in strength d ~ N(mean, sd²). Given that it is no tie, an
annotator of sharpness s gives the outcome that d speaks for with the odds exp(s·c·d) (Davidson's model: ties tell
how somebody uses ties, not how carefully they look), c being the scale at which a typical annotator has 1. Its
likelihood is the mean over what is known of d. On a gold item the odds of right to wrong are exp(s·κ), κ being those
of a typical annotator.

The prior is N(1, 0.5²) within [0, 3]: who has given little is taken for typical. The posterior is computed on a
grid, and read between its points by a cubic.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LARGEST_SHARPNESS = 3.0
PRIOR_SD = 0.5
#: The grid of sharpness, and how many points are read between each two of it.
GRID: Floats = np.linspace(0.0, LARGEST_SHARPNESS, 61)
BETWEEN = 20
#: Comparisons are sorted into bins of the mean and of the standard deviation of their difference, with shares.
MEAN_STEP, LARGEST_MEAN = 0.125, 8.0
SD_STEP, LARGEST_SD = 0.25, 3.0
MEANS: Floats = np.arange(-LARGEST_MEAN, LARGEST_MEAN + MEAN_STEP / 2, MEAN_STEP)
SDS: Floats = np.arange(0.0, LARGEST_SD + SD_STEP / 2, SD_STEP)
#: Nodes of the quadrature over what is known of a difference.
NODES = 15
#: What a typical annotator is expected to score on gold before any was answered; the log-odds vary by 1 around it.
USUAL_GOLD_SCORE = 0.85
#: Annotators worked on at once.
CHUNK = 256


class Posterior(NamedTuple):
    """Of each annotator (A,): the posterior mean of the sharpness, and its 2.5 % and 97.5 % points around it."""

    mean: Floats
    low: Floats
    high: Floats


class Evidence(NamedTuple):
    """N comparisons, by annotator (numbered from 0).

    annotator  (N,)
    mean, sd   (N,) what is known of the difference in the direction of the outcome: mean > 0 speaks for it
    weight     (N,)
    """

    annotator: Integers
    mean: Floats
    sd: Floats
    weight: Floats

    def take(self, part: slice | Integers) -> "Evidence":
        """Return these of the comparisons."""
        return Evidence(self.annotator[part], self.mean[part], self.sd[part], self.weight[part])


def estimate_sharpness(
    evidence: Evidence, gold_right: Floats, gold_wrong: Floats, *, scale: float, kappa: float
) -> Posterior:
    """Return the posterior of A annotators.

    gold_right, gold_wrong  (A,) sums of scores on gold items, and of what they lack to 1
    scale, kappa            of a typical annotator: see `fit_scale` and `fit_kappa`
    """
    order = np.argsort(evidence.annotator, kind="stable")
    evidence = evidence.take(order)
    bounds = np.searchsorted(evidence.annotator, np.arange(0, len(gold_right) + CHUNK, CHUNK))
    likelihoods = _log_likelihoods(scale)
    right = np.log(_sigmoid(GRID * kappa))
    wrong = np.log(_sigmoid(-GRID * kappa))
    prior = -((GRID - 1.0) ** 2) / (2 * PRIOR_SD**2)
    parts = []
    for chunk, first in enumerate(range(0, len(gold_right), CHUNK)):
        own = evidence.take(slice(bounds[chunk], bounds[chunk + 1]))
        several = slice(first, first + CHUNK)
        size = len(gold_right[several])
        binned = _fill_bins(own._replace(annotator=own.annotator - first), size)
        log_posterior = binned @ likelihoods + prior
        log_posterior += gold_right[several, None] * right + gold_wrong[several, None] * wrong
        parts.append(_summarize(log_posterior))
    return Posterior(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def fit_scale(evidence: Evidence, sharpness: Floats, scale: float) -> float:
    """Return the scale at which a typical annotator has sharpness 1, from what was found at another one.

    Typical is the mean of the sharpness (A,), everybody counting by what they gave and by their sharpness: few
    careless ones, or many, move it little. It stays within [1/4, 4].
    """
    given = np.bincount(evidence.annotator, evidence.weight, minlength=len(sharpness)) * sharpness
    total = float(given.sum())
    typical = float((given * sharpness).sum()) / total if total > 0 else 1.0
    return min(max(scale * typical, 0.25), 4.0)


def fit_kappa(scores: Floats, sharpness: Floats) -> float:
    """Return the log-odds with which a typical annotator is right on gold items, at least 0.

    scores, sharpness  (N,) of each answer
    """
    start = math.log(USUAL_GOLD_SCORE / (1 - USUAL_GOLD_SCORE))
    kappa = start
    for _ in range(50):
        p = _sigmoid(sharpness * kappa)
        gradient = float((sharpness * (scores - p)).sum()) - (kappa - start)
        step = gradient / (float((sharpness**2 * p * (1 - p)).sum()) + 1.0)
        kappa += max(-1.0, min(1.0, step))
        if abs(step) < 1e-9:
            break
    # Gold that nobody gets right says nothing about who is careful.
    return max(kappa, 0.0)


def gold_score_of(kappa: float) -> float:
    """Return the mean score of a typical annotator, whose log-odds these are."""
    return 1 / (1 + math.exp(-kappa))


def _log_likelihoods(scale: float) -> Floats:
    """Return (bins, G) the log-likelihood of an outcome at each sharpness of the grid."""
    nodes, shares = np.polynomial.hermite_e.hermegauss(NODES)
    shares = shares / shares.sum()
    total = np.zeros((len(MEANS), len(SDS), len(GRID)))
    for node, share in zip(nodes.tolist(), shares.tolist(), strict=True):
        difference = MEANS[:, None] + node * SDS[None, :]
        total += share * _sigmoid(difference[:, :, None] * (GRID * scale))
    return np.log(total).reshape(-1, len(GRID))


def _fill_bins(evidence: Evidence, annotators: int) -> Floats:
    """Return (annotators, bins) the weight of evidence, shared between the four bins around each comparison."""
    mean = (np.clip(evidence.mean, -LARGEST_MEAN, LARGEST_MEAN) + LARGEST_MEAN) / MEAN_STEP
    sd = np.clip(evidence.sd, 0.0, LARGEST_SD) / SD_STEP
    mean_bin = np.minimum(mean.astype(np.int64), len(MEANS) - 2)
    sd_bin = np.minimum(sd.astype(np.int64), len(SDS) - 2)
    mean_share, sd_share = mean - mean_bin, sd - sd_bin
    bins = len(MEANS) * len(SDS)
    at = evidence.annotator * bins + mean_bin * len(SDS) + sd_bin
    filled = np.zeros(annotators * bins)
    for mean_next, of_mean in ((0, 1 - mean_share), (1, mean_share)):
        for sd_next, of_sd in ((0, 1 - sd_share), (1, sd_share)):
            weight = evidence.weight * of_mean * of_sd
            filled += np.bincount(at + mean_next * len(SDS) + sd_next, weight, minlength=len(filled))
    return filled.reshape(annotators, bins)


def _summarize(log_posterior: Floats) -> Posterior:
    """Return mean and 95 % interval of posteriors (A, G) on the grid."""
    fine, grid = _refine(log_posterior)
    density = np.exp(fine - fine.max(axis=1, keepdims=True))
    # Trapezes: the first and the last point count half.
    density[:, [0, -1]] /= 2
    density /= density.sum(axis=1, keepdims=True)
    mean = density @ grid
    below = np.cumsum(density, axis=1)
    low = grid[(below >= 0.025).argmax(axis=1)]
    high = grid[(below >= 0.975).argmax(axis=1)]
    return Posterior(mean, np.minimum(low, mean), np.maximum(high, mean))


def _refine(log_posterior: Floats) -> tuple[Floats, Floats]:
    """Return values between the points of the grid by Catmull and Rom's cubic, and where they are."""
    padded = np.concatenate(
        [
            2 * log_posterior[:, :1] - log_posterior[:, 1:2],
            log_posterior,
            2 * log_posterior[:, -1:] - log_posterior[:, -2:-1],
        ],
        axis=1,
    )
    a, b, c, d = (padded[:, start : start + len(GRID) - 1, None] for start in range(4))
    t = np.arange(BETWEEN) / BETWEEN
    cubic = b + t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))) / 2
    fine = np.concatenate([cubic.reshape(len(padded), -1), log_posterior[:, -1:]], axis=1)
    return fine, np.linspace(0.0, LARGEST_SHARPNESS, fine.shape[1])


def _sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)) without overflow."""
    e = np.exp(-np.abs(x))
    share: Floats = np.where(x >= 0, 1.0, e) / (1.0 + e)
    return share
