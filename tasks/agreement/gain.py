"""What one more ballot is worth: how much surer it can be expected to make the order under a parent.

With strengths t ~ N(mean, S), the expected information F of one ballot turns the covariance into S2 = (S⁻¹ + F)⁻¹. For a
pair, let m be the mean of t_i - t_j, v its variance now and v2 its variance then, and h = m / √v. The mean moves by
N(0, v - v2), so that the chance to have the pair in the wrong order falls from Φ(-|h|) to an expected 2 T(|h|, √(v2 /
(v - v2))), T being Owen's function. The rise of |2 P(above) - 1| is twice that difference, which is one smooth integral
that cannot be negative:

    rise = 2/π ∫₀^α exp(-h² / (2 sin² x)) dx,   α = arctan √((v - v2) / v2).

Its mean over the pairs of candidates is the expected rise of a consensus's `confidence` (a knowledge gradient: Frazier,
Powell and Dayanik 2008, "A knowledge-gradient policy for sequential information collection").

One ballot may be worth nothing where a few are worth much: if two of two people agree, no third can turn the order round. So
what is told is the rise per ballot of as many more ballots, of `AHEAD`, as are worth most each (Frazier and Powell 2010,
"Paradoxes in learning and the marginal value of information"). Where the first is worth most, that is its own.

F is what Davidson's model (tasks.agreement.davidson) expects of the ballot, averaged over what is known of each difference:
n_ij Var(outcome) with weight 2/m a pair of m placed candidates, as ballots are counted; of a sharpness other than 1, the
outcome follows sharpness · (t_i - t_j).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

#: Nodes of the quadratures: over what is known of a difference (Gauss-Hermite), and of the integral above (Gauss-Legendre).
SPREAD_NODES, ANGLE_NODES = 5, 12
#: Of so many more ballots the best number decides what one is worth.
AHEAD = (1, 2, 4, 8)
#: Problems worked on at once: what fits a processor's cache.
CHUNK = 2048


def expect_gain(
    strengths: Floats,
    covariance: Floats,
    *,
    nu: Floats,
    placed: Floats,
    bar_given: Booleans,
    sharpness: float = 1.0,
    ahead: Sequence[int] = AHEAD,
) -> Floats:
    """Return (P,) what one more ballot is worth; 0 with fewer than two candidates.

    strengths   (P, k + 1), the acceptable bar last
    covariance  (P, k + 1, k + 1) of the strengths
    nu          (k + 1, k + 1) the tie parameter of each pair, 0 against the bar
    placed      (P,) how many of the candidates a ballot places; below k each pair stands in fewer ballots
    bar_given   (P,) whether ballots say what is acceptable
    sharpness   of the annotator who would give it: 1 is a typical one, 0 tells nothing
    ahead       numbers of further ballots of which the best is told, per ballot; with 1 alone, that of the next one
    """
    problems, items = strengths.shape
    if items < 3:
        return np.zeros(problems)
    gains = [
        _expect_chunk(
            strengths[part],
            covariance[part],
            nu=nu,
            weight=_weigh_pairs(placed[part], bar_given[part], items=items),
            sharpness=sharpness,
            ahead=ahead,
        )
        for part in (slice(start, start + CHUNK) for start in range(0, problems, CHUNK))
    ]
    return np.concatenate(gains) if gains else np.zeros(0)


def _weigh_pairs(placed: Floats, bar_given: Booleans, *, items: int) -> Floats:
    """Return (P, k + 1, k + 1) the expected weight of each pair in one ballot, which candidates are placed being chance.

    A ballot of m placed candidates weighs 2/m a pair (see tasks.agreement.tally), and holds m (m - 1) of k (k - 1) pairs.
    """
    size = items - 1
    placed = np.clip(placed, 1.0, float(size))[:, None, None]
    weight = np.broadcast_to(2.0 * (placed - 1.0) / (size * (size - 1.0)), (len(placed), items, items)).copy()
    against_bar = np.where(bar_given, np.minimum(placed[:, 0, 0], 2.0) / size, 0.0)
    weight[:, -1, :] = weight[:, :, -1] = against_bar[:, None]
    diagonal = np.arange(items)
    weight[:, diagonal, diagonal] = 0.0
    return weight


def _expect_chunk(
    strengths: Floats, covariance: Floats, *, nu: Floats, weight: Floats, sharpness: float, ahead: Sequence[int]
) -> Floats:
    """Return (P,) what a ballot that holds each pair with this weight is worth."""
    items = strengths.shape[1]
    difference = strengths[:, :, None] - strengths[:, None, :]
    own = np.diagonal(covariance, axis1=1, axis2=2)
    spread = np.sqrt(np.maximum(own[:, :, None] + own[:, None, :] - 2 * covariance, 0.0))
    information = sharpness * sharpness * weight * _average_variance(sharpness * difference, sharpness * spread, nu)
    added = -information
    diagonal = np.arange(items)
    added[:, diagonal, diagonal] = information.sum(axis=2)
    known = np.linalg.inv(covariance)
    first, second = np.triu_indices(items - 1, 1)
    variance = spread[:, first, second] ** 2
    squared = difference[:, first, second] ** 2 / variance
    best = np.zeros(len(strengths))
    for more in ahead:
        after = np.linalg.inv(known + more * added)
        left = after[:, first, first] + after[:, second, second] - 2 * after[:, first, second]
        left = np.clip(left, 1e-12 * variance, variance)
        rise = expect_rise(squared, np.arctan(np.sqrt((variance - left) / left))).mean(axis=1)
        best = np.maximum(best, rise / more)
    return best


def _average_variance(difference: Floats, spread: Floats, nu: Floats) -> Floats:
    """Return (P, k + 1, k + 1) the variance of an outcome (1, 1/2 or 0), averaged over N(difference, spread²)."""
    nodes, shares = np.polynomial.hermite_e.hermegauss(SPREAD_NODES)
    average = np.zeros_like(difference)
    for node, share in zip(nodes.tolist(), (shares / shares.sum()).tolist(), strict=True):
        p_win, p_tie = _outcomes_of_differences(difference + node * spread, nu)
        average += share * (p_win + p_tie / 4 - (p_win + p_tie / 2) ** 2)
    return average


def _outcomes_of_differences(difference: Floats, nu: Floats) -> tuple[Floats, Floats]:
    """Davidson's probabilities of a win and of a tie. Symmetric pairs need not have opposite differences here."""
    difference = np.clip(difference, -700.0, 700.0)
    half = nu * np.exp(-difference / 2)
    p_win = 1.0 / (1.0 + np.exp(-difference) + half)
    return p_win, half * p_win


def expect_rise(squared: Floats, angle: Floats) -> Floats:
    """Return the integral of the docstring above, elementwise; `squared` is h², `angle` is α."""
    nodes, shares = np.polynomial.legendre.leggauss(ANGLE_NODES)
    total = np.zeros_like(squared)
    for node, share in zip(nodes.tolist(), shares.tolist(), strict=True):
        sine = np.sin(angle * (node + 1) / 2)
        # Beyond 40 the exponential is zero anyway.
        reach = np.minimum(np.sqrt(squared) / np.maximum(sine, 1e-150), 40.0)
        total += share * np.exp(-reach * reach / 2)
    rise: Floats = total * angle / np.pi
    return rise
