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
from itertools import chain
from json.encoder import encode_basestring_ascii as _quote
from operator import attrgetter, itemgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.borda import Counts, count_votes
from tasks.agreement.pairs import Comparisons, list_pairs
from tasks.records.ballots import Ballot

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

#: A block holds about this many (ballot, pair) cells, so that memory is bounded.
BLOCK_CELLS = 1 << 21

_GET_TIERS = attrgetter("tiers")
_GET_SHOWN = attrgetter("shown")


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
    """Parents with the same number k of candidates, counted. Pairs stand as in `tasks.agreement.pairs.list_pairs`.

    comparisons  of k + 1 items, the bar last, weighted; a parent has one row for each sharpness
    ties         (pairs, P) weight of those that were ties
    placements   (P, k) ballots that placed each candidate
    bar_given    (P,) whether any ballot gave the bar
    counts       the bare votes, for the methods that count them
    """

    parents: list[ParentBallots]
    comparisons: Comparisons
    ties: Floats
    placements: Integers
    bar_given: Booleans
    counts: Counts


def count_blocks(
    ballots: Iterable[Ballot], *, weights: Mapping[str, float], sharpness: Mapping[str, float]
) -> Iterator[Block]:
    """Yield all parents on which something was placed, counted, block by block.

    weights    factor of each annotator's ballots; who is missing weighs 1
    sharpness  at which each annotator's ballots are read; who is missing has 1, and who has 0 is left out

    How parents fall into blocks depends on the others; what is counted for each does not.
    """
    silent = {annotator for annotator, value in sharpness.items() if value == 0}
    for parents in group_by_size(collect_parents(b for b in ballots if b.annotator not in silent)):
        yield _count_block(parents, weights, sharpness)


def collect_parents(ballots: Iterable[Ballot]) -> Iterator[ParentBallots]:
    """Yield the ballots of each parent, by its id."""
    by_parent: defaultdict[int, list[Ballot]] = defaultdict(list)
    for ballot in ballots:
        by_parent[ballot.parent].append(ballot)
    for parent in sorted(by_parent):
        yield collect_parent(by_parent[parent])


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
    ordered = sorted(zip(map(canonical_text, ballots), ballots, strict=True), key=itemgetter(0))
    placed = set(chain.from_iterable(chain.from_iterable(map(_GET_TIERS, ballots))))
    shown = set(chain.from_iterable(map(_GET_SHOWN, ballots)))
    return ParentBallots(
        parent=ballots[0].parent,
        candidates=tuple(sorted(placed)),
        unplaced=tuple(sorted(shown - placed)),
        inputs=tuple([text for text, _ in ordered]),
        ballots=tuple([ballot for _, ballot in ordered if ballot.tiers]),
    )


def canonical_text(ballot: Ballot) -> str:
    """Return the ballot as one line of ASCII JSON in which only what counts is kept.

    What `json.dumps([annotator, tiers, acceptable_tiers, rest_worse, shown])` gives, a tier and
    `shown` being sorted, since they are read as sets; written out here because it is run for every
    ballot, and a list of numbers prints as the JSON that it is.
    """
    given = "null" if ballot.acceptable_tiers is None else ballot.acceptable_tiers
    rest = "true" if ballot.rest_worse else "false"
    return f"[{_quote(ballot.annotator)}, {[*map(sorted, ballot.tiers)]!r}, {given}, {rest}, {sorted(ballot.shown)!r}]"


def stack_tiers(parents: list[ParentBallots]) -> Stack:
    """Return the ballots of parents of equal size as arrays, parent after parent."""
    ballots = [ballot for parent in parents for ballot in parent.ballots]
    of_ballots = list(map(_GET_TIERS, ballots))
    tiers = list(chain.from_iterable(of_ballots))
    tier_count = np.fromiter(map(len, of_ballots), np.int64, len(ballots))
    size_of_tier = np.fromiter(map(len, tiers), np.int64, len(tiers))
    number_of_tier = np.arange(len(tiers)) - np.repeat(np.cumsum(tier_count) - tier_count, tier_count)
    ballot_of_placed = np.repeat(np.repeat(np.arange(len(ballots)), tier_count), size_of_tier)
    placed = np.fromiter(chain.from_iterable(tiers), np.int64, len(ballot_of_placed))
    ballot_count = np.fromiter((len(p.ballots) for p in parents), np.int64, len(parents))
    size = len(parents[0].candidates)
    listed = chain.from_iterable(p.candidates for p in parents)
    candidates = np.fromiter(listed, np.int64, size * len(parents)).reshape(-1, size)
    parent_of_ballot = np.repeat(np.arange(len(parents)), ballot_count)
    parent_of_placed = parent_of_ballot[ballot_of_placed]
    # Candidates are in ascending order: one stands behind as many as are smaller.
    position = np.zeros(len(placed), dtype=np.int64)
    for column in np.ascontiguousarray(candidates.T):
        position += column[parent_of_placed] < placed
    rows = np.full((len(ballots), size), -1)
    rows[ballot_of_placed, position] = np.repeat(number_of_tier, size_of_tier)
    return Stack(
        tiers=rows,
        acceptable=np.array([-1 if b.acceptable_tiers is None else b.acceptable_tiers for b in ballots], np.int64),
        unordered=np.array([len(b.tiers) - 1 if b.rest_worse else -2 for b in ballots], np.int64),
        firsts=np.cumsum(ballot_count) - ballot_count,
    )


class Outcomes(NamedTuple):
    """What each of B ballots says of each pair of k + 1 items, the bar last.

    net, tie, met  (pairs, B) 1: the first above the second, -1: below; a tie; any of the three
    both           (pairs, B) whether it placed both, also where it says nothing of their order
    weight         (B,) of a pair: 2/m, m candidates having been placed
    """

    net: npt.NDArray[np.int8]
    tie: Booleans
    met: Booleans
    both: Booleans
    weight: Floats


def compare_ballots(stack: Stack) -> Outcomes:
    """Return what the ballots say of each pair of candidates and bar."""
    tiers = np.ascontiguousarray(stack.tiers.T)
    # The bar stands between two tiers: all numbers are doubled, and its own is odd.
    places = np.concatenate([2 * tiers, 2 * stack.acceptable[None] - 1])
    present = np.concatenate([tiers >= 0, stack.acceptable[None] >= 0])
    first, second = list_pairs(len(places))
    both = present[first] & present[second]
    above, below = places[first], places[second]
    net = (above < below).view(np.int8) - (above > below).view(np.int8)
    net *= both
    tie = both & (above == below) & (above != 2 * stack.unordered)
    return Outcomes(net, tie, tie | (net != 0), both, 2.0 / np.maximum((tiers >= 0).sum(axis=0), 2))


def _count_block(parents: list[ParentBallots], weights: Mapping[str, float], sharpness: Mapping[str, float]) -> Block:
    """Add up the ballots of parents of equal size."""
    stack = stack_tiers(parents)
    said = compare_ballots(stack)
    factor = np.ones(len(stack.tiers))
    if weights:
        factor = np.array([weights.get(b.annotator, 1.0) for p in parents for b in p.ballots])
    weight = said.weight * factor
    placed = np.ascontiguousarray(stack.tiers.T) >= 0
    of_candidates = list_pairs(len(placed) + 1)[1] < len(placed)
    return Block(
        parents=parents,
        comparisons=_by_sharpness(said.net * weight, said.met * weight, stack.firsts, parents, sharpness),
        ties=np.add.reduceat(said.tie * weight, stack.firsts, axis=1),
        placements=np.ascontiguousarray(np.add.reduceat(placed.astype(np.int64), stack.firsts, axis=1).T),
        bar_given=np.maximum.reduceat(stack.acceptable, stack.firsts) >= 0,
        counts=count_votes(said.net[of_candidates], placed, said.both[of_candidates], factor, stack.firsts),
    )


def _by_sharpness(
    net: Floats, met: Floats, firsts: Integers, parents: list[ParentBallots], sharpness: Mapping[str, float]
) -> Comparisons:
    """Return the ballots (pairs, B) added up for each parent and sharpness, in ascending order."""
    if not sharpness:
        return Comparisons(*(np.add.reduceat(each, firsts, axis=1) for each in (net, met)))
    sharp = np.array([sharpness.get(b.annotator, 1.0) for p in parents for b in p.ballots])
    parent = np.repeat(np.arange(len(firsts)), np.diff(np.append(firsts, len(sharp))))
    order = np.lexsort((sharp, parent))
    sharp, parent = sharp[order], parent[order]
    new = np.append(True, (np.diff(sharp) != 0) | (np.diff(parent) != 0))
    rows = np.flatnonzero(new)
    net, met = (np.add.reduceat(each[:, order], rows, axis=1) for each in (net, met))
    return Comparisons(net, met, sharp[rows], np.searchsorted(parent[rows], np.arange(len(firsts))))
