"""The plan: which open unit is wanted how much, by the policy of the campaign. The job and the simulator call the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.records.coverage import Plan

if TYPE_CHECKING:
    import numpy as np

    from tasks.records.coverage import Cells, PlanSettings, Pool, Surroundings
    from tasks.vocabulary import PolicyName


def plan(
    pool: Pool,
    cells: Cells,
    *,
    policy: PolicyName,
    settings: PlanSettings,
    rng: np.random.Generator,
    surroundings: Surroundings | None = None,
) -> Plan:
    """The band of every unit of the pool, 0 to 1000 in steps of 20, and its terms."""
    raise NotImplementedError
