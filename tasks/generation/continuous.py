"""Rows through transformers' continuous batching: fed as room becomes free, read as they end, and always ended in time.

The manager computes in a thread of its own and never raises: what fails comes back as a failed request, what is lost
does not come back. So everything is counted here, waits are short, and whatever the manager did not answer is said
(`left`). No more rows are in it than its cache surely holds to their end, so that it never has to begin one again.

Rows in a row with the same prompt and limit are one request that is forked after its prompt, so that the prompt is
computed once.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.generation.loops import find_loop
from tasks.generation.row_sampling import FlowChooser, holds_stop, measure_reach
from tasks.records.local_models import DeviceLost, OutOfMemory, Row, RowEnd, RowOutput

#: Seconds between two looks at deadlines, calls off and stop strings.
LOOK_EVERY = 0.05
#: Seconds that the manager's thread has to end.
STOP_WITHIN = 30.0
_LOOP_EVERY = 32


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which a manager answers. Pages of its cache have `page_tokens`; `read` gives the text of tokens."""

    stop_ids: Sequence[int]
    is_cut: Callable[[int], bool]
    clock: Callable[[], float]
    read: Callable[[Sequence[int]], str]
    cache_tokens: int
    page_tokens: int
    most_rows: int


@dataclass(slots=True)
class Running:
    """A row that the manager has. `group`: ids of the request and of its forks. `began`: shared seconds at its begin."""

    row: Row
    cost: int
    group: tuple[str, ...]
    began: float
    read: int = 0
    answered: bool = False
    tokens: Sequence[int] = field(default=())


class Flow:
    """One run of rows through a manager that has not been started. `left`: rows that it did not answer."""

    def __init__(self, manager: Any, chooser: FlowChooser, *, rows: Iterator[Row], terms: Terms) -> None:
        self.left: list[Row] = []
        self._manager = manager
        self._chooser = chooser
        self._rows = rows
        self._terms = terms
        self._room = terms.cache_tokens
        self._next: Row | None = None
        self._running: dict[str, Running] = {}
        self._count = 0
        self._shared, self._shared_at = 0.0, terms.clock()

    def run(self) -> Iterator[RowOutput]:
        """Every row's output, as it ends, but for those in `left`. Raises OutOfMemory, DeviceLost, or what broke it."""
        gc.freeze()  # as it ends the manager looks for garbage, twice; what was there before it is none of its own
        self._manager.start()
        looked = time.monotonic()
        try:
            while True:
                is_alive = self._manager.is_running() and not self._is_stopping()
                if is_alive:
                    self._feed()
                if not self._running:
                    break
                yield from self._take(self._manager.get_result(timeout=LOOK_EVERY))
                while (result := self._manager.get_result(timeout=0)) is not None:
                    yield from self._take(result)
                if time.monotonic() - looked >= LOOK_EVERY:
                    yield from self._look()
                    looked = time.monotonic()
                if not is_alive and not self._manager.is_running():
                    break
        finally:
            try:
                self._stop()
            finally:
                gc.unfreeze()
        self.left += [running.row for running in self._running.values() if not running.answered]
        self.left += [self._next] if self._next is not None else []
        self._raise_what_broke()

    def _feed(self) -> None:
        """Give the manager as many rows as it has room for."""
        group: list[Row] = []
        while (row := self._next or next(self._rows, None)) is not None:
            self._next = row
            cost = self._measure(row)
            together = [*group, row]
            if cost > self._room or len(self._running) + len(together) > self._terms.most_rows:
                if cost > self._room and not self._running and not group:
                    self._complain(row)
                break
            if group and not _go_together(group[0], row):
                self._add(group)
                group = []
            self._room -= cost
            group.append(row)
            self._next = None
        if group:
            self._add(group)

    def _complain(self, row: Row) -> None:
        raise OutOfMemory(f"A row of {self._measure(row):,} tokens does not fit in a cache of {self._room:,}.")

    def _measure(self, row: Row) -> int:
        """Cache tokens that a row takes to its end, in whole pages, and one more page where it is forked."""
        tokens = len(row.prompt) + row.sampling.max_tokens
        return (-(-tokens // self._terms.page_tokens) + 1) * self._terms.page_tokens

    def _add(self, rows: Sequence[Row]) -> None:
        # a prompt of one token cannot be forked: it is computed to all but its last token first
        groups = [rows] if len(rows[0].prompt) > 1 else [[row] for row in rows]
        for group in groups:
            request_id = f"row{self._count}"
            self._count += 1
            names = (request_id, *(f"{request_id}__child#{at}" for at in range(len(group) - 1)))
            self._share()
            for name, row in zip(names, group, strict=True):
                self._chooser.add(name, row)
                self._running[name] = Running(row, self._measure(row), names, self._shared)
            first = group[0]
            self._manager.num_return_sequences = len(group)
            accepted = self._manager.add_request(
                list(first.prompt),
                request_id=request_id,
                max_new_tokens=first.sampling.max_tokens,
                eos_token_id=[*self._terms.stop_ids, *first.sampling.stop_ids] or -1,
            )
            if accepted is None:  # it is stopping, and says why when it has stopped
                return

    def _take(self, result: Any) -> Iterator[RowOutput]:
        if result is None or result.request_id not in self._running:
            return
        name = result.request_id
        running = self._running[name]
        if result.error is not None:
            if not running.answered:
                self.left.append(running.row)
            self._forget(name)
            return
        if not result.is_finished():
            return
        if not running.answered:
            yield self._finish(name, result.generated_tokens)
        self._forget(name)

    def _finish(self, name: str, tokens: Sequence[int], end: RowEnd | None = None) -> RowOutput:
        running = self._running[name]
        if name in self._chooser.broken:
            tokens, end = tokens[: self._chooser.broken[name]], RowEnd.NOT_NUMBERS
        elif end is None:
            end = RowEnd.LENGTH
            if tokens and tokens[-1] in {*self._terms.stop_ids, *running.row.sampling.stop_ids}:
                tokens, end = tokens[:-1], RowEnd.EOS
        self._share()
        running.answered = True
        seconds = self._shared - running.began
        return RowOutput(key=running.row.key, tokens=tuple(tokens), end=end, seconds=seconds)

    def _forget(self, name: str) -> None:
        self._share()
        self._room += self._running.pop(name).cost
        self._chooser.remove(name)

    def _share(self) -> None:
        """Time goes by: what passed since last time is shared by the rows that run."""
        now = self._terms.clock()
        self._shared += max(now - self._shared_at, 0.0) / max(len(self._running), 1)
        self._shared_at = now

    def _look(self) -> Iterator[RowOutput]:
        """End what is to end before the model ends it: deadlines, calls off, no numbers, stop strings, loops."""
        now = self._terms.clock()
        active = self._find_active()
        for name, running in list(self._running.items()):
            if not running.answered:
                tokens = active.get(name, ())
                end = self._find_end(name, running, tokens, now=now)
                if end is not None:
                    yield self._finish(name, tokens, end)
            if running.answered:
                self._cancel(name, active)

    def _find_end(self, name: str, running: Running, tokens: Sequence[int], *, now: float) -> RowEnd | None:
        row = running.row
        if name in self._chooser.broken:
            return RowEnd.NOT_NUMBERS
        if now >= row.deadline or self._terms.is_cut(row.key):
            return RowEnd.CUT
        fresh = len(tokens) - running.read
        if fresh <= 0:
            return None
        if holds_stop(tokens[-(measure_reach(row.sampling.stop) + fresh) :], row.sampling.stop, self._terms.read):
            return RowEnd.STOP
        if len(tokens) // _LOOP_EVERY > running.read // _LOOP_EVERY and find_loop(tokens):
            return RowEnd.LOOP
        running.read = len(tokens)
        return None

    def _cancel(self, name: str, active: dict[str, Sequence[int]]) -> None:
        """Take a row that has its answer out of the manager: once its group is forked, since forks come of the first."""
        group = self._running[name].group
        known = [one for one in group if one in self._running]
        if len(group) == 1 or all(one in active for one in known) or all(self._running[one].answered for one in known):
            for one in known if all(self._running[each].answered for each in known) else [name]:
                self._manager.cancel_request(one)
                self._forget(one)

    def _find_active(self) -> dict[str, Sequence[int]]:
        """The tokens so far of the requests that the manager computes now."""
        scheduler = getattr(self._manager.batch_processor, "scheduler", None)
        states = dict(scheduler.active_requests) if scheduler is not None else {}
        return {name: list(state.generated_tokens) for name, state in states.items()}

    def _is_stopping(self) -> bool:
        return self._manager.background_thread_status.can_accept_new_requests() is not None

    def _stop(self) -> None:
        self._manager.stop(block=True, timeout=STOP_WITHIN, hard_stop=True)
        if self._manager.is_running():
            raise DeviceLost(f"Continuous batching did not end within {STOP_WITHIN:.0f} seconds.")
        self._manager.destroy()

    def _raise_what_broke(self) -> None:
        error = self._manager.background_thread_status.fatal_error
        if error is not None:
            raise error


def _go_together(first: Row, other: Row) -> bool:
    """Whether two rows can be forks of one request."""
    return (
        first.prefix == other.prefix
        and first.prompt == other.prompt
        and first.sampling.max_tokens == other.sampling.max_tokens
        and first.sampling.stop_ids == other.sampling.stop_ids
    )
