"""Read the vectors that a full plan looks at: of open prompts as many of each cell as it needs, of finished ones a sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from annotate.queries.coverage_facts import read_vectors
from annotate.queries.planning import list_finished_trees
from tasks.jobs.planning import Ground, Loaded
from tasks.records.coverage import MOST_FINISHED_VECTORS, MOST_OPEN_VECTORS, Surroundings

AT_ONCE = 10_000
#: Before the numbers, PostgreSQL sends their count and two bytes that say nothing.
HEADER = 4


def read_surroundings(loaded: Loaded, *, ground: Ground, campaign_id: int) -> tuple[Surroundings | None, Loaded]:
    """The vectors around the open units, and the units with the row of theirs; None where no prompt has one."""
    if not ground.rows:
        return None, loaded
    trees = np.unique(loaded.tree[_choose(loaded)])
    found, vectors = _read(campaign_id, trees.tolist())
    done = list_finished_trees(campaign_id=campaign_id, limit=MOST_FINISHED_VECTORS)
    done_trees, covered = _read(campaign_id, [tree for tree, _ in done])
    if not len(vectors) and not len(covered):
        return None, loaded
    cell_of = dict(done)
    topics = ground.cells.topic
    covered_topic = np.array([topics[ground.places[cell_of[tree]]] for tree in done_trees.tolist()], dtype=np.int64)
    if len(vectors) and len(covered) and vectors.shape[1] != covered.shape[1]:
        return None, loaded
    if not len(vectors):
        vectors = covered[:0]
    if not len(covered):
        covered = vectors[:0]
    row = np.searchsorted(found, loaded.tree) if len(found) else np.zeros(len(loaded), dtype=np.int64)
    is_there = np.isin(loaded.tree, found)
    pool = replace(loaded.pool, point=np.where(is_there, np.minimum(row, max(len(found) - 1, 0)), -1))
    return Surroundings(vectors, covered, covered_topic), replace(loaded, pool=pool)


def parse_vector(sent: bytes) -> NDArray[np.float32]:
    """A halfvec as PostgreSQL sends it: big-endian numbers of 16 bits after a header."""
    return np.frombuffer(sent, dtype=">f2", offset=HEADER).astype(np.float32)


def _choose(loaded: Loaded) -> NDArray[np.int64]:
    """Of each cell equally many units, those that are served next, so that all fit into memory."""
    pool = loaded.pool
    placed = np.flatnonzero(pool.cell >= 0)
    if len(placed) <= MOST_OPEN_VECTORS:
        return placed
    order = placed[np.lexsort((pool.tie[placed], -loaded.band[placed], pool.cell[placed]))]
    _, starts, counts = np.unique(pool.cell[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(starts, counts)
    return order[np.argsort(place, kind="stable")[:MOST_OPEN_VECTORS]]


def _read(campaign_id: int, trees: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Trees that have a vector, in order, and their vectors, brought to length 1."""
    rows = [
        row
        for start in range(0, len(trees), AT_ONCE)
        for row in read_vectors(campaign_id=campaign_id, tree_ids=list(trees[start : start + AT_ONCE]))
    ]
    if not rows:
        return np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.float32)
    # A server that changed its model may give vectors of another length under the same name.
    [(length, _)] = Counter(len(sent) for _, sent in rows).most_common(1)
    found = [tree for tree, sent in rows if len(sent) == length]
    vectors = np.stack([parse_vector(sent) for _, sent in rows if len(sent) == length])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.argsort(found, kind="stable")
    return np.array(found, dtype=np.int64)[order], (vectors / np.maximum(lengths, 1e-9))[order]
