"""The figures of an imagined campaign: along the way, at the same numbers of judgments for every arm, and at its end."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tasks.scheduling.coverage import measure_cells, measure_coverage
from tasks.scheduling.simulation.evidence import Evidence
from tasks.scheduling.simulation.layout import Layout
from tasks.scheduling.simulation.planning import Planner
from tasks.scheduling.simulation.state import State
from tasks.scheduling.simulation.world import Outcome

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Numbers of judgments at which figures are taken, evenly up to what all visits could give.
MARKS = 24
#: Units whose order is compared with the true one.
MOST_COMPARED = 5000


@dataclass(frozen=True, slots=True)
class Reading:
    """Figures at one moment, each in [0, 1].

    coverage   of the campaign as the product has it (tasks.scheduling.coverage), of what can be said here: prompts and people
    covered    its part of prompts: share of the target in covered cells
    finished   share of the prompts that have the judgments they want
    confidence mean certainty of all orders, 0 where nothing is known
    smallest   of all targets (without any: of all languages) the least reached share
    people     share of the target's cells, by group of people, in which that group has judged
    """

    judgments: int
    minute: float
    coverage: float
    covered: float
    finished: float
    confidence: float
    smallest: float
    people: float

    def as_row(self) -> dict[str, float]:
        return {name: round(float(getattr(self, name)), 5) for name in CURVES} | {
            "judgments": self.judgments,
            "day": round(self.minute / 1440, 4),
        }


#: Figures that are drawn over judgments.
CURVES = ("coverage", "covered", "finished", "confidence", "smallest", "people")


class Watched(Protocol):
    """A campaign that is looked at while it goes on, imagined or run by the product itself."""

    @property
    def layout(self) -> Layout: ...
    @property
    def state(self) -> State: ...
    @property
    def evidence(self) -> Evidence: ...
    @property
    def planner(self) -> Planner: ...
    @property
    def minute(self) -> float: ...


def place_marks(total: int) -> tuple[int, ...]:
    """Return the numbers of judgments at which figures are taken; 0 is the beginning."""
    return tuple(dict.fromkeys(round(total * step / MARKS) for step in range(MARKS + 1)))


def read_figures(world: Watched, mark: int) -> Reading:
    """Return the figures now. A run that ends before a mark is read there as it ended."""
    state, layout = world.state, world.layout
    cells = world.planner.count_cells()
    measured = measure_coverage(cells, met={}, sources=0, facility=None)
    confidence = world.evidence.confidence
    return Reading(
        judgments=mark,
        minute=world.minute,
        coverage=measured.coverage,
        covered=measured.prompts or 0.0,
        finished=float((state.done >= state.wanted).mean()),
        confidence=float(np.where(np.isnan(confidence), 0.0, confidence).mean()),
        smallest=_find_smallest(state, measure_cells(cells)),
        people=_touch(state, layout),
    )


def sum_up(outcome: Outcome, layout: Layout, *, seed: int, minutes: float) -> dict[str, float | None]:
    """Return the figures of the end."""
    state = outcome.state
    waits = np.where(np.isnan(state.first), minutes, np.maximum(state.first, 0.0)) - np.minimum(state.opened, 0.0)
    is_new = layout.done == 0
    known = np.flatnonzero(~np.isnan(outcome.evidence.confidence))
    if len(known) > MOST_COMPARED:
        known = np.random.default_rng([seed, 9]).choice(known, size=MOST_COMPARED, replace=False)
    tau = outcome.evidence.measure_tau(known) if len(known) else np.zeros(0)
    return {
        "judgments": float(outcome.tally.submitted),
        "longest_wait": _round(waits[is_new].max() / 1440) if is_new.any() else None,
        "usual_wait": _round(np.median(waits[is_new]) / 1440) if is_new.any() else None,
        "never_judged": _round(float((state.done == 0).mean())),
        "sameness": _tell_sameness(outcome, layout),
        "tau": _round(float(tau.mean())) if len(tau) else None,
        "surplus": _round(float((state.done > state.wanted).mean())),
    }


def list_cells(state: State, layout: Layout, covered: Floats) -> list[dict[str, Any]]:
    """Return how each language is covered at the end: its share of the target, and what is covered of it, cell by cell."""
    told = []
    for code, language in enumerate(layout.languages):
        cells = layout.cell_language == code
        share = float(layout.cell_share[cells].sum())
        if cells.any() and share > 0:
            reached = float(covered[cells] @ layout.cell_share[cells]) / share
            units = layout.language == code
            told.append(
                {
                    "language": language,
                    "share": _round(share),
                    "covered": _round(reached),
                    "prompts": int(units.sum()),
                    "judgments": int(state.done[units].sum()),
                }
            )
    return told


def _find_smallest(state: State, covered: Floats) -> float:
    layout = state.layout
    if len(layout.targets):
        return float(state.target_reached().min())
    share = np.bincount(layout.cell_language, weights=layout.cell_share)
    reached = np.bincount(layout.cell_language, weights=layout.cell_share * covered)
    return float((reached[share > 0] / share[share > 0]).min())


def _touch(state: State, layout: Layout) -> float:
    """Return the share of cells × groups of people in which somebody of the group judged, weighted by the cells."""
    return float((state.groups > 0).mean(axis=1) @ layout.cell_share)


def _tell_sameness(outcome: Outcome, layout: Layout) -> float | None:
    """Return how often somebody's next piece was of the same cell as the one before; None of nobody."""
    if len(outcome.units) < 2:
        return None
    order = np.lexsort((outcome.minutes, outcome.people))
    cells, people = layout.cell[outcome.units[order]], outcome.people[order]
    follows = people[1:] == people[:-1]
    return _round(float((cells[1:] == cells[:-1])[follows].mean())) if follows.any() else None


def _round(number: float) -> float:
    return round(float(number), 5)
