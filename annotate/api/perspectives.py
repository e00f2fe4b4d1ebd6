"""Groups of people who judge alike, what all of them accept, and what divides them.

Nothing here is of a group of fewer than ten people, and nobody is told which group they or others are in. Organizers
and moderators see it, others when the campaign is closed: it says what was thought of candidates.
"""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.api.quality import LOOKING, get_blind_campaign
from annotate.api.schema import operation
from annotate.api.views import ApiView
from annotate.models import words
from annotate.queries.perspectives import get_perspectives


class OpinionGroupShape(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="From 1; a group keeps its number from run to run.")
    people = serializers.IntegerField(help_text="At least ten.")
    x = serializers.FloatField(help_text="The middle of its people on the map, in [-1, 1].")
    y = serializers.FloatField()


class MapCellShape(serializers.Serializer[Any]):
    group = serializers.IntegerField()
    x = serializers.FloatField(help_text="The middle of a cell of the map's grid, in [-1, 1].")
    y = serializers.FloatField()
    people = serializers.IntegerField(
        help_text="People of this group in the cell. A group of fewer than twenty stands in one cell."
    )


class DivisionShape(serializers.Serializer[Any]):
    """Tested on prompts that did not form the groups."""

    share = serializers.FloatField(help_text="Of what people disagree about, that lies between groups, above chance.")
    low = serializers.FloatField(allow_null=True, help_text="95 % interval over prompts; null with fewer than ten.")
    high = serializers.FloatField(allow_null=True)
    by_chance = serializers.FloatField(help_text="The share that groups drawn at random get.")
    p_value = serializers.FloatField(help_text="How often they get as much as these.")


class GroupAcceptanceShape(serializers.Serializer[Any]):
    group = serializers.IntegerField()
    accepted = serializers.IntegerField()
    judged = serializers.IntegerField(help_text="People of the group who judged it: at least ten.")


class CandidateOpinionShape(serializers.Serializer[Any]):
    candidate = serializers.IntegerField()
    external_id = serializers.CharField(allow_null=True)
    text = serializers.CharField(help_text="The beginning of the text.")
    language = serializers.CharField()
    parent = serializers.IntegerField()  # type: ignore[assignment]  # a name that DRF uses inside
    parent_external_id = serializers.CharField(allow_null=True)
    parent_text = serializers.CharField(help_text="The beginning of what it answers.")
    parent_language = serializers.CharField()
    judged = serializers.IntegerField(help_text="People on the map who judged it.")
    bridging = serializers.FloatField(
        help_text="Acceptance by somebody between the viewpoints: what is left when viewpoints are taken out, in [0, 1]."
    )
    polarity = serializers.FloatField(
        help_text="How much acceptance differs between viewpoints one standard deviation either side, in [0, 1]."
    )
    groups = GroupAcceptanceShape(many=True, help_text="Empty unless ten people of every group judged it.")
    consensus = serializers.FloatField(
        allow_null=True, help_text="Geometric mean over groups of (accepted + 1) / (judged + 2); null without groups."
    )
    between = serializers.FloatField(
        allow_null=True, help_text="Share of the disagreement about it that lies between groups, above chance."
    )
    p_value = serializers.FloatField(allow_null=True, help_text="How often groups drawn at random divide as much.")


class AnswerGroupShape(serializers.Serializer[Any]):
    answer = serializers.CharField(help_text="As in `me/description/`.")
    people = serializers.IntegerField(help_text="At least ten; answers that fewer gave are not told.")


class AnswerAcceptanceShape(serializers.Serializer[Any]):
    answer = serializers.CharField()
    accepted = serializers.IntegerField()
    judged = serializers.IntegerField(help_text="People with this answer who judged it: at least ten.")


class DescribedCandidateShape(CandidateOpinionShape):
    """A candidate that divides people by their answers beyond noise."""

    judged = serializers.IntegerField(help_text="People with one of the answers who judged it.")
    bridging = polarity = groups = None  # type: ignore[assignment]  # fields of the base that are none here
    answers = AnswerAcceptanceShape(many=True)


class DescribedDivisionShape(serializers.Serializer[Any]):
    question = serializers.ChoiceField(choices=words.self_questions())
    answers = AnswerGroupShape(many=True, help_text="At least two.")
    division = DivisionShape()
    divides = serializers.BooleanField(help_text="Whether it is more than chance, at one in twenty over all questions.")
    candidates = DescribedCandidateShape(many=True, help_text="Those that divide beyond noise, the strongest first.")


class PerspectivesShape(serializers.Serializer[Any]):
    computed_at = serializers.DateTimeField(allow_null=True, help_text="Null: nothing was computed yet.")
    state = serializers.ChoiceField(
        choices=words.opinion_states(),
        allow_null=True,
        help_text="`too_few`: too few people with enough votes, or all on one prompt. `none`: no groups of ten or more "
        "whose ballots differ by more than chance. `found`: there are groups.",
    )
    groups = OpinionGroupShape(many=True, help_text="All people on the map are in one of them.")
    map = MapCellShape(many=True, help_text="Nearby people judge alike; directions mean nothing.")
    division = DivisionShape(allow_null=True)
    common = CandidateOpinionShape(many=True, help_text="What all accept, the most accepted first.")
    divided = CandidateOpinionShape(many=True, help_text="What divides, the most dividing first.")
    by_groups = serializers.BooleanField(
        help_text="False: too few people of every group judged the same; both lists come from `bridging` and `polarity`."
    )
    described = DescribedDivisionShape(
        many=True,
        help_text="What answers that people gave of themselves have to do with it: questions of which ten people gave each of "
        "two answers. Published anew when votes or answers of ten people have changed.",
    )
    silhouette = serializers.FloatField(allow_null=True, help_text="How well the groups stand apart, in [-1, 1].")
    n_people = serializers.IntegerField(help_text="People with at least `least_votes` votes.")
    n_votes = serializers.IntegerField(help_text="Of theirs; a vote is for or against one candidate.")
    n_candidates = serializers.IntegerField()
    n_parents = serializers.IntegerField()
    least_votes = serializers.IntegerField(allow_null=True)
    least_people = serializers.IntegerField(allow_null=True)
    method = serializers.CharField(allow_null=True)
    method_version = serializers.CharField(allow_null=True)
    seed = serializers.IntegerField(allow_null=True)


class PerspectivesView(ApiView):
    @operation(
        "get_perspectives",
        summary="Groups of people who judge alike, what all accept and what divides",
        responses={200: PerspectivesShape},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of organizer or moderator while the campaign is not closed: annotators judge blind.

        Made from ballots alone, looked at about once an hour, and published anew when the votes of ten people have changed, so that
        no two answers tell what one person said. Nobody is told who is in which group.
        """
        campaign = get_blind_campaign(self.actor, slug)
        return Response(get_perspectives(campaign_id=campaign.pk))


urlpatterns = [
    path("campaigns/<slug:slug>/perspectives/", PerspectivesView.as_view(), name="perspectives"),
]
