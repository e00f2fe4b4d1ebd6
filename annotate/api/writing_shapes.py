"""What the help while writing takes and answers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotate.api.serializers import StrictSerializer
from tasks.vocabulary import WRITING_KINDS


class CheckBody(StrictSerializer):
    kind = serializers.ChoiceField(choices=list(WRITING_KINDS))
    text = serializers.CharField(allow_blank=True, trim_whitespace=False)
    language = serializers.CharField(
        required=False, max_length=16, help_text="The one it is submitted in; left out: the campaign's first."
    )


class LanguageVerdictShape(serializers.Serializer[Any]):
    work = serializers.CharField()
    found = serializers.CharField(allow_null=True, help_text="Null: it cannot be told.")
    confidence = serializers.FloatField()
    differs = serializers.BooleanField(help_text="The text is clearly in another language than was said.")
    can_be = serializers.CharField(allow_null=True, help_text="What to say instead, if the campaign works in it.")


class NeighbourShape(serializers.Serializer[Any]):
    message_id = serializers.IntegerField()
    tree_id = serializers.IntegerField()
    similarity = serializers.FloatField(help_text="In [0, 1]; 1: the same words.")
    text = serializers.CharField(help_text="Its start.")


class WritingWarningShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    blocks = serializers.BooleanField(help_text="A submit would be refused for it.")
    position = serializers.IntegerField(allow_null=True, help_text="From 1.")


class WritingHelpShape(serializers.Serializer[Any]):
    chars = serializers.IntegerField()
    max_chars = serializers.IntegerField()
    is_too_long = serializers.BooleanField()
    language = LanguageVerdictShape()
    duplicate = NeighbourShape(allow_null=True, help_text="The very same prompt is there already.")
    neighbours = NeighbourShape(many=True, help_text="Of a prompt: three at most, nearest first.")
    warnings = WritingWarningShape(many=True)
