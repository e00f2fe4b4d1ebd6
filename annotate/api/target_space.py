"""The target space over HTTP: topics of a campaign, what organizers say of them, and shares learned from a reference.

The shares themselves are the field `shares` of a campaign.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for
from annotate.api.campaign_shapes import MAX_REASON_CHARS, ShareShape
from annotate.api.campaigns import read_object, take_reason
from annotate.api.schema import operation
from annotate.api.serializers import StrictSerializer, read_body
from annotate.api.views import ApiView
from annotate.exceptions import NotFound
from annotate.queries.rows import Row
from annotate.queries.target_shares import load_shares
from annotate.queries.topics import find_fit, list_topics
from annotate.queries.vectors import count_embedded
from annotate.reasons import tell_reason
from annotate.services.learned_shares import learn_from_campaign, learn_from_file
from annotate.services.topics import LONGEST_NAME, ask_for_topics, change_topic
from annotate.services.vectors import embed_again
from tasks.records.parameters import read_settings
from tasks.text.hashing_vectors import NAME as HASHING
from tasks.vocabulary import CampaignRole, Scope

LOOKING = (Scope.READ, Scope.ORGANIZE)
MOST_CHARS = 1_000_000


class TopicState(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="Stays the same while prompts are added.")
    name = serializers.CharField()
    is_named = serializers.BooleanField(help_text="An organizer called it so.")
    terms = serializers.ListField(child=serializers.CharField(), help_text="Telling words, most telling first.")
    prompts = serializers.IntegerField()
    merged_into = serializers.IntegerField(allow_null=True, help_text="The topic that takes its prompts.")
    is_retired = serializers.BooleanField()


class FitShape(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    embedder = serializers.CharField()
    prompts = serializers.IntegerField()
    topics = serializers.IntegerField()
    drift = serializers.FloatField(
        allow_null=True, help_text="Share of prompts that changed their topic; null: the first."
    )
    fitted_at = serializers.DateTimeField()


class TargetSpaceState(serializers.Serializer[Any]):
    shares = ShareShape(many=True, help_text="Set by the field `shares` of the campaign.")
    embedder = serializers.CharField()
    prompts = serializers.IntegerField()
    embedded = serializers.IntegerField(help_text="Prompts that have a vector by this embedder.")
    refused = serializers.IntegerField(
        help_text="Prompts whose text this embedder refuses; they are asked for no more."
    )
    problem = serializers.CharField(allow_null=True, help_text="What the embedder last failed with.")
    fit = FitShape(allow_null=True)
    topics = TopicState(many=True)


class TopicChangeBody(StrictSerializer):
    """What is not said stays."""

    name = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST_NAME, help_text="Empty: its terms."
    )
    merged_into = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=1_000_000)
    is_retired = serializers.BooleanField(required=False)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=MAX_REASON_CHARS)


class ReferenceBody(StrictSerializer):
    """One of the two."""

    prompts = serializers.CharField(
        required=False,
        max_length=MOST_CHARS,
        help_text="One a line, JSON lines with `prompt`, or CSV with a column `prompt`.",
    )
    campaign = serializers.CharField(required=False, max_length=64, help_text="The slug of a campaign you may see.")


class LearnedShares(serializers.Serializer[Any]):
    prompts = serializers.IntegerField()
    shares = ShareShape(many=True)


class TargetSpace(ApiView):
    @operation(
        "get_target_space",
        summary="Shares of the target, topics, and how far vectors are",
        responses={200: TargetSpaceState},
        scopes=LOOKING,
        tag="campaigns",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of moderator."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        word = read_settings(campaign.parameters).embedder
        name = HASHING if word == "hashing" else f"{word}@1"
        state, fit = count_embedded(campaign_id=campaign.pk, embedder=name), find_fit(campaign_id=campaign.pk)
        told = {str(field): getattr(fit, str(field)) for field in FitShape().fields} if fit else None
        return Response(
            {
                "shares": write_shares(load_shares(campaign_id=campaign.pk)),
                "embedder": word,
                "prompts": state.prompts,
                "embedded": state.embedded,
                "refused": state.refused,
                "problem": tell_reason(state.problem) if state.problem else None,
                "fit": told,
                "topics": [present_topic(row) for row in list_topics(campaign_id=campaign.pk)],
            }
        )


class TopicDetail(ApiView):
    @operation(
        "change_topic",
        summary="Name a topic, merge it into another one, retire it or bring it back",
        request=TopicChangeBody,
        responses={200: TopicState},
        scopes=(Scope.ORGANIZE,),
        tag="campaigns",
    )
    def patch(self, request: Request, slug: str, number: int) -> Response:
        """Its prompts find their places within a minute. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        body = read_object(request)
        reason = take_reason(body)
        change_topic(campaign=campaign, number=number, values=body, actor=self.actor, now=timezone.now(), reason=reason)
        found = next((row for row in list_topics(campaign_id=campaign.pk) if row["number"] == number), None)
        if found is None:
            raise NotFound(_("This campaign has no such topic."), code="topic_not_found")
        return Response(present_topic(found))


class TopicSearch(ApiView):
    @operation(
        "find_topics",
        summary="Look for topics again",
        responses={202: None},
        scopes=(Scope.ORGANIZE,),
        tag="campaigns",
    )
    def post(self, request: Request, slug: str) -> Response:
        """They are looked for by themselves as prompts are added. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        ask_for_topics(campaign=campaign)
        embed_again(campaign_id=campaign.pk)
        return Response(status=status.HTTP_202_ACCEPTED)


class Learned(ApiView):
    @operation(
        "learn_shares",
        summary="The shares of a reference set of prompts; nothing is stored",
        request=ReferenceBody,
        responses={200: LearnedShares},
        errors={409: "`no_prompts`: that campaign has none."},
        scopes=(Scope.ORGANIZE,),
        tag="campaigns",
    )
    def post(self, request: Request, slug: str) -> Response:
        """What comes back can be sent as the field `shares` of the campaign. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        body = read_body(request, ReferenceBody)
        if "campaign" in body:
            learned, count = learn_from_campaign(
                campaign=campaign, other=get_campaign_for(self.actor, body["campaign"])
            )
        else:
            learned, count = learn_from_file(campaign=campaign, data=body.get("prompts", "").encode())
        return Response({"prompts": count, "shares": write_shares(learned)})


def present_topic(row: Row) -> dict[str, Any]:
    told = ("number", "name", "is_named", "terms", "prompts", "merged_into")
    return {**{name: row[name] for name in told}, "is_retired": row["retired_at"] is not None}


def write_shares(shares: Mapping[Any, Mapping[str, float]]) -> list[dict[str, Any]]:
    return [
        {"axis": str(axis), "value": value, "share": share}
        for axis, values in shares.items()
        for value, share in values.items()
    ]


urlpatterns = [
    path("campaigns/<slug:slug>/target-space/", TargetSpace.as_view(), name="target_space"),
    path("campaigns/<slug:slug>/target-space/learn/", Learned.as_view(), name="learn_shares"),
    path("campaigns/<slug:slug>/topics/find/", TopicSearch.as_view(), name="find_topics"),
    path("campaigns/<slug:slug>/topics/<int:number>/", TopicDetail.as_view(), name="topic"),
]
