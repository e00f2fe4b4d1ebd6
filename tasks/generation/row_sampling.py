"""How each row of a batch gets its own tokens: its own temperature and filters, dice, limits and ends.

transformers calls a chooser at each step with the scores of all rows, as tensors of any device; this module uses what
tensors can do by themselves, and so knows no torch. `RowChooser` is for one padded `generate`, `FlowChooser` for
continuous batching. A row's dice are its seed's alone: who shares its batch changes nothing but the last bits of scores.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

from tasks.generation.loops import find_loop
from tasks.generation.token_filters import Filters, mark_seen, point_at, set_broken_apart
from tasks.records.local_models import Row, RowEnd, RowOutput, Sampling

#: Numbers of the ends on the device; 0: the row runs.
_ENDS = (RowEnd.EOS, RowEnd.LENGTH, RowEnd.NOT_NUMBERS, RowEnd.CUT, RowEnd.STOP, RowEnd.LOOP)
_CODES = {end: code for code, end in enumerate(_ENDS, start=1)}
#: A row is read for its stop strings every so many tokens, and for loops less often.
_READ_EVERY = 4
_LOOP_EVERY = 16
_DICE_AT_ONCE = 64


class RowChooser:
    """Chooses the next token of every row (as a logits processor) and says which rows have ended (`find_ended`).

    `is_cut` and `clock` are asked after each token. `read` gives the text of tokens, special ones included. Ended rows
    get token 0 until the others are done.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        *,
        stop_ids: Sequence[int],
        is_cut: Callable[[int], bool],
        clock: Callable[[], float],
        read: Callable[[Sequence[int]], str],
    ) -> None:
        self._rows = rows
        self._stop_ids = stop_ids
        self._is_cut = is_cut
        self._clock = clock
        self._read = read
        self._dice = [throw_dice(row.seed) for row in rows]
        self._told: set[int] = set()
        self._step = 0
        self._filters: Filters | None = None
        self._seen: Any = None
        self._was_ended: Any = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        if self._filters is None:
            self._begin(input_ids, scores)
        assert self._filters is not None
        scores, broken = set_broken_apart(scores)
        tokens = self._filters.draw(self._seen, scores, self._throw(scores))
        self._end(broken, RowEnd.NOT_NUMBERS, self._step)
        self._end((tokens[:, None] == self._stops).any(dim=-1), RowEnd.EOS, self._step)
        self._end(self._limits <= self._step + 1, RowEnd.LENGTH, self._step + 1)
        tokens = tokens.masked_fill(broken | self._was_ended, 0)
        self._was_ended = self._ended != 0
        self._step += 1
        if self._seen is not None:
            self._seen = self._seen.scatter(1, tokens[:, None], value=True)
        return point_at(tokens, scores)

    def find_ended(self, input_ids: Any, scores: Any, **_more: Any) -> Any:
        """One bool for each row, after the chosen tokens were appended (a stopping criterion)."""
        now = self._clock()
        self._tell(RowEnd.CUT, [now >= row.deadline or self._is_cut(row.key) for row in self._rows])
        if self._step % _READ_EVERY == 0:
            self._tell(RowEnd.STOP, self._find_stops(input_ids))
        if self._step % _LOOP_EVERY == 0:
            written = input_ids[:, self._width :].tolist()
            running = (self._ended == 0).tolist()
            self._tell(
                RowEnd.LOOP, [runs and find_loop(row) is not None for runs, row in zip(running, written, strict=True)]
            )
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
        self._stops = input_ids.new_tensor(list_stops(samplings, self._stop_ids))
        self._ended = input_ids.new_zeros(len(self._rows))
        self._kept = input_ids.new_zeros(len(self._rows))
        self._was_ended = self._ended != 0
        if self._filters.penalize:
            self._seen = mark_seen([row.prompt for row in self._rows], scores)

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
        fresh = {at for at, told in enumerate(which) if told and at not in self._told}
        if fresh:
            self._told |= fresh
            mask = [at in fresh for at in range(len(self._rows))]
            self._end(self._ended.new_tensor(mask) != 0, end, self._step)

    def _find_stops(self, input_ids: Any) -> list[bool]:
        wanted = [row.sampling.stop if at not in self._told else () for at, row in enumerate(self._rows)]
        reach = max((measure_reach(stops) for stops in wanted), default=0)
        if not reach:
            return [False] * len(self._rows)
        tails = input_ids[:, self._width :][:, -(reach + _READ_EVERY) :].tolist()
        return [holds_stop(tail, stops, self._read) for stops, tail in zip(wanted, tails, strict=True)]


class FlowChooser:
    """Chooses tokens in continuous batching, in the place of transformers' own list of processors, whose steps it follows.

    Theirs would drop min_p, penalties and seeds, and take the likeliest token for all rows or for none. Requests go by
    their ids, which are known before they are forked. `broken` has those whose scores were no numbers, and how many
    tokens they had before.
    """

    tensors_required = 0
    do_processing = True

    def __init__(self, *, end_token: int) -> None:
        self.broken: dict[str, int] = {}
        self._rows: dict[str, Row] = {}
        self._dice: dict[str, random.Random] = {}
        self._end_token = end_token
        self._batch: list[tuple[str, Sequence[int], Sequence[int]]] = []
        self._filters: tuple[tuple[str, ...], Filters] | None = None

    def add(self, request_id: str, row: Row) -> None:
        self._rows[request_id] = row
        self._dice[request_id] = throw_dice(row.seed)

    def remove(self, request_id: str) -> None:
        self._rows.pop(request_id, None)
        self._dice.pop(request_id, None)
        self.broken.pop(request_id, None)

    def fill_defaults(self, storage: Any) -> None:
        """Nothing of ours is kept in the manager's tensors."""

    def check_kwargs(self, kwargs: Any) -> None:
        """No request brings arguments: they are known by its id."""

    def prepare_tensor_args(self, requests_in_batch: Sequence[Any], arg_storage: Any) -> Any:
        """Called before each step with the requests of the batch; those that get a token are in the order of the scores."""
        states = [request.state for request in requests_in_batch if request.has_new_token]
        self._batch = [(state.request_id, state.initial_tokens, state.generated_tokens) for state in states]
        return arg_storage

    def __call__(self, input_ids: Any, scores: Any, _storage: Any) -> Any:
        batch = self._batch
        if not batch:
            return scores
        whole, scores = (
            scores,
            scores[: len(batch)],
        )  # behind them come requests whose prompts are not read to their end
        names = tuple(name for name, *_ in batch)
        rows = [self._rows.get(name) for name in names]
        if self._filters is None or self._filters[0] != names:
            self._filters = (names, Filters([row.sampling if row else Sampling() for row in rows], scores))
        filters = self._filters[1]
        scores, broken = set_broken_apart(scores)
        seen = mark_seen([[*before, *after] for _, before, after in batch], scores) if filters.penalize else None
        dice = [self._dice[name].random() if name in self._dice else 0.5 for name in names]
        tokens = filters.draw(seen, scores, scores.new_tensor(dice)[:, None])
        for (name, _, after), row, is_broken in zip(batch, rows, broken.tolist(), strict=True):
            if is_broken and row is not None:
                self.broken.setdefault(name, len(after))
        chosen = point_at(tokens.masked_fill(broken, self._end_token), scores)
        return (
            chosen
            if len(whole) == len(batch)
            else whole.index_copy(0, whole.new_tensor(range(len(batch))).long(), chosen)
        )


def throw_dice(seed: int) -> random.Random:
    """The dice of one row: the same numbers for the same seed, on every machine."""
    return random.Random(seed)  # noqa: S311 - no secret is made of them


def list_stops(samplings: Sequence[Sampling], stop_ids: Sequence[int]) -> list[list[int]]:
    """The end tokens of each row, its own beside the model's, all as long as the longest (-1 is no token)."""
    each = [[*stop_ids, *sampling.stop_ids] for sampling in samplings]
    longest = max(1, *(len(ids) for ids in each))
    return [[*ids, *([-1] * (longest - len(ids)))] for ids in each]


def measure_reach(stops: Sequence[str]) -> int:
    """In so many last tokens a stop string that has just been written must lie; 0 where there is none."""
    return max((len(stop.encode()) + 1 for stop in stops), default=0)


def holds_stop(tail: Sequence[int], stops: Sequence[str], read: Callable[[Sequence[int]], str]) -> bool:
    """Whether the text of some last tokens holds a stop string."""
    if not stops:
        return False
    text = read(tail)
    return any(stop in text for stop in stops)
