"""Messages in words: who speaks, what became of a text, reactions, reasons of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate.queries.tree_shapes import Authorship, LabelAverage, MessageShown, Reactions
from annotate.web.field_words import Words
from tasks.vocabulary import MessageRole, ReactionCode, ReportReason, ReviewState, Widget

ROLES: dict[str, Words] = {
    MessageRole.PROMPTER: gettext_lazy("Prompter"),
    MessageRole.ASSISTANT: gettext_lazy("Assistant"),
}
#: What reviewers made of a text, and how the tag looks. What needs no review has none.
REVIEWS: dict[str, tuple[Words, str]] = {
    ReviewState.PENDING: (gettext_lazy("in review"), "wait"),
    ReviewState.ACCEPTED: (gettext_lazy("accepted"), ""),
    ReviewState.REJECTED: (gettext_lazy("rejected"), "wait"),
}
#: What a reaction says; its sign is in messages/signs.html.
REACTIONS: dict[ReactionCode, Words] = {
    ReactionCode.THUMBS_UP: gettext_lazy("Good"),
    ReactionCode.THUMBS_DOWN: gettext_lazy("Not good"),
    ReactionCode.HEART: gettext_lazy("Warms the heart"),
    ReactionCode.LAUGH: gettext_lazy("Made me laugh"),
    ReactionCode.CLAP: gettext_lazy("Well done"),
    ReactionCode.PUZZLED: gettext_lazy("Puzzles me"),
}
#: A reason and what it is meant for.
REPORT_REASONS: dict[ReportReason, tuple[Words, Words]] = {
    ReportReason.SPAM: (gettext_lazy("Spam"), gettext_lazy("Advertising, nonsense, the same again and again.")),
    ReportReason.WRONG_LANGUAGE: (
        gettext_lazy("Wrong language"), gettext_lazy("It is not in the language that it says.")
    ),
    ReportReason.PERSONAL_DATA: (
        gettext_lazy("Personal data"), gettext_lazy("A name, an address or a number by which somebody can be found.")
    ),
    ReportReason.HARMFUL: (
        gettext_lazy("Harmful"), gettext_lazy("It attacks people, or helps somebody to do harm.")
    ),
    ReportReason.COPIED: (gettext_lazy("Copied"), gettext_lazy("It was taken from somewhere, not written here.")),
    ReportReason.OFF_TOPIC: (gettext_lazy("Off topic"), gettext_lazy("It does not belong into this conversation.")),
    ReportReason.OTHER: (gettext_lazy("Something else"), gettext_lazy("Say in your words what it is.")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReactionShown:
    """A reaction as a button. `count` is None while it is not told."""

    code: str
    title: Words
    is_mine: bool
    count: int | None


def role_name(role: str) -> str:
    return str(ROLES.get(role, role))


def reason_name(reason: str) -> str:
    """The reason of a report in words."""
    return str(REPORT_REASONS[ReportReason(reason)][0]) if reason in set(ReportReason) else reason


def show_reactions(given: Reactions) -> dict[str, Any]:
    """`all` reactions as buttons, those `given` with their counts, and whether this reader may know them."""
    counts: Mapping[str, int] | None = given.counts
    shown = [
        ReactionShown(code, title, code in given.mine, None if counts is None else counts.get(code, 0))
        for code, title in REACTIONS.items()
    ]
    return {"all": shown, "given": [each for each in shown if each.count], "is_told": counts is not None}


def describe_author(author: Authorship | None) -> str:
    """Who or what wrote it; empty while that is not told."""
    if author is None:
        return ""
    names = _(", ").join(author.names)
    if author.kind == "you":
        said = _("by you")
    elif author.kind == "generator":
        said = names or _("by a generator")
    elif author.kind == "volunteer":
        said = author.display_name or _("by a volunteer")
    else:
        said = names or _("imported")
    return _("%(who)s, improved from another reply") % {"who": said} if author.is_improved else said


def describe_label(label: LabelAverage) -> dict[str, Any]:
    """A line of what reviewers said: the question, the mean of the answers, and how many there are.

    `is_denied`: a question to which some answered and nobody said yes.
    """
    is_scale = label.widget == Widget.SCALE
    return {
        "title": label.title,
        "mean": label.mean,
        "n": label.n,
        "not_applicable": label.not_applicable,
        "is_scale": is_scale,
        "is_denied": not is_scale and label.mean == 0 and not label.not_applicable,
    }


def describe_review(message: MessageShown) -> tuple[Words, str] | None:
    """The tag of a review, where there is one to tell."""
    return None if message.review is None else REVIEWS.get(message.review)
