"""Ballots as rows of signs: who puts what above what, parents of equally many candidates side by side."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.records.ballots import Ballot
from tasks.records.manipulation import ObservedBallot

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Parents of more candidates than this have too many pairs to hold: they are left out.
MOST_CANDIDATES = 40


@dataclass(frozen=True, slots=True)
class Orders:
    """Rows of ballots under parents with equally many candidates, one a person and parent, sorted by parent and person.

    row        (n,) place of the ballot in the list that was given
    annotator  (n,) number of the person
    parent     (n,) number of the parent in this block, 0 ≤ parent < parents
    signs      (n, pairs) 1 where the first of a pair is above, -1 below, 0 tied or not said; of length 1, or 0
    """

    row: Integers
    annotator: Integers
    parent: Integers
    parents: int
    signs: Floats

    def add_up(self, values: Floats) -> Floats:
        """Return (parents, …) the sum of rows under each parent."""
        total = np.zeros((self.parents, *values.shape[1:]))
        starts = np.searchsorted(self.parent, np.arange(self.parents))
        return np.add.reduceat(values, starts, axis=0) if len(values) else total

    def count_rows(self) -> Integers:
        """Return (n,) how many rows there are under each row's parent."""
        counts: Integers = np.bincount(self.parent, minlength=self.parents)[self.parent].astype(np.int64)
        return counts


def line_up(ballots: Sequence[ObservedBallot], numbers: dict[str, int]) -> list[Orders]:
    """Return the ballots on parents that several people ranked. Of several of one person on one parent the last stands."""
    by_parent: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for row, each in enumerate(ballots):
        by_parent[each.ballot.parent][numbers[each.ballot.annotator]] = row
    by_size: defaultdict[int, list[tuple[list[int], dict[int, int]]]] = defaultdict(list)
    for parent in sorted(by_parent):
        rows = by_parent[parent]
        placed = sorted({one for row in rows.values() for tier in ballots[row].ballot.tiers for one in tier})
        if len(rows) > 1 and 1 < len(placed) <= MOST_CANDIDATES:
            by_size[len(placed)].append((placed, rows))
    return [_stack(ballots, by_size[size], size) for size in sorted(by_size)]


def _stack(ballots: Sequence[ObservedBallot], parents: list[tuple[list[int], dict[int, int]]], size: int) -> Orders:
    places, row, annotator, parent = [], [], [], []
    for number, (candidates, rows) in enumerate(parents):
        column = {candidate: at for at, candidate in enumerate(candidates)}
        for who in sorted(rows):
            places.append(_place(ballots[rows[who]].ballot, column, size))
            row.append(rows[who])
            annotator.append(who)
            parent.append(number)
    table = np.array(places)
    first, second = np.triu_indices(size, 1)
    signs = np.sign(np.nan_to_num(table[:, second] - table[:, first]))
    length = np.sqrt((signs * signs).sum(axis=1, keepdims=True))
    signs /= np.maximum(length, 1.0)
    return Orders(np.array(row), np.array(annotator), np.array(parent), len(parents), signs)


def _place(ballot: Ballot, column: dict[int, int], size: int) -> list[float]:
    places = [float("nan")] * size
    for number, tier in enumerate(ballot.tiers):
        for candidate in tier:
            places[column[candidate]] = float(number)
    return places


def pick_examples(who: Integers, rows: Integers, scores: Floats, *, person: int, most: int) -> list[int]:
    """Return the rows of one person with the highest scores, the strongest first."""
    mine = np.flatnonzero(who == person)
    best = mine[np.lexsort((rows[mine], -scores[mine]))][:most]
    return [int(rows[at]) for at in best]


def iterate_people(evidence: Floats, *, above: float) -> Iterator[tuple[int, float]]:
    """Yield who has so much evidence, and log10 of it."""
    for person in np.flatnonzero(evidence >= above).tolist():
        yield person, float(evidence[person] / np.log(10.0))
