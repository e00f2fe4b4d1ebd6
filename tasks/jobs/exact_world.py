"""One way of a run through the services and jobs of the product, in an empty database.

The same volunteers at the same times see the same prompts as in memory (tasks.scheduling.simulation.world), and say the same of
what they are shown. What they are shown, what is made of it, and what comes first is the product's. The clock is that of the
volunteers: it begins so many days ago that the simulation ends now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from annotate.models import AssignmentCandidate, Unit
from tasks.jobs.exact_campaign import close_campaign, find_places, make_campaign, make_people
from tasks.jobs.exact_clock import Beat, Clock
from tasks.jobs.exact_visits import Visits
from tasks.records.parameters import CampaignSettings
from tasks.scheduling.coverage import measure_cells
from tasks.scheduling.simulation.comparing import Run, start_evidence
from tasks.scheduling.simulation.evidence import Evidence
from tasks.scheduling.simulation.measuring import list_cells, read_figures, sum_up
from tasks.scheduling.simulation.planning import Planner
from tasks.scheduling.simulation.state import State
from tasks.scheduling.simulation.world import PACES, Outcome

HANDLES = "abcdefgh"


def run_exactly(clock: Clock, run: Run, settings: CampaignSettings, alive: Callable[[], None]) -> dict[str, Any]:
    """Return what came of one way of a run, as `tasks.scheduling.simulation.comparing.run_arm` does."""
    world = ExactWorld(clock, run, settings)
    readings = []
    for mark in run.marks:
        world.work_until(mark)
        world.look()
        readings.append(read_figures(world, mark))
        alive()
    outcome = world.end()
    return {
        "curve": [reading.as_row() for reading in readings],
        "end": sum_up(outcome, run.layout, seed=run.seed, minutes=run.days * 1440),
        "languages": list_cells(outcome.state, run.layout, measure_cells(world.planner.count_cells())),
        "tally": {name: value for name, value in asdict(outcome.tally).items() if name != "refused"},
    }


@dataclass(frozen=True, slots=True)
class Held:
    """What somebody is at: the unit by its number, and of each handle shown which candidate it is."""

    assignment: int
    unit: int
    shown: dict[str, int]


class ExactWorld(Visits[Held]):
    """A campaign of its own in the database, and the volunteers at work on it."""

    def __init__(self, clock: Clock, run: Run, settings: CampaignSettings) -> None:
        beat = Beat(clock, clock.ends - timedelta(days=run.days))
        super().__init__(sessions=run.sessions, profile=run.profile, seed=run.seed, beat=beat)
        layout = run.layout
        self.run, self.layout = run, layout
        self.state = State(
            layout,
            tie=np.arange(len(layout), dtype=np.int64),
            groups=np.zeros((len(layout.cell_share), int(run.crowd.opinion.max()) + 1)),
        )
        self.evidence: Evidence = start_evidence(run, settings)
        # Whoever is shown some of the candidates says of them what they would say of all.
        self.evidence.shown = layout.candidates.max()
        minutes = run.profile.seconds / 60
        self.planner = Planner(self.state, self.evidence, settings, minutes=minutes, rng=np.random.default_rng(1))
        self.paces = np.random.default_rng([run.seed, 7]).lognormal(0.0, 0.5, size=PACES).tolist()
        #: Unit and person of every submit.
        self.log: tuple[list[int], list[int]] = ([], [])
        campaign = make_campaign(run.layout, settings, now=beat.began)
        self.unit_of, self.place_of = find_places(campaign)
        self.open(campaign, make_people(run.crowd, languages=layout.languages, seed=run.seed))

    def end(self) -> Outcome:
        """Return what happened; the campaign takes no work any more."""
        assert self.campaign is not None
        close_campaign(self.campaign, now=self.beat.clock.read())
        self.tally.under_way = int(self.state.held.sum())
        self.tally.ticks = self.beat.rounds
        units, people = self.log
        return Outcome(
            np.array(units, np.int64), np.array(people, np.int64), np.array(self.minutes), self.tally, self.state,
            self.evidence,
        )  # fmt: skip

    def read(self, person: int, offer: Mapping[str, Any]) -> Held:
        """Return the unit and who is who among what is shown."""
        shown = AssignmentCandidate.objects.filter(assignment_id=offer["id"], position__gte=0)
        placed = {
            HANDLES[place]: self.place_of[message] for message, place in shown.values_list("message_id", "position")
        }
        unit = next(iter(placed.values()))[0]
        return Held(offer["id"], unit, {handle: candidate for handle, (_, candidate) in placed.items()})

    def like(self, person: int, held: Held) -> float:
        """Return how much they like its topic."""
        topic = self.layout.topic[held.unit]
        return float(self.run.crowd.likes[person, topic]) if topic >= 0 else 1.0

    def take(self, person: int, held: Held) -> float:
        """Return the minutes: their pace, and the unit's."""
        return float(self.run.crowd.pace[person] * self.paces[(held.unit * 31 + person * 17) % PACES])

    def answer(self, person: int, held: Held) -> Mapping[str, Any]:
        """Return the order that they would give in memory too."""
        places = self.evidence.rank(np.array([held.unit]), np.array([person]))[0][0]
        order = sorted(held.shown, key=lambda handle: places[held.shown[handle]])
        return {"tiers": [[handle] for handle in order], "active_seconds": round(60 * self.take(person, held), 1)}

    def name(self, held: Held) -> int:
        return held.assignment

    def note(self, person: int, held: Held, now: float) -> None:
        """Count it for its cell and their group."""
        units, people = self.log
        units.append(held.unit)
        people.append(person)
        self.state.judged[held.unit] = now
        self.state.groups[self.layout.cell[held.unit], self.run.crowd.opinion[person]] += 1

    def look(self) -> None:
        """Bring counters and certainty over from the database."""
        rows = Unit.objects.filter(pk__in=self.unit_of).values_list(
            "pk", "done", "held", "detail__wanted", "subject__current_consensus__result"
        )
        first: dict[int, float] = {}
        for unit, minute in zip(self.log[0], self.minutes, strict=True):
            first.setdefault(unit, minute)
        for pk, done, held, wanted, result in rows:
            unit = self.unit_of[pk]
            self.state.done[unit], self.state.held[unit], self.state.wanted[unit] = done, held, wanted
            self.state.first[unit] = first.get(unit, np.nan)
            if result and result["confidence"] is not None:
                self.evidence.confidence[unit] = result["confidence"]
                for candidate, score in zip(result["candidates"], result["scores"], strict=True):
                    self.evidence.strengths[unit, self.place_of[candidate][1]] = score
