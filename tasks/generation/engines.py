"""Which callable answers for which engine.

An engine is a module with `generate(jobs, *, generator, sleep, rng, clock, until)` that yields one
`GenerationResult` for each job and never raises for a single one. Modules are imported when they
are asked for, so that a worker without a GPU needs none of a GPU's libraries.
"""

import importlib
import importlib.util
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, cast

from tasks.records.generation import GenerationJob, GenerationResult, GeneratorRecord
from tasks.vocabulary import Engine

_MODULES = {
    Engine.OPENAI: "tasks.generation.openai_client",
    Engine.TRANSFORMERS: "tasks.generation.warm_model",
}
#: What an engine needs beside what every installation has.
_NEEDS: Mapping[Engine, tuple[str, ...]] = {Engine.TRANSFORMERS: ("torch", "transformers")}


class EngineUnavailable(Exception):
    """This engine cannot generate here; the message is a sentence for an organizer."""


class GenerateCallable(Protocol):
    """What every engine offers. `sleep` takes seconds; `clock` and `until` are UNIX time in seconds."""

    def __call__(
        self,
        jobs: Iterable[GenerationJob],
        *,
        generator: GeneratorRecord,
        sleep: Callable[[float], None],
        rng: random.Random,
        clock: Callable[[], float],
        until: float | None = None,
    ) -> Iterator[GenerationResult]: ...


def find_engine(engine: Engine) -> GenerateCallable:
    """Find the callable of an engine; raises `EngineUnavailable` with what to do instead."""
    if engine == Engine.LABEL:
        raise EngineUnavailable(
            "This generator is a label of origin for imported texts and cannot be asked for new ones. "
            "Name a generator with an endpoint instead."
        )
    missing = [name for name in _NEEDS.get(engine, ()) if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineUnavailable(
            f'The engine "{engine}" needs {" and ".join(missing)}, which this installation lacks. Install what it needs '
            "with `pip install '.[gpu]'`, or run the model behind an OpenAI-compatible server and use the engine "
            f'"{Engine.OPENAI}" with its address.'
        )
    return cast("GenerateCallable", importlib.import_module(_MODULES[engine]).generate)
