"""What of a generator's sampling a model in this process follows, and what it does not: both are recorded.

An administrator writes `sampling` in the words of OpenAI's API and of transformers. What is not known here, or has no
effect beside the rest, is dropped by name; a value that cannot be is a problem of the generator, told before anything
is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.records.local_models import Sampling

DEFAULT_MAX_TOKENS = 512
MOST_TOKENS = 131_072
MOST_STOPS = 16
#: Names under which the longest answer is written, the first of them wins.
_LENGTHS = ("max_tokens", "max_new_tokens", "max_completion_tokens")
#: Least and most of each number.
RANGES: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 10),
    "top_p": (0, 1),
    "top_k": (-1, 1_000_000),
    "min_p": (0, 1),
    "repetition_penalty": (0.01, 10),
}
_KNOWN = frozenset({*_LENGTHS, *RANGES, "stop"})
#: What only has an effect where tokens are drawn at all.
_FILTERS = ("top_p", "top_k", "min_p")


@dataclass(frozen=True, slots=True)
class Effective:
    """Sampling as a model follows it, as plain JSON, and the names that were asked for and are not followed."""

    sampling: Sampling
    record: Mapping[str, Any]
    dropped: tuple[str, ...]


def check_sampling(asked: Mapping[str, Any]) -> str | None:
    """What is wrong with a generator's sampling, as a sentence; None when it can be used."""
    for name, (low, high) in RANGES.items():
        value = asked.get(name)
        if value is None:
            continue
        whole = name == "top_k"
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not low <= value <= high:
            return f"The generator's sampling sets {name} to {value!r}; it must be from {low:g} to {_show(high)}."
    for name in _LENGTHS:
        value = asked.get(name)
        if value is not None and (type(value) is not int or not 1 <= value <= MOST_TOKENS):
            return f"The generator's sampling sets {name} to {value!r}; it must be from 1 to {_show(MOST_TOKENS)}."
    stop = asked.get("stop")
    stops = [stop] if isinstance(stop, str) else stop
    if stops is not None and not (
        isinstance(stops, list | tuple)
        and len(stops) <= MOST_STOPS
        and all(isinstance(one, str) and one for one in stops)
    ):
        return f"The generator's sampling sets stop to something else than at most {MOST_STOPS} texts."
    return None


def read_sampling(
    asked: Mapping[str, Any],
    *,
    stop: tuple[str, ...] = (),
    stop_ids: tuple[int, ...] = (),
    most_tokens: int = MOST_TOKENS,
) -> Effective:
    """The sampling of one answer, of values that `check_sampling` found nothing wrong with.

    `stop` and `stop_ids` are those of the prompt format; `most_tokens` is what the model's context leaves.
    """
    temperature = float(_pick(asked, "temperature", 1.0))
    is_greedy = temperature == 0
    top_p, top_k, min_p = _pick(asked, "top_p"), _pick(asked, "top_k"), _pick(asked, "min_p")
    penalty = _pick(asked, "repetition_penalty")
    length = next((asked[name] for name in _LENGTHS if asked.get(name) is not None), DEFAULT_MAX_TOKENS)
    own = asked.get("stop") or ()
    sampling = Sampling(
        temperature=temperature,
        top_p=None if is_greedy or top_p is None or not 0 < top_p < 1 else float(top_p),
        top_k=None if is_greedy or top_k is None or top_k <= 0 else top_k,
        min_p=None if is_greedy or not min_p else float(min_p),
        repetition_penalty=None if penalty in (None, 1) else float(penalty),
        max_tokens=min(length, most_tokens),
        stop=tuple(dict.fromkeys([*((own,) if isinstance(own, str) else own), *stop])),
        stop_ids=stop_ids,
    )
    dropped = {name for name, value in asked.items() if value is not None and name not in _KNOWN}
    if is_greedy:
        dropped.update(name for name in _FILTERS if asked.get(name) is not None)
    named = [name for name in _LENGTHS if asked.get(name) is not None]
    dropped.update(named[1:])
    return Effective(sampling, _record(sampling), tuple(sorted(dropped)))


def without(effective: Effective, names: tuple[str, ...]) -> Effective:
    """The same where a way of batching does not follow some names; `seed` is one of them where tokens are drawn."""
    draws = effective.sampling.temperature > 0
    lost = [name for name in names if effective.record.get(name) is not None or (name == "seed" and draws)]
    record = {name: None if name in lost else value for name, value in effective.record.items()}
    return Effective(effective.sampling, record, tuple(sorted({*effective.dropped, *lost})))


def _show(number: float) -> str:
    return f"{number:,.0f}" if number > 1000 else f"{number:g}"


def _pick(asked: Mapping[str, Any], name: str, default: Any = None) -> Any:
    value = asked.get(name)
    return default if value is None else value


def _record(sampling: Sampling) -> dict[str, Any]:
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "repetition_penalty": sampling.repetition_penalty,
        "max_tokens": sampling.max_tokens,
        "stop": list(sampling.stop),
        "stop_ids": list(sampling.stop_ids),
    }
