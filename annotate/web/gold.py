"""Gold items of a campaign: what is known, how people answer it, and how more of it is made. For organizers alone."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import get_campaign_for, reader_of
from annotate.exceptions import ChorusError, NotFound
from annotate.models import Campaign
from annotate.queries.gold_items import find_order, list_replies
from annotate.queries.message_access import get_readable
from annotate.services.gold import choose_gold, promote_gold, retire_gold
from annotate.services.gold_writing import write_gold
from annotate.web.editing import MAX_REASON_CHARS
from annotate.web.fields import Field, Problems, check_fields, problems_of, tell_wrong
from annotate.web.gold_forms import (
    SHOWN,
    answer_fields,
    candidate_fields,
    kind_options,
    label_fields,
    list_kinds,
    place_field,
    read_chosen,
    read_written,
    text_fields,
)
from annotate.web.gold_shown import describe_list
from annotate.web.lists import MAX_ID, read_whole
from annotate.web.pages import Needs, PageRequest, page, render_page
from tasks.vocabulary import CampaignRole, Kind, MessageRole

FIELD_OF_CODE = {"prompt_is_there": "prompt"}


@page("GET", needs=Needs.ACCOUNT)
def gold_items(request: PageRequest, slug: str) -> HttpResponse:
    """The items, and what could be promoted. `message` leads to the form for one that is there."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    if (message := read_whole(request.GET.get("message"), high=MAX_ID)) is not None:
        return redirect("gold_choose", slug, message)
    context = {"campaign": campaign, **describe_list(request, campaign)}
    return render_page(request, "gold/list.html", context)


@page("GET", "POST", needs=Needs.ACCOUNT)
def gold_new(request: PageRequest, slug: str) -> HttpResponse:
    """Write an item; `kind` says of which kind of work."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    kind = _read_kind(request, campaign)
    if request.method != "POST":
        return _show_new(request, campaign, kind, {})
    try:
        values = read_written(request.POST.dict(), kind=kind)
        write_gold(campaign=campaign, values=values, actor=request.actor, now=timezone.now())
    except ChorusError as error:
        return _show_new(request, campaign, kind, problems_of(error, FIELD_OF_CODE), status=error.status)
    return _go_back(request, slug)


@page("GET", "POST", needs=Needs.ACCOUNT)
def gold_choose(request: PageRequest, slug: str, message_id: int) -> HttpResponse:
    """Give the answer to a conversation that is there."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    row = _get_message(request, campaign, message_id)
    kind, replies = _read_kind(request, campaign), list_replies(message_id=row["id"])
    if request.method != "POST":
        return _show_choose(request, campaign, row, kind, replies, {})
    try:
        values = read_chosen(request.POST.dict(), kind=kind, message=row["id"], replies=list(replies))
        choose_gold(campaign=campaign, values=values, actor=request.actor, now=timezone.now())
    except ChorusError as error:
        problems = problems_of(error, FIELD_OF_CODE)
        return _show_choose(request, campaign, row, kind, replies, problems, status=error.status)
    return _go_back(request, slug)


@page("GET", "POST", needs=Needs.ACCOUNT)
def gold_promote(request: PageRequest, slug: str, message_id: int) -> HttpResponse:
    """Look at a certain order, and make it an answer."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    row = _get_message(request, campaign, message_id)
    if request.method != "POST":
        return _show_promote(request, campaign, row, {})
    try:
        said = request.POST.get("explanation", "")
        promote_gold(campaign=campaign, message_id=row["id"], actor=request.actor, now=timezone.now(), explanation=said)
    except ChorusError as error:
        return _show_promote(request, campaign, row, problems_of(error), status=error.status)
    return _go_back(request, slug)


@page("POST", needs=Needs.ACCOUNT)
def gold_retire(request: PageRequest, slug: str, item: int) -> HttpResponse:
    """Offer an item no more, and tell its answer to everybody who gave one."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    reason = request.POST.get("reason", "").strip()[:MAX_REASON_CHARS]
    retire_gold(campaign=campaign, unit_id=min(item, MAX_ID), actor=request.actor, now=timezone.now(), reason=reason)
    messages.success(request, _("It is retired, and explained to everybody who answered it."))
    return redirect("gold_items", slug)


def _go_back(request: PageRequest, slug: str) -> HttpResponse:
    messages.success(request, _("The gold item is ready. It asks for no ordinary work any more."))
    return redirect("gold_items", slug)


def _read_kind(request: PageRequest, campaign: Campaign) -> str:
    kinds = list_kinds(campaign)
    said = request.POST.get("kind") or request.GET.get("kind") or (kinds[0] if kinds else "")
    return said if said in kinds else (kinds[0] if kinds else "")


def _get_message(request: PageRequest, campaign: Campaign, message_id: int) -> dict[str, Any]:
    row = get_readable(message_id=min(message_id, MAX_ID), reader=reader_of(request.actor))
    if row["campaign_id"] != campaign.pk:
        raise NotFound(_("There is no such message in this campaign."), code="message_not_found")
    return row


def _show_promote(
    request: PageRequest, campaign: Campaign, row: dict[str, Any], problems: Problems, *, status: int = 200
) -> HttpResponse:
    fields = check_fields(answer_fields(request.POST.dict(), ordered=False), problems)
    context = {"campaign": campaign, "message": row, "order": find_order(message_id=row["id"]), "fields": fields,
               **tell_wrong(fields, problems)}  # fmt: skip
    return render_page(request, "gold/promote.html", context, status=status)


def _show_new(
    request: PageRequest, campaign: Campaign, kind: str, problems: Problems, *, status: int = 200
) -> HttpResponse:
    said = request.POST.dict()
    head = check_fields(text_fields(campaign, said), problems)
    rows: list[Field] = []
    if kind == Kind.LABEL:
        reply = Field(
            "reply", _("Reply (empty: the prompt itself is asked about)"), "area", said.get("reply", ""), rows=3
        )
        foot = [reply, *label_fields(campaign, said, role=None), *answer_fields(said, ordered=False)]
    else:
        rows = check_fields(candidate_fields(said), problems)
        foot = answer_fields(said, ordered=True)
    foot = check_fields(foot, problems)
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    context = {"campaign": campaign, "kind": kind, "kinds": kind_options(list_kinds(campaign), kind), "head": head,
               "rows": pairs[:SHOWN], "more_rows": pairs[SHOWN:], "foot": foot,
               **tell_wrong([*head, *rows, *foot], problems)}  # fmt: skip
    return render_page(request, "gold/new.html", context, status=status)


def _show_choose(
    request: PageRequest,
    campaign: Campaign,
    row: dict[str, Any],
    kind: str,
    replies: dict[int, str],
    problems: Problems,
    *,
    status: int = 200,
) -> HttpResponse:
    said, is_label = request.POST.dict(), kind == Kind.LABEL
    rows = [] if is_label else [
        (text, place_field(f"place.{reply}", _("Reply %(number)s") % {"number": number}, said, number))
        for number, (reply, text) in enumerate(replies.items(), start=1)
    ]  # fmt: skip
    labels = label_fields(campaign, said, role=MessageRole(row["role"])) if is_label else []
    foot = check_fields([*labels, *answer_fields(said, ordered=not is_label)], problems)
    context = {"campaign": campaign, "message": row, "kind": kind, "kinds": kind_options(list_kinds(campaign), kind),
               "rows": rows, "foot": foot, **tell_wrong(foot, problems)}  # fmt: skip
    return render_page(request, "gold/choose.html", context, status=status)


urlpatterns = [
    path("campaigns/<slug:slug>/gold/", gold_items, name="gold_items"),
    path("campaigns/<slug:slug>/gold/new/", gold_new, name="gold_new"),
    path("campaigns/<slug:slug>/gold/choose/<int:message_id>/", gold_choose, name="gold_choose"),
    path("campaigns/<slug:slug>/gold/promote/<int:message_id>/", gold_promote, name="gold_promote"),
    path("campaigns/<slug:slug>/gold/<int:item>/retire/", gold_retire, name="gold_retire"),
]
