"""Which campaigns there are, and what each of them needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from django.utils.translation import gettext as _

from annotate.models import Campaign
from annotate.queries.campaign_lists import Needs as CampaignNeeds
from annotate.queries.campaign_lists import load_needs
from annotate.queries.campaigns import list_visible_campaigns
from annotate.queries.growth import grows_by_itself
from annotate.web.campaign_forms import COMMON_LANGUAGES
from annotate.web.campaign_words import role_name
from annotate.web.lists import take_part
from annotate.web.names import language_name, state_name
from annotate.web.pages import PageRequest, page, render_page
from tasks.text.languages import BadLanguage, normalise_language
from tasks.vocabulary import CampaignState

#: Languages that a campaign's line names; the others are counted.
MOST_LANGUAGES = 6
PURPOSE_CHARS = 240
OPEN, EVERY = CampaignState.OPEN.value, "any"


@page("GET")
def campaigns(request: PageRequest) -> HttpResponse:
    """Open campaigns for everybody, newest first; others by the filters, for those who may see them."""
    filters = read_filters(request)
    part = take_part(request, find_campaigns(request, filters))
    needs = load_needs(campaign_ids=[campaign.pk for campaign in part.rows])
    context = {
        "part": part,
        "campaigns": [present(campaign, needs[campaign.pk]) for campaign in part.rows],
        "filters": filters,
        "languages": list_languages(filters["language"], part.rows),
        "states": [(EVERY, _("any"), filters["state"] == EVERY), *list_states(filters["state"])],
        "may_make": may_make(request),
        "is_filtered": filters["is_filtered"],
    }
    return render_page(request, "campaigns/list.html", context, fragment="campaigns/_found.html")


def find_campaigns(request: PageRequest, filters: dict[str, Any]) -> QuerySet[Campaign]:
    """Those that this person may see, by the filters."""
    return list_visible_campaigns(
        user_id=request.actor.user_id,
        is_administrator=request.actor.is_administrator,
        states=() if filters["state"] == EVERY else (filters["state"],),
        language=filters["language"] or None,
        mine=filters["mine"],
    )


def read_filters(request: PageRequest) -> dict[str, Any]:
    """What the address asks for. One's own campaigns are shown in every state unless it names one."""
    mine = request.GET.get("mine") == "1" and request.actor.user is not None
    state = request.GET.get("state", "")
    known = {EVERY, *(state.value for state in CampaignState)}
    try:
        language = normalise_language(request.GET.get("language", "").strip()) if request.GET.get("language") else ""
    except BadLanguage:
        language = ""
    chosen = state if state in known else EVERY if mine else OPEN
    return {
        "mine": mine,
        "state": chosen,
        "language": language,
        "is_filtered": bool(language or mine or chosen != OPEN),
    }


def list_languages(chosen: str, campaigns: Iterable[Campaign]) -> list[tuple[str, str, bool]]:
    """Languages to choose from: those many work in, those of what is shown, and the one of the address."""
    shown = sorted({code for campaign in campaigns for code in campaign.languages})
    codes = dict.fromkeys([*COMMON_LANGUAGES, *shown, *filter(None, [chosen])])
    return [(code, language_name(code), code == chosen) for code in codes]


def list_states(chosen: str) -> list[tuple[str, str, bool]]:
    return [(state.value, state_name(state.value), state.value == chosen) for state in CampaignState]


def may_make(request: PageRequest) -> bool:
    user = request.actor.user
    return user is not None and (settings.OPEN_CAMPAIGNS or user.is_administrator)


def present(campaign: Campaign, needs: CampaignNeeds) -> dict[str, Any]:
    """A campaign in the list. Reads no other row."""
    role: str | None = campaign.actor_role  # type: ignore[attr-defined]  # an annotation of the query
    purpose = campaign.purpose.strip()
    return {
        "slug": campaign.slug,
        "title": campaign.title,
        "purpose": purpose if len(purpose) <= PURPOSE_CHARS else purpose[:PURPOSE_CHARS].rsplit(" ", 1)[0] + "…",
        "state": campaign.state,
        "is_open": campaign.state == CampaignState.OPEN,
        "role": role_name(role) if role else "",
        "languages": [(code, language_name(code)) for code in campaign.languages[:MOST_LANGUAGES]],
        "more_languages": max(0, len(campaign.languages) - MOST_LANGUAGES),
        "kinds": campaign.kinds,
        "grows": grows_by_itself(campaign),
        "licence": campaign.licence,
        "allow_guests": campaign.allow_guests,
        "needs": needs,
        "more_cells": needs.cells - len(needs.missing),
    }


urlpatterns = [path("campaigns/", campaigns, name="campaigns")]
