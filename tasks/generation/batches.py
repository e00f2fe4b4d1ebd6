"""Which of the waiting rows go into the next batch, and how large a batch may be.

A padded batch is as long as its longest row, so rows of like length go together; yet the row that has waited longest is
in every next batch, so that none is starved: what waits behind n others has its turn after n batches at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass

#: Rows of a batch where nobody says how many.
MOST_ROWS = 128
#: Of free memory, so much is for what tokens keep while an answer is written.
MEMORY_SHARE = 0.6
#: A padded batch may hold this many times the tokens that its rows have. On an accelerator a step of few rows takes as
#: long as one of many (measured: 14 ms for 1, 32 and 128 rows of a model of 1.1 billion parameters), so that another
#: batch costs more than padding does.
MOST_WASTE = 2.0
MOST_WASTE_ON_ACCELERATOR = 8.0
#: After so many batches that fit, a limit that was halved grows by a quarter.
BATCHES_TO_GROW = 4


@dataclass(frozen=True, slots=True)
class Size:
    """How long a row is: its prompt, and its answer at most (tokens)."""

    prompt: int
    answer: int

    @property
    def tokens(self) -> int:
        return self.prompt + self.answer


def plan_batch(sizes: Sequence[Size], *, most_rows: int, most_cells: int, most_waste: float = MOST_WASTE) -> list[int]:
    """Places of the rows for the next batch, the shortest prompt first; `sizes` is in the order of waiting.

    The first row is always in it, alone if need be. Others join it in order of how near their prompts' lengths are, while
    there are at most `most_rows`, and the padded batch has at most `most_cells` cells and `most_waste` times its tokens.
    """
    if not sizes:
        return []
    order = sorted(range(len(sizes)), key=lambda place: (sizes[place].prompt, place))
    left = right = order.index(0)
    window = _Window(sizes[0], most_waste=most_waste)
    while right - left + 1 < most_rows:
        below = order[left - 1] if left else None
        above = order[right + 1] if right + 1 < len(order) else None
        nearest = _choose_nearer(below, above, sizes=sizes)
        for place in (nearest, above if nearest == below else below):
            if place is not None and window.takes(sizes[place], most_cells=most_cells):
                window.add(sizes[place])
                left, right = (left - 1, right) if place == below else (left, right + 1)
                break
        else:
            break
    return order[left : right + 1]


def find_most_waste(device: str) -> float:
    """How much padding a batch may have on a device, by its name."""
    return MOST_WASTE if device.startswith("cpu") else MOST_WASTE_ON_ACCELERATOR


def _choose_nearer(below: int | None, above: int | None, *, sizes: Sequence[Size]) -> int | None:
    """Of the next shorter and the next longer row, the one nearer in length; of two alike the one that came first."""
    if below is None or above is None:
        return above if below is None else below
    shorter = sizes[0].prompt - sizes[below].prompt
    longer = sizes[above].prompt - sizes[0].prompt
    return min((shorter, below), (longer, above))[1]


class _Window:
    """The rows chosen so far: how many, their tokens, and the longest prompt and answer among them."""

    def __init__(self, first: Size, *, most_waste: float) -> None:
        self._most_waste = most_waste
        self.rows, self.tokens = 1, first.tokens
        self.prompt, self.answer = first.prompt, first.answer

    def takes(self, size: Size, *, most_cells: int) -> bool:
        cells = (self.rows + 1) * (max(self.prompt, size.prompt) + max(self.answer, size.answer))
        return cells <= most_cells and cells <= self._most_waste * (self.tokens + size.tokens)

    def add(self, size: Size) -> None:
        self.rows, self.tokens = self.rows + 1, self.tokens + size.tokens
        self.prompt, self.answer = max(self.prompt, size.prompt), max(self.answer, size.answer)


def count_cells(sizes: Sequence[Size]) -> int:
    """Cells of a padded batch of these rows (tokens, padding included)."""
    return len(sizes) * (max(size.prompt for size in sizes) + max(size.answer for size in sizes)) if sizes else 0


class Limits:
    """How large a batch may be: halved when one did not fit, then growing back slowly."""

    def __init__(self, *, most_rows: int) -> None:
        self._most_rows = most_rows
        self._rows = most_rows
        self._cells: float | None = None
        self._good = 0

    @property
    def rows(self) -> int:
        return self._rows

    def count_cells(self, *, free_bytes: int, bytes_per_token: int) -> int:
        """Cells that fit the memory that is free now, and no more than what was found to fit."""
        by_memory = max(int(free_bytes * MEMORY_SHARE / max(bytes_per_token, 1)), 1)
        return by_memory if self._cells is None else min(by_memory, int(self._cells))

    def halve(self, sizes: Sequence[Size]) -> None:
        """A batch of these rows did not fit."""
        self._rows = max(len(sizes) // 2, 1)
        self._cells = max(count_cells(sizes) / 2, 1)
        self._good = 0

    def note_success(self) -> None:
        """A batch fitted; after some of them the limits grow again."""
        self._good += 1
        if self._good < BATCHES_TO_GROW:
            return
        self._good = 0
        if self._cells is not None:
            self._cells *= 1.25
        if self._rows < self._most_rows:
            self._rows = min(self._most_rows, self._rows + max(self._rows // 4, 1))
        else:
            self._cells = None
