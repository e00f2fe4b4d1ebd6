"""The queues of an imagined campaign as a claim sees them: units in the order of their bands, the vacant ones first looked at.

Plain integers in memory that numpy shares (a memoryview), since a claim looks at single numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.scheduling.simulation.layout import Layout
from tasks.scheduling.simulation.state import State

Integers = npt.NDArray[np.int64]


@dataclass
class Front:
    """A queue's vacant units in their order, cut after some (`is_whole`: not cut); `head`: none before it is vacant."""

    order: list[int] = field(default_factory=list)
    head: int = 0
    is_whole: bool = False


def look_into(numbers: npt.NDArray[Any]) -> Any:
    """Return the same memory as an array's, for reading and writing of single numbers."""
    return numbers.data


class Fronts:
    """All queues. Between two calls of `rebuild` their order stands; a unit that becomes vacant again is found by the next.

    `everything`: the units of each queue, to draw from.
    """

    def __init__(self, state: State, layout: Layout) -> None:
        self.state = state
        self.done, self.held, self.wanted = (look_into(each) for each in (state.done, state.held, state.wanted))
        self.keys = look_into(state.key)
        self.members = [np.flatnonzero(layout.queue == queue) for queue in range(len(layout.queue_language))]
        self.everything = [members.tolist() for members in self.members]
        self.fronts = [Front() for _ in self.members]

    def is_vacant(self, unit: int) -> bool:
        """Return whether it takes one more."""
        return bool(self.wanted[unit] > self.done[unit] + self.held[unit])

    def take(self, unit: int) -> None:
        """Hold a unit for somebody."""
        self.held[unit] += 1

    def finish(self, unit: int) -> None:
        """End a hold with a judgment."""
        self.held[unit] -= 1
        self.done[unit] += 1

    def give_back(self, unit: int) -> None:
        """End a hold without a judgment."""
        self.held[unit] -= 1

    def list_units(self) -> Integers:
        """Return the units at the fronts."""
        return np.array([unit for front in self.fronts for unit in front.order], dtype=np.int64)

    def rebuild(self, *, most: int) -> None:
        """Put the vacant units of every queue in order anew, of each the first `most`."""
        vacant = self.state.vacancy() > 0
        for members, front in zip(self.members, self.fronts, strict=True):
            self._fill(front, members[vacant[members]], most)

    def first(self, queue: int, seen: set[int]) -> int | None:
        """Return the first vacant unit that is not among those seen."""
        return next(self._walk(queue, seen), None)

    def list_first(self, queue: int, seen: set[int], most: int) -> list[int]:
        """Return the first few of them."""
        found = []
        for unit in self._walk(queue, seen):
            found.append(unit)
            if len(found) == most:
                break
        return found

    def _walk(self, queue: int, seen: set[int]) -> Iterator[int]:
        front = self.fronts[queue]
        done, held, wanted = self.done, self.held, self.wanted
        order = front.order
        at, end = front.head, len(order)
        while at < end and wanted[order[at]] <= done[order[at]] + held[order[at]]:
            at += 1
        front.head = at
        is_found = False
        for place in range(at, end):
            unit = order[place]
            if wanted[unit] > done[unit] + held[unit] and unit not in seen:
                is_found = True
                yield unit
        if not is_found and not front.is_whole:
            # Somebody has seen all that was put in order: the rest of the queue is looked at, as a claim does at last.
            members = self.members[queue]
            state = self.state
            vacant = state.wanted[members] > state.done[members] + state.held[members]
            self._fill(front, members[vacant], len(members))
            yield from (unit for unit in front.order if unit not in seen)

    def _fill(self, front: Front, vacant: Integers, most: int) -> None:
        keys = self.state.key[vacant]
        front.is_whole = len(vacant) <= most
        if not front.is_whole:
            nearest = np.argpartition(keys, most)[:most]
            vacant, keys = vacant[nearest], keys[nearest]
        front.order = vacant[np.argsort(keys, kind="stable")].tolist()
        front.head = 0
