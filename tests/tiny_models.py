"""Tiny models that are real ones: built and saved in seconds, in the architectures that open models have.

    folder = find_model("gpt2")                      # built once a session
    model = load_tiny("gpt2")                        # and loaded once
    folder = build_model(tmp_path / "mine", "llama", chat_template=None)

Weights are random from a fixed seed; the tokenizer is byte pairs learnt on the spot. torch is imported when a model is
built, so that a machine without it can import this module.

Where nothing else is said they are loaded on a processor. TESTS_DEVICE names another device; `auto` is the best there is.
"""

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.generation.tokenizer_building import CHATML, END, build_tokenizer
from tasks.records.generation import Loading
from tasks.records.local_models import LocalModel, Row, Sampling

TEXTS = (
    "The river runs down from the hills to the sea.",
    "A good answer says what is known and what is not.",
    "Bread is made from flour, water, salt and time.",
    "Rain falls on the roof and runs along the gutter.",
    "Count from one to ten, then back again.",
    "User: what is this? Assistant: it is a lamp.",
)
VOCABULARY = 384
CONTEXT = 256
NEVER = float("inf")
DEVICE = os.environ.get("TESTS_DEVICE", "cpu")

#: Architecture, by the names of its configuration's class and of its sizes.
ARCHITECTURES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "llama": (
        "LlamaConfig",
        {
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": CONTEXT,
        },
    ),
    "gpt_neox": (
        "GPTNeoXConfig",
        {
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": CONTEXT,
        },
    ),
    "gptj": ("GPTJConfig", {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": CONTEXT, "rotary_dim": 8}),
    "gpt2": ("GPT2Config", {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": CONTEXT}),
    "qwen3": (
        "Qwen3Config",
        {
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "max_position_embeddings": CONTEXT,
        },
    ),
}


def build_model(
    folder: Path,
    architecture: str = "llama",
    *,
    chat_template: str | None = CHATML,
    seed: int = 0,
    shard_size: str = "1GB",
    dtype: str = "float32",
    **more: Any,
) -> Path:
    """Save a model of that architecture with its tokenizer in `folder`; `more` goes to its configuration."""
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    size = build_tokenizer(
        folder, TEXTS, vocabulary=VOCABULARY, context_tokens=CONTEXT, chat_template=chat_template, end=END
    )
    class_name, sizes = ARCHITECTURES[architecture]
    ends = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}
    config = getattr(transformers, class_name)(**{"vocab_size": size, **ends, **sizes, **more})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:  # as they are initialized, they say one token for ever
                parameter.mul_(4)
    model.to(getattr(torch, dtype)).save_pretrained(folder, max_shard_size=shard_size)
    return folder


@functools.cache
def find_model(architecture: str = "llama", *, chat_template: str | None = CHATML) -> Path:
    """A model that is built once a session. Nobody writes into its folder: `copy_model` is for that."""
    kind = "plain" if chat_template is None else "chat"
    return build_model(_make_room() / f"{architecture}-{kind}", architecture, chat_template=chat_template)


def copy_model(to: Path, architecture: str = "llama") -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(find_model(architecture), to))


@functools.cache
def load_tiny(architecture: str = "llama", *, chat_template: str | None = CHATML) -> Any:
    """A model that is built and loaded once a session."""
    return load(find_model(architecture, chat_template=chat_template))


def load(folder: Path | str, loading: Loading | None = None, **more: Any) -> Any:
    """Load a model; what it says meanwhile is nobody's business."""
    from tasks.generation.transformers_engine import load_model

    settings = loading or Loading(device_map=DEVICE)
    return load_model(**{"name": str(folder), "revision": "", "loading": settings, "say": lambda _: None, **more})


def make_row(model: LocalModel, text: str = "The river runs", *, key: int = 0, **sampling: Any) -> Row:
    """A row of a text; `seed`, `deadline` and `prefix` are read out of `sampling`."""
    return Row(
        key=key,
        prompt=model.encode(text),
        seed=sampling.pop("seed", key),
        deadline=sampling.pop("deadline", NEVER),
        prefix=sampling.pop("prefix", text),
        sampling=Sampling(**{"max_tokens": 12, "temperature": 0.0, **sampling}),
    )


def never(key: int) -> bool:
    """Nothing is called off."""
    return False


@functools.cache
def _make_room() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tiny-models-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
