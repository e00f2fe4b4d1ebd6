"""The page of one campaign: how far it is, what it needs, what one can do here. Its numbers renew themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import Actor, get_campaign_for
from annotate.models import Campaign
from annotate.queries.campaign_lists import find_waiting
from annotate.queries.campaign_page import Numbers, load_numbers
from annotate.queries.campaigns import INSIDERS
from annotate.queries.growth import grows_by_itself
from annotate.queries.leaderboards import shows_leaderboard
from annotate.queries.vacancies import GROWING, SENTENCES
from annotate.services.terms import get_current_terms
from annotate.web.campaign_figures import describe_figures
from annotate.web.campaign_problems import find_problems
from annotate.web.campaign_trees import describe_trees
from annotate.web.pages import PageRequest, page, render_page
from tasks.vocabulary import CampaignRole, CampaignState, WhyNone

#: htmx stops asking when an answer has this status.
STOP_POLLING = 286


@page("GET")
def campaign(request: PageRequest, slug: str) -> HttpResponse:
    """For whoever may see the campaign; with what needs them, for those who run it.

    htmx asks again with the fingerprint of what it shows, and is sent nothing but the time where that still holds.
    """
    found = get_campaign_for(request.actor, slug)
    insider = is_insider(request.actor, found)
    knows = insider or shows_leaderboard(found)
    numbers = load_numbers(campaign=found, is_insider=insider, knows_origins=knows)
    now = timezone.now()
    context = describe_frame(request.actor, found, numbers) | {"fingerprint": numbers.fingerprint(today=now.date())}
    if request.htmx and request.GET.get("seen") == context["fingerprint"]:
        return render_time(request, numbers, context)
    context |= describe_figures(numbers, now=now) | {"trees": describe_trees(found, numbers)}
    context["moved"] = bool(request.htmx) and request.GET.get("state", found.state) != found.state
    if insider:
        organizes = context["is_organizer"]
        context["problems"] = find_problems(campaign=found, numbers=numbers, organizes=organizes, now=now)
    status = STOP_POLLING if request.htmx and found.state == CampaignState.CLOSED else 200
    return render_page(request, "campaign/show.html", context, fragment="campaign/_numbers.html", status=status)


def render_time(request: PageRequest, numbers: Numbers, context: dict[str, Any]) -> HttpResponse:
    """Nothing has changed: nothing at all, or the time alone where it was counted again."""
    if numbers.counted_at is None or request.GET.get("counted") == numbers.counted_at.isoformat():
        return HttpResponse(status=204)
    response = render_page(request, "campaign/_counted.html", context)
    response["HX-Retarget"] = "#counted"
    return response


def describe_frame(actor: Actor, found: Campaign, numbers: Numbers) -> dict[str, Any]:
    """Who looks, and what they may do."""
    organizes = actor.is_administrator or found.actor_role == CampaignRole.ORGANIZER  # type: ignore[attr-defined]
    lack = find_lack(found, progress=numbers.progress)
    return {
        "campaign": found,
        "is_organizer": organizes,
        "is_insider": is_insider(actor, found),
        "is_live": found.state != CampaignState.CLOSED,
        "counted_at": numbers.counted_at,
        "has_judgments": bool(numbers.progress and numbers.progress["judgments"]),
        "terms": get_current_terms() if found.allow_guests and not actor.is_signed_in else None,
        "lack": lack,
        "main": choose_main(found, organizes=organizes, progress=numbers.progress, lack=lack),
    }


def find_lack(found: Campaign, *, progress: Mapping[str, Any]) -> str:
    """What an open campaign or a draft lacks for there to be work; nothing where work waits.

    Asks the queues where what was counted last has no work left: since then some may have come.
    """
    if found.state not in {CampaignState.DRAFT, CampaignState.OPEN}:
        return ""
    units = progress["units"] if progress else {"units": 0, "open": 0, "done": 0, "needed": 0}
    if units["open"] and units["done"] < units["needed"]:
        return ""
    needs = find_waiting(campaign_id=found.pk)
    if needs.is_waiting:
        return ""
    if grows_by_itself(found):
        return str(GROWING)
    if not needs.has_prompts or (progress and not units["units"]):
        return str(SENTENCES[WhyNone.EMPTY])
    return _("Nothing waits now: all of it is done or held.")


def choose_main(found: Campaign, *, organizes: bool, progress: Mapping[str, Any], lack: str) -> str:
    """The one thing to do next: for those who run the campaign what it lacks, for everybody else its work."""
    if not organizes:
        return "" if lack else "work"
    is_empty = bool(lack) and not (progress and progress["units"]["units"])
    if is_empty and not grows_by_itself(found):
        return "import"
    if found.state in {CampaignState.DRAFT, CampaignState.PAUSED}:
        return "open"
    return "release" if progress and progress["judgments"] else "work"


def is_insider(actor: Actor, found: Campaign) -> bool:
    """Whether this person organizes or moderates the campaign, or administers the site."""
    return actor.is_administrator or found.actor_role in INSIDERS  # type: ignore[attr-defined]  # an annotation


urlpatterns = [path("campaigns/<slug:slug>/", campaign, name="campaign")]
