"""What a model told itself before it answered, apart from its answer.

Servers that know a model give its notes in a field of their own; others leave them in the text, between marks that the
model was taught. Some templates write the opening mark into the prompt, so that only the closing one comes back.
"""

import re
from dataclasses import dataclass

#: Marks around notes, as open models write them: tags of most; Magistral's, Kimi's and Seed-OSS's own.
MARKS = (
    *((f"<{tag}>", f"</{tag}>") for tag in ("think", "thinking", "reasoning", "thought", "seed:think")),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
)
_OPENERS = "|".join(re.escape(begin) for begin, _ in MARKS)
_CLOSERS = {begin: re.compile(re.escape(end), re.IGNORECASE) for begin, end in MARKS}
_OPENED = re.compile(rf"\A\s*(?P<mark>{_OPENERS})", re.IGNORECASE)
_PROMPT_OPENS = re.compile(rf"(?P<mark>{_OPENERS})\s*\Z", re.IGNORECASE)
#: A closing mark with nothing that opened it: on a line of its own, or at the end of one with an empty line behind it.
_TAIL = r"\A(?P<notes>.*?)(?:(?:\A|\n)[ \t]*{end}[ \t]*(?:\n|\Z)|{end}[ \t]*\n[ \t]*\n)"
_TAILS = tuple((begin, re.compile(_TAIL.format(end=re.escape(end)), re.DOTALL | re.IGNORECASE)) for begin, end in MARKS)
#: gpt-oss: channels, of which the last one is for the reader.
_FINAL = "<|channel|>final<|message|>"
_CHANNEL_MARKS = re.compile(r"<\|(?:start|end|channel|message|return|constrain)\|>(?:assistant|analysis|commentary)?")


@dataclass(frozen=True, slots=True)
class Split:
    """`text` is the answer, `reasoning` what came before it. `is_open`: the model never came to its answer."""

    text: str
    reasoning: str | None = None
    is_open: bool = False


def find_open_tag(prompt: str) -> str | None:
    """The mark that a chat template opened at the end of its prompt: the answer then begins within the reasoning."""
    found = _PROMPT_OPENS.search(prompt)
    return found["mark"].lower() if found else None


def split_reasoning(text: str, *, open_tag: str | None = None) -> Split:
    """Take the notes off the front of an answer. `open_tag`: the prompt opened it already.

    A mark that is only spoken of, further on in an answer, stays.
    """
    if _FINAL in text:
        notes, _, answer = text.rpartition(_FINAL)
        answer = answer.strip().removesuffix("<|return|>").removesuffix("<|end|>")
        return Split(answer.strip(), _CHANNEL_MARKS.sub(" ", notes).strip() or None)
    notes_found: list[str] = []
    mark = open_tag
    while True:
        found = _OPENED.match(text)
        if found:
            mark, text = found["mark"], text[found.end() :]
        if mark is None:
            break
        closer = _find_closer(mark).search(text)
        notes_found.append(text[: closer.start()] if closer else text)
        if closer is None:
            return Split("", _join(notes_found), is_open=True)
        mark, text = None, text[closer.end() :]
    for begin, tail in () if notes_found else _TAILS:
        found = tail.match(text)
        if found and begin not in found["notes"]:
            return Split(text[found.end() :].strip(), found["notes"].strip() or None)
    return Split(text.strip(), _join(notes_found))


def _find_closer(mark: str) -> re.Pattern[str]:
    return next(closer for begin, closer in _CLOSERS.items() if begin.lower() == mark.lower())


def _join(notes: list[str]) -> str | None:
    return "\n\n".join(filter(None, map(str.strip, notes))) or None
