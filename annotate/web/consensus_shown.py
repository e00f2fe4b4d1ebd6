"""A consensus in words and letters: tiers, how sure each thing in it is, and the ballots behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.figures import percent
from annotate.queries.origins import HUMAN
from annotate.rendering import render_many
from annotate.web.annotator_names import name_annotator
from annotate.web.names import KIND_NAMES
from annotate.web.plots import make_axis, place_whisker
from tasks.vocabulary import Kind

#: Half of a 95 % interval, in standard errors.
Z = 1.96
#: From here on the best is called sure, below the other nothing is.
SURE, UNSURE = 0.9, 0.6


def describe_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A parent with its candidates lettered from the best on, drawn on one axis; texts as HTML."""
    entry = {**entry, "tiers": [sort_tier(tier) for tier in entry["tiers"]]}
    candidates = [each for tier in entry["tiers"] for each in tier] + list(entry["unplaced"])
    letters = {each["id"]: name_letter(place) for place, each in enumerate(candidates)}
    html = iter(render_many([each["text"] for each in candidates if each.get("text")]))
    scored = [each for each in candidates if each["score"] is not None]
    ends = [end for each in scored for end in _reach(each)] + ([entry["bar_score"]] if entry["bar_score"] else [])
    axis = make_axis(ends, low=-1, high=1, step=1)
    shown = {each["id"]: _describe_candidate(each, letters, axis, html) for each in candidates}
    return {
        **entry,
        "axis": axis,
        "bar_at": None if entry["bar_score"] is None else axis.place(entry["bar_score"]),
        "letters": letters,
        "tiers": [[shown[each["id"]] for each in tier] for tier in entry["tiers"]],
        "unplaced": [shown[each["id"]] for each in entry["unplaced"]],
        "is_all_bad": entry["acceptable_tiers"] == 0,
        "verdict": say_verdict(entry, letters),
        "ranked_pairs_said": say_tiers(entry["ranked_pairs"], letters),
        "tiers_said": say_tiers([[each["id"] for each in tier] for tier in entry["tiers"]], letters),
    }


def sort_tier(tier: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Replies that share a place, the stronger first."""
    return sorted(tier, key=lambda each: (each["score"] is None, -(each["score"] or 0.0), each["id"]))


def describe_pairs(result: Mapping[str, Any], letters: Mapping[int, str]) -> dict[str, Any]:
    """The table of pairs: P(row is better than column), and by how many rankings more it was; best first."""
    places = {candidate: place for place, candidate in enumerate(result["candidates"])}
    order = [candidate for candidate in letters if candidate in places]
    margins = result.get("margins")
    rows = [
        {
            "letter": letters[one],
            "cells": [
                {
                    "is_same": one == other,
                    "p": result["p_above"][places[one]][places[other]],
                    "margin": None if margins is None else margins[places[one]][places[other]],
                }
                for other in order
            ],
        }
        for one in order
    ]
    return {"columns": [letters[one] for one in order], "rows": rows, "has_margins": margins is not None}


def describe_ballot(ballot: Mapping[str, Any], letters: Mapping[int, str]) -> dict[str, Any]:
    """A ballot in letters, with whose it is; `bar_after` is the number of the tier below which nothing is acceptable."""
    tiers = [[letters.get(each, "?") for each in tier["candidates"]] for tier in ballot["tiers"]]
    acceptable = [tier["acceptable"] for tier in ballot["tiers"]]
    has_bar = ballot["acceptable_tiers"] is not None
    return {
        **ballot,
        "name": name_annotator(ballot["annotator"], ballot["display_name"], is_guest=ballot["is_guest"]),
        "kind_name": KIND_NAMES[Kind(ballot["kind"])],
        "seconds": None if ballot["active_seconds"] is None else round(ballot["active_seconds"]),
        "tiers": tiers,
        "said": say_tiers([tier["candidates"] for tier in ballot["tiers"]], letters),
        "bar": say_bar(sum(map(bool, acceptable)), len(tiers)) if has_bar else "",
    }


def say_verdict(entry: Mapping[str, Any], letters: Mapping[int, str]) -> str:
    """What is known in one sentence: which is best, and how sure that is."""
    if not entry["tiers"]:
        return _("Nothing was placed.")
    if len(letters) - len(entry["unplaced"]) < 2:
        return _("Only one reply was ranked, so there is no order to find.")
    likeliest = max((each for tier in entry["tiers"] for each in tier), key=lambda each: each["p_best"] or 0)
    said = {"letter": letters[likeliest["id"]], "share": percent(likeliest["p_best"])}
    if likeliest["p_best"] >= SURE:
        sentence = _("%(letter)s is almost certainly the best (%(share)s).")
    elif likeliest["p_best"] >= UNSURE:
        sentence = _("%(letter)s is probably the best (%(share)s).")
    else:
        sentence = _("Which is best is still open; %(letter)s is the likeliest (%(share)s).")
    return sentence % said


def say_sureness(result: Mapping[str, Any], places: Mapping[int, int]) -> str:
    """How sure one is of the replies to a message in a tree; empty without an order.

    `places`: those that have a place to themselves there, by which the best can be told.
    """
    if result["confidence"] is None:
        return ""
    share, best = max(zip(result["p_best"], result["candidates"], strict=True))
    rankings = ngettext("from %(n)s ranking", "from %(n)s rankings", result["n_ballots"]) % {"n": result["n_ballots"]}
    said = {"sure": percent(result["confidence"]), "rankings": rankings, "share": percent(share)}
    if result["acceptable_tiers"] == 0:
        return _("The order is %(sure)s sure, %(rankings)s. None of the replies is acceptable.") % said
    if best not in places:
        return _("The order is %(sure)s sure, %(rankings)s. Which is best is still open.") % said
    said["place"] = str(places[best])
    return (
        _(
            "The order is %(sure)s sure, %(rankings)s. The one in place %(place)s is the best with a probability of %(share)s."
        )
        % said
    )


def say_tiers(tiers: Sequence[Sequence[int]] | None, letters: Mapping[int, str]) -> str:
    """ "A = B > C", from left to right in every language."""
    if tiers is None:
        return ""
    return " > ".join(" = ".join(sorted(letters.get(each, "?") for each in tier)) for tier in tiers)


def say_bar(acceptable: int, tiers: int) -> str:
    """How much of a ballot is acceptable."""
    if acceptable == 0:
        return _("none acceptable")
    if acceptable == tiers:
        return _("all acceptable")
    return ngettext("the first place acceptable", "the first %(n)s places acceptable", acceptable) % {"n": acceptable}


def say_origins(origins: Sequence[str]) -> str:
    """Who or what wrote it."""
    return _(", ").join(_("a person") if origin == HUMAN else origin for origin in origins) or _("origin not known")


def name_letter(place: int) -> str:
    """A to Z, then A2 and so on."""
    turn, letter = divmod(place, len(ascii_uppercase))
    return ascii_uppercase[letter] + (str(turn + 1) if turn else "")


def _describe_candidate(each: Mapping[str, Any], letters: Mapping[int, str], axis: Any, html: Any) -> dict[str, Any]:
    low, high = _reach(each) if each["score"] is not None else (None, None)
    return {
        **each,
        "letter": letters[each["id"]],
        "html": next(html).html if each.get("text") else "",
        "origin": say_origins(each["origins"]),
        "low": low,
        "high": high,
        "whisker": None if each["score"] is None else place_whisker(axis, value=each["score"], low=low, high=high),
    }


def _reach(each: Mapping[str, Any]) -> tuple[float, float]:
    half = Z * each["standard_error"]
    return each["score"] - half, each["score"] + half
