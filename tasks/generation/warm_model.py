"""The engine `transformers` for callers that only have jobs: it keeps the last model warm in this process.

A worker that answers for many generators at once uses `local.LocalEngine` itself. `transformers_engine`, which imports
torch, is imported when the first model is loaded.
"""

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from tasks.generation.local import LocalEngine, RestartNeeded
from tasks.records.generation import GenerationJob, GenerationResult, GeneratorRecord, Loading
from tasks.records.local_models import LocalModel, ModelRefused
from tasks.vocabulary import Batching, Engine, GenerationOutcome

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Key:
    """What a model was loaded by; how its rows are batched makes it no other model."""

    name: str
    revision: str
    loading: Loading


@dataclass(slots=True)
class _Warm:
    key: _Key
    engine: LocalEngine
    model: LocalModel


_warm: list[_Warm] = []


def generate(
    jobs: Iterable[GenerationJob],
    *,
    generator: GeneratorRecord,
    sleep: Callable[[float], None] = time.sleep,
    rng: random.Random,
    clock: Callable[[], float] = time.time,
    until: float | None = None,
) -> Iterator[GenerationResult]:
    """Answer each job once with the generator's model, which is loaded unless it is the last one that was asked.

    A model that cannot be loaded is the result of each job. A model that must be loaded afresh is dropped, and what it
    did not answer handed back.
    """
    left = {job.request_id: job for job in jobs}
    try:
        engine = _find_engine(generator, rng=rng, clock=clock)
        for result in engine.answer([(job, generator) for job in left.values()], until=until):
            left.pop(result.request_id)
            yield result
    except ModelRefused as refusal:
        for job in left.values():
            yield _fail(job, generator, GenerationOutcome.MODEL_UNAVAILABLE, reason=str(refusal))
    except RestartNeeded as problem:
        log.error("the model is dropped: %s", problem)  # noqa: TRY400  (the sentence says it all)
        drop_model()
        reason = "The worker stopped before an answer came; the request waits for another one."
        for job in left.values():
            yield _fail(job, generator, GenerationOutcome.OUT_OF_MEMORY, reason=reason, retry_after_seconds=0.0)


def drop_model() -> None:
    """Let the warm model go, so that its memory is free."""
    while _warm:
        warm = _warm.pop()
        try:
            warm.model.clear()
        except Exception:
            log.exception("the model's memory could not be cleared")


def _fail(
    job: GenerationJob,
    generator: GeneratorRecord,
    outcome: GenerationOutcome,
    *,
    reason: str,
    retry_after_seconds: float | None = None,
) -> GenerationResult:
    """The result of a job that no model was there for."""
    provenance = {
        "engine": Engine.TRANSFORMERS.value,
        "model_requested": generator.model,
        "revision": generator.revision,
        "sampling": dict(generator.sampling),
        "seed": job.seed,
        "system_prompt": generator.system_prompt,
        "prompt_format": generator.prompt_format or None,
        "attempts": 0,
    }
    return GenerationResult(
        job.request_id, outcome, reason=reason, retry_after_seconds=retry_after_seconds, provenance=provenance
    )


def _find_engine(generator: GeneratorRecord, *, rng: random.Random, clock: Callable[[], float]) -> LocalEngine:
    loading = replace(generator.loading, batching=Batching.AUTO, max_batch=None)
    key = _Key(generator.model, generator.revision, loading)
    if _warm and _warm[0].key == key:
        return _warm[0].engine
    drop_model()
    model = load(key.name, revision=key.revision, loading=loading, clock=clock)
    _warm.append(_Warm(key, LocalEngine(model, loading=loading, clock=clock, rng=rng), model))
    return _warm[0].engine


def load(name: str, *, revision: str, loading: Loading, clock: Callable[[], float]) -> LocalModel:
    """Load a model with torch. Raises ModelRefused."""
    from tasks.generation.transformers_engine import load_model

    return load_model(name=name, revision=revision, loading=loading, say=log.info, clock=clock)
