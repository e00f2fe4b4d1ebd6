"""How each row of one padded batch gets its own tokens: its own temperature and filters, dice, limits and ends.

A `generate` of transformers calls a `RowChooser` at each step, with tensors in and out (of any device); this module uses
what tensors can do by themselves and so knows no torch. A row's dice are its seed's alone: who shares its batch changes
nothing but the last bits of the logits.

Filters come in the order of transformers' own (repetition penalty, temperature, top_k, top_p, min_p) and decide as they
do, except that padding is nobody's repetition.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

from tasks.records.local_models import Row, RowEnd, RowOutput, Sampling

#: Numbers of the ends on the device; 0: the row runs.
_ENDS = (RowEnd.EOS, RowEnd.LENGTH, RowEnd.NOT_NUMBERS, RowEnd.CUT, RowEnd.STOP, RowEnd.LOOP)
_CODES = {end: code for code, end in enumerate(_ENDS, start=1)}
#: A row is read for its stop strings every so many tokens, and for loops less often.
_READ_EVERY = 4
_LOOP_EVERY = 16
_DICE_AT_ONCE = 64
_NEVER = float("-inf")


class RowChooser:
    """Chooses the next token of every row (as a logits processor) and says which rows have ended (`find_ended`).

    `is_cut` and `clock` are asked after each token. `read` gives the text of tokens, special ones included; `loops` says
    whether tokens only repeat themselves. Ended rows get token 0 until the others are done.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        *,
        stop_ids: Sequence[int],
        is_cut: Callable[[int], bool],
        clock: Callable[[], float],
        read: Callable[[Sequence[int]], str],
        loops: Callable[[Sequence[int]], bool] | None = None,
    ) -> None:
        self._rows = rows
        self._stop_ids = stop_ids
        self._is_cut = is_cut
        self._clock = clock
        self._read = read
        self._loops = loops
        self._dice = [random.Random(row.seed) for row in rows]  # noqa: S311 - dice, no secrets
        self._told: set[int] = set()
        self._step = 0
        self._filters: Filters | None = None
        self._was_ended: Any = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        if self._filters is None:
            self._begin(input_ids, scores)
        assert self._filters is not None
        broken = ~scores.max(dim=-1).values.isfinite()
        scores = scores.masked_fill(broken[:, None], 0.0)
        tokens = self._filters.draw(self._mark_repeats(input_ids), scores, self._throw(scores))
        self._end(broken, RowEnd.NOT_NUMBERS, self._step)
        self._end((tokens[:, None] == self._stops[None, :]).any(dim=-1), RowEnd.EOS, self._step)
        self._end(self._limits <= self._step + 1, RowEnd.LENGTH, self._step + 1)
        tokens = tokens.masked_fill((self._ended == _CODES[RowEnd.NOT_NUMBERS]) | self._was_ended, 0)
        self._was_ended = self._ended != 0
        self._step += 1
        return scores.new_full(scores.shape, _NEVER).scatter_(1, tokens[:, None], 0.0)

    def find_ended(self, input_ids: Any, scores: Any, **_more: Any) -> Any:
        """One bool for each row, after the chosen tokens were appended (a stopping criterion)."""
        now = self._clock()
        self._tell(RowEnd.CUT, [now >= row.deadline or self._is_cut(row.key) for row in self._rows])
        if self._step % _READ_EVERY == 0:
            self._tell(RowEnd.STOP, self._find_stops(input_ids))
        if self._loops is not None and self._step % _LOOP_EVERY == 0:
            written = input_ids[:, self._width :].tolist()
            self._tell(RowEnd.LOOP, [at not in self._told and self._loops(row) for at, row in enumerate(written)])
        return self._ended != 0

    def read_outputs(self, written: Sequence[Sequence[int]], *, seconds: float) -> list[RowOutput]:
        """What came of the rows; `seconds` are shared out by how many steps each took."""
        codes, kept = self._ended.tolist(), self._kept.tolist()
        ends = [_ENDS[code - 1] if code else RowEnd.LENGTH for code in codes]
        counts = [count if code else self._step for code, count in zip(codes, kept, strict=True)]
        steps = sum(count + 1 for count in counts)
        return [
            RowOutput(key=row.key, tokens=tuple(tokens[:count]), end=end, seconds=seconds * (count + 1) / steps)
            for row, tokens, count, end in zip(self._rows, written, counts, ends, strict=True)
        ]

    def _begin(self, input_ids: Any, scores: Any) -> None:
        samplings = [row.sampling for row in self._rows]
        self._filters = Filters(samplings, scores)
        self._width = input_ids.shape[1]
        self._limits = input_ids.new_tensor([sampling.max_tokens for sampling in samplings])
        self._stops = input_ids.new_tensor(list(self._stop_ids) or [-1])
        self._ended = input_ids.new_zeros(len(self._rows))
        self._kept = input_ids.new_zeros(len(self._rows))
        self._was_ended = self._ended != 0
        # where a row is padded, its first token stands for the padding when repetitions are counted
        starts = input_ids.new_tensor([self._width - len(row.prompt) for row in self._rows])[:, None]
        places = input_ids.new_tensor(list(range(self._width)))[None, :]
        self._padding = places < starts
        self._first = input_ids.gather(1, starts)

    def _mark_repeats(self, input_ids: Any) -> Any:
        if self._filters is None or not self._filters.penalize:
            return None
        prompt = self._first.where(self._padding, input_ids[:, : self._width])
        return prompt if input_ids.shape[1] == self._width else _join(prompt, input_ids[:, self._width :])

    def _throw(self, scores: Any) -> Any:
        at = self._step % _DICE_AT_ONCE
        if at == 0:
            self._thrown = scores.new_tensor([[die.random() for _ in range(_DICE_AT_ONCE)] for die in self._dice])
        return self._thrown[:, at : at + 1]

    def _end(self, which: Any, end: RowEnd, kept: int) -> None:
        fresh = which & (self._ended == 0)
        self._kept = self._kept.masked_fill(fresh, kept)
        self._ended = self._ended.masked_fill(fresh, _CODES[end])

    def _tell(self, end: RowEnd, which: Sequence[bool]) -> None:
        fresh = [at for at, told in enumerate(which) if told and at not in self._told]
        if fresh:
            self._told.update(fresh)
            mask = [at in fresh for at in range(len(self._rows))]
            self._end(self._ended.new_tensor(mask) != 0, end, self._step)

    def _find_stops(self, input_ids: Any) -> list[bool]:
        wanted = [row.sampling.stop if at not in self._told else () for at, row in enumerate(self._rows)]
        longest = max((len(stop.encode()) for stops in wanted for stop in stops), default=0)
        if not longest:
            return [False] * len(self._rows)
        tails = input_ids[:, self._width :][:, -(longest + _READ_EVERY + 1) :].tolist()
        found = []
        for stops, tail in zip(wanted, tails, strict=True):
            text = self._read(tail) if stops else ""
            found.append(any(stop in text for stop in stops))
        return found


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
        """The next token of each row: the likeliest where temperature is 0, else what its die (in [0, 1)) falls on."""
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
        if not self.penalize or seen is None:
            return scores
        repeated = scores.gather(1, seen)
        repeated = (repeated * self._penalties).where(repeated < 0, repeated / self._penalties)
        return scores.scatter(1, seen, repeated)

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


def _join(left: Any, right: Any) -> Any:
    joined = left.new_empty((left.shape[0], left.shape[1] + right.shape[1]))
    joined[:, : left.shape[1]] = left
    joined[:, left.shape[1] :] = right
    return joined
