"""Borda's count for partial ballots with ties, and the pairwise margins that it adds up."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

DIGITS = 6


class Counts(NamedTuple):
    """Ballots counted, each once times its annotator's weight.

    above     (P, k, k) ballots that placed the first above the second
    together  (P, k, k) ballots that placed both; on the diagonal those that placed one
    points    (P, k) sum over ballots of the share of its other candidates that each stands above, a tie as half
    compared  (P, k) ballots that placed each with another
    """

    above: Floats
    together: Floats
    points: Floats
    compared: Floats


def count_votes(above: Booleans, placed: Booleans, factor: Floats, firsts: Integers) -> Counts:
    """Return the counts of P parents from their ballots.

    above   (B, k, k) whether each ballot placed the first above the second
    placed  (B, k); factor (B,) what each ballot weighs; firsts (P,) the first ballot of each parent
    """
    others = placed.sum(axis=1) - 1.0
    higher = above.sum(axis=2) - above.sum(axis=1, dtype=np.float64)
    comparing = placed & (others > 0)[:, None]
    share = np.where(comparing, 0.5 + higher / (2 * np.maximum(others, 1.0))[:, None], 0.0)
    weight = factor[:, None]
    return Counts(
        above=np.add.reduceat(above * weight[:, :, None], firsts, axis=0),
        together=np.add.reduceat((placed[:, :, None] & placed[:, None, :]) * weight[:, :, None], firsts, axis=0),
        points=np.add.reduceat(share * weight, firsts, axis=0),
        compared=np.add.reduceat(comparing * weight, firsts, axis=0),
    )


def borda_shares(counts: Counts) -> Floats:
    """Return (P, k) the mean share of others that each candidate stands above, in [0, 1]; NaN: never compared."""
    return _divide(counts.points, counts.compared)


def pair_margins(counts: Counts) -> Floats:
    """Return (P, k, k) the share of ballots with i above j less that with j above i, in [-1, 1].

    Of the ballots that placed both; NaN where there is none, 0 on the diagonal.
    """
    shares = _divide(counts.above - counts.above.transpose(0, 2, 1), counts.together)
    diagonal = np.arange(shares.shape[1])
    shares[:, diagonal, diagonal] = 0.0
    return shares


def _divide(what: Floats, by: Floats) -> Floats:
    """Return rounded quotients, NaN where there is nothing to divide by. (Adding 0.0 turns -0.0 into 0.0.)"""
    quotients = np.full(what.shape, np.nan)
    np.divide(what, by, out=quotients, where=by > 0)
    rounded: Floats = np.round(quotients, DIGITS) + 0.0
    return rounded
