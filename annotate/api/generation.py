"""Generation: ask a campaign's generators for candidates, see what came of it, call it off, try again."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for
from annotate.api.schema import operation
from annotate.api.serializers import PageQuery, StrictSerializer, page_of, read_body, read_query, take_page
from annotate.api.views import ApiView
from annotate.models import words
from annotate.queries.generation import count_requests, list_problems, present_problem
from annotate.services.generation import MOST_PARENTS, cancel_requests, request_candidates, retry_requests
from tasks.vocabulary import CampaignRole, RequestState, Scope

ORGANIZING = (Scope.ORGANIZE,)
LOOKING = (Scope.READ, Scope.ORGANIZE)
CANNOT = {409: "`campaign_not_open`: it is paused or closed; `no_generator`: it names none that can be asked."}
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
    waits_until = serializers.DateTimeField(allow_null=True, help_text="When the last one that waits is tried again.")
    requests = RequestCounts()


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


class GenerationShape(serializers.Serializer[Any]):
    generators = GeneratorCounts(many=True)
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
        counts = count_requests(campaign_id=campaign.pk)
        return Response({"generators": counts, "problems": [present_problem(problem) for problem in problems]})

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
    path("campaigns/<slug:slug>/generation/problems/", GenerationProblems.as_view(), name="generation_problems"),
    path("campaigns/<slug:slug>/generation/cancel/", GenerationCancel.as_view(), name="generation_cancel"),
    path("campaigns/<slug:slug>/generation/retry/", GenerationRetry.as_view(), name="generation_retry"),
]
