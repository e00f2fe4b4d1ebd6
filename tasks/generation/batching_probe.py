"""Which way of batching is faster for a loaded model on its device, measured; and whether both ways say the same."""

import random
import time
from collections.abc import Callable, Sequence

from tasks.records.local_models import LocalModel, OutOfMemory, Row, RowOutput, Sampling

_FOREVER = float("inf")
_TEXT = "The quick brown fox jumps over the lazy dog, and then it looks back and wonders what there was to see. "


def probe_batching(
    model: LocalModel,
    *,
    rows: int = 32,
    prompt_tokens: int = 64,
    answer_tokens: int = 64,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[float, float | None, str]:
    """Tokens per second of a padded batch, of continuous batching (None: it cannot), and why it cannot or how it lost.

    The rows have mixed lengths of prompts and answers, as work has. Each way is run once to warm up. Raises OutOfMemory
    when the padded batch does not fit.
    """
    sample = make_rows(model, rows=rows, prompt_tokens=prompt_tokens, answer_tokens=answer_tokens)
    padded = _measure(lambda some: model.generate_padded(some, is_cut=_never), sample, clock=clock)
    if not model.facts.can_continue:
        return padded, None, model.facts.continuous_problem
    cache = sum(len(row.prompt) + row.sampling.max_tokens + 64 for row in sample)

    def answer(some: Sequence[Row]) -> list[RowOutput]:
        return list(model.generate_continuous(iter(some), is_cut=_never, cache_tokens=cache))

    try:
        continuous = _measure(answer, sample, clock=clock)
    except OutOfMemory as error:
        return padded, None, f"Continuous batching did not fit in memory: {error}"
    except RuntimeError as error:
        return padded, None, f"Continuous batching failed: {error}"
    how = "faster" if continuous > padded else "slower"
    return (
        padded,
        continuous,
        f"Continuous batching was {how} here: {continuous:,.0f} against {padded:,.0f} tokens a second.",
    )


def compare_ways(model: LocalModel) -> str:
    """What is wrong with what continuous batching answers, by some tokens of rows that are also padded; empty: nothing.

    Likeliest tokens of both ways are the same but for the last bits of a small dtype, which decide where two tokens are
    as likely; what is wrong agrees by chance alone. So more than half of the rows must begin alike.
    """
    rows = make_rows(model, rows=8, prompt_tokens=24, answer_tokens=3, temperature=0.0)
    padded = {output.key: output.tokens[:1] for output in model.generate_padded(rows, is_cut=_never)}
    found = model.generate_continuous(iter(rows), is_cut=_never, cache_tokens=256)
    continuous = {output.key: output.tokens[:1] for output in found}
    alike = sum(tokens == continuous.get(key) for key, tokens in padded.items())
    return (
        "" if 2 * alike > len(rows) else "With this model, continuous batching does not say what a padded batch says."
    )


def make_rows(
    model: LocalModel, *, rows: int, prompt_tokens: int, answer_tokens: int, temperature: float = 0.8
) -> list[Row]:
    """Rows with prompts of a quarter of `prompt_tokens` up to it, and answers likewise; the same at each call."""
    rng = random.Random(0)  # noqa: S311 - lengths
    tokens = model.encode(_TEXT)
    room = max(model.facts.context_tokens // 2, 2)
    made = []
    for key in range(rows):
        length = min(max(rng.randint(prompt_tokens // 4, prompt_tokens), 2), room)
        start = rng.randrange(len(tokens))
        prompt = tuple(tokens[(start + at) % len(tokens)] for at in range(length))
        limit = min(max(rng.randint(answer_tokens // 4, answer_tokens), 1), room)
        sampling = Sampling(temperature=temperature, top_p=0.95 if temperature else None, max_tokens=limit)
        made.append(Row(key, prompt, sampling, seed=key, prefix=str(key), deadline=_FOREVER))
    return made


def _measure(
    answer: Callable[[Sequence[Row]], list[RowOutput]], rows: Sequence[Row], *, clock: Callable[[], float]
) -> float:
    answer(rows[:2])
    started = clock()
    tokens = sum(len(output.tokens) for output in answer(rows))
    return tokens / max(clock() - started, 1e-6)


def _never(key: int) -> bool:
    return False
