"""The plan: which open unit is wanted how much, by the policy of the campaign. The job and the simulator call the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from tasks.records.coverage import Plan
from tasks.scheduling.policies.coverage import score_coverage
from tasks.scheduling.policies.open_assistant import score_open_assistant
from tasks.scheduling.policies.round_robin import score_round_robin
from tasks.scheduling.policies.uncertainty import score_uncertainty
from tasks.scheduling.policies.uniform import score_uniform
from tasks.scheduling.queues import give_places, quantise
from tasks.vocabulary import PolicyName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.records.coverage import Cells, Floats, PlanSettings, Pool, Surroundings


class Policy(Protocol):
    """What a policy is: values of units, and the terms they came from. A value of 1 is that of a typical first judgment."""

    def __call__(
        self,
        pool: Pool,
        cells: Cells,
        *,
        settings: PlanSettings,
        rng: np.random.Generator,
        surroundings: Surroundings | None = None,
    ) -> tuple[Floats, dict[str, Floats]]: ...


POLICIES: Mapping[PolicyName, Policy] = {
    PolicyName.COVERAGE: score_coverage,
    PolicyName.UNCERTAINTY: score_uncertainty,
    PolicyName.ROUND_ROBIN: score_round_robin,
    PolicyName.OPEN_ASSISTANT: score_open_assistant,
    PolicyName.UNIFORM: score_uniform,
}
#: Those whose order makes room for units that have waited too long, or are drawn by lot. The others are as they were meant.
MAKES_ROOM = frozenset({PolicyName.COVERAGE, PolicyName.UNCERTAINTY})


def plan(
    pool: Pool,
    cells: Cells,
    *,
    policy: PolicyName,
    settings: PlanSettings,
    rng: np.random.Generator,
    surroundings: Surroundings | None = None,
) -> Plan:
    """The band of every unit of the pool, 0 to 1000 in steps of 20, and its terms.

    What has all that it wants is in the lowest band. Without vectors the reach of a unit is what it was known to be.
    """
    value, terms = POLICIES[policy](pool, cells, settings=settings, rng=rng, surroundings=surroundings)
    value = np.where(pool.done + pool.held < pool.wanted, value, 0.0)
    band = quantise(value)
    terms = {**terms, "value": value, "waiting": pool.waiting}
    if policy in MAKES_ROOM:
        places, lifted = give_places(pool, band, settings=settings)
        terms["lifted"] = lifted.astype(np.float64)
    else:
        places = band.astype(np.int16)
    return Plan(policy, places, {name: np.asarray(term, dtype=np.float32) for name, term in terms.items()})
