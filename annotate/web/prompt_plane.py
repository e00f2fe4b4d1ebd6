"""The plane of prompts as a drawing: a dot for each of a few thousand, hexagons of more, a number where each topic has its middle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import cos, log2, pi, sin
from typing import Any

WIDTH, HEIGHT, EDGE = 760, 560, 16
#: More prompts than this are drawn as hexagons.
MOST_DOTS = 4_000
#: Of a hexagon, in the plane's own measure.
HEX_SIZE = 0.028
COLUMN, ROW = 1.5 * HEX_SIZE, 3**0.5 * HEX_SIZE
#: Below this density a place is thin: 1 is that of a typical prompt.
THIN = 0.6
#: Numbers that fit on the drawing; all topics are in the table.
MOST_LABELS = 40
COLOURS = 10


def draw_dots(points: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A path for all dots of a topic, and another one for its thin ones."""
    paths: dict[tuple[int, bool], list[str]] = {}
    for point in points:
        x, y = scale(point["x"], point["y"])
        is_thin = point["density"] is not None and point["density"] < THIN
        paths.setdefault((point["topic"], is_thin), []).append(f"M{x:.1f} {y:.1f}h0")
    return [
        {"colour": colour_of(topic), "is_thin": is_thin, "path": "".join(steps)}
        for (topic, is_thin), steps in sorted(paths.items())
    ]


def draw_hexes(hexes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A path for all hexagons of a topic that are about as full."""
    most = max((one["prompts"] for one in hexes), default=1)
    paths: dict[tuple[int, int, bool], list[str]] = {}
    for one in hexes:
        full = 1 + min(4, int(5 * log2(1 + one["prompts"]) / log2(1 + most + 1e-9)))
        is_thin = one["density"] is not None and one["density"] < THIN
        x = one["column"] * COLUMN
        y = (one["row"] + (0.5 if one["column"] % 2 else 0.0)) * ROW
        paths.setdefault((one["topic"], full, is_thin), []).append(_draw_hex(x, y))
    return [
        {"colour": colour_of(topic), "full": full, "is_thin": is_thin, "path": "".join(steps)}
        for (topic, full, is_thin), steps in sorted(paths.items())
    ]


def place_labels(topics: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The numbers of the largest topics, each at its middle."""
    labels = []
    for topic in topics[:MOST_LABELS]:
        x, y = scale(topic["x"], topic["y"])
        labels.append({**topic, "cx": round(x, 1), "cy": round(y, 1)})
    return labels


def scale(x: float, y: float) -> tuple[float, float]:
    """Where a place of the plane, in [-1, 1] and upwards, is in the drawing."""
    return EDGE + (x + 1) / 2 * (WIDTH - 2 * EDGE), EDGE + (1 - y) / 2 * (HEIGHT - 2 * EDGE)


def colour_of(topic: int) -> int:
    return topic % COLOURS


def _draw_hex(x: float, y: float) -> str:
    corners = [scale(x + HEX_SIZE * cos(pi * k / 3), y + HEX_SIZE * sin(pi * k / 3)) for k in range(6)]
    return f"M{'L'.join(f'{across:.1f} {down:.1f}' for across, down in corners)}z"
