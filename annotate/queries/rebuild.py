"""An answer again from what was stored, in the shape in which it was sent. Reads only."""

from typing import Any

from annotate.models import AssignmentCandidate, Judgment
from annotate.queries.presentation import HANDLES
from tasks.vocabulary import WRITING_KINDS, Answer, Kind, Widget


def rebuild_answer(*, judgment: Judgment) -> dict[str, Any]:
    """The body that would be stored as this judgment; the restored draft after an undo."""
    body: dict[str, Any] = {"rationale": judgment.rationale, "active_seconds": judgment.active_seconds}
    if judgment.kind in WRITING_KINDS and judgment.message is not None:
        return {**body, "text": judgment.message.text, "language": judgment.message.language}
    if judgment.kind == Kind.LABEL:
        return {**body, "labels": _rebuild_labels(judgment)}
    body |= {"tiers": _rebuild_tiers(judgment), "acceptable_tiers": judgment.acceptable_tiers}
    if judgment.kind == Kind.COMPARE:
        return {**body, "much_better": judgment.much_better}
    return {**body, "rest_worse": judgment.rest_worse}


def _rebuild_tiers(judgment: Judgment) -> list[list[str]]:
    positions = dict(
        AssignmentCandidate.objects.filter(assignment_id=judgment.assignment_id).values_list("message_id", "position")
    )
    tiers: dict[int, list[str]] = {}
    for message_id, tier in judgment.ranked.values_list("message_id", "tier"):
        tiers.setdefault(tier, []).append(HANDLES[positions[message_id]])
    return [sorted(tiers[tier]) for tier in sorted(tiers)]


def _rebuild_labels(judgment: Judgment) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for label in judgment.labels.select_related("dimension"):
        if label.answer == Answer.NOT_APPLICABLE:
            answers[label.dimension.name] = "not_applicable"
        elif label.value is None:
            answers[label.dimension.name] = None
        else:
            is_yes_no = label.dimension.widget in (Widget.YES_NO, Widget.FLAG)
            answers[label.dimension.name] = bool(label.value) if is_yes_no else label.value
    return answers
