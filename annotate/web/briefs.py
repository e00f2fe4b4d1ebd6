"""What prompts are asked for: the briefs of a campaign, added, changed and closed by its organizers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.access import get_campaign_for
from annotate.exceptions import ChorusError, NotFound
from annotate.figures import whole
from annotate.models import Campaign
from annotate.queries.briefs import MOST_COUNTED, find_brief, list_briefs, list_topics
from annotate.services.briefs import LONGEST, MOST_WANTED, WORDS, change_brief, create_brief
from annotate.web.editing import MAX_REASON_CHARS
from annotate.web.fields import Field, Option, Problems, check_fields, problems_of, tell_wrong
from annotate.web.lists import take_slice
from annotate.web.names import language_name
from annotate.web.pages import Needs, PageRequest, page, render_page
from annotate.web.rows import to_number
from tasks.records.parameters import read_settings
from tasks.vocabulary import STARTING_KINDS, BriefOrigin, CampaignRole

#: The API has more.
MOST_LISTED, MOST_SHOWN = 500, 50
#: Refusals that a field is at fault for, and which.
FIELD_OF_CODE = {"brief_taken": "words", "brief_in_use": "words", "too_many_briefs": "language"}


@page("GET", "POST", needs=Needs.ACCOUNT)
def briefs(request: PageRequest, slug: str) -> HttpResponse:
    """The briefs, and the form that adds one."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    if request.method != "POST":
        return show_briefs(request, campaign, {})
    try:
        create_brief(campaign=campaign, values=read_form(request), actor=request.actor, reason=read_reason(request))
    except ChorusError as error:
        return show_briefs(request, campaign, problems_of(error, FIELD_OF_CODE), status=error.status)
    messages.success(request, _("Prompts are asked for by this brief from now on."))
    return redirect("briefs", slug)


@page("GET", "POST", needs=Needs.ACCOUNT)
def edit_brief(request: PageRequest, slug: str, brief: int) -> HttpResponse:
    """One brief: what it says, for as long as nobody wrote by it, and how many prompts it asks for."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    row = get_row(campaign, brief)
    if request.method != "POST":
        return show_brief(request, campaign, row, {})
    values = {name: value for name, value in read_form(request).items() if not row["written"] or name not in WORDS}
    try:
        change_brief(campaign=campaign, brief_id=brief, values=values, actor=request.actor, reason=read_reason(request))
    except ChorusError as error:
        return show_brief(request, campaign, row, problems_of(error, FIELD_OF_CODE), status=error.status)
    messages.success(request, _("The brief is changed."))
    return redirect("briefs", slug)


@page("POST", needs=Needs.ACCOUNT)
def brief_state(request: PageRequest, slug: str, brief: int) -> HttpResponse:
    """Close a brief, or open it again."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    is_open = request.POST.get("is_open") == "on"
    row = get_row(campaign, brief)
    change_brief(campaign=campaign, brief_id=brief, values={"is_open": is_open}, actor=request.actor)
    messages.success(request, say_state(row, is_open=is_open))
    return redirect("briefs", slug)


def say_state(row: Mapping[str, Any], *, is_open: bool) -> str:
    """What was done to a brief."""
    if is_open:
        return _("The brief is open again.")
    if row["origin"] == BriefOrigin.SCHEDULER:
        return _("This is not asked for again. Whoever holds work by it may send it.")
    return _("The brief is closed. Whoever holds work by it may send it.")


def get_row(campaign: Campaign, brief_id: int) -> dict[str, Any]:
    row = find_brief(campaign_id=campaign.pk, brief_id=brief_id)
    if row is None:
        raise NotFound(_("This campaign has no such brief. Look at the list of its briefs."), code="brief_not_found")
    return row


def read_form(request: PageRequest) -> dict[str, Any]:
    """What the form says, in the names that the service takes."""
    said: dict[str, Any] = {name: request.POST.get(name, "") for name in WORDS}
    wanted = request.POST.get("wanted", "").strip()
    return {**said, "wanted": to_number(wanted, int) if wanted else None}


def read_reason(request: PageRequest) -> str:
    return request.POST.get("reason", "").strip()[:MAX_REASON_CHARS]


def show_briefs(request: PageRequest, campaign: Campaign, problems: Problems, *, status: int = 200) -> HttpResponse:
    post = request.POST if request.method == "POST" else {"language": campaign.languages[0]}
    fields = check_fields(brief_fields(campaign, post), problems)
    part = take_slice(request, list_briefs(campaign_id=campaign.pk, limit=MOST_LISTED), size=MOST_SHOWN)
    context = {
        "campaign": campaign,
        "briefs": [describe_row(row) for row in part.rows],
        "part": part,
        "fields": fields,
        "lacks": find_lack(campaign),
        "asks_by_itself": read_settings(campaign.parameters).open_briefs,
        **tell_wrong(fields, problems),
    }
    return render_page(request, "briefs/list.html", context, status=status)


def show_brief(
    request: PageRequest, campaign: Campaign, row: Mapping[str, Any], problems: Problems, *, status: int = 200
) -> HttpResponse:
    told = {name: "" if row[name] is None else str(row[name]) for name in (*WORDS, "wanted")}
    drawn = brief_fields(campaign, request.POST if request.method == "POST" else told)
    fields = check_fields([field for field in drawn if not row["written"] or field.name not in WORDS], problems)
    context = {"campaign": campaign, "brief": describe_row(row), "fields": fields, **tell_wrong(fields, problems)}
    return render_page(request, "briefs/show.html", context, status=status)


def describe_row(row: Mapping[str, Any]) -> dict[str, Any]:
    counted = {"has_more": row["standing"] > MOST_COUNTED, "counted": min(row["standing"], MOST_COUNTED)}
    return {**row, **counted, "because": say_why(row["why"]) if row["origin"] == BriefOrigin.SCHEDULER else ""}


def say_why(why: Mapping[str, Any]) -> str:
    """What the scheduler opened a brief for."""
    if "wanted" not in why:
        return ""
    if not why["prompts"]:
        return _("There was no prompt like this; its share of the target comes to %(wanted)s.") % {
            "wanted": whole(why["wanted"])
        }
    said = ngettext(
        "There was %(prompts)s prompt like this; its share of the target comes to %(wanted)s.",
        "There were %(prompts)s prompts like this; their share of the target comes to %(wanted)s.",
        why["prompts"],
    )
    return said % {"prompts": whole(why["prompts"]), "wanted": whole(why["wanted"])}


def find_lack(campaign: Campaign) -> str:
    """Why nobody is asked by these briefs, though they are there."""
    if not read_settings(campaign.parameters).grow_trees:
        return _("Trees do not grow in this campaign, so nobody is asked for prompts. Switch it on under Edit.")
    if not set(campaign.kinds) & set(STARTING_KINDS):
        return _(
            "Writing prompts is not among the kinds of work of this campaign, so nobody is asked. Add it under Edit."
        )
    return ""


def brief_fields(campaign: Campaign, said: Mapping[str, str]) -> list[Field]:
    chosen = said.get("language", "")
    codes = dict.fromkeys([*campaign.languages, *([chosen] if chosen else [])])
    languages = tuple(Option(code, language_name(code), is_chosen=code == chosen) for code in codes)
    levels = (_("easy"), _("medium"), _("hard"))
    return [
        Field("language", _("Language"), "select", options=languages),
        Field("topic", _("Topic (empty: any)"), value=said.get("topic", ""), most=LONGEST["topic"],
              suggestions=tuple(list_topics(campaign_id=campaign.pk))),
        Field("difficulty", _("Difficulty (empty: any)"), value=said.get("difficulty", ""), most=LONGEST["difficulty"],
              suggestions=levels),
        Field("words", _("What you ask for, as writers read it"), "area", said.get("words", ""), rows=3, most=LONGEST["words"],
              hint=_("Such as “Something you had to explain to a child”. Empty: whatever they like.")),
        Field("wanted", _("How many prompts"), "number", said.get("wanted", ""), low="1", high=str(MOST_WANTED), step="1",
              hint=_("Empty: as many as trees need.")),
        Field("reason", _("Why (for the audit, optional)"), value=said.get("reason", ""), most=MAX_REASON_CHARS),
    ]  # fmt: skip


urlpatterns = [
    path("campaigns/<slug:slug>/briefs/", briefs, name="briefs"),
    path("campaigns/<slug:slug>/briefs/<int:brief>/", edit_brief, name="brief"),
    path("campaigns/<slug:slug>/briefs/<int:brief>/state/", brief_state, name="brief_state"),
]
