"""The shapes of what was computed: answers of `annotate.api.quality`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotate.api.serializers import PageQuery
from annotate.models import words

PROBABILITY = "A probability, in [0, 1]."


class UnitCounts(serializers.Serializer[Any]):
    units = serializers.IntegerField(help_text="All pieces of work, closed ones included.")
    open = serializers.IntegerField(help_text="Those that are open.")
    complete = serializers.IntegerField(help_text="Open ones that have all they need.")
    needed = serializers.IntegerField(help_text="Judgments that they need.")
    done = serializers.IntegerField(help_text="Judgments that stand and fill a place.")
    held = serializers.IntegerField(help_text="Places that somebody holds now.")
    surplus = serializers.IntegerField(help_text="Judgments that stand above what was needed.")


class QueueCounts(UnitCounts):
    kind = serializers.ChoiceField(choices=words.kinds())
    language = serializers.CharField()


class StratumCounts(serializers.Serializer[Any]):
    language = serializers.CharField()
    topic = serializers.CharField(
        allow_blank=True, help_text="Empty: any topic; such a cell counts its whole language."
    )
    target = serializers.IntegerField(allow_null=True)
    done = serializers.IntegerField()


class Coverage(serializers.Serializer[Any]):
    share = serializers.FloatField(
        allow_null=True, help_text="Sum of min(done, target) over sum of targets, in [0, 1]; null without targets."
    )
    targets = serializers.IntegerField(help_text="Cells with a target.")
    met = serializers.IntegerField(help_text="Cells that reached theirs.")
    cells = serializers.IntegerField()
    touched = serializers.IntegerField(help_text="Cells with a judgment.")


class ProgressShape(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=words.campaign_states())
    judgments = serializers.IntegerField(help_text="Judgments that stand, surplus included.")
    annotators = serializers.IntegerField(help_text="People who gave one.")
    units = UnitCounts()
    queues = QueueCounts(many=True, help_text="The same by kind of work and language.")
    strata = StratumCounts(many=True)
    coverage = Coverage()
    computed_at = serializers.DateTimeField()


class AgreementReportShape(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=words.kinds())
    language = serializers.CharField(allow_null=True, help_text="Null: all languages together.")
    dimension = serializers.CharField(allow_null=True, help_text="The question of a label; null for rankings.")
    coefficient = serializers.CharField(help_text="krippendorff_alpha, pairwise_alpha, kendall_tau or kendall_w.")
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


class ConsensusQuery(PageQuery):
    """A page of parents, by id."""

    language = serializers.CharField(required=False, max_length=16)
    parent = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)  # type: ignore[assignment]
    texts = serializers.BooleanField(required=False, default=True, help_text="false: ids and figures alone.")


class ConsensusCandidate(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    external_id = serializers.CharField(allow_null=True)
    text = serializers.CharField(required=False, allow_null=True)
    origins = serializers.ListField(
        child=serializers.CharField(), help_text="Generators behind the text; `human` for people."
    )
    acceptable = serializers.BooleanField(allow_null=True, help_text="Above the bar; null when nobody gave one.")
    rank = serializers.IntegerField(allow_null=True, help_text="Tied candidates share a rank.")
    score = serializers.FloatField(allow_null=True, help_text="Log-strength, mean 0 over the candidates.")
    standard_error = serializers.FloatField(allow_null=True)
    p_best = serializers.FloatField(allow_null=True, help_text=PROBABILITY)
    p_acceptable = serializers.FloatField(allow_null=True, help_text=PROBABILITY)
    placements = serializers.IntegerField(allow_null=True, help_text="Ballots that placed it.")


class ConsensusEntry(serializers.Serializer[Any]):
    parent = serializers.IntegerField()  # type: ignore[assignment]  # a name that DRF uses inside
    external_id = serializers.CharField(allow_null=True)
    language = serializers.CharField()
    topic = serializers.CharField(allow_blank=True)
    text = serializers.CharField(required=False)
    tiers = serializers.ListField(child=ConsensusCandidate(many=True), help_text="Best first; ties share a tier.")
    acceptable_tiers = serializers.IntegerField(allow_null=True, help_text="How many leading tiers are acceptable.")
    unplaced = ConsensusCandidate(many=True, help_text="Shown, but placed by nobody.")
    bar_score = serializers.FloatField(allow_null=True)
    confidence = serializers.FloatField(allow_null=True, help_text="Mean over pairs of |2 P(above) - 1|.")
    uncertainty = serializers.FloatField(allow_null=True, help_text="1 - confidence.")
    connected = serializers.BooleanField(
        help_text="False: some candidates were never compared, not even through others."
    )
    n_ballots = serializers.IntegerField()
    n_annotators = serializers.IntegerField()
    method = serializers.CharField()
    method_version = serializers.CharField()
    seed = serializers.IntegerField()
    input_hash = serializers.CharField(help_text="SHA-256 of all that it depends on.")
    computed_at = serializers.DateTimeField()


class LeaderboardEntry(serializers.Serializer[Any]):
    generator = serializers.CharField()
    component = serializers.IntegerField(help_text="Scores of different components cannot be compared.")
    rank = serializers.IntegerField(allow_null=True, help_text="Shared where intervals overlap.")
    score = serializers.FloatField(help_text="Log-strength, mean 0 within the component.")
    low = serializers.FloatField(allow_null=True, help_text="95 % interval.")
    high = serializers.FloatField(allow_null=True)
    comparisons = serializers.FloatField()
    win_share = serializers.FloatField()
    acceptable_share = serializers.FloatField(allow_null=True)
    n_ballots = serializers.IntegerField()


class LeaderboardModel(serializers.Serializer[Any]):
    """A model that several generators have under different names."""

    model_key = serializers.CharField()
    generators = serializers.ListField(child=serializers.CharField())
    standing = LeaderboardEntry(
        allow_null=True, help_text="Of a comparison in which they are one; null: no ballot compares it."
    )


class LeaderboardShape(serializers.Serializer[Any]):
    computed_at = serializers.DateTimeField(allow_null=True)
    is_current = serializers.BooleanField(help_text="False: newer judgments are being computed.")
    entries = LeaderboardEntry(many=True, help_text="By component, then best first.")
    not_compared = serializers.ListField(child=serializers.CharField())
    models = LeaderboardModel(many=True, help_text="By key; entries compare each generator by itself.")
    p_above = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True)),
        help_text="P(row is stronger than column), in the order of the entries.",
    )
    components = serializers.IntegerField()
    n_ballots = serializers.IntegerField()
    n_annotators = serializers.IntegerField()
    n_parents = serializers.IntegerField()
    nu = serializers.FloatField(allow_null=True, help_text="The tie parameter of Davidson's model.")
    resamples = serializers.IntegerField()
    seed = serializers.IntegerField(allow_null=True)
    method = serializers.CharField(allow_null=True)
    method_version = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True, help_text="What the figures cannot say.")
