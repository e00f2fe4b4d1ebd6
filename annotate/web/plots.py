"""Where the marks of a plot stand. Pure: numbers in, places out; templates draw them, style sheets colour them.

Across, places are per cent of the plot's width, so that a plot fits a phone and a desk while its text keeps its size;
the map of cells alone has a size of its own and scrolls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, floor, isclose, log10

#: Shades of the map, from "hardly begun" to "as many as wanted".
SHADES = (0.1, 0.35, 0.6, 0.85)
CELL_WIDTH, CELL_HEIGHT, CELL_GAP = 105, 31, 3
LABEL_WIDTH, HEAD_HEIGHT = 132, 30


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid: where it stands (per cent, or pixels for a height) and what it means."""

    at: float
    value: float


@dataclass(frozen=True, slots=True)
class Axis:
    low: float
    high: float
    ticks: tuple[Tick, ...]

    def place(self, value: float) -> float:
        """Where a value stands, in per cent of the width; what lies outside stands at the edge."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)


@dataclass(frozen=True, slots=True)
class Whisker:
    """A dot with its interval, in per cent; without an interval the dot alone."""

    at: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class DayBar:
    day: date
    count: int
    x: float
    width: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class DayPlot:
    """Bars of days, oldest first; heights in pixels."""

    bars: tuple[DayBar, ...]
    ticks: tuple[Tick, ...]
    height: float


@dataclass(frozen=True, slots=True)
class MapCell:
    row: str
    column: str
    done: int
    target: int | None
    shade: int | None
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class MapLabel:
    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class CellMap:
    """Rows by columns; sizes in pixels."""

    width: int
    height: int
    rows: tuple[MapLabel, ...]
    columns: tuple[MapLabel, ...]
    cells: tuple[MapCell, ...]


def make_axis(values: Iterable[float], *, low: float, high: float, step: float) -> Axis:
    """An axis from `low` to `high`, wider by whole steps where values lie outside."""
    found = [*values, low, high]
    start, end = floor(round(min(found) / step, 9)), ceil(round(max(found) / step, 9))
    bottom, top = start * step, end * step
    ticks = tuple(
        Tick(round(100 * (number - start) / (end - start), 2), round(number * step, 9))
        for number in range(start, end + 1)
    )
    return Axis(bottom, top, ticks)


def place_whisker(axis: Axis, *, value: float, low: float | None, high: float | None) -> Whisker:
    """The dot of a value, and its interval where it has one."""
    if low is None or high is None:
        return Whisker(axis.place(value), None, None)
    return Whisker(axis.place(value), axis.place(low), axis.place(high))


def place_days(counts: Mapping[date, int], *, last: date, days: int, height: float = 120) -> DayPlot:
    """A bar for each of the last `days` days up to `last`; a day without judgments is a bar of no height."""
    shown = [last - timedelta(days=back) for back in range(days - 1, -1, -1)]
    top = round_up(max((counts.get(day, 0) for day in shown), default=0))
    wide = 100 / days
    bars = tuple(
        DayBar(
            day=day,
            count=counts.get(day, 0),
            x=round(number * wide + 0.12 * wide, 3),
            width=round(0.76 * wide, 3),
            y=round(height * (1 - counts.get(day, 0) / top), 2),
            height=round(height * counts.get(day, 0) / top, 2),
        )
        for number, day in enumerate(shown)
    )
    ticks = tuple(Tick(round(height * (1 - share), 2), top * share) for share in (0, 0.5, 1))
    return DayPlot(bars, ticks, height)


def place_cells(
    cells: Mapping[tuple[str, str], tuple[int, int | None]], *, rows: Sequence[str], columns: Sequence[str]
) -> CellMap:
    """The map of (row, column) → (done, target). A cell without a target has no shade; one that is not there is empty."""
    placed = [
        _place_cell(cells[row, column], row=row, column=column, across=across, down=down)
        for down, row in enumerate(rows)
        for across, column in enumerate(columns)
        if (row, column) in cells
    ]
    return CellMap(
        width=LABEL_WIDTH + len(columns) * (CELL_WIDTH + CELL_GAP) - CELL_GAP,
        height=HEAD_HEIGHT + len(rows) * (CELL_HEIGHT + CELL_GAP) - CELL_GAP,
        rows=tuple(MapLabel(name, 0, _top(down) + 21) for down, name in enumerate(rows)),
        columns=tuple(MapLabel(name, _left(across) + CELL_WIDTH / 2, 18) for across, name in enumerate(columns)),
        cells=tuple(placed),
    )


def shade_of(done: int, target: int | None) -> int | None:
    """0 hardly begun to 4 as many as wanted; None where nothing is wanted."""
    if not target:
        return None
    return sum(done / target >= edge for edge in SHADES)


def round_up(value: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100, …: an end of an axis whose half is a whole number too."""
    if value <= 2:
        return 2
    unit = 10 ** floor(log10(value) + 1e-9)
    return next(step * unit for step in (1, 2, 4, 10) if step * unit > value or isclose(step * unit, value))


def _place_cell(counts: tuple[int, int | None], *, row: str, column: str, across: int, down: int) -> MapCell:
    done, target = counts
    return MapCell(row, column, done, target, shade_of(done, target), _left(across), _top(down))


def _left(across: int) -> int:
    return LABEL_WIDTH + across * (CELL_WIDTH + CELL_GAP)


def _top(down: int) -> int:
    return HEAD_HEIGHT + down * (CELL_HEIGHT + CELL_GAP)
