r"""What a text that somebody wrote here may not hold: what cannot be stored, and what hides from its readers.

Kept, because languages and emoji need them: single joiners and non-joiners, variation selectors, marks and isolates
of direction, the tags of a flag. HTML and Markdown are text like any other.
"""

import re
from dataclasses import dataclass

from tasks.text.normalise import MAX_COMBINING_RUN, longest_combining_run

#: A word needs one joiner, an emoji a selector with one; more in a row carry something that nobody sees.
MAX_WIDTHLESS_RUN = 4

_WIDTHLESS = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2064\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\U000e0100-\U000e01ef"
)
#: A flag of a part of a country is written with tags; everywhere else they hide a text.
_FLAG = "\U0001f3f4[\U000e0030-\U000e007a]{2,6}\U000e007f"
_FINDERS = (
    ("text_has_nul", re.compile("\x00")),
    ("text_has_surrogate", re.compile("[\ud800-\udfff]")),
    # Tabs and the ends of lines and pages stay: texts are pasted.
    ("text_has_control", re.compile("[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff\ufff9-\ufffb]")),
    # Letters in another order than they are stored in: what is judged is not what is released.
    ("text_has_override", re.compile("[\u202d\u202e]")),
    (
        "text_has_hidden",
        re.compile(f"{_FLAG}|(?P<found>[\U000e0000-\U000e007f]|[{_WIDTHLESS}]{{{MAX_WIDTHLESS_RUN + 1},}})"),
    ),
)


@dataclass(frozen=True, slots=True)
class Unwritable:
    """What stands in the way of a text: `code`, its position from 1, and its first character as `U+202E`."""

    code: str
    position: int
    character: str


def find_unwritable(text: str) -> Unwritable | None:
    """Return the first thing of the worst kind that a text may not hold, or None. Linear in its length.

    Codes: `text_has_nul`, `text_has_surrogate`, `text_has_control`, `text_has_override`, `text_has_hidden`,
    `text_has_stacked_marks`.
    """
    for code, pattern in _FINDERS:
        for match in pattern.finditer(text):
            if code != "text_has_hidden" or match["found"] is not None:
                return Unwritable(code, match.start() + 1, f"U+{ord(match[0][0]):04X}")
    if not text.isascii() and longest_combining_run(text) > MAX_COMBINING_RUN:
        return Unwritable("text_has_stacked_marks", *_find_stack(text))
    return None


def _find_stack(text: str) -> tuple[int, str]:
    """Where the first run of marks begins that is too long."""
    start = next(
        at
        for at in range(len(text))
        if longest_combining_run(text[at : at + MAX_COMBINING_RUN + 1]) > MAX_COMBINING_RUN
    )
    return start + 1, f"U+{ord(text[start]):04X}"
