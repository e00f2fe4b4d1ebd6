"""Findings of every kind as the job would store them, from figures that a test names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from annotate.models import Annotator, Campaign, Finding
from tasks.vocabulary import FindingKind
from tests.opinions import NOW

EVIDENCE: dict[FindingKind, dict[str, Any]] = {
    FindingKind.RANDOM: {"n": 64, "observed": -0.02, "expected": 0.51},
    FindingKind.POSITION: {"n": 40, "observed": 0.95, "expected": 0.25, "habit": "first_best"},
    FindingKind.CONTRARY: {"n": 70, "observed": -0.62, "expected": 0.5, "alike": 0.02},
    FindingKind.COPIED: {"n": 32, "observed": 0.9375, "expected": 0.12, "same": 30},
    FindingKind.COLLUSION: {"n": 25, "observed": 0.97, "expected": 0.36, "odd": 0.71, "usually_odd": 0.4},
    FindingKind.HURRIED: {
        "n": 50, "observed": 0.98, "expected": 0.3333, "words_per_second": 210.0, "usual_words_per_second": 4.1,
    },
    FindingKind.SCRIPTED: {"n": 90, "observed": 1.0, "expected": 0.4, "days": 6, "restless_days": 6},
}  # fmt: skip


def find_kind(
    campaign: Campaign,
    annotator: Annotator,
    kind: FindingKind,
    *,
    strength: float = 6.5,
    judgments: Sequence[int] = (),
    others: Sequence[Annotator] = (),
    **more: Any,
) -> Finding:
    """An open finding of this kind."""
    finding = Finding.objects.create(
        campaign=campaign, annotator=annotator, kind=kind, strength=strength, found_at=NOW, seen_at=NOW,
        evidence={**EVIDENCE[kind], "judgments": list(judgments)}, **more,
    )  # fmt: skip
    finding.others.set(others)
    return finding
