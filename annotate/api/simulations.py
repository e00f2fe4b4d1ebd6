"""Simulations of a campaign: asked for, looked at, stopped. Nothing of the campaign is changed by them."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for
from annotate.api.schema import operation
from annotate.api.serializers import PageQuery, StrictSerializer, page_of, read_body, read_query, take_page
from annotate.api.views import ApiView
from annotate.exceptions import NotFound
from annotate.models import Simulation, words
from annotate.queries.simulations import find_simulation, list_simulations, tell_failure
from annotate.services.simulations import request_simulation, stop_simulation
from tasks.records.simulations import PAGE_ANNOTATORS, PAGE_DAYS, PAGE_RUNS, SimulationPlan, plan_arms
from tasks.vocabulary import CampaignRole, Scope, SimulationState

LOOKING = (Scope.READ, Scope.ORGANIZE)
ORGANIZING = (Scope.ORGANIZE,)
REPORT = (
    "Arms with their curves over judgments, figures of the end with intervals over runs, judgments to levels of coverage, and "
    "what is known or assumed of the volunteers. Where trees grow (`grows`) curves are over pieces of work, and each arm has what "
    "was done of each kind and where trees stand. Null until the state is done."
)


class SimulationBody(StrictSerializer):
    policies = serializers.ListField(
        child=serializers.ChoiceField(choices=words.policy_names()),
        required=False,
        help_text="To compare; the campaign's own where none is named.",
    )
    parameters = serializers.DictField(
        child=serializers.ListField(child=serializers.JSONField()),
        required=False,
        help_text='Values to try of each parameter, with every policy: {"redundancy": [3, 5]}.',
    )
    annotators = serializers.IntegerField(min_value=1, max_value=PAGE_ANNOTATORS, default=100)
    days = serializers.IntegerField(min_value=1, max_value=PAGE_DAYS, default=14)
    runs = serializers.IntegerField(min_value=1, max_value=PAGE_RUNS, default=5, help_text="For the intervals.")
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=1, help_text="The same gives the same.")


class SimulatedWay(serializers.Serializer[Any]):
    policy = serializers.CharField()
    parameters = serializers.DictField(help_text="Over those that held when it ran.")


class SimulationPlanShape(serializers.Serializer[Any]):
    arms = SimulatedWay(many=True)
    annotators = serializers.IntegerField()
    days = serializers.IntegerField()
    runs = serializers.IntegerField()
    seed = serializers.IntegerField()


class SimulationRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=words.simulation_states())
    asked = SimulationPlanShape()
    reason = serializers.CharField(allow_blank=True, help_text="A word, where the state is failed.")
    explanation = serializers.CharField(allow_blank=True, help_text="The same as a sentence.")
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class SimulationShape(SimulationRow):
    progress = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True, help_text="Steps done, and of how many, while it runs."
    )
    report = serializers.DictField(allow_null=True, help_text=REPORT)


class Simulations(ApiView):
    @operation(
        "list_simulations",
        summary="List the simulations of a campaign, newest first",
        query=PageQuery,
        responses={200: page_of(SimulationRow)},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of organizer or moderator. Without their reports."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        rows, following = take_page(list_simulations(campaign_id=campaign.pk), **read_query(request, PageQuery))
        return Response({"results": [present_row(row) for row in rows], "next": following})

    @operation(
        "start_simulation",
        summary="Imagine the campaign under other policies and parameters",
        request=SimulationBody,
        responses={202: SimulationShape},
        errors={
            409: "`nothing_to_rank`: no prompt has two candidates, and nobody begins trees here; `too_many_simulations`: others wait.",
        },
        scopes=ORGANIZING,
        tag="results",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Read it until its state is `done` or `failed`. Nothing of the campaign is changed, and nobody is asked."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        body = read_body(request, SimulationBody)
        arms = plan_arms(
            policies=body.get("policies", []), tried=body.get("parameters", {}), parameters=campaign.parameters
        )
        plan = SimulationPlan(arms, body["annotators"], body["days"], body["runs"], body["seed"])
        asked = request_simulation(campaign=campaign, plan=plan, actor=self.actor, now=timezone.now())
        return Response(present(asked), status.HTTP_202_ACCEPTED)


class SimulationDetail(ApiView):
    @operation(
        "get_simulation",
        summary="Read a simulation with its report",
        responses={200: SimulationShape},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str, simulation: int) -> Response:
        """Needs the role of organizer or moderator."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        found = find_simulation(campaign_id=campaign.pk, simulation_id=simulation)
        if found is None:
            raise NotFound(_("This campaign has no such simulation. Look at the list."), code="simulation_not_found")
        return Response(present(found))


class SimulationStop(ApiView):
    @operation(
        "stop_simulation",
        summary="Stop a simulation that waits or runs",
        responses={200: SimulationShape},
        errors={409: "`simulation_ended`: it has ended already."},
        scopes=ORGANIZING,
        tag="results",
    )
    def post(self, request: Request, slug: str, simulation: int) -> Response:
        """Nothing of it is kept."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        return Response(present(stop_simulation(campaign=campaign, simulation_id=simulation, now=timezone.now())))


def present_row(row: Simulation) -> dict[str, Any]:
    """A simulation without its report."""
    plain = ("id", "state", "asked", "reason", "requested_at", "finished_at")
    return {name: getattr(row, name) for name in plain} | {"explanation": tell_failure(row.reason)}


def present(row: Simulation) -> dict[str, Any]:
    """A simulation with its report, or with how far it is."""
    told = row.report or {}
    is_done = row.state == SimulationState.DONE
    return present_row(row) | {
        "progress": None if is_done else told.get("progress"),
        "report": told if is_done else None,
    }


urlpatterns = [
    path("campaigns/<slug:slug>/simulations/", Simulations.as_view(), name="simulations"),
    path("campaigns/<slug:slug>/simulations/<int:simulation>/", SimulationDetail.as_view(), name="simulation"),
    path("campaigns/<slug:slug>/simulations/<int:simulation>/stop/", SimulationStop.as_view(), name="simulation_stop"),
]
