"""Where in a TOML text a place such as `targets[2].judgments` stands, so that a problem is told with its line.

A reader of lines, not of TOML: what it does not find it tells as the nearest place above.
"""

from __future__ import annotations

import re
from collections import Counter

_TABLE = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\-\"' ]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-]+|\"[^\"]*\"|'[^']*')\s*(?:\.|=)")
_FENCES = ('"""', "'''")


def find_line(text: str, place: str) -> int | None:
    """The line, from 1, of a place or of the nearest one above it that is written; None when nothing of it is."""
    lines = map_places(text)
    while place:
        if place in lines:
            return lines[place]
        place = place[: max(place.rfind("."), place.rfind("["), 0)]
    return None


def map_places(text: str) -> dict[str, int]:
    """Every table and key that begins on a line of its own: place → line."""
    places: dict[str, int] = {}
    counts: Counter[str] = Counter()
    table, fence = "", ""
    for number, line in enumerate(text.splitlines(), start=1):
        if fence:
            fence = "" if fence in line else fence
            continue
        if found := _TABLE.match(line):
            table = _name_table(found, counts)
            places.setdefault(table, number)
            continue
        if found := _KEY.match(line):
            key = found[1].strip("\"'")
            places.setdefault(f"{table}.{key}" if table else key, number)
        # An odd number of fences opens a text that goes on.
        fence = next((mark for mark in _FENCES if line.count(mark) % 2), "")
    return places


def _name_table(found: re.Match[str], counts: Counter[str]) -> str:
    name = found[2].replace(" ", "")
    if found[1] == "[[":
        counts[name] += 1
        return f"{name}[{counts[name] - 1}]"
    return name
