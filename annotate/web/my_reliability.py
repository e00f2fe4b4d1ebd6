"""How one's own rankings compare with those of others, in kind words: for oneself alone, and never of a single prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.access import require_annotator
from annotate.figures import whole
from annotate.queries.annotator_reliability import FEW_SHARED, list_own_reliability
from annotate.queries.rows import Row
from annotate.web.pages import Needs, PageRequest, page, render_page

#: Kendall's tau from which rankings are told to be alike: nearly always, mostly, sometimes.
NEARLY, MOSTLY, SOMETIMES = 0.7, 0.4, 0.15
#: Widths of its interval up to which it is known well, or roughly.
WELL, ROUGHLY = 0.2, 0.5
#: Below this even at the upper end, something may be amiss, and it is said what helps.
LOW = 0.4


@page("GET", needs=Needs.ANNOTATOR)
def my_reliability(request: PageRequest) -> HttpResponse:
    """A section for each campaign in which one's rankings meet those of others."""
    rows = list_own_reliability(annotator_id=require_annotator(request.actor))
    context = {"campaigns": [describe(row) for row in rows], "few": FEW_SHARED}
    return render_page(request, "me/reliability.html", context)


def describe(row: Row) -> dict[str, Any]:
    """One campaign in words. `counted`: what one's rankings count for where the campaign weighs them."""
    is_known = row["agreement"] is not None and row["agreement_low"] is not None
    told = {
        "slug": row["slug"],
        "title": row["title"],
        "computed_at": row["computed_at"],
        "is_known": is_known,
        "counts": say_counts(row),
        "weight": say_weight(row["counts_as"]) if row["counts_as"] else "",
    }
    if not is_known:
        return told
    return told | {
        "says": say_agreement(row["agreement"]),
        "pairs": say_pairs(row),
        "sure": say_certainty(round(row["agreement_high"] - row["agreement_low"], 1)),
        "is_low": row["agreement_high"] < LOW,
    }


def say_counts(row: Mapping[str, Any]) -> str:
    """How many rankings there are, and how many of them others' can be held against."""
    sentence = ngettext(
        "%(shared)s of your %(n)s ranking is of a prompt that others ranked too.",
        "%(shared)s of your %(n)s rankings are of prompts that others ranked too.",
        row["n_ballots"],
    )
    return sentence % {"shared": whole(row["n_shared"]), "n": whole(row["n_ballots"])}


def say_agreement(agreement: float) -> str:
    """How alike the orders are."""
    if agreement >= NEARLY:
        return _("You nearly always put replies in the order in which others put them.")
    if agreement >= MOSTLY:
        return _("You mostly put replies in the order in which others put them.")
    if agreement >= SOMETIMES:
        return _("You sometimes put replies in the order in which others put them.")
    return _("You and the others often put replies in different orders.")


def say_pairs(row: Mapping[str, Any]) -> str:
    """The same as pairs of ten: with Kendall's tau t, (1 + t) / 2 of the pairs stand the same way round."""
    low, middle, high = (round(5 * (1 + row[name])) for name in ("agreement_low", "agreement", "agreement_high"))
    values = {"n": whole(middle), "low": whole(low), "high": whole(high)}
    if low == high:
        return _("Of ten pairs of replies, you and the others put about %(n)s in the same order.") % values
    return (
        _(
            "Of ten pairs of replies, you and the others put about %(n)s in the same order (between %(low)s and %(high)s)."
        )
        % values
    )


def say_certainty(width: float) -> str:
    """How far the figure can be trusted."""
    if width <= WELL:
        return _("This is known well.")
    if width <= ROUGHLY:
        return _("This is known roughly; each ranking makes it clearer.")
    return _("This is a first impression, and may change a lot.")


def say_weight(counts_as: str) -> str:
    """What one's rankings count for in the results of a campaign that weighs them."""
    if counts_as == "nothing":
        return _(
            "At present your rankings count for nothing in its results: a moderator found something wrong with them. They are "
            "kept. If you think that is a mistake, write to the organizers."
        )
    said = {
        "more": _("Yours count for more than most."),
        "less": _("Yours count for less than most."),
    }.get(counts_as, _("Yours count as much as most people’s."))
    return _("Its results weigh rankings by how well they go with those of others.") + " " + said


urlpatterns = [path("me/reliability/", my_reliability, name="my_reliability")]
