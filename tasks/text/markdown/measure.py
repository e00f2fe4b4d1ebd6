"""How much there is to read: words for a sense of time, lines for a sense of height. Estimates, in linear time."""

from __future__ import annotations

import re

#: Characters in a line of a column, and lines of a screen; a text over that gets a "more".
COLUMN_CHARS = 58
SCREEN_LINES = 30

#: Scripts without spaces between words: each sign of Han, kana and Hangul's syllables apart, four letters of the others.
_WIDE = "\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\U00020000-\U0003fffd"
_SIGNS = re.compile("[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd]")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]{1,4}")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_WIDE_SIGN = re.compile(f"[{_WIDE}]")


def count_words(text: str) -> int:
    """Return about how many words there are to read in `text`, in any script."""
    if text.isascii():
        return sum(1 for _ in _WORD.finditer(text))
    signs, rest = _take_out(_SIGNS, text)
    groups, rest = _take_out(_UNSPACED, rest)
    return signs + groups + sum(1 for _ in _WORD.finditer(rest))


def count_lines(text: str) -> int:
    """Return about how many lines of a column `text` fills."""
    wide = 0 if text.isascii() else sum(1 for _ in _WIDE_SIGN.finditer(text))
    lines = text.split("\n")
    return sum(max(1, -(-len(line) // COLUMN_CHARS)) for line in lines) + wide // COLUMN_CHARS


def _take_out(pattern: re.Pattern[str], text: str) -> tuple[int, str]:
    rest, found = pattern.subn(" ", text)
    return found, rest
