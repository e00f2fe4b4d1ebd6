"""The shapes of agreement in all its parts, and of one consensus with its ballots: answers of `annotate.api.quality`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotate.api.quality_shapes import ConsensusEntry
from annotate.api.serializers import StrictSerializer
from annotate.models import words
from annotate.queries.agreement import PARTS
from tasks.vocabulary import Coefficient


class AgreementQuery(StrictSerializer):
    """Which figures."""

    by = serializers.ChoiceField(
        choices=list(PARTS),
        default="language",
        help_text="language: over all and by language; stratum: by language and topic, where a language has several; "
        "month: over all by month in UTC, where there are several.",
    )
    kind = serializers.ChoiceField(choices=words.kinds(), required=False)
    language = serializers.CharField(required=False, max_length=16)


class AgreementReportShape(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=words.kinds())
    language = serializers.CharField(allow_null=True, help_text="Null: all languages together.")
    topic = serializers.CharField(allow_null=True, allow_blank=True, help_text="Null: all topics together.")
    month = serializers.DateField(allow_null=True, help_text="The first day of the month; null: all of them.")
    dimension = serializers.CharField(allow_null=True, help_text="The question of a label; null for rankings.")
    coefficient = serializers.ChoiceField(
        choices=[coefficient.value for coefficient in Coefficient],
        help_text="krippendorff_alpha of labels; of rankings pairwise_alpha (which of two is preferred), "
        "rank_alpha_ordinal and rank_alpha_interval (of ranks), kendall_tau, kendall_tau_b (corrected for ties), kendall_w.",
    )
    metric = serializers.CharField(allow_null=True)
    value = serializers.FloatField(allow_null=True, help_text="Null: see `reason`.")
    low = serializers.FloatField(allow_null=True, help_text="95 % bootstrap interval.")
    high = serializers.FloatField(allow_null=True)
    n_units = serializers.IntegerField()
    n_judgments = serializers.IntegerField()
    n_annotators = serializers.IntegerField()
    reason = serializers.CharField(allow_null=True, help_text="What is missing for a value or its interval.")
    resamples = serializers.IntegerField()
    seed = serializers.IntegerField()
    method_version = serializers.CharField()
    computed_at = serializers.DateTimeField()


class AgreementShape(serializers.Serializer[Any]):
    computed_at = serializers.DateTimeField(allow_null=True)
    is_current = serializers.BooleanField(help_text="False: newer judgments are being computed.")
    results = AgreementReportShape(many=True)


class PairMember(serializers.Serializer[Any]):
    annotator = serializers.IntegerField()
    display_name = serializers.CharField(allow_null=True)
    is_guest = serializers.BooleanField()


class LeastPair(serializers.Serializer[Any]):
    one = PairMember()
    other = PairMember()
    n = serializers.IntegerField(help_text="Prompts that both ranked, or messages that both labelled.")
    value = serializers.FloatField(
        help_text="Mean Kendall tau-b over those prompts; of labels the share of the same answers."
    )
    low = serializers.FloatField(help_text="95 % interval.")
    high = serializers.FloatField()


class LeastLabelPair(LeastPair):
    dimension = serializers.CharField(help_text="The question.")


class LeastItem(serializers.Serializer[Any]):
    n = serializers.IntegerField(help_text="People who judged it, three or more.")
    value = serializers.FloatField(
        help_text="Mean Kendall tau-b of its pairs of ballots; of labels the share of pairs that gave the same answer."
    )
    text = serializers.CharField(allow_blank=True, help_text="Its start.")
    language = serializers.CharField()
    role = serializers.ChoiceField(choices=words.message_roles())
    tree_id = serializers.IntegerField()
    has_consensus = serializers.BooleanField()


class LeastParent(LeastItem):
    parent = serializers.IntegerField()  # type: ignore[assignment]  # a name that DRF uses inside


class LeastSubject(LeastItem):
    subject = serializers.IntegerField()
    dimension = serializers.CharField(help_text="The question.")


class LeastAgreementShape(serializers.Serializer[Any]):
    """Fifty of each at most, the least first; few judgments are drawn towards what holds of all before they are ordered."""

    computed_at = serializers.DateTimeField(allow_null=True)
    is_current = serializers.BooleanField(help_text="False: newer judgments are being computed.")
    ranking_pairs = LeastPair(many=True)
    label_pairs = LeastLabelPair(many=True)
    parents = LeastParent(many=True)
    subjects = LeastSubject(many=True)


class OneConsensusQuery(StrictSerializer):
    texts = serializers.BooleanField(required=False, default=True, help_text="false: ids and figures alone.")


class BallotTier(serializers.Serializer[Any]):
    candidates = serializers.ListField(child=serializers.IntegerField())
    tier = serializers.IntegerField(help_text="As it was given; what was taken away since leaves a gap.")
    acceptable = serializers.BooleanField(allow_null=True, help_text="Above the bar; null: no bar was given.")


class BallotShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    annotator = serializers.IntegerField()
    display_name = serializers.CharField(allow_null=True)
    is_guest = serializers.BooleanField()
    kind = serializers.ChoiceField(choices=words.kinds())
    language = serializers.CharField()
    created_at = serializers.DateTimeField()
    counted = serializers.BooleanField(help_text="False: it came above what was needed. It counts for the consensus.")
    acceptable_tiers = serializers.IntegerField(allow_null=True)
    rest_worse = serializers.BooleanField(help_text="The last tier is the rest, without an order.")
    much_better = serializers.BooleanField(allow_null=True)
    active_seconds = serializers.FloatField(allow_null=True)
    rationale = serializers.CharField(allow_blank=True)
    tiers = BallotTier(many=True, help_text="Best first.")


class OneConsensusShape(ConsensusEntry):
    candidates = serializers.ListField(child=serializers.IntegerField(), help_text="The order of the tables of pairs.")
    p_above = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()), help_text="P(row is better than column)."
    )
    margins = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True)),
        allow_null=True,
        help_text="Ballots with row above column less the reverse, over those that placed both; null: none did.",
    )
    ballots = BallotShape(many=True, allow_null=True, help_text="As they came in; a thousand at most.")
