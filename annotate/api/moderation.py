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
from annotate.models import Annotator, Message, MessageTree
from annotate.services.message_texts import edit_message
from annotate.services.moderation import (
    reinstate_annotator,
    remove_message,
    restore_message,
    suspend_annotator,
)
from annotate.services.moderation_reports import keep_message
from annotate.services.moderation_trees import halt_tree, restart_tree
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


class KeepMessage(ChangeMessage):
    change = staticmethod(keep_message)

    @operation(
        "keep_message",
        summary="Dismiss the open reports of a message",
        request=ReasonBody,
        responses={200: MessageState},
        errors={404: "`message_not_found`.", 409: "`no_reports`: none is open.", 410: "`message_withdrawn`."},
        scopes=(Scope.ORGANIZE,),
        tag="moderation",
    )
    def post(self, request: Request, slug: str, message: int) -> Response:
        """The message stays as it is; it may be reported again. Needs the role of moderator."""
        return self.answer(request, slug, message)


class EditBody(ReasonBody):
    text = serializers.CharField(trim_whitespace=False, help_text="The whole text as it should be.")


class EditedMessage(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    revision = serializers.IntegerField(help_text="Its number; the first text is 1.")


class EditMessage(ApiView):
    @operation(
        "edit_message",
        summary="Change the text of a message",
        request=EditBody,
        responses={200: EditedMessage},
        errors={
            404: "`message_not_found`.",
            409: "`text_unchanged`; `text_duplicate`: the same words stand beside it.",
            410: "`message_withdrawn`.",
            413: "`text_too_long`.",
        },
        scopes=(Scope.ORGANIZE,),
        tag="moderation",
    )
    def post(self, request: Request, slug: str, message: int) -> Response:
        """The earlier text is kept as a revision; labels and rankings stay with theirs. Needs the role of moderator."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        body = read_body(request, EditBody)
        changed = edit_message(campaign=campaign, message_id=message, actor=self.actor, now=timezone.now(), **body)
        return Response({"id": changed.pk, "revision": changed.revision})


class TreeStateAnswer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    state = serializers.CharField()
    state_reason = serializers.CharField(allow_blank=True)


class ChangeTree(ApiView):
    """Stops a tree or lets it go on; both need the role of moderator and a reason."""

    change: ClassVar[Callable[..., MessageTree]]

    def answer(self, request: Request, slug: str, tree: int) -> Response:
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        reason = read_body(request, ReasonBody)["reason"]
        changed = type(self).change(
            campaign=campaign, tree_id=tree, actor=self.actor, reason=reason, now=timezone.now()
        )
        return Response({"id": changed.pk, "state": changed.state, "state_reason": changed.state_reason})


class HaltTree(ChangeTree):
    change = staticmethod(halt_tree)

    @operation(
        "halt_tree",
        summary="Stop a tree",
        request=ReasonBody,
        responses={200: TreeStateAnswer},
        errors={404: "`tree_not_found`.", 409: "`tree_ended`: it ended otherwise."},
        scopes=(Scope.ORGANIZE,),
        tag="moderation",
    )
    def post(self, request: Request, slug: str, tree: int) -> Response:
        """Nothing of it is offered any more; what people hold may still be sent. Needs the role of moderator."""
        return self.answer(request, slug, tree)


class RestartTree(ChangeTree):
    change = staticmethod(restart_tree)

    @operation(
        "restart_tree",
        summary="Let a tree go on that has ended",
        request=ReasonBody,
        responses={200: TreeStateAnswer},
        errors={
            404: "`tree_not_found`.",
            409: "`tree_done`: it is complete; `prompt_removed`: restore its prompt first.",
        },
        scopes=(Scope.ORGANIZE,),
        tag="moderation",
    )
    def post(self, request: Request, slug: str, tree: int) -> Response:
        """From where it was; a prompt that reviewers rejected is accepted by this. Needs the role of moderator."""
        return self.answer(request, slug, tree)


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
    path("campaigns/<slug:slug>/messages/<int:message>/keep/", KeepMessage.as_view(), name="keep_message"),
    path("campaigns/<slug:slug>/messages/<int:message>/edit/", EditMessage.as_view(), name="edit_message"),
    path("campaigns/<slug:slug>/trees/<int:tree>/halt/", HaltTree.as_view(), name="halt_tree"),
    path("campaigns/<slug:slug>/trees/<int:tree>/restart/", RestartTree.as_view(), name="restart_tree"),
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
