"""A whole tree to read: what was said, what became of it, and what is kept from this reader until they have judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _

from annotate.access import get_campaign_for, reader_of
from annotate.exceptions import NotFound
from annotate.models import Campaign
from annotate.queries.consensus import find_sureness
from annotate.queries.message_trees import find_place, get_tree
from annotate.queries.reading import start_of
from annotate.queries.tree_shapes import MessageShown, TreeShown
from annotate.rendering import render_many
from annotate.web.consensus_shown import say_sureness
from annotate.web.lists import MAX_ID, change_query, read_whole
from annotate.web.message_words import describe_author, describe_label, describe_review, role_name, show_reactions
from annotate.web.pages import Needs, PageRequest, page, render_page
from annotate.web.tree_layout import Step, lay_out
from annotate.web.tree_words import REASONS, STATES
from tasks.vocabulary import CampaignState, Kind, TreeReason, TreeState

#: Messages on one page.
PAGE_SIZE = 60
#: Characters of a folded reply, and of a page's name.
GLIMPSE_CHARS, NAME_CHARS = 140, 60


@page("GET", needs=Needs.ANNOTATOR)
def tree(request: PageRequest, tree_id: int) -> HttpResponse:
    """The tree as far as this reader may see it; `to` names a message whose branches are open."""
    after = read_whole(request.GET.get("after"), high=MAX_ID)
    shown = get_tree(tree_id=min(tree_id, MAX_ID), reader=reader_of(request.actor), after=after, limit=PAGE_SIZE)
    campaign = get_campaign_for(request.actor, shown.campaign_slug)
    all_open = request.GET.get("all") == "1"
    steps = lay_out(shown.messages, opened=read_whole(request.GET.get("to"), high=MAX_ID), all_open=all_open)
    context = {
        "tree": shown,
        "campaign": campaign,
        "steps": list(show_steps(steps, tree=shown, acts=find_acts(request, campaign), sure=find_sure(steps, shown))),
        **describe_state(shown),
        "name": start_of(shown.messages[0].text or "", length=NAME_CHARS) if shown.messages else "",
        **lead_on(request, after=after, following=shown.next_after, all_open=all_open),
        "folds": all_open or any(step.kind == "branch" and not step.is_open for step in steps),
        "here": request.get_full_path(),
        "words": {"copied": _("The address is copied.")},
    }
    return render_page(request, "trees/tree.html", context)


def lead_on(request: PageRequest, *, after: int | None, following: int | None, all_open: bool) -> dict[str, Any]:
    """Addresses of the rest of a long tree, of its beginning, and of all of it unfolded."""
    return {
        "following": change_query(request, after=following, to=None) if following else None,
        "start": change_query(request, after=None, to=None) if after else None,
        "unfold": change_query(request, all=None if all_open else 1),
        "all_open": all_open,
    }


@page("GET", needs=Needs.ANNOTATOR)
def message(request: PageRequest, message_id: int) -> HttpResponse:
    """To its place in its tree."""
    return redirect(address_of(request, message_id))


def address_of(request: PageRequest, message_id: int) -> str:
    """Where a message stands in its tree, for this reader. Raises `NotFound`."""
    place = find_place(message_id=min(message_id, MAX_ID), reader=reader_of(request.actor), page_size=PAGE_SIZE)
    if place is None:
        raise NotFound(_("There is no such message. Check its number."), code="message_not_found")
    query = {"to": message_id} | ({"after": place.after} if place.after is not None else {})
    return f"{reverse('tree', args=[place.tree_id])}?{urlencode(query)}#m{message_id}"


def describe_state(shown: TreeShown) -> dict[str, Any]:
    """The state in a word and a sentence, and how far the tree is where it has a goal."""
    words = STATES[TreeState(shown.state)]
    known = shown.state_reason in set(TreeReason) and TreeReason(shown.state_reason) != TreeReason.NONE
    grows = shown.state in (TreeState.GROWING, TreeState.PROMPT_REVIEW, TreeState.WAITING)
    goal = shown.goal_size if grows else None
    return {
        "state_name": words.name,
        "state_says": REASONS[TreeReason(shown.state_reason)] if known else words.enters,
        "goal": goal,
        "so_far": min(shown.message_count, goal) if goal else None,
    }


def find_acts(request: PageRequest, campaign: Campaign) -> dict[str, bool]:
    """What anybody like this reader may do with messages here, besides what depends on the message."""
    is_open = campaign.state == CampaignState.OPEN
    return {
        "label": is_open and Kind.LABEL in campaign.kinds,
        "revise": campaign.state in (CampaignState.OPEN, CampaignState.PAUSED),
        "suspend": request.actor.is_administrator,
    }


def find_sure(steps: list[Step], shown: TreeShown) -> dict[int, str]:
    """How sure one is of the replies to each message: for those who run the campaign, and once it is closed for everybody."""
    if not shown.is_insider and shown.campaign_state != CampaignState.CLOSED:
        return {}
    replies = {step.message.id: step.message for step in steps if step.message is not None and step.places}.values()
    taken = Counter((reply.parent_id, reply.rank) for reply in replies)
    places = {each.id: each.rank for each in replies if each.rank and taken[each.parent_id, each.rank] == 1}
    found = find_sureness(parent_ids=[reply.parent_id for reply in replies if reply.parent_id is not None])
    return {parent: said for parent, row in found.items() if (said := say_sureness(row["result"], places))}


def show_steps(
    steps: list[Step], *, tree: TreeShown, acts: dict[str, bool], sure: dict[int, str]
) -> Iterator[dict[str, Any]]:
    """Steps with everything that the template says about each message."""
    texts = [step.message.text for step in steps if step.kind == "message" and step.message and step.message.text]
    html = iter(render_many(texts))
    for step in steps:
        given: dict[str, Any] = {"kind": step.kind, "step": step}
        if step.message is not None:
            given |= describe_head(step.message, tree=tree)
        if step.kind == "branch" and step.message is not None:
            given["glimpse"] = start_of(step.message.text or "", length=GLIMPSE_CHARS)
        elif step.message is not None:
            given |= describe_body(step.message, acts=acts)
            given["html"] = next(html).html if step.message.text else ""
            given["sure"] = sure.get(step.message.id, "")
        yield given


def describe_head(shown: MessageShown, *, tree: TreeShown) -> dict[str, Any]:
    return {
        "message": shown,
        "who": role_name(shown.role),
        "author": describe_author(shown.authorship),
        "review": describe_review(shown),
        "other_language": shown.language if shown.language != tree.language else "",
    }


def describe_body(shown: MessageShown, *, acts: dict[str, bool]) -> dict[str, Any]:
    stands = shown.text is not None and not shown.is_removed
    others = stands and not shown.is_mine
    labels = [describe_label(label) for label in shown.labels or ()]
    return {
        "reactions": show_reactions(shown.reactions),
        "labels": [label for label in labels if not label["is_denied"]],
        "denied": [label for label in labels if label["is_denied"]],
        "may_react": others,
        "may_report": others,
        "may_label": others and acts["label"] and shown.my_label is None,
        "may_revise": stands and acts["revise"] and shown.proposal_id is None,
        "may_suspend": acts["suspend"] and shown.authorship is not None and shown.authorship.annotator_id is not None,
    }


urlpatterns = [
    path("trees/<int:tree_id>/", tree, name="tree"),
    path("messages/<int:message_id>/", message, name="message"),
]
