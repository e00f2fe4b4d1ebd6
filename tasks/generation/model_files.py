"""A model's files: found by folder or by name on the hub, and read through before anything of them is loaded.

Whatever keeps them from being a causal language model that can be loaded here is said as a sentence (`ModelRefused`).
Weights are safetensors alone: other formats can run code of whoever made them.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.records.local_models import ModelRefused

INDEX = "model.safetensors.index.json"
WHOLE = "model.safetensors"
#: Any of these is a tokenizer, each with the files that it needs beside it.
_TOKENIZERS = (
    ("tokenizer.json",),
    ("tokenizer.model",),
    ("vocab.json", "merges.txt"),
    ("spiece.model",),
    ("tekken.json",),
)
_SMALL = ("*.json", "*.jinja", "*.txt", "*.model")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on this machine. `revision`: its commit on the hub, else what was asked for, else a sum of its files."""

    name: str
    folder: Path
    revision: str
    config: Mapping[str, Any]
    weights: tuple[Path, ...]
    needs_code: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What this installation knows how to build: model types, and the names of causal language models among classes."""

    types: Collection[str]
    classes: Collection[str]


def find_model(
    name: str,
    *,
    revision: str,
    cache_folder: Path | None,
    trust_remote_code: bool,
    known: Known,
    check_size: Callable[[Mapping[str, Any], int], None],
    say: Callable[[str], None],
) -> ModelFiles:
    """The files of a model, brought from the hub where they are not here yet; `check_size` may refuse them before that.

    It gets the configuration and the bytes of the weights. Raises ModelRefused.
    """
    if not name:
        raise ModelRefused("No model was named. Give the name of a model on the hub, or a folder that holds one.")
    folder = Path(name).expanduser()
    if folder.is_dir():
        return read_folder(name, folder, revision=revision, trust_remote_code=trust_remote_code, known=known)
    if _looks_like_folder(name):
        raise ModelRefused(f"There is no folder {name} on this machine.")
    folder = _bring_small(name, revision=revision, cache_folder=cache_folder, with_code=trust_remote_code)
    config = read_config(name, folder)
    check_architecture(name, config, trust_remote_code=trust_remote_code, known=known)
    wanted = _list_weights(folder) or (WHOLE,)
    if any(not (folder / file).exists() for file in wanted):
        # from here on what was found, whatever has become of its branch
        bring = _Bring(name, revision=folder.name if _COMMIT.fullmatch(folder.name) else revision, cache=cache_folder)
        check_size(config, bring.measure(wanted))
        say(f"Bringing the weights of {name} from the hub.")
        bring.files(wanted)
    return read_folder(name, folder, revision=revision, trust_remote_code=trust_remote_code, known=known)


def read_folder(name: str, folder: Path, *, revision: str, trust_remote_code: bool, known: Known) -> ModelFiles:
    """Read through the files of a model in a folder. Raises ModelRefused."""
    config = read_config(name, folder)
    needs_code = check_architecture(name, config, trust_remote_code=trust_remote_code, known=known)
    weights = _find_weights(name, folder)
    if not any(all((folder / file).is_file() for file in files) for files in _TOKENIZERS) and not needs_code:
        raise ModelRefused(
            f"The folder of {name} holds no tokenizer (tokenizer.json, tokenizer.model, or vocab.json with merges.txt). "
            "Save the model's tokenizer beside it."
        )
    commit = folder.resolve().name
    found = commit if _COMMIT.fullmatch(commit) else revision or _sum_files(folder, weights)
    return ModelFiles(name, folder, found, config, weights, needs_code)


def read_config(name: str, folder: Path) -> Mapping[str, Any]:
    """The configuration of a model. Raises ModelRefused."""
    path = folder / "config.json"
    if not path.is_file():
        if (folder / "adapter_config.json").is_file():
            raise ModelRefused(
                f"{name} is an adapter, not a model. Merge it into its base model, save that, and name its folder."
            )
        if next(folder.glob("*.gguf"), None):
            raise ModelRefused(
                f"{name} holds GGUF files, which llama.cpp and Ollama read. Run it there, and add it as an "
                "OpenAI-compatible server; or name the model that they were made from."
            )
        raise ModelRefused(
            f"{name} has no config.json, so it is no model that can be loaded, or it was not copied whole."
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelRefused(f"The config.json of {name} cannot be read: {error}") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ModelRefused(f"The config.json of {name} does not say what kind of model it is (model_type).")
    return config


def check_architecture(name: str, config: Mapping[str, Any], *, trust_remote_code: bool, known: Known) -> bool:
    """Whether the model needs code that comes with it. Raises ModelRefused unless it is a causal language model."""
    classes = [str(one) for one in config.get("architectures") or ()]
    own = config.get("auto_map") or {}
    if config["model_type"] in known.types and (not classes or any(one in known.classes for one in classes)):
        return False
    if "AutoModelForCausalLM" in own:
        if trust_remote_code:
            return True
        raise ModelRefused(
            f"{name} brings code of its own, which would run on this machine, and this was not allowed. If you trust its "
            "makers, say so where the generator's loading is set (trust_remote_code); or take a model that needs none."
        )
    if config["model_type"] in known.types:
        raise ModelRefused(
            f"{name} is no causal language model: its config.json says {', '.join(classes)}. Take a model that continues "
            "text (its class ends in ForCausalLM or LMHeadModel)."
        )
    raise ModelRefused(
        f'This installation does not know models of the type "{config["model_type"]}", which {name} is. A newer '
        "transformers may; or run the model behind an OpenAI-compatible server."
    )


def _list_weights(folder: Path) -> tuple[str, ...] | None:
    """Names of the files that the index names; None without an index."""
    index = folder / INDEX
    if not index.is_file():
        return None
    try:
        names = {str(file) for file in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelRefused(f"{INDEX} of the model cannot be read ({type(error).__name__}): copy it again.") from error
    if any("/" in file or "\\" in file for file in names):
        raise ModelRefused(f"{INDEX} of the model names files outside of its folder.")
    return tuple(sorted(names))


def _find_weights(name: str, folder: Path) -> tuple[Path, ...]:
    listed = _list_weights(folder)
    if listed is None:
        if (folder / WHOLE).is_file():
            return (folder / WHOLE,)
        other = sorted(path.name for path in folder.iterdir() if path.suffix in {".bin", ".pt", ".pth", ".ckpt", ".h5"})
        if other:
            raise ModelRefused(
                f"The weights of {name} are there as {other[0]} alone, a format that can run code of whoever made it. Only "
                "safetensors are loaded: save the model again with save_pretrained, where you trust it."
            )
        raise ModelRefused(f"The weights of {name} are missing: there is neither {WHOLE} nor {INDEX}.")
    missing = [file for file in listed if not (folder / file).is_file()]
    if missing:
        raise ModelRefused(
            f"{len(missing)} of the {len(listed)} files of weights of {name} are missing, among them {missing[0]}. "
            "Copy or download it again."
        )
    return tuple(folder / file for file in listed)


def _sum_files(folder: Path, weights: Sequence[Path]) -> str:
    """Tells two folders of models apart: a sum of the configuration, and of the headers and sizes of the weights."""
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for path in weights:
        with path.open("rb") as file:
            digest.update(f"{path.name} {path.stat().st_size} ".encode() + file.read(65_536))
    return f"files:{digest.hexdigest()[:16]}"


def _looks_like_folder(name: str) -> bool:
    return not _HUB_NAME.fullmatch(name) or name.startswith((".", "~"))


def _bring_small(name: str, *, revision: str, cache_folder: Path | None, with_code: bool) -> Path:
    patterns = [*_SMALL, *(["*.py"] if with_code else [])]
    return _Bring(name, revision=revision, cache=cache_folder).files(patterns)


class _Bring:
    """Brings files of a model from the hub into its cache on this machine."""

    def __init__(self, name: str, *, revision: str, cache: Path | None) -> None:
        self._name = name
        self._place = {"repo_id": name, "revision": revision or None, "cache_dir": cache}

    def files(self, patterns: Sequence[str]) -> Path:
        from huggingface_hub import snapshot_download

        try:
            return Path(str(snapshot_download(**self._place, allow_patterns=list(patterns))))
        except Exception as error:
            raise self._explain(error) from error

    def measure(self, patterns: Sequence[str]) -> int:
        """Bytes of those files on the hub."""
        from huggingface_hub import snapshot_download

        try:
            found = snapshot_download(**self._place, allow_patterns=list(patterns), dry_run=True)
        except Exception as error:
            raise self._explain(error) from error
        if not found:
            raise ModelRefused(
                f"The model {self._name} has no weights as safetensors on the hub, and other formats are not loaded: they "
                "can run code of whoever made them."
            )
        return sum(int(file.file_size) for file in found)

    def _explain(self, error: Exception) -> ModelRefused:
        name, revision = self._name, self._place["revision"]
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "GatedRepoError" in kinds:
            return ModelRefused(
                f"The makers of {name} want its terms accepted first: do that on its page on the hub, and start the worker "
                "with HF_TOKEN of that account."
            )
        if "RevisionNotFoundError" in kinds:
            return ModelRefused(f"The model {name} has no revision {revision} on the hub.")
        if "RepositoryNotFoundError" in kinds:
            return ModelRefused(
                f"There is no model {name} on the hub that this worker may read. Look at its name; a private one needs "
                "HF_TOKEN. For a folder give its whole path."
            )
        if isinstance(error, OSError) and "No space left" in str(error):
            return ModelRefused(f"The disk is full, so {name} could not be brought from the hub.")
        return ModelRefused(
            f"The model {name} is not (or not whole) on this machine, and the hub cannot be reached "
            f"({type(error).__name__}). Download it where there is a network, and give its folder."
        )
