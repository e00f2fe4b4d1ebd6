"""Why a unit is where it is, in plain words: each term of its score with what it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from annotate.figures import two, whole
from annotate.web.field_words import Words

#: Name and meaning of each term, in the order in which they are told.
TERMS: dict[str, tuple[Words, Words]] = {
    "coverage": (
        gettext_lazy("Its cell"),
        gettext_lazy("how much of what its kind of prompt still lacks this piece would fill, after those that come before it"),
    ),
    "target": (gettext_lazy("The target"), gettext_lazy("share of its target that its language and topic lack, from 0 to 1")),
    "deficit": (gettext_lazy("The target"), gettext_lazy("share of its target that its language and topic lack, from 0 to 1")),
    "certainty": (gettext_lazy("Certainty"), gettext_lazy("how much surer one more judgment is expected to make it")),
    "gain": (gettext_lazy("Certainty"), gettext_lazy("how much surer one more judgment is expected to make it")),
    "uncertainty": (gettext_lazy("Uncertainty"), gettext_lazy("how little is known of it: 1 while nothing is, 0 when it is sure")),
    "reach": (
        gettext_lazy("Neighbours"),
        gettext_lazy("how much of the prompts around it, by their meaning, nothing that is finished is like"),
    ),
    "language": (gettext_lazy("Its language"), gettext_lazy("from 1 to 2: more where the language has less than its share")),
    "minutes": (gettext_lazy("Time"), gettext_lazy("what one judgment takes, against that of a usual piece as 1; it divides the rest")),
    "vacancy": (gettext_lazy("Free places"), gettext_lazy("share of the judgments it should have that nobody gave or is giving")),
    "turn": (gettext_lazy("Turn"), gettext_lazy("its place among those of its cell")),
    "weight": (gettext_lazy("Chance"), gettext_lazy("how likely the lottery makes it")),
}  # fmt: skip


def describe_terms(terms: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The terms that are known, each with its number; what certainty is made of is not told beside it."""
    within = {"uncertainty", "gain"} if "certainty" in terms else set()
    return [
        {"name": name, "says": says, "value": two(terms[term])}
        for term, (name, says) in TERMS.items()
        if isinstance(terms.get(term), int | float) and term not in within
    ]


def say_place(unit: Mapping[str, Any], *, most: int) -> str:
    """Where it stands among what is offered in its language."""
    if unit["is_gold"]:
        return _("It is gold: its answer is known, and it is mixed among other work by lot, never by its place.")
    if not unit["is_open"]:
        return _("It is closed, so nobody is offered it any more.")
    if unit["done"] + unit["held"] >= unit["needed"]:
        return _("It has, or is being given, all the judgments it needs, so nobody is offered it now.")
    if unit["ahead"] == 0:
        return _("It comes first among the work of its kind in its language.")
    if unit["ahead"] > most:
        return _("More than %(n)s pieces of its kind in its language come before it.") % {"n": whole(most)}
    said = ngettext(
        "%(n)s piece of its kind in its language comes before it.",
        "%(n)s pieces of its kind in its language come before it.",
        unit["ahead"],
    )
    return said % {"n": whole(unit["ahead"])}


def say_lift(terms: Mapping[str, Any], *, wait_days: float) -> str:
    """Whether it was put before others because it waited, or by lot."""
    lifted = terms.get("lifted")
    if not isinstance(lifted, int | float) or lifted <= 0:
        return ""
    waiting = terms.get("waiting")
    if isinstance(waiting, int | float) and waiting >= wait_days:
        said = ngettext(
            "It has waited for %(n)s day, so it was put forward.", "It has waited for %(n)s days, so it was put forward.", int(waiting)
        )  # fmt: skip
        return said % {"n": whole(int(waiting))}
    return _("It was drawn by lot to come earlier: now and then anything may.")
