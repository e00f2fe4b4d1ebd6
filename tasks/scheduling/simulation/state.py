"""Where an imagined campaign stands: counters of every unit, and of what they make of cells and targets."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tasks.scheduling.simulation.layout import Layout

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
HIGHEST_BAND = 1000


@dataclass
class State:
    """Counters of every unit. A unit is vacant while it wants more than is done and held.

    band, tie  of the queue's order: the highest band first, then the lowest tie
    opened     minute at which it began to wait: below 0 before the simulation
    judged     minute of the last judgment; nan: none
    first      minute of the first one
    groups     (cells, groups of people) judgments
    """

    layout: Layout
    tie: Integers
    groups: Floats
    done: Integers = field(init=False)
    held: Integers = field(init=False)
    wanted: Integers = field(init=False)
    band: Integers = field(init=False)
    key: Integers = field(init=False)
    opened: Floats = field(init=False)
    judged: Floats = field(init=False)
    first: Floats = field(init=False)

    def __post_init__(self) -> None:
        units = len(self.layout)
        self.done = self.layout.done.astype(np.int64)
        self.held, self.wanted = np.zeros(units, np.int64), np.zeros(units, np.int64)
        self.band = np.full(units, HIGHEST_BAND // 2)
        self.opened = -1440.0 * self.layout.waited
        self.judged, self.first = np.full(units, np.nan), np.full(units, np.nan)
        self.first[self.done > 0] = 0.0
        self.key = self.tie.copy()
        self.order()

    def order(self) -> None:
        """Put units in the order in which they are served."""
        np.add((HIGHEST_BAND - self.band) << 32, self.tie, out=self.key)

    def vacancy(self) -> Integers:
        """Return how many more people each unit takes."""
        vacancy: Integers = np.maximum(self.wanted - self.done - self.held, 0)
        return vacancy

    def finished(self) -> Floats:
        """Return how far each unit is: 1 has what it wants, a part of it counts as a part."""
        parts: Floats = np.minimum(self.done / np.maximum(self.wanted, 1), 1.0)
        return parts

    def finished_in_cells(self) -> Floats:
        """Return finished units of each cell."""
        counted: Floats = np.bincount(
            self.layout.cell, weights=self.finished(), minlength=len(self.layout.cell_share)
        ).astype(np.float64)
        return counted

    def target_reached(self) -> Floats:
        """Return the share of each target that is done, at most 1."""
        at = self.layout.stratum >= 0
        done = np.bincount(self.layout.stratum[at], weights=self.done[at], minlength=len(self.layout.targets))
        reached: Floats = np.minimum(done / self.layout.targets, 1.0)
        return reached

    def deficits(self) -> Floats:
        """Return the share of its target that each unit's lacks, what is under way counted as done; 0 without a target."""
        if not len(self.layout.targets):
            return np.zeros(len(self.layout))
        at = self.layout.stratum >= 0
        given = self.done + self.held
        done = np.bincount(self.layout.stratum[at], weights=given[at], minlength=len(self.layout.targets))
        lacking = np.clip(1 - done / self.layout.targets, 0.0, 1.0)
        deficits: Floats = np.where(at, lacking[self.layout.stratum], 0.0)
        return deficits
