"""The models of a release: what was frozen of each generator, and how each text was made. Reads and writes nothing.

What an engine told of an answer comes from servers of all kinds: what is not of the kind that it should be is left out,
and only what is named here gets out. What a model told itself is never among it.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tasks.generation.lineage import name_publicly
from tasks.records.released_generators import GenerationFacts, ReleasedGenerator
from tasks.vocabulary import Engine, ModelRelation, OutputTerms

LARGEST = 2**63 - 1
LONGEST = 400
#: Told besides what has a column of its own. Neither addresses of servers nor words of administrators.
MORE = ("system_fingerprint", "usage", "attention", "device", "reads_like_refusal", "defused", "attempts")
TEXTS = (
    "revision",
    "engine",
    "engine_version",
    "dtype",
    "quantization",
    "batching",
    "prompt_format",
    "template_sha256",
    "finish_reason",
)


def read_facts(provenance: Any) -> GenerationFacts:
    """How a generator made a text."""
    told = _as_object(provenance)
    truncated = told.get("truncated")
    cut = truncated if isinstance(truncated, Mapping) else {}
    sampling = told.get("effective_sampling")
    dropped = told.get("dropped_sampling")
    return GenerationFacts(
        model=name_publicly(_read_text(told.get("model")) or "") or None,
        **{name: _read_text(told.get(name)) for name in TEXTS},
        seed=_read_whole(told.get("seed")),
        effective_sampling=sampling if isinstance(sampling, Mapping) else None,
        dropped_sampling=tuple(sorted(map(str, dropped))) if isinstance(dropped, list | Mapping) else (),
        truncated_turns=_read_whole(cut.get("turns")),
        truncated_tokens=_read_whole(cut.get("tokens")),
        more={name: value for name in MORE if (value := _read_more(told.get(name))) not in (None, {}, "")},
    )


def read_generators(frozen: Mapping[str, Any]) -> dict[int, ReleasedGenerator]:
    """The generators of a release by id, as they were when it was frozen."""
    return {
        int(generator): ReleasedGenerator(
            name=told["name"],
            engine=Engine(told["engine"]),
            model=told["model"],
            revision=told["revision"],
            model_key=told["model_key"],
            root_key=told["root_key"],
            base_model=told["base_model"],
            relation=ModelRelation(told["relation"]) if told["relation"] else None,
            quantization=told["quantization"],
            licence=told["licence"],
            output_terms=OutputTerms(told["output_terms"]),
            terms_url=told["terms_url"],
        )
        for generator, told in frozen.get("generators", {}).items()
    }


def count_texts(
    generators: Mapping[int, ReleasedGenerator], texts: Mapping[int, int], *, replies: int
) -> tuple[ReleasedGenerator, ...]:
    """The generators that have texts in the release, by name. `texts`: how many, by id; `replies`: of all."""
    counted = [
        replace(generator, texts=texts[key], share=round(texts[key] / replies, 6) if replies else None)
        for key, generator in generators.items()
        if texts.get(key)
    ]
    return tuple(sorted(counted, key=lambda generator: generator.name))


def _as_object(value: Any) -> Mapping[str, Any]:
    """A column of JSON, which some statements give as text."""
    found = json.loads(value) if isinstance(value, str) else value
    return found if isinstance(found, Mapping) else {}


def _read_more(value: Any) -> Any:
    """A number, a short text, or a table of numbers, as usage is told; None for anything else."""
    if isinstance(value, Mapping):
        return {str(name)[:LONGEST]: count for name, count in value.items() if isinstance(count, int | float)}
    return value if isinstance(value, int | float) else _read_text(value)


def _read_text(value: Any) -> str | None:
    return value[:LONGEST] if isinstance(value, str) and value else None


def _read_whole(value: Any) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and -LARGEST <= value <= LARGEST else None
