"""The clock and the beat of an exact simulation: the product's jobs run in the volunteers' time, between their submits.

Whatever asks for the time in that process is told the volunteers', so that leases, rests and ages are what they would be.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from tasks.jobs.briefs import open_briefs_job
from tasks.jobs.campaigns import follow_campaigns_job
from tasks.jobs.coverage import measure_coverage_job
from tasks.jobs.manipulation import find_manipulation_job
from tasks.jobs.perspectives import find_perspectives_job
from tasks.jobs.quality import recompute_stale_job
from tasks.jobs.reliability import measure_reliability_job
from tasks.jobs.scheduling import schedule_units_job
from tasks.jobs.topics import find_topics_job
from tasks.jobs.traits import refresh_traits_job
from tasks.jobs.trees import advance_marked, advance_trees_job
from tasks.jobs.vectors import embed_texts_job
from tasks.jobs.work import sweep_leases_job

#: A look at trees that are marked ends sooner than this (seconds of this machine).
LONGEST_LOOK = 60.0

Job = Callable[[], object]


@dataclass
class Clock:
    """The volunteers' time. `ends`: when every campaign of this process ends, in it."""

    moment: datetime
    ends: datetime

    @classmethod
    def install(cls) -> Clock:
        """Make this process live in it. For a process of its own: there is no way back."""
        clock = cls(timezone.now(), timezone.now())
        vars(timezone)["now"] = clock.read
        return clock

    def read(self) -> datetime:
        return self.moment


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Jobs that run after so many submits, or after so many minutes without as many."""

    submits: int
    minutes: float
    jobs: tuple[Job, ...]


def follow_trees() -> None:
    """What a submit wakes: the trees that it marked."""
    advance_marked(ends=time.monotonic() + LONGEST_LOOK)


#: In the order in which one builds on the other. In the product each runs by its own seconds or minutes (tasks.jobs.policy).
TREES = Rhythm(1, 60.0, (follow_trees,))
RHYTHMS = (
    Rhythm(10, 60.0, (follow_campaigns_job, sweep_leases_job, advance_trees_job, recompute_stale_job, schedule_units_job)),
    Rhythm(60, 360.0, (embed_texts_job, find_topics_job, open_briefs_job, advance_trees_job, measure_coverage_job)),
    Rhythm(200, 1440.0, (measure_reliability_job, find_perspectives_job, find_manipulation_job, refresh_traits_job)),
)  # fmt: skip


@dataclass
class Beat:
    """Runs what is due of every rhythm."""

    clock: Clock
    began: datetime
    rhythms: tuple[Rhythm, ...] = RHYTHMS
    rounds: int = 0
    #: Of each rhythm the submits and the minute at which it ran last.
    last: dict[int, tuple[int, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock.moment = self.began

    def move(self, minute: float) -> datetime:
        """Set the clock; it never goes back within a campaign."""
        self.clock.moment = max(self.clock.moment, self.began + timedelta(minutes=minute))
        return self.clock.moment

    def go_on(self, minute: float, *, submits: int) -> None:
        """Run what is due after so many submits at this minute."""
        self.move(minute)
        for place, rhythm in enumerate(self.rhythms):
            at, when = self.last.get(place, (0, 0.0))
            if submits - at >= rhythm.submits or minute - when >= rhythm.minutes:
                self._run(place, minute, submits=submits)

    def run_all(self, minute: float, *, submits: int) -> None:
        """Run everything now."""
        self.move(minute)
        for place in range(len(self.rhythms)):
            self._run(place, minute, submits=submits)

    def _run(self, place: int, minute: float, *, submits: int) -> None:
        self.last[place] = (submits, minute)
        for job in self.rhythms[place].jobs:
            job()
        self.rounds += place == len(self.rhythms) - len(RHYTHMS)
