"""How reliable the annotators of a campaign are, for those who run it and nobody else: a list, and one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _

from annotate.exceptions import NotFound
from annotate.figures import whole
from annotate.models import Campaign, ReliabilitySnapshot
from annotate.queries.annotator_reliability import (
    FEW_SHARED,
    count_annotators,
    describe_snapshot,
    find_annotator,
    list_annotators,
    list_latest_ballots,
)
from annotate.queries.reliability import find_snapshot
from annotate.queries.rows import Row
from annotate.web.annotator_names import name_annotator
from annotate.web.field_words import Words
from annotate.web.lists import MAX_ID, PAGE_SIZE, Part, change_query, read_whole
from annotate.web.pages import PageRequest, page
from annotate.web.plots import Axis, make_axis, place_whisker
from annotate.web.problems import make_link
from annotate.web.results_nav import get_campaign_for_tab, render_results
from tasks.records.parameters import read_settings
from tasks.vocabulary import ORDERING_KINDS

TAB = "results_annotators"
#: Ballots of one person that are listed.
LATEST = 30
#: Intervals wider than this are drawn hollow.
WIDE = 1.0
SHOWS: dict[str, Words] = {
    "all": _("everybody"),
    "few": _("those of whom little is known"),
    "below": _("clearly below typical"),
    "findings": _("with findings"),
}
SORTS: dict[str, Words] = {
    "sharpness": _("least sharp first"),
    "agreement": _("least agreement first"),
    "ballots": _("most rankings first"),
    "gold": _("least right on known answers first"),
}


@page("GET")
def annotators(request: PageRequest, slug: str) -> HttpResponse:
    """Everybody in the newest snapshot, or whom the address names as `who`."""
    campaign = get_campaign_for_tab(request.actor, slug, TAB)
    snapshot = find_snapshot(campaign_id=campaign.pk)
    context: dict[str, Any] = {"weighs": read_settings(campaign.parameters).weigh_reliability, "snapshot": None}
    if snapshot is not None:
        context |= {"snapshot": describe_snapshot(snapshot), "axis": make_sharpness_axis(), "few": FEW_SHARED}
    who = read_whole(request.GET.get("who"), high=MAX_ID)
    if snapshot is not None and who is not None:
        return render_results(request, campaign, "results/annotator.html", context | show_one(campaign, snapshot, who))
    if snapshot is not None:
        context |= show_list(request, campaign, snapshot)
    return render_results(request, campaign, "results/annotators.html", context, fragment="results/_people.html")


def show_list(request: PageRequest, campaign: Campaign, snapshot: ReliabilitySnapshot) -> dict[str, Any]:
    """A part of the list, in the order and with the filter that the address names."""
    shows = request.GET.get("show", "all") if request.GET.get("show") in SHOWS else "all"
    sort = request.GET.get("sort", "sharpness") if request.GET.get("sort") in SORTS else "sharpness"
    number = read_whole(request.GET.get("part"), high=10_000) or 1
    of = {"campaign_id": campaign.pk, "snapshot_id": snapshot.pk}
    rows = list_annotators(**of, shows=shows, sort=sort, offset=(number - 1) * PAGE_SIZE, limit=PAGE_SIZE + 1)
    counts = count_annotators(**of)
    return {
        "people": show_people(rows[:PAGE_SIZE]),
        "part": Part(
            rows,
            change_query(request, part=number + 1) if len(rows) > PAGE_SIZE else None,
            change_query(request, part=None) if number > 1 else None,
        ),
        "shows": [(name, title, whole(counts[name]), name == shows) for name, title in SHOWS.items()],
        "sorts": [(name, title, name == sort) for name, title in SORTS.items()],
        "is_filtered": shows != "all",
    }


def show_one(campaign: Campaign, snapshot: ReliabilitySnapshot, annotator_id: int) -> dict[str, Any]:
    """One of them, with their latest ballots. Raises `NotFound` for whoever is not in the snapshot."""
    row = find_annotator(campaign_id=campaign.pk, snapshot_id=snapshot.pk, annotator_id=annotator_id)
    if row is None:
        raise NotFound(
            _("Nothing is known of this annotator here. Look for them in the list."), code="annotator_not_found"
        )
    kinds = [kind.value for kind in ORDERING_KINDS]
    ballots = list_latest_ballots(campaign_id=campaign.pk, annotator_id=annotator_id, kinds=kinds, limit=LATEST)
    for ballot in ballots:
        ballot["address"] = make_link("results_consensus_parent", campaign.slug, ballot["parent"])
    (person,) = show_people([row])
    return {"person": person, "ballots": ballots, "findings_address": make_link("results_findings", campaign.slug)}


def show_people(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """People as the templates show them."""
    axis = make_sharpness_axis()
    return [
        {
            **row,
            "name": name_annotator(row["annotator"], row["display_name"], is_guest=row["is_guest"]),
            "whisker": place_whisker(axis, value=row["sharpness"], low=row["low"], high=row["high"]),
            "is_thin": row["n_shared"] < FEW_SHARED or row["high"] - row["low"] > WIDE,
            "gold_share": row["gold_right"] / row["n_gold"] if row["n_gold"] else None,
        }
        for row in rows
    ]


def make_sharpness_axis() -> Axis:
    """From a coin (0) to the sharpest that is ever told (3)."""
    return make_axis([], low=0, high=3, step=1)


urlpatterns = [path("campaigns/<slug:slug>/results/annotators/", annotators, name=TAB)]
