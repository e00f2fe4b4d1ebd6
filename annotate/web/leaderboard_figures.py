"""How generators compare, as pages show it: shares instead of scores, with intervals, ranks and what sways people.

A share is how often a generator is preferred to an average one of its group, ties apart: 1 / (1 + e^-score).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate.figures import whole
from annotate.web.field_words import Words
from annotate.web.plots import Axis, make_axis, place_whisker
from tasks.records.leaderboard import Control

#: What two equally good texts differ in, and which of them is meant.
SWAYS: dict[str, tuple[Words, Words]] = {
    Control.PLACE: (gettext_lazy("Shown first"), gettext_lazy("the other last")),
    Control.LENGTH: (gettext_lazy("Twice as long"), gettext_lazy("in characters")),
    Control.HEADINGS: (gettext_lazy("With headings"), gettext_lazy("the other without")),
    Control.LISTS: (gettext_lazy("With lists"), gettext_lazy("the other without")),
    Control.BOLD: (gettext_lazy("With bold words"), gettext_lazy("the other without")),
    Control.CODE: (gettext_lazy("With code"), gettext_lazy("the other without")),
}
#: An interval wider than this, or fewer ballots, is drawn hollow.
WIDE, FEW = 0.25, 10


def make_share_axis() -> Axis:
    """From never to always preferred."""
    return make_axis([], low=0, high=1, step=0.5)


def share_of(score: float | None) -> float | None:
    """How often a text of this strength is preferred to an average one."""
    return None if score is None else 1 / (1 + exp(-max(-60.0, min(60.0, score))))


def say_rank(entry: Mapping[str, Any]) -> str:
    """A rank, or the ranks between which it lies."""
    best, worst = entry["rank"], entry.get("worst_rank")
    if best is None:
        return "–"
    if worst is None or worst == best:
        return whole(best)
    return _("%(best)s to %(worst)s") % {"best": whole(best), "worst": whole(worst)}


def describe_entries(
    entries: Sequence[Mapping[str, Any]], controlled: Mapping[str, Mapping[str, Any]]
) -> list[list[dict[str, Any]]]:
    """Entries by group, each with its places in the plot. `controlled`: the same generators with what sways held equal."""
    axis = make_share_axis()
    groups: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        row = {**entry, **_shares(entry), "rank": say_rank(entry)}
        row["is_thin"] = row["low"] is None or row["high"] - row["low"] > WIDE or row["n_ballots"] < FEW
        row["whisker"] = place_whisker(axis, value=row["share"], low=row["low"], high=row["high"])
        held = controlled.get(entry["generator"])
        if held is not None:
            equal = _shares(held)
            whisker = place_whisker(axis, value=equal["share"], low=equal["low"], high=equal["high"])
            row["equal"] = {**equal, "rank": say_rank(held), "whisker": whisker}
        groups[entry["component"]].append(row)
    return [groups[number] for number in sorted(groups)]


def describe_model(model: Mapping[str, Any]) -> dict[str, Any]:
    """Generators that are one model, and how often it is preferred when they count as one."""
    standing = model["standing"]
    shares = dict.fromkeys(("share", "low", "high")) if standing is None else _shares(standing)
    return {
        "model_key": model["model_key"],
        "generators": model["generators"],
        **shares,
        "n_ballots": 0 if standing is None else standing["n_ballots"],
    }


def describe_sways(controlled: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """What sways whoever compares two equally good texts; those that cannot be told come last."""
    axis = make_share_axis()
    rows = []
    for one in (controlled or {}).get("effects", ()):
        what, other = SWAYS.get(one["control"], (one["control"], ""))
        shares = _shares({**one, "score": one["effect"]})
        known = shares["share"] is not None
        whisker = place_whisker(axis, value=shares["share"], low=shares["low"], high=shares["high"]) if known else None
        is_sure = shares["low"] is not None and not shares["low"] <= 0.5 <= shares["high"]
        rows.append({"what": what, "other": other, **shares, "whisker": whisker, "is_sure": is_sure,
                     "n": one["n_differing"], "is_known": known})  # fmt: skip
    return sorted(rows, key=lambda row: not row["is_known"])


def describe_short(board: Mapping[str, Any]) -> dict[str, Any]:
    """The first entries, for the page of the campaign (see `queries.leaderboards.get_short_leaderboard`)."""
    return {
        "axis": make_share_axis(),
        "groups": describe_entries(board["entries"], {}),
        "components": board["components"],
        "more": board["compared"] - len(board["entries"]),
        "not_compared": board["not_compared"],
        "models": [describe_model(model) for model in board["models"]],
        "n_ballots": board["n_ballots"],
        "n_annotators": board["n_annotators"],
        "n_parents": board["n_parents"],
        "computed_at": board["computed_at"],
    }


def _shares(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"share": share_of(entry["score"]), "low": share_of(entry["low"]), "high": share_of(entry["high"])}
