"""Vectors by an encoder that is loaded here: any that transformers knows, by its name on the hub or a folder.

Pooled as the model's folder says where it says so (`1_Pooling`, as sentence-transformers saves it): the mean of its tokens,
its first token, or its last; else the mean. Loaded on a processor, in the process that asks; the last two are kept.
torch is imported when an encoder is loaded, so that everything else starts without it.

Organizers name encoders, and are not to learn what lies on the machine: whatever keeps a name from being loaded is one and
the same refusal. What it was is its `detail`.
"""

import json
import logging
from collections import OrderedDict
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from tasks.generation.embedders import EmbedderFailed, Vectors, as_rows

log = logging.getLogger(__name__)

#: Tokens of a text that are read, where the model takes as many.
MOST_TOKENS = 512
#: Of a longer text only so much is given to the tokenizer.
MOST_CHARS = 8_000
_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]
#: Files that are brought from the hub together: whoever organizes a campaign names them, and workers share their memory.
MOST_BYTES = 3 * 2**30
#: Encoders that a process keeps: campaigns take turns.
MOST_LOADED = 2

_loaded: "OrderedDict[str, EncoderEmbedder]" = OrderedDict()


class EncoderEmbedder:
    """A loaded encoder."""

    at_once = 32

    def __init__(self, name: str, model: Any, tokenizer: Any, *, pooling: str, most_tokens: int) -> None:
        self._name, self._model, self._tokenizer = name, model, tokenizer
        self._pooling, self._most_tokens = pooling, most_tokens

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Texts of about one length go together, so that little is padded."""
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        parts = [
            self._embed_batch([texts[place][:MOST_CHARS] for place in order[start : start + self.at_once]])
            for start in range(0, len(order), self.at_once)
        ]
        if not parts:
            return np.zeros((0, 2), dtype=np.float32)
        rows = np.concatenate(parts)
        return as_rows(rows[np.argsort(order)], count=len(texts))

    def _embed_batch(self, texts: Sequence[str]) -> Vectors:
        import torch

        given = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=self._most_tokens, return_tensors="pt"
        )
        try:
            with torch.inference_mode():
                states = self._model(**given).last_hidden_state.float()
        except Exception as error:
            raise _refuse(self._name, _shorten(error)) from error
        mask = given["attention_mask"].unsqueeze(-1).float()
        if self._pooling == "cls":
            pooled = states[:, 0]
        elif self._pooling == "last":
            last = given["attention_mask"].shape[1] - 1 - given["attention_mask"].flip(1).argmax(dim=1)
            pooled = states[torch.arange(len(texts)), last]
        else:
            pooled = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
        rows: Vectors = pooled.numpy().astype(np.float32)
        return rows


def load_encoder(name: str) -> EncoderEmbedder:
    """Load an encoder, or give it again where it is one of the last that were asked for. Raises EmbedderFailed."""
    if name not in _loaded:
        while len(_loaded) >= MOST_LOADED:  # before the next one takes its memory
            _loaded.popitem(last=False)
        _loaded[name] = _load(name)
    _loaded.move_to_end(name)
    return _loaded[name]


def forget_encoders() -> None:
    """Keep none."""
    _loaded.clear()


def _load(name: str) -> EncoderEmbedder:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise EmbedderFailed(
            "An encoder needs the packages torch and transformers, which are not installed where the workers run: "
            "install the extra “gpu” there, or take another embedder.",
        ) from error
    folder = _find_folder(name)
    log.info("loading the encoder %s", name)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = transformers.AutoModel.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
    except Exception as error:
        raise _refuse(name, _shorten(error)) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token is None:
        raise _refuse(name, "its tokenizer has no token to pad with")
    tokenizer.padding_side = "right"
    takes = getattr(model.config, "max_position_embeddings", None) or MOST_TOKENS
    # Some count their positions from behind the padding, so that the last two are no places for tokens.
    most = min(MOST_TOKENS, takes - 2 if takes > 2 else takes, tokenizer.model_max_length)
    return EncoderEmbedder(name, model.eval(), tokenizer, pooling=_read_pooling(folder), most_tokens=most)


def _refuse(name: str, detail: str) -> EmbedderFailed:
    return EmbedderFailed(
        f"No encoder works by the name {name}. Look whether it is written right, or take another embedder; whoever runs the "
        "site finds the cause on this page and in the workers’ log.",
        detail=detail,
    )


def _find_folder(name: str) -> Path:
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if name.startswith(("/", ".", "~")):
        raise _refuse(name, "no such folder where the workers run")
    try:
        from huggingface_hub import HfApi, snapshot_download

        try:
            return Path(snapshot_download(name, allow_patterns=_FILES, local_files_only=True))
        except OSError:
            pass  # it is not here yet
        size = sum(file.size or 0 for file in HfApi().model_info(name, files_metadata=True).siblings or ()
                   if any(fnmatch(file.rfilename, pattern) for pattern in _FILES))  # fmt: skip
        if size <= MOST_BYTES:
            return Path(snapshot_download(name, allow_patterns=_FILES))
    except Exception as error:
        raise _refuse(name, _shorten(error)) from error
    raise EmbedderFailed(
        f"The weights of the encoder {name} have {size // 2**20:,} MiB; workers bring at most {MOST_BYTES // 2**20:,}. "
        "Take a smaller one, or serve it and name the server.",
    )


def _read_pooling(folder: Path) -> str:
    try:
        said = json.loads((folder / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "mean"
    if not isinstance(said, dict):
        return "mean"
    return "cls" if said.get("pooling_mode_cls_token") else "last" if said.get("pooling_mode_lasttoken") else "mean"


def _shorten(error: Exception) -> str:
    words = " ".join(str(error).split())
    return f"{words[:200]}…" if len(words) > 200 else words or type(error).__name__
