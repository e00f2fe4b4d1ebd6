"""Units of every kind of work in a small campaign, straight into the database; for tests of what becomes of them."""

from __future__ import annotations

from typing import Any

from annotate.models import Brief, Campaign, Message, MessageTree, Queue, Stratum, Unit, UnitCandidate, UnitDetail
from tasks.text.normalise import text_hash
from tests.loop import NOW, add_message, make_campaign

EVERY_KIND = (
    "write_prompt",
    "write_pair",
    "write_prompter_reply",
    "write_assistant_reply",
    "improve_reply",
    "label",
    "rank",
)


def make_growing(*, kinds=EVERY_KIND, **parameters: Any) -> Campaign:
    """An open campaign whose trees grow."""
    return make_campaign(kinds=kinds, **{"grow_trees": True, **parameters})


def make_tree(campaign: Campaign, *texts: str, language="en", state="growing", reviews=()) -> list[Message]:
    """A thread, prompt first, in turns; `reviews`: their review states, else none was needed."""
    stratum, _ = Stratum.objects.get_or_create(campaign=campaign, language=language, topic="")
    tree = MessageTree.objects.create(
        campaign=campaign, stratum=stratum, language=language, key=texts[0], state=state, goal_size=6, drawn_at=NOW
    )
    thread: list[Message] = []
    for place, text in enumerate(texts):
        role = ("prompter", "assistant")[place % 2]
        thread.append(add_message(tree, text, role=role, parent=thread[-1] if thread else None))
    for message, review in zip(thread, reviews, strict=False):
        message.review_state = review
        message.save(update_fields=["review_state"])
    return thread


def make_brief(campaign: Campaign, *, language="en", topic="", difficulty="", words="") -> Brief:
    return Brief.objects.create(campaign=campaign, language=language, topic=topic, difficulty=difficulty, words=words)


def open_unit(
    campaign: Campaign, kind: str, *, subject: Message | None = None, brief: Brief | None = None, needed=1,
    is_simple=False, candidates=(),
) -> Unit:  # fmt: skip
    """An open unit with its detail."""
    language = brief.language if brief else subject.language
    queue, _ = Queue.objects.get_or_create(campaign=campaign, kind=kind, language=language)
    unit = Unit.objects.create(
        queue=queue, kind=kind, subject=subject, brief=brief, needed=needed, tie=1, is_simple=is_simple
    )
    stratum, _ = Stratum.objects.get_or_create(campaign=campaign, language=language, topic="")
    UnitDetail.objects.create(unit=unit, stratum=stratum, wanted=needed, reason_code="prompt_wanted")
    UnitCandidate.objects.bulk_create(UnitCandidate(unit=unit, message=message) for message in candidates)
    return unit


def equal_texts(message: Message, text: str) -> bool:
    return message.text == text and bytes(message.text_hash) == text_hash(text)
