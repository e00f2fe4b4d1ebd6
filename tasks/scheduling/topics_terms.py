"""What a topic is called: the words that its prompts have more often than the other prompts in their language.

A word's weight is the share of the topic's prompts that have it, times the square of the log of how much more that is than the share of
all prompts of those languages (in the spirit of a class-based tf-idf). So words that every text of a language has tell nothing.
Common and very short words count less besides: among few prompts, chance alone makes some of them telling.
"""

from collections import Counter
from collections.abc import Sequence
from math import log

import numpy as np

from tasks.text.folding import fold, is_unspaced, split_words

#: Prompts that are read, and characters of each.
MOST_READ, MOST_CHARS = 20_000, 600
MOST_TERMS, NAMED_BY = 8, 3
LONGEST_NAME = 80
#: Words of fewer letters name nothing, but in scripts without blanks.
SHORTEST = 3
#: Words of fewer letters are mostly there to join others, whatever the language.
LONG_ENOUGH = 6


def find_terms(
    texts: Sequence[str], languages: Sequence[str], rows: Sequence[int], *, topics: int, rng: np.random.Generator
) -> list[tuple[str, ...]]:
    """The telling words of each topic, most telling first; those of a topic that has none are empty."""
    chosen = range(len(texts))
    if len(texts) > MOST_READ:
        chosen = sorted(rng.choice(len(texts), MOST_READ, replace=False).tolist())  # type: ignore[assignment]
    in_language: dict[str, Counter[str]] = {}
    in_topic = [Counter[str]() for _ in range(topics)]
    sizes = [Counter[str]() for _ in range(topics)]
    totals: Counter[str] = Counter()
    for at in chosen:
        words, language, topic = _list_words(texts[at]), languages[at], rows[at]
        in_language.setdefault(language, Counter()).update(words)
        in_topic[topic].update(words)
        sizes[topic][language] += 1
        totals[language] += 1
    return [_choose(in_topic[topic], sizes[topic], in_language, totals) for topic in range(topics)]


def name_topic(terms: Sequence[str], number: int) -> str:
    """A name of the first terms; the number where there are none."""
    name = ", ".join(terms[:NAMED_BY])
    return name[:LONGEST_NAME] if name else str(number)


def _list_words(text: str) -> set[str]:
    found: set[str] = set()
    for word in split_words(fold(text[:MOST_CHARS])):
        if is_unspaced(word):
            found.update(word[start : start + 2] for start in range(len(word) - 1))
        elif len(word) >= SHORTEST and not word.isdigit():
            found.add(word[:40])
    return found


def _choose(
    words: Counter[str], sizes: Counter[str], in_language: dict[str, Counter[str]], totals: Counter[str]
) -> tuple[str, ...]:
    prompts = sum(sizes.values())
    least = 2 if prompts >= 4 else 1
    weighed = []
    for word, count in words.items():
        if count < least:
            continue
        # What would be expected of as many prompts of the same languages.
        expected = sum(size * in_language[language][word] / totals[language] for language, size in sizes.items())
        lift = (count + 0.5) / (expected + 0.5)
        if lift > 1:
            weighed.append((-(count / prompts) * log(lift) ** 2 * _weigh(word, sizes, in_language, totals), word))
    terms: list[str] = []
    for _, word in sorted(weighed):
        # One of several forms of a word is enough.
        if not any(word.startswith(other) or other.startswith(word) for other in terms):
            terms.append(word)
        if len(terms) == MOST_TERMS:
            break
    return tuple(terms)


def _weigh(word: str, sizes: Counter[str], in_language: dict[str, Counter[str]], totals: Counter[str]) -> float:
    """How much a word can name at all, in (0, 1]: what every other text has names little, and so do very short words."""
    common = max(in_language[language][word] / totals[language] for language in sizes)
    return float((1 - common) ** 2 * (1.0 if is_unspaced(word) else min(1.0, len(word) / LONG_ENOUGH)))
