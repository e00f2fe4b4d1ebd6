"""A campaign in which two groups of people judge differently, written straight into the tables in few statements."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from annotate.models import (
    Annotator,
    Assignment,
    AssignmentCandidate,
    Campaign,
    Judgment,
    Message,
    RankedCandidate,
    Unit,
)
from annotate.services.stale import mark_stale
from tasks.vocabulary import StaleKind
from tests.opinions import NOW, add_candidates, make_annotators, make_campaign, make_prompt

PROMPTS, CANDIDATES = 12, 4


@dataclass
class OpinionWorld:
    """`people` of the first group, then those of the second. Of each prompt, the first candidate is accepted by all and
    the last by nobody; in between one is the first group's and one the second's.
    """

    campaign: Campaign
    prompts: list[Message]
    candidates: list[list[Message]]
    people: list[Annotator]
    first: int

    def vote(self, people: Iterable[Annotator], prompts: Sequence[int] | None = None, *, seed: int = 1) -> None:
        """Let these people judge, each prompt once; one vote in ten is the other way round."""
        dice = random.Random(seed)
        order = {person.pk: place for place, person in enumerate(self.people)}
        ballots = []
        for person in people:
            for prompt in prompts if prompts is not None else range(len(self.prompts)):
                is_first = order[person.pk] < self.first
                liked = (True, is_first, not is_first, False)
                accepts = [one != (dice.random() < 0.1) for one in liked]
                ballots.append((person, prompt, accepts))
        self._write(ballots)

    def _write(self, ballots: list[tuple[Annotator, int, list[bool]]]) -> None:
        units = {unit.subject_id: unit for unit in Unit.objects.filter(subject__in=self.prompts, kind="rank")}
        of_prompt = [units[prompt.pk] for prompt in self.prompts]
        held = (
            Assignment(
                unit=of_prompt[prompt], annotator=person, state="submitted", lease_grade="active",
                reason_code="first_judgment",
            )
            for person, prompt, _accepts in ballots
        )  # fmt: skip
        holds = Assignment.objects.bulk_create(held, batch_size=1000)
        given = (
            Judgment(
                assignment=hold, unit_id=hold.unit_id, annotator_id=hold.annotator_id, kind="rank", counted=True,
                acceptable_tiers=int(any(accepts)), terms_version="1", body_hash=bytes(32), created_at=NOW,
            )
            for hold, (_person, _prompt, accepts) in zip(holds, ballots, strict=True)
        )  # fmt: skip
        judgments = Judgment.objects.bulk_create(given, batch_size=1000)
        shown = (
            AssignmentCandidate(assignment=hold, position=place, message=message, revision=message.revision)
            for hold, (_person, prompt, _accepts) in zip(holds, ballots, strict=True)
            for place, message in enumerate(self.candidates[prompt])
        )
        AssignmentCandidate.objects.bulk_create(shown, batch_size=5000)
        ranked = (
            RankedCandidate(
                judgment=judgment, assignment_id=judgment.assignment_id, message=message,
                tier=1 if accept or not any(accepts) else 2, acceptable=accept,
            )
            for judgment, (_person, prompt, accepts) in zip(judgments, ballots, strict=True)
            for message, accept in zip(self.candidates[prompt], accepts, strict=True)
        )  # fmt: skip
        RankedCandidate.objects.bulk_create(ranked, batch_size=5000)
        for unit in of_prompt:
            unit.done = Judgment.objects.filter(unit=unit, is_current=True).count()
            unit.needed = max(unit.needed, unit.done)
        Unit.objects.bulk_update(of_prompt, ["done", "needed"])
        mark_stale(kind=StaleKind.CAMPAIGN, subject_ids=[self.campaign.pk])


def make_world(
    *, first: int = 16, second: int = 14, judging: bool = True, slug: str = "birds", state: str = "open",
    prompts: int = PROMPTS,
) -> OpinionWorld:  # fmt: skip
    """Two groups of so many people; with all their ballots unless they are not yet `judging`."""
    campaign = make_campaign(slug, state=state)
    asked = [make_prompt(campaign, f"Question {number}: what do birds do in winter?") for number in range(prompts)]
    candidates = [
        add_candidates(prompt, *(f"gen{place} Answer {place} to {number}." for place in range(CANDIDATES)))
        for number, prompt in enumerate(asked)
    ]
    world = OpinionWorld(campaign, asked, candidates, make_annotators(first + second), first)
    if judging:
        world.vote(world.people)
    return world


def take_back(person: Annotator, *, now: datetime = NOW) -> None:
    """All ballots of somebody withdrawn."""
    Judgment.objects.filter(annotator=person).update(withdrawn_at=now, is_current=False)
    for unit in Unit.objects.filter(judgments__annotator=person).distinct():
        Unit.objects.filter(pk=unit.pk).update(done=Judgment.objects.filter(unit=unit, is_current=True).count())
    Assignment.objects.filter(annotator=person).update(state="withdrawn")
    campaigns = Campaign.objects.filter(queues__units__judgments__annotator=person).values_list("pk", flat=True)
    mark_stale(kind=StaleKind.CAMPAIGN, subject_ids=list(campaigns))
