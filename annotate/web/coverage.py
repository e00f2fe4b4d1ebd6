"""What a campaign covers of what it wants to cover: over time, cell by cell, and when each target is reached."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import path
from django.utils import timezone

from annotate.models import Campaign
from annotate.queries.coverage_page import (
    blur_cells,
    compare_shares,
    count_tags,
    find_standing,
    list_cells,
    list_history,
    list_latest,
    list_share_rows,
    moment_until,
)
from annotate.web.coverage_figures import (
    Filters,
    describe_behind,
    describe_history,
    describe_map,
    describe_now,
    describe_shares,
    describe_split,
    describe_targets,
)
from annotate.web.coverage_nav import get_campaign_for_coverage, render_coverage
from annotate.web.names import language_name
from annotate.web.pages import PageRequest, page
from annotate.web.results_nav import is_insider
from tasks.vocabulary import PromptLength, TargetAxis

TAB = "coverage"


@page("GET")
def coverage(request: PageRequest, slug: str) -> HttpResponse:
    """For whoever may see the campaign; counts, targets and reasons for those who run it."""
    campaign = get_campaign_for_coverage(request.actor, slug, TAB)
    insider = is_insider(request.actor, campaign)
    context = show_measured(request, campaign, insider=insider)
    if insider:
        context |= show_targets(campaign, context)
    return render_coverage(request, campaign, "coverage/show.html", context, fragment="coverage/_covered.html")


def show_measured(request: PageRequest, campaign: Campaign, *, insider: bool) -> dict[str, Any]:
    """The number, its history, and the map, in the scope that the address names."""
    before = moment_until(timezone.now(), is_insider=insider)
    latest = list_latest(campaign_id=campaign.pk, until=before)
    cells = list_cells(campaign_id=campaign.pk)
    of_languages = [report for report in latest if report["language"] is not None]
    filters = read_filters(request, [report["language"] for report in of_languages])
    history = list_history(campaign_id=campaign.pk, language=filters.language or None, until=before)
    return {
        "now": describe_now(latest[0], of_languages) if latest and latest[0]["language"] is None else None,
        "history": describe_history(history),
        "filters": filters,
        "languages": [(report["language"], language_name(report["language"])) for report in of_languages],
        "map": describe_map(cells if insider else blur_cells(cells, latest=latest), filters),
        "all_cells": cells,
        "behind_told": latest[0]["result"].get("behind", []) if latest else [],
    }


def show_targets(campaign: Campaign, measured: dict[str, Any]) -> dict[str, Any]:
    """What is behind, and how far it is to each target, for those who run the campaign."""
    cells = measured["all_cells"]
    standing = find_standing(campaign_id=campaign.pk)
    shares = list_share_rows(campaign_id=campaign.pk)
    tags = count_tags(campaign_id=campaign.pk, tags=[row["value"] for row in shares if row["axis"] == TargetAxis.TAG])
    return {
        "standing": standing,
        "targets": None
        if standing is None
        else describe_targets(standing.result["targets"], measured_at=standing.measured_at),
        "split": None if standing is None else describe_split(standing.result.get("split")),
        "behind": describe_behind(measured["behind_told"], cells),
        "shares": describe_shares(compare_shares(shares, cells, tags=tags)),
    }


def read_filters(request: PageRequest, languages: list[str]) -> Filters:
    """What the address asks for; what there is not is left out."""
    asked = request.GET
    length = asked.get("length", "")
    return Filters(
        language=asked["language"] if asked.get("language") in languages else "",
        difficulty=asked.get("difficulty", "")[:40],
        length=length if length in set(PromptLength) else "",
        shows_all=asked.get("all") == "1",
    )


urlpatterns = [path("campaigns/<slug:slug>/coverage/", coverage, name=TAB)]
