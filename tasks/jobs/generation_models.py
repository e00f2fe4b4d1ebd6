"""Which model a worker loads: the generators of the site that share one, and how it is found on this machine."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

import annotate.demo
from annotate.models import Generator
from annotate.queries.generation import read_loading
from tasks.generation.demo_model import DEMO, prepare_demo_model, read_texts
from tasks.records.generation import Loading
from tasks.records.local_models import LocalModel, ModelRefused
from tasks.vocabulary import Batching, Engine

DEMO_TEXTS = Path(annotate.demo.__file__).with_name("demo.jsonl")
#: How requests share a loaded model changes nothing about the model.
FREE_CHOICES: Mapping[str, Any] = {"batching": Batching.AUTO, "max_batch": None}


@dataclasses.dataclass(frozen=True)
class ModelKey:
    """What is loaded once and answers for every generator of the same key."""

    name: str
    revision: str
    loading: Loading

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}" if self.revision else self.name


def find_key(generator: Generator) -> ModelKey:
    """The key of a generator's model."""
    return make_key(generator.model, generator.revision, read_loading(generator.loading))


def make_key(model: str, revision: str, loading: Loading) -> ModelKey:
    """The key of a model that is loaded like this."""
    return ModelKey(model, revision, dataclasses.replace(loading, **FREE_CHOICES))


def list_local_generators(ids: Iterable[int] | None = None) -> dict[ModelKey, list[Generator]]:
    """Enabled generators of the site that a worker with a model answers for, by that model."""
    found: dict[ModelKey, list[Generator]] = {}
    rows = Generator.objects.filter(enabled=True, engine=Engine.TRANSFORMERS, campaign__isnull=True).order_by("pk")
    for generator in rows if ids is None else rows.filter(pk__in=ids):
        found.setdefault(find_key(generator), []).append(generator)
    return found


def load(key: ModelKey, *, say: Callable[[str], None]) -> LocalModel:
    """Load a model into this process. Raises ModelRefused with a sentence that says why not, and what to do."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # nobody is told what runs here
    try:
        from tasks.generation.transformers_engine import load_model
    except ImportError as error:
        raise ModelRefused(
            f"torch and transformers are not installed here ({error}). Install them: `make venv-gpu`, or "
            "`pip install .[gpu]`."
        ) from error
    if key.name != DEMO:
        return load_model(name=key.name, revision=key.revision, loading=key.loading, say=say)
    model = load_model(name=str(find_demo(say=say)), revision="", loading=key.loading, say=say)
    model.facts = dataclasses.replace(model.facts, name=DEMO)  # the folder is this machine's own affair
    return model


def find_demo(*, say: Callable[[str], None]) -> Path:
    """The folder of the demo's own tiny model, which is built on first use."""
    texts = read_texts(DEMO_TEXTS.read_text(encoding="utf-8"))
    return prepare_demo_model(Path(settings.DATA_DIR) / "models" / DEMO, texts=texts, say=say)
