"""What a release says of the models whose texts are in it, and of how each text was made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.vocabulary import Engine, ModelRelation, OutputTerms


@dataclass(frozen=True, slots=True)
class GenerationFacts:
    """How a generator made one text, as its engine told it; None: it said nothing.

    `model` and `revision`: what answered, which may be more exact than what was asked. `effective_sampling`: the
    settings as they were used; `dropped_sampling`: names of those that were asked for and not used. `truncated_turns`,
    `truncated_tokens`: what was left out at the front of a long conversation. `more`: whatever else is known.
    """

    model: str | None = None
    revision: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    dtype: str | None = None
    quantization: str | None = None
    batching: str | None = None
    prompt_format: str | None = None
    template_sha256: str | None = None
    seed: int | None = None
    finish_reason: str | None = None
    effective_sampling: Mapping[str, Any] | None = None
    dropped_sampling: tuple[str, ...] = ()
    truncated_turns: int | None = None
    truncated_tokens: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedGenerator:
    """A generator, or a name that an import gave, as it was when the release was frozen.

    `model_key`: equal for generators of one model under different names (`tasks.generation.lineage`); `root_key`: the
    model at the start of what it was made from. `texts`: messages of the release that came from it, also those that
    others wrote too; `share`: of all replies in the release, None without any.
    """

    name: str
    engine: Engine
    model: str
    revision: str
    model_key: str
    root_key: str
    base_model: str
    relation: ModelRelation | None
    quantization: str
    licence: str
    output_terms: OutputTerms
    terms_url: str
    texts: int = 0
    share: float | None = None
