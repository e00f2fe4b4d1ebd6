"""Make a campaign: by a short form over a preset, or by a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from annotate.access import require_campaign_maker
from annotate.exceptions import ChorusError
from annotate.models import Campaign
from annotate.queries.growth import grows_by_itself
from annotate.services.campaign_files import read_campaign
from annotate.services.campaign_review import plan_campaign
from annotate.services.campaigns import create_campaign
from annotate.web.campaign_file import read_posted_file, read_told_file
from annotate.web.campaign_forms import (
    LICENCES,
    NEW_PARAMETERS,
    at_fields,
    default_post,
    growth_groups,
    guests_field,
    language_fields,
    parameter_groups,
    plain_field,
    preset_field,
    read_settings_form,
    schedule_fields,
)
from annotate.web.differences import show_changes
from annotate.web.fields import Field, Problems, check_fields, check_groups, problems_of, tell_wrong
from annotate.web.pages import Needs, PageRequest, page, render_page

#: Refusals that one field is at fault for, and which.
FIELD_OF_CODE = {"slug_taken": "slug"}


@page("GET", "POST", needs=Needs.ACCOUNT)
def campaign_new(request: PageRequest) -> HttpResponse:
    """The form; a press of its button makes a draft and leads on to what comes next."""
    require_campaign_maker(request.actor)
    if request.method != "POST":
        return show_form(request, default_post(), {})
    try:
        campaign = make_campaign(request, read_new_form(request.POST))
    except ChorusError as error:
        return show_form(request, request.POST, problems_of(error, FIELD_OF_CODE), status=error.status)
    return lead_on(request, campaign)


@page("GET", "POST", needs=Needs.ACCOUNT)
def campaign_new_file(request: PageRequest) -> HttpResponse:
    """A file: the first press shows what it would make, the second makes it."""
    require_campaign_maker(request.actor)
    if request.method != "POST":
        return render_page(request, "campaigns/new_file.html")
    text = ""
    try:
        text = read_posted_file(request)
        spec = read_told_file(text)
        if request.POST.get("step") == "apply":
            made = create_campaign(spec=spec, actor=request.actor, now=timezone.now())
            return lead_on(request, made)
        changes = plan_campaign(spec=spec, actor=request.actor, now=timezone.now())
    except ChorusError as error:
        problems = tell_wrong([], problems_of(error, FIELD_OF_CODE))
        return render_page(request, "campaigns/new_file.html", {"text": text, **problems}, status=error.status)
    planned = {"changes": show_changes(changes, is_new=True), "slug": spec.slug, "text": text}
    return render_page(request, "campaigns/new_file.html", planned)


def make_campaign(request: PageRequest, values: Mapping[str, Any]) -> Campaign:
    return create_campaign(spec=read_campaign(values), actor=request.actor, now=timezone.now())


def lead_on(request: PageRequest, campaign: Campaign) -> HttpResponse:
    """To the prompts, which is what a new campaign needs next: those that it brings, or what people are asked for."""
    messages.success(request, _("The campaign is there. Only its members see it until you open it."))
    return redirect("briefs" if grows_by_itself(campaign) else "imports", campaign.slug)


def read_new_form(post: QueryDict) -> dict[str, Any]:
    """What the form says; the address follows from the title where none is written.

    Kinds of work, and whether trees grow, are the preset's to say.
    """
    values = read_settings_form(post, NEW_PARAMETERS)
    del values["kinds"]
    values["slug"] = post.get("slug", "").strip() or slugify(post.get("title", ""))[:64].strip("-")
    values["release"] = {"schedule": post.get("release.schedule") or None}
    return {**values, "preset": post.get("preset", "")}


def show_form(request: PageRequest, post: QueryDict, problems: Problems, *, status: int = 200) -> HttpResponse:
    problems = dict(at_fields(problems, post))
    if "title" in problems and not post.get("slug"):
        problems.pop("slug", None)  # it follows from the title, and lacks for the same reason
    first = check_fields(first_fields(post), problems)
    more, growth = check_groups(more_groups(post), problems), check_groups(growth_groups(post), problems)
    folded = [field for _title, fields in (*more, *growth) for field in fields]
    context = {
        "first": first,
        "more": more,
        "growth": growth,
        "is_more_open": any(field.errors for field in folded),
        "is_growth_open": any(field.errors for _title, fields in growth for field in fields),
        **tell_wrong([*first, *folded], problems),
    }
    return render_page(request, "campaigns/new.html", context, status=status)


def first_fields(post: QueryDict) -> list[Field]:
    return [
        plain_field("title", post, most=160, is_needed=True),
        preset_field(post),
        *language_fields(post),
        plain_field("purpose", post, kind="area", rows=4, most=10_000),
    ]


def more_groups(post: QueryDict) -> list[tuple[Any, list[Field]]]:
    about = [
        plain_field("slug", post, most=64),
        plain_field("licence", post, most=64, suggestions=LICENCES),
        guests_field(post),
    ]
    return [
        (_("Address, licence, guests"), about),
        *parameter_groups(post),
        (_("Releases by themselves"), schedule_fields(post)),
    ]


urlpatterns = [
    path("campaigns/new/", campaign_new, name="campaign_new"),
    path("campaigns/new/file/", campaign_new_file, name="campaign_new_file"),
]
