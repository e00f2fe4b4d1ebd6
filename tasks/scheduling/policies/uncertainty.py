"""What is known least surely first: nothing but the uncertainty counts, 1 while nothing is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tasks.records.coverage import Cells, Floats, PlanSettings, Pool, Surroundings


def score_uncertainty(
    pool: Pool,
    cells: Cells,  # noqa: ARG001  (policies have one signature)
    *,
    settings: PlanSettings,  # noqa: ARG001
    rng: np.random.Generator,  # noqa: ARG001
    surroundings: Surroundings | None = None,  # noqa: ARG001
) -> tuple[Floats, dict[str, Floats]]:
    """The uncertainty, as the value and as its only term."""
    uncertainty = np.clip(pool.uncertainty, 0.0, 1.0)
    return uncertainty, {"uncertainty": uncertainty}
