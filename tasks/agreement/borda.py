"""Borda's count for partial ballots with ties, and the pairwise margins of bare votes.

Pairs stand as in `tasks.agreement.pairs.list_pairs`; arrays have the pairs or candidates first, ballots or parents last.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.pairs import pull_items

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

DIGITS = 6


class Counts(NamedTuple):
    """Ballots of P parents counted, each once times its annotator's weight.

    net       (pairs, P) ballots that placed the first above the second, less those that did the opposite
    together  (pairs, P) ballots that placed both
    points    (k, P) sum over ballots of the share of its other candidates that each stands above, a tie as half
    compared  (k, P) ballots that placed each with another
    """

    net: Floats
    together: Floats
    points: Floats
    compared: Floats


def count_votes(
    net: npt.NDArray[np.int8], placed: Booleans, pairs: Booleans, factor: Floats, firsts: Integers
) -> Counts:
    """Return the counts of P parents from B ballots.

    net     (pairs, B) 1: the first stands above the second, -1: below, 0: neither
    placed  (k, B) whether each candidate was placed; pairs (pairs, B): both of the two
    factor  (B,) what each ballot weighs; firsts (P,) the first ballot of each parent
    """
    others = placed.sum(axis=0) - 1.0
    higher = pull_items(net.astype(np.float64), items=len(placed))
    comparing = (placed & (others > 0)) * factor
    share = comparing * (0.5 + higher / (2 * np.maximum(others, 1.0)))
    return Counts(*(np.add.reduceat(each, firsts, axis=1) for each in (net * factor, pairs * factor, share, comparing)))


def borda_shares(counts: Counts) -> Floats:
    """Return (P, k) the mean share of others that each candidate stands above, in [0, 1]; NaN: never compared."""
    return _divide(counts.points.T, counts.compared.T)


def pair_margins(counts: Counts) -> Floats:
    """Return (pairs, P) the share of ballots with i above j less that with j above i, in [-1, 1].

    Of the ballots that placed both; NaN where there is none.
    """
    return _divide(counts.net, counts.together)


def _divide(what: Floats, by: Floats) -> Floats:
    """Return rounded quotients, NaN where there is nothing to divide by. (Adding 0.0 turns -0.0 into 0.0.)"""
    quotients = np.full(what.shape, np.nan)
    np.divide(what, by, out=quotients, where=by > 0)
    rounded: Floats = np.round(quotients, DIGITS) + 0.0
    return rounded
