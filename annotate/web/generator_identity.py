"""What a generator's texts come from, as facts in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from annotate.models import Generator
from annotate.queries.generator_terms import TERMS
from annotate.services.generator_fields import PLAIN_LOADING
from annotate.services.generator_sampling import SAMPLING_RANGES
from annotate.web import generator_words as words
from annotate.web.generator_words import Words
from tasks.generation.prompt_formats import FORMATS
from tasks.vocabulary import Batching, Engine, ModelRelation, OutputTerms, ServerKind

#: A title and what stands beside it.
Fact = tuple[Words, Words]


def describe_identity(generator: Generator) -> list[Fact]:
    """What is fixed once it was asked; what is not said is left out."""
    loading = {**PLAIN_LOADING, **generator.loading}
    is_local = generator.engine == Engine.TRANSFORMERS
    return _said(
        (_("How it is reached"), words.ENGINES[generator.engine]),
        (_("Model"), generator.model),
        (_("Revision"), generator.revision),
        (_("Precision"), words.DTYPES.get(loading["dtype"], loading["dtype"]) if is_local else ""),
        (_("Quantised while loading"), _word(words.QUANTIZATIONS, loading["quantization"]) if is_local else ""),
        (_("How a conversation is written out"), _tell_format(generator.prompt_format)),
        (_("System prompt"), generator.system_prompt),
        (_("How its texts are drawn"), tell_sampling(generator.sampling)),
    )


def describe_origin(generator: Generator) -> list[Fact]:
    """What the model was made from, its licence, and the terms on its texts."""
    relation = words.RELATIONS[ModelRelation(generator.relation)] if generator.relation else ""
    return _said(
        (_("Made from"), generator.base_model),
        (_("What it is to that one"), relation),
        (_("Quantised as"), generator.quantization),
        (_("Licence"), generator.licence or _("Not said")),
        (_("What may be done with its texts"), TERMS[OutputTerms(generator.output_terms)]),
        (_("Where that is written"), generator.terms_url),
    )


def describe_reach(generator: Generator) -> list[Fact]:
    """Where it is and what bounds it, for administrators."""
    if generator.engine == Engine.TRANSFORMERS:
        return _said(*_tell_loading({**PLAIN_LOADING, **generator.loading}), _tell_patience(generator))
    rate = generator.requests_per_minute
    return _said(
        (_("Address of the server"), generator.endpoint),
        (_("Which program answers there"), words.SERVER_KINDS[ServerKind(generator.server_kind)]),
        (_("Environment variable with the key"), generator.api_key_variable),
        _tell_patience(generator),
        (_("Requests at once"), str(generator.max_concurrent)),
        (_("Requests a minute"), "" if rate is None else str(rate)),
    )


def tell_sampling(sampling: Mapping[str, Any]) -> str:
    """Settings as they are named, the known ones first, with values as JSON writes them."""
    known = list(SAMPLING_RANGES)
    names = sorted(sampling, key=lambda name: (known.index(name) if name in known else len(known), name))
    return ", ".join(
        f"{name} {json.dumps(sampling[name], ensure_ascii=False)}"
        for name in names
        if sampling[name] is not None and sampling[name] != []
    )


def _tell_loading(loading: Mapping[str, Any]) -> list[Fact]:
    rows, tokens = loading["max_batch"], loading["context_tokens"]
    return [
        (_("Device"), loading["device_map"]),
        (_("Attention"), _word(words.ATTENTIONS, loading["attention"])),
        (_("How requests share it"), words.BATCHINGS[Batching(loading["batching"])]),
        (_("Requests in a batch"), "" if rows is None else str(rows)),
        (_("Context, in tokens"), "" if tokens is None else str(tokens)),
        (_("The model's own code"), _("may run") if loading["trust_remote_code"] else ""),
    ]


def _tell_patience(generator: Generator) -> Fact:
    return _("Wait for an answer, in seconds"), str(generator.timeout_seconds)


def _tell_format(name: str) -> Words:
    if not name:
        return _("The model's own chat template")
    return FORMATS[name].words if name in FORMATS else name


def _word(known: Mapping[str, Words], value: str | None) -> Words:
    return known.get(value, value) if value else ""


def _said(*facts: Fact) -> list[Fact]:
    return [fact for fact in facts if fact[1]]
