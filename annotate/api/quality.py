"""What became of the judgments: progress, agreement, consensus and leaderboard of a campaign.

Progress and agreement tell nothing about single pieces of work, so whoever may see the campaign may see them.
Consensus and leaderboard name the origins of texts: organizers and moderators see them, others when it is closed.
"""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import Actor, get_campaign_for
from annotate.api.quality_shapes import AgreementShape, ConsensusEntry, ConsensusQuery, LeaderboardShape, ProgressShape
from annotate.api.schema import operation
from annotate.api.serializers import page_of, read_query, take_page
from annotate.api.views import ApiView
from annotate.models import Campaign
from annotate.queries.campaigns import INSIDERS
from annotate.queries.progress import get_progress
from annotate.queries.results import describe_consensus, get_leaderboard, is_current, list_agreement, list_consensus
from tasks.vocabulary import CampaignRole, CampaignState, Scope

LOOKING = (Scope.READ, Scope.ORGANIZE)


class Progress(ApiView):
    @operation(
        "get_progress",
        summary="How far the campaign is: units, judgments, people and cells",
        responses={200: ProgressShape},
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Large campaigns are counted every few seconds: `computed_at` says when."""
        campaign = get_campaign_for(self.actor, slug)
        return Response({"state": campaign.state, **get_progress(campaign_id=campaign.pk, now=timezone.now())})


class Agreement(ApiView):
    @operation(
        "get_agreement",
        summary="How much annotators agree, with intervals",
        responses={200: AgreementShape},
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Where a figure cannot be given, `reason` says what is missing."""
        campaign = get_campaign_for(self.actor, slug)
        results = list_agreement(campaign_id=campaign.pk, is_insider=is_insider(self.actor, campaign))
        return Response(
            {
                "computed_at": max((report["computed_at"] for report in results), default=None),
                "is_current": is_current(campaign_id=campaign.pk),
                "results": results,
            }
        )


class Consensus(ApiView):
    @operation(
        "list_consensus",
        summary="The combined ranking under each prompt, with its uncertainty",
        query=ConsensusQuery,
        responses={200: page_of(ConsensusEntry)},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of organizer or moderator while the campaign is not closed: annotators judge blind."""
        campaign = get_blind_campaign(self.actor, slug)
        asked = read_query(request, ConsensusQuery)
        found = list_consensus(campaign_id=campaign.pk, language=asked.get("language"), parent_id=asked.get("parent"))
        rows, following = take_page(found, limit=asked["limit"], cursor=asked.get("cursor"), newest_first=False)
        return Response({"results": describe_consensus(rows, with_texts=asked["texts"]), "next": following})


class Leaderboard(ApiView):
    @operation(
        "get_leaderboard",
        summary="The generators compared, with intervals and shared ranks",
        responses={200: LeaderboardShape},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of organizer or moderator while the campaign is not closed: annotators judge blind."""
        campaign = get_blind_campaign(self.actor, slug)
        return Response({**get_leaderboard(campaign_id=campaign.pk), "is_current": is_current(campaign_id=campaign.pk)})


def get_blind_campaign(actor: Actor, slug: str) -> Campaign:
    """The campaign, if this actor may know who wrote what in it."""
    campaign = get_campaign_for(actor, slug)
    if campaign.state == CampaignState.CLOSED:
        return campaign
    return get_campaign_for(actor, slug, CampaignRole.MODERATOR)


def is_insider(actor: Actor, campaign: Any) -> bool:
    """Whether this actor organizes or moderates the campaign, or administers the site."""
    return actor.is_administrator or campaign.actor_role in {role.value for role in INSIDERS}


urlpatterns = [
    path("campaigns/<slug:slug>/progress/", Progress.as_view(), name="progress"),
    path("campaigns/<slug:slug>/agreement/", Agreement.as_view(), name="agreement"),
    path("campaigns/<slug:slug>/consensus/", Consensus.as_view(), name="consensus"),
    path("campaigns/<slug:slug>/leaderboard/", Leaderboard.as_view(), name="leaderboard"),
]
