"""Tiers of a consensus, cut for many parents at once; the rule is in `tasks.agreement.consensus`."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def cut_tiers(scores: Floats, p_above: Floats, *, tie_below: float) -> Integers:
    """Return (P, k) the tier of each candidate, 0 the best.

    scores   (P, k), rounded, so that equal ones compare equal
    p_above  (P, k, k)
    """
    problems, size = scores.shape
    order = np.argsort(-scores, axis=1, kind="stable")
    rows = np.arange(problems)
    sorted_scores = np.take_along_axis(scores, order, axis=1)
    told_apart = p_above[rows[:, None, None], order[:, :, None], order[:, None, :]] >= tie_below
    equal = np.diff(sorted_scores, axis=1) == 0
    if equal.any():  # Candidates of equal score join a tier together, or not at all.
        for later in range(size - 2, -1, -1):
            told_apart[equal[:, later], :, later] |= told_apart[equal[:, later], :, later + 1]
        for earlier in range(1, size):
            told_apart[equal[:, earlier - 1], :, earlier] |= told_apart[equal[:, earlier - 1], :, earlier - 1]
    tiers = np.zeros((problems, size), dtype=np.int64)
    for at in range(1, size):
        above = tiers[:, at - 1]
        apart = (told_apart[:, :at, at] & (tiers[:, :at] == above[:, None])).any(axis=1)
        tiers[:, at] = above + (apart & ~equal[:, at - 1])
    unsorted = np.empty_like(tiers)
    np.put_along_axis(unsorted, order, tiers, axis=1)
    return unsorted


def count_acceptable(tiers: Integers, scores: Floats, bar: Floats) -> Integers:
    """Return (P,) how many leading tiers have a mean score above the bar (P,)."""
    size = tiers.shape[1]
    acceptable = np.zeros(len(tiers), dtype=np.int64)
    for tier in range(size):
        inside = tiers == tier
        members = inside.sum(axis=1)
        total = np.zeros(len(tiers))
        for column, at in zip(inside.T, range(size), strict=True):
            total += np.where(column, scores[:, at], 0.0)
        acceptable += (members > 0) & (total / np.maximum(members, 1) > bar)
    return acceptable


def shared_ranks(tiers: Integers) -> Integers:
    """Return (P, k) each candidate's rank: 1 + how many stand in better tiers."""
    ranks: Integers = 1 + (tiers[:, None, :] < tiers[:, :, None]).sum(axis=2)
    return ranks


def name_tiers(tier_of: Integers, candidates: Sequence[tuple[int, ...]]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Yield for each parent its candidates in tiers, best first, from the tier of each (P, k).

    Within a tier they stand in the order of `candidates`.
    """
    order = np.argsort(tier_of, axis=1, kind="stable")
    in_order = np.take_along_axis(np.array(candidates, dtype=np.int64), order, axis=1).tolist()
    new = np.diff(np.take_along_axis(tier_of, order, axis=1), axis=1) > 0
    # Parents whose tiers are of the same sizes are cut at the same places.
    cuts: dict[bytes, list[slice]] = {}
    for at, (row, shape) in enumerate(zip(map(tuple, in_order), map(bytes, np.packbits(new, axis=1)), strict=True)):
        parts = cuts.get(shape)
        if parts is None:
            parts = cuts[shape] = _slices_between(np.flatnonzero(new[at]) + 1, tier_of.shape[1])
        yield tuple([row[part] for part in parts])


def _slices_between(cuts: Integers, size: int) -> list[slice]:
    """Return the slices into which something of this size is cut at these places."""
    return [slice(start, end) for start, end in pairwise([0, *cuts.tolist(), size])]
