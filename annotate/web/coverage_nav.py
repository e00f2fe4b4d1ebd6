"""The pages on what a campaign covers of what it wants: a row of tabs, each for those who may see it.

A view calls `get_campaign_for_coverage`, which is the permission, and answers with `render_coverage`. Its template
extends coverage/base.html and fills the block `coverage`. A tab whose page is not among the addresses is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from annotate.access import Actor, get_campaign_for
from annotate.models import Campaign
from annotate.web.pages import PageRequest
from annotate.web.results_nav import Tab, anyone, is_insider, render_results
from tasks.vocabulary import CampaignRole

TABS = (
    Tab("coverage", _("Coverage"), anyone),
    Tab("target_space", _("What is wanted"), is_insider, under=("topic", "topics")),
    Tab("prompt_map", _("Map of prompts"), is_insider),
    Tab("simulate", _("Simulator"), is_insider, under=("simulation",)),
)
#: Pages of one unit, reached from wherever the unit is named.
OF_ONE_UNIT = ("unit_why", "message_why")


def get_campaign_for_coverage(actor: Actor, slug: str, name: str) -> Campaign:
    """The campaign, if this actor may see this page of it. `name` is a tab's, or of a page under one."""
    campaign = get_campaign_for(actor, slug)
    tab = next((tab for tab in TABS if name == tab.name or name in tab.under), None)
    if tab is not None and tab.seen_by(actor, campaign):
        return campaign
    return get_campaign_for(actor, slug, CampaignRole.MODERATOR)


def render_coverage(
    request: PageRequest,
    campaign: Campaign,
    template: str,
    context: Mapping[str, Any],
    *,
    fragment: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """A page of what is covered in its frame."""
    return render_results(request, campaign, template, context, tabs=TABS, fragment=fragment, status=status)
