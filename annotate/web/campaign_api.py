"""How to reach a campaign by programs: the calls that its organizers need, with its own addresses in them."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import path, reverse

from annotate.access import get_campaign_for
from annotate.web.pages import Needs, PageRequest, page, render_page
from tasks.vocabulary import CampaignRole


@page("GET", needs=Needs.ACCOUNT)
def campaign_api(request: PageRequest, slug: str) -> HttpResponse:
    """Calls as one would type them; a token is never shown here."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    names = ("campaign", "imports", "generation", "releases", "audit_export")
    addresses = {name: request.build_absolute_uri(reverse(f"api:{name}", args=[slug])) for name in names}
    return render_page(request, "campaigns/api.html", {"campaign": campaign, "at": addresses})


urlpatterns = [path("campaigns/<slug:slug>/api/", campaign_api, name="campaign_api")]
