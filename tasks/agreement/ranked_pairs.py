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
    """Return (P, k) the tier of each item, 0 the best, from margins (P, k, k), margins[p, i, j] = -margins[p, j, i].

    Each of the P problems is solved as if it were alone. Margins that should be equal must be exactly equal.
    """
    beats = lock_majorities(margins)
    problems, size, _ = margins.shape
    tiers: Integers = np.zeros((problems, size), dtype=np.int64)
    # The tier of an item: the length of the longest chain of beats that ends in it.
    for _ in range(size - 1):
        below = np.where(beats, tiers[:, :, None] + 1, 0).max(axis=1)
        if (below == tiers).all():
            break
        tiers = below
    return tiers


def lock_majorities(margins: Floats) -> Booleans:
    """Return (P, k, k) who beats whom: the majorities locked in, and what follows from them."""
    problems = len(margins)
    locked = np.zeros(margins.shape, dtype=bool)
    waiting = np.where(margins > 0, margins, 0.0)
    while True:
        largest = waiting.reshape(problems, -1).max(axis=1, initial=0.0)
        open_ = np.flatnonzero(largest > 0)
        if not len(open_):
            return locked
        was = locked[open_]
        new = waiting[open_] == largest[open_, None, None]
        waiting[open_] = np.where(new, 0.0, waiting[open_])
        new &= ~was.transpose(0, 2, 1)
        reach = _close(was | new)
        new &= ~reach.transpose(0, 2, 1)
        locked[open_] = _close(was | new)


def _close(beats: Booleans) -> Booleans:
    """Return the transitive closure of relations (P, k, k)."""
    closed = beats.copy()
    for middle in range(beats.shape[1]):
        closed |= closed[:, :, middle, None] & closed[:, None, middle, :]
    return closed
