"""The generators of a campaign: which are asked, how often, what came of it, and what went wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.access import get_campaign_for
from annotate.exceptions import ChorusError
from annotate.models import Campaign, Generator
from annotate.queries.campaigns import INSIDERS, list_generator_uses, list_site_generators
from annotate.queries.generation import count_requests, list_problems, present_problem
from annotate.queries.generation_figures import generator_figures
from annotate.queries.generator_terms import terms_problem
from annotate.queries.generators import estimate_seconds
from annotate.services.campaign_files import read_campaign
from annotate.services.campaigns import change_campaign
from annotate.services.generation import cancel_requests, request_candidates, retry_requests
from annotate.web.editing import MAX_REASON_CHARS
from annotate.web.fields import Field, Problems, add_errors, problems_of, tell_wrong
from annotate.web.generation_design import present_design
from annotate.web.generator_figures import last_long, present_figures, present_identity
from annotate.web.generator_words import OUTCOMES, REQUEST_STATES
from annotate.web.lists import MAX_ID, read_whole, take_part
from annotate.web.pages import Needs, PageRequest, page, render_page
from annotate.web.rows import to_number
from tasks.records.parameters import read_settings
from tasks.vocabulary import CampaignRole, GenerationOutcome, RequestState

MOST_SAMPLES = 16
#: What went wrong is summed up above its list; of the list a part is shown.
PROBLEMS_SHOWN = 10
#: A field for each generator.
SAMPLES = "samples."
#: And whether it is kept for variety.
VARIETY = "variety."
COUNTED = (RequestState.QUEUED, RequestState.RUNNING, RequestState.DONE, RequestState.FAILED, RequestState.SET_ASIDE,
           RequestState.CANCELLED)  # fmt: skip
TRIED_AGAIN = (RequestState.FAILED, RequestState.SET_ASIDE)


@page("GET", "POST", needs=Needs.ACCOUNT)
def generators(request: PageRequest, slug: str) -> HttpResponse:
    """For organizers and moderators; organizers choose which generators are asked."""
    role = CampaignRole.ORGANIZER if request.method == "POST" else CampaignRole.MODERATOR
    campaign = get_campaign_for(request.actor, slug, role)
    if request.method != "POST":
        return show_generators(request, campaign, *read_uses(campaign), {})
    variety = {name.removeprefix(VARIETY) for name in request.POST if name.startswith(VARIETY)}
    names = [name for name in request.POST if name.startswith(SAMPLES)]
    samples = {name.removeprefix(SAMPLES): request.POST.get(name, "").strip() for name in names}
    reason = request.POST.get("reason", "").strip()[:MAX_REASON_CHARS]
    try:
        spec = read_campaign({"generators": as_uses(samples, variety)})
        change_campaign(campaign=campaign, spec=spec, actor=request.actor, now=timezone.now(), reason=reason)
    except ChorusError as error:
        problems = by_name(problems_of(error), as_uses(samples, variety))
        return show_generators(request, campaign, samples, variety, problems, status=error.status)
    messages.success(request, _("The campaign asks these generators now."))
    return redirect("generators", slug)


@page("POST", needs=Needs.ACCOUNT)
def ask_generators(request: PageRequest, slug: str) -> HttpResponse:
    """Ask for the candidates that are missing, call off what waits, or try again what failed."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    one = read_whole(request.POST.get("generator"), high=MAX_ID)
    step = request.POST.get("step", "")
    if step == "cancel":
        ended = cancel_requests(campaign=campaign, actor=request.actor, now=timezone.now(), generator_id=one)
        told = ngettext("%(n)s request was called off.", "%(n)s requests were called off.", ended)
        messages.success(request, told % {"n": ended})
    elif step == "retry":
        queued = retry_requests(
            campaign=campaign, actor=request.actor, generator_id=one, request_ids=read_requests(request)
        )
        told = ngettext("%(n)s request is tried again.", "%(n)s requests are tried again.", queued)
        messages.success(request, told % {"n": queued})
    else:
        added = request_candidates(campaign=campaign, actor=request.actor, now=timezone.now())
        told = ngettext("%(n)s candidate was asked for.", "%(n)s candidates were asked for.", added)
        messages.success(request, told % {"n": added} if added else _("Nothing is missing: no new request was made."))
    return redirect("generators", slug)


def read_requests(request: PageRequest) -> list[int] | None:
    """One request, where the button of one was pressed; None for all."""
    number = read_whole(request.POST.get("request"), high=MAX_ID)
    return None if number is None else [number]


def read_uses(campaign: Campaign) -> tuple[dict[str, str], set[str]]:
    """Samples by name, and the names of those that are kept for variety."""
    uses = list_generator_uses(campaign_id=campaign.pk)
    return {use["name"]: str(use["samples"]) for use in uses}, {use["name"] for use in uses if use.get("for_variety")}


def as_uses(samples: dict[str, str], variety: set[str]) -> list[dict[str, Any]]:
    """Those with a number other than none."""
    return [
        {"name": name, "samples": to_number(text, int), "for_variety": name in variety}
        for name, text in samples.items()
        if text not in ("", "0")
    ]


def by_name(problems: Problems, uses: list[dict[str, Any]]) -> Problems:
    """Problems at the field of their generator instead of at its place in a list."""
    places = {f"generators[{number}]": SAMPLES + use["name"] for number, use in enumerate(uses)}
    return {places.get(at.partition(".")[0], at): told for at, told in problems.items()}


def show_generators(
    request: PageRequest,
    campaign: Campaign,
    samples: dict[str, str],
    variety: set[str],
    problems: Problems,
    *,
    status: int = 200,
) -> HttpResponse:
    runs = request.actor.is_administrator or campaign.actor_role == CampaignRole.ORGANIZER  # type: ignore[attr-defined]
    site = list_site_generators().order_by("name", "pk")
    choices = [
        {
            **make_choice(row, campaign, samples, problems),
            "is_for_variety": row.name in variety,
            "variety": VARIETY + row.name,
        }
        for row in site
    ]
    fields = [choice["field"] for choice in choices if not choice["refused"]]
    failed = take_part(request, list_problems(campaign_id=campaign.pk), size=PROBLEMS_SHOWN)
    context = {
        "campaign": campaign,
        "may_change": runs,
        "choices": choices,
        "candidates": read_settings(campaign.parameters).candidates_per_prompt,
        "asks_variety": read_settings(campaign.parameters).ask_variety,
        **describe_progress(campaign, now=timezone.now()),
        "design": present_design(campaign=campaign, now=timezone.now()),
        "part": failed,
        "problems": [present(row) for row in map(present_problem, failed.rows)],
        "insiders": INSIDERS,
        **tell_wrong(fields, problems),
    }
    return render_page(request, "generators/campaign.html", context, status=status)


def make_choice(
    generator: Generator, campaign: Campaign, samples: dict[str, str], problems: Problems
) -> dict[str, Any]:
    """A generator of the site with the field for its samples, or with why the campaign does not take its texts."""
    field = add_errors(sample_field(generator.name, samples), problems)
    refused = terms_problem(generator, campaign) or ""
    is_named = field.value not in {"", "0"}
    return {**present_identity(generator), "field": field, "refused": refused, "is_named": is_named}


def describe_progress(campaign: Campaign, *, now: datetime) -> dict[str, Any]:
    """What was asked of each generator and what came of it, how fast, and how long the rest will take."""
    counts = count_requests(campaign_id=campaign.pk)
    figures = generator_figures(generator_ids=[row["id"] for row in counts], now=now, campaign_id=campaign.pk)
    waiting = {
        row["id"]: row["requests"][RequestState.QUEUED] + row["requests"][RequestState.RUNNING] for row in counts
    }
    left = estimate_seconds(waiting, figures, now=now)
    return {
        "counts": [{**present_counts(row), **present_figures(figures[row["id"]])} for row in counts],
        "states": [REQUEST_STATES[state] for state in COUNTED],
        "waiting": sum(waiting.values()),
        "time_left": None if left is None else last_long(left),
    }


def sample_field(name: str, samples: dict[str, str]) -> Field:
    title = _("Samples of %(name)s for each prompt") % {"name": name}
    return Field(
        SAMPLES + name, title, "number", samples.get(name, "0"), low="0", high=str(MOST_SAMPLES), step="1",
        hides_title=True, place=SAMPLES + name,
    )  # fmt: skip


def present_counts(row: dict[str, Any]) -> dict[str, Any]:
    requests = row["requests"]
    return {
        **row,
        "numbers": [requests[state.value] for state in COUNTED],
        "is_waiting": bool(requests[RequestState.QUEUED] or requests[RequestState.RUNNING]),
        "is_failed": any(requests[state] for state in TRIED_AGAIN),
    }


def present(problem: dict[str, Any]) -> dict[str, Any]:
    outcome = problem["outcome"]
    return {
        **problem,
        "what": OUTCOMES[GenerationOutcome(outcome)] if outcome else REQUEST_STATES[RequestState(problem["state"])],
    }


urlpatterns = [
    path("campaigns/<slug:slug>/generators/", generators, name="generators"),
    path("campaigns/<slug:slug>/generators/ask/", ask_generators, name="ask_generators"),
]
