"""Snapshots of reliability as the job would write them, from figures that a test names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from annotate.models import Annotator, Campaign, Finding, ReliabilitySnapshot
from annotate.services.reliability import store_reliability
from annotate.services.stale import end_turn, release_turn, take_turn
from tasks.records.reliability import AnnotatorReliabilityRecord, ReliabilityRecord
from tasks.vocabulary import StaleKind
from tests.opinions import NOW


def person(annotator: Annotator, *, sharpness: float = 1.0, **figures: Any) -> AnnotatorReliabilityRecord:
    """Somebody of whom something is known; a typical annotator unless said otherwise."""
    known = {
        "low": max(0.0, sharpness - 0.25), "high": sharpness + 0.25, "agreement": 0.5, "agreement_low": 0.4,
        "agreement_high": 0.6, "n_ballots": 20, "n_shared": 15, "n_gold": 0, "gold_right": 0.0, **figures,
    }  # fmt: skip
    return AnnotatorReliabilityRecord(annotator=str(annotator.pk), sharpness=sharpness, **known)


def newcomer(annotator: Annotator, **figures: Any) -> AnnotatorReliabilityRecord:
    nothing = {"agreement": None, "agreement_low": None, "agreement_high": None, "n_ballots": 2, "n_shared": 0}
    return person(annotator, **{"low": 0.3, "high": 2.5, **nothing, **figures})


def make_record(people: Sequence[AnnotatorReliabilityRecord], *, inputs: str = "a") -> ReliabilityRecord:
    """What an estimate of these would be; `inputs` stands for the ballots behind it."""
    return ReliabilityRecord(
        annotators=tuple(sorted(people, key=lambda one: one.annotator)),
        n_ballots=sum(one.n_ballots for one in people),
        agreement=0.5,
        gold_score=None,
        nu=0.5,
        rounds=3,
        method="test",
        method_version="1",
        seed=1,
        input_hash=inputs * 64,
    )


def store(
    campaign: Campaign, *people: AnnotatorReliabilityRecord, inputs: str = "a", upheld: Sequence[Annotator] = ()
) -> ReliabilitySnapshot | None:
    """A turn of the job that found these."""
    release_turn(kind=StaleKind.TURN_RELIABILITY, subject_id=campaign.pk)
    turn = take_turn(kind=StaleKind.TURN_RELIABILITY, subject_id=campaign.pk, now=NOW, lease_seconds=60)
    assert turn is not None
    record = make_record(people, inputs=inputs)
    stored = store_reliability(turn=turn, record=record, upheld=[str(one.pk) for one in upheld], now=NOW)
    end_turn(turn=turn)
    return stored


def find(campaign: Campaign, annotator: Annotator, *, state: str = "open", kind: str = "random") -> Finding:
    decided = {"decided_at": NOW} if state in {"upheld", "dismissed"} else {}
    return Finding.objects.create(
        campaign=campaign,
        annotator=annotator,
        kind=kind,
        state=state,
        strength=3.0,
        found_at=NOW,
        seen_at=NOW,
        **decided,
    )
