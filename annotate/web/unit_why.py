"""Why a piece of work is where it is among what is offered: for those who run the campaign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import path
from django.utils.translation import gettext as _

from annotate.access import get_campaign_for
from annotate.exceptions import NotFound
from annotate.models import Campaign
from annotate.queries.rows import Row
from annotate.queries.unit_places import MOST_COUNTED, find_unit_place, list_unit_places
from annotate.web.coverage_nav import render_coverage
from annotate.web.coverage_words import LENGTHS, POLICIES
from annotate.web.pages import PageRequest, page
from annotate.web.unit_words import describe_terms, say_lift, say_place
from annotate.web.work_words import describe_reason
from tasks.records.parameters import read_settings
from tasks.vocabulary import CampaignRole


@page("GET")
def unit_why(request: PageRequest, slug: str, unit: UUID) -> HttpResponse:
    """One unit."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.MODERATOR)
    found = find_unit_place(campaign_id=campaign.pk, public_id=unit)
    if found is None:
        raise NotFound(_("This campaign has no such piece of work."), code="unit_not_found")
    return show_units(request, campaign, [found])


@page("GET")
def message_why(request: PageRequest, slug: str, parent_id: int) -> HttpResponse:
    """All units on one message."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.MODERATOR)
    units = list_unit_places(campaign_id=campaign.pk, message_id=min(parent_id, 2**63 - 1))
    if not units:
        raise NotFound(_("Nobody is asked for anything about this message now, nor was before."), code="unit_not_found")
    return show_units(request, campaign, units)


def show_units(request: PageRequest, campaign: Campaign, units: Sequence[Row]) -> HttpResponse:
    """Each with its place and what that came from."""
    settings = read_settings(campaign.parameters)
    described = [describe_unit(unit, wait_days=settings.wait_days, policy=settings.policy) for unit in units]
    return render_coverage(request, campaign, "coverage/unit.html", {"units": described, "subject": units[0]})


def describe_unit(unit: Row, *, wait_days: float, policy: str) -> dict[str, Any]:
    cell, terms = unit["cell"], unit["terms"]
    return {
        **unit,
        "place": say_place(unit, most=MOST_COUNTED),
        "policy_name": POLICIES.get(unit["policy"] or policy, unit["policy"]),
        "rows": describe_terms(terms),
        "value": terms.get("value", terms.get("score")),
        "lift": say_lift(terms, wait_days=wait_days),
        "told": describe_reason(code=unit["reason_code"], args=unit["reason_args"]),
        "length_name": LENGTHS.get(cell["length"], "") if cell else "",
    }


urlpatterns = [
    path("campaigns/<slug:slug>/units/<uuid:unit>/why/", unit_why, name="unit_why"),
    path("campaigns/<slug:slug>/messages/<int:parent_id>/why/", message_why, name="message_why"),
]
