"""Briefs over HTTP: what a campaign asks prompt writers for."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils.translation import gettext as _
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for
from annotate.api.campaign_shapes import MAX_REASON_CHARS
from annotate.api.campaigns import read_object, take_reason
from annotate.api.schema import operation
from annotate.api.serializers import StrictSerializer
from annotate.api.views import ApiView
from annotate.exceptions import NotFound
from annotate.queries.briefs import find_brief, list_briefs
from annotate.queries.growth import load_supply_rows
from annotate.queries.rows import Row
from annotate.services.briefs import LONGEST, MOST_OPEN, MOST_WANTED, change_brief, create_brief
from tasks.vocabulary import BriefOrigin, CampaignRole, Scope

#: Open ones, and as many that were closed.
MOST_LISTED = 2 * MOST_OPEN
BRIEF_CONFLICTS = "`brief_taken`: an open one asks for the same; "


class BriefChangeBody(StrictSerializer):
    """What is not said stays. Words of a brief by which prompts were written stay too."""

    language = serializers.CharField(required=False, help_text="A language of the campaign.")
    topic = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST["topic"], help_text="Empty: any."
    )
    difficulty = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST["difficulty"], help_text="In your words. Empty: any."
    )
    words = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST["words"],
        help_text="What is asked for, as writers read it.",
    )
    wanted = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST_WANTED, help_text="Null: as many as trees need."
    )
    is_open = serializers.BooleanField(required=False)
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_REASON_CHARS, help_text="Why, for the audit."
    )


class BriefBody(BriefChangeBody):
    language = serializers.CharField(help_text="A language of the campaign.")


class BriefWhy(serializers.Serializer[Any]):
    """Empty where an organizer wrote the brief."""

    key = serializers.CharField(required=False)
    length = serializers.CharField(required=False, allow_blank=True)
    prompts = serializers.IntegerField(required=False, help_text="That there were of it.")
    wanted = serializers.IntegerField(required=False, help_text="That its share of the target comes to.")
    share = serializers.FloatField(required=False, help_text="Of the campaign's target.")


class BriefState(serializers.Serializer[Any]):
    """A brief. `is_own`: the campaign made it for itself, because trees needed prompts and no other was open."""

    id = serializers.IntegerField()
    language = serializers.CharField()
    topic = serializers.CharField(allow_blank=True)
    difficulty = serializers.CharField(allow_blank=True)
    words = serializers.CharField(allow_blank=True)
    wanted = serializers.IntegerField(allow_null=True)
    is_open = serializers.BooleanField()
    is_own = serializers.BooleanField()
    origin = serializers.ChoiceField(
        choices=[origin.value for origin in BriefOrigin],
        help_text="`scheduler`: opened because such prompts were missing; it closes by itself. Closing it is a veto.",
    )
    vetoed_at = serializers.DateTimeField(allow_null=True, help_text="The scheduler does not ask for this again.")
    why = BriefWhy(required=False, help_text="Of one of the scheduler: what was there and what was wanted.")
    examples = serializers.ListField(
        child=serializers.IntegerField(), help_text="Messages that writers are shown as being there already."
    )
    written = serializers.IntegerField(help_text="Prompts by it, counted up to 10,001.")
    standing = serializers.IntegerField(help_text="Those of them that were neither rejected nor ended early.")
    asked = serializers.IntegerField(help_text="Prompts that people are asked for now.")
    created_at = serializers.DateTimeField()


class BriefList(serializers.Serializer[Any]):
    results = BriefState(many=True)


class Briefs(ApiView):
    @operation(
        "list_briefs",
        summary="List what prompts are asked for, open briefs first",
        responses={200: BriefList},
        scopes=(Scope.READ, Scope.ORGANIZE),
        tag="campaigns",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of moderator."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        return Response({"results": list_briefs(campaign_id=campaign.pk, limit=MOST_LISTED)})

    @operation(
        "create_brief",
        summary="Ask for prompts by a brief",
        request=BriefBody,
        responses={201: BriefState},
        errors={409: f"{BRIEF_CONFLICTS}`too_many_briefs`."},
        scopes=(Scope.ORGANIZE,),
        tag="campaigns",
    )
    def post(self, request: Request, slug: str) -> Response:
        """People are asked while trees grow in the campaign and writing prompts is among its kinds of work. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        body = read_object(request)
        reason = take_reason(body)
        brief = create_brief(campaign=campaign, values=body, actor=self.actor, reason=reason)
        return Response(_present(campaign.pk, brief.pk), status.HTTP_201_CREATED)


class BriefDetail(ApiView):
    @operation(
        "get_brief",
        summary="Read one brief, and how far it is",
        responses={200: BriefState},
        scopes=(Scope.READ, Scope.ORGANIZE),
        tag="campaigns",
    )
    def get(self, request: Request, slug: str, brief: int) -> Response:
        """Needs the role of moderator."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        return Response(_present(campaign.pk, brief))

    @operation(
        "change_brief",
        summary="Change a brief, close it or open it again",
        request=BriefChangeBody,
        responses={200: BriefState},
        errors={409: f"{BRIEF_CONFLICTS}`brief_in_use`: prompts were written by it, so its words stay."},
        scopes=(Scope.ORGANIZE,),
        tag="campaigns",
    )
    def patch(self, request: Request, slug: str, brief: int) -> Response:
        """Whoever holds work by a brief that is closed may still send it. Needs the role of organizer."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.ORGANIZER)
        body = read_object(request)
        reason = take_reason(body)
        change_brief(campaign=campaign, brief_id=brief, values=body, actor=self.actor, reason=reason)
        return Response(_present(campaign.pk, brief))


class SupplyState(serializers.Serializer[Any]):
    """What a campaign has in one language, as the last look found it."""

    language = serializers.CharField()
    reviewers = serializers.IntegerField(help_text="People who worked in it within `reviewer_days`.")
    in_review = serializers.IntegerField(help_text="Trees whose prompt is in review.")
    waiting = serializers.IntegerField(help_text="Trees that wait for their turn.")
    growing = serializers.IntegerField()
    ranking = serializers.IntegerField()
    done = serializers.IntegerField()
    prompts_wanted = serializers.IntegerField(help_text="Prompts that people are asked for now.")
    counted_at = serializers.DateTimeField()


class SupplyList(serializers.Serializer[Any]):
    results = SupplyState(many=True)


class Supply(ApiView):
    @operation(
        "list_supply",
        summary="Trees by language and state, people who review, and prompts that are asked for",
        responses={200: SupplyList},
        tag="campaigns",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Where no trees grow, nothing is told. Counted as trees move; `counted_at` says when."""
        campaign = get_campaign_for(self.actor, slug)
        return Response({"results": load_supply_rows(campaign_id=campaign.pk)})


def _present(campaign_id: int, brief_id: int) -> Row:
    found = find_brief(campaign_id=campaign_id, brief_id=brief_id)
    if found is None:
        raise NotFound(_("This campaign has no such brief. Look at the list of its briefs."), code="brief_not_found")
    return found


urlpatterns = [
    path("campaigns/<slug:slug>/supply/", Supply.as_view(), name="supply"),
    path("campaigns/<slug:slug>/briefs/", Briefs.as_view(), name="briefs"),
    path("campaigns/<slug:slug>/briefs/<int:brief>/", BriefDetail.as_view(), name="brief"),
]
