"""How the generators of a campaign compare. It names the origins of texts, though of no single one.

Organizers and moderators see it; others when the campaign is closed, or where it shows its leaderboard.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import path
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import Actor, get_campaign_for
from annotate.api.leaderboard_shapes import LeaderboardQuery, LeaderboardShape
from annotate.api.schema import operation
from annotate.api.serializers import read_query
from annotate.api.views import ApiView
from annotate.exceptions import InvalidInput, NotFound
from annotate.models import Campaign
from annotate.queries.leaderboards import find_slice, get_leaderboard, shows_leaderboard, summarize_slice
from annotate.queries.results import is_current
from tasks.records.leaderboard import SliceKind
from tasks.vocabulary import CampaignRole, Scope

LOOKING = (Scope.READ, Scope.ORGANIZE)


class Leaderboard(ApiView):
    @operation(
        "get_leaderboard",
        summary="The generators compared, with intervals and shared ranks",
        query=LeaderboardQuery,
        responses={200: LeaderboardShape},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """For organizers and moderators; others when it is closed, or where the campaign has `show_leaderboard`."""
        campaign = get_campaign_with_board(self.actor, slug)
        asked = read_query(request, LeaderboardQuery)
        board = get_leaderboard(campaign_id=campaign.pk)
        answer = take_slice(board, asked)
        summaries = {kind: [summarize_slice(one) for one in slices] for kind, slices in board["slices"].items()}
        return Response({**answer, "slices": summaries, "is_current": is_current(campaign_id=campaign.pk)})


def get_campaign_with_board(actor: Actor, slug: str) -> Campaign:
    """The campaign, if this actor may see how its generators compare."""
    campaign = get_campaign_for(actor, slug)
    return campaign if shows_leaderboard(campaign) else get_campaign_for(actor, slug, CampaignRole.MODERATOR)


def take_slice(board: Mapping[str, Any], asked: Mapping[str, str]) -> dict[str, Any]:
    """The whole board, or the language or topic that was asked for. Raises `NotFound` where there is no such slice."""
    kinds = [kind for kind in SliceKind if kind.value in asked]
    if not kinds:
        return {**board, "slice": None}
    if len(kinds) > 1:
        raise InvalidInput(
            _("A leaderboard is for one language or for one topic. Ask for one of the two."), code="one_slice_at_a_time"
        )
    (kind,) = kinds
    found = find_slice(board, kind, asked[kind.value])
    if found is None:
        raise NotFound(
            _(
                "This campaign has no leaderboard for that. Ask for the whole one: its `slices` name those that there are."
            ),
            code="slice_not_found",
        )
    entries = [{"worst_rank": None, **standing} for standing in found["standings"]]
    nothing: dict[str, Any] = {"models": [], "p_above": [], "controlled": None, "nu": None}
    of_slice = {"entries": entries, "not_compared": found["not_compared"], **summarize_slice(found)}
    name = of_slice.pop("name")
    return {**board, **nothing, **of_slice, "slice": {"kind": kind.value, "name": name}}


urlpatterns = [path("campaigns/<slug:slug>/leaderboard/", Leaderboard.as_view(), name="leaderboard")]
