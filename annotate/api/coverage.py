"""Coverage over HTTP: the number and its history, the cells it is made of, and how far each target is."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for
from annotate.api.quality import is_insider
from annotate.api.schema import operation
from annotate.api.serializers import StrictSerializer, read_query
from annotate.api.views import ApiView
from annotate.queries.coverage_page import (
    PARTS,
    blur_cells,
    compare_shares,
    count_tags,
    find_standing,
    list_cells,
    list_history,
    list_latest,
    list_share_rows,
    moment_until,
)
from annotate.queries.rows import Row
from tasks.records.standing import IMPOSSIBLE, Lag, Unmet
from tasks.vocabulary import CampaignRole, PromptLength, Scope, TargetAxis

LOOKING = (Scope.READ, Scope.ORGANIZE)
#: Of a cell; how many judgments stand in it is not told.
TOLD = ("language", "topic", "topic_name", "difficulty", "length", "share", "prompts", "coverage", "finished")
BLUR = "To whoever does not run the campaign: in tenths, as of the last midnight (UTC)."


class Measured(serializers.Serializer[Any]):
    """Each number is in [0, 1]; null: it cannot be said."""

    language = serializers.CharField(allow_null=True, help_text="Null: all languages.")
    measured_at = serializers.DateTimeField()
    coverage = serializers.FloatField()
    prompts = serializers.FloatField(allow_null=True, help_text="How much of each cell is known as surely as wanted.")
    candidates = serializers.FloatField(allow_null=True, help_text="Variety of the candidates that were compared.")
    people = serializers.FloatField(allow_null=True, help_text="Groups of people who judged in each cell.")
    facility = serializers.FloatField(allow_null=True, help_text="How near prompts lie to finished ones, by vectors.")
    judgments = serializers.IntegerField(help_text="That stood at that moment.")


class CoverageShape(serializers.Serializer[Any]):
    now = Measured(allow_null=True, help_text="The last measurement; null: not measured yet.")
    languages = Measured(many=True, help_text="The last one of each language.")
    history = Measured(many=True, help_text="One an hour of the last two days, one a day of ninety.")


class CoverageQuery(StrictSerializer):
    language = serializers.CharField(required=False, help_text="History of this language alone.")


class CellQuery(StrictSerializer):
    language = serializers.CharField(required=False)
    topic = serializers.IntegerField(required=False, help_text="The number of a topic.")
    difficulty = serializers.CharField(required=False)
    length = serializers.ChoiceField(choices=[length.value for length in PromptLength], required=False)


class CellShape(serializers.Serializer[Any]):
    """A cell of the target space. `share`: of the campaign's target that lies here."""

    language = serializers.CharField()
    topic = serializers.IntegerField(allow_null=True, help_text="Its number; null: no topic.")
    topic_name = serializers.CharField(allow_blank=True)
    difficulty = serializers.CharField(allow_blank=True)
    length = serializers.CharField()
    share = serializers.FloatField()
    prompts = serializers.IntegerField()
    coverage = serializers.FloatField(help_text=BLUR)
    finished = serializers.FloatField(
        allow_null=True,
        help_text="Prompts that are known as surely as wanted; null to whoever does not run the campaign.",
    )


class CellList(serializers.Serializer[Any]):
    results = CellShape(many=True)


class ForecastShape(serializers.Serializer[Any]):
    on = serializers.DateField(allow_null=True, help_text="Null: more than two years away.")
    earliest = serializers.DateField(allow_null=True)
    latest = serializers.DateField(allow_null=True)
    per_day = serializers.FloatField(help_text="Mean of the last whole days.")
    low = serializers.FloatField(help_text="Lower end of its 95 % interval.")
    high = serializers.FloatField()
    days = serializers.IntegerField(help_text="Whole days that speak.")
    judgments = serializers.IntegerField(help_text="Given in them.")


class TargetStandingShape(serializers.Serializer[Any]):
    """A target of judgments. An empty topic is all of the language."""

    language = serializers.CharField()
    topic = serializers.CharField(allow_blank=True)
    target = serializers.IntegerField()
    done = serializers.IntegerField()
    room = serializers.IntegerField(help_text="Further judgments that what is open in it can take.")
    prompts = serializers.IntegerField()
    bare = serializers.IntegerField(help_text="Prompts that wait for candidates.")
    people = serializers.IntegerField(help_text="Who judged in it in the last seven days.")
    able = serializers.IntegerField(help_text="Who work in its language, or say that they know it.")
    week = serializers.IntegerField(help_text="Judgments of the last seven whole days.")
    can_be_met = serializers.BooleanField()
    lags = serializers.ListField(
        child=serializers.ChoiceField(choices=[lag.value for lag in Lag]),
        help_text="Why it is not reached, the weightiest first. It cannot be reached for: "
        + ", ".join(sorted(IMPOSSIBLE)) + ".",
    )  # fmt: skip
    forecast = ForecastShape(allow_null=True, help_text="Null: reached, out of reach, or too little is known.")


class ShareStanding(serializers.Serializer[Any]):
    axis = serializers.ChoiceField(choices=[axis.value for axis in TargetAxis])
    value = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    share = serializers.FloatField(help_text="That is wanted.")
    prompts = serializers.IntegerField(allow_null=True, help_text="That there are of it.")
    has = serializers.FloatField(allow_null=True, help_text="Its share of all prompts.")
    finished = serializers.FloatField(allow_null=True, help_text="Its share of what is finished.")
    unmet = serializers.ChoiceField(
        choices=["", *(reason.value for reason in Unmet)],
        help_text="Why it cannot be reached, however many come: its topic takes no prompts, nobody knows its language, no prompt "
        "has the tag, or other shares leave it no room.",
    )


class FigureShape(serializers.Serializer[Any]):
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Of its 95 % interval.")
    high = serializers.FloatField(allow_null=True)


class AgreementOfArm(FigureShape):
    n = serializers.IntegerField(help_text="Prompts that several people put in order, of at most 2,000 drawn by lot.")


class ArmShape(serializers.Serializer[Any]):
    """Half of a campaign's prompts, which one policy schedules."""

    policy = serializers.CharField()
    prompts = serializers.IntegerField()
    coverage = FigureShape(help_text="Of kinds of prompts, in the cells in which both halves have some.")
    finished = FigureShape(help_text="Part of its prompts that is finished.")
    certainty = FigureShape(help_text="Of the orders that are known.")
    judgments = FigureShape(help_text="That each prompt has.")
    agreement = AgreementOfArm(help_text="Which of two is better: Krippendorff's alpha.")


class DifferenceShape(serializers.Serializer[Any]):
    """The campaign's policy minus its rival."""

    coverage = FigureShape()
    finished = FigureShape()
    certainty = FigureShape()
    judgments = FigureShape()


class SplitShape(serializers.Serializer[Any]):
    arms = ArmShape(many=True)
    difference = DifferenceShape()
    cells = serializers.IntegerField(help_text="In which both halves have prompts.")
    resamples = serializers.IntegerField()
    seed = serializers.IntegerField()


class StandingShape(serializers.Serializer[Any]):
    measured_at = serializers.DateTimeField(allow_null=True, help_text="Null: not measured yet.")
    targets = TargetStandingShape(many=True)
    split = SplitShape(allow_null=True, help_text="Of a campaign with a `rival_policy`; null: there is none.")
    shares = ShareStanding(many=True, help_text="Shares that organizers set, beside those that are there.")


class CoverageView(ApiView):
    @operation(
        "get_coverage",
        summary="How much of what a campaign wants is covered, now and over time",
        query=CoverageQuery,
        responses={200: CoverageShape},
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """For whoever may see the campaign; to those who do not run it as of the last midnight (UTC)."""
        campaign = get_campaign_for(self.actor, slug)
        language = read_query(request, CoverageQuery).get("language")
        until = moment_until(timezone.now(), is_insider=is_insider(self.actor, campaign))
        latest = list_latest(campaign_id=campaign.pk, until=until)
        return Response({
            "now": next((_present(row) for row in latest if row["language"] is None), None),
            "languages": [_present(row) for row in latest if row["language"] is not None],
            "history": [
                _present(row) for row in list_history(campaign_id=campaign.pk, language=language, until=until)
            ],
        })  # fmt: skip


class CellsView(ApiView):
    @operation(
        "list_cells",
        summary="The cells of a campaign's target space, the largest share first",
        query=CellQuery,
        responses={200: CellList},
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """At most 5,000. Cells with a share and no prompts are what is missing."""
        campaign = get_campaign_for(self.actor, slug)
        wanted = read_query(request, CellQuery)
        cells = list_cells(campaign_id=campaign.pk)
        if not is_insider(self.actor, campaign):
            until = moment_until(timezone.now(), is_insider=False)
            cells = blur_cells(cells, latest=list_latest(campaign_id=campaign.pk, until=until))
        chosen = [cell for cell in cells if all(cell[name] == value for name, value in wanted.items())]
        return Response({"results": [{name: cell[name] for name in TOLD} for cell in chosen]})


class StandingView(ApiView):
    @operation(
        "get_standing",
        summary="How far each target is, when it is reached, and why it is not",
        responses={200: StandingShape},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of moderator. Counted within minutes."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        standing = find_standing(campaign_id=campaign.pk)
        wanted = list_share_rows(campaign_id=campaign.pk)
        tags = count_tags(
            campaign_id=campaign.pk, tags=[row["value"] for row in wanted if row["axis"] == TargetAxis.TAG]
        )
        shares = compare_shares(wanted, list_cells(campaign_id=campaign.pk), tags=tags)
        told = {"targets": [], "split": None, **({} if standing is None else standing.result)}
        measured_at = None if standing is None else standing.measured_at
        return Response({**told, "measured_at": measured_at, "shares": shares})


def _present(row: Row) -> Row:
    return {name: row[name] for name in ("language", "measured_at", "coverage", *PARTS, "judgments")}


urlpatterns = [
    path("campaigns/<slug:slug>/coverage/", CoverageView.as_view(), name="coverage"),
    path("campaigns/<slug:slug>/coverage/cells/", CellsView.as_view(), name="cells"),
    path("campaigns/<slug:slug>/coverage/targets/", StandingView.as_view(), name="standing"),
]
