"""Open, pause and close a campaign."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.exceptions import ChorusError
from annotate.models import Campaign
from annotate.queries.campaign_lists import load_needs
from annotate.queries.growth import grows_by_itself
from annotate.queries.progress import get_progress
from annotate.services.campaigns import change_campaign
from annotate.web.campaign_words import STATE_HEADS, TRANSITIONS
from annotate.web.editing import MAX_REASON_CHARS, get_edited
from annotate.web.names import state_name
from annotate.web.pages import Needs, PageRequest, page, render_page
from tasks.records.campaigns import CampaignSpec
from tasks.vocabulary import CampaignState

#: Closing asks once more.
ASKS_TWICE = frozenset({CampaignState.CLOSED.value})
REFUSED = frozenset({"campaign_not_ready", "state_not_reachable"})


@page("GET", "POST", needs=Needs.ACCOUNT)
def campaign_state(request: PageRequest, slug: str) -> HttpResponse:
    """Where the campaign stands and where it can go; a press takes it there, closing after another one."""
    campaign = get_edited(request, slug)
    if request.method != "POST":
        return show_state(request, campaign)
    wanted = request.POST.get("state", "")
    if wanted not in set(CampaignState):
        return show_state(request, campaign, refused=_("Choose one of the buttons."), status=422)
    if wanted in ASKS_TWICE and wanted != campaign.state and request.POST.get("sure") != "1":
        return show_state(request, campaign, asking=wanted)
    try:
        move_campaign(request, campaign, CampaignState(wanted))
    except ChorusError as error:
        if error.code not in REFUSED:
            raise
        return show_state(request, campaign, refused=error.message, status=error.status)
    messages.success(request, _("The campaign is %(state)s now.") % {"state": state_name(campaign.state)})
    return redirect("campaign", slug)


def move_campaign(request: PageRequest, campaign: Campaign, state: CampaignState) -> None:
    """Take a campaign to a state, with the reason that was written. Raises `ChorusError`."""
    reason = request.POST.get("reason", "").strip()[:MAX_REASON_CHARS]
    spec = CampaignSpec(state=state)
    change_campaign(campaign=campaign, spec=spec, actor=request.actor, now=timezone.now(), reason=reason)


def show_state(
    request: PageRequest, campaign: Campaign, *, asking: str = "", refused: str = "", status: int = 200
) -> HttpResponse:
    needs = load_needs(campaign_ids=[campaign.pk])[campaign.pk]
    context: dict[str, Any] = {
        "campaign": campaign,
        "head": STATE_HEADS[campaign.state],
        "ways": list_ways(campaign),
        "asking": next((way for way in list_ways(campaign) if way["state"] == asking), None),
        "refused": refused,
        "reason": request.POST.get("reason", ""),
        "needs": needs,
        "grows": grows_by_itself(campaign),
        "held": get_progress(campaign_id=campaign.pk, now=timezone.now(), is_insider=True)["units"]["held"],
        "lease_minutes": round(campaign.parameters.get("lease_seconds", 1800) / 60),
    }
    return render_page(request, "campaigns/state.html", context, status=status)


def list_ways(campaign: Campaign) -> list[dict[str, Any]]:
    """Where the campaign can go from here; the first is the one that is asked for most."""
    return [
        {"state": str(after), "title": title, "meaning": meaning, "is_main": after == CampaignState.OPEN}
        for (before, after), (title, meaning) in TRANSITIONS.items()
        if before == campaign.state
    ]


urlpatterns = [path("campaigns/<slug:slug>/state/", campaign_state, name="campaign_state")]
