"""What the servers that speak OpenAI's API take, and what they leave out: one row each, read in their own sources.

| kind | read in |
|---|---|
| `vllm` | its protocol of chat completions: takes all, and a model's own `generation_config.json` fills what is not sent |
| `sglang` | its protocol: takes all; a completion is 16 tokens long unless `max_tokens` says more |
| `llama_cpp` | its server's README: samples with `top_k` 40 and `min_p` 0.05 unless told otherwise, answers without end |
| `ollama` | `openai/openai.go`: `top_k`, `min_p` and penalties of repetition come from the Modelfile alone |
| `lm_studio` | its list of supported parameters: `min_p` is none of them |
| `transformers` | `transformers serve`: draws tokens only where the model's configuration says so; 422 for unknown keys |

Their defaults differ, so every value is sent. `n` is sent to none: some refuse it, some ignore it. Seeds are a label by
which two requests differ, not a promise that the same text comes again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.generation.samplings import DEFAULT_MAX_TOKENS
from tasks.vocabulary import ServerKind


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What one kind of server takes.

    takes           our names of sampling, and the server's; a name that is not here is not sent. None: all is sent
                    as it was written
    defaults        what is sent for a name that nobody set
    packed          names that go, as JSON text, into the key `packed_key`
    has_seeds       whether a seed is taken
    lists_models    whether `GET models` names what it serves
    takes_prompts   whether `completions` takes a prompt as it is, without the model's template around it
    takes_stop_ids  whether token ids can end an answer
    """

    takes: Mapping[str, str] | None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    packed: Mapping[str, str] = field(default_factory=dict)
    packed_key: str = ""
    has_seeds: bool = True
    lists_models: bool = True
    takes_prompts: bool = True
    takes_stop_ids: bool = False


@dataclass(frozen=True, slots=True)
class SentSampling:
    """Sampling as a server gets it: the keys of the request, what they mean in our names, and what it does not take."""

    keys: Mapping[str, Any]
    effective: Mapping[str, Any]
    dropped: tuple[str, ...]


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


#: One meaning, one name: that of OpenAI, or of transformers where OpenAI has none.
ALIASES = {
    "max_completion_tokens": "max_tokens",
    "max_new_tokens": "max_tokens",
    "n_predict": "max_tokens",
    "num_predict": "max_tokens",
    "repeat_penalty": "repetition_penalty",
}
_OPENAI = _same("temperature", "top_p", "max_tokens", "stop", "presence_penalty", "frequency_penalty")
_OPENAI_DEFAULTS = {
    "temperature": 1.0,
    "top_p": 1.0,
    "max_tokens": DEFAULT_MAX_TOKENS,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
_ENGINE = _same("top_k", "min_p", "repetition_penalty", "min_tokens", "ignore_eos", "skip_special_tokens")
_ENGINE_DEFAULTS = {**_OPENAI_DEFAULTS, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}

FACTS: Mapping[ServerKind, ServerFacts] = {
    ServerKind.ANY: ServerFacts(takes=None),
    ServerKind.VLLM: ServerFacts(
        takes={**_OPENAI, **_ENGINE, **_same("length_penalty", "reasoning_effort", "priority")},
        defaults=_ENGINE_DEFAULTS,
        takes_stop_ids=True,
    ),
    ServerKind.SGLANG: ServerFacts(
        takes={**_OPENAI, **_ENGINE, **_same("regex", "ebnf", "no_stop_trim", "reasoning_effort", "priority")},
        defaults=_ENGINE_DEFAULTS,
        takes_stop_ids=True,
    ),
    ServerKind.LLAMA_CPP: ServerFacts(
        takes={
            **_OPENAI,
            "repetition_penalty": "repeat_penalty",
            **_same("top_k", "min_p", "typical_p", "top_n_sigma", "repeat_last_n", "ignore_eos", "grammar"),
            **_same("xtc_probability", "xtc_threshold", "dynatemp_range", "dynatemp_exponent"),
            **_same("dry_multiplier", "dry_base", "dry_allowed_length", "dry_penalty_last_n"),
            **_same("mirostat", "mirostat_tau", "mirostat_eta", "reasoning_format"),
        },
        defaults={**_OPENAI_DEFAULTS, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0},
    ),
    ServerKind.OLLAMA: ServerFacts(
        takes={**_OPENAI, **_same("reasoning_effort")},
        defaults=_OPENAI_DEFAULTS,
        takes_prompts=False,
    ),
    ServerKind.LM_STUDIO: ServerFacts(
        takes={**_OPENAI, "top_k": "top_k", "repetition_penalty": "repeat_penalty"},
        defaults={**_OPENAI_DEFAULTS, "top_k": 0, "repetition_penalty": 1.0},
    ),
    ServerKind.TRANSFORMERS: ServerFacts(
        takes=_same("max_tokens", "stop"),
        packed=_same("temperature", "top_p", "top_k", "min_p", "repetition_penalty"),
        packed_key="generation_config",
        defaults={
            **{name: _OPENAI_DEFAULTS[name] for name in ("temperature", "top_p", "max_tokens")},
            "top_k": 0,
            "repetition_penalty": 1.0,
        },
    ),
}


def find_facts(kind: ServerKind) -> ServerFacts:
    return FACTS[kind]


def translate_sampling(asked: Mapping[str, Any], *, kind: ServerKind) -> SentSampling:
    """What a server of this kind gets for the sampling that an administrator wrote, with what it would not take."""
    facts = FACTS[kind]
    if facts.takes is None:
        return SentSampling(dict(asked), dict(asked), ())
    known = {**facts.takes, **facts.packed}
    given = {name: value for name, value in asked.items() if value is not None}
    wanted = {ALIASES.get(name, name): value for name, value in given.items()}
    effective = {**facts.defaults, **{name: value for name, value in wanted.items() if name in known}}
    dropped = tuple(sorted(name for name in given if ALIASES.get(name, name) not in known))
    keys = {facts.takes[name]: value for name, value in effective.items() if name in facts.takes}
    if facts.packed_key:
        packed = {facts.packed[name]: value for name, value in effective.items() if name in facts.packed}
        keys[facts.packed_key] = _pack(packed)
    return SentSampling(keys, effective, dropped)


def _pack(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of `generate` itself, which has to be told that tokens are drawn at all."""
    if sampling.get("temperature") == 0:
        kept = {name: value for name, value in sampling.items() if name == "repetition_penalty"}
        return {"do_sample": False, **kept}
    return {"do_sample": True, **sampling}
