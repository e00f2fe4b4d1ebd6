"""Text as it is compared and searched: one way of writing each character, no case, words and what has no blanks.

Works in every script: a word is a run of letters, marks and digits; what is written without blanks between words
(Han, Kana, Thai, Lao, Khmer, Burmese) is known by its characters, and told apart from what stands beside it.
"""

import re
import unicodedata

from tasks.text.normalise import MAX_COMBINING_RUN, longest_combining_run

#: Scripts that put no blanks between words.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003134f]+"
)
_WORD = re.compile(r"\S+")


class _Parts(dict[int, int]):
    """Each character that is part of a word as it is, any other as a blank; remembers what it has met."""

    def __missing__(self, code: int) -> int:
        kept = code if unicodedata.category(chr(code))[0] in "LMN" else 32
        self[code] = kept
        return kept


_PARTS = _Parts()


def fold(text: str) -> str:
    """Return `text` in compatibility form (NFKC) and without case: what a reader takes for the same is the same."""
    if text.isascii():
        return text.lower()
    if longest_combining_run(text) > MAX_COMBINING_RUN:  # normalising costs the square of such a run
        return text.casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def find_words(text: str) -> list[tuple[int, int]]:
    """Where the words of `text` begin and end, as they are written; what has no blanks is one word each run."""
    found = []
    for word in _WORD.finditer(text.translate(_PARTS)):
        start = word.start()
        for run in UNSPACED.finditer(text, word.start(), word.end()):
            if run.start() > start:
                found.append((start, run.start()))
            found.append(run.span())
            start = run.end()
        if start < word.end():
            found.append((start, word.end()))
    return found


def split_words(folded: str) -> list[str]:
    """The words of a folded text, in order."""
    return [folded[start:end] for start, end in find_words(folded)]


def is_unspaced(word: str) -> bool:
    """Tell whether a word of `split_words` is of a script that puts no blanks between words."""
    return UNSPACED.match(word) is not None
