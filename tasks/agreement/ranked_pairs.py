"""Ranked pairs (Tideman 1987), as Open Assistant published its rankings: by margins, largest first.

The majorities of a table are locked in by their margin, the largest first; one that would close a
circle with those already locked is passed over. Majorities of equal margin are looked at together:
what closes a circle among themselves is passed over as a whole, so that no id, and no die, decides.
Where all margins differ this is Tideman's method to the letter. The tiers: who is beaten by nobody
stands in the first, who is beaten by those above alone in the next, and so on.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


def rank_by_pairs(margins: Floats) -> Integers:
    """Return (P, k) the tier of each item, 0 the best, from margins (k, k, P), margins[i, j] = -margins[j, i].

    Each of the P problems is solved as if it were alone. Margins that should be equal must be exactly equal.
    """
    beats = lock_majorities(margins)
    # The tier of an item: the length of the longest chain of beats that ends in it.
    tiers = np.zeros(margins.shape[1:], dtype=np.int64)
    for _ in range(len(beats) - 1):
        below = np.zeros_like(tiers)
        for above, row in zip(tiers, beats, strict=True):
            np.maximum(below, row * (above + 1), out=below)
        if (below == tiers).all():
            break
        tiers = below
    return np.ascontiguousarray(tiers.T)


def lock_majorities(margins: Floats) -> Booleans:
    """Return (k, k, P) who beats whom: the majorities locked in, and what follows from them."""
    locked = np.zeros(margins.shape, dtype=bool)
    problems = np.arange(margins.shape[2])
    waiting = np.where(margins > 0, margins, 0.0)
    while True:
        largest = waiting.max(axis=(0, 1), initial=0.0)
        left = largest > 0
        if not left.all():
            problems, waiting, largest = problems[left], waiting[:, :, left], largest[left]
        if not len(problems):
            return locked
        was = locked[:, :, problems]
        new = waiting == largest
        waiting[new] = 0.0
        new &= ~was.transpose(1, 0, 2)
        if (circles := _close(was | new)).any():
            new &= ~circles.transpose(1, 0, 2)
        locked[:, :, problems] = _close(was | new)


def _close(beats: Booleans) -> Booleans:
    """Return the transitive closure of relations (k, k, P)."""
    closed = beats.copy()
    for middle in range(len(beats)):
        closed |= closed[:, middle, None] & closed[None, middle]
    return closed
