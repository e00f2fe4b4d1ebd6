"""Bare addresses in running text, found in one pass as GFM finds them."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BARE = re.compile(r"(?<![\w/@.-])(?:https?://|www\.)[^\s<>\"\ufdd0\ufdd1]{1,2000}", re.IGNORECASE)
_TRAILING = "?!.,:;*_~'\"。，、）」』】"


def split_addresses(text: str) -> Iterator[tuple[str, str]]:
    """Yield pieces of `text` as (words, address): the address is empty where the piece leads nowhere."""
    at = 0
    for match in _BARE.finditer(text):
        written = _trim(match[0])
        yield text[at : match.start()], ""
        yield written, written if written[:4].lower() == "http" else f"http://{written}"
        at = match.start() + len(written)
    yield text[at:], ""


def _trim(address: str) -> str:
    """Without the punctuation of the sentence around it."""
    surplus = address.count(")") - address.count("(")
    end = len(address)
    while end:
        last = address[end - 1]
        if last == ")" and surplus > 0:
            surplus -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return address[:end]
