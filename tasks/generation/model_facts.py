"""What a loaded model says of itself: its ends, its template, its length, and whether continuous batching can be tried."""

import hashlib
from collections.abc import Mapping
from typing import Any

from tasks.generation.model_files import ModelFiles
from tasks.generation.model_memory import measure_cache
from tasks.records.generation import Loading
from tasks.records.local_models import ModelFacts

#: Models of these write their end of turn as a token of its own, which their settings do not always name.
_TURN_ENDS = ("<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<|end_of_turn|>", "<|endoftext|>", "</s>")
_LONGEST_CONTEXT = 2**20
_LENGTHS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx")
_SHORTEST_GUESS = 2048


def describe(
    model: Any,
    tokenizer: Any,
    *,
    files: ModelFiles,
    loading: Loading,
    device: str,
    versions: Mapping[str, str],
) -> ModelFacts:
    """The facts of a model as it was loaded; `device` with the name of its maker."""
    config = model.config.get_text_config()
    template = find_template(tokenizer)
    problem = find_continuous_problem(model)
    saved = files.config.get("quantization_config") or {}
    return ModelFacts(
        name=files.name,
        revision=files.revision,
        architecture=type(model).__name__,
        parameters=model.num_parameters(),
        dtype=str(model.dtype).removeprefix("torch."),
        quantization=loading.quantization or (saved.get("quant_method") if isinstance(saved, dict) else None),
        attention=str(model.config._attn_implementation),  # noqa: SLF001 - nothing else tells it
        device=device,
        context_tokens=min(find_context(config, tokenizer), loading.context_tokens or _LONGEST_CONTEXT),
        stop_ids=find_stop_ids(model, tokenizer),
        template_sha256=hashlib.sha256(template.encode()).hexdigest() if template else None,
        can_continue=not problem,
        continuous_problem=problem,
        cache_bytes_per_token=measure_cache(config.to_dict(), bytes_each=model.dtype.itemsize),
        versions=versions,
        begin_ids=find_begin(tokenizer),
        eos_text=tokenizer.eos_token or "",
    )


def find_context(config: Any, tokenizer: Any) -> int:
    """How many tokens the model reads: as its configuration says, else its tokenizer, else what any model can."""
    for name in _LENGTHS:
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return min(value, _LONGEST_CONTEXT)
    said = tokenizer.model_max_length
    return int(said) if said and said <= _LONGEST_CONTEXT else _SHORTEST_GUESS


def find_continuous_problem(model: Any) -> str:
    """Why continuous batching need not be tried with this model; empty when it may work."""
    if not hasattr(model, "init_continuous_batching"):
        return "This version of transformers has no continuous batching for it."
    if len(set((getattr(model, "hf_device_map", None) or {}).values())) > 1:
        return "The model lies on several devices, and the cache of continuous batching on one."
    attention = str(model.config._attn_implementation)  # noqa: SLF001
    if attention not in {"sdpa", "eager", "paged|eager"} and not attention.startswith("flash"):
        return f'With the attention "{attention}" there is no continuous batching.'
    return ""


def find_stop_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Tokens that end an answer: as the model's settings say, its tokenizer, and its template's ends of turns."""
    found: set[int] = set()
    ends = [getattr(model.generation_config, "eos_token_id", None), tokenizer.eos_token_id]
    ends += [getattr(config, "eos_token_id", None) for config in (model.config, model.config.get_text_config())]
    for said in ends:
        found.update([] if said is None else [said] if isinstance(said, int) else said)
    template, special = find_template(tokenizer), set(list_control_strings(tokenizer))
    found |= {tokenizer.convert_tokens_to_ids(end) for end in _TURN_ENDS if end in template and end in special}
    return tuple(sorted(token for token in found if token >= 0))


def list_control_strings(tokenizer: Any) -> tuple[str, ...]:
    """What the tokenizer reads as a special token, longest first."""
    special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    return tuple(sorted(special | set(tokenizer.all_special_tokens), key=lambda text: (-len(text), text)))


def find_template(tokenizer: Any) -> str:
    """The chat template that a thread is written with; empty if the model has none."""
    try:
        return str(tokenizer.get_chat_template())
    except ValueError:  # none, or several of which none is the default
        return ""


def find_begin(tokenizer: Any) -> tuple[int, ...]:
    """Tokens that the tokenizer puts before a text by itself."""
    bare = tokenizer.encode("a", add_special_tokens=False)
    whole = tokenizer.encode("a")
    for at in range(len(whole) - len(bare) + 1):
        if whole[at : at + len(bare)] == bare:
            return tuple(whole[:at])
    return ()
