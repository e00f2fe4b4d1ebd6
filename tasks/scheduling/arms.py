"""Two policies in one campaign: each orders its own half of the prompts, and both halves are served alike.

Bands of two policies cannot be compared. So in each queue the unit that the rival puts in place r of its half gets the
band of the unit in place r of the other half: whoever asks for work gets one of either in turn, as ties fall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.scheduling.split import RIVAL_ARM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.records.coverage import Integers


def match_bands(
    band: NDArray[np.int16], *, arm: Integers, queue: Integers, tie: NDArray[np.float64]
) -> NDArray[np.int16]:
    """The bands with those of the rival's half brought to the same heights, place by place."""
    matched = band.copy()
    for number in np.unique(queue):
        mine = np.flatnonzero((queue == number) & (arm != RIVAL_ARM))
        theirs = np.flatnonzero((queue == number) & (arm == RIVAL_ARM))
        if not len(mine) or not len(theirs):
            continue
        heights = np.sort(band[mine])[::-1]
        order = theirs[np.lexsort((tie[theirs], -band[theirs].astype(np.int64)))]
        matched[order] = heights[np.minimum(np.arange(len(order)), len(heights) - 1)]
    return matched
