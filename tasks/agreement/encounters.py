"""Ballots on candidates read as encounters of the generators that wrote them.

A ballot of m placed candidates gives its pairs the weight 2/m, as in tasks.agreement.tally. A
candidate with several origins stands for each of them with an equal share, and a pair counts for
each two of their generators with the product of the shares. Two candidates (or shares) of one
generator say nothing about generators and are dropped. Candidates without an origin are left out,
but count towards m.

Everything is read by columns, a million ballots in about a second. Weights are whole multiples of
2^-26: sums of up to 10^8 of them are exact in floating point, so that the order of the ballots cannot
change a single bit of what is added up.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.records.ballots import Ballot

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_GRAIN = 2.0**26


@dataclass(frozen=True, slots=True)
class Encounters:
    """E encounters of M generators, on N ballots.

    generators     (M,) names, ascending; below they stand by position
    ballot         (E,) which ballot each encounter comes from
    winner, loser  (E,) generators; of a tie the one with the smaller position first
    above, below   (E,) the candidates (ids) by which they met
    tie            (E,) whether it is one
    weight         (E,)
    annotator, parent   (N,) of each ballot, numbered from 0 in the order of their keys
    judged, acceptable  (M,) placements on ballots that gave the bar, by share, and those above it
    """

    generators: tuple[str, ...]
    ballot: Integers
    winner: Integers
    loser: Integers
    above: Integers
    below: Integers
    tie: Booleans
    weight: Floats
    annotator: Integers
    parent: Integers
    judged: Floats
    acceptable: Floats


class _Placed(NamedTuple):
    """Placed candidates by ballot, best first: whose ballot, which tier, which candidate."""

    ballot: Integers
    tier: Integers
    candidate: Integers


class _Stands(NamedTuple):
    """Stands by ballot, best first, a stand being one generator's share in one placed candidate."""

    ballot: Integers
    tier: Integers
    candidate: Integers
    generator: Integers
    share: Floats


class _Pairs(NamedTuple):
    """Columns of encounters, as in `Encounters`."""

    ballot: Integers
    winner: Integers
    loser: Integers
    above: Integers
    below: Integers
    tie: Booleans
    weight: Floats


def list_encounters(ballots: Iterable[Ballot], origins: Mapping[int, Sequence[str]]) -> Encounters:
    """Return every encounter of two generators. What is added up from them does not depend on the order of `ballots`.

    origins  the names of the generators behind each candidate; repeated names count once
    """
    listed = list(ballots)
    behind = {
        candidate: names if len(names) == 1 else sorted(set(names)) for candidate, names in origins.items() if names
    }
    generators = tuple(sorted(set(chain.from_iterable(behind.values()))))
    placed = _list_placed(listed)
    stands = _find_stands(placed, behind, {name: at for at, name in enumerate(generators)})
    bar = np.array([-1 if one.acceptable_tiers is None else one.acceptable_tiers for one in listed], dtype=np.int64)
    last = np.array([len(one.tiers) - 1 if one.rest_worse else -2 for one in listed], dtype=np.int64)
    pair_weight = 2.0 / np.maximum(np.bincount(placed.ballot, minlength=len(listed)), 2)
    blocks = list(_pair_stands(stands, pair_weight=pair_weight, unordered=last))
    pairs = _Pairs(*(np.concatenate(column) for column in zip(*blocks, strict=True)))
    given = np.where(bar[stands.ballot] >= 0, stands.share, 0.0)
    passed = np.where(stands.tier < bar[stands.ballot], stands.share, 0.0)
    return Encounters(
        generators=generators,
        **pairs._asdict(),
        annotator=_number([one.annotator for one in listed]),
        parent=_number([one.parent for one in listed]),
        judged=np.bincount(stands.generator, given, len(generators)).astype(np.float64),
        acceptable=np.bincount(stands.generator, passed, len(generators)).astype(np.float64),
    )


def _list_placed(ballots: Sequence[Ballot]) -> _Placed:
    """Return all placed candidates; nothing here loops in Python over ballots."""
    tiers = [ballot.tiers for ballot in ballots]
    flat = list(chain.from_iterable(tiers))
    counts, sizes = (np.fromiter(map(len, each), np.int64, len(each)) for each in (tiers, flat))
    ballot_of_tier = np.repeat(np.arange(len(ballots)), counts)
    number = np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
    candidates = np.fromiter(chain.from_iterable(flat), np.int64, int(sizes.sum()))
    return _Placed(np.repeat(ballot_of_tier, sizes), np.repeat(number, sizes), candidates)


def _find_stands(placed: _Placed, behind: Mapping[int, Sequence[str]], position: Mapping[str, int]) -> _Stands:
    """Return the stands of candidates of known origin."""
    known = np.array(sorted(behind), dtype=np.int64)
    names = [behind[candidate] for candidate in known.tolist()]
    counts = np.fromiter(map(len, names), np.int64, len(names))
    starts = np.cumsum(counts) - counts
    generator = np.fromiter(map(position.__getitem__, chain.from_iterable(names)), np.int64, int(counts.sum()))
    if not len(known):
        nothing = np.zeros(0, dtype=np.int64)
        return _Stands(nothing, nothing, nothing, nothing, nothing.astype(np.float64))
    at = np.minimum(np.searchsorted(known, placed.candidate), len(known) - 1)
    times = np.where(known[at] == placed.candidate, counts[at], 0)
    offset = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    ballot, tier, candidate, at = (np.repeat(each, times) for each in (*placed, at))
    return _Stands(ballot, tier, candidate, generator[starts[at] + offset], _quantise(1.0 / counts[at]))


def _pair_stands(stands: _Stands, *, pair_weight: Floats, unordered: Integers) -> Iterator[_Pairs]:
    """Yield the encounters of ballots with equally many stands; an empty block first, so that there is one."""
    nothing = np.zeros(0, dtype=np.int64)
    yield _Pairs(nothing, nothing, nothing, nothing, nothing, nothing.astype(bool), nothing.astype(np.float64))
    if not len(stands.ballot):
        return
    ballots, firsts, sizes = np.unique(stands.ballot, return_index=True, return_counts=True)
    for size in np.unique(sizes).tolist():
        rows = (firsts[sizes == size][:, None] + np.arange(size)).astype(np.int64)
        first, second = np.triu_indices(size, 1)
        one, other = rows[:, first].ravel(), rows[:, second].ravel()
        ballot = np.repeat(ballots[sizes == size], len(first))
        # Stands come tier by tier, so the first of a pair is never below the second.
        tie = stands.tier[one] == stands.tier[other]
        silent = tie & (stands.tier[one] == unordered[ballot])
        met = (
            (stands.generator[one] != stands.generator[other])
            & (stands.candidate[one] != stands.candidate[other])
            & ~silent
        )
        one, other, ballot, tie = one[met], other[met], ballot[met], tie[met]
        swap = tie & (stands.generator[one] > stands.generator[other])
        one, other = np.where(swap, other, one), np.where(swap, one, other)
        weight = _quantise(pair_weight[ballot] * stands.share[one] * stands.share[other])
        yield _Pairs(
            ballot,
            stands.generator[one],
            stands.generator[other],
            stands.candidate[one],
            stands.candidate[other],
            tie,
            weight,
        )


def _quantise(values: Floats) -> Floats:
    """Return the nearest multiples of the grain, none of them 0."""
    rounded: Floats = np.maximum(np.round(values * _GRAIN), 1.0) / _GRAIN
    return rounded


def _number(keys: Sequence[Hashable]) -> Integers:
    """Return (N,) keys as numbers from 0, in ascending order of the keys."""
    numbers = {key: number for number, key in enumerate(sorted(set(keys)))}  # type: ignore[type-var]
    return np.fromiter(map(numbers.__getitem__, keys), np.int64, len(keys))
