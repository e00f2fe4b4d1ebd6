"""Ballots on candidates read as encounters of the generators that wrote them.

A ballot of m placed candidates gives its pairs the weight 2/m, as in tasks.agreement.tally. A
candidate with several origins stands for each of them with an equal share, and a pair counts for
each two of their generators with the product of the shares. Two candidates (or shares) of one
generator say nothing about generators and are dropped. Candidates without an origin are left out,
but count towards m.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tasks.agreement.tally import canonical_text
from tasks.records.ballots import Ballot

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_NONE: Integers = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Encounters:
    """E encounters of M generators, on N ballots.

    generators     (M,) names, ascending; below they stand by position
    ballot         (E,) which ballot each encounter comes from
    winner, loser  (E,) generators; of a tie the one with the smaller position first
    tie            (E,) whether it is one
    weight         (E,)
    annotator, parent   (N,) of each ballot, numbered from 0
    judged, acceptable  (M,) placements on ballots that gave the bar, by share, and those above it
    """

    generators: tuple[str, ...]
    ballot: Integers
    winner: Integers
    loser: Integers
    tie: Booleans
    weight: Floats
    annotator: Integers
    parent: Integers
    judged: Floats
    acceptable: Floats


@dataclass(slots=True)
class _Stands:
    """Ballots with r stands each, a stand being one generator's share in one placed candidate."""

    ballot: list[int] = field(default_factory=list)
    generator: list[list[int]] = field(default_factory=list)
    candidate: list[list[int]] = field(default_factory=list)
    tier: list[list[int]] = field(default_factory=list)
    share: list[list[float]] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    acceptable: list[int] = field(default_factory=list)
    unordered: list[int] = field(default_factory=list)


def list_encounters(ballots: Iterable[Ballot], origins: Mapping[int, Sequence[str]]) -> Encounters:
    """Return every encounter of two generators; the order of `ballots` does not matter.

    origins  the names of the generators behind each candidate; repeated names count once
    """
    behind = {candidate: sorted(set(names)) for candidate, names in origins.items() if names}
    generators = tuple(sorted({name for names in behind.values() for name in names}))
    position = {name: at for at, name in enumerate(generators)}
    ordered = sorted(ballots, key=lambda ballot: (ballot.parent, canonical_text(ballot)))
    by_size: defaultdict[int, _Stands] = defaultdict(_Stands)
    for number, ballot in enumerate(ordered):
        stands = [
            (position[name], candidate, tier, 1 / len(behind[candidate]))
            for tier, candidates in enumerate(ballot.tiers)
            for candidate in candidates
            for name in behind.get(candidate, ())
        ]
        if stands:
            _add_stands(by_size[len(stands)], number, ballot, stands)
    return _pair_stands(
        [by_size[size] for size in sorted(by_size)],
        generators=generators,
        annotator=_number([ballot.annotator for ballot in ordered]),
        parent=_number([ballot.parent for ballot in ordered]),
    )


def _add_stands(group: _Stands, number: int, ballot: Ballot, stands: list[tuple[int, int, int, float]]) -> None:
    """Append one ballot to the ballots with as many stands."""
    generator, candidate, tier, share = zip(*stands, strict=True)
    group.ballot.append(number)
    group.generator.append(list(generator))
    group.candidate.append(list(candidate))
    group.tier.append(list(tier))
    group.share.append(list(share))
    group.weight.append(2 / max(sum(map(len, ballot.tiers)), 2))
    given = ballot.acceptable_tiers
    group.acceptable.append(-1 if given is None else given)
    group.unordered.append(len(ballot.tiers) - 1 if ballot.rest_worse else -2)


def _pair_stands(
    groups: list[_Stands], *, generators: tuple[str, ...], annotator: Integers, parent: Integers
) -> Encounters:
    """Pair the stands of each ballot, and count what stood above the bar."""
    integers: list[list[Integers]] = [[_NONE], [_NONE], [_NONE]]
    ties, weights = [_NONE.astype(bool)], [_NONE.astype(np.float64)]
    judged, acceptable = np.zeros(len(generators)), np.zeros(len(generators))
    for group in groups:
        generator, candidate, tier = map(np.array, (group.generator, group.candidate, group.tier))
        share, bar = np.array(group.share), np.array(group.acceptable)[:, None]
        first, second = np.triu_indices(generator.shape[1], 1)
        # Stands come tier by tier, so the first of a pair is never below the second.
        tie = tier[:, first] == tier[:, second]
        silent = tie & (tier[:, first] == np.array(group.unordered)[:, None])
        one, other = generator[:, first], generator[:, second]
        met = (one != other) & (candidate[:, first] != candidate[:, second]) & ~silent
        weight = np.array(group.weight)[:, None] * share[:, first] * share[:, second]
        ballot = np.broadcast_to(np.array(group.ballot)[:, None], met.shape)
        winner = np.where(tie, np.minimum(one, other), one)
        loser = np.where(tie, np.maximum(one, other), other)
        for column, values in zip(integers, (ballot, winner, loser), strict=True):
            column.append(values[met])
        ties.append(tie[met])
        weights.append(weight[met])
        given = np.where(bar >= 0, share, 0.0)
        judged += np.bincount(generator.ravel(), given.ravel(), len(generators))
        passed = np.where(tier < bar, share, 0.0)
        acceptable += np.bincount(generator.ravel(), passed.ravel(), len(generators))
    ballot, winner, loser = map(np.concatenate, integers)
    return Encounters(
        generators=generators,
        ballot=ballot,
        winner=winner,
        loser=loser,
        tie=np.concatenate(ties),
        weight=np.concatenate(weights),
        annotator=annotator,
        parent=parent,
        judged=judged,
        acceptable=acceptable,
    )


def _number(keys: Sequence[Hashable]) -> Integers:
    """Return (N,) keys as numbers from 0, in the order in which they first come."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
