"""Generators of a release as rows, and how each text was made as part of its message.

What has no fixed shape (sampling, and what else an engine told) is JSON as text, its keys sorted, in both formats: a
loader never meets a column whose type depends on the row.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tasks.records.released_generators import GenerationFacts, ReleasedGenerator
from tasks.records.releases import ReleasedOrigin

Row = dict[str, object]


def generator_rows(generator: ReleasedGenerator) -> Iterator[Row]:
    """Yield the row of a generator; what nobody said is null."""
    yield {
        "generator": generator.name,
        "engine": str(generator.engine),
        "model": generator.model or None,
        "revision": generator.revision or None,
        "model_key": generator.model_key,
        "root_key": generator.root_key,
        "base_model": generator.base_model or None,
        "relation": None if generator.relation is None else str(generator.relation),
        "quantization": generator.quantization or None,
        "licence": generator.licence or None,
        "output_terms": str(generator.output_terms),
        "terms_url": generator.terms_url or None,
        "texts": generator.texts,
        "share": generator.share,
    }


def origin_row(origin: ReleasedOrigin) -> Row:
    """Return one origin of a message."""
    facts = origin.generation
    return {
        "kind": str(origin.kind),
        "generator": origin.generator,
        "human": origin.human,
        "generation": None if facts is None else _generation(facts),
    }


def _generation(facts: GenerationFacts) -> Row:
    return {
        "model": facts.model,
        "revision": facts.revision,
        "engine": facts.engine,
        "engine_version": facts.engine_version,
        "dtype": facts.dtype,
        "quantization": facts.quantization,
        "batching": facts.batching,
        "prompt_format": facts.prompt_format,
        "template_sha256": facts.template_sha256,
        "seed": facts.seed,
        "finish_reason": facts.finish_reason,
        "effective_sampling": None if facts.effective_sampling is None else _write_json(facts.effective_sampling),
        "dropped_sampling": list(facts.dropped_sampling),
        "truncated_turns": facts.truncated_turns,
        "truncated_tokens": facts.truncated_tokens,
        "more": _write_json(facts.more) if facts.more else None,
    }


def _write_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
