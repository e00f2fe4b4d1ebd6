"""What `real_campaign` does in the database: bring in files, give work to volunteers, run jobs, read what is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import sleep
from typing import Any

from django.core.management import call_command
from django.utils import timezone

from annotate.access import Actor
from annotate.models import (
    Annotator,
    AnnotatorReliability,
    AssignmentCandidate,
    ConsensusCheck,
    Finding,
    Message,
    Saving,
    Stale,
    UnitCandidate,
)
from annotate.queries.judgments import iterate_ballots
from annotate.queries.origins import HUMAN, load_origins
from annotate.queries.reliability import find_snapshot
from annotate.services.campaigns import create_campaign
from annotate.services.claims import offer_next
from annotate.services.findings import decide_finding
from annotate.services.judgments import skip_assignment, submit_answer
from annotate.services.people import create_user
from tasks.jobs.manipulation import find_manipulation_job
from tasks.jobs.perspectives import find_perspectives_job
from tasks.jobs.quality import recompute_stale_job
from tasks.jobs.reliability import check_consensus_job, measure_reliability_job
from tasks.jobs.saving import measure_saving_job
from tasks.jobs.scheduling import schedule_units_job
from tasks.records.ballots import Ballot
from tasks.records.campaigns import CampaignSpec
from tasks.vocabulary import CampaignState, Preset, StaleKind
from tests.bench.volunteers import Volunteer, World

SLUG = "real-replies"
OWNER = "owner@example.org"
UNRELIABLE_BELOW = 0.5
NAMES = (
    "Ada", "Bao", "Chidi", "Dalia", "Emeka", "Fatou", "Gita", "Hana", "Ines", "Jonas", "Kofi", "Lea", "Mateo", "Noor",
    "Olga", "Paulo", "Quynh", "Rosa", "Samir", "Tove", "Uma", "Viktor", "Wanjiru", "Ximena", "Yusuf", "Zofia",
)  # fmt: skip


@dataclass(frozen=True)
class Stored:
    """What the product says. `numbers`: who is who among the volunteers, by annotator as ballots name them.

    findings, unreliable  annotators with a finding, and those whose interval of sharpness lies wholly below 1/2
    signs                 findings by kind
    different             consensuses that came out otherwise when they were computed again
    """

    ballots: list[Ballot]
    numbers: dict[str, int]
    scores: dict[int, dict[int, float]]
    saving: Mapping[str, Any]
    findings: set[str]
    unreliable: set[str]
    signs: dict[str, int]
    different: int


class RealCampaign:
    """An open campaign made of files.

    parents  candidates by parent, of parents that have a unit
    authors  of each candidate the generator, or `human`
    words    about how many words each has
    """

    def __init__(self, files: Sequence[Path], *, parameters: Mapping[str, Any], most: int) -> None:
        call_command("migrate", verbosity=0)
        now = timezone.now()
        owner = create_user(email=OWNER, now=now, display_name="Owner", is_administrator=True, with_terms=True)
        self.actor = Actor(user=owner, annotator_id=owner.annotator.pk)
        spec = CampaignSpec(
            slug=SLUG, title="Real replies", preset=Preset.RANK, languages=("en",), kinds=("rank",),
            parameters=dict(parameters), state=CampaignState.OPEN,
        )  # fmt: skip
        self.campaign = create_campaign(spec=spec, actor=self.actor, now=now)
        call_command("import_data", SLUG, *map(str, files), verbosity=0)
        self.parents: dict[int, list[int]] = {}
        for parent, candidate in UnitCandidate.objects.filter(
            removed_at=None, unit__queue__campaign=self.campaign, unit__queue__is_gold=False
        ).values_list("unit__subject_id", "message_id"):
            self.parents.setdefault(parent, []).append(candidate)
        self._keep(most)
        texts = dict(Message.objects.filter(pk__in=self._list_candidates()).values_list("pk", "text"))
        self.words = {one: max(len(text) / 6.0, 1.0) for one, text in texts.items()}
        origins = load_origins(message_ids=list(texts))
        self.authors = {one: next(iter(origins.get(one, ())), HUMAN) for one in texts}
        self.people: list[Annotator] = []

    def _keep(self, most: int) -> None:
        """Of the parents so many; the others are not asked for."""
        from annotate.models import Unit

        for parent in sorted(self.parents)[most:]:
            Unit.objects.filter(subject_id=parent).update(is_open=False)
            del self.parents[parent]

    def _list_candidates(self) -> list[int]:
        return [one for candidates in self.parents.values() for one in candidates]

    def sign_up(self, people: Sequence[Volunteer]) -> None:
        """An account for each of them."""
        for number, _ in enumerate(people):
            name = f"{NAMES[number % len(NAMES)]} {number}"
            user = create_user(
                email=f"volunteer{number}@example.org", now=timezone.now(), display_name=name, with_terms=True
            )
            self.people.append(Annotator.objects.get(user=user))

    def give_work(self, number: int, person: Volunteer, world: World) -> str:
        """One piece of work: `ranked`, `skipped`, or `nothing`. The clock of the person goes on."""
        me, rng = self.people[number].pk, Random(f"{number}/{person.sat}/{person.now}")
        offer = offer_next(annotator_id=me, slug=SLUG, now=person.now, rng=rng).as_answer()["assignment"]
        if offer is None:
            person.wait()
            return "nothing"
        shown = dict(
            AssignmentCandidate.objects.filter(assignment_id=offer["id"], position__gte=0)
            .order_by("position")
            .values_list("message_id", "position")
        )
        parent = Message.objects.values_list("parent_id", flat=True).get(pk=next(iter(shown)))
        assert parent is not None
        order = person.rank(parent, list(shown), world)
        if order is None:
            skip_assignment(
                annotator_id=me, assignment_id=offer["id"], skip_reason="not_my_topic", now=person.now, rng=rng
            )
            person.spend(20.0)
            return "skipped"
        seconds = person.spend(sum(world.words[one] for one in shown))
        body = {
            "tiers": [["abcdefgh"[shown[one]]] for one in order],
            "acceptable_tiers": person.count_acceptable(order, world),
            "active_seconds": seconds,
        }
        submit_answer(annotator_id=me, assignment_id=offer["id"], body=body, now=person.submitted, rng=rng)
        return "ranked"

    def run_often(self) -> None:
        """What runs every few seconds."""
        recompute_stale_job()
        schedule_units_job()

    def run_hourly(self) -> None:
        """What runs once an hour and decides something."""
        self._run(StaleKind.TURN_RELIABILITY, measure_reliability_job)
        self.run_often()

    def finish(self) -> None:
        """Everything, in the order in which one builds on the other."""
        self.run_hourly()
        while (
            Stale.objects.filter(kind="campaign", subject_id=self.campaign.pk, marked__gt=0)
            .exclude(lease_expires_at__lte=timezone.now())
            .exclude(lease_expires_at=None)
            .exists()
        ):
            sleep(0.5)
        self.run_often()
        self._run(StaleKind.TURN_FINDINGS, find_manipulation_job)
        self._run(StaleKind.TURN_OPINIONS, find_perspectives_job)
        self._run(StaleKind.TURN_SAVING, measure_saving_job)
        self._run(StaleKind.TURN_CHECK, check_consensus_job)

    def _run(self, kind: StaleKind, job: Callable[[], None]) -> None:
        Stale.objects.filter(kind=kind).update(lease_expires_at=None)
        job()

    def uphold(self, annotators: Iterable[str]) -> None:
        """Uphold the findings about these, and let the weights follow."""
        for finding in Finding.objects.filter(state="open", annotator__in=[int(name) for name in annotators]):
            decide_finding(
                campaign=self.campaign, finding_id=finding.pk, upholds=True, reason="Planted.", actor=self.actor,
                now=timezone.now(),
            )  # fmt: skip
        self.run_hourly()

    def read(self) -> Stored:
        campaign = self.campaign.pk
        parents = Message.objects.filter(pk__in=self.parents, current_consensus__isnull=False)
        results = dict(parents.values_list("pk", "current_consensus__result"))
        snapshot = find_snapshot(campaign_id=campaign)
        findings = Finding.objects.filter(campaign_id=campaign, state__in=["open", "upheld"])
        return Stored(
            ballots=[known.ballot for known in iterate_ballots(campaign_id=campaign)],
            numbers={str(person.pk): number for number, person in enumerate(self.people)},
            scores={
                parent: dict(zip(result["candidates"], result["scores"], strict=True))
                for parent, result in results.items()
            },
            saving=Saving.objects.get(campaign_id=campaign).result,
            findings={str(annotator) for annotator in findings.values_list("annotator_id", flat=True)},
            unreliable={
                str(annotator)
                for annotator in AnnotatorReliability.objects.filter(
                    snapshot=snapshot, high__lt=UNRELIABLE_BELOW
                ).values_list("annotator_id", flat=True)
            },
            signs=dict(Counter(findings.values_list("kind", flat=True))),
            different=sum(ConsensusCheck.objects.filter(campaign_id=campaign).values_list("different", flat=True)),
        )
