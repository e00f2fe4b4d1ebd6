"""One way of a run through the services and jobs of the product, in an empty database.

The same volunteers at the same times see the same prompts as in memory (tasks.scheduling.simulation.world), and say the same of
what they are shown. What they are shown, what is made of it, and what comes first is the product's. The clock is that of the
volunteers: it begins so many days ago that the simulation ends now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random
from typing import Any

import numpy as np
from django.utils import timezone

from annotate.models import AssignmentCandidate, Unit
from annotate.services.claims import offer_next
from annotate.services.holds import expire_leases, release_holds
from annotate.services.judgments import skip_assignment, submit_answer
from annotate.services.stale import release_turn
from tasks.jobs.exact_campaign import find_places, make_campaign, make_people
from tasks.jobs.quality import recompute_stale_job
from tasks.jobs.scheduling import follow_needs, schedule_campaign
from tasks.jobs.traits import refresh_traits_job
from tasks.records.parameters import CampaignSettings
from tasks.scheduling.coverage import measure_cells
from tasks.scheduling.simulation.comparing import Run, start_evidence
from tasks.scheduling.simulation.evidence import Evidence
from tasks.scheduling.simulation.measuring import list_cells, read_figures, sum_up
from tasks.scheduling.simulation.planning import Planner
from tasks.scheduling.simulation.state import State
from tasks.scheduling.simulation.world import PACES, SKIP_MINUTES, Outcome, Tally
from tasks.vocabulary import StaleKind

#: Judgments between two rounds of the jobs that run every few seconds, and of those that run every hour.
OFTEN, HOURLY = 10, 200
HANDLES = "abcdefgh"
OWNER = "owner@simulation.invalid"


def run_exactly(run: Run, settings: CampaignSettings, alive: Callable[[], None]) -> dict[str, Any]:
    """Return what came of one way of a run, as `tasks.scheduling.simulation.comparing.run_arm` does."""
    world = ExactWorld(run, settings)
    readings = []
    for mark in run.marks:
        world.work_until(mark)
        readings.append(read_figures(world, mark))
        alive()
    outcome = world.end()
    return {
        "curve": [reading.as_row() for reading in readings],
        "end": sum_up(outcome, run.layout, seed=run.seed, minutes=run.days * 1440),
        "languages": list_cells(outcome.state, run.layout, measure_cells(world.planner.count_cells())),
        "tally": asdict(outcome.tally),
    }


@dataclass(frozen=True, slots=True, order=True)
class Held:
    """What somebody is at: the unit by its number, and of each handle shown which candidate it is."""

    assignment: int
    unit: int
    shown: dict[str, int] = field(compare=False)


@dataclass
class ExactWorld:
    """A campaign of its own in the database, and the volunteers at work on it."""

    run: Run
    settings: CampaignSettings
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        run, layout = self.run, self.run.layout
        self.layout = layout
        self.began = timezone.now() - timedelta(days=run.days)
        self.state = State(
            layout,
            tie=np.arange(len(layout), dtype=np.int64),
            groups=np.zeros((len(layout.cell_share), int(run.crowd.opinion.max()) + 1)),
        )
        self.evidence: Evidence = start_evidence(run, self.settings)
        # Whoever is shown some of the candidates says of them what they would say of all.
        self.evidence.shown = layout.candidates.max()
        minutes = run.profile.seconds / 60
        self.planner = Planner(self.state, self.evidence, self.settings, minutes=minutes, rng=np.random.default_rng(1))
        self.rng = Random(run.seed)  # noqa: S311  (dice of a simulation)
        self.paces = np.random.default_rng([run.seed, 7]).lognormal(0.0, 0.5, size=PACES).tolist()
        self.log: tuple[list[int], list[int], list[float]] = ([], [], [])
        self.visits = iter(
            zip(run.sessions.start.tolist(), run.sessions.person.tolist(), run.sessions.judgments.tolist(), strict=True)
        )
        self.coming = next(self.visits, None)
        #: Minute, person, and what they are at.
        self.events: list[tuple[float, int, Held]] = []
        self.left: dict[int, int] = {}
        self.people = make_people(run)
        self.campaign = make_campaign(run.layout, self.settings, now=self.began)
        self.unit_of, self.place_of = find_places(self.campaign)
        self._run_jobs(0.0)

    @property
    def minute(self) -> float:
        """Minute of the last judgment."""
        return self.log[2][-1] if self.log[2] else 0.0

    def work_until(self, mark: int) -> None:
        """Let volunteers work until so many judgments are given, or nobody comes any more; then look at what there is."""
        while self.tally.submitted < mark and (self.coming is not None or self.events):
            if self.coming is not None and (not self.events or self.coming[0] <= self.events[0][0]):
                now, person, amount = self.coming
                self.coming = next(self.visits, None)
                is_here = self.left.get(person, 0) > 0
                self.left[person] = self.left.get(person, 0) + amount
                if not is_here:
                    self._claim(person, now)
            else:
                now, person, held = heappop(self.events)
                self._submit(person, held, now)
        self._run_jobs(self.minute)
        self._look()

    def end(self) -> Outcome:
        """Return what happened."""
        self.tally.under_way = int(self.state.held.sum())
        units, people, minutes = self.log
        return Outcome(
            np.array(units, np.int64), np.array(people, np.int64), np.array(minutes), self.tally, self.state,
            self.evidence,
        )  # fmt: skip

    def _claim(self, person: int, now: float) -> None:
        """Claim, perhaps pass over a few, and be at work; or end the visit, since nothing is there."""
        while True:
            offer = offer_next(
                annotator_id=self.people[person], slug=self.campaign.slug, now=self._at(now), rng=self.rng
            ).assignment
            if offer is None:
                self.tally.found_nothing += 1
                break
            self.tally.claims += 1
            held = self._read_held(offer["id"])
            fate = self.rng.random()
            if fate < self.run.profile.skip / self._like(person, held.unit):
                skip_assignment(
                    annotator_id=self.people[person], assignment_id=held.assignment, skip_reason="not_my_topic",
                    now=self._at(now), rng=self.rng,
                )  # fmt: skip
                self.tally.skipped += 1
                now += SKIP_MINUTES
                continue
            if fate > 1 - self.run.profile.abandon:
                self.tally.run_out += 1
                break
            pace = self.run.crowd.pace[person] * self.paces[(held.unit * 31 + person * 17) % PACES]
            heappush(self.events, (now + float(pace), person, held))
            return
        self.left[person] = 0

    def _submit(self, person: int, held: Held, now: float) -> None:
        places = self.evidence.rank(np.array([held.unit]), np.array([person]))[0][0]
        order = sorted(held.shown, key=lambda handle: places[held.shown[handle]])
        body = {"tiers": [[handle] for handle in order], "active_seconds": 60.0}
        submit_answer(
            annotator_id=self.people[person], assignment_id=held.assignment, body=body, now=self._at(now), rng=self.rng
        )
        units, people, minutes = self.log
        units.append(held.unit)
        people.append(person)
        minutes.append(now)
        self.state.groups[self.layout.cell[held.unit], self.run.crowd.opinion[person]] += 1
        self.tally.submitted += 1
        self.left[person] -= 1
        if self.tally.submitted % OFTEN == 0:
            self._run_jobs(now)
        if self.left[person] > 0:
            self._claim(person, now)
        else:
            # Whoever submits is given the next at once; whoever goes lets it go.
            release_holds(annotator_id=self.people[person], now=self._at(now))

    def _run_jobs(self, now: float) -> None:
        """What runs every few seconds, and every hour."""
        expire_leases(now=self._at(now), campaign_id=self.campaign.pk)
        recompute_stale_job()
        while follow_needs(now=timezone.now()):
            pass
        if self.tally.submitted % HOURLY == 0:
            release_turn(kind=StaleKind.TURN_TRAITS, subject_id=self.campaign.pk)
            refresh_traits_job()
        schedule_campaign(self.campaign.pk, now=self._at(now))
        self.tally.ticks += 1

    def _look(self) -> None:
        """Bring counters and certainty over from the database."""
        rows = Unit.objects.filter(pk__in=self.unit_of).values_list(
            "pk", "done", "held", "needed", "detail__wanted", "subject__current_consensus__result"
        )
        first: dict[int, float] = {}
        for unit, minute in zip(self.log[0], self.log[2], strict=True):
            first.setdefault(unit, minute)
            self.state.judged[unit] = minute
        for pk, done, held, _needed, wanted, result in rows:
            unit = self.unit_of[pk]
            self.state.done[unit], self.state.held[unit], self.state.wanted[unit] = done, held, wanted
            self.state.first[unit] = first.get(unit, np.nan)
            if result and result["confidence"] is not None:
                self.evidence.confidence[unit] = result["confidence"]
                for candidate, score in zip(result["candidates"], result["scores"], strict=True):
                    self.evidence.strengths[unit, self.place_of[candidate][1]] = score

    def _read_held(self, assignment: int) -> Held:
        shown = AssignmentCandidate.objects.filter(assignment_id=assignment, position__gte=0)
        placed = {
            HANDLES[place]: self.place_of[message] for message, place in shown.values_list("message_id", "position")
        }
        unit = next(iter(placed.values()))[0]
        return Held(assignment, unit, {handle: candidate for handle, (_, candidate) in placed.items()})

    def _like(self, person: int, unit: int) -> float:
        topic = self.layout.topic[unit]
        return float(self.run.crowd.likes[person, topic]) if topic >= 0 else 1.0

    def _at(self, minute: float) -> datetime:
        return self.began + timedelta(minutes=minute)
