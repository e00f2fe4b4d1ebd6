"""Releases of a campaign: asked for, watched while made, looked at, fetched, withdrawn; and when they make themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import get_campaign_for
from annotate.exceptions import ChorusError, InvalidInput, NotFound
from annotate.models import Campaign, Release, ReleaseFile
from annotate.queries.releases import describe_release, find_path, find_release, list_files, list_releases
from annotate.services.campaign_files import read_campaign
from annotate.services.campaigns import change_campaign
from annotate.services.releases import check_filters, request_release, withdraw_release
from annotate.web.campaign_forms import read_parameter, schedule_fields
from annotate.web.campaign_terms import limit_terms, read_terms, write_terms
from annotate.web.campaign_words import PARAMETER
from annotate.web.editing import MAX_REASON_CHARS
from annotate.web.fields import Field, Option, Problems, check_fields, problems_of, tell_wrong
from annotate.web.lists import take_part
from annotate.web.names import kind_name, language_name
from annotate.web.pages import Needs, PageRequest, page, render_page
from annotate.web.release_words import COUNTS, PERSONAL_DATA, STATES, TABLES, TRIGGERS
from tasks.vocabulary import CampaignRole, OutputTerms, ReleaseState

STOP_POLLING = 286
CARD = "README.md"
MOST_CARD_BYTES = 200_000
UNDER_WAY = frozenset({ReleaseState.REQUESTED.value, ReleaseState.BUILDING.value})
#: Refusals that are told at the form.
FIELD_OF_CODE = {"nothing_to_release": "", "release_in_progress": "", "campaign_draft": ""}
WITHDRAWING = {"release_withdrawn": "", "release_not_sealed": ""}


@page("GET", "POST", needs=Needs.ACCOUNT)
def releases(request: PageRequest, slug: str) -> HttpResponse:
    """The list, and the form that asks for one."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    if request.method != "POST":
        return show_releases(request, campaign, {})
    try:
        filters = read_filters(campaign, request.POST)
        made = request_release(campaign=campaign, actor=request.actor, now=timezone.now(), filters=filters)
    except ChorusError as error:
        return show_releases(request, campaign, problems_of(error, FIELD_OF_CODE), status=error.status)
    return redirect("release", slug, made.number)


@page("GET", needs=Needs.ACCOUNT)
def release(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """One release: live while it is made, then its files and its card."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    found = get_release(campaign, number)
    is_asked_again = request.htmx and request.htmx.target == "release"
    status = STOP_POLLING if is_asked_again and found.state not in UNDER_WAY else 200
    return show_release(request, campaign, found, {}, status=status)


@page("GET", "POST", needs=Needs.ACCOUNT)
def release_withdraw(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """A release whose files nobody gets any more; its page says why, and is where the form stands."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    if request.method != "POST":
        return redirect("release", slug, number)
    reason = request.POST.get("reason", "").strip()[:MAX_REASON_CHARS]
    try:
        withdraw_release(campaign=campaign, number=number, actor=request.actor, reason=reason)
    except ChorusError as error:
        problems = problems_of(error, WITHDRAWING)
        return show_release(request, campaign, get_release(campaign, number), problems, status=error.status)
    messages.success(request, _("Release %(number)s is withdrawn.") % {"number": number})
    return redirect("release", slug, number)


@page("POST", needs=Needs.ACCOUNT)
def release_schedule(request: PageRequest, slug: str) -> HttpResponse:
    """When releases are made by themselves."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    values = {
        "release": {"schedule": request.POST.get("release.schedule") or None},
        "parameters": {
            "release_target": read_parameter("release_target", request.POST.get(f"{PARAMETER}release_target", ""))
        },
    }
    try:
        change_campaign(campaign=campaign, spec=read_campaign(values), actor=request.actor, now=timezone.now())
    except ChorusError as error:
        return show_releases(request, campaign, as_fields(problems_of(error)), status=error.status)
    messages.success(request, _("The schedule is kept."))
    return redirect("releases", slug)


def get_release(campaign: Campaign, number: int) -> Release:
    """One release with its files. Raises NotFound."""
    found = find_release(campaign_id=campaign.pk, number=number)
    if found is None:
        raise NotFound(
            _("This campaign has no release of this number. Look at the list of its releases."),
            code="release_not_found",
        )
    return found


def show_release(
    request: PageRequest, campaign: Campaign, found: Release, problems: Problems, *, status: int
) -> HttpResponse:
    shown, files = present(found), list_files(found)
    why = Field("reason", _("Why"), "area", request.POST.get("reason", ""), rows=3, most=MAX_REASON_CHARS, is_needed=True,
                hint=_("Shown to whoever looks for the files, and kept in the audit."))  # fmt: skip
    (why,) = check_fields([why], problems)
    context = {
        "campaign": campaign,
        "release": shown,
        "files": files,
        "card": read_card(files) if shown["can_be_fetched"] else "",
        "why": why,
        **tell_wrong([why], problems),
    }
    return render_page(request, "releases/show.html", context, fragment="releases/_release.html", status=status)


def as_fields(problems: Problems) -> Problems:
    """A target that is missing stands at its own field."""
    moved = {"release.target": f"{PARAMETER}release_target"}
    return {moved.get(at, at): told for at, told in problems.items()}


def read_filters(campaign: Campaign, post: QueryDict) -> dict[str, Any]:
    """What the release is limited to: nothing where all is ticked. Raises `InvalidInput`."""
    wanted = {"languages": post.getlist("languages"), "kinds": post.getlist("kinds"), **read_terms(post)}
    whole: dict[str, set[str]] = {
        "languages": set(campaign.languages),
        "kinds": set(campaign.kinds),
        "output_terms": set(campaign.output_terms or OutputTerms),
        "model_licences": set(campaign.model_licences),
    }
    filters = {name: values for name, values in wanted.items() if values and set(values) != whole[name]}
    if problems := check_filters(campaign=campaign, filters=filters):
        raise InvalidInput(next(iter(problems.values()))[0], details=problems)
    return filters


def show_releases(request: PageRequest, campaign: Campaign, problems: Problems, *, status: int = 200) -> HttpResponse:
    limits = check_fields(filter_fields(campaign, request.POST), problems)
    schedule = check_fields(schedule_fields(read_schedule(campaign, request.POST)), problems)
    part = take_part(request, list_releases(campaign_id=campaign.pk))
    rows = [present(row) for row in part.rows]
    context = {
        "campaign": campaign,
        "limits": limits,
        "schedule": schedule,
        "part": part,
        "releases": rows,
        "is_under_way": any(row["is_under_way"] for row in rows),
        **tell_wrong([*limits, *schedule], problems),
    }
    return render_page(request, "releases/list.html", context, status=status)


def read_schedule(campaign: Campaign, post: QueryDict) -> QueryDict:
    """What was sent, or what holds."""
    if "release.schedule" in post:
        return post
    shown = QueryDict(mutable=True)
    shown["release.schedule"] = campaign.release_schedule or ""
    shown[f"{PARAMETER}release_target"] = str(campaign.parameters.get("release_target") or "")
    return shown


def filter_fields(campaign: Campaign, post: QueryDict) -> list[Field]:
    languages = tuple(
        Option(code, language_name(code), is_chosen=code in post.getlist("languages"), language=code)
        for code in campaign.languages
    )
    kinds = tuple(Option(kind, kind_name(kind), is_chosen=kind in post.getlist("kinds")) for kind in campaign.kinds)
    return [
        Field("languages", _("Only these languages"), "chips", hint=_("None ticked: all."), options=languages),
        Field("kinds", _("Only these kinds of work"), "chips", hint=_("None ticked: all."), options=kinds),
        *limit_terms(campaign, post),
    ]


def present(found: Release) -> dict[str, Any]:
    state = ReleaseState(found.state)
    return {
        **describe_release(found),
        "state_title": STATES[state],
        "trigger_title": TRIGGERS.get(found.trigger, found.trigger),
        "limits": write_limits(found.filters),
        "is_under_way": found.state in UNDER_WAY,
        "is_failed": state == ReleaseState.FAILED,
        "is_sealed": found.sealed_at is not None,
        "is_withdrawn": state == ReleaseState.WITHDRAWN,
        "can_be_fetched": state in (ReleaseState.SEALED, ReleaseState.PUBLISHED),
        "counted": [(COUNTS.get(name, name), found.counts[name]) for name in sort_counts(found.counts)],
        "personal": list_personal(found.personal_data),
    }


def sort_counts(counts: Mapping[str, int]) -> list[str]:
    """Names of counts in the order of our words, then any other."""
    order = list(COUNTS)
    return sorted(counts, key=lambda name: (order.index(name) if name in order else len(order), name))


def write_limits(filters: Mapping[str, Any]) -> str:
    """What a release is limited to, in words; empty for everything."""
    languages = _(", ").join(language_name(code) for code in filters.get("languages") or ())
    kinds = _(", ").join(kind_name(kind) for kind in filters.get("kinds") or ())
    return _("; ").join(part for part in (languages, kinds, *write_terms(filters)) if part)


def list_personal(found: Mapping[str, Mapping[str, int]]) -> list[tuple[Any, Any, int]]:
    return [
        (TABLES.get(table, table), PERSONAL_DATA.get(kind, kind), count)
        for table, kinds in found.items()
        for kind, count in kinds.items()
        if count
    ]


def read_card(files: list[ReleaseFile]) -> str:
    """The text of the card without the lines for machines at its head; empty where there is none."""
    card = next((file for file in files if file.name == CARD), None)
    stored = find_path(card) if card is not None else None
    if stored is None:
        return ""
    with stored.open("rb") as opened:
        text = opened.read(MOST_CARD_BYTES).decode("utf-8", "replace")
    if text.startswith("---\n"):
        _head, _mark, text = text[4:].partition("\n---\n")
    return text


urlpatterns = [
    path("campaigns/<slug:slug>/releases/", releases, name="releases"),
    path("campaigns/<slug:slug>/releases/schedule/", release_schedule, name="release_schedule"),
    path("campaigns/<slug:slug>/releases/<int:number>/", release, name="release"),
    path("campaigns/<slug:slug>/releases/<int:number>/withdraw/", release_withdraw, name="release_withdraw"),
]
