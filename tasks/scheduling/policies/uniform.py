"""At random: all units are equal, and their ties decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tasks.records.coverage import Cells, Floats, PlanSettings, Pool, Surroundings


def score_uniform(
    pool: Pool,
    cells: Cells,  # noqa: ARG001  (policies have one signature)
    *,
    settings: PlanSettings,  # noqa: ARG001
    rng: np.random.Generator,  # noqa: ARG001
    surroundings: Surroundings | None = None,  # noqa: ARG001
) -> tuple[Floats, dict[str, Floats]]:
    """One for all."""
    return np.ones(len(pool)), {}
