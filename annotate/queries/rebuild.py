"""An answer again from what was stored, in the shape in which it was sent. Reads only."""

from typing import Any

from annotate.models import AssignmentCandidate, Judgment, Message
from annotate.queries.presentation import HANDLES
from annotate.queries.rows import fetch_one
from tasks.vocabulary import WRITING_KINDS, Answer, Kind, Widget

#: Of a pair a judgment names the prompt. Its reply has the same author, who answers their own prompt nowhere else.
OTHER_HALF = """SELECT r.id FROM annotate_judgment j JOIN annotate_message p ON p.id = j.message_id
  JOIN annotate_message r ON r.parent_id = p.id AND r.author_id = p.author_id
  WHERE j.id = {judgment} AND j.kind = 'write_pair' ORDER BY r.id LIMIT 1"""


def find_other_half(*, judgment_id: int) -> int | None:
    """The reply that came with the prompt of a pair; None for every other judgment."""
    row = fetch_one(OTHER_HALF.format(judgment="%(judgment)s"), {"judgment": judgment_id})
    return None if row is None else int(row["id"])


def rebuild_answer(*, judgment: Judgment) -> dict[str, Any]:
    """The body that would be stored as this judgment; the restored draft after an undo."""
    body: dict[str, Any] = {"rationale": judgment.rationale, "active_seconds": judgment.active_seconds}
    if judgment.kind in WRITING_KINDS:
        return {**body, **_rebuild_texts(judgment)}
    if judgment.kind == Kind.LABEL:
        return {**body, "labels": _rebuild_labels(judgment)}
    body |= {"tiers": _rebuild_tiers(judgment), "acceptable_tiers": judgment.acceptable_tiers}
    if judgment.kind == Kind.COMPARE:
        return {**body, "much_better": judgment.much_better}
    return {**body, "rest_worse": judgment.rest_worse}


def _rebuild_texts(judgment: Judgment) -> dict[str, Any]:
    signals = {} if judgment.signals is None else {"signals": judgment.signals}
    if judgment.message is None:
        return {**signals, "ends_thread": judgment.ends_thread}
    language = {"language": judgment.message.language}
    if judgment.kind != Kind.WRITE_PAIR:
        return {**signals, "text": judgment.message.text, **language}
    half = find_other_half(judgment_id=judgment.pk)
    reply = "" if half is None else Message.objects.get(pk=half).text
    return {**signals, "prompt": judgment.message.text, "reply": reply, **language}


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
