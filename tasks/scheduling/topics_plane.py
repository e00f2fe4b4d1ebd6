"""Where prompts stand on a plane that people can look at, and how thin it is about each.

Topics first: their middles are laid out so that near ones are near (stress majorisation, de Leeuw 1977), begun at where they
were, or by classical scaling, and turned as little as can be. Then each prompt stands about the middles that it is nearest
to, set apart from the others of its topic along two directions in which prompts of one topic differ most. A new prompt is
placed without moving any other.

Density: the mean nearness (cosine) to the nearest few of a sample of prompts, over that of a typical prompt; 1 is typical.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.scheduling.topics import Codes, Vectors

Points = NDArray[np.float64]

ROUNDS = 120
#: A prompt stands between so many middles, the nearer the more (softmax with this sharpness).
BETWEEN, SHARPNESS = 3, 12.0
#: Prompts of one topic are set apart by so much of the way to the nearest other topic.
APART = 0.45
SAMPLE, NEIGHBOURS = 1_500, 5
_AT_ONCE = 8_192


def lay_out(middles: Vectors, *, begun: Mapping[int, Sequence[float]]) -> Points:
    """Points in [-1, 1] for the middles of topics, in their order. `begun`: where some stood before, by row."""
    count = len(middles)
    if count == 1:
        return np.zeros((1, 2))
    wanted = np.sqrt(np.clip(2 - 2 * (middles @ middles.T).astype(np.float64), 0, None))
    wanted[wanted < 0.15] = 0.15
    np.fill_diagonal(wanted, 0)
    points = _scale_classically(wanted)
    if begun:
        rows = sorted(begun)
        there = np.array([begun[row] for row in rows], dtype=np.float64)
        points = _turn_to(points, rows, there)
        points[rows] = there
    for _ in range(ROUNDS):
        points = _majorise(points, wanted)
    if begun:
        points = _turn_to(points, rows, there)
    points -= points.mean(axis=0)
    return points / max(float(np.abs(points).max()), 1e-9) * 0.85


def find_axes(vectors: Vectors, middles: Vectors, rows: Codes) -> Vectors:
    """Two directions in which prompts differ most from the middles of their topics."""
    spread = np.zeros((vectors.shape[1], vectors.shape[1]))
    for start in range(0, len(vectors), _AT_ONCE):
        rest = vectors[start : start + _AT_ONCE] - middles[rows[start : start + _AT_ONCE]]
        spread += rest.T @ rest
    _, axes = np.linalg.eigh(spread)
    best = axes[:, -2:].T[::-1]
    # A direction has no sign of its own: the same one each time.
    signs = np.sign(best[np.arange(len(best)), np.abs(best).argmax(axis=1)])
    return np.asarray(best * signs[:, None], dtype=np.float32)


def find_spread(points: Points) -> NDArray[np.float64]:
    """How far prompts of each topic may stand from its middle."""
    if len(points) == 1:
        return np.array([0.6])
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    spread: NDArray[np.float64] = APART * np.clip(apart.min(axis=1), 0.04, 0.6)
    return spread


def place_prompts(
    vectors: Vectors, middles: Vectors, rows: Codes, *, points: Points, axes: Vectors, spread: NDArray[np.float64]
) -> Points:
    """Where prompts stand; `rows` are their topics' among the middles."""
    placed = np.empty((len(vectors), 2))
    between = min(BETWEEN, len(middles))
    for start in range(0, len(vectors), _AT_ONCE):
        part, own = vectors[start : start + _AT_ONCE], rows[start : start + _AT_ONCE]
        near = (part @ middles.T).astype(np.float64)
        best = np.argpartition(-near, between - 1, axis=1)[:, :between]
        weights = np.exp(SHARPNESS * (np.take_along_axis(near, best, axis=1) - near.max(axis=1, keepdims=True)))
        weights /= weights.sum(axis=1, keepdims=True)
        pulled = np.einsum("nk,nkd->nd", weights, points[best])
        # Half of the way to its neighbours at most: a prompt stands with its topic.
        stand = points[own] + 0.5 * (pulled - points[own])
        offset = (part - middles[own]) @ axes.T
        placed[start : start + _AT_ONCE] = stand + spread[own][:, None] * np.tanh(2.5 * offset)
    return np.clip(placed, -1.0, 1.0)


def draw_sample(vectors: Vectors, *, rng: np.random.Generator) -> Vectors:
    """Prompts to which nearness is measured."""
    return vectors if len(vectors) <= SAMPLE else vectors[np.sort(rng.choice(len(vectors), SAMPLE, replace=False))]


def measure_nearness(vectors: Vectors, sample: Vectors) -> NDArray[np.float32]:
    """The mean cosine to the nearest few of a sample. A prompt that is in the sample does not count itself."""
    nearness = np.empty(len(vectors), dtype=np.float32)
    few = max(1, min(NEIGHBOURS, len(sample) - 1))
    for start in range(0, len(vectors), _AT_ONCE):
        near = vectors[start : start + _AT_ONCE] @ sample.T
        near[near > 0.999_9] = -1.0
        best = np.partition(near, len(sample) - few, axis=1)[:, len(sample) - few :]
        nearness[start : start + _AT_ONCE] = np.clip(best, 0.0, None).mean(axis=1)
    return nearness


def as_density(nearness: NDArray[np.float32], *, typical: float) -> NDArray[np.float32]:
    """1 for a typical prompt; in [0, 4]."""
    density: NDArray[np.float32] = np.clip(nearness / max(typical, 1e-6), 0.0, 4.0)
    return density


def _scale_classically(wanted: Points) -> Points:
    squared = wanted**2
    centred = squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean()
    values, axes = np.linalg.eigh(-0.5 * centred)
    points: Points = axes[:, -2:][:, ::-1] * np.sqrt(np.clip(values[-2:][::-1], 1e-9, None))
    signs = np.sign(points[np.abs(points).argmax(axis=0), np.arange(points.shape[1])])
    points = points * np.where(signs == 0, 1, signs)
    return points if points.shape[1] == 2 else np.column_stack([points, np.zeros(len(points))])


def _majorise(points: Points, wanted: Points) -> Points:
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    ratio = np.divide(wanted, apart, out=np.zeros_like(wanted), where=apart > 1e-9)
    pull = -ratio
    np.fill_diagonal(pull, ratio.sum(axis=1))
    moved: Points = pull @ points / len(points)
    return moved


def _turn_to(points: Points, rows: Sequence[int], there: Points) -> Points:
    """Points turned, mirrored, scaled and moved so that these rows come as near as can be to where they were."""
    mine = points[list(rows)]
    if len(mine) < 2:
        moved: Points = points - mine.mean(axis=0) + there.mean(axis=0)
        return moved
    of_mine, of_there = mine - mine.mean(axis=0), there - there.mean(axis=0)
    left, sizes, right = np.linalg.svd(of_mine.T @ of_there)
    scale = sizes.sum() / max(float((of_mine**2).sum()), 1e-9)
    turned: Points = (points - mine.mean(axis=0)) @ (left @ right) * scale + there.mean(axis=0)
    return turned
