"""The shapes of how generators compare: answers of `annotate.api.leaderboard`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotate.api.serializers import StrictSerializer
from tasks.records.leaderboard import Control

RANK = "Best rank that the intervals leave open, shared where they overlap; null without intervals."
WORST_RANK = "Worst rank that they leave open."


class LeaderboardQuery(StrictSerializer):
    """All ballots, or those of one language or topic."""

    language = serializers.CharField(required=False, max_length=16, help_text="Ballots in this language alone.")
    topic = serializers.CharField(required=False, max_length=200, help_text="Ballots on prompts of this topic alone.")


class LeaderboardEntry(serializers.Serializer[Any]):
    generator = serializers.CharField()
    component = serializers.IntegerField(help_text="Scores of different components cannot be compared.")
    rank = serializers.IntegerField(allow_null=True, help_text=RANK)
    worst_rank = serializers.IntegerField(allow_null=True, help_text=WORST_RANK)
    score = serializers.FloatField(help_text="Log-strength, mean 0 within the component.")
    low = serializers.FloatField(allow_null=True, help_text="95 % interval, clustered by annotator and prompt.")
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


class ControlledEntry(serializers.Serializer[Any]):
    generator = serializers.CharField()
    component = serializers.IntegerField()
    rank = serializers.IntegerField(allow_null=True, help_text=RANK)
    worst_rank = serializers.IntegerField(allow_null=True, help_text=WORST_RANK)
    score = serializers.FloatField(help_text="Log-strength, mean 0 within the component.")
    low = serializers.FloatField(allow_null=True, help_text="95 % interval.")
    high = serializers.FloatField(allow_null=True)


class ControlEffectShape(serializers.Serializer[Any]):
    control = serializers.ChoiceField(choices=[control.value for control in Control])
    effect = serializers.FloatField(
        allow_null=True,
        help_text="Log-odds of being preferred to an equally good text: for being shown first rather than last, twice as "
        "long, or alone in having headings, lists, bold words, code. Null: see `reason`.",
    )
    low = serializers.FloatField(allow_null=True, help_text="95 % interval.")
    high = serializers.FloatField(allow_null=True)
    n_differing = serializers.IntegerField(help_text="Comparisons whose texts differ in it.")
    reason = serializers.CharField(allow_null=True)


class ControlledShape(serializers.Serializer[Any]):
    standings = ControlledEntry(many=True, help_text="By component, then best first.")
    effects = ControlEffectShape(many=True)
    n_comparisons = serializers.IntegerField()
    reason = serializers.CharField(allow_null=True, help_text="Why there are no standings.")


class SliceShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    n_ballots = serializers.IntegerField()
    n_annotators = serializers.IntegerField()
    n_parents = serializers.IntegerField()
    components = serializers.IntegerField()
    reason = serializers.CharField(allow_null=True, help_text="What its figures cannot say, or why there are none.")


class SlicesShape(serializers.Serializer[Any]):
    language = SliceShape(many=True)
    topic = SliceShape(many=True)


class ChosenSlice(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["language", "topic"])
    name = serializers.CharField()


class LeaderboardShape(serializers.Serializer[Any]):
    computed_at = serializers.DateTimeField(allow_null=True)
    is_current = serializers.BooleanField(help_text="False: newer judgments are being computed.")
    slice = ChosenSlice(allow_null=True, help_text="Which ballots; null: all. Of a slice the first hundred entries.")
    entries = LeaderboardEntry(many=True, help_text="By component, then best first.")
    not_compared = serializers.ListField(child=serializers.CharField())
    models = LeaderboardModel(many=True, help_text="By key; entries compare each generator by itself.")
    p_above = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True)),
        help_text="P(row is stronger than column), in the order of the entries, of the first hundred; empty for a slice.",
    )
    controlled = ControlledShape(
        allow_null=True, help_text="With length, place and style held equal; null for a slice."
    )
    slices = SlicesShape(help_text="The languages and topics that can be asked for, most ballots first.")
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
