"""The pages of a campaign as links, for those who may open them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotate.access import INCLUDES
from annotate.models import Campaign
from annotate.services.gold_answers import list_gold_kinds
from annotate.web import coverage_nav
from annotate.web.results_nav import TABS
from tasks.vocabulary import STARTING_KINDS, WRITING_KINDS, CampaignRole

register = template.Library()

#: What lies under the first page of results.
OTHER_RESULTS = [name for tab in TABS for name in (tab.name, *tab.under) if name != TABS[0].name]
#: What lies under the first page of coverage.
OTHER_COVERAGE = (
    *(name for tab in coverage_nav.TABS for name in (tab.name, *tab.under) if name != coverage_nav.TABS[0].name),
    *coverage_nav.OF_ONE_UNIT,
)


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """A page, whose role it needs (None: nobody's), the pages that lie under it, and where it is shown at all."""

    name: str
    title: str | Promise
    role: CampaignRole | None = CampaignRole.ORGANIZER
    under: tuple[str, ...] = ()
    where: Callable[[Campaign], bool] = lambda _campaign: True


def asks_for_prompts(campaign: Campaign) -> bool:
    """Whether trees grow here, or people are to write prompts."""
    return bool(campaign.parameters.get("grow_trees")) or any(kind in STARTING_KINDS for kind in campaign.kinds)


def may_have_gold(campaign: Campaign) -> bool:
    """Whether an answer can be known beforehand here, and kept from those who judge."""
    return bool(list_gold_kinds(campaign))


def has_texts_by_people(campaign: Campaign) -> bool:
    """Whether people write here, so that what they wrote may be worded better."""
    return asks_for_prompts(campaign) or any(kind in WRITING_KINDS for kind in campaign.kinds)


PAGES = (
    CampaignPage("campaign", _("Overview"), None),
    CampaignPage("results_agreement", _("Results"), None, under=tuple(OTHER_RESULTS)),
    CampaignPage("coverage", _("Coverage"), None, under=OTHER_COVERAGE),
    CampaignPage("guideline", _("Guideline"), None),
    CampaignPage("campaign_messages", _("Messages"), None),
    CampaignPage("proposals", _("Wordings"), None, where=has_texts_by_people),
    CampaignPage(
        "campaign_edit",
        _("Edit"),
        under=("edit_guideline", "edit_questions", "edit_targets", "edit_file", "campaign_state"),
    ),
    CampaignPage("imports", _("Imports"), under=("import_run",)),
    CampaignPage("briefs", _("Briefs"), under=("brief",), where=asks_for_prompts),
    CampaignPage("generators", _("Generators"), CampaignRole.MODERATOR),
    CampaignPage("gold_items", _("Gold"), under=("gold_new", "gold_choose", "gold_promote"), where=may_have_gold),
    CampaignPage("members", _("Members")),
    CampaignPage("releases", _("Releases"), under=("release",)),
    CampaignPage("audit", _("Audit")),
    CampaignPage("campaign_preview", _("Preview")),
    CampaignPage("campaign_api", _("API")),
)


@register.inclusion_tag("components/campaign_nav.html", takes_context=True)
def campaign_nav(context: template.Context, campaign: Campaign) -> dict[str, Any]:
    """`{% campaign_nav campaign %}`: the campaign came from `access.get_campaign_for`, which noted the role."""
    request = context["request"]
    role = getattr(campaign, "actor_role", None)
    roles = INCLUDES[CampaignRole.ORGANIZER] if request.actor.is_administrator else _included(role)
    match = request.resolver_match
    here = match.url_name if match is not None else ""
    links = [
        {"title": page.title, "address": address, "is_here": page.name == here, "is_over": here in page.under}
        for page in PAGES
        if (page.role is None or page.role in roles)
        and page.where(campaign)
        and (address := _address(page.name, campaign))
    ]
    return {"campaign": campaign, "links": links, "role": role}


def _included(role: str | None) -> frozenset[CampaignRole]:
    return INCLUDES[CampaignRole(role)] if role else frozenset()


def _address(name: str, campaign: Campaign) -> str:
    try:
        return reverse(name, args=[campaign.slug])
    except NoReverseMatch:
        return ""
