"""Texts as vectors without a model: words and pieces of words, hashed into places of one vector.

What a text counts for is its set of features: its words, and of each word of a script with blanks its runs of four
characters, so that forms of a word are near one another; pairs of characters where a script puts no blanks. A feature
has a place and a sign by its hash (Weinberger et al. 2009), and weighs more the longer it is: short words are mostly
those that every text has. Texts of the same words are near one another; that two words mean the same is not known, and
two languages have next to nothing in common.

The standard library alone, and the same on every machine: what somebody is writing is compared with what is stored.
"""

from collections.abc import Iterator
from math import sqrt
from zlib import crc32

from tasks.text.folding import fold, is_unspaced, split_words

#: The embedder's name and version; another way of counting is another version.
NAME = "hashing@1"
DIMENSIONS = 384
#: Of a longer text only so much is looked at.
MOST_CHARS = 8_000

_PIECE = 4
_WHOLE_WORD = 1.0
_PART = 0.35
#: A word this long weighs as much as any longer one.
_LONGEST_COUNTED = 7


def embed_text(text: str) -> list[float]:
    """The vector of a text, of length 1; all zeros where it has no word."""
    vector = [0.0] * DIMENSIONS
    counts: dict[str, float] = {}
    for feature, weight in _iter_features(text[:MOST_CHARS]):
        counts[feature] = counts.get(feature, 0.0) + weight
    for feature, weight in counts.items():
        hashed = crc32(feature.encode("utf-8", "surrogatepass"))
        # Twice the same word is little more than once.
        vector[(hashed >> 1) % DIMENSIONS] += sqrt(weight) * (1.0 if hashed & 1 else -1.0)
    length = sqrt(sum(value * value for value in vector))
    return [value / length for value in vector] if length else vector


def _iter_features(text: str) -> Iterator[tuple[str, float]]:
    for word in split_words(fold(text)):
        if is_unspaced(word):
            yield from ((word[start : start + 2], _WHOLE_WORD / 2) for start in range(max(1, len(word) - 1)))
            continue
        weight = (min(len(word), _LONGEST_COUNTED) / _LONGEST_COUNTED) ** 2
        yield f" {word} ", _WHOLE_WORD * weight
        if len(word) > _PIECE:
            yield from ((word[start : start + _PIECE], _PART * weight) for start in range(len(word) - _PIECE + 1))
