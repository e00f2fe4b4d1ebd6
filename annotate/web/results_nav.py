"""The results of a campaign: one page for each question, as a row of tabs, each for those who may see it.

A view calls `get_campaign_for_tab`, which is the permission, and answers with `render_results`. Its template extends
results/base.html and fills the block `results`. A tab whose page is not among the addresses is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from annotate.access import Actor, get_campaign_for
from annotate.models import Campaign
from annotate.queries.campaigns import INSIDERS
from annotate.web.pages import PageRequest, render_page
from tasks.vocabulary import CampaignRole, CampaignState


def is_insider(actor: Actor, campaign: Campaign) -> bool:
    """Whether this person organizes or moderates the campaign, or administers the site."""
    return actor.is_administrator or campaign.actor_role in INSIDERS  # type: ignore[attr-defined]  # an annotation


def anyone(_actor: Actor, _campaign: Campaign) -> bool:
    """Whoever may see the campaign."""
    return True


def knowers(actor: Actor, campaign: Campaign) -> bool:
    """Those who run the campaign; everybody once it is closed, when nobody judges blind any more."""
    return campaign.state == CampaignState.CLOSED or is_insider(actor, campaign)


def shown_or_knowers(actor: Actor, campaign: Campaign) -> bool:
    """The same, and everybody where the campaign shows its leaderboard to those who judge."""
    return bool(campaign.parameters.get("show_leaderboard")) or knowers(actor, campaign)


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of results, who may see it, and the pages that lie under it."""

    name: str
    title: str | Promise
    seen_by: Callable[[Actor, Campaign], bool]
    under: tuple[str, ...] = ()


TABS = (
    Tab("results_agreement", _("Agreement"), anyone),
    Tab("results_consensus", _("Consensus"), knowers, under=("results_consensus_parent",)),
    Tab("results_leaderboard", _("Leaderboard"), shown_or_knowers),
    Tab("results_perspectives", _("Perspectives"), knowers),
    Tab("results_annotators", _("Annotators"), is_insider),
    Tab("results_findings", _("Findings"), is_insider, under=("results_finding",)),
    Tab("results_saving", pgettext_lazy("of rankings", "Saving"), is_insider),
)


def get_campaign_for_tab(actor: Actor, slug: str, name: str) -> Campaign:
    """The campaign, if this actor may see this page of its results. `name` is a tab's, or of a page under one."""
    campaign = get_campaign_for(actor, slug)
    tab = next(tab for tab in TABS if name == tab.name or name in tab.under)
    return campaign if tab.seen_by(actor, campaign) else get_campaign_for(actor, slug, CampaignRole.MODERATOR)


def render_results(
    request: PageRequest,
    campaign: Campaign,
    template: str,
    context: Mapping[str, Any],
    *,
    tabs: Sequence[Tab] = TABS,
    fragment: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """A page in its frame, under these tabs."""
    frame = {
        "campaign": campaign,
        "is_insider": is_insider(request.actor, campaign),
        "tabs": list_tabs(request, campaign, tabs),
    }
    return render_page(request, template, frame | dict(context), fragment=fragment, status=status)


def list_tabs(request: PageRequest, campaign: Campaign, tabs: Sequence[Tab] = TABS) -> list[dict[str, Any]]:
    """The tabs that this actor may open, and which of them is open."""
    match = request.resolver_match
    here = match.url_name if match is not None else ""
    return [
        {"title": tab.title, "address": address, "is_here": tab.name == here, "is_over": here in tab.under}
        for tab in tabs
        if tab.seen_by(request.actor, campaign) and (address := _find_address(tab.name, campaign))
    ]


def _find_address(name: str, campaign: Campaign) -> str:
    try:
        return reverse(name, args=[campaign.slug])
    except NoReverseMatch:
        return ""
