"""Why a unit is where it is, over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import path
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for
from annotate.api.schema import operation
from annotate.api.views import ApiView
from annotate.exceptions import NotFound
from annotate.queries.rows import Row
from annotate.queries.unit_places import find_unit_place, list_unit_places
from tasks.vocabulary import CampaignRole, Scope

LOOKING = (Scope.READ, Scope.ORGANIZE)
TOLD = (
    "id", "kind", "language", "message", "brief", "is_open", "needed", "done", "held", "wanted", "band", "ahead", "policy",
    "scored_at", "reason_code", "terms", "cell",
)  # fmt: skip


class PlaceCell(serializers.Serializer[Any]):
    topic = serializers.CharField(allow_null=True)
    difficulty = serializers.CharField(allow_blank=True)
    length = serializers.CharField()
    share = serializers.FloatField()
    prompts = serializers.IntegerField()
    finished = serializers.FloatField()
    coverage = serializers.FloatField()


class UnitPlace(serializers.Serializer[Any]):
    """A unit among those that are offered."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    language = serializers.CharField()
    message = serializers.IntegerField(allow_null=True)
    brief = serializers.IntegerField(allow_null=True)
    is_open = serializers.BooleanField()
    needed = serializers.IntegerField()
    done = serializers.IntegerField()
    held = serializers.IntegerField()
    wanted = serializers.IntegerField()
    band = serializers.IntegerField(help_text="0 to 1000: higher ones are offered first.")
    ahead = serializers.IntegerField(
        allow_null=True,
        help_text="Units of its kind and language that come before it, counted up to 10,001; null: it is offered to nobody.",
    )
    policy = serializers.CharField(allow_blank=True, help_text="What scored it.")
    scored_at = serializers.DateTimeField(allow_null=True)
    reason_code = serializers.CharField()
    terms = serializers.DictField(child=serializers.FloatField(allow_null=True), help_text="What its band came from.")
    cell = PlaceCell(allow_null=True)


class UnitPlaceList(serializers.Serializer[Any]):
    results = UnitPlace(many=True)


class UnitWhy(ApiView):
    @operation(
        "get_unit_place",
        summary="Why a unit is where it is among what is offered",
        responses={200: UnitPlace},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str, unit: UUID) -> Response:
        """Needs the role of moderator. The terms depend on the policy that scored it."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        found = find_unit_place(campaign_id=campaign.pk, public_id=unit)
        if found is None:
            raise NotFound(_("This campaign has no such piece of work."), code="unit_not_found")
        return Response(_present(found))


class MessageWhy(ApiView):
    @operation(
        "list_unit_places",
        summary="The units on a message, and why each is where it is",
        responses={200: UnitPlaceList},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str, message: int) -> Response:
        """Needs the role of moderator. Open units first."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        units = list_unit_places(campaign_id=campaign.pk, message_id=min(message, 2**63 - 1))
        return Response({"results": [_present(unit) for unit in units]})


def _present(unit: Row) -> Row:
    return {name: unit[name] for name in TOLD}


urlpatterns = [
    path("campaigns/<slug:slug>/units/<uuid:unit>/why/", UnitWhy.as_view(), name="unit_why"),
    path("campaigns/<slug:slug>/messages/<int:message>/why/", MessageWhy.as_view(), name="message_why"),
]
