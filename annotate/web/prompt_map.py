"""The map of a campaign's prompts: what lies near what, where it is thin, and which prompts say nearly the same."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import path

from annotate.models import Campaign
from annotate.queries.topics import (
    FitState,
    count_hexes,
    find_fit,
    list_densities,
    list_points,
    list_thinnest,
    load_starts,
)
from annotate.queries.vectors import count_embedded
from annotate.web.coverage_nav import get_campaign_for_coverage, render_coverage
from annotate.web.pages import PageRequest, page
from annotate.web.prompt_plane import (
    HEIGHT,
    HEX_SIZE,
    MOST_DOTS,
    THIN,
    WIDTH,
    colour_of,
    draw_dots,
    draw_hexes,
    place_labels,
)
from annotate.web.rows import to_number
from tasks.records.topics import FEWEST_PROMPTS

TAB = "prompt_map"
THINNEST, PAIRS = 12, 12


@page("GET")
def prompt_map(request: PageRequest, slug: str) -> HttpResponse:
    """With `topic` in the address that topic alone is drawn, and its thinnest prompts are listed."""
    campaign = get_campaign_for_coverage(request.actor, slug, TAB)
    fit = find_fit(campaign_id=campaign.pk)
    chosen = to_number(request.GET.get("topic", "")[:9], int)
    number = chosen if isinstance(chosen, int) else None
    context: dict[str, Any] = {"fit": fit, "fewest": FEWEST_PROMPTS, "thin": THIN}
    if fit is None:
        context["waits"] = count_embedded(campaign_id=campaign.pk, embedder="")
    else:
        context |= describe_map(campaign, fit, number)
    return render_coverage(request, campaign, "coverage/map.html", context)


def describe_map(campaign: Campaign, fit: FitState, number: int | None) -> dict[str, Any]:
    """The drawing, the table beside it, what is thin and what is nearly the same. Four statements."""
    topics = list_densities(campaign_id=campaign.pk, thin=THIN)
    chosen = next((topic for topic in topics if topic["number"] == number), None)
    shown = [chosen] if chosen else topics
    count = sum(topic["prompts"] for topic in shown)
    asked: dict[str, Any] = {"campaign_id": campaign.pk, "topic": chosen["number"] if chosen else None}
    is_dots = count <= MOST_DOTS
    pairs = fit.result.get("pairs", [])[:PAIRS]
    texts = load_starts(message_ids=[one for pair in pairs for one in pair[:2]])
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "topics": [
            {**topic, "colour": colour_of(topic["number"]), "is_thin": topic["density"] < THIN} for topic in topics
        ],
        "chosen": chosen,
        "count": count,
        "dots": draw_dots(list_points(**asked, limit=MOST_DOTS)) if is_dots else [],
        "hexes": [] if is_dots else draw_hexes(count_hexes(**asked, size=HEX_SIZE)),
        "labels": place_labels(shown),
        "thinnest": list_thinnest(**asked, limit=THINNEST),
        "pairs": [
            {"one": one, "other": other, "one_text": texts[one], "other_text": texts[other], "nearness": nearness}
            for one, other, nearness in pairs
            if one in texts and other in texts
        ],
    }


urlpatterns = [path("campaigns/<slug:slug>/coverage/map/", prompt_map, name=TAB)]
