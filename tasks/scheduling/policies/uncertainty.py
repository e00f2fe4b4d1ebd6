"""What is known least surely first: nothing but the uncertainty counts, 1 while nothing is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tasks.records.coverage import Cells, Floats, PlanSettings, Pool, Surroundings


def score_uncertainty(
    pool: Pool,
    cells: Cells,
    *,
    settings: PlanSettings,
    rng: np.random.Generator,
    surroundings: Surroundings | None = None,
) -> tuple[Floats, dict[str, Floats]]:
    """The uncertainty, as the value and as its only term."""
    uncertainty = np.clip(pool.uncertainty, 0.0, 1.0)
    return uncertainty, {"uncertainty": uncertainty}
