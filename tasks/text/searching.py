"""What finds a text: lexemes for PostgreSQL's full text search, and queries in the same terms. Pure.

Words are kept as they are folded, next to what the database's stemmer makes of them where it knows the language.
Scripts without blanks between words are kept as pairs of characters, so that any part of them is found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tasks.text.folding import find_words, fold, is_unspaced, split_words
from tasks.text.languages import base_language

#: Of a longer text only so much is searched.
MOST_SEARCHED_CHARS = 50_000
LONGEST_WORD = 100
MOST_QUERY_WORDS = 12
LONGEST_QUERY = 200
#: Of shorter words the beginning says too little (bytes in UTF-8, characters of a stem).
SHORTEST_PREFIX = 3
#: Letters that two forms of one word share: a horse is no horn.
SHORTEST_STEM = 4
SNIPPET_CHARS = 240

#: PostgreSQL's configurations by language; all others are searched by the beginnings of words.
STEMMERS = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "da": "danish", "nl": "dutch", "en": "english",
    "et": "estonian", "fi": "finnish", "fr": "french", "de": "german", "el": "greek", "hi": "hindi", "hu": "hungarian",
    "id": "indonesian", "ga": "irish", "it": "italian", "lt": "lithuanian", "ne": "nepali", "no": "norwegian",
    "nb": "norwegian", "nn": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "es": "spanish", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a query. `lexemes` is a query of PostgreSQL; `word` is what the stemmer is asked about, "" for none."""

    lexemes: str
    word: str
    folded: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a snippet; `is_hit`: what was searched for."""

    text: str
    is_hit: bool = False


def stemmer_of(language: str) -> str | None:
    """The name of PostgreSQL's configuration for a language, None where there is none."""
    return STEMMERS.get(base_language(language))


def list_lexemes(text: str) -> list[str]:
    """What a text is found by besides its stems, sorted, each once."""
    found: set[str] = set()
    for word in split_words(fold(text[:MOST_SEARCHED_CHARS])):
        if is_unspaced(word):
            found.update(_pairs(word))
            found.add(word[-1])
        elif len(word) <= LONGEST_WORD:
            found.add(word)
    return sorted(found)


def read_query(query: str, *, is_stemmed: bool) -> list[Term]:
    """The words that must all be there; empty when there are none. `is_stemmed`: a stemmer is asked as well.

    Words match by their beginning: all of them where nobody knows their stems, else the last, which is still typed.
    """
    words = split_words(fold(query[:LONGEST_QUERY]))[:MOST_QUERY_WORDS]
    terms = []
    for place, word in enumerate(words, start=1):
        if is_unspaced(word):
            lexemes = " & ".join(f"'{pair}'" for pair in _pairs(word)) or f"'{word}':*"
            terms.append(Term(lexemes, "", word))
            continue
        by_beginning = len(word.encode()) >= SHORTEST_PREFIX and (not is_stemmed or place == len(words))
        terms.append(Term(f"'{word[:LONGEST_WORD]}'" + (":*" if by_beginning else ""), word, word))
    return terms


def cut_snippet(text: str, terms: Sequence[Term], *, is_stemmed: bool, length: int = SNIPPET_CHARS) -> list[Segment]:
    """The part of a text around the first hit, at most about `length` characters, its hits marked."""
    hits = _join(_find_hits(text, terms, is_stemmed=is_stemmed))
    first = hits[0][0] if hits else 0
    start = 0 if first < length // 2 else max(0, text.rfind(" ", 0, first - length // 3) + 1, first - length // 2)
    end = min(len(text), start + length)
    segments, at = [Segment("…")] if start else [], start
    for begins, ends in hits:
        if begins >= start and ends <= end:
            segments += [Segment(text[at:begins]), Segment(text[begins:ends], is_hit=True)]
            at = ends
    segments += [Segment(text[at:end]), Segment("…" if end < len(text) else "")]
    return [segment for segment in segments if segment.text]


def _find_hits(text: str, terms: Sequence[Term], *, is_stemmed: bool) -> Iterator[tuple[int, int]]:
    unspaced = [term.folded for term in terms if not term.word]
    words = [term for term in terms if term.word]
    for start, end in find_words(text):
        written = fold(text[start:end])
        if is_unspaced(written):
            for part in unspaced:
                at = written.find(part) if len(written) == end - start else -1
                while at >= 0:
                    yield start + at, start + at + len(part)
                    at = written.find(part, at + len(part))
        elif any(_matches(written, term, is_stemmed=is_stemmed) for term in words):
            yield start, end


def _matches(written: str, term: Term, *, is_stemmed: bool) -> bool:
    """Whether a word is one that was searched for, near enough to be marked."""
    if term.lexemes.endswith("*") and written.startswith(term.folded):
        return True
    if not is_stemmed:
        return written == term.folded
    stem = term.folded[: max(SHORTEST_STEM, len(term.folded) - 3)]
    return written == term.folded or (written.startswith(stem) and abs(len(written) - len(term.folded)) <= 3)


def _join(hits: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(hits):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _pairs(word: str) -> list[str]:
    return [first + second for first, second in pairwise(word)]
