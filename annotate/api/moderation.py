"""Moderation over HTTP: take messages out of the work and give them back; suspend people and reinstate them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for, require_administrator
from annotate.api.campaign_shapes import MAX_REASON_CHARS
from annotate.api.schema import operation
from annotate.api.serializers import StrictSerializer, read_body
from annotate.api.views import ApiView
from annotate.models import Annotator, Message
from annotate.services.moderation import (
    reinstate_annotator,
    remove_message,
    restore_message,
    suspend_annotator,
)
from tasks.vocabulary import CampaignRole, Scope


class ReasonBody(StrictSerializer):
    reason = serializers.CharField(max_length=MAX_REASON_CHARS, help_text="Why: kept in the audit.")


class MessageState(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    removed_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class AnnotatorState(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    suspended_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class ChangeMessage(ApiView):
    """Takes a message away or brings it back; both need the role of moderator and a reason."""

    change: ClassVar[Callable[..., Message]]

    def answer(self, request: Request, slug: str, message: int) -> Response:
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        reason = read_body(request, ReasonBody)["reason"]
        changed = type(self).change(
            campaign=campaign, message_id=message, actor=self.actor, reason=reason, now=timezone.now()
        )
        return Response({"id": changed.pk, "removed_at": changed.removed_at, "reason": changed.removed_reason})


class RemoveMessage(ChangeMessage):
    change = staticmethod(remove_message)

    @operation(
        "remove_message",
        summary="Take a message, and what answers it, out of the work",
        request=ReasonBody,
        responses={200: MessageState},
        errors={404: "`message_not_found`: the campaign has no such message."},
        scopes=(Scope.ORGANIZE,),
        tag="moderation",
    )
    def post(self, request: Request, slug: str, message: int) -> Response:
        """Current ballots stay, the text is kept, and it can be restored. Needs the role of moderator."""
        return self.answer(request, slug, message)


class RestoreMessage(ChangeMessage):
    change = staticmethod(restore_message)

    @operation(
        "restore_message",
        summary="Bring a removed message back",
        request=ReasonBody,
        responses={200: MessageState},
        errors={404: "`message_not_found`.", 409: "`message_withdrawn`: its author took it away for good."},
        scopes=(Scope.ORGANIZE,),
        tag="moderation",
    )
    def post(self, request: Request, slug: str, message: int) -> Response:
        """What its removal closed is open again. Needs the role of moderator."""
        return self.answer(request, slug, message)


class ChangeAnnotator(ApiView):
    """Stops somebody from working or lets them work again; both are for administrators and need a reason."""

    change: ClassVar[Callable[..., Annotator]]

    def answer(self, request: Request, slug: str, annotator: int) -> Response:
        require_administrator(self.actor)
        campaign = get_campaign_for(self.actor, slug)
        reason = read_body(request, ReasonBody)["reason"]
        changed = type(self).change(annotator_id=annotator, campaign=campaign, actor=self.actor, reason=reason)
        return Response({"id": changed.pk, "suspended_at": changed.suspended_at, "reason": changed.suspended_reason})


class SuspendAnnotator(ChangeAnnotator):
    change = staticmethod(lambda **asked: suspend_annotator(**asked, now=timezone.now()))

    @operation(
        "suspend_annotator",
        summary="Stop somebody from working anywhere on the site",
        request=ReasonBody,
        responses={200: AnnotatorState},
        errors={404: "`annotator_not_found`."},
        scopes=(Scope.ADMIN,),
        tag="moderation",
    )
    def post(self, request: Request, slug: str, annotator: int) -> Response:
        """What they hold goes back; drafts and judgments stay. For administrators."""
        return self.answer(request, slug, annotator)


class ReinstateAnnotator(ChangeAnnotator):
    change = staticmethod(reinstate_annotator)

    @operation(
        "reinstate_annotator",
        summary="Let a suspended person work again",
        request=ReasonBody,
        responses={200: AnnotatorState},
        errors={404: "`annotator_not_found`."},
        scopes=(Scope.ADMIN,),
        tag="moderation",
    )
    def post(self, request: Request, slug: str, annotator: int) -> Response:
        """For administrators."""
        return self.answer(request, slug, annotator)


urlpatterns = [
    path("campaigns/<slug:slug>/messages/<int:message>/remove/", RemoveMessage.as_view(), name="remove_message"),
    path("campaigns/<slug:slug>/messages/<int:message>/restore/", RestoreMessage.as_view(), name="restore_message"),
    path(
        "campaigns/<slug:slug>/annotators/<int:annotator>/suspend/",
        SuspendAnnotator.as_view(),
        name="suspend_annotator",
    ),
    path(
        "campaigns/<slug:slug>/annotators/<int:annotator>/reinstate/",
        ReinstateAnnotator.as_view(),
        name="reinstate_annotator",
    ),
]
