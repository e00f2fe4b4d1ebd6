"""Trials of a generator with one prompt, for administrators. What comes of one is nobody's candidate."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import require_administrator
from annotate.api.schema import operation
from annotate.api.serializers import PageQuery, StrictSerializer, page_of, read_body, read_query, take_page
from annotate.api.views import ApiView
from annotate.exceptions import NotFound
from annotate.models import GeneratorTrial, words
from annotate.queries.campaigns import list_site_generators
from annotate.queries.generators import list_trials
from annotate.reasons import tell_reason
from annotate.services.generators import check_found
from annotate.services.trials import LONGEST_PROMPT, start_trial
from tasks.vocabulary import Scope

ADMINISTERING = (Scope.ADMIN,)
TRIAL_FIELDS = ("id", "prompt", "state", "outcome", "text", "provenance", "seconds", "completion_tokens", "created_at",
                "finished_at")  # fmt: skip


class TrialBody(StrictSerializer):
    prompt = serializers.CharField(max_length=LONGEST_PROMPT)


class TrialShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    prompt = serializers.CharField()
    state = serializers.ChoiceField(choices=words.trial_states())
    outcome = serializers.ChoiceField(choices=words.generation_outcomes(), allow_null=True)
    text = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    provenance = serializers.DictField(help_text="Model, effective sampling, what was left out, …, as recorded.")
    seconds = serializers.FloatField(allow_null=True)
    completion_tokens = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class Trials(ApiView):
    @operation(
        "list_trials",
        summary="List the trials of a generator, newest first",
        query=PageQuery,
        responses={200: page_of(TrialShape)},
        scopes=ADMINISTERING,
        tag="generators",
    )
    def get(self, request: Request, generator: int) -> Response:
        """For administrators."""
        require_administrator(self.actor)
        found = check_found(list_site_generators().filter(pk=generator).first())
        rows, following = take_page(list_trials(generator_id=found.pk), **read_query(request, PageQuery))
        return Response({"results": [present_trial(row) for row in rows], "next": following})

    @operation(
        "start_trial",
        summary="Try a generator with one prompt",
        request=TrialBody,
        responses={202: TrialShape},
        errors={409: "`generator_disabled`: enable it to try it; `too_many_trials`: others wait for their answers."},
        scopes=ADMINISTERING,
        tag="generators",
    )
    def post(self, request: Request, generator: int) -> Response:
        """Read the trial until its state is `done` or `failed`. Its text goes into no campaign."""
        require_administrator(self.actor)
        prompt = read_body(request, TrialBody)["prompt"]
        trial = start_trial(generator_id=generator, prompt=prompt, actor=self.actor, now=timezone.now())
        return Response(present_trial(trial), status.HTTP_202_ACCEPTED)


class TrialDetail(ApiView):
    @operation(
        "get_trial",
        summary="Read a trial",
        responses={200: TrialShape},
        scopes=ADMINISTERING,
        tag="generators",
    )
    def get(self, request: Request, generator: int, trial: int) -> Response:
        """For administrators."""
        require_administrator(self.actor)
        found = list_trials(generator_id=generator).filter(pk=trial).first()
        if found is None:
            raise NotFound("This generator has no such trial.", code="trial_not_found")
        return Response(present_trial(found))


def present_trial(trial: GeneratorTrial) -> dict[str, Any]:
    return {name: getattr(trial, name) for name in TRIAL_FIELDS} | {"reason": tell_reason(trial.reason)}


urlpatterns = [
    path("generators/<int:generator>/trials/", Trials.as_view(), name="trials"),
    path("generators/<int:generator>/trials/<int:trial>/", TrialDetail.as_view(), name="trial"),
]
