"""What I say of myself, and which topics of a campaign I like: mine to read, to change and to take back."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for, require_annotator
from annotate.api.schema import operation
from annotate.api.serializers import StrictSerializer, read_body
from annotate.api.views import ApiView
from annotate.queries.self_descriptions import list_own_answers, list_topics_to_like
from annotate.services.self_descriptions import choose_topics, describe_oneself
from tasks.records.self_descriptions import ANSWERS, LONGEST_ANSWER
from tasks.vocabulary import Scope, SelfQuestion

MINE = (Scope.ANNOTATE, Scope.ORGANIZE)


def _answer(question: SelfQuestion) -> serializers.Field[Any, Any, Any, Any]:
    given: dict[str, Any] = {"required": False, "allow_null": True}
    if question is SelfQuestion.FIRST_LANGUAGE:
        return serializers.CharField(max_length=LONGEST_ANSWER, help_text="A language tag: en, de, pt-BR.", **given)
    return serializers.ChoiceField(list(ANSWERS[question]), **given)


DescriptionBody = type(
    "DescriptionBody", (StrictSerializer,), {question.value: _answer(question) for question in SelfQuestion}
)


class LikeBody(StrictSerializer):
    number = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    likes = serializers.BooleanField(allow_null=True, help_text="True: gladly; false: rather not; null: no matter.")


class LikesBody(StrictSerializer):
    topics = serializers.ListField(child=LikeBody(), max_length=1_000)


class TopicToLikeShape(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="The topic's number in the campaign; it stays the same.")
    name = serializers.CharField()
    terms = serializers.ListField(child=serializers.CharField(), help_text="The words that tell it from others.")
    likes = serializers.BooleanField(allow_null=True)


class TopicsToLikeShape(serializers.Serializer[Any]):
    topics = TopicToLikeShape(many=True)


class MyDescription(ApiView):
    @operation("show_my_description", summary="What I say of myself", responses={200: DescriptionBody}, tag="people")
    def get(self, request: Request) -> Response:
        """For accounts and guests. A question that is not there was not answered. Nobody else can read it."""
        return Response(list_own_answers(annotator_id=require_annotator(self.actor)))

    @operation(
        "describe_myself",
        summary="Say something of myself, or take it back",
        request=DescriptionBody,
        responses={200: DescriptionBody},
        scopes=MINE,
        tag="people",
    )
    def patch(self, request: Request) -> Response:
        """Questions that are left out stay as they are; null takes an answer back."""
        answers = read_body(request, DescriptionBody)
        said = describe_oneself(annotator_id=require_annotator(self.actor), answers=answers, now=timezone.now())
        return Response(said)


class MyTopics(ApiView):
    @operation(
        "list_my_topics",
        summary="A campaign's topics, and which I like",
        responses={200: TopicsToLikeShape},
        tag="people",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Topics are found by a job once there are enough prompts; before that there is none."""
        campaign = get_campaign_for(self.actor, slug)
        return Response({"topics": list_topics_to_like(annotator_id=require_annotator(self.actor), campaign=campaign)})

    @operation(
        "choose_my_topics",
        summary="Say which topics I like",
        request=LikesBody,
        responses={200: TopicsToLikeShape},
        scopes=MINE,
        tag="people",
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Topics that are left out stay as they are. It says what is given more often, not what may be done."""
        campaign = get_campaign_for(self.actor, slug)
        annotator_id = require_annotator(self.actor)
        likes = {one["number"]: one["likes"] for one in read_body(request, LikesBody)["topics"]}
        choose_topics(annotator_id=annotator_id, campaign=campaign, likes=likes, now=timezone.now())
        return Response({"topics": list_topics_to_like(annotator_id=annotator_id, campaign=campaign)})


urlpatterns = [
    path("me/description/", MyDescription.as_view(), name="my_description"),
    path("me/topics/<slug:slug>/", MyTopics.as_view(), name="my_topics"),
]
