"""What a campaign covers of what it wants to cover: over time, cell by cell, and when each target is reached."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import path

from annotate.web.coverage_nav import get_campaign_for_coverage, render_coverage
from annotate.web.pages import PageRequest, page

TAB = "coverage"


@page("GET")
def coverage(request: PageRequest, slug: str) -> HttpResponse:
    """For whoever may see the campaign."""
    campaign = get_campaign_for_coverage(request.actor, slug, TAB)
    return render_coverage(request, campaign, "coverage/show.html", {})


urlpatterns = [path("campaigns/<slug:slug>/coverage/", coverage, name=TAB)]
