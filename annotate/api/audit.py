"""The audit of a campaign: who did what, before and after, and why. For its organizers and administrators."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.http import StreamingHttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for
from annotate.api.schema import operation
from annotate.api.serializers import PageQuery, StrictSerializer, page_of, read_query, take_page
from annotate.api.views import ApiView
from annotate.models import words
from annotate.queries.audit import describe_event, find_events, stream_events
from tasks.vocabulary import CampaignRole, Scope

SCOPES = (Scope.READ, Scope.ORGANIZE)
MEDIA_TYPE = "application/jsonl"


class AuditFilter(StrictSerializer):
    """Which events: every filter that is given must hold."""

    action = serializers.ChoiceField(words.audit_actions(), required=False)
    actor = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="The id of an account."
    )
    object_kind = serializers.CharField(required=False, max_length=40)
    object_id = serializers.CharField(required=False, max_length=64)
    since = serializers.DateTimeField(required=False, help_text="This moment and later.")
    until = serializers.DateTimeField(required=False, help_text="Before this moment.")


class AuditQuery(PageQuery, AuditFilter):
    """A page of events, newest first."""


class AuditActor(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class AuditObject(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()


class AuditEntry(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = AuditActor(allow_null=True, help_text="Null: the system, or a command on the server.")
    campaign = serializers.CharField(allow_null=True)
    action = serializers.ChoiceField(words.audit_actions())
    object = AuditObject()
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class Audit(ApiView):
    @operation(
        "list_audit",
        summary="List what organizers and moderators did, newest first",
        query=AuditQuery,
        responses={200: page_of(AuditEntry)},
        scopes=SCOPES,
        tag="audit",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of organizer. A judgment is its own audit and is not repeated here."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        asked = read_query(request, AuditQuery)
        page = {"limit": asked.pop("limit"), "cursor": asked.pop("cursor", None)}
        rows, following = take_page(find_events(campaign=campaign, **_as_filters(asked)), **page)
        return Response({"results": [describe_event(row) for row in rows], "next": following})


class AuditExport(ApiView):
    @operation(
        "export_audit",
        summary="Stream all events as JSON Lines, oldest first",
        query=AuditFilter,
        responses={(200, MEDIA_TYPE): OpenApiTypes.STR},
        scopes=SCOPES,
        tag="audit",
    )
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        """One event a line, in the shape of the list. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        events = find_events(campaign=campaign, **_as_filters(read_query(request, AuditFilter)))
        response = StreamingHttpResponse(write_lines(stream_events(events)), content_type=MEDIA_TYPE)
        response["Content-Disposition"] = f'attachment; filename="{slug}-audit.jsonl"'
        return response


def write_lines(events: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """JSON Lines in UTF-8."""
    for event in events:
        yield json.dumps(event, ensure_ascii=False).encode("utf-8") + b"\n"


def _as_filters(asked: dict[str, Any]) -> dict[str, Any]:
    return {("actor_id" if name == "actor" else name): value for name, value in asked.items()}


urlpatterns = [
    path("campaigns/<slug:slug>/audit/", Audit.as_view(), name="audit"),
    path("campaigns/<slug:slug>/audit/export/", AuditExport.as_view(), name="audit_export"),
]
