"""Where the two texts of an encounter stood when they were shown."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from tasks.agreement.encounters import Encounters
from tasks.records.ballots import Ballot

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def find_leads(ballots: Sequence[Ballot], met: Encounters, *, order_known: Sequence[bool] | None = None) -> Floats:
    """Return (E,) how much earlier than `below` each `above` was shown, in parts of the way from first to last.

    1 when it came first and the other last, -1 the other way round; 0 on ballots whose order is not known.
    `met` was listed from the same ballots, in the same order.
    """
    shown = [ballot.shown for ballot in ballots]
    sizes = np.fromiter(map(len, shown), np.int64, len(shown))
    texts = np.fromiter(chain.from_iterable(shown), np.int64, int(sizes.sum()))
    if not len(texts) or not len(met.ballot):
        return np.zeros(len(met.ballot))
    known, text = np.unique(texts, return_inverse=True)
    place = np.arange(len(texts)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    keys = np.repeat(np.arange(len(shown)), sizes) * len(known) + text.reshape(-1)
    order = np.argsort(keys)
    keys, place = keys[order], place[order]

    def find(candidates: Integers) -> Integers:
        found: Integers = place[np.searchsorted(keys, met.ballot * len(known) + np.searchsorted(known, candidates))]
        return found

    leads = (find(met.below) - find(met.above)) / np.maximum(sizes - 1, 1)[met.ballot]
    if order_known is not None:
        leads = np.where(np.array(order_known, dtype=bool)[met.ballot], leads, 0.0)
    return leads.astype(np.float64)
