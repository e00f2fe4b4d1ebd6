"""One imagined campaign under one policy: volunteers come, claim, judge and go, on a clock of minutes.

1. A visit begins (tasks.scheduling.simulation.sessions); somebody claims, works as long as it takes, submits, and claims again
   until they have given what they came for, or nothing is there for them.
2. A claim takes the most wanted unit of their queues that they have not seen: highest band, then lowest tie; where the
   campaign matches people, one of the first few, as `tasks.scheduling.matching` draws it; once in a while one by lot.
3. Every so many judgments the scheduler's tick comes: what was judged becomes a consensus, units ask for more or stop, and
   bands are written. Between two ticks bands stand, as they do in the product.

Nothing is lost: claims = submitted + skipped + run out + under way at the end.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import isnan
from random import Random

import numpy as np
import numpy.typing as npt

from tasks.records.parameters import CampaignSettings
from tasks.scheduling.simulation.choosing import Chooser
from tasks.scheduling.simulation.evidence import Evidence
from tasks.scheduling.simulation.fronts import Fronts, look_into
from tasks.scheduling.simulation.layout import Layout
from tasks.scheduling.simulation.planning import TIES, Planner
from tasks.scheduling.simulation.sessions import Sessions
from tasks.scheduling.simulation.state import State
from tasks.scheduling.simulation.volunteers import Crowd, Profile

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Ticks of a run are at least so many judgments apart that there are about this many, and never closer than the job's.
MOST_TICKS = 500
SHORTEST_TICK, LONGEST_TICK, FEWEST_BETWEEN = 0.5, 120.0, 5
#: Minutes that passing something over takes.
SKIP_MINUTES = 0.3
#: Rows of the table that differ in how long somebody takes.
PACES = 1 << 12


@dataclass
class Tally:
    """Where claims went; and visits that ended because nothing was there."""

    claims: int = 0
    submitted: int = 0
    skipped: int = 0
    run_out: int = 0
    under_way: int = 0
    found_nothing: int = 0
    by_lot: int = 0
    ticks: int = 0


@dataclass
class Outcome:
    """What happened: judgments in their order (unit, person, minute), the tally, and where all stands at the end."""

    units: Integers
    people: Integers
    minutes: Floats
    tally: Tally
    state: State
    evidence: Evidence


#: What is to come: a minute, a person (below 0: somebody who left), a unit.
Events = list[tuple[float, int, int]]
Watch = Callable[["World", int], None]


@dataclass
class World:
    """One run of one arm. `watch` is called after the tick at each of the numbers of judgments in `marks`."""

    layout: Layout
    crowd: Crowd
    profile: Profile
    sessions: Sessions
    evidence: Evidence
    settings: CampaignSettings
    seed: int
    marks: tuple[int, ...] = ()
    watch: Watch | None = None
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        dice = np.random.default_rng([self.seed, 7])
        units = len(self.layout)
        groups = int(self.crowd.opinion.max()) + 1 if len(self.crowd) else 1
        self.state = State(
            self.layout,
            tie=dice.permutation(TIES // max(units, 1) * np.arange(units, dtype=np.int64)),
            groups=np.zeros((len(self.layout.cell_share), groups)),
        )
        self.planner = Planner(
            self.state, self.evidence, self.settings, minutes=self.profile.seconds / 60,
            rng=np.random.default_rng([self.seed, 8]),
        )  # fmt: skip
        self.rng = Random(self.seed)  # noqa: S311  (dice of a simulation)
        self.paces = dice.lognormal(0.0, 0.5, size=PACES).tolist()
        self.pace = self.crowd.pace.tolist()
        self.fronts = Fronts(self.state, self.layout)
        self.chooser = Chooser(
            self.state, self.crowd, self.evidence, self.fronts, settings=self.settings, rng=self.rng
        )  # fmt: skip
        self.judged, self.first = look_into(self.state.judged), look_into(self.state.first)
        self.left: dict[int, int] = {}
        self.log: tuple[list[int], list[int], list[float]] = ([], [], [])
        self.fresh = 0
        self.ticked = 0.0
        self.stride = max(FEWEST_BETWEEN, self.sessions.total // MOST_TICKS)
        self.today: dict[tuple[int, int], int] = {}

    @property
    def minute(self) -> float:
        """Minute of the last judgment."""
        return self.log[2][-1] if self.log[2] else 0.0

    def run(self) -> Outcome:
        """Let all visits happen; returns what came of them."""
        self._begin()
        starts, people, amounts = (
            each.tolist() for each in (self.sessions.start, self.sessions.person, self.sessions.judgments)
        )
        events: Events = []
        visit, marks = 0, list(self.marks)
        while events or visit < len(starts):
            if visit < len(starts) and (not events or starts[visit] <= events[0][0]):
                now, person, amount = starts[visit], people[visit], amounts[visit]
                visit += 1
                is_here = self.left.get(person, 0) > 0
                self.left[person] = self.left.get(person, 0) + amount
                if not is_here:
                    self._claim(person, now, events)
            else:
                now, person, unit = heappop(events)
                self._go_on(person, unit, now, events)
            if (self.fresh >= self.stride and now - self.ticked >= SHORTEST_TICK) or now - self.ticked >= LONGEST_TICK:
                self._tick(now)
            while marks and self.tally.submitted >= marks[0]:
                if self.fresh:
                    self._tick(now)
                self._tell(marks.pop(0))
        self._tick(max(self.ticked, self.minute))
        for mark in marks:
            self._tell(mark)
        self.tally.by_lot = self.chooser.by_lot
        self.tally.under_way = int(self.state.held.sum())
        return Outcome(
            np.array(self.log[0], np.int64), np.array(self.log[1], np.int64), np.array(self.log[2]), self.tally,
            self.state, self.evidence,
        )  # fmt: skip

    def _begin(self) -> None:
        """Imagine the judgments that stand already, by typical people who are not among the volunteers."""
        judged = np.flatnonzero(self.layout.done > 0)
        if len(judged):
            units = np.repeat(judged, self.layout.done[judged])
            first = np.repeat(np.cumsum(self.layout.done[judged]) - self.layout.done[judged], self.layout.done[judged])
            self.evidence.add(units, -1 - (np.arange(len(units)) - first))
            self.evidence.refresh(judged)
        self.planner.begin(now=0.0)
        self._order()

    def _tell(self, mark: int) -> None:
        if self.watch is not None:
            self.watch(self, mark)

    def _tick(self, now: float) -> None:
        """The jobs: consensus of what was judged, what each unit wants, bands, and the order of every queue."""
        if self.fresh:
            units, people = (np.array(each[-self.fresh :], dtype=np.int64) for each in self.log[:2])
            self.evidence.add(units, people)
            np.add.at(self.state.groups, (self.layout.cell[units], self.crowd.opinion[people]), 1.0)
            judged = np.unique(units)
            self.evidence.refresh(judged)
            self.planner.follow(judged)
        else:
            judged = np.zeros(0, np.int64)
        self.planner.tick(judged, self.fronts.list_units(), now=now)
        self._order()
        self.fresh, self.ticked = 0, now
        self.tally.ticks += 1

    def _order(self) -> None:
        self.state.order()
        self.fronts.rebuild(most=1024 + 4 * self.stride)

    def _go_on(self, person: int, unit: int, now: float, events: Events) -> None:
        """Somebody is done with a unit; `person` below 0: a hold of somebody's ran out, and they had left."""
        if person < 0:
            self.fronts.give_back(unit)
            self.chooser.seen[-1 - person].discard(unit)
            self.tally.run_out += 1
            return
        self._submit(person, unit, now)
        self.left[person] -= 1
        if self.left[person] > 0:
            self._claim(person, now, events)

    def _submit(self, person: int, unit: int, now: float) -> None:
        self.fronts.finish(unit)
        self.judged[unit] = now
        if isnan(self.first[unit]):
            self.first[unit] = now
        units, people, minutes = self.log
        units.append(unit)
        people.append(person)
        minutes.append(now)
        self.chooser.note(person, unit)
        if self.settings.daily_cap is not None:
            day = (person, int(now // 1440))
            self.today[day] = self.today.get(day, 0) + 1
        self.tally.submitted += 1
        self.fresh += 1

    def _is_capped(self, person: int, now: float) -> bool:
        cap = self.settings.daily_cap
        return cap is not None and self.today.get((person, int(now // 1440)), 0) >= cap

    def _claim(self, person: int, now: float, events: Events) -> None:
        """Claim, perhaps pass over a few, and be at work; or end the visit, since nothing is there."""
        chooser = self.chooser
        while not self._is_capped(person, now) and (unit := chooser.choose(person)) is not None:
            self.fronts.take(unit)
            chooser.seen[person].add(unit)
            self.tally.claims += 1
            fate = self.rng.random()
            if fate < self.profile.skip / chooser.like(person, unit):
                self.fronts.give_back(unit)
                self.tally.skipped += 1
                now += SKIP_MINUTES
                continue
            if fate > 1 - self.profile.abandon:
                heappush(events, (now + self.settings.lease_seconds / 60, -1 - person, unit))
                break
            takes = self.pace[person] * self.paces[(unit * 31 + person * 17) % PACES]
            heappush(events, (now + takes, person, unit))
            return
        else:
            self.tally.found_nothing += 1
        self.left[person] = 0
