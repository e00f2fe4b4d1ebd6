"""Where the points of a line stand that runs over time, each with its interval. Pure, as `annotate.web.plots`.

Across in per cent, so that it fits a phone and a desk; down in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotate.web.plots import Axis, Tick

HEIGHT = 150.0
#: Room at both ends, so that the first and the last point are whole.
MARGIN = 9.0


@dataclass(frozen=True, slots=True)
class Point:
    """A value, or None; `before` is the point that a line leads from, where the value before is known."""

    x: float
    y: float | None
    low: float | None
    high: float | None
    before: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class LinePlot:
    points: tuple[Point, ...]
    ticks: tuple[Tick, ...]
    height: float


def place_points(
    axis: Axis,
    values: Sequence[tuple[float | None, float | None, float | None]],
    *,
    height: float = HEIGHT,
    across: Sequence[float] | None = None,
) -> LinePlot:
    """The points of (value, low, high) in a row; where nothing is known the line has a gap.

    `across`: where each stands, in per cent; not given: as far from each other as from the next.
    """

    def place(value: float | None) -> float | None:
        return None if value is None else round(height * (1 - axis.place(value) / 100), 2)

    points: list[Point] = []
    for number, (value, low, high) in enumerate(values):
        x = _spread(number, len(values)) if across is None else across[number]
        last = points[-1] if points else None
        y = place(value)
        before = None if last is None or last.y is None or y is None else (last.x, last.y)
        points.append(Point(round(x, 3), y, place(low), place(high), before))
    ticks = tuple(Tick(round(height * (1 - tick.at / 100), 2), tick.value) for tick in axis.ticks)
    return LinePlot(tuple(points), ticks, height)


def _spread(number: int, count: int) -> float:
    """The place of one of so many that stand equally far apart."""
    return 50.0 if count == 1 else MARGIN + (100 - 2 * MARGIN) * number / (count - 1)
