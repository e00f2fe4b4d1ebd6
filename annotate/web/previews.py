"""A campaign's work as volunteers see it, for its organizers: real pages whose buttons do nothing."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import get_campaign_for
from annotate.exceptions import NotFound
from annotate.models import Campaign
from annotate.queries.previews import find_preview
from annotate.queries.work_pages import Frame
from annotate.web.names import kind_name
from annotate.web.pages import Needs, PageRequest, page, render_page
from annotate.web.work_shown import show_work
from tasks.records.parameters import read_settings
from tasks.vocabulary import CampaignRole, Kind


@page("GET", needs=Needs.ACCOUNT)
def campaign_preview(request: PageRequest, slug: str) -> HttpResponse:
    """One kind of work of a campaign, as it would be shown. Nothing is taken, and nothing can be sent."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER, "guideline")
    kind = _choose_kind(campaign, request.GET.get("kind", ""))
    frame = _make_frame(campaign)
    assignment = find_preview(campaign=campaign, kind=kind, shown=frame.settings.candidates_shown)
    work = show_work(assignment, frame, now=timezone.now())
    kinds = [{"value": value, "title": kind_name(value), "is_shown": value == kind} for value in campaign.kinds]
    return render_page(request, "work/preview.html", {"work": work, "kinds": kinds, "campaign": campaign})


def _choose_kind(campaign: Campaign, wanted: str) -> Kind:
    if wanted and wanted not in campaign.kinds:
        raise NotFound(_("This campaign does not ask for that kind of work."), code="no_such_kind")
    return Kind(wanted or campaign.kinds[0])


def _make_frame(campaign: Campaign) -> Frame:
    return Frame(
        slug=campaign.slug,
        title=campaign.title,
        campaign_state=campaign.state,
        languages=campaign.languages,
        settings=read_settings(campaign.parameters),
        state="live",
        reason_code="first_judgment",
        reason_args={},
        guideline=campaign.guideline,
    )


urlpatterns = [path("campaigns/<slug:slug>/preview/", campaign_preview, name="campaign_preview")]
