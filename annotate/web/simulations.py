"""The simulator: a campaign imagined under other policies and parameters before they are changed; and what came of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import get_campaign_for
from annotate.exceptions import ChorusError, Conflict, InvalidInput, NotFound
from annotate.models import Campaign, Simulation
from annotate.queries.simulations import (
    count_orders,
    find_simulation,
    grows_from_nothing,
    list_simulations,
    tell_failure,
)
from annotate.services.simulations import request_simulation, stop_simulation
from annotate.web.coverage_nav import get_campaign_for_coverage, render_coverage
from annotate.web.fields import Problems, check_fields, tell_wrong
from annotate.web.lists import take_part
from annotate.web.pages import Needs, PageRequest, page
from annotate.web.simulation_figures import describe_report
from annotate.web.simulation_form import (
    explain_problems,
    first_post,
    main_fields,
    name_ways,
    read_plan,
    tried_fields,
)
from annotate.web.simulation_words import STATES
from tasks.records.simulations import SimulationPlan
from tasks.vocabulary import CampaignRole, SimulationState

TAB, ONE = "simulate", "simulation"
#: htmx stops asking.
STOP_POLLING = 286
SHOWN = 20
ENDED = (SimulationState.DONE, SimulationState.FAILED)


@page("GET", "POST", needs=Needs.ACCOUNT)
def simulate(request: PageRequest, slug: str) -> HttpResponse:
    """The form and what was imagined before; a press queues a simulation and leads to its page."""
    campaign = get_campaign_for_coverage(request.actor, slug, TAB)
    if request.method != "POST":
        return show_form(request, campaign, first_post(campaign), {})
    get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    try:
        plan = read_plan(campaign, request.POST)
        asked = request_simulation(campaign=campaign, plan=plan, actor=request.actor, now=timezone.now())
    except (InvalidInput, Conflict) as error:
        return show_form(request, campaign, request.POST, read_problems(error), status=error.status)
    return redirect(ONE, campaign.slug, asked.pk)


@page("GET", needs=Needs.ACCOUNT)
def simulation(request: PageRequest, slug: str, simulation_id: int) -> HttpResponse:
    """How a simulation goes, live while it runs, and its report."""
    campaign = get_campaign_for_coverage(request.actor, slug, ONE)
    found = find_simulation(campaign_id=campaign.pk, simulation_id=simulation_id)
    if found is None:
        raise NotFound(_("This campaign has no such simulation. Look at the list."), code="simulation_not_found")
    context: dict[str, Any] = {"simulation": present(found)}
    if found.state == SimulationState.DONE and found.report is not None:
        context |= {"report": describe_report(found.report)}
    is_asked_again = request.htmx and request.htmx.target == "simulation"
    status = STOP_POLLING if is_asked_again and found.state in ENDED else 200
    return render_coverage(
        request, campaign, "simulations/show.html", context, fragment="simulations/_simulation.html", status=status
    )


@page("POST", needs=Needs.ACCOUNT)
def simulation_stop(request: PageRequest, slug: str, simulation_id: int) -> HttpResponse:
    """End a simulation that waits or runs."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    stop_simulation(campaign=campaign, simulation_id=simulation_id, now=timezone.now())
    messages.success(request, _("The simulation is stopped."))
    return redirect(TAB, campaign.slug)


def show_form(
    request: PageRequest, campaign: Campaign, post: QueryDict, problems: Problems, *, status: int = 200
) -> HttpResponse:
    main = check_fields(main_fields(post), problems)
    tried = check_fields(tried_fields(campaign, post), problems)
    part = take_part(request, list_simulations(campaign_id=campaign.pk), size=SHOWN)
    context = {
        "main": main,
        "tried": tried,
        "grows": grows_from_nothing(parameters=campaign.parameters, kinds=campaign.kinds),
        "orders": count_orders(campaign_id=campaign.pk),
        "part": part,
        "rows": [present(row) for row in part.rows],
        "may_ask": request.actor.is_administrator or campaign.actor_role == CampaignRole.ORGANIZER,  # type: ignore[attr-defined]  # an annotation
        "is_tried_open": any(field.errors for field in tried),
        **tell_wrong([*main, *tried], problems),
    }
    return render_coverage(request, campaign, "simulations/form.html", context, status=status)


def read_problems(error: ChorusError) -> Problems:
    """What a refusal says, at the fields of the form."""
    if isinstance(error, InvalidInput):
        return explain_problems({place: list(told) for place, told in error.details.items()})
    return {"": [error.message]}


def present(row: Simulation) -> dict[str, Any]:
    """A simulation as its pages show it. Of a list its report is not read."""
    plan = SimulationPlan.from_json(row.asked)
    running = row.state == SimulationState.RUNNING
    return {
        "id": row.pk,
        "state": row.state,
        "state_title": STATES[row.state],
        "is_done": row.state == SimulationState.DONE,
        "is_failed": row.state == SimulationState.FAILED,
        "is_ended": row.state in ENDED,
        "why": tell_failure(row.reason) if row.reason else "",
        "ways": name_ways(plan.arms),
        "plan": plan,
        "requested_at": row.requested_at,
        "finished_at": row.finished_at,
        "progress": (row.report or {}).get("progress")
        if running and "report" not in row.get_deferred_fields()
        else None,
    }


urlpatterns = [
    path("campaigns/<slug:slug>/coverage/simulations/", simulate, name=TAB),
    path("campaigns/<slug:slug>/coverage/simulations/<int:simulation_id>/", simulation, name=ONE),
    path(
        "campaigns/<slug:slug>/coverage/simulations/<int:simulation_id>/stop/", simulation_stop, name="simulation_stop"
    ),
]
