"""From an attempt at a job to the record that is stored: the outcome, and the provenance of the text."""

import math
from dataclasses import replace
from typing import Any

from tasks.generation.answers import Answer, shorten
from tasks.generation.exchanges import Attempt, Failure
from tasks.generation.loops import find_loop
from tasks.generation.payloads import name_host
from tasks.generation.refusals import reads_like_refusal
from tasks.records.generation import GenerationJob, GenerationResult, GeneratorRecord
from tasks.vocabulary import Engine, GenerationOutcome

LOOPING = "The model repeated itself without end. Raise its temperature, or set a repetition_penalty."


def make_result(
    job: GenerationJob,
    came: Answer | Failure,
    *,
    generator: GeneratorRecord,
    last: Attempt | None,
    attempts: int,
    left_out: int = 0,
    retry_after_seconds: float | None = None,
) -> GenerationResult:
    """The result of a job.

    `last`: its last attempt, None when the server was never asked; `left_out`: turns that were left out at the front.
    """
    answer = _judge(came, keep_refusals=job.keep_refusals) if isinstance(came, Answer) else None
    usage = (answer.usage if answer else None) or {}
    whole = answer if answer is not None else came
    return GenerationResult(
        job.request_id,
        whole.outcome,
        text=answer.text if answer else None,
        reason=whole.reason,
        retry_after_seconds=retry_after_seconds,
        provenance={
            **_describe(job, answer, generator=generator, last=last, attempts=attempts),
            "truncated": {"turns": left_out, "tokens": None} if left_out else None,
        },
        reasoning=answer.reasoning if answer else None,
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        compute_seconds=last.seconds if last else None,
    )


def _judge(answer: Answer, *, keep_refusals: bool) -> Answer:
    """What the text itself says about the outcome."""
    text = answer.text or ""
    if answer.outcome == GenerationOutcome.TRUNCATED and find_loop([ord(character) for character in text]):
        return replace(answer, outcome=GenerationOutcome.LOOPING, text=None, reason=LOOPING)
    if answer.outcome == GenerationOutcome.STORED and not keep_refusals and reads_like_refusal(text):
        reason = f"The model declined to answer: {shorten(text)}"
        return replace(answer, outcome=GenerationOutcome.DECLINED, text=None, reason=reason)
    return answer


def _describe(
    job: GenerationJob, answer: Answer | None, *, generator: GeneratorRecord, last: Attempt | None, attempts: int
) -> dict[str, Any]:
    asked = last.asked if last else None
    seconds = last.seconds if last else math.nan
    return {
        "engine": Engine.OPENAI.value,
        "engine_version": last.server if last else None,
        "server_kind": generator.server_kind.value,
        "host": name_host(generator.endpoint),
        "model_requested": generator.model,
        "model": answer.model if answer else None,
        "revision": generator.revision,
        "system_fingerprint": answer.system_fingerprint if answer else None,
        "sampling": dict(generator.sampling),
        "effective_sampling": dict(asked.effective) if asked else None,
        "dropped_sampling": list(asked.dropped) if asked else None,
        "seed": job.seed,
        "system_prompt": generator.system_prompt,
        "prompt_format": generator.prompt_format or None,
        "defused": asked.defused if asked else 0,
        "reads_like_refusal": bool(answer and answer.text and reads_like_refusal(answer.text)),
        "finish_reason": answer.finish_reason if answer else None,
        "usage": answer.usage if answer else None,
        "latency_ms": None if math.isnan(seconds) else round(seconds * 1000),
        "attempts": attempts,
    }
