"""Which way a list, a quote or a table runs: as its first letter does.

`dir="auto"` looks past children that have a direction of their own, so containers are told theirs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from markdown_it.token import Token

_STRONG = {"L": "ltr", "R": "rtl", "AL": "rtl"}
#: Letters are looked for this far into a paragraph.
_FAR = 400
#: The x of a task that is done is no letter of the text.
_TASK = re.compile(r"^\[[ xX]\]\s")
CONTAINERS = frozenset({"bullet_list", "ordered_list", "list_item", "blockquote", "table"})


def find_direction(text: str) -> str:
    """Return "ltr" or "rtl" by the first strong letter of `text`, or "auto"."""
    for character in _TASK.sub("", text[:_FAR], count=1):
        if found := _STRONG.get(unicodedata.bidirectional(character)):
            return found
    return "auto"


def container_directions(tokens: Sequence[Token]) -> dict[int, str]:
    """Return the direction of each container by the index of the token that opens it."""
    found: dict[int, str] = {}
    open_ones: list[int] = []
    waiting = 0  # containers at the end of `open_ones` that have no direction yet
    for index, token in enumerate(tokens):
        if token.type == "inline":
            direction = find_direction(token.content) if waiting else "auto"
            if direction != "auto":
                found.update(dict.fromkeys(open_ones[-waiting:], direction))
                waiting = 0
        elif token.type.rpartition("_")[0] in CONTAINERS:
            if token.nesting == 1:
                open_ones.append(index)
                waiting += 1
            else:
                open_ones.pop()
                waiting = min(waiting, len(open_ones))
    return found
