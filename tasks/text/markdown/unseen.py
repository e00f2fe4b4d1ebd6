"""Characters that hide, deceive or pile up: shown by their number, or taken out.

Kept, because languages and emoji need them: single joiners and non-joiners, marks of direction, isolates (which the
paragraph closes), single variation selectors, the tags of a flag. Shown as `U+202E`: controls, overrides and
embeddings of direction, hidden tags, runs of characters without width, accents stacked past `MAX_MARKS`; in code
every character without width and every control of direction.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache
from html import escape

#: Accents that are shown on one letter; no living script needs more.
MAX_MARKS = 8
#: Delimits a formula's place in the HTML; no text can hold either, see `clean_source`.
OPEN, CLOSE = "\ufdd0", "\ufdd1"

_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029\u0085]")
_IMPOSSIBLE = re.compile("[\x00\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_FLAG = "\U0001f3f4[\U000e0061-\U000e007a]{2,6}\U000e007f"
_CONTROLS = "[\x01-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2061-\u2064\u206a-\u206f\ufff9-\ufffb\U000e0000-\U000e007f]+"
_WIDTHLESS = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2060\u2066-\u2069\u3164\ufeff\uffa0"
_SELECTORS = "[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}"


def clean_source(text: str) -> str:
    """Return `text` with line feeds alone, and U+FFFD for what no page may hold (NUL, half characters)."""
    return _IMPOSSIBLE.sub("\ufffd", _LINE_ENDS.sub("\n", text))


def write_text(text: str, *, code: bool = False, tags: bool = True) -> str:
    """Return `text` escaped for HTML, what hides in it made visible: in tags, or as bare words where none may stand."""
    safe = escape(_IMPOSSIBLE.sub("\ufffd", text))
    if safe.isascii() and safe.isprintable():
        return safe
    return _pattern(1 if code else 3).sub(_show if tags else _name, safe)


@cache
def _pattern(least: int) -> re.Pattern[str]:
    parts = [f"(?P<flag>{_FLAG})", _CONTROLS, f"[{_WIDTHLESS}]{{{least},}}", _SELECTORS]
    return re.compile("|".join([*parts, f"(?P<kept>[{_mark_ranges()}]{{{MAX_MARKS}}})(?P<more>[{_mark_ranges()}]+)"]))


def _show(match: re.Match[str]) -> str:
    if match["flag"]:
        return match["flag"]
    return f'{match["kept"] or ""}<span class="unseen">{_count(match)}</span>'


def _name(match: re.Match[str]) -> str:
    return match["flag"] or f"{match['kept'] or ''}{_count(match)}"


def _count(match: re.Match[str]) -> str:
    hidden = match["more"] or match[0]
    return f"U+{ord(hidden[0]):04X}" + (f" ×{len(hidden)}" if len(hidden) > 1 else "")


@cache
def _mark_ranges() -> str:
    """Every combining mark but the variation selectors, as ranges of a character class."""
    ranges: list[list[int]] = []
    for point in range(0x300, min(sys.maxunicode, 0x1F000)):
        if unicodedata.category(chr(point)) not in ("Mn", "Me") or 0xFE00 <= point <= 0xFE0F:
            continue
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
