"""How the generators of a campaign compare: all ballots, or those of one language or topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from django.urls import path, reverse

from annotate.queries.leaderboards import find_generators, find_slice, get_leaderboard
from annotate.queries.results import is_current
from annotate.web.leaderboard_figures import describe_entries, describe_model, describe_sways, make_share_axis
from annotate.web.lists import take_slice
from annotate.web.pages import PageRequest, page
from annotate.web.results_nav import get_campaign_for_tab, render_results
from tasks.records.leaderboard import FEWEST_BALLOTS, MOST_SLICES, SliceKind

TAB = "results_leaderboard"
#: Generators of one page, and those that met nobody which are named.
PAGE_SIZE, MOST_NAMED = 50, 40


@page("GET")
def leaderboard(request: PageRequest, slug: str) -> HttpResponse:
    """The ballots that the address names as `of`: a kind of slice, a colon, its name. All where it names none."""
    campaign = get_campaign_for_tab(request.actor, slug, TAB)
    board = get_leaderboard(campaign_id=campaign.pk)
    kind, name = read_slice(request.GET.get("of", ""))
    chosen = None if kind is None else find_slice(board, kind, name)
    context = describe_board(request, board, chosen)
    context["choices"] = list_choices(board, None if chosen is None else f"{kind}:{name}")
    context["is_current"] = is_current(campaign_id=campaign.pk)
    if request.actor.is_administrator:
        add_addresses([row for group in context["groups"] for row in group])
    return render_results(request, campaign, "results/leaderboard.html", context, fragment="results/_board.html")


def read_slice(text: str) -> tuple[SliceKind | None, str]:
    """`language:de` as its parts; nothing for whatever else an address may hold."""
    kind, _, name = text.partition(":")
    return (SliceKind(kind), name) if kind in set(SliceKind) else (None, "")


def describe_board(request: PageRequest, board: Mapping[str, Any], chosen: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the template shows of the whole board, or of the chosen slice."""
    controlled = board["controlled"] if chosen is None else None
    equal = {one["generator"]: one for one in controlled["standings"]} if controlled else {}
    shown = board if chosen is None else {**chosen, "entries": chosen["standings"]}
    part = take_slice(request, shown["entries"], size=PAGE_SIZE)
    return {
        "board": {name: shown[name] for name in ("n_ballots", "n_annotators", "n_parents", "components")},
        "computed_at": board["computed_at"],
        "chosen": chosen,
        "fewest": FEWEST_BALLOTS,
        "most_slices": MOST_SLICES,
        "axis": make_share_axis(),
        "part": part,
        "groups": describe_entries(part.rows, equal),
        "has_equal": bool(equal),
        "sways": describe_sways(controlled),
        "models": [describe_model(model) for model in board["models"]] if chosen is None else [],
        "not_compared": shown["not_compared"][:MOST_NAMED],
        "more_not_compared": len(shown["not_compared"][MOST_NAMED:]),
    }


def list_choices(board: Mapping[str, Any], chosen: str | None) -> list[dict[str, Any]]:
    """What can be chosen, by kind; slices of too few ballots cannot."""
    return [
        {
            "kind": kind.value,
            "slices": [
                {**one, "value": f"{kind}:{one['name']}", "is_chosen": f"{kind}:{one['name']}" == chosen,
                 "is_bare": not one["standings"]}
                for one in board["slices"][kind.value]
            ],
        }
        for kind in SliceKind
        if board["slices"][kind.value]
    ]  # fmt: skip


def add_addresses(rows: Sequence[dict[str, Any]]) -> None:
    """Where more is told of each generator of the site; administrators alone may look there."""
    found = find_generators([row["generator"] for row in rows])
    for row in rows:
        if row["generator"] in found:
            row["address"] = reverse("generator", args=[found[row["generator"]]])


urlpatterns = [path("campaigns/<slug:slug>/results/leaderboard/", leaderboard, name=TAB)]
