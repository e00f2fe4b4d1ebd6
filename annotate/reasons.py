"""Why something came to nothing, told in the reader's language.

Reasons are stored as the English sentences that workers wrote. A reader of another language gets the sentence of
`reason_words` that it was made from, in their words, with what varied put back: numbers as they write them, words
of ours in theirs, and names, codes and what servers said as they are. What no sentence fits is shown as it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from django.utils.translation import get_language, gettext

from annotate.figures import whole
from annotate.reason_words import PHRASES, SENTENCES

ENGLISH = "en"
PLACE = re.compile(r"%\((\w+)\)s")
NUMBER = re.compile(r"\d{1,3}(,\d{3})+|\d+")
#: Places whose content is words of ours, and those where a number stands.
IN_WORDS = frozenset({"what", "kind", "where", "place"})
COUNTED = frozenset({"bad", "cells", "columns", "length", "most", "number", "read", "seconds", "times"})
#: A sentence of its own inside another one.
INNER = "rest"


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence with places, and what finds it: how it begins and ends, and the whole of it."""

    text: str
    head: str
    tail: str
    whole: re.Pattern[str]

    def match(self, sentence: str) -> dict[str, str] | None:
        if not (sentence.startswith(self.head) and sentence.endswith(self.tail)):
            return None
        found = self.whole.fullmatch(sentence)
        return None if found is None else found.groupdict()


def tell_reason(sentence: str) -> str:
    """A stored reason in the reader's language."""
    language = get_language()
    if not sentence or language is None or language.partition("-")[0] == ENGLISH:
        return sentence
    return _tell(sentence, language)


def is_known(sentence: str) -> bool:
    """Whether a reason is one of our sentences, to its last part."""
    return _find(sentence) is not None


@lru_cache(maxsize=4096)
def _tell(sentence: str, language: str) -> str:
    return _find(sentence) or sentence


def _find(sentence: str) -> str | None:
    """The sentence in the reader's language; None where it is none of ours."""
    for template in _make(SENTENCES):
        found = template.match(sentence)
        if found is None:
            continue
        rest = _find(found[INNER]) if INNER in found else ""
        if rest is not None:
            told = {name: rest if name == INNER else _tell_part(name, part) for name, part in found.items()}
            return gettext(template.text) % told if told else gettext(template.text)
    return _find_after_colon(sentence)


def _find_after_colon(sentence: str) -> str | None:
    """A sentence after what it is about: `Candidate 3: the text is blank.`"""
    for colon in re.finditer(": ", sentence):
        rest = _find(sentence[colon.end() :])
        if rest is not None:
            return f"{_tell_phrase(sentence[: colon.start()])}: {rest}"
    return None


def _tell_part(name: str, part: str) -> str:
    if name in IN_WORDS:
        return _tell_phrase(part)
    if name in COUNTED and NUMBER.fullmatch(part):
        return whole(int(part.replace(",", "")))
    return part


def _tell_phrase(phrase: str) -> str:
    for template in _make(PHRASES):
        found = template.match(phrase)
        if found is not None:
            told = {name: _tell_part(name, part) for name, part in found.items()}
            return gettext(template.text) % told if told else gettext(template.text)
    about, colon, more = phrase.partition(": ")
    return f"{_tell_phrase(about)}: {_tell_phrase(more)}" if colon else phrase


@cache
def _make(texts: Sequence[str]) -> tuple[Template, ...]:
    return tuple(_make_template(text) for text in texts)


def _make_template(text: str) -> Template:
    parts = PLACE.split(text)  # literal, name, literal, name, …, literal
    pattern = "".join(_make_place(part) if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return Template(text, parts[0], parts[-1], re.compile(pattern, re.DOTALL))


def _make_place(name: str) -> str:
    return f"(?P<{name}>[\\d,.]+)" if name in COUNTED else f"(?P<{name}>.+?)"
