"""What every text must pass before it is stored, wherever it came from."""

import re
import unicodedata

from tasks.text.normalise import MAX_COMBINING_RUN, longest_combining_run

_SURROGATE = re.compile("[\ud800-\udfff]")
#: Categories of characters that show nothing: separators, controls, formatting.
_INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
#: Letters, marks and symbols that show nothing either: fillers of Hangul, the empty Braille cell, selectors.
_EMPTY = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]")


class BadText(ValueError):
    """A text that cannot be stored: `code` for machines, the message a sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def check_text(text: str, *, max_chars: int) -> str:
    """Return `text` as it is, or raise `BadText`.

    Codes: `text_too_long`, `text_has_nul`, `text_has_surrogate`, `text_is_blank`, `text_has_stacked_marks`.
    """
    if len(text) > max_chars:
        raise BadText(
            "text_too_long", f"The text has {len(text):,} characters; at most {max_chars:,} are taken. Shorten it."
        )
    check_characters(text)
    if is_blank(text):
        raise BadText("text_is_blank", "The text is blank. Write something that can be read, or leave it out.")
    if not text.isascii() and longest_combining_run(text) > MAX_COMBINING_RUN:
        raise BadText(
            "text_has_stacked_marks",
            f"The text stacks more than {MAX_COMBINING_RUN} accents on one character. Remove them.",
        )
    return text


def check_characters(text: str) -> str:
    """Return `text`, or raise `BadText` for what no database or UTF-8 file can hold."""
    nul = text.find("\x00")
    if nul >= 0:
        raise BadText("text_has_nul", f"The text holds a NUL character at position {nul + 1}. Remove it.")
    if not text.isascii():
        lone = _SURROGATE.search(text)
        if lone:
            raise BadText(
                "text_has_surrogate",
                f"The text holds half of a character (a lone surrogate) at position {lone.start() + 1}. "
                "It was cut or decoded wrongly; send the whole character.",
            )
    return text


def is_blank(text: str) -> bool:
    """Tell whether nothing in `text` can be seen. Stops at the first visible character."""
    return all(
        character.isspace() or unicodedata.category(character) in _INVISIBLE or _EMPTY.match(character)
        for character in text
    )
