"""Results of a model in this process, with all that is to be known of how each text came about."""

from collections.abc import Mapping
from typing import Any

from tasks.generation.asking import Question
from tasks.generation.outputs import Reading
from tasks.generation.samplings import Effective
from tasks.records.generation import GenerationJob, GenerationResult, GeneratorRecord
from tasks.records.local_models import ModelFacts, RowOutput
from tasks.vocabulary import Batching, Engine, GenerationOutcome


def give_answer(
    question: Question,
    reading: Reading,
    *,
    effective: Effective,
    output: RowOutput,
    facts: ModelFacts,
    batching: Batching,
    compute_seconds: float,
) -> GenerationResult:
    """The result of a job that the model worked on. `effective`: the sampling as this way of batching follows it."""
    prompt = question.prompt
    prompt_tokens, completion_tokens = len(prompt.tokens), len(output.tokens)
    provenance = {
        **_describe(question.job, question.generator, facts=facts),
        "effective_sampling": dict(effective.record),
        "dropped_sampling": list(effective.dropped),
        "seed": question.seed,
        "finish_reason": reading.finish_reason,
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
        "latency_ms": max(0, round(output.seconds * 1000)),
        "attempts": 1,
        "batching": batching.value,
        "truncated": {"turns": prompt.turns_left_out, "tokens": prompt.tokens_left_out}
        if prompt.turns_left_out
        else None,
        "defused": prompt.defused,
        "system_in_first_turn": prompt.is_folded,
        "reads_like_refusal": reading.is_refusal,
    }
    return GenerationResult(
        question.job.request_id,
        reading.outcome,
        text=reading.text,
        reason=reading.reason,
        provenance=provenance,
        reasoning=reading.reasoning,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        compute_seconds=compute_seconds,
    )


def give_failure(
    job: GenerationJob,
    generator: GeneratorRecord,
    *,
    facts: ModelFacts,
    outcome: GenerationOutcome,
    reason: str,
    retry_after_seconds: float | None = None,
) -> GenerationResult:
    """The result of a job that the model gave nothing for."""
    return GenerationResult(
        job.request_id,
        outcome,
        reason=reason,
        retry_after_seconds=retry_after_seconds,
        provenance=_describe(job, generator, facts=facts),
    )


def _describe(job: GenerationJob, generator: GeneratorRecord, *, facts: ModelFacts) -> Mapping[str, Any]:
    return {
        "engine": Engine.TRANSFORMERS.value,
        "engine_version": " ".join(f"{name}/{version}" for name, version in sorted(facts.versions.items())) or None,
        "host": None,
        "model_requested": generator.model,
        "model": facts.name,
        "revision": facts.revision,
        "system_fingerprint": None,
        "sampling": dict(generator.sampling),
        "effective_sampling": None,
        "dropped_sampling": [],
        "seed": job.seed,
        "system_prompt": generator.system_prompt,
        "prompt_format": generator.prompt_format or None,
        "finish_reason": None,
        "usage": None,
        "latency_ms": None,
        "attempts": 0,
        "architecture": facts.architecture,
        "parameters": facts.parameters,
        "dtype": facts.dtype,
        "quantization": facts.quantization,
        "attention": facts.attention,
        "device": facts.device,
        "batching": None,
        "template_sha256": None if generator.prompt_format else facts.template_sha256,
        "truncated": None,
    }
