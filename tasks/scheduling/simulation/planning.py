"""Bands of an imagined campaign, by the policies that schedule real ones.

As the job does, a tick looks at the fronts of the queues, at what was judged since, and at a stretch of the rest.
"""

import numpy as np
import numpy.typing as npt

from tasks.records.coverage import Cells, PlanSettings
from tasks.records.parameters import CampaignSettings
from tasks.records.scheduling import UnitState
from tasks.scheduling.plan import plan
from tasks.scheduling.pools import make_cells, make_pool
from tasks.scheduling.redundancy import decide_wanted, read_redundancy
from tasks.scheduling.simulation.evidence import Evidence
from tasks.scheduling.simulation.state import State
from tasks.vocabulary import Kind, PolicyName

Integers = npt.NDArray[np.int64]

#: Units of the queues' fronts, and of the walk over the rest, in one tick: as the job has them.
FRONT_UNITS, WALKED_UNITS = 5000, 5000
TIES = 1 << 31


class Planner:
    """The scheduler's job on an imagined campaign."""

    def __init__(
        self, state: State, evidence: Evidence, settings: CampaignSettings, *, minutes: float, rng: np.random.Generator
    ) -> None:
        self.state, self.evidence, self.settings, self.rng = state, evidence, settings, rng
        self.redundancy = read_redundancy(settings)
        self.policy = PolicyName(settings.policy)
        self.plan_settings = PlanSettings(wait_days=settings.wait_days)
        self.minutes = minutes
        self.walked = 0

    def begin(self, *, now: float) -> None:
        """Say what every unit wants, and give all of them a band."""
        everything = np.arange(len(self.state.layout))
        self.state.wanted[:] = np.maximum(self.redundancy.base, 1)
        self.follow(everything[self.state.done > 0])
        for start in range(0, len(everything), WALKED_UNITS * 10):
            self._score(everything[start : start + WALKED_UNITS * 10], now=now)

    def follow(self, units: Integers) -> None:
        """Let units that were judged ask for more, or stop, by the rule of the campaign."""
        state = self.state
        if not self.redundancy.is_adaptive:
            return
        columns = zip(
            units.tolist(),
            state.done[units].tolist(),
            state.held[units].tolist(),
            state.wanted[units].tolist(),
            self.evidence.confidence[units].tolist(),
            self.evidence.p_best[units].tolist(),
            self.evidence.gain[units].tolist(),
            strict=True,
        )
        state.wanted[units] = [
            decide_wanted(
                UnitState(
                    unit, Kind.RANK, "", done, held, wanted, wanted,
                    uncertainty=_known(1 - sure), p_best=_known(best), gain=_known(gain),
                ),
                redundancy=self.redundancy,
            )
            for unit, done, held, wanted, sure, best, gain in columns
        ]  # fmt: skip

    def tick(self, judged: Integers, fronts: Integers, *, now: float) -> None:
        """Score what was judged, what is offered next, and a stretch of the rest."""
        units = len(self.state.layout)
        end = min(self.walked + WALKED_UNITS, units)
        is_looked_at = np.zeros(units, dtype=bool)
        is_looked_at[judged] = is_looked_at[fronts] = is_looked_at[self.walked : end] = True
        self.walked = end if end < units else 0
        self._score(np.flatnonzero(is_looked_at), now=now)

    def _score(self, units: Integers, *, now: float) -> None:
        state, layout = self.state, self.state.layout
        open_units = units[state.wanted[units] > state.done[units] + state.held[units]]
        if not len(open_units):
            return
        since = np.where(np.isnan(state.judged[open_units]), state.opened[open_units], state.judged[open_units])
        sure = self.evidence.confidence[open_units]
        pool = make_pool(
            open_units,
            kind=layout.kind[open_units],
            language=layout.language[open_units],
            cell=layout.cell[open_units],
            done=state.done[open_units],
            held=state.held[open_units],
            wanted=state.wanted[open_units],
            uncertainty=np.where(np.isnan(sure), 1.0, 1.0 - sure),
            gain=self.evidence.gain[open_units],
            deficit=state.deficits()[open_units],
            waiting=(now - since) / 1440,
            minutes=np.full(len(open_units), self.minutes),
            tie=state.tie[open_units] / TIES,
        )
        made = plan(pool, self.count_cells(), policy=self.policy, settings=self.plan_settings, rng=self.rng)
        state.band[open_units] = made.band

    def count_cells(self) -> Cells:
        """Return the cells of the target space as the scheduler counts them."""
        state, layout = self.state, self.state.layout
        count = len(layout.cell_share)
        held = np.bincount(layout.cell, weights=state.held / np.maximum(state.wanted, 1), minlength=count)
        return make_cells(
            layout.cell_share,
            language=layout.cell_language,
            topic=layout.cell_topic,
            prompts=layout.cell_prompts,
            finished=state.finished_in_cells(),
            held=held,
            judgments=np.bincount(layout.cell, weights=state.done, minlength=count).astype(np.int64),
            groups=state.groups,
            # A cell without a prompt is there because somebody asked for it.
            is_targeted=layout.cell_prompts == 0,
        )


def _known(number: float) -> float | None:
    """None for nan."""
    return None if number != number else round(number, 6)  # noqa: PLR0124  (nan alone differs from itself)
