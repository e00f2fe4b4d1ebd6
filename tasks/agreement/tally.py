"""Ballots counted into tables of paired comparisons, one table a parent, in blocks of equal size.

Every ballot of m placed candidates weighs 2/m a pair, so that its m(m-1)/2 pairs weigh m - 1 in
all: a ranking of m items holds about that many independent comparisons, and counting each pair in
full would make every interval too narrow.

The acceptable bar is one more item, the last of each table: a candidate in an acceptable tier
stands above it, any other placed candidate below. Nothing ties with the bar.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as _quote
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from tasks.records.ballots import Ballot

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

#: A block holds about this many (ballot, pair) cells, so that memory is bounded.
BLOCK_CELLS = 1 << 21


@dataclass(frozen=True, slots=True)
class ParentBallots:
    """The ballots of one parent in canonical order, and its candidates by id.

    `inputs` holds the canonical text of every ballot, also of those that placed nothing; `ballots`
    only those that placed something.
    """

    parent: int
    candidates: tuple[int, ...]
    unplaced: tuple[int, ...]
    inputs: tuple[str, ...]
    ballots: tuple[Ballot, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Parents with the same number k of candidates, counted.

    wins, ties   (P, k + 1, k + 1), the bar last, weighted
    placements   (P, k) ballots that placed each candidate
    bar_given    (P,) whether any ballot gave the bar
    """

    parents: list[ParentBallots]
    wins: Floats
    ties: Floats
    placements: Integers
    bar_given: Booleans


def count_blocks(ballots: Iterable[Ballot], *, weights: Mapping[str, float]) -> Iterator[Block]:
    """Yield all parents on which something was placed, counted, block by block.

    weights  factor of each annotator's ballots; who is missing weighs 1

    How parents fall into blocks depends on the others; what is counted for each does not.
    """
    by_parent: defaultdict[int, list[Ballot]] = defaultdict(list)
    for ballot in ballots:
        by_parent[ballot.parent].append(ballot)
    waiting: defaultdict[int, list[ParentBallots]] = defaultdict(list)
    cells: defaultdict[int, int] = defaultdict(int)
    for parent in sorted(by_parent):
        collected = collect_parent(by_parent[parent])
        size = len(collected.candidates)
        if size == 0:
            continue
        waiting[size].append(collected)
        cells[size] += len(collected.ballots) * (size + 1) ** 2
        if cells[size] >= BLOCK_CELLS:
            yield _count_block(waiting.pop(size), weights)
            del cells[size]
    for size in sorted(waiting):
        yield _count_block(waiting[size], weights)


def collect_parent(ballots: list[Ballot]) -> ParentBallots:
    """Return the ballots of one parent in an order that does not depend on how they came."""
    ordered = sorted(((canonical_text(b), b) for b in ballots), key=itemgetter(0))
    placed = {candidate for b in ballots for tier in b.tiers for candidate in tier}
    shown = {candidate for b in ballots for candidate in b.shown}
    return ParentBallots(
        parent=ballots[0].parent,
        candidates=tuple(sorted(placed)),
        unplaced=tuple(sorted(shown - placed)),
        inputs=tuple(text for text, _ in ordered),
        ballots=tuple(ballot for _, ballot in ordered if ballot.tiers),
    )


def canonical_text(ballot: Ballot) -> str:
    """Return the ballot as one line of ASCII JSON in which only what counts is kept.

    What `json.dumps([annotator, tiers, acceptable_tiers, rest_worse, shown])` gives, a tier and
    `shown` being sorted, since they are read as sets; written out here because it is run for every
    ballot, and a list of numbers prints as the JSON that it is.
    """
    tiers = [sorted(tier) for tier in ballot.tiers]
    given = "null" if ballot.acceptable_tiers is None else ballot.acceptable_tiers
    rest = "true" if ballot.rest_worse else "false"
    return f"[{_quote(ballot.annotator)}, {tiers}, {given}, {rest}, {sorted(ballot.shown)}]"


def _count_block(parents: list[ParentBallots], weights: Mapping[str, float]) -> Block:
    """Count parents of equal size into tables."""
    size = len(parents[0].candidates)
    rows: list[list[int]] = []
    acceptable: list[int] = []
    unordered: list[int] = []
    factors: list[float] = []
    firsts: list[int] = []
    for parent in parents:
        firsts.append(len(rows))
        index = {candidate: at for at, candidate in enumerate(parent.candidates)}
        for ballot in parent.ballots:
            row = [-1] * size
            for number, tier in enumerate(ballot.tiers):
                for candidate in tier:
                    row[index[candidate]] = number
            rows.append(row)
            given = ballot.acceptable_tiers
            acceptable.append(-1 if given is None else given)
            unordered.append(len(ballot.tiers) - 1 if ballot.rest_worse else -2)
            factors.append(weights.get(ballot.annotator, 1.0))
    return _count_rows(
        parents,
        np.array(rows, dtype=np.int64).reshape(-1, size),
        np.array(acceptable, dtype=np.int64)[:, None],
        np.array(unordered, dtype=np.int64)[:, None],
        np.array(factors),
        np.array(firsts, dtype=np.int64),
    )


def _count_rows(
    parents: list[ParentBallots],
    tiers: Integers,
    acceptable: Integers,
    unordered: Integers,
    factors: Floats,
    firsts: Integers,
) -> Block:
    """Add up ballots (B, k) of tiers (-1: not placed) into one table a parent."""
    ballots, size = tiers.shape
    placed = tiers >= 0
    weight = factors * 2.0 / np.maximum(placed.sum(axis=1), 2)
    both = placed[:, :, None] & placed[:, None, :]
    wins = np.zeros((ballots, size + 1, size + 1), dtype=bool)
    wins[:, :size, :size] = both & (tiers[:, :, None] < tiers[:, None, :])
    wins[:, :size, size] = placed & (tiers < acceptable)
    wins[:, size, :size] = placed & (acceptable >= 0) & (tiers >= acceptable)
    ties = np.zeros_like(wins)
    ties[:, :size, :size] = both & (tiers[:, :, None] == tiers[:, None, :])
    ties[:, :size, :size] &= (tiers != unordered)[:, :, None]
    diagonal = np.arange(size)
    ties[:, diagonal, diagonal] = False
    return Block(
        parents=parents,
        wins=np.add.reduceat(wins * weight[:, None, None], firsts, axis=0),
        ties=np.add.reduceat(ties * weight[:, None, None], firsts, axis=0),
        placements=np.add.reduceat(placed.astype(np.int64), firsts, axis=0),
        bar_given=np.maximum.reduceat(acceptable[:, 0], firsts) >= 0,
    )
