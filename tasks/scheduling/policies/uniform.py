"""At random: all units are equal, and their ties decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tasks.records.coverage import Cells, Floats, PlanSettings, Pool, Surroundings


def score_uniform(
    pool: Pool,
    cells: Cells,
    *,
    settings: PlanSettings,
    rng: np.random.Generator,
    surroundings: Surroundings | None = None,
) -> tuple[Floats, dict[str, Floats]]:
    """One for all."""
    return np.ones(len(pool)), {}
