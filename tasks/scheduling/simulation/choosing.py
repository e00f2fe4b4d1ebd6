"""Which unit a claim takes: the most wanted one that somebody has not seen, one that suits them, or one by lot."""

from collections import deque
from math import isnan
from random import Random

import numpy as np

from tasks.records.coverage import KINDS_BY_CODE
from tasks.records.parameters import CampaignSettings
from tasks.scheduling.matching import Choice, Traits, draw_order
from tasks.scheduling.simulation.evidence import Evidence
from tasks.scheduling.simulation.fronts import Fronts, look_into
from tasks.scheduling.simulation.layout import Layout
from tasks.scheduling.simulation.state import State
from tasks.scheduling.simulation.volunteers import Crowd

#: Units of each queue that a claim compares, and of all queues together; units of a person that count for variety.
NEAR, WIDE, LAST = 8, 16, 20
#: Tries to find an unseen unit by lot.
LOTS = 20


class Chooser:
    """What every volunteer has seen and done, and what they are given next.

    Plain lists and memory that numpy shares: a claim looks at single numbers, at which arrays are slow.
    """

    def __init__(
        self,
        state: State,
        crowd: Crowd,
        evidence: Evidence,
        fronts: Fronts,
        *,
        settings: CampaignSettings,
        rng: Random,
    ) -> None:
        layout: Layout = state.layout
        people = len(crowd)
        self.fronts, self.rng = fronts, rng
        self.matches, self.lot_share = settings.match_people, settings.random_share
        self.kinds = [KINDS_BY_CODE[code].value for code in layout.kind.tolist()]
        self.queues = [np.flatnonzero(crowd.speaks[who][layout.queue_language]).tolist() for who in range(people)]
        self.sharpness = crowd.sharpness.tolist()
        self.opinion = [str(group) for group in crowd.opinion.tolist()]
        self.likes, self.topics, self.cells = crowd.likes.tolist(), layout.topic.tolist(), layout.cell.tolist()
        self.sure, self.gain = look_into(evidence.confidence), look_into(evidence.gain)
        self.bands = look_into(state.band)
        self.seen: list[set[int]] = [set() for _ in range(people)]
        self.past: list[deque[tuple[str, int | None]]] = [deque(maxlen=LAST) for _ in range(people)]
        self.given = [0] * people
        self.judged_by: dict[int, list[str]] = {}
        self.by_lot = 0

    def note(self, person: int, unit: int) -> None:
        """Somebody judged a unit."""
        if self.matches:
            self.given[person] += 1
            self.past[person].appendleft((self.kinds[unit], self.cells[unit]))
            self.judged_by.setdefault(unit, []).append(self.opinion[person])

    def like(self, person: int, unit: int) -> float:
        """Return how much somebody wants a unit's topic: 1 is indifferent."""
        topic = self.topics[unit]
        likes: float = self.likes[person][topic] if topic >= 0 else 1.0
        return likes

    def choose(self, person: int) -> int | None:
        """Return the unit that a claim of this person takes; None: there is none for them."""
        if self.lot_share and self.rng.random() < self.lot_share:
            unit = self._draw(person)
            if unit is not None:
                self.by_lot += 1
                return unit
        if self.matches:
            return self._match(person)
        seen = self.seen[person]
        found = [unit for queue in self.queues[person] if (unit := self.fronts.first(queue, seen)) is not None]
        if len(found) < 2:
            return found[0] if found else None
        return min(found, key=self.fronts.keys.__getitem__)

    def _draw(self, person: int) -> int | None:
        """Return a vacant unit by lot from all that this person may do."""
        queues = self.queues[person]
        for _ in range(LOTS if queues else 0):
            everything = self.fronts.everything[queues[self.rng.randrange(len(queues))]]
            unit = everything[self.rng.randrange(len(everything))]
            if unit not in self.seen[person] and self.fronts.is_vacant(unit):
                return unit
        return None

    def _match(self, person: int) -> int | None:
        """Return of the first few that this person may do the one that matching draws first."""
        fronts = self.fronts
        near = [unit for queue in self.queues[person] for unit in fronts.list_first(queue, self.seen[person], NEAR)]
        if len(near) < 2:
            return near[0] if near else None
        near.sort(key=fronts.keys.__getitem__)
        traits = Traits(self.sharpness[person], self.opinion[person], self.given[person])
        choices = [self._describe(unit, person) for unit in near[:WIDE]]
        return draw_order(traits, choices, past=list(self.past[person]), rng=self.rng)[0]

    def _describe(self, unit: int, person: int) -> Choice:
        fronts = self.fronts
        sure, gain, likes = self.sure[unit], self.gain[unit], self.like(person, unit)
        return Choice(
            unit, self.kinds[unit], self.bands[unit], fronts.wanted[unit], fronts.done[unit], fronts.held[unit],
            None if isnan(sure) else 1 - sure,
            None if isnan(gain) else gain,
            tuple(self.judged_by.get(unit, ())),
            self.cells[unit],
            None if likes == 1.0 else likes > 1.0,
        )  # fmt: skip
