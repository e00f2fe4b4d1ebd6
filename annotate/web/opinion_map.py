"""Where the marks of a map of opinions stand, and their shapes: a group is told by its shape and number, not by colour alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import cos, pi, sin
from typing import Any

#: Of the drawing, with room at its edges for the largest mark.
WIDTH, HEIGHT, EDGE = 640, 400, 36
#: The number of a group stands on a disc of this radius.
DISC = 17


def place_mark(x: float, y: float) -> tuple[float, float]:
    """Where a place of the map, in [-1, 1] and upwards, is in the drawing."""
    across = EDGE + (x + 1) / 2 * (WIDTH - 2 * EDGE)
    down = EDGE + (1 - y) / 2 * (HEIGHT - 2 * EDGE)
    return round(across, 1), round(down, 1)


def place_group(group: Mapping[str, Any]) -> dict[str, Any]:
    """The disc and number at the middle of a group."""
    x, y = place_mark(group["x"], group["y"])
    return {"number": group["number"], "people": group["people"], "x": x, "y": y, "r": DISC, "baseline": y + 8}


def draw_mark(group: int, x: float, y: float, radius: float) -> str:
    """The path of a group's mark about a place; marks of one radius are about as large as one another."""
    return SHAPES[(group - 1) % len(SHAPES)](x, y, radius)


def _circle(x: float, y: float, r: float) -> str:
    return f"M{x - r:.1f} {y:.1f}a{r:.1f} {r:.1f} 0 1 0 {2 * r:.1f} 0a{r:.1f} {r:.1f} 0 1 0 {-2 * r:.1f} 0z"


def _polygon(corners: int, turn: float, size: float) -> Callable[[float, float, float], str]:
    def draw(x: float, y: float, r: float) -> str:
        angles = [turn + 2 * pi * corner / corners for corner in range(corners)]
        points = [f"{x + size * r * cos(angle):.1f} {y + size * r * sin(angle):.1f}" for angle in angles]
        return f"M{'L'.join(points)}z"

    return draw


def _cross(x: float, y: float, r: float) -> str:
    arm, half = 1.15 * r, 0.42 * r
    steps = (
        f"h{2 * half:.1f}v{arm - half:.1f}h{arm - half:.1f}v{2 * half:.1f}h{half - arm:.1f}v{arm - half:.1f}"
        f"h{-2 * half:.1f}v{half - arm:.1f}h{half - arm:.1f}v{-2 * half:.1f}h{arm - half:.1f}z"
    )
    return f"M{x - half:.1f} {y - arm:.1f}{steps}"


#: Circle, square, triangle, diamond, cross: of groups 1 to 5.
SHAPES: tuple[Callable[[float, float, float], str], ...] = (
    _circle,
    _polygon(4, pi / 4, 1.25),
    _polygon(3, -pi / 2, 1.5),
    _polygon(4, 0.0, 1.35),
    _cross,
)
