"""Whether candidates under a prompt are too much alike, and which generator is asked for another one.

Two texts are as alike as they share runs of characters (`tasks.text.fingerprints`), or words (`tasks.text.hashing_vectors`).
Candidates are alike when each has, on the mean, another that is: by runs at 0.6 of what makes a near duplicate, by words at
a cosine of 0.85. What is nearly the same never becomes a candidate; this is about what says the same in other words.
"""

from collections.abc import Collection, Mapping, Sequence

from tasks.text.fingerprints import likeness, list_shingles
from tasks.text.hashing_vectors import embed_text

#: Of the campaign's similarity of near duplicates, and the cosine of what says the same.
ALIKE_SHARE, ALIKE_COSINE = 0.6, 0.85
#: Requests for variety under one message, ever.
MOST_UNDER_ONE = 2
FEWEST_CANDIDATES, MOST_CANDIDATES = 2, 8


def are_alike(texts: Sequence[str], *, near_duplicate: float) -> bool:
    """Whether these candidates show people too little to choose from; never where there are fewer than two."""
    texts = texts[:MOST_CANDIDATES]
    if len(texts) < FEWEST_CANDIDATES:
        return False
    shingles = [list_shingles(text) for text in texts]
    by_runs = _mean_nearest([[likeness(one, other) for other in shingles] for one in shingles])
    if by_runs >= ALIKE_SHARE * near_duplicate:
        return True
    vectors = [embed_text(text) for text in texts]
    return _mean_nearest([[_cosine(one, other) for other in vectors] for one in vectors]) >= ALIKE_COSINE


def choose_sample(named: Sequence[tuple[int, int]], asked: Mapping[int, Collection[int]]) -> tuple[int, int] | None:
    """Generator and sample to ask for next: who was asked least under this message, in the order named.

    named  generators for variety with how many samples of each a message may have
    asked  samples that each was asked for under it, whatever came of them
    None when all were asked for.
    """
    free = [
        (len(asked.get(generator, ())), place, generator, sample)
        for place, (generator, samples) in enumerate(named)
        for sample in range(samples)
        if sample not in asked.get(generator, ())
    ]
    if not free:
        return None
    _times, _place, generator, sample = min(free)
    return generator, sample


def _mean_nearest(similar: Sequence[Sequence[float]]) -> float:
    """The mean, over all texts, of how alike the one is that is most alike."""
    nearest = [max(row[:place] + row[place + 1 :]) for place, row in enumerate(map(list, similar))]
    return sum(nearest) / len(nearest)


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
