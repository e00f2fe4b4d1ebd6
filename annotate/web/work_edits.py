"""What somebody changed in a text, in runs of words that stayed, went and came."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice

#: A word with the space after it on its line, or the space between lines.
_WORDS = re.compile(r"\S+[^\S\n]*|\s+")
_LINES = re.compile(r"[^\n]*\n+|[^\n]+")
#: With more pieces than this, lines are compared instead of words; with more lines, nothing is.
MOST_PIECES = 800


@dataclass(frozen=True, slots=True)
class Run:
    """`sign`: + for what came, - for what went, empty for what stayed."""

    sign: str
    text: str


def compare_texts(before: str, after: str) -> list[Run]:
    """The way from one text to the other; empty where they are too long to be compared while somebody waits."""
    for pieces in (_WORDS, _LINES):
        old, new = _split(pieces, before), _split(pieces, after)
        if max(len(old), len(new)) <= MOST_PIECES:
            return _compare(old, new)
    return []


def _split(pieces: re.Pattern[str], text: str) -> list[str]:
    return [found[0] for found in islice(pieces.finditer(text), MOST_PIECES + 1)]


def _compare(old: Sequence[str], new: Sequence[str]) -> list[Run]:
    runs: list[Run] = []
    for step, from_old, to_old, from_new, to_new in SequenceMatcher(a=old, b=new).get_opcodes():
        if step == "equal":
            runs.append(Run("", "".join(old[from_old:to_old])))
            continue
        if from_old < to_old:
            runs.append(Run("-", "".join(old[from_old:to_old])))
        if from_new < to_new:
            runs.append(Run("+", "".join(new[from_new:to_new])))
    return runs
