"""What one more judgment is worth: the value of a campaign's cells when so much of them is finished, and its growth.

    wanted_c  = 2, or 2 * share_c * cells (at least 1) where an organizer set a share: prompts to finish in a cell
    fill_c    = (finished_c + held_c) / wanted_c
    weight_c  = sqrt(share_c * cells * wanted_c / 2)
    value     = sum over cells of weight_c * (min(1, fill_c) + sqrt(fill_c)) / 2

The first half is the coverage of prompts itself (tasks.scheduling.coverage). The second keeps cells in balance after it, and
lets one that has nothing go before one that has something; with these weights what is finished tends to the shares. Both
halves are monotone and submodular, so that the greedy order is near the best one.
Work under way counts as done: else everybody would be sent to the same cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tasks.records.coverage import Cells, Floats

#: Prompts to finish in a cell of which nothing else is said.
DEPTH = 2.0


def count_wanted(cells: Cells) -> Floats:
    """How many finished prompts each cell wants.

    Where no share was set, no more than there are: what nobody asked for is not missing. A cell without prompts is a row
    because somebody asked for it.
    """
    asked = np.maximum(1.0, DEPTH * cells.share * len(cells))
    plain = np.where(cells.prompts > 0, np.minimum(DEPTH, cells.prompts), DEPTH)
    return np.where(cells.is_targeted, asked, plain)


def weigh_cells(cells: Cells, wanted: Floats) -> Floats:
    """How much each cell counts for what comes next, about 1 on average."""
    return np.sqrt(cells.share * len(cells) * wanted / DEPTH)


def measure_value(fill: Floats) -> Floats:
    """The value of a cell of weight 1 that is filled so far: 0 at 0, 1 at 1."""
    return (np.minimum(1.0, fill) + np.sqrt(fill)) / 2


def measure_gain(start: Floats, part: Floats, *, wanted: Floats, weight: Floats) -> Floats:
    """How much value cells gain when `part` of a prompt is finished where `start` prompts are, per whole prompt.

    A part of nothing gains what the beginning of one would.
    """
    step = np.maximum(part, 0.05)
    gained = measure_value((start + step) / wanted) - measure_value(start / wanted)
    return weight * gained / step
