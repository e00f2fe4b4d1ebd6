"""What the API takes and answers about generators of the site, their trials, and the workers and servers behind them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotate.api.campaign_shapes import MAX_REASON_CHARS
from annotate.api.serializers import StrictSerializer
from annotate.models import words
from annotate.services.generator_fields import FEWEST_TOKENS, MOST_PER_MINUTE, MOST_ROWS, MOST_TOKENS
from tasks.generation.prompt_formats import FORMATS
from tasks.records.generation import ATTENTIONS, DTYPES, QUANTIZATIONS
from tasks.vocabulary import Batching, Engine, ModelRelation, OutputTerms, ServerKind

CALLED_ENGINES = [Engine.OPENAI.value, Engine.TRANSFORMERS.value]
SERVER_KINDS = [kind.value for kind in ServerKind]
RELATIONS = [relation.value for relation in ModelRelation]
TERMS = [terms.value for terms in OutputTerms]
BATCHINGS = [batching.value for batching in Batching]


class LoadingBody(StrictSerializer):
    """How a worker loads the model; the whole of it is replaced. Only with the engine `transformers`."""

    dtype = serializers.ChoiceField(DTYPES, required=False, help_text="`auto`: as the model was saved.")
    device_map = serializers.CharField(
        required=False, max_length=10, help_text="`auto`, `cpu`, `cuda`, `cuda:1` or `mps`."
    )
    quantization = serializers.ChoiceField(
        QUANTIZATIONS, required=False, allow_null=True, help_text="Applied while loading; null: as it was saved."
    )
    attention = serializers.ChoiceField(
        ATTENTIONS, required=False, allow_null=True, help_text="Null: what transformers chooses."
    )
    trust_remote_code = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="The model's name, written again, lets its own code run in the worker, with all that it may do. "
        "Empty: never.",
    )
    batching = serializers.ChoiceField(BATCHINGS, required=False)
    max_batch = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST_ROWS, help_text="Null: what fits into memory."
    )
    context_tokens = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=FEWEST_TOKENS,
        max_value=MOST_TOKENS,
        help_text="Null: as the model says; never more than that.",
    )


class GeneratorChangeBody(StrictSerializer):
    name = serializers.CharField(required=False, max_length=120)
    engine = serializers.ChoiceField(CALLED_ENGINES, required=False)
    endpoint = serializers.CharField(
        required=False, allow_blank=True, max_length=400, help_text="https://host/v1; empty for transformers."
    )
    server_kind = serializers.ChoiceField(
        SERVER_KINDS, required=False, help_text="What this program leaves out is not asked of it."
    )
    api_key_variable = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=80,
        help_text="The name of the environment variable that holds the key, such as LAB_API_KEY; never the key.",
    )
    model = serializers.CharField(required=False, max_length=200)
    revision = serializers.CharField(required=False, allow_blank=True, max_length=120)
    base_model = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="What the model was made from, as its card says."
    )
    relation = serializers.ChoiceField(
        RELATIONS, required=False, allow_null=True, help_text="What the model is to that one; needs `base_model`."
    )
    quantization = serializers.CharField(
        required=False, allow_blank=True, max_length=40, help_text="As its card or file says, such as Q4_K_M."
    )
    licence = serializers.CharField(
        required=False, allow_blank=True, max_length=80, help_text="By its short name: Apache-2.0, llama3.1, …"
    )
    output_terms = serializers.ChoiceField(
        TERMS, required=False, help_text="What may be done with its texts: the strictest that holds."
    )
    terms_url = serializers.CharField(
        required=False, allow_blank=True, max_length=400, help_text="Where that is written."
    )
    system_prompt = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    prompt_format = serializers.ChoiceField(
        ["", *FORMATS], required=False, help_text="For models without a chat template; empty: the model's own."
    )
    sampling = serializers.DictField(
        required=False, help_text="temperature, top_p, top_k, max_tokens, stop, …; what else a server knows is sent."
    )
    timeout_seconds = serializers.IntegerField(required=False, min_value=1, max_value=3_600)
    max_concurrent = serializers.IntegerField(required=False, min_value=1, max_value=32)
    requests_per_minute = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MOST_PER_MINUTE,
        help_text="Null: as fast as it answers.",
    )
    loading = LoadingBody(required=False)
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
    base_model = serializers.CharField(allow_blank=True)
    relation = serializers.ChoiceField(RELATIONS, allow_null=True)
    quantization = serializers.CharField(allow_blank=True)
    licence = serializers.CharField(allow_blank=True)
    output_terms = serializers.ChoiceField(TERMS)
    terms_url = serializers.CharField(allow_blank=True)
    enabled = serializers.BooleanField()


class LoadingShape(serializers.Serializer[Any]):
    dtype = serializers.CharField()
    device_map = serializers.CharField()
    quantization = serializers.CharField(allow_null=True)
    attention = serializers.CharField(allow_null=True)
    trust_remote_code = serializers.CharField(allow_blank=True, help_text="The model's name where its code may run.")
    batching = serializers.ChoiceField(BATCHINGS)
    max_batch = serializers.IntegerField(allow_null=True)
    context_tokens = serializers.IntegerField(allow_null=True)


class GeneratorShape(GeneratorEntry):
    """A generator as administrators see it. There is no key in it."""

    endpoint = serializers.CharField(allow_blank=True)
    server_kind = serializers.ChoiceField(SERVER_KINDS)
    api_key_variable = serializers.CharField(allow_blank=True)
    system_prompt = serializers.CharField(allow_blank=True)
    prompt_format = serializers.CharField(allow_blank=True)
    sampling = serializers.DictField()
    timeout_seconds = serializers.IntegerField()
    max_concurrent = serializers.IntegerField()
    requests_per_minute = serializers.IntegerField(allow_null=True)
    loading = LoadingShape()
    problem = serializers.CharField(allow_blank=True, help_text="What keeps it from answering now.")
    problem_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class FiguresShape(serializers.Serializer[Any]):
    """What a generator did lately. None of it counts what is not known as zero."""

    hour = serializers.IntegerField(help_text="Candidates stored in the last hour.")
    day = serializers.IntegerField(help_text="Candidates stored in the last day.")
    failed = serializers.IntegerField(help_text="Requests that came to nothing in the last day.")
    redrawn = serializers.IntegerField(help_text="Answers of the last day that were drawn again.")
    is_whole = serializers.BooleanField(
        help_text="Whether these are all of the day; of a generator that did very much only the newest are counted."
    )
    seconds_per_candidate = serializers.FloatField(
        allow_null=True, help_text="Of computing, over the last day, what was thrown away included."
    )
    tokens_per_second = serializers.FloatField(allow_null=True, help_text="Written for each second of computing.")
    failures = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="What came to nothing and was not tried again: outcome → requests; `unknown` has no outcome.",
    )
    waits = serializers.DictField(
        child=serializers.IntegerField(), help_text="What is tried again later, by what came of it last, the same way."
    )


class WorkerShape(serializers.Serializer[Any]):
    """What a generate worker said of itself last. Memory in bytes."""

    name = serializers.CharField()
    model = serializers.CharField(allow_blank=True)
    device = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=words.worker_states())
    is_alive = serializers.BooleanField(help_text="It said something within the last 45 seconds, and has not stopped.")
    problem = serializers.CharField(allow_blank=True)
    waiting_requests = serializers.IntegerField()
    running_requests = serializers.IntegerField()
    tokens_per_second = serializers.FloatField(allow_null=True)
    memory_used = serializers.IntegerField(allow_null=True)
    memory_total = serializers.IntegerField(allow_null=True)
    started_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()


class ServerShape(serializers.Serializer[Any]):
    """A server that generators share."""

    host = serializers.CharField()
    failures = serializers.IntegerField(help_text="In a row.")
    open_until = serializers.DateTimeField(allow_null=True, help_text="Until then it is left alone.")
    last_error = serializers.CharField(allow_blank=True)
    changed_at = serializers.DateTimeField()


class ServingShape(serializers.Serializer[Any]):
    workers = WorkerShape(many=True)
    servers = ServerShape(many=True)
