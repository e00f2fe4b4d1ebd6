"""Two wordings of a text as one, word by word: what stays, what goes, what comes."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

#: Words and what is between them; longer texts are compared line by line, for that takes the square of their number.
MOST_PIECES = 3_000
_PIECES = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of both texts; `sign` is + for what comes, - for what goes, empty for what stays."""

    sign: str
    text: str


def compare_words(before: str, after: str) -> list[Piece]:
    """The pieces in reading order; all without a sign and with + are the new text, all without and with - the old one."""
    old, new = _PIECES.findall(before), _PIECES.findall(after)
    if len(old) + len(new) > MOST_PIECES:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if len(old) + len(new) > MOST_PIECES:
        return [Piece("-", before), Piece("+", after)]
    pieces: list[Piece] = []
    for _tag, low, high, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = "".join(old[low:high]), "".join(new[start:end])
        if gone == come:
            pieces.append(Piece("", gone))
        else:
            pieces += [Piece(sign, text) for sign, text in (("-", gone), ("+", come)) if text]
    return pieces
