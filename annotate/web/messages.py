"""Messages to read: the newest, by language and campaign, and those that have the words one looks for."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import path
from django.utils.translation import gettext as _

from annotate.access import get_campaign_for, reader_of
from annotate.exceptions import InvalidInput
from annotate.models import Campaign
from annotate.queries.campaigns import list_visible_campaigns
from annotate.queries.message_lists import MessageRow, list_recent
from annotate.queries.search import find_messages
from annotate.web.campaign_forms import COMMON_LANGUAGES
from annotate.web.lists import MAX_ID, change_query, read_whole
from annotate.web.message_words import REVIEWS, role_name
from annotate.web.names import language_name
from annotate.web.pages import Needs, PageRequest, page, render_page
from annotate.web.tree_words import tree_state_name
from tasks.text.languages import BadLanguage, normalise_language
from tasks.text.searching import Segment

#: Characters of a query, and campaigns to choose from.
MAX_QUERY_CHARS, MOST_CAMPAIGNS = 200, 50


@page("GET", needs=Needs.ANNOTATOR)
def messages(request: PageRequest) -> HttpResponse:
    """Of all campaigns that this reader may see, or of one that the address names."""
    campaigns = list_visible_campaigns(
        user_id=request.actor.user_id, is_administrator=request.actor.is_administrator
    ).order_by("-pk")
    choices = list(campaigns.values_list("slug", "title")[:MOST_CAMPAIGNS])
    slug = request.GET.get("campaign", "").replace("\0", "")[:100]
    if slug and slug not in dict(choices):
        choices += list(campaigns.filter(slug=slug).values_list("slug", "title")[:1])
    chosen = slug if slug in dict(choices) else ""
    shown = [(value, title, value == chosen) for value, title in choices]
    return show_messages(request, slug=chosen, more={"campaigns": shown})


@page("GET", needs=Needs.ANNOTATOR)
def campaign_messages(request: PageRequest, slug: str) -> HttpResponse:
    """Those of one campaign, among its pages."""
    campaign = get_campaign_for(request.actor, slug)
    return show_messages(request, slug=slug, more={"campaign": campaign}, campaign=campaign)


def show_messages(
    request: PageRequest, *, slug: str, more: dict[str, Any], campaign: Campaign | None = None
) -> HttpResponse:
    """The list by the filters in the address. A search without a word in it is told, and lists the newest."""
    prompts = request.GET.get("prompts") == "1"
    filters: dict[str, Any] = {
        "language": read_language(request.GET.get("language", "")),
        "campaign": slug or None,
        "prompts_only": prompts,
        "before": read_whole(request.GET.get("before"), high=MAX_ID),
    }
    q, wrong = request.GET.get("q", "").replace("\0", "").strip()[:MAX_QUERY_CHARS], ""
    found, is_search = None, bool(q)
    if is_search:
        try:
            found = find_rows(request, q=q, **filters)
        except InvalidInput as error:
            wrong, is_search = error.message, False
    rows, last = found or list_rows(request, **filters)
    context = {
        "rows": rows,
        "q": q,
        "wrong": wrong,
        "is_search": is_search,
        "prompts": prompts,
        "languages": list_languages(filters["language"], campaign),
        "is_filtered": bool(is_search or filters["language"] or slug),
        "older": change_query(request, before=last) if last is not None else None,
        "newest": change_query(request, before=None) if filters["before"] else None,
    }
    return render_page(request, "messages/list.html", context | more, fragment="messages/_found.html")


def find_rows(request: PageRequest, *, q: str, **filters: Any) -> tuple[list[dict[str, Any]], int | None]:
    """What has the words, with the part of each text around them."""
    part = find_messages(q=q, reader=reader_of(request.actor), **filters)
    return [present(found.message, found.snippet) for found in part.found], part.next_before


def list_rows(request: PageRequest, **filters: Any) -> tuple[list[dict[str, Any]], int | None]:
    """The newest, each with the start of its text."""
    part = list_recent(reader=reader_of(request.actor), **filters)
    return [present(row, (Segment(row.text),)) for row in part.messages], part.next_before


def present(row: MessageRow, text: tuple[Segment, ...]) -> dict[str, Any]:
    review = REVIEWS.get(row.review) if row.review is not None else None
    return {
        "message": row,
        "text": text,
        "who": role_name(row.role),
        "review": review,
        "state": tree_state_name(row.tree_state),
    }


def read_language(text: str) -> str | None:
    try:
        return normalise_language(text.strip()) if text else None
    except BadLanguage:
        return None


def list_languages(chosen: str | None, campaign: Campaign | None) -> list[tuple[str, str, bool]]:
    """Languages to choose from: the campaign's, or those many work in; and the one of the address."""
    codes = dict.fromkeys([*(campaign.languages if campaign else COMMON_LANGUAGES), *filter(None, [chosen])])
    return [("", _("any"), not chosen), *((code, language_name(code), code == chosen) for code in codes)]


urlpatterns = [
    path("messages/", messages, name="messages"),
    path("campaigns/<slug:slug>/messages/", campaign_messages, name="campaign_messages"),
]
