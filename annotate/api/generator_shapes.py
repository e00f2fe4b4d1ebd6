"""What the API takes and answers about generators of the site."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotate.api.campaign_shapes import MAX_REASON_CHARS
from annotate.api.serializers import StrictSerializer
from tasks.vocabulary import Engine

CALLED_ENGINES = [Engine.OPENAI.value, Engine.TRANSFORMERS.value]


class GeneratorChangeBody(StrictSerializer):
    name = serializers.CharField(required=False, max_length=120)
    engine = serializers.ChoiceField(CALLED_ENGINES, required=False)
    endpoint = serializers.CharField(
        required=False, allow_blank=True, max_length=400, help_text="https://host/v1; empty for transformers."
    )
    model = serializers.CharField(required=False, max_length=200)
    revision = serializers.CharField(required=False, allow_blank=True, max_length=120)
    system_prompt = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    sampling = serializers.DictField(
        required=False, help_text="Sent to the server as it is: temperature, top_p, max_tokens, …"
    )
    api_key_variable = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=80,
        help_text="The name of the environment variable that holds the key, such as LAB_API_KEY; never the key.",
    )
    timeout_seconds = serializers.IntegerField(required=False, min_value=1, max_value=3_600)
    max_concurrent = serializers.IntegerField(required=False, min_value=1, max_value=32)
    enabled = serializers.BooleanField(required=False)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=MAX_REASON_CHARS)


class GeneratorBody(GeneratorChangeBody):
    name = serializers.CharField(max_length=120)
    engine = serializers.ChoiceField(CALLED_ENGINES)
    model = serializers.CharField(max_length=200)


class GeneratorEntry(serializers.Serializer[Any]):
    """A generator as organizers see it, who name it in their campaigns."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    engine = serializers.CharField()
    model = serializers.CharField()
    revision = serializers.CharField(allow_blank=True)
    enabled = serializers.BooleanField()


class GeneratorShape(GeneratorEntry):
    """A generator as administrators see it. There is no key in it."""

    endpoint = serializers.CharField(allow_blank=True)
    system_prompt = serializers.CharField(allow_blank=True)
    sampling = serializers.DictField()
    api_key_variable = serializers.CharField(allow_blank=True)
    timeout_seconds = serializers.IntegerField()
    max_concurrent = serializers.IntegerField()
    created_at = serializers.DateTimeField()
