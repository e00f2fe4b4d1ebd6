"""Cell after cell in turn, each as often as any other: the one with the fewest judgments is next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tasks.records.coverage import Cells, Floats, PlanSettings, Pool, Surroundings


def score_round_robin(
    pool: Pool,
    cells: Cells,
    *,
    settings: PlanSettings,
    rng: np.random.Generator,
    surroundings: Surroundings | None = None,
) -> tuple[Floats, dict[str, Floats]]:
    """The value of the n-th turn of a cell is 2 / n, counted from what its prompts have; without a place it is the first."""
    turn = np.zeros(len(pool))
    order = np.lexsort((pool.tie, -pool.done - pool.held, pool.cell))
    order = order[pool.cell[order] >= 0]
    if len(order):
        cell = pool.cell[order]
        _, starts, counts = np.unique(cell, return_index=True, return_counts=True)
        place = np.arange(len(order)) - np.repeat(starts, counts)
        turn[order] = np.floor(cells.finished + cells.held)[cell] + place
    return 2.0 / (turn + 1.0), {"turn": turn + 1.0}
