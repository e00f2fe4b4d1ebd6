"""Tiny models that are real ones: built and saved in seconds, in the architectures that open models have.

    folder = build_model(tmp_path / "llama", architecture="llama")

Weights are random from a fixed seed; the tokenizer is byte-level BPE trained on the spot. torch is imported when a model
is built, so that a machine without it can import this module.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

TEXTS = (
    "The river runs down from the hills to the sea.",
    "A good answer says what is known and what is not.",
    "Bread is made from flour, water, salt and time.",
    "Rain falls on the roof and runs along the gutter.",
    "Count from one to ten, then back again.",
    "User: what is this? Assistant: it is a lamp.",
)
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>")
VOCABULARY = 384
CONTEXT = 256

ARCHITECTURES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "llama": ("LlamaConfig", {"num_key_value_heads": 2}),
    "gpt_neox": ("GPTNeoXConfig", {}),
    "gptj": ("GPTJConfig", {}),
    "gpt2": ("GPT2Config", {}),
    "qwen3": ("Qwen3Config", {"num_key_value_heads": 2, "head_dim": 16}),
}


def build_tokenizer(folder: Path, *, chat_template: str | None = CHAT_TEMPLATE) -> Any:
    """A byte-level BPE tokenizer with four special tokens, trained on TEXTS and saved in `folder`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token="<|endoftext|>",
        pad_token="<|pad|>",
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
        model_max_length=CONTEXT,
    )
    tokenizer.chat_template = chat_template
    tokenizer.save_pretrained(folder)
    return tokenizer


def build_model(
    folder: Path, *, architecture: str = "llama", chat_template: str | None = CHAT_TEMPLATE, seed: int = 0, **more: Any
) -> Path:
    """Save a model of that architecture with its tokenizer in `folder`; `more` goes to its configuration."""
    import torch
    import transformers

    class_name, own = ARCHITECTURES[architecture]
    config_class = getattr(transformers, class_name)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    names = getattr(config_class, "attribute_map", {})
    values = {names.get(name, name): value for name, value in sizes.items()} | {
        names.get("max_position_embeddings", "max_position_embeddings"): CONTEXT
    }
    if architecture in {"gpt2", "gptj"}:
        values.pop("intermediate_size", None)
    if architecture == "gptj":
        values["rotary_dim"] = 8
    torch.manual_seed(seed)
    config = config_class(**(values | {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 0} | own | more))
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:  # random weights as initialized say one token for ever
                parameter.mul_(4)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    build_tokenizer(folder, chat_template=chat_template)
    return folder
