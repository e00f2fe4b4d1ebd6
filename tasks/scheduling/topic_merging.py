"""Clusters that are one topic, joined: k-means splits large topics and lumps small ones together.

So more clusters are looked for than there shall be topics, and the nearest are joined again: average linkage of middles by
cosine, each counted by its prompts. Joining goes on down to the number of topics wanted, and further, to half of it at the
least, while two are no further apart than what differs within them makes likely.
"""

import numpy as np
from numpy.typing import NDArray

#: Clusters that are looked for, for each topic wanted.
SEARCHED = 2.5
#: Squared distance of two middles, by the sum of the spreads around them, below which they are one topic for sure.
SAME = 0.25


def join_clusters(sample: NDArray[np.float32], rows: NDArray[np.int64], *, count: int) -> NDArray[np.int64]:
    """The topic of each cluster, numbered from 0. `rows`: the cluster of each unit vector of the sample; each has some."""
    clusters = int(rows.max()) + 1
    sizes = np.bincount(rows, minlength=clusters).astype(float)
    sums = np.zeros((clusters, sample.shape[1]))
    order = np.argsort(rows, kind="stable")
    present, starts = np.unique(rows[order], return_index=True)
    sums[present] = np.add.reduceat(sample[order].astype(float), starts, axis=0)
    means = sums / np.maximum(sizes, 1.0)[:, None]
    spread = np.clip(1.0 - np.einsum("kd,kd->k", means, means), 1e-9, None)
    apart = _measure_squares(means, means) / (spread[:, None] + spread[None, :])
    unit = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    distance = 1.0 - unit @ unit.T
    np.fill_diagonal(distance, np.inf)
    topic = np.arange(clusters)
    left = clusters
    while left > max(2, count // 2):
        first, second = sorted(divmod(int(distance.argmin()), clusters))
        if left <= count and apart[first, second] > SAME:
            break
        weight = sizes[first] / max(sizes[first] + sizes[second], 1.0)
        for table in (distance, apart):
            joined = weight * table[first] + (1 - weight) * table[second]
            table[first], table[:, first] = joined, joined
            table[second], table[:, second] = np.inf, np.inf
            table[first, first] = np.inf
        sizes[first] += sizes[second]
        topic[topic == second] = first
        left -= 1
    return np.unique(topic, return_inverse=True)[1].astype(np.int64)


def _measure_squares(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances of all pairs."""
    squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None, :] - 2 * left @ right.T
    clipped: NDArray[np.float64] = np.clip(squares, 0.0, None)
    return clipped
