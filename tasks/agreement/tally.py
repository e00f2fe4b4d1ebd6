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

from tasks.agreement.borda import Counts, count_votes
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
class Stack:
    """The ballots of parents with k candidates each, B in all.

    tiers       (B, k) the tier of each candidate, -1 where it was not placed
    acceptable  (B,) how many tiers are acceptable, -1 where the bar was not given
    unordered   (B,) the tier inside which nothing is said, -2 where there is none
    firsts      (P,) the first ballot of each parent
    """

    tiers: Integers
    acceptable: Integers
    unordered: Integers
    firsts: Integers

    def above(self) -> Booleans:
        """Return (B, k, k): the first was placed above the second."""
        placed = self.tiers >= 0
        above: Booleans = (self.tiers[:, :, None] < self.tiers[:, None, :]) & placed[:, :, None] & placed[:, None, :]
        return above

    def tied(self) -> Booleans:
        """Return (B, k, k): the two were placed in one tier, and the tier says that they tie."""
        speaks = (self.tiers >= 0) & (self.tiers != self.unordered[:, None])
        tied: Booleans = (self.tiers[:, :, None] == self.tiers[:, None, :]) & speaks[:, :, None]
        diagonal = np.arange(self.tiers.shape[1])
        tied[:, diagonal, diagonal] = False
        return tied


@dataclass(frozen=True, slots=True)
class Block:
    """Parents with the same number k of candidates, counted.

    wins, ties   (P, k + 1, k + 1), the bar last, weighted
    placements   (P, k) ballots that placed each candidate
    bar_given    (P,) whether any ballot gave the bar
    counts       the bare votes, for the methods that count them
    """

    parents: list[ParentBallots]
    wins: Floats
    ties: Floats
    placements: Integers
    bar_given: Booleans
    counts: Counts


def count_blocks(ballots: Iterable[Ballot], *, weights: Mapping[str, float]) -> Iterator[Block]:
    """Yield all parents on which something was placed, counted, block by block.

    weights  factor of each annotator's ballots; who is missing weighs 1

    How parents fall into blocks depends on the others; what is counted for each does not.
    """
    by_parent: defaultdict[int, list[Ballot]] = defaultdict(list)
    for ballot in ballots:
        by_parent[ballot.parent].append(ballot)
    collected = (collect_parent(by_parent[parent]) for parent in sorted(by_parent))
    for parents in group_by_size(collected):
        yield _count_block(parents, weights)


def group_by_size(parents: Iterable[ParentBallots]) -> Iterator[list[ParentBallots]]:
    """Yield parents with ballots in groups of equal size, each small enough to be one block."""
    waiting: defaultdict[int, list[ParentBallots]] = defaultdict(list)
    cells: defaultdict[int, int] = defaultdict(int)
    for parent in parents:
        size = len(parent.candidates)
        if not parent.ballots:
            continue
        waiting[size].append(parent)
        cells[size] += len(parent.ballots) * (size + 1) ** 2
        if cells[size] >= BLOCK_CELLS:
            yield waiting.pop(size)
            del cells[size]
    for size in sorted(waiting):
        yield waiting[size]


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
    tiers = [sorted(tier) if len(tier) > 1 else list(tier) for tier in ballot.tiers]
    given = "null" if ballot.acceptable_tiers is None else ballot.acceptable_tiers
    rest = "true" if ballot.rest_worse else "false"
    return f"[{_quote(ballot.annotator)}, {tiers!r}, {given}, {rest}, {sorted(ballot.shown)!r}]"


def stack_tiers(parents: list[ParentBallots]) -> Stack:
    """Return the ballots of parents of equal size as arrays, parent after parent."""
    size = len(parents[0].candidates)
    rows: list[list[int]] = []
    acceptable: list[int] = []
    unordered: list[int] = []
    firsts: list[int] = []
    for parent in parents:
        firsts.append(len(rows))
        index = {candidate: at for at, candidate in enumerate(parent.candidates)}
        for ballot in parent.ballots:
            row = [-1] * size
            for number, tier in enumerate(ballot.tiers):
                if len(tier) == 1:
                    row[index[tier[0]]] = number
                    continue
                for candidate in tier:
                    row[index[candidate]] = number
            rows.append(row)
            given = ballot.acceptable_tiers
            acceptable.append(-1 if given is None else given)
            unordered.append(len(ballot.tiers) - 1 if ballot.rest_worse else -2)
    return Stack(
        tiers=np.array(rows, dtype=np.int64),
        acceptable=np.array(acceptable, dtype=np.int64),
        unordered=np.array(unordered, dtype=np.int64),
        firsts=np.array(firsts, dtype=np.int64),
    )


def _count_block(parents: list[ParentBallots], weights: Mapping[str, float]) -> Block:
    """Add up the ballots of parents of equal size into one table a parent."""
    stack = stack_tiers(parents)
    tiers, acceptable = stack.tiers, stack.acceptable[:, None]
    ballots, size = tiers.shape
    placed = tiers >= 0
    factor = np.array([weights.get(b.annotator, 1.0) for p in parents for b in p.ballots])
    weight = (factor * 2.0 / np.maximum(placed.sum(axis=1), 2))[:, None, None]
    wins = np.zeros((ballots, size + 1, size + 1), dtype=bool)
    above = stack.above()
    wins[:, :size, :size] = above
    wins[:, :size, size] = placed & (tiers < acceptable)
    wins[:, size, :size] = placed & (acceptable >= 0) & (tiers >= acceptable)
    ties = np.zeros_like(wins)
    ties[:, :size, :size] = stack.tied()
    return Block(
        parents=parents,
        wins=np.add.reduceat(wins * weight, stack.firsts, axis=0),
        ties=np.add.reduceat(ties * weight, stack.firsts, axis=0),
        placements=np.add.reduceat(placed.astype(np.int64), stack.firsts, axis=0),
        bar_given=np.maximum.reduceat(stack.acceptable, stack.firsts) >= 0,
        counts=count_votes(above, placed, factor, stack.firsts),
    )
