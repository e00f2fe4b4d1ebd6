"""People's text cannot speak to a model as if it were the site: what would be read as a control string is broken up.

A chat template, or a prompt format, puts a thread into one text, whose control strings (`<|im_end|>`, `</s>`, a line
that begins with `User:`) say who speaks. Wherever a person's own text holds one of them, a space is put into it, which
everybody can see: `< |im_end|>`, `User :`. Nothing else of the text changes, and it is told how often that was done.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

#: Breaking one string can make another one, for instance where one holds the other. More rounds are never needed by
#: control strings that exist; a text that still holds one then loses its spaces of that kind (see `_replace`).
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Defused:
    """A text without control strings, and how many were broken up in it."""

    text: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class Controls:
    """What a text may not hold: `strings` anywhere, as they are; `speakers` at the start of a line, in any case."""

    strings: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()

    def __add__(self, other: "Controls") -> "Controls":
        return Controls(self.strings + other.strings, self.speakers + other.speakers)


def defuse(text: str, *, controls: Controls, is_inert: Callable[[str], bool] = lambda _: True) -> Defused:
    """Break up each control string of a person's text.

    `is_inert` says whether the tokenizer reads no control string in a text. Where it still does, the text is one that
    the tokenizer normalises first (`＜|im_end|＞` in full-width characters), and is normalised here as well.
    """
    defused = _break(text, controls)
    if is_inert(defused.text):
        return defused
    normal = _break(unicodedata.normalize("NFKC", defused.text), controls)
    if is_inert(normal.text):
        return Defused(normal.text, defused.count + max(normal.count, 1))
    spread = re.sub(r"(?<=[<\[|#▁])(?=\S)|(?<=\S)(?=[>\]|])", " ", normal.text)
    return Defused(spread, defused.count + normal.count + 1)


#: What a template says who speaks with: tags (`<|user|>`, `[INST]`, `<<SYS>>`), headings, and names with a colon.
_TAGS = re.compile(r"<[|｜]?[^\s<>]{1,40}[|｜]?>|<</?\w+>>|\[/?[A-Z_]{2,30}\]")
_HEADINGS = re.compile(r"^#{2,4} ?\w+(?: \w+)?", re.MULTILINE)
_NAMES = re.compile(
    r"\b(?:user|human|prompter|assistant|ai|gpt|bot|system|instruction|input|response|question|answer):", re.IGNORECASE
)


def find_controls(written: str) -> Controls:
    """What says who speaks in what a template wrote around a thread; `written` is that without the thread's own texts.

    A name that stands at the start of a line is one of a line alone; elsewhere, as in `… USER: … ASSISTANT: …`, it is one
    wherever it stands.
    """
    plain = _HEADINGS.sub("", written)
    names = {(found.group(), plain[: found.start()].rpartition("\n")[2].strip()) for found in _NAMES.finditer(plain)}
    return Controls(
        strings=(*_TAGS.findall(written), *_HEADINGS.findall(written), *(name for name, before in names if before)),
        speakers=tuple(sorted(name for name, _ in names)),
    )


def _break(text: str, controls: Controls) -> Defused:
    patterns = _compile(controls)
    count = 0
    for _ in range(_ROUNDS):
        before = count
        for pattern in patterns:
            text, found = pattern.subn(_put_space, text)
            count += found
        if count == before:
            return Defused(text, count)
    for pattern in patterns:
        text, found = pattern.subn(_replace, text)
        count += found
    return Defused(text, count)


def _put_space(match: re.Match[str]) -> str:
    """`USER:` becomes `USER :`, everything else gets its space after the first character that is no blank."""
    found = match.group()
    blank = len(found) - len(found.lstrip())
    at = len(found) - 1 if found.endswith(":") and len(found) - blank > 1 else blank + 1
    return f"{found[:at]} {found[at:]}"


def _replace(match: re.Match[str]) -> str:
    """Where spaces only make further control strings, their first character goes."""
    return "\N{REPLACEMENT CHARACTER}" * len(match.group())


@lru_cache(maxsize=64)
def _compile(controls: Controls) -> tuple[re.Pattern[str], ...]:
    patterns = []
    strings = _order(controls.strings)
    if strings:
        patterns.append(re.compile("|".join(map(re.escape, strings))))
    speakers = _order(controls.speakers)
    if speakers:
        patterns.append(re.compile(rf"^[^\S\n]*(?:{'|'.join(map(re.escape, speakers))})", re.MULTILINE | re.IGNORECASE))
    return tuple(patterns)


def _order(strings: Iterable[str]) -> list[str]:
    """Longest first. A blank, or a single character, is no control string: a text could not do without it."""
    return sorted({one for one in strings if len(one.strip()) > 1}, key=lambda one: (-len(one), one))
