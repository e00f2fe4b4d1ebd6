"""Campaigns made up for the bench of coverage: prompts with topics, languages, lengths and embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.scheduling.topics import center, find_clusters, suggest_topics

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Vectors = NDArray[np.float32]

TOPICS, LANGUAGES, LENGTHS, DIMENSIONS = 60, 12, 3, 64
TOPIC_POWER, LANGUAGE_POWER = 1.1, 1.5
#: How far prompts lie from the middle of their topic; topics are 1 from the middle of all.
NOISE = 0.85


@dataclass(frozen=True, slots=True)
class World:
    """Prompts as they are (`cell`, `topic`), and as the product sees them (`seen_topic`, found in the embeddings).

    speakers: how many of the people who come speak each language.
    """

    language: Integers
    topic: Integers
    length: Integers
    cell: Integers
    author: Integers
    vectors: Vectors
    seen_topic: Integers
    speakers: Floats

    def __len__(self) -> int:
        return len(self.cell)


def make_world(items: int, *, seed: int, languages: int = LANGUAGES, topics: int = TOPICS) -> World:
    """Topics by Zipf's law, languages by a steeper one, embeddings around the direction of their topic."""
    rng = np.random.default_rng(seed)
    language = rng.choice(languages, items, p=zipf(languages, LANGUAGE_POWER))
    topic = rng.choice(topics, items, p=zipf(topics, TOPIC_POWER))
    length = rng.choice(LENGTHS, items, p=[0.5, 0.35, 0.15])
    centers = rng.standard_normal((topics, DIMENSIONS))
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    noise = rng.standard_normal((items, DIMENSIONS)) / np.sqrt(DIMENSIONS)
    vectors = normalise(centers[topic] + NOISE * noise)
    return World(
        language=language,
        topic=topic,
        length=length,
        cell=number_cells(language, topic, length),
        author=rng.choice(items // 20 + 1, items, p=zipf(items // 20 + 1, 0.8)),
        vectors=vectors,
        seen_topic=find_topics(vectors, rng),
        speakers=zipf(languages, LANGUAGE_POWER),
    )


def zipf(count: int, power: float) -> Floats:
    weights = 1.0 / np.arange(1, count + 1) ** power
    return weights / weights.sum()


def normalise(vectors: NDArray[np.floating]) -> Vectors:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def number_cells(*axes: Integers) -> Integers:
    """One number for each combination that occurs."""
    return np.unique(np.stack(axes, axis=1), axis=0, return_inverse=True)[1].astype(np.int64)


def find_topics(vectors: Vectors, rng: np.random.Generator) -> Integers:
    """The topics that the product would find among these prompts."""
    names = [""] * len(vectors)
    centred, _ = center(vectors, names)
    count = suggest_topics(len(vectors))
    found = find_clusters(centred, count=count, known=[], before=[None] * len(vectors), is_same_space=True, rng=rng)
    return found.rows.astype(np.int64)
