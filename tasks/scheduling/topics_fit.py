"""A whole fit of topics: clusters, terms, the plane; and prompts placed by a fit that is there. See `topics`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.records.topics import Fit, FoundTopic, KnownTopic, Place
from tasks.scheduling.topics import HalfVectors, Vectors, assign, center, find_clusters, measure_drift, suggest_topics
from tasks.scheduling.topics_plane import (
    as_density,
    draw_sample,
    find_axes,
    find_spread,
    lay_out,
    measure_nearness,
    place_prompts,
)
from tasks.scheduling.topics_terms import find_terms

#: Of pairs of prompts that say nearly the same, so many are kept; from this nearness (cosine) on.
MOST_PAIRS, NEARLY_SAME = 50, 0.92
#: Prompts of one topic that are compared with one another: the first of a larger one.
_COMPARED, _PART = 3_000, 1_000


@dataclass(frozen=True, slots=True)
class Prompts:
    """Prompts in columns: their vectors, languages, texts, and the topics that they had."""

    vectors: HalfVectors
    languages: Sequence[str]
    texts: Sequence[str]
    before: Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two prompts, by their rows, that say nearly the same."""

    one: int
    other: int
    nearness: float


def fit_topics(
    prompts: Prompts,
    *,
    wanted: int | None,
    known: Sequence[KnownTopic],
    places: Mapping[int, Sequence[float]],
    is_same_space: bool,
    seed: int,
) -> tuple[Fit, list[Place], list[Pair]]:
    """Find topics, and place every prompt. `wanted` None: as many as their number suggests.

    `places`: where topics stood on the plane before, by number. Raises ValueError for fewer than `FEWEST_PROMPTS` prompts.
    """
    rng = np.random.default_rng(seed)
    vectors, means = center(prompts.vectors, prompts.languages)
    count = wanted or suggest_topics(len(vectors))
    found = find_clusters(
        vectors, count=count, known=known, before=prompts.before, is_same_space=is_same_space, rng=rng
    )
    terms = find_terms(prompts.texts, prompts.languages, found.rows.tolist(), topics=len(found.numbers), rng=rng)
    stood = {row: places[number] for row, number in enumerate(found.numbers) if number in places}
    points, axes = lay_out(found.middles, begun=stood), find_axes(vectors, found.middles, found.rows)
    spread, sample = find_spread(points), draw_sample(vectors, rng=rng)
    nearness = measure_nearness(vectors, sample)
    sizes = np.bincount(found.rows, minlength=len(found.numbers))
    fit = Fit(
        topics=tuple(
            FoundTopic(
                number, found.middles[row].tolist(), terms[row], int(sizes[row]), float(points[row, 0]), float(points[row, 1]),
                is_new=number in found.new,
            )
            for row, number in enumerate(found.numbers)
        ),
        means={language: np.asarray(mean).tolist() for language, mean in means.items()},
        axes=axes.tolist(),
        spread={number: float(spread[row]) for row, number in enumerate(found.numbers)},
        typical=float(np.median(nearness)),
        prompts=len(vectors),
        drift=measure_drift(prompts.before, [found.numbers[row] for row in found.rows]),
        tightness=float(found.nearness.mean()),
        seed=seed,
    )  # fmt: skip
    placed = place_prompts(vectors, found.middles, found.rows, points=points, axes=axes, spread=spread)
    density = as_density(nearness, typical=fit.typical)
    return fit, _as_places(found.numbers, found.rows, placed, density), find_pairs(prompts.vectors, found.rows)


def place_by_fit(
    vectors: Vectors,
    languages: Sequence[str],
    *,
    topics: Mapping[int, Sequence[float]],
    result: Mapping[str, Any],
    into: Mapping[int, int],
    sample: Vectors,
) -> list[Place]:
    """Places of further prompts by a fit that is there: `topics` are its middles by number, `into` who takes whose prompts.

    `sample`: vectors of some prompts that were placed before, as they are stored, with their languages left aside.
    """
    numbers = [number for number in topics if str(number) in result["topics"]]
    middles = np.array([topics[number] for number in numbers], dtype=np.float32)
    centred, _ = center(vectors, languages, result["means"])
    rows, _ = assign(centred, middles)
    stood = [result["topics"][str(number)] for number in numbers]
    points = np.array([[one["x"], one["y"]] for one in stood])
    spread = np.array([one["spread"] for one in stood])
    axes = np.array(result["axes"], dtype=np.float32)
    placed = place_prompts(centred, middles, rows, points=points, axes=axes, spread=spread)
    density = (
        as_density(measure_nearness(centred, sample), typical=result["typical"])
        if len(sample)
        else np.ones(len(centred), dtype=np.float32)
    )
    return _as_places([into.get(number, number) for number in numbers], rows, placed, density)


def find_pairs(vectors: HalfVectors, rows: NDArray[np.int64]) -> list[Pair]:
    """Prompts of one topic that say nearly the same, nearest first: the first `MOST_PAIRS`."""
    found: list[Pair] = []
    order = np.argsort(rows, kind="stable")
    bounds = np.flatnonzero(np.diff(rows[order])) + 1
    for members in (part[:_COMPARED] for part in np.split(order, bounds)):
        compared = vectors[members].astype(np.float32)
        for start in range(0, len(members), _PART):
            part = members[start : start + _PART]
            near = compared[start : start + _PART] @ compared.T
            ones, others = np.nonzero(near >= NEARLY_SAME)
            is_pair = part[ones] < members[others]
            ones, others = ones[is_pair], others[is_pair]
            best = np.argsort(-near[ones, others], kind="stable")[:MOST_PAIRS]
            found += [
                Pair(int(part[ones[at]]), int(members[others[at]]), float(near[ones[at], others[at]])) for at in best
            ]
    found.sort(key=lambda pair: (-pair.nearness, pair.one, pair.other))
    return found[:MOST_PAIRS]


def _as_places(
    numbers: Sequence[int], rows: NDArray[np.int64], points: NDArray[np.float64], density: NDArray[np.float32]
) -> list[Place]:
    columns = (rows.tolist(), points[:, 0].tolist(), points[:, 1].tolist(), density.tolist())
    return [Place(numbers[row], x, y, dense) for row, x, y, dense in zip(*columns, strict=True)]
