"""A campaign that grows trees, from nothing, through the services and jobs of the product, in an empty database.

Whatever the claim gives, the volunteers do it: they write prompts (to a brief or as they like), turns and replies, improve,
review and rank. What they write and think is made up (tasks.scheduling.simulation.writing); all that is made of it is the product's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any

from annotate.access import Actor
from annotate.models import Assignment, Campaign, CoverageReport, Message, MessageTree, Unit
from annotate.queries.rows import fetch_all
from annotate.services.briefs import create_brief
from annotate.services.campaign_files import read_campaign
from annotate.services.campaigns import create_campaign
from tasks.jobs.exact_campaign import close_campaign, find_owner, make_people
from tasks.jobs.exact_clock import RHYTHMS, TREES, Beat, Clock
from tasks.jobs.exact_visits import Visits
from tasks.records.growing_simulations import GrowingCampaign
from tasks.scheduling.simulation.growing import SPREAD, GrowingRun
from tasks.scheduling.simulation.writing import Authors
from tasks.vocabulary import (
    REPLYING_KINDS,
    WRITING_KINDS,
    CampaignState,
    Kind,
    PromptLength,
    ReviewState,
    TreeState,
)

#: Trees that have not ended, do not wait for their turn, and ask nobody for anything.
_STUCK = """
SELECT count(*) AS trees FROM annotate_messagetree t
WHERE t.campaign_id = %(campaign)s AND t.state IN ('prompt_review', 'growing', 'ranking')
  AND NOT EXISTS (SELECT 1 FROM annotate_unit u JOIN annotate_message m ON m.id = u.subject_id
                  WHERE m.tree_id = t.id AND u.is_open AND u.needed > u.done)"""


def run_growing(
    clock: Clock, campaign: GrowingCampaign, run: GrowingRun, parameters: Mapping[str, Any], alive: Callable[[], None]
) -> dict[str, Any]:
    """Return what came of one way of a run."""
    world = ExactGrowing(clock, campaign, run, parameters)
    curve = []
    for mark in run.marks:
        world.work_until(mark)
        curve.append(world.look(mark))
        alive()
    return world.end(curve)


@dataclass(frozen=True, slots=True)
class Held:
    """What somebody is at, and the minutes that it takes them. `length`: that the brief of a prompt asks for."""

    assignment: int
    unit: int
    kind: Kind
    language: str
    subject: Mapping[str, Any]
    minutes: float
    length: str = ""


class ExactGrowing(Visits[Held]):
    """A campaign of its own in the database, and the volunteers at work on it."""

    def __init__(self, clock: Clock, imagined: GrowingCampaign, run: GrowingRun, parameters: Mapping[str, Any]) -> None:
        beat = Beat(clock, clock.ends - timedelta(days=run.days), rhythms=(TREES, *RHYTHMS))
        super().__init__(sessions=run.sessions, profile=run.profile, seed=run.seed, beat=beat)
        self.run = run
        self.authors = Authors(run.crowd, Random(run.seed + 1))  # noqa: S311  (dice of a simulation)
        #: Of every submit its kind, language and person; minutes that it took.
        self.log: list[tuple[Kind, str, int]] = []
        self.spent: defaultdict[Kind, float] = defaultdict(float)
        #: Minute at which each unit was seen first, and at which somebody first submitted something.
        self.seen: dict[int, float] = {}
        self.first: dict[int, float] = {}
        campaign = make_growing(imagined, parameters, clock=clock)
        self.open(campaign, make_people(run.crowd, languages=run.languages, seed=run.seed))
        self._see_units(0.0)

    def read(self, person: int, offer: Mapping[str, Any]) -> Held:
        """Return what is asked, with the length that the brief of a prompt is for."""
        held = Assignment.objects.filter(pk=offer["id"])
        unit, why = held.values_list("unit_id", "unit__brief__why").get()
        length = str((why or {}).get("length") or "")
        subject, kind = offer["subject"], Kind(offer["kind"])
        minutes = self.run.minutes[kind] * self.run.paces[person] * self.rng.lognormvariate(0.0, SPREAD)
        known = length if length in set(PromptLength) else ""
        return Held(offer["id"], unit, kind, subject["language"], subject, minutes, known)

    def like(self, person: int, held: Held) -> float:
        """Return 1: what people would rather write about is in what they write."""
        return 1.0

    def take(self, person: int, held: Held) -> float:
        """Return the minutes of the kind, at their pace."""
        return held.minutes

    def answer(self, person: int, held: Held) -> Mapping[str, Any]:
        """Return what they write, or say of what others wrote."""
        common = {"active_seconds": round(60 * held.minutes, 1), "rationale": "Made up."}
        if held.kind in WRITING_KINDS:
            return {**self._write(person, held), **common}
        subject = held.subject
        if held.kind is Kind.LABEL:
            return {"labels": self.authors.label(person, subject["labels"], subject["thread"][-1]["text"]), **common}
        return {"tiers": self.authors.rank(person, {one["id"]: one["text"] for one in subject["candidates"]}), **common}

    def _write(self, person: int, held: Held) -> dict[str, Any]:
        authors, subject, language = self.authors, held.subject, held.language
        if held.kind is Kind.WRITE_PROMPTER_REPLY and authors.ends_thread():
            return {"ends_thread": True}
        if held.kind in REPLYING_KINDS:
            return {"text": authors.write_reply(person, subject["thread"], language=language), "language": language}
        if held.kind is Kind.IMPROVE_REPLY:
            return {"text": authors.improve(person, subject["original"], language=language), "language": language}
        topic = (subject.get("brief") or {}).get("topic") or ""
        prompt = authors.write_prompt(person, language=language, topic=topic, length=held.length)
        if held.kind is Kind.WRITE_PROMPT:
            return {"text": prompt, "language": language}
        reply = authors.write_reply(person, [{"text": prompt}], language=language)
        return {"prompt": prompt, "reply": reply, "language": language}

    def name(self, held: Held) -> int:
        return held.assignment

    def note(self, person: int, held: Held, now: float) -> None:
        """Count it, and what is asked for since."""
        self.spent[held.kind] += held.minutes
        self.log.append((held.kind, held.language, person))
        self.first.setdefault(held.unit, now)
        self._see_units(now)

    def look(self, mark: int) -> dict[str, float]:
        """Return the figures now. A run that ends before a mark is read there as it ended."""
        assert self.campaign is not None
        self._see_units(self.minute)
        newest: dict[str | None, CoverageReport] = {}
        for report in CoverageReport.objects.filter(campaign=self.campaign).order_by("measured_at", "pk"):
            newest[report.language] = report
        own = [newest[language].coverage if language in newest else 0.0 for language in self.run.languages]
        states = self._count_trees()
        messages = Message.objects.filter(tree__campaign=self.campaign)
        return {
            "judgments": mark,
            "day": round(self.minute / 1440, 4),
            "coverage": newest[None].coverage if None in newest else 0.0,
            "covered": (newest[None].prompts or 0.0) if None in newest else 0.0,
            "smallest": min(own),
            "trees": states[TreeState.DONE],
            "messages": messages.filter(review_state=ReviewState.ACCEPTED).count(),
        }

    def end(self, curve: Sequence[Mapping[str, float]]) -> dict[str, Any]:
        """Return what came of it; the campaign takes no work any more."""
        assert self.campaign is not None
        states = self._count_trees()
        rejected = Message.objects.filter(tree__campaign=self.campaign, review_state=ReviewState.REJECTED).count()
        stuck = int(fetch_all(_STUCK, {"campaign": self.campaign.pk})[0]["trees"])
        waits = self._list_waits()
        tally = self.tally
        close_campaign(self.campaign, now=self.beat.clock.read())
        return {
            "curve": list(curve),
            "end": {
                "judgments": tally.submitted,
                "hours": round(sum(self.spent.values()) / 60, 2),
                "begun": sum(states.values()),
                "low_grade": states[TreeState.LOW_GRADE],
                "rejected": rejected,
                "longest_wait": max(waits, default=None),
                "usual_wait": sorted(waits)[len(waits) // 2] if waits else None,
                "sameness": self._tell_sameness(),
                "found_nothing": tally.found_nothing,
                "stuck": stuck,
            },
            "kinds": {kind.value: count for kind, count in Counter(kind for kind, _, _ in self.log).items()},
            "minutes": {kind.value: round(minutes, 1) for kind, minutes in self.spent.items()},
            "states": {state.value: states[state] for state in TreeState if states[state]},
            "tally": {
                "claims": tally.claims,
                "submitted": tally.submitted,
                "skipped": tally.skipped,
                "run_out": tally.run_out,
                "under_way": len(self.events),
                "refused": sum(tally.refused.values()),
            },
            "refused": dict(tally.refused),
        }

    def _see_units(self, now: float) -> None:
        """Note the units that are new."""
        units = Unit.objects.filter(queue__campaign=self.campaign, pk__gt=max(self.seen, default=0))
        for unit in units.values_list("pk", flat=True):
            self.seen[unit] = now

    def _list_waits(self) -> list[float]:
        """Return the days that each unit waited for its first submit; one that was closed before anybody came did not."""
        is_open = set(Unit.objects.filter(queue__campaign=self.campaign, is_open=True).values_list("pk", flat=True))
        ends = self.run.days * 1440.0
        return [
            round((self.first.get(unit, ends) - since) / 1440, 4)
            for unit, since in self.seen.items()
            if unit in self.first or unit in is_open
        ]

    def _count_trees(self) -> Counter[str]:
        return Counter(MessageTree.objects.filter(campaign=self.campaign).values_list("state", flat=True))

    def _tell_sameness(self) -> float | None:
        """Return how often somebody's next piece was of the kind and language of the one before."""
        own: defaultdict[int, list[tuple[Kind, str]]] = defaultdict(list)
        for kind, language, person in self.log:
            own[person].append((kind, language))
        steps = [before == after for pieces in own.values() for before, after in pairwise(pieces)]
        return round(sum(steps) / len(steps), 4) if steps else None


def make_growing(imagined: GrowingCampaign, parameters: Mapping[str, Any], *, clock: Clock) -> Campaign:
    """Return an open campaign as its organizers decided it, with their briefs."""
    number = Campaign.objects.count() + 1
    decided = {name: value for name, value in imagined.description.items() if value}
    spec = read_campaign(
        {
            **decided,
            "slug": f"imagined-{number}",
            "title": f"Imagined {number}",
            "languages": list(imagined.languages),
            "parameters": {name: value for name, value in parameters.items() if value is not None},
            "state": CampaignState.OPEN.value,
        }
    )
    owner = Actor(user=find_owner(now=clock.read()), scopes=None)
    campaign = create_campaign(spec=spec, actor=owner, now=clock.read())
    for brief in imagined.briefs:
        create_brief(campaign=campaign, values=brief, actor=owner)
    return campaign
