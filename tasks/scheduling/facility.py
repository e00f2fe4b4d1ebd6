"""How much of its surroundings a prompt reaches: facility location over embeddings, topic by topic.

A sample of a topic's prompts stands for all of it. `cover` of one of them is its largest similarity to a prompt that is
finished (or comes before in the order), 0 at least; the reach of a unit is by how much it raises the mean cover of its
topic. Topics are looked at one at a time: what lies in another topic is far away, and memory is bounded by the largest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.records.coverage import Cells, Floats, Integers, PlanSettings, Pool, Surroundings

    Matrix = NDArray[np.float32]

#: Rows of finished prompts that are compared at once.
CHUNK = 4096
#: Units of a cell that are looked at again before one of them is taken.
FINALISTS = 3
#: Times that every cell of a topic gives one unit to the order.
ROUNDS = 8
FEWEST_A_CELL = 12


@dataclass(frozen=True, slots=True)
class Reach:
    """turn: the place of each unit in the order of its cell, large where it is not in it; value: its reach when it is taken.

    cover: the mean cover of each topic's sample by what is finished, by topic.
    """

    turn: Integers
    value: Floats
    cover: dict[int, float]


def measure_cover(references: Matrix, covered: Matrix) -> Matrix:
    """The largest similarity of each reference to any covered vector, 0 at least."""
    cover = np.zeros(len(references), dtype=np.float32)
    for start in range(0, len(covered), CHUNK):
        np.maximum(cover, (references @ covered[start : start + CHUNK].T).max(axis=1), out=cover)
    return cover


def measure_facility(pool: Pool, cells: Cells, surroundings: Surroundings, *, sample: int = 2000) -> Floats:
    """Mean over prompts of the largest similarity to a finished one, by code of language, and of all as the last entry.

    Over a sample of the open prompts of each language; a finished one is its own nearest. nan: no prompt has a vector.
    """
    languages = int(max(pool.language.max(initial=0), cells.language.max(initial=0))) + 1
    has = pool.point >= 0
    finished = np.bincount(cells.language, weights=cells.finished, minlength=languages)
    means, weights = np.full(languages + 1, np.nan), np.zeros(languages)
    for language in range(languages):
        here = np.flatnonzero(has & (pool.language == language))
        _, first = np.unique(pool.point[here], return_index=True)
        prompts = here[first]
        unfinished = len(prompts)
        if not unfinished and not finished[language]:
            continue
        step = max(1, -(-unfinished // sample))
        seen = surroundings.vectors[pool.point[prompts[::step]]]
        cover = measure_cover(seen, surroundings.covered) if unfinished else np.zeros(0, dtype=np.float32)
        weights[language] = unfinished + finished[language]
        means[language] = (
            (float(cover.mean()) * unfinished + finished[language]) / weights[language] if unfinished else 1.0
        )
    if weights.sum() > 0:
        means[-1] = float(np.nansum(means[:-1] * weights) / weights.sum())
    clipped: Floats = np.clip(means, 0.0, 1.0)
    return clipped


def order_by_reach(
    pool: Pool,
    *,
    topic: Integers,
    weight: Floats,
    base: Floats,
    surroundings: Surroundings,
    settings: PlanSettings,
    rng: np.random.Generator,
) -> Reach:
    """The order within each cell by reach, and what each unit reached.

    topic   of each unit
    weight  of the topic's mean cover, per unit
    base    what else speaks for a unit within its cell
    """
    turn = np.full(len(pool), np.iinfo(np.int32).max, dtype=np.int64)
    value = np.full(len(pool), np.nan)
    covers = {}
    placed = np.flatnonzero((pool.point >= 0) & (pool.cell >= 0))
    placed = placed[np.argsort(topic[placed], kind="stable")]
    topics, starts = np.unique(topic[placed], return_index=True)
    done = np.argsort(surroundings.covered_topic, kind="stable")
    done_topics = surroundings.covered_topic[done]
    for number, members in zip(topics.tolist(), np.split(placed, starts[1:]), strict=True):
        low, high = np.searchsorted(done_topics, [number, number + 1])
        finished = surroundings.covered[done[low:high]]
        references = _choose_references(pool.point[members], surroundings.vectors, finished, settings.references, rng)
        cover = measure_cover(references, finished)
        covers[number] = float(cover.mean())
        few = _choose_candidates(pool, members, base, settings.candidates)
        near = surroundings.vectors[pool.point[few]] @ references.T
        order, reached, last = _take_in_turns(pool.cell[few], near, cover, weight[few], base[few])
        value[few] = last
        value[few[order]] = reached
        turn[few[order]] = np.arange(len(order))
    return Reach(turn, value, covers)


def _choose_references(
    points: Integers, vectors: Matrix, finished: Matrix, limit: int, rng: np.random.Generator
) -> Matrix:
    """A sample of the topic's prompts, open and finished alike."""
    chosen = rng.permutation(len(points) + len(finished))[:limit]
    is_open = chosen < len(points)
    return np.concatenate([vectors[points[chosen[is_open]]], finished[chosen[~is_open] - len(points)]])


def _choose_candidates(pool: Pool, members: Integers, base: Floats, limit: int) -> Integers:
    """Of each cell those for whom most speaks, evenly, about `limit` in all."""
    order = members[np.lexsort((pool.tie[members], -base[members], pool.cell[members]))]
    cell = pool.cell[order]
    _, starts, counts = np.unique(cell, return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(starts, counts)
    return order[place < max(FEWEST_A_CELL, limit // len(starts))]


def _take_in_turns(
    cell: Integers, near: Matrix, cover: Matrix, weight: Floats, base: Floats
) -> tuple[Integers, Floats, Floats]:
    """Round by round the best of each cell; the order, the reach of those in it when taken, and of all at the end."""
    cover = cover.copy()
    left = np.ones(len(cell), dtype=bool)
    taken: list[int] = []
    reached: list[float] = []
    share = weight / max(near.shape[1], 1)
    reach = np.zeros(len(cell))
    raised, ones = np.empty_like(near), np.ones(near.shape[1], dtype=np.float32)
    for _ in range(ROUNDS):
        np.maximum(near, cover, out=raised)
        reach = np.clip((raised @ ones - cover.sum()) * share, 0.0, 1.0)
        which = np.flatnonzero(left)
        if not len(which):
            break
        which = which[np.lexsort((-(reach + base)[which], cell[which]))]
        _, starts = np.unique(cell[which], return_index=True)
        for finalists in np.split(which, starts[1:]):
            few = finalists[:FINALISTS]
            fresh = np.minimum(1.0, np.maximum(near[few] - cover, 0.0).sum(axis=1) * share[few])
            best = int(np.argmax(fresh + base[few]))
            taken.append(int(few[best]))
            reached.append(float(fresh[best]))
            np.maximum(cover, near[few[best]], out=cover)
        left[taken] = False
    return np.asarray(taken, dtype=np.int64), np.asarray(reached), reach
