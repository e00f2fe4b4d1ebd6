"""What became of the judgments: progress, agreement and consensus of a campaign.

Progress and agreement tell nothing about single pieces of work, so whoever may see the campaign may see them.
Consensus names the origins of texts: organizers and moderators see it, others when it is closed.
"""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import Actor, get_campaign_for
from annotate.api.agreement_shapes import (
    AgreementQuery,
    AgreementShape,
    LeastAgreementShape,
    OneConsensusQuery,
    OneConsensusShape,
)
from annotate.api.quality_shapes import ConsensusEntry, ConsensusQuery, ProgressShape
from annotate.api.schema import operation
from annotate.api.serializers import page_of, read_query, take_page
from annotate.api.views import ApiView
from annotate.exceptions import NotFound
from annotate.models import Campaign
from annotate.queries.agreement import describe_least, find_computed_at, list_agreement
from annotate.queries.campaigns import INSIDERS
from annotate.queries.consensus import find_consensus, list_ballots
from annotate.queries.progress import get_progress
from annotate.queries.results import describe_consensus, is_current, list_consensus
from tasks.vocabulary import CampaignRole, CampaignState, Scope

LOOKING = (Scope.READ, Scope.ORGANIZE)
#: Of one prompt; whoever needs more takes a release.
MOST_BALLOTS = 1000


class Progress(ApiView):
    @operation(
        "get_progress",
        summary="How far the campaign is: units, judgments, people and cells",
        responses={200: ProgressShape},
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Large campaigns are counted every few seconds: `computed_at` says when.

        Gold items are not among what those who run the campaign see, and like other work to everybody else.
        """
        campaign = get_campaign_for(self.actor, slug)
        insider = is_insider(self.actor, campaign)
        progress = get_progress(campaign_id=campaign.pk, now=timezone.now(), is_insider=insider)
        return Response({"state": campaign.state, **progress})


class Agreement(ApiView):
    @operation(
        "get_agreement",
        summary="How much annotators agree, with intervals",
        query=AgreementQuery,
        responses={200: AgreementShape},
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Where a figure cannot be given, `reason` says what is missing."""
        campaign = get_campaign_for(self.actor, slug)
        asked = read_query(request, AgreementQuery)
        results = list_agreement(
            campaign_id=campaign.pk,
            is_insider=is_insider(self.actor, campaign),
            part=asked["by"],
            kind=asked.get("kind"),
            language=asked.get("language"),
        )
        return Response(
            {
                "computed_at": find_computed_at(results),
                "is_current": is_current(campaign_id=campaign.pk),
                "results": results,
            }
        )


class LeastAgreement(ApiView):
    @operation(
        "get_least_agreement",
        summary="The pairs of annotators and the messages that agree least",
        responses={200: LeastAgreementShape},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """For organizers and moderators, closed or not. Who disagrees is not wrong: look at the messages first."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        return Response({**describe_least(campaign_id=campaign.pk), "is_current": is_current(campaign_id=campaign.pk)})


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


class ConsensusOfOne(ApiView):
    @operation(
        "get_consensus",
        summary="The combined ranking under one prompt, with every ballot behind it",
        query=OneConsensusQuery,
        responses={200: OneConsensusShape},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str, parent_id: int) -> Response:
        """As in the list, with the table of pairs. `ballots` is null for anybody but organizers and moderators."""
        campaign = get_blind_campaign(self.actor, slug)
        asked = read_query(request, OneConsensusQuery)
        parent = find_consensus(campaign_id=campaign.pk, parent_id=parent_id)
        if parent is None or parent.current_consensus is None:
            raise NotFound(
                _(
                    "This message has no consensus here: nobody has ranked its replies, or it is being computed and will be here in a moment."
                ),
                code="consensus_not_found",
            )
        (shown,) = describe_consensus([parent], with_texts=asked["texts"])
        result = parent.current_consensus.result
        pairs = {name: result.get(name) for name in ("candidates", "p_above", "margins")}
        insider = is_insider(self.actor, campaign)
        ballots = list_ballots(parent_id=parent_id, limit=MOST_BALLOTS) if insider else None
        return Response({**shown, **pairs, "ballots": ballots})


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
    path("campaigns/<slug:slug>/agreement/least/", LeastAgreement.as_view(), name="agreement-least"),
    path("campaigns/<slug:slug>/consensus/", Consensus.as_view(), name="consensus"),
    path("campaigns/<slug:slug>/consensus/<int:parent_id>/", ConsensusOfOne.as_view(), name="consensus-of-one"),
]
