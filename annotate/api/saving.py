"""How many rankings orders took, against a fixed number of each; and the past under another rule."""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import get_campaign_for
from annotate.api.schema import operation
from annotate.api.serializers import StrictSerializer, read_query
from annotate.api.views import ApiView
from annotate.models import Saving
from annotate.queries.saving import get_saving, load_traces, read_tried_rule
from tasks.records.redundancy import ReplayRecord
from tasks.scheduling.replay import replay
from tasks.vocabulary import CampaignRole, Scope

LOOKING = (Scope.READ, Scope.ORGANIZE)
REASON = "fixed, order_sure, best_sure, little_gain, maximum; otherwise: by hand, or under another rule."


class OrderCount(serializers.Serializer[Any]):
    rankings = serializers.IntegerField(help_text="Of one order.")
    orders = serializers.IntegerField(help_text="That have so many.")


class ReasonCount(serializers.Serializer[Any]):
    reason = serializers.CharField(help_text=REASON)
    orders = serializers.IntegerField()


class StopRule(serializers.Serializer[Any]):
    base = serializers.IntegerField(help_text="The campaign's redundancy: rankings that each order asks for at first.")
    minimum = serializers.IntegerField()
    maximum = serializers.IntegerField()
    stop_confidence = serializers.FloatField(allow_null=True)
    stop_best = serializers.FloatField(allow_null=True)
    least_gain = serializers.FloatField(allow_null=True)


class SavingShape(serializers.Serializer[Any]):
    computed_at = serializers.DateTimeField(allow_null=True, help_text="Null: nothing was measured yet.")
    rule = StopRule(allow_null=True, help_text="Under which it was measured.")
    orders = serializers.IntegerField(help_text="Orders that have a ranking.")
    rankings = serializers.IntegerField(help_text="Their rankings.")
    decided = serializers.IntegerField(help_text="Orders that have all the rankings they ask for.")
    given = serializers.IntegerField(help_text="Rankings of those, surplus included.")
    at_redundancy = serializers.IntegerField(help_text="Rankings, had each of those had the campaign's redundancy.")
    per_order = OrderCount(many=True, help_text="Of the decided ones.")
    reasons = ReasonCount(many=True, help_text="What stopped the decided ones.")
    seconds = serializers.FloatField(allow_null=True, help_text="Median time of a ranking; null: none was timed.")
    timed = serializers.IntegerField(help_text="Rankings whose time is known.")
    sample = serializers.IntegerField(help_text="Parents drawn by lot whose past was told ranking by ranking.")
    sample_decided = serializers.IntegerField(help_text="Of these, the ones that have all they ask for.")
    sample_each = serializers.FloatField(allow_null=True, help_text="Rankings that each of those had.")
    confidence = serializers.FloatField(allow_null=True, help_text="How sure they are on average.")
    fixed = serializers.ListField(
        child=serializers.FloatField(),
        help_text="How sure they would be with 1, 2, … rankings each; beyond what was given: expected.",
    )
    fixed_each = serializers.FloatField(
        allow_null=True, help_text="Rankings of each at which a fixed number is as sure; null: none that was looked at."
    )


class ReplayQuery(StrictSerializer):
    """A rule to try; what is not named is as by default. Without a rule of certainty every order gets `max_judgments`."""

    stop_confidence = serializers.FloatField(required=False)
    stop_best = serializers.FloatField(required=False)
    least_gain = serializers.FloatField(required=False)
    min_judgments = serializers.IntegerField(required=False)
    max_judgments = serializers.IntegerField(required=False)


class ReplayShape(serializers.Serializer[Any]):
    computed_at = serializers.DateTimeField(allow_null=True, help_text="When the past was told; null: not yet.")
    parents = serializers.IntegerField(help_text="Drawn by lot.")
    given = serializers.IntegerField(help_text="Rankings that they have.")
    asked = serializers.IntegerField(help_text="Of these, the ones that the rule would have asked for.")
    saved = serializers.FloatField(allow_null=True, help_text="Share of the rankings that it would not have asked for.")
    stopped = serializers.IntegerField(help_text="Parents it would have stopped before their last ranking.")
    ran_out = serializers.IntegerField(help_text="Parents it would have asked on beyond their last ranking.")
    tau = serializers.FloatField(
        allow_null=True, help_text="Mean Kendall tau of the order at the stop with that of all rankings."
    )
    tau_stopped = serializers.FloatField(allow_null=True, help_text="The same of `stopped` alone.")
    best_kept = serializers.FloatField(allow_null=True, help_text="Share whose first would have been the same.")
    confidence = serializers.FloatField(allow_null=True, help_text="Mean certainty at the stop.")
    reasons = ReasonCount(many=True)
    per_order = OrderCount(many=True)


class SavingView(ApiView):
    @operation(
        "get_saving",
        summary="How many rankings orders took, and how many a fixed number of each would have",
        responses={200: SavingShape},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Needs the role of organizer or moderator, also when the campaign is closed. Counted within minutes."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        measured = get_saving(campaign_id=campaign.pk)
        return Response(NOTHING if measured is None else present_saving(measured))


def present_saving(measured: Saving) -> dict[str, Any]:
    """What was measured as the API tells it."""
    told = measured.result
    return {
        **told,
        "computed_at": measured.computed_at,
        "at_redundancy": told["decided"] * told["rule"]["base"],
        "per_order": [{"rankings": number, "orders": orders} for number, orders in told["per_order"]],
        "reasons": [{"reason": reason, "orders": orders} for reason, orders in sorted(told["reasons"].items())],
    }


class ReplayView(ApiView):
    @operation(
        "replay_rankings",
        summary="The past under another rule of when to stop asking",
        query=ReplayQuery,
        responses={200: ReplayShape},
        scopes=LOOKING,
        tag="results",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Plays the rankings of up to 2,000 parents again in the order in which they came. Nothing is changed by it."""
        campaign = get_campaign_for(self.actor, slug, CampaignRole.MODERATOR)
        rule = read_tried_rule(read_query(request, ReplayQuery))
        measured = get_saving(campaign_id=campaign.pk)
        found = replay(load_traces(campaign_id=campaign.pk), redundancy=rule)
        return Response({"computed_at": None if measured is None else measured.computed_at, **present_replay(found)})


def present_replay(found: ReplayRecord) -> dict[str, Any]:
    """A replay as the API tells it."""
    plain = (
        "parents",
        "given",
        "asked",
        "saved",
        "stopped",
        "ran_out",
        "tau",
        "tau_stopped",
        "best_kept",
        "confidence",
    )
    return {
        **{name: getattr(found, name) for name in plain},
        "reasons": [{"reason": str(reason), "orders": orders} for reason, orders in found.reasons.items()],
        "per_order": [{"rankings": number, "orders": orders} for number, orders in found.per_parent.items()],
    }


NOTHING: dict[str, Any] = {
    **dict.fromkeys(("computed_at", "rule", "seconds", "sample_each", "confidence", "fixed_each")),
    **dict.fromkeys(
        ("orders", "rankings", "decided", "given", "at_redundancy", "timed", "sample", "sample_decided"), 0
    ),
    "per_order": [],
    "reasons": [],
    "fixed": [],
}

urlpatterns = [
    path("campaigns/<slug:slug>/saving/", SavingView.as_view(), name="saving"),
    path("campaigns/<slug:slug>/saving/replay/", ReplayView.as_view(), name="replay"),
]
