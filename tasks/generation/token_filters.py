"""What each row of a batch lets its next token be, as tensors of any device (which this module uses without knowing torch).

Filters come in the order of transformers' own (repetition penalty, temperature, top_k, top_p, min_p) and decide as they
do, except that padding is nobody's repetition.
"""

from collections.abc import Sequence
from typing import Any

from tasks.records.local_models import Sampling

_NEVER = float("-inf")


class Filters:
    """The filters of all rows as tensors; one that no row wants costs nothing."""

    def __init__(self, samplings: Sequence[Sampling], scores: Any) -> None:
        def column(values: Sequence[float]) -> Any:
            return scores.new_tensor(values)[:, None]

        vocabulary = scores.shape[-1]
        self.penalize = any(s.repetition_penalty not in {None, 1.0} for s in samplings)
        self._penalties = column([s.repetition_penalty or 1.0 for s in samplings])
        self._greedy = scores.new_tensor([s.temperature <= 0 for s in samplings]) != 0
        self._samples = any(s.temperature > 0 for s in samplings)
        self._temperatures = column([s.temperature if s.temperature > 0 else 1.0 for s in samplings])
        counts = [s.top_k if s.top_k and s.top_k < vocabulary else None for s in samplings]
        self._most = max((count for count in counts if count), default=0)
        self._has_count = column([count is not None for count in counts]) != 0
        self._counts = column([(count or 1) - 1 for count in counts]).long()
        self._has_top_p = any(s.top_p is not None and s.top_p < 1 for s in samplings)
        self._tails = column([1 - s.top_p if s.top_p is not None and s.top_p < 1 else -1.0 for s in samplings])
        self._has_min_p = any(s.min_p for s in samplings)
        self._least = column([s.min_p or 0.0 for s in samplings])

    def draw(self, seen: Any, scores: Any, dice: Any) -> Any:
        """The next token of each row: the likeliest where temperature is 0, else what its die (in [0, 1)) falls on.

        `seen`: which tokens each row has had already (bools), for penalties; None where no row wants one.
        """
        scores = self.apply_penalty(seen, scores)
        likeliest = scores.argmax(dim=-1)
        if not self._samples:
            return likeliest
        shares = self.apply(scores).softmax(dim=-1)
        sums = shares.cumsum(dim=-1)
        drawn = (sums <= dice * sums[:, -1:]).sum(dim=-1).clamp(max=scores.shape[-1] - 1)
        # a sum on a GPU may step back by a last bit: what a filter took out is never drawn
        possible = shares.gather(1, drawn[:, None])[:, 0] > 0
        return likeliest.where(self._greedy | ~possible, drawn)

    def apply_penalty(self, seen: Any, scores: Any) -> Any:
        """Scores of tokens seen before, made smaller."""
        if seen is None:
            return scores
        smaller = (scores * self._penalties).where(scores < 0, scores / self._penalties)
        return smaller.where(seen, scores)

    def apply(self, scores: Any) -> Any:
        """Scores with the temperature, and minus infinity for what top_k, top_p or min_p leave out."""
        scores = scores / self._temperatures
        if self._most:
            kept = scores.topk(self._most, dim=-1).values.gather(1, self._counts.clamp(max=self._most - 1))
            scores = scores.masked_fill(self._has_count & (scores < kept), _NEVER)
        if self._has_top_p:
            ordered, order = scores.sort(dim=-1)
            left_out = ordered.softmax(dim=-1).cumsum(dim=-1) <= self._tails
            left_out[:, -1:] = False
            scores = scores.masked_fill(left_out.scatter(1, order, left_out), _NEVER)
        if self._has_min_p:
            shares = scores.softmax(dim=-1)
            best, at = shares.max(dim=-1, keepdim=True)
            left_out = (shares < self._least * best).scatter(1, at, value=False)
            scores = scores.masked_fill(left_out, _NEVER)
        return scores


def set_broken_apart(scores: Any) -> tuple[Any, Any]:
    """Scores in which rows that are no numbers have become zeros, and which those are (bools)."""
    broken = ~scores.max(dim=-1).values.isfinite()
    return scores.masked_fill(broken[:, None], 0.0), broken


def point_at(tokens: Any, scores: Any) -> Any:
    """Scores that leave no choice but these tokens."""
    return scores.new_full(scores.shape, _NEVER).scatter(1, tokens[:, None], 0.0)


def mark_seen(texts: Sequence[Sequence[int]], scores: Any) -> Any:
    """Which tokens each row has had, as bools in the shape of the scores."""
    longest = max(len(text) for text in texts)
    places = [[*text, *([text[0]] * (longest - len(text)))] for text in texts]
    marks = scores.new_zeros(scores.shape).scatter(1, scores.new_tensor(places).long(), 1.0)
    return marks != 0
