"""Change a campaign while it runs: its settings by a form, everything by a file."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput
from annotate.models import Campaign
from annotate.queries.campaigns import describe_campaign
from annotate.services.campaign_files import read_campaign
from annotate.services.campaign_text import write_campaign_file
from annotate.web.campaign_file import read_posted_file, read_told_file
from annotate.web.campaign_forms import (
    GROWTH_SWITCH,
    PARAMETER_NAMES,
    as_post,
    at_fields,
    growth_groups,
    main_fields,
    parameter_field,
    parameter_groups,
    read_settings_form,
)
from annotate.web.campaign_words import PARAMETER
from annotate.web.editing import Press, get_edited, open_form, take_press
from annotate.web.fields import check_fields, check_groups, tell_wrong
from annotate.web.pages import Needs, PageRequest, page, render_page
from tasks.records.campaigns import CampaignSpec

SETTINGS = (
    "title",
    "purpose",
    "licence",
    "languages",
    "kinds",
    "allow_guests",
    "output_terms",
    "model_licences",
    *(PARAMETER + p for p in PARAMETER_NAMES),
)


@page("GET", "POST", needs=Needs.ACCOUNT)
def campaign_edit(request: PageRequest, slug: str) -> HttpResponse:
    """Settings and parameters: the first press shows what would change, the second applies it."""
    campaign = get_edited(request, slug)
    if request.method != "POST":
        values = describe_campaign(campaign)
        return show_settings(request, campaign, as_post(values), open_form(values, SETTINGS))
    press = take_press(request, campaign, lambda: read_campaign(read_own_form(request.POST, campaign)))
    if press.is_applied:
        return redirect("campaign_edit", slug)
    return show_settings(request, campaign, request.POST, press)


@page("GET", "POST", needs=Needs.ACCOUNT)
def edit_file(request: PageRequest, slug: str) -> HttpResponse:
    """Everything as one file, to read, change and apply."""
    campaign = get_edited(request, slug)
    if request.method != "POST":
        written = write_campaign_file(campaign)
        press = open_form(describe_campaign(campaign), read_told_file(written).as_values())
        return show_file(request, campaign, written, press)
    sent: list[str] = []
    press = take_press(request, campaign, lambda: read_own_file(request, campaign, sent))
    if press.is_applied:
        return redirect("edit_file", slug)
    return show_file(request, campaign, sent[0] if sent else "", press)


def read_own_form(post: QueryDict, campaign: Campaign) -> dict[str, Any]:
    """What the form says. It ticks languages and kinds in an order of its own: the same ones keep that of the campaign."""
    values = read_settings_form(post)
    for name in ("languages", "kinds"):
        kept = getattr(campaign, name)
        if sorted(values[name]) == sorted(kept):
            values[name] = kept
    return values


def read_own_file(request: PageRequest, campaign: Campaign, sent: list[str]) -> CampaignSpec:
    """The campaign of the file that was sent, whose text is put into `sent`; of another campaign it is refused."""
    text = read_posted_file(request)
    sent.append(text)
    spec = read_told_file(text)
    if spec.slug != campaign.slug:
        sentence = _("This file is of another campaign, “%(other)s”. This one is “%(slug)s”.")
        told = sentence % {"other": spec.slug, "slug": campaign.slug}
        raise InvalidInput(told, code="campaign_invalid", details={"slug": [told]})
    return spec


def show_settings(request: PageRequest, campaign: Campaign, post: QueryDict, press: Press) -> HttpResponse:
    problems = at_fields(press.problems, post)
    main = check_fields(main_fields(post), problems)
    groups = check_groups(parameter_groups(post), problems)
    growth = check_groups(growth_groups(post), problems)
    switch = parameter_field(GROWTH_SWITCH, post)
    grown = [field for _title, fields in growth for field in fields]
    context = {
        "campaign": campaign,
        "press": press,
        "main": main,
        "groups": groups,
        "switch": switch,
        "growth": growth,
        "is_growth_open": switch.is_checked or any(field.errors for field in grown),
        **tell_wrong([*main, *(field for _title, fields in groups for field in fields), switch, *grown], problems),
    }
    return render_page(request, "campaigns/edit.html", context, status=press.status)


def show_file(request: PageRequest, campaign: Campaign, text: str, press: Press) -> HttpResponse:
    context = {"campaign": campaign, "press": press, "text": text, **tell_wrong([], press.problems)}
    return render_page(request, "campaigns/edit_file.html", context, status=press.status)


urlpatterns = [
    path("campaigns/<slug:slug>/edit/", campaign_edit, name="campaign_edit"),
    path("campaigns/<slug:slug>/edit/file/", edit_file, name="edit_file"),
]
