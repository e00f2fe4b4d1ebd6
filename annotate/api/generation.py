"""Generation: ask a campaign's generators for candidates, see what came of it, call it off, try again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for
from annotate.api.generator_shapes import FiguresShape
from annotate.api.schema import operation
from annotate.api.serializers import PageQuery, StrictSerializer, page_of, read_body, read_query, take_page
from annotate.api.views import ApiView
from annotate.models import Campaign, words
from annotate.queries.generation import count_requests, list_problems, present_problem
from annotate.queries.generation_figures import generator_figures
from annotate.queries.generators import describe_figures, estimate_seconds
from annotate.queries.pairings import MOST_STRATA, describe_design
from annotate.services.generation import MOST_PARENTS, cancel_requests, request_candidates, retry_requests
from tasks.vocabulary import CampaignRole, RequestState, Scope

ORGANIZING = (Scope.ORGANIZE,)
LOOKING = (Scope.READ, Scope.ORGANIZE)
CANNOT = {
    409: "`campaign_not_open`: it is paused or closed; `no_generator`: it names none that can be asked; "
    "`generator_terms_refused`: it takes the terms or licence of none that it names."
}
LATEST_PROBLEMS = 20


class GenerationBody(StrictSerializer):
    parents = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        required=False,
        allow_null=True,
        min_length=1,
        max_length=MOST_PARENTS,
        help_text="Prompts of the campaign, by id; not given: all that lack something.",
    )


class GeneratorChoice(StrictSerializer):
    generator = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=2**63 - 1, help_text="Only this one's requests."
    )


class RetryBody(GeneratorChoice):
    requests = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        required=False,
        allow_null=True,
        min_length=1,
        max_length=1000,
        help_text="Only these, by id.",
    )
    cancelled = serializers.BooleanField(required=False, default=False, help_text="Also those that were called off.")


class CountAnswer(serializers.Serializer[Any]):
    requests = serializers.IntegerField(help_text="How many requests this was about.")


class RequestCounts(serializers.Serializer[Any]):
    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    set_aside = serializers.IntegerField()


class GeneratorCounts(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    engine = serializers.CharField()
    model = serializers.CharField(allow_blank=True)
    enabled = serializers.BooleanField()
    samples = serializers.IntegerField(help_text="Candidates that each prompt asks of it; 0: no longer named.")
    problem = serializers.CharField(allow_blank=True, help_text="What keeps it from answering now.")
    waits_until = serializers.DateTimeField(allow_null=True, help_text="When the last one that waits is tried again.")
    requests = RequestCounts()
    figures = FiguresShape(help_text="What it did in this campaign.")


class Problem(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    generator = serializers.CharField()
    parent = serializers.IntegerField()  # type: ignore[assignment]  # a name that DRF uses inside
    sample_index = serializers.IntegerField()
    state = serializers.ChoiceField(choices=words.request_states())
    outcome = serializers.ChoiceField(choices=words.generation_outcomes(), allow_null=True)
    reason = serializers.CharField()
    attempts = serializers.IntegerField()
    finished_at = serializers.DateTimeField(allow_null=True)


class BalanceShape(serializers.Serializer[Any]):
    fewest = serializers.IntegerField(
        help_text="Prompts of the generator that was asked least; `most`: of the other end."
    )
    most = serializers.IntegerField()
    fewest_together = serializers.IntegerField(allow_null=True, help_text="Prompts that two were asked for together.")
    most_together = serializers.IntegerField(allow_null=True)
    never_met = serializers.IntegerField(help_text="Pairs that no prompt asked together.")
    is_connected = serializers.BooleanField(help_text="Whether comparisons link all, directly or through others.")


class StratumBalanceShape(serializers.Serializer[Any]):
    language = serializers.CharField()
    topic = serializers.CharField(allow_blank=True)
    balance = BalanceShape()


class GeneratorPlaceShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    prompts = serializers.IntegerField()
    beside = serializers.ListField(
        child=serializers.IntegerField(allow_null=True),
        help_text="Prompts that asked it together with each of the list, in its order; null: itself.",
    )
    has_problem = serializers.BooleanField(help_text="It cannot answer now, so that others are asked in its place.")


class DesignShape(serializers.Serializer[Any]):
    wanted = serializers.IntegerField(allow_null=True, help_text="Of each prompt; null: all samples of all generators.")
    generators = GeneratorPlaceShape(many=True)
    whole = BalanceShape()
    strata = StratumBalanceShape(many=True, help_text=f"At most {MOST_STRATA}, those with the most prompts first.")
    more_strata = serializers.IntegerField()


class GenerationShape(serializers.Serializer[Any]):
    generators = GeneratorCounts(many=True)
    seconds_left = serializers.FloatField(
        allow_null=True,
        help_text="How long what is queued or under way takes, as fast as it went lately; null: not known.",
    )
    problems = Problem(many=True, help_text=f"The latest {LATEST_PROBLEMS} that failed or were set aside.")


class Generation(ApiView):
    @operation(
        "get_generation",
        summary="How many requests are in each state, and what failed",
        responses={200: GenerationShape},
        scopes=LOOKING,
        tag="generation",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of organizer or moderator: generators' names are hidden from whoever judges."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        problems = list_problems(campaign_id=campaign.pk).order_by("-pk")[:LATEST_PROBLEMS]
        return Response(
            {
                **describe_generation(campaign, now=timezone.now()),
                "problems": [present_problem(row) for row in problems],
            }
        )

    @operation(
        "request_candidates",
        summary="Ask the campaign's generators for the candidates that are missing",
        request=GenerationBody,
        responses={202: CountAnswer},
        errors=CANNOT,
        scopes=ORGANIZING,
        tag="generation",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Answers how many requests are new. Of many prompts the rest follows in the background. Needs an organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        parents = read_body(request, GenerationBody).get("parents")
        added = request_candidates(campaign=campaign, actor=self.actor, now=timezone.now(), parent_ids=parents)
        return Response({"requests": added}, status.HTTP_202_ACCEPTED)


class GenerationDesign(ApiView):
    @operation(
        "get_generation_design",
        summary="Who answers what: for how many prompts each generator was asked, and beside which",
        responses={200: DesignShape},
        scopes=LOOKING,
        tag="generation",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Counts what was asked, whatever came of it. Needs the role of organizer or moderator."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        return Response(asdict(describe_design(campaign=campaign, now=timezone.now())))


def describe_generation(campaign: Campaign, *, now: datetime) -> dict[str, Any]:
    """Each generator's requests and figures, and how long what waits will take."""
    counts = count_requests(campaign_id=campaign.pk)
    figures = generator_figures(generator_ids=[row["id"] for row in counts], now=now, campaign_id=campaign.pk)
    waiting = {
        row["id"]: row["requests"][RequestState.QUEUED] + row["requests"][RequestState.RUNNING] for row in counts
    }
    return {
        "generators": [{**row, "figures": describe_figures(figures[row["id"]])} for row in counts],
        "seconds_left": estimate_seconds(waiting, figures, now=now),
    }


class GenerationProblems(ApiView):
    @operation(
        "list_generation_problems",
        summary="List what failed or was set aside, newest first, with reasons",
        query=PageQuery,
        responses={200: page_of(Problem)},
        scopes=LOOKING,
        tag="generation",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of organizer or moderator."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        rows, following = take_page(list_problems(campaign_id=campaign.pk), **read_query(request, PageQuery))
        return Response({"results": [present_problem(row) for row in rows], "next": following})


class GenerationCancel(ApiView):
    @operation(
        "cancel_generation",
        summary="Call off what is queued or under way",
        request=GeneratorChoice,
        responses={200: CountAnswer},
        scopes=ORGANIZING,
        tag="generation",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Texts that are on their way are dropped. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        asked = read_body(request, GeneratorChoice)
        ended = cancel_requests(
            campaign=campaign, actor=self.actor, now=timezone.now(), generator_id=asked.get("generator")
        )
        return Response({"requests": ended})


class GenerationRetry(ApiView):
    @operation(
        "retry_generation",
        summary="Queue again what failed or was set aside",
        request=RetryBody,
        responses={200: CountAnswer},
        errors=CANNOT,
        scopes=ORGANIZING,
        tag="generation",
    )
    def post(self, request: Request, slug: str) -> Response:
        """Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        asked = read_body(request, RetryBody)
        states = [
            RequestState.FAILED,
            RequestState.SET_ASIDE,
            *([RequestState.CANCELLED] if asked["cancelled"] else []),
        ]
        queued = retry_requests(
            campaign=campaign,
            actor=self.actor,
            generator_id=asked.get("generator"),
            request_ids=asked.get("requests"),
            states=states,
        )
        return Response({"requests": queued})


urlpatterns = [
    path("campaigns/<slug:slug>/generation/", Generation.as_view(), name="generation"),
    path("campaigns/<slug:slug>/generation/design/", GenerationDesign.as_view(), name="generation_design"),
    path("campaigns/<slug:slug>/generation/problems/", GenerationProblems.as_view(), name="generation_problems"),
    path("campaigns/<slug:slug>/generation/cancel/", GenerationCancel.as_view(), name="generation_cancel"),
    path("campaigns/<slug:slug>/generation/retry/", GenerationRetry.as_view(), name="generation_retry"),
]
