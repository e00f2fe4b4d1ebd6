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
    borda = serializers.FloatField(
        allow_null=True, help_text="Mean share of the others on a ballot that it stands above, a tie counting half."
    )


class ConsensusEntry(serializers.Serializer[Any]):
    parent = serializers.IntegerField()  # type: ignore[assignment]  # a name that DRF uses inside
    external_id = serializers.CharField(allow_null=True)
    language = serializers.CharField()
    topic = serializers.CharField(allow_blank=True)
    text = serializers.CharField(required=False, allow_null=True, help_text="Null: taken away since.")
    tiers = serializers.ListField(child=ConsensusCandidate(many=True), help_text="Best first; ties share a tier.")
    acceptable_tiers = serializers.IntegerField(allow_null=True, help_text="How many leading tiers are acceptable.")
    unplaced = ConsensusCandidate(many=True, help_text="Shown, but placed by nobody.")
    ranked_pairs = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        allow_null=True,
        help_text="The ranking by ranked pairs, as ids, best first: beside ours, for comparison. Null: not computed yet.",
    )
    gain = serializers.FloatField(
        allow_null=True,
        help_text="By how much one more ballot is expected to raise `confidence`; null where not asked.",
    )
    reliability_version = serializers.IntegerField(
        help_text="The snapshot of reliability that weighed the ballots; 0: all count alike."
    )
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
