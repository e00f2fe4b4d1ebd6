"""Trees by hand, for tests of reading: people, texts and what others thought of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from annotate.models import Annotator, Campaign, Judgment, Message, MessageTree, Stratum, Unit
from annotate.queries.message_trees import get_tree
from annotate.queries.reading import Reader
from annotate.queries.tree_shapes import MessageShown, TreeShown
from annotate.queries.undoable import UNDO_DEPTH
from annotate.services.units import open_units
from tests.loop import NOW, add_message, ask, ranking_of, submit

LATER = NOW + timedelta(minutes=5)


def make_tree(campaign: Campaign, text="Why do birds sing?", *, language="en", state="ranking") -> Message:
    """A tree with its prompt alone, and no work in it."""
    stratum, _ = Stratum.objects.get_or_create(campaign=campaign, language=language, topic="")
    tree = MessageTree.objects.create(
        campaign=campaign, stratum=stratum, language=language, key=text[:200], state=state
    )
    return add_message(tree, text, role="prompter")


def reply_to(parent: Message, text: str, *, role="assistant", author: Annotator | None = None, **given: Any) -> Message:
    message = add_message(parent.tree, text, role=role, parent=parent)
    if author is not None or given:
        Message.objects.filter(pk=message.pk).update(author=author, **given)
        message.refresh_from_db()
    return message


def open_work(campaign: Campaign, *parents: Message) -> None:
    open_units(campaign_id=campaign.pk, parent_ids=[parent.pk for parent in parents], now=NOW)


def reader(annotator: Annotator | None = None, *, administrator=False) -> Reader:
    if annotator is None:
        return Reader(is_administrator=administrator)
    return Reader(annotator.pk, annotator.user_id, administrator)


def read(tree: MessageTree, annotator: Annotator | None = None, **given: Any) -> TreeShown:
    return get_tree(tree_id=tree.pk, reader=reader(annotator), **given)


def texts(shown: TreeShown) -> list[str | None]:
    return [message.text for message in shown.messages]


def find(shown: TreeShown, message: Message) -> MessageShown:
    return next(each for each in shown.messages if each.id == message.pk)


def rank_all(annotator: Annotator, campaign: Campaign) -> dict[str, Any]:
    """Ask for a ranking and submit it in the order shown; the answer's judgment."""
    assignment = ask(annotator, campaign, kinds=["rank"])["assignment"]
    return submit(annotator, assignment["id"], ranking_of(assignment))["judgment"]


def label(annotator: Annotator, campaign: Campaign, **labels: Any) -> int:
    """Ask for a text to label and answer; the id of the message."""
    assignment = ask(annotator, campaign, kinds=["label"])["assignment"]
    submit(annotator, assignment["id"], {"labels": {"spam": False, **labels}})
    return Unit.objects.get(public_id=assignment["unit"]).subject_id


def leave_window(annotator: Annotator) -> None:
    """So many judgments later that what this person has said till now cannot be undone any more."""
    last = annotator.judgments.order_by("pk").last()
    assert last is not None
    for number in range(1, UNDO_DEPTH + 1):
        Judgment.objects.create(
            assignment=last.assignment, annotator=annotator, unit=last.unit, kind=last.kind, is_current=False,
            counted=False, body_hash=bytes(32), terms_version=last.terms_version,
            created_at=last.created_at + timedelta(seconds=number),
        )  # fmt: skip
