"""Volunteers at the product: they come, claim, pass over, work, submit and go, by the services and on their own clock.

The same for every campaign; what somebody answers is its own (tasks.jobs.exact_world, tasks.jobs.exact_growing). Between two
submits the product's jobs run as they fall due (tasks.jobs.exact_clock).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import Any, Generic, TypeVar

from annotate.exceptions import ChorusError
from annotate.models import Campaign
from annotate.services.claims import offer_next
from annotate.services.holds import release_holds
from annotate.services.judgments import skip_assignment, submit_answer
from tasks.jobs.exact_clock import Beat
from tasks.scheduling.simulation.sessions import Sessions
from tasks.scheduling.simulation.volunteers import Profile
from tasks.scheduling.simulation.world import SKIP_MINUTES, Tally

Held = TypeVar("Held")


@dataclass
class ExactTally(Tally):
    """Where claims went. `refused`: submits that the product would not take, by its codes."""

    refused: Counter[str] = field(default_factory=Counter)


class Visits(ABC, Generic[Held]):
    """The visits of one way of a run. A subclass sets up the campaign and its people, then calls `open`."""

    def __init__(self, *, sessions: Sessions, profile: Profile, seed: int, beat: Beat) -> None:
        self.profile, self.beat = profile, beat
        self.rng = Random(seed)  # noqa: S311  (dice of a simulation)
        self.tally = ExactTally()
        #: Minute of every submit.
        self.minutes: list[float] = []
        self.coming = iter(
            zip(sessions.start.tolist(), sessions.person.tolist(), sessions.judgments.tolist(), strict=True)
        )
        self.visit = next(self.coming, None)
        #: Minute, number of the claim, person, and what they are at.
        self.events: list[tuple[float, int, int, Held]] = []
        self.left: dict[int, int] = {}
        self.people: Sequence[int] = ()
        self.campaign: Campaign | None = None

    def open(self, campaign: Campaign, people: Sequence[int]) -> None:
        """Begin, with the annotators of the volunteers."""
        self.campaign, self.people = campaign, people
        self.beat.run_all(0.0, submits=0)

    @property
    def minute(self) -> float:
        """Minute of the last submit."""
        return self.minutes[-1] if self.minutes else 0.0

    @abstractmethod
    def read(self, person: int, offer: Mapping[str, Any]) -> Held:
        """Return what somebody is given, as they see it."""

    @abstractmethod
    def like(self, person: int, held: Held) -> float:
        """Return how much somebody wants it: 1 is indifferent."""

    @abstractmethod
    def take(self, person: int, held: Held) -> float:
        """Return the minutes that it takes them."""

    @abstractmethod
    def answer(self, person: int, held: Held) -> Mapping[str, Any]:
        """Return what they submit."""

    @abstractmethod
    def name(self, held: Held) -> int:
        """Return the assignment."""

    @abstractmethod
    def note(self, person: int, held: Held, now: float) -> None:
        """They submitted it."""

    def work_until(self, mark: int) -> None:
        """Let volunteers work until so many pieces are submitted, or nobody comes any more; then let all jobs run."""
        while self.tally.submitted < mark and (self.visit is not None or self.events):
            if self.visit is not None and (not self.events or self.visit[0] <= self.events[0][0]):
                now, person, amount = self.visit
                self.visit = next(self.coming, None)
                self.beat.go_on(now, submits=self.tally.submitted)
                is_here = self.left.get(person, 0) > 0
                self.left[person] = self.left.get(person, 0) + amount
                if not is_here:
                    self._claim(person, now)
            else:
                now, _, person, held = heappop(self.events)
                self.beat.go_on(now, submits=self.tally.submitted)
                self._submit(person, held, now)
        self.beat.run_all(self.minute, submits=self.tally.submitted)

    def _claim(self, person: int, now: float) -> None:
        """Claim, perhaps pass over a few, and be at work; or end the visit, since nothing is there."""
        assert self.campaign is not None
        me, slug = self.people[person], self.campaign.slug
        while True:
            moment = self.beat.move(now)
            offer = offer_next(annotator_id=me, slug=slug, now=moment, rng=self.rng).assignment
            if offer is None:
                self.tally.found_nothing += 1
                break
            self.tally.claims += 1
            held = self.read(person, offer)
            fate = self.rng.random()
            if fate < self.profile.skip / self.like(person, held):
                skip_assignment(
                    annotator_id=me, assignment_id=self.name(held), skip_reason="not_my_topic", now=moment, rng=self.rng
                )
                self.tally.skipped += 1
                now += SKIP_MINUTES
                continue
            if fate > 1 - self.profile.abandon:
                self.tally.run_out += 1
                break
            heappush(self.events, (now + self.take(person, held), self.tally.claims, person, held))
            return
        self.left[person] = 0

    def _submit(self, person: int, held: Held, now: float) -> None:
        body, moment = self.answer(person, held), self.beat.move(now)
        self.left[person] -= 1
        try:
            submit_answer(
                annotator_id=self.people[person], assignment_id=self.name(held), body=body, now=moment, rng=self.rng
            )
        except ChorusError as refusal:
            self.tally.refused[refusal.code] += 1
        else:
            self.tally.submitted += 1
            self.minutes.append(now)
            self.note(person, held, now)
        self.beat.go_on(now, submits=self.tally.submitted)
        if self.left[person] > 0:
            self._claim(person, now)
        else:
            # Whoever submits is given the next at once; whoever goes lets it go.
            release_holds(annotator_id=self.people[person], now=moment)
