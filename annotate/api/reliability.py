"""How reliable annotators are: of a campaign for those who run it, and of oneself for oneself alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for, require_annotator
from annotate.api.schema import operation
from annotate.api.serializers import PageQuery, page_of, read_cursor, read_query, write_cursor
from annotate.api.views import ApiView
from annotate.models import words
from annotate.queries.annotator_reliability import (
    FEW_SHARED,
    FILTERS,
    describe_snapshot,
    list_annotators,
    list_own_reliability,
)
from annotate.queries.reliability import find_snapshot
from annotate.queries.rows import Row
from tasks.records.parameters import read_settings
from tasks.vocabulary import CampaignRole, Scope

LOOKING = (Scope.READ, Scope.ORGANIZE)
TAU = "Mean Kendall tau-b of their rankings with the consensus of the others, in [-1, 1]; null: not enough data."


class AnnotatorsQuery(PageQuery):
    """A page of annotators, by id."""

    show = serializers.ChoiceField(
        list(FILTERS),
        required=False,
        default="all",
        help_text=f"few: fewer than {FEW_SHARED} rankings can be compared; below: less sharp than typical for certain; "
        "findings: one is open or was upheld.",
    )


class AnnotatorEntry(serializers.Serializer[Any]):
    annotator = serializers.IntegerField(help_text="Their id, as in trees and findings.")
    name = serializers.CharField(allow_null=True, help_text="The name that the account gave itself.")
    is_guest = serializers.BooleanField()
    is_suspended = serializers.BooleanField()
    sharpness = serializers.FloatField(help_text="1: a typical annotator, 0: a coin; at most 3.")
    low = serializers.FloatField(help_text="95 % interval.")
    high = serializers.FloatField()
    agreement = serializers.FloatField(allow_null=True, help_text=TAU)
    agreement_low = serializers.FloatField(allow_null=True)
    agreement_high = serializers.FloatField(allow_null=True)
    n_ballots = serializers.IntegerField(help_text="Rankings that stand.")
    n_shared = serializers.IntegerField(help_text="Of these, on prompts that others ranked too.")
    n_gold = serializers.IntegerField(help_text="Pieces whose answer is known that they judged.")
    gold_right = serializers.FloatField(help_text="Sum of their scores on these, each from 0 to 1.")
    is_upheld = serializers.BooleanField(
        help_text="A finding was upheld: they count for nothing where rankings are weighed."
    )
    findings = serializers.IntegerField(help_text="Open findings about them.")


class AnnotatorsPage(page_of(AnnotatorEntry)):  # type: ignore[misc]  # made by a function
    weighs = serializers.BooleanField(help_text="Whether the campaign weighs rankings by this.")
    version = serializers.IntegerField(allow_null=True, help_text="Of the snapshot; null: nothing is measured yet.")
    computed_at = serializers.DateTimeField(allow_null=True)
    method = serializers.CharField(allow_null=True)
    method_version = serializers.CharField(allow_null=True)
    n_annotators = serializers.IntegerField()
    n_ballots = serializers.IntegerField()


class OwnReliability(serializers.Serializer[Any]):
    campaign = serializers.CharField(help_text="Its slug.")
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=words.campaign_states())
    n_ballots = serializers.IntegerField(help_text="My rankings that stand.")
    n_shared = serializers.IntegerField(help_text="Of these, on prompts that others ranked too.")
    agreement = serializers.FloatField(
        allow_null=True,
        help_text="Mean Kendall tau-b of my rankings with the consensus of the others, to a tenth; null below "
        f"{FEW_SHARED} shared ones.",
    )
    agreement_low = serializers.FloatField(allow_null=True, help_text="95 % interval.")
    agreement_high = serializers.FloatField(allow_null=True)
    counts_as = serializers.ChoiceField(
        ["more", "typical", "less", "nothing"],
        allow_null=True,
        help_text="What my rankings count for where the campaign weighs them; null: all count alike.",
    )
    version = serializers.IntegerField()
    computed_at = serializers.DateTimeField()


class OwnReliabilities(serializers.Serializer[Any]):
    results = OwnReliability(many=True, help_text="The newest campaign first.")


class Annotators(ApiView):
    @operation(
        "list_annotators",
        summary="How reliable the annotators of a campaign are",
        query=AnnotatorsQuery,
        responses={200: AnnotatorsPage},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of organizer or moderator, also when the campaign is closed. Measured about once an hour."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        asked = read_query(request, AnnotatorsQuery)
        weighs = read_settings(campaign.parameters).weigh_reliability
        return Response({"weighs": weighs, **_read_page(campaign_id=campaign.pk, asked=asked)})


class MyReliability(ApiView):
    @operation(
        "show_my_reliability",
        summary="How my rankings go with those of others",
        responses={200: OwnReliabilities},
        tag="people",
    )
    def get(self, request: Request) -> Response:
        """For accounts and for guests, each of themselves alone."""
        rows = list_own_reliability(annotator_id=require_annotator(self.actor))
        shown = [
            {"campaign": row["slug"], **{name: value for name, value in row.items() if name not in {"slug", "weighs"}}}
            for row in rows
        ]
        return Response({"results": shown})


def _read_page(*, campaign_id: int, asked: Mapping[str, Any]) -> dict[str, Any]:
    """A page of the newest snapshot, and what it says as a whole."""
    snapshot = find_snapshot(campaign_id=campaign_id)
    if snapshot is None:
        nothing = dict.fromkeys(("version", "computed_at", "method", "method_version"))
        return {"results": [], "next": None, **nothing, "n_annotators": 0, "n_ballots": 0}
    rows = list_annotators(
        campaign_id=campaign_id,
        snapshot_id=snapshot.pk,
        shows=asked["show"],
        sort="annotator",
        after=read_cursor(asked["cursor"]) if "cursor" in asked else 0,
        limit=asked["limit"] + 1,
    )
    page = rows[: asked["limit"]]
    following = write_cursor(page[-1]["annotator"]) if len(rows) > len(page) else None
    told = {name: value for name, value in describe_snapshot(snapshot).items() if name != "agreement"}
    return {"results": [_present(row) for row in page], "next": following, **told}


def _present(row: Row) -> dict[str, Any]:
    return {"name": row["display_name"] or None, **{key: row[key] for key in row if key != "display_name"}}


urlpatterns = [
    path("campaigns/<slug:slug>/annotators/", Annotators.as_view(), name="annotators"),
    path("me/reliability/", MyReliability.as_view(), name="my_reliability"),
]
