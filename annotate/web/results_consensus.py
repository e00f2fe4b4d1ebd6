"""What the rankings add up to: the prompts with their consensus, and one of them with every ballot behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.urls import path
from django.utils.translation import gettext_lazy

from annotate.exceptions import NotFound
from annotate.models import Message
from annotate.queries.consensus import ORDERS, find_consensus, list_ballots, list_in_order
from annotate.queries.reading import start_of
from annotate.queries.results import describe_consensus
from annotate.rendering import render_many
from annotate.web.consensus_shown import (
    describe_ballot,
    describe_entry,
    describe_pairs,
    name_letter,
    say_origins,
    sort_tier,
)
from annotate.web.field_words import Words
from annotate.web.lists import take_stretch
from annotate.web.names import language_name
from annotate.web.pages import PageRequest, page
from annotate.web.results_nav import get_campaign_for_tab, is_insider, render_results

TAB, PARENT = "results_consensus", "results_consensus_parent"
#: Prompts on a page of the list, ballots on the page of one.
PAGE_SIZE, BALLOTS = 20, 50
#: Characters of a prompt and of a reply in the list.
PROMPT_CHARS, REPLY_CHARS = 200, 90

ORDER_NAMES: dict[str, Words] = {
    "unsure": gettext_lazy("least sure first"),
    "newest": gettext_lazy("newest first"),
    "contested": gettext_lazy("most contested first"),
}
assert set(ORDER_NAMES) == set(ORDERS)

NOT_KNOWN_YET = gettext_lazy(
    "This message has no consensus here: nobody has ranked its replies, or it is being computed and will be here in a moment."
)


@page("GET")
def consensus(request: PageRequest, slug: str) -> HttpResponse:
    """The prompts that have a consensus, in the order and language that the address names."""
    campaign = get_campaign_for_tab(request.actor, slug, TAB)
    order = request.GET.get("order", "")
    order = order if order in ORDERS else "unsure"
    language = request.GET.get("language", "")
    language = language if language in campaign.languages else ""
    read = partial(list_in_order, campaign_id=campaign.pk, language=language or None, order=order)
    part = take_stretch(request, lambda offset, limit: read(offset=offset, limit=limit), size=PAGE_SIZE)
    context = {
        "entries": list_entries(part.rows),
        "part": part,
        "is_filtered": bool(language) or part.newest is not None,
        "orders": [(name, title, name == order) for name, title in ORDER_NAMES.items()],
        "languages": [(code, language_name(code), code == language) for code in campaign.languages],
    }
    return render_results(request, campaign, "results/consensus.html", context, fragment="results/_parents.html")


@page("GET")
def consensus_parent(request: PageRequest, slug: str, parent_id: int) -> HttpResponse:
    """One prompt: its replies in tiers, how sure each is, and the ballots, for those who run the campaign."""
    campaign = get_campaign_for_tab(request.actor, slug, PARENT)
    parent = find_consensus(campaign_id=campaign.pk, parent_id=parent_id)
    if parent is None or parent.current_consensus is None:
        raise NotFound(str(NOT_KNOWN_YET), code="consensus_not_found")
    (entry,) = describe_consensus([parent], with_texts=True)
    shown = describe_entry(entry)
    context: dict[str, Any] = {
        "entry": shown,
        "asked": render_many([entry["text"]])[0].html if entry["text"] else "",
        "pairs": describe_pairs(parent.current_consensus.result, shown["letters"]),
        "tree_id": parent.tree_id,
    }
    if is_insider(request.actor, campaign):
        context |= show_ballots(request, parent, shown["letters"])
    return render_results(request, campaign, "results/consensus_parent.html", context)


def show_ballots(request: PageRequest, parent: Message, letters: Mapping[int, str]) -> dict[str, Any]:
    """A part of the ballots, as they came in."""
    part = take_stretch(
        request,
        lambda offset, limit: list_ballots(parent_id=parent.pk, limit=limit, offset=offset),
        size=BALLOTS,
    )
    return {"ballots": [describe_ballot(row, letters) for row in part.rows], "part": part}


def list_entries(rows: Sequence[Message]) -> list[dict[str, Any]]:
    """Prompts as the list shows them: the start of each, and its replies from the best on."""
    return [
        {
            **entry,
            "text": start_of(entry["text"] or "", length=PROMPT_CHARS),
            "replies": list_replies(entry),
            "uncounted": len(entry["unplaced"]),
        }
        for entry in describe_consensus(rows, with_texts=True)
    ]


def list_replies(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The replies of a prompt, lettered from the best on; ties share a rank, the stronger first."""
    placed = [each for tier in entry["tiers"] for each in sort_tier(tier)]
    return [
        {
            **each,
            "letter": name_letter(place),
            "text": start_of(each["text"] or "", length=REPLY_CHARS),
            "origin": say_origins(each["origins"]),
        }
        for place, each in enumerate(placed)
    ]


urlpatterns = [
    path("campaigns/<slug:slug>/results/consensus/", consensus, name=TAB),
    path("campaigns/<slug:slug>/results/consensus/<int:parent_id>/", consensus_parent, name=PARENT),
]
