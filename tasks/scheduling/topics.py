"""Topics: groups of prompts about the same thing, found by clustering their vectors, with numbers that stay.

How a fit goes:

1. What all texts of a language have in common (their mean) is taken away, so that topics are not languages and not the
   words that every text has.
2. Spherical k-means (Dhillon and Modha 2001) on a sample of at most 20,000, begun at the middles of the fit before, so
   that they move no further than the data did (where the embedder is another one, at the middles of the prompts that each
   topic had); what is missing is begun by k-means++ (Arthur and Vassilvitskii 2007).
3. Every prompt goes to the nearest middle, or of what organizers merged to the one that took it. Middles near to a retired
   topic are left out.
4. Each cluster gets the number of the old topic that most of its prompts were in, each number once, the surest pair first;
   by the middles' nearness where no prompt had a topic. The rest get new numbers. Numbers are never given twice.

Dice come from a seed, so that a fit can be made again.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.records.topics import FEWEST_PROMPTS, KnownTopic
from tasks.scheduling.topic_merging import SEARCHED, join_clusters

Vectors = NDArray[np.float32]
#: Vectors as they are stored, or as they are computed with.
HalfVectors = NDArray[np.float16] | NDArray[np.float32]
Codes = NDArray[np.int64]

METHOD, METHOD_VERSION = "spherical_kmeans", 1
SAMPLE = 20_000
ROUNDS = 25
#: Where there are middles to begin with, fewer are enough, and move topics less.
ROUNDS_AGAIN = 6
#: Among few prompts the dice of one beginning tell much, and several cost little.
BEGINNINGS, FEW = 12, 4_000
#: A language with fewer prompts has no mean of its own.
FEWEST_OF_LANGUAGE = 50
#: A cluster whose middle is this near (cosine) to a retired topic is that one.
SAME = 0.85
#: Middles this near are one topic where prompts do not tell.
LIKE = 0.6
_AT_ONCE = 8_192


@dataclass(frozen=True, slots=True)
class Clusters:
    """What clustering found: unit middles by row, the number of each, and the row of each prompt's cluster."""

    middles: Vectors
    numbers: tuple[int, ...]
    rows: Codes
    nearness: Vectors
    new: frozenset[int]


def suggest_topics(prompts: int) -> int:
    """How many topics to look for among so many prompts: 5 of 50, 16 of 1,000, 40 of 10,000, 100 of 100,000."""
    return max(2, min(150, int(0.5 + math.pow(prompts, 0.4))))


def center(
    vectors: HalfVectors, languages: Sequence[str], means: Mapping[str, Sequence[float]] | None = None
) -> tuple[Vectors, dict[str, Any]]:
    """Vectors without what their language has in common, of length 1; and those means ("" for all others).

    Part by part, so that no second copy of all of them is ever in memory.
    """
    if means is None:
        means = _find_means(vectors, languages)
    names = sorted(set(languages))
    known = np.array([means.get(name, means[""]) for name in names], dtype=np.float32)
    place = {name: at for at, name in enumerate(names)}
    codes = np.fromiter((place[name] for name in languages), dtype=np.int64, count=len(languages))
    centred = np.empty(vectors.shape, dtype=np.float32)
    for start in range(0, len(vectors), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        centred[part] = normalise(vectors[part].astype(np.float32) - known[codes[part]])
    return centred, dict(means)


def normalise(vectors: Vectors) -> Vectors:
    """Rows of length 1; of zeros where there is nothing."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-9)
    return scaled


def find_clusters(
    vectors: Vectors,
    *,
    count: int,
    known: Sequence[KnownTopic],
    before: Sequence[int | None],
    is_same_space: bool,
    rng: np.random.Generator,
) -> Clusters:
    """Cluster centred vectors. `before`: the topic that each prompt had. `is_same_space`: known middles are of this embedder."""
    if len(vectors) < FEWEST_PROMPTS:
        raise ValueError(f"Fewer than {FEWEST_PROMPTS} prompts are in no topics.")
    sample = vectors if len(vectors) <= SAMPLE else vectors[rng.choice(len(vectors), SAMPLE, replace=False)]
    alive = [topic for topic in known if not topic.is_retired]
    begun = _stack(alive, vectors.shape[1]) if is_same_space else _find_middles(vectors, before, alive)
    middles = _search(sample, begun, count=max(count, 2), rng=rng)
    if is_same_space:
        middles = _leave_retired(middles, _stack([topic for topic in known if topic.is_retired], vectors.shape[1]))
    rows, nearness = assign(vectors, middles)
    used = np.unique(rows)
    middles, rows = middles[used], np.searchsorted(used, rows)
    numbers = _number(middles, rows, known=known, before=before, is_same_space=is_same_space)
    there = {topic.number for topic in known}
    return _merge(Clusters(middles, numbers, rows, nearness, frozenset(numbers) - there), known)


def assign(vectors: Vectors, middles: Vectors) -> tuple[Codes, Vectors]:
    """The row of the nearest middle of each vector, and how near (cosine)."""
    rows = np.empty(len(vectors), dtype=np.int64)
    nearness = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), _AT_ONCE):
        near = vectors[start : start + _AT_ONCE] @ middles.T
        best = near.argmax(axis=1)
        rows[start : start + _AT_ONCE] = best
        nearness[start : start + _AT_ONCE] = near[np.arange(len(best)), best]
    return rows, nearness


def measure_drift(before: Sequence[int | None], after: Sequence[int]) -> float | None:
    """The share of prompts that changed their topic, of those that had one; None where none had."""
    pairs = [(old, new) for old, new in zip(before, after, strict=True) if old is not None]
    return sum(old != new for old, new in pairs) / len(pairs) if pairs else None


def _find_means(vectors: HalfVectors, languages: Sequence[str]) -> dict[str, Any]:
    names = np.array(languages)
    means = {"": vectors.mean(axis=0, dtype=np.float32)}
    for name, prompts in Counter(languages).items():
        if prompts >= FEWEST_OF_LANGUAGE:
            means[name] = vectors[names == name].mean(axis=0, dtype=np.float32)
    return means


def _stack(topics: Sequence[KnownTopic], dimensions: int) -> Vectors:
    fitting = [topic.centroid for topic in topics if len(topic.centroid) == dimensions]
    if not fitting:
        return np.empty((0, dimensions), dtype=np.float32)
    return normalise(np.array(fitting, dtype=np.float32))


def _find_middles(vectors: Vectors, before: Sequence[int | None], alive: Sequence[KnownTopic]) -> Vectors:
    """Where the topics that prompts had lie in another space: at the means of those prompts."""
    takers = {topic.number for topic in alive}
    numbers = np.array([old if old in takers else 0 for old in before])
    sums = [vectors[numbers == number].sum(axis=0) for number in np.unique(numbers[numbers > 0])]
    found = normalise(np.array(sums, dtype=np.float32).reshape(len(sums), vectors.shape[1]))
    stands: Vectors = found[np.linalg.norm(found, axis=1) > 0]
    return stands


def _search(sample: Vectors, begun: Vectors, *, count: int, rng: np.random.Generator) -> Vectors:
    """The middles that prompts are nearest to, of several beginnings where nothing says where to begin."""
    if len(begun):
        return _refine(sample, _seed_middles(sample, begun, count=count, rng=rng), rounds=ROUNDS_AGAIN)
    best, nearest = None, -np.inf
    for _ in range(BEGINNINGS if len(sample) <= FEW else 1):
        searched = _seed_middles(sample, begun, count=round(count * SEARCHED), rng=rng)
        middles = _refine(sample, searched, rounds=ROUNDS)
        near = float(assign(sample, middles)[1].mean())
        if best is None or near > nearest:
            best, nearest = middles, near
    assert best is not None
    return _join(sample, best, count=count)


def _join(sample: Vectors, middles: Vectors, *, count: int) -> Vectors:
    """The middles of what is one topic, see tasks.scheduling.topic_merging."""
    used, rows = np.unique(assign(sample, middles)[0], return_inverse=True)
    topic = join_clusters(sample, rows, count=count)[rows] if len(used) > 2 else rows
    sums = np.zeros((int(topic.max()) + 1, sample.shape[1]), dtype=np.float32)
    np.add.at(sums, topic, sample)
    return normalise(sums)


def _seed_middles(sample: Vectors, begun: Vectors, *, count: int, rng: np.random.Generator) -> Vectors:
    """`count` middles: those that there are, of too many those that most are near to, and drawn ones far from all others."""
    if len(begun) > count:
        rows, _ = assign(sample, begun)
        sizes = np.bincount(rows, minlength=len(begun))
        return begun[np.sort(np.argsort(-sizes, kind="stable")[:count])]
    middles = list(begun) or [sample[rng.integers(len(sample))]]
    far = 1.0 - (sample @ np.array(middles).T).max(axis=1)
    while len(middles) < count:
        weights = np.clip(far, 0, None) ** 2
        total = weights.sum()
        if total <= 0:
            break  # there are no more different prompts than middles
        drawn = sample[rng.choice(len(sample), p=weights / total)]
        middles.append(drawn)
        far = np.minimum(far, 1.0 - sample @ drawn)
    return np.array(middles, dtype=np.float32)


def _refine(sample: Vectors, middles: Vectors, *, rounds: int) -> Vectors:
    """Rounds of k-means; a middle that none is nearest to stays where it is."""
    last: Codes | None = None
    for _ in range(rounds):
        rows, _ = assign(sample, middles)
        if last is not None and (rows == last).all():
            break
        order = np.argsort(rows, kind="stable")
        present, starts = np.unique(rows[order], return_index=True)
        middles = middles.copy()
        sums = normalise(np.add.reduceat(sample[order], starts, axis=0))
        stands = np.linalg.norm(sums, axis=1) > 0
        middles[present[stands]] = sums[stands]
        last = rows
    return middles


def _leave_retired(middles: Vectors, retired: Vectors) -> Vectors:
    if not len(retired):
        return middles
    left = (middles @ retired.T).max(axis=1) < SAME
    return middles[left] if left.sum() >= 2 else middles


def _number(
    middles: Vectors, rows: Codes, *, known: Sequence[KnownTopic], before: Sequence[int | None], is_same_space: bool
) -> tuple[int, ...]:
    """A number for each cluster; shares of prompts in common first, then nearness, then new ones."""
    takers = {topic.number for topic in known if not topic.is_retired}
    sizes, olds = np.bincount(rows, minlength=len(middles)), Counter(old for old in before if old is not None)
    common = Counter((int(row), old) for row, old in zip(rows, before, strict=True) if old in takers)
    sure = [(both / (sizes[row] + olds[old] - both), -old, row) for (row, old), both in common.items()]
    if is_same_space:
        fitting = [t for t in known if t.number in takers and len(t.centroid) == middles.shape[1]]
        near = middles @ _stack(fitting, middles.shape[1]).T if fitting else np.empty((len(middles), 0))
        # Behind every pair that has prompts in common.
        sure += [
            (float(near[row, at]) - 2, -fitting[at].number, int(row))
            for row, at in zip(*np.nonzero(near >= LIKE), strict=True)
        ]
    given: dict[int, int] = {}
    for _, old, row in sorted(sure, reverse=True):
        if row not in given and -old not in given.values():
            given[row] = -old
    fresh = max((topic.number for topic in known), default=0) + 1
    for row in sorted(set(range(len(middles))) - given.keys(), key=lambda row: -sizes[row]):
        given[row] = fresh
        fresh += 1
    return tuple(given[row] for row in range(len(middles)))


def _merge(clusters: Clusters, known: Sequence[KnownTopic]) -> Clusters:
    """Clusters of merged topics as one with what took them; its middle is that of all of their prompts."""
    into = {topic.number: topic.merged_into for topic in known if topic.merged_into is not None}
    numbers = [_follow(number, into) for number in clusters.numbers]
    if len(set(numbers)) == len(numbers) and numbers == list(clusters.numbers):
        return clusters
    order = list(dict.fromkeys(numbers))
    place = np.array([order.index(number) for number in numbers])
    sizes = np.bincount(clusters.rows, minlength=len(numbers)).astype(np.float32)
    middles = np.zeros((len(order), clusters.middles.shape[1]), dtype=np.float32)
    np.add.at(middles, place, clusters.middles * sizes[:, None])
    return Clusters(
        normalise(middles), tuple(order), place[clusters.rows], clusters.nearness, clusters.new & set(order)
    )


def _follow(number: int, into: Mapping[int, int]) -> int:
    seen = {number}
    while (taker := into.get(number)) is not None and taker not in seen:
        number = taker
        seen.add(number)
    return number
