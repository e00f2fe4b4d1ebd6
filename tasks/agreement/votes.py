"""Ballots read as votes: who found which candidate acceptable.

A ballot with a bar votes for every candidate above it and against every one below. A ballot without one says only what
is better than what: it votes for the upper half of its tiers and against the lower half, and the middle one of an odd
number of tiers says nothing, nor does a ballot with a single tier. What was not placed has no vote. Several ballots of
one person on a parent are added up; where they contradict each other there is no vote.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from tasks.records.ballots import Ballot

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Votes:
    """Votes of people on candidates, by person and then by candidate, each pair once.

    people        keys of the people, sorted
    candidates    ids, ascending; `parents` runs parallel to them
    person, item  (n,) places in `people` and in `candidates`
    value         (n,) 1 acceptable, -1 not
    """

    people: tuple[str, ...]
    candidates: Integers
    parents: Integers
    person: Integers
    item: Integers
    value: Floats

    @property
    def seen(self) -> Integers:
        """(people,) how many votes each person gave."""
        return np.bincount(self.person, minlength=len(self.people))

    @property
    def judged(self) -> Integers:
        """(candidates,) how many people voted on each candidate."""
        return np.bincount(self.item, minlength=len(self.candidates))


def read_ballot(ballot: Ballot) -> list[tuple[int, int]]:
    """Return (candidate, 1 or -1) for everything that this ballot votes on."""
    tiers, bar = ballot.tiers, ballot.acceptable_tiers
    if bar is not None:
        return [(candidate, 1 if number < bar else -1) for number, tier in enumerate(tiers) for candidate in tier]
    middle = (len(tiers) - 1) / 2
    return [
        (candidate, 1 if number < middle else -1)
        for number, tier in enumerate(tiers)
        if number != middle
        for candidate in tier
    ]


def collect_votes(ballots: Iterable[Ballot], *, without: Iterable[str] = ()) -> Votes:
    """Return the votes of all ballots but those of the people in `without`; their order is of no account."""
    left_out = set(without)
    names: dict[str, int] = {}
    rows: list[tuple[int, int, int, int]] = []
    for ballot in ballots:
        if ballot.annotator not in left_out:
            person = names.setdefault(ballot.annotator, len(names))
            rows += [(person, candidate, ballot.parent, vote) for candidate, vote in read_ballot(ballot)]
    if not rows:
        empty = np.zeros(0, np.int64)
        return Votes((), empty, empty, empty, empty, np.zeros(0))
    table = np.array(rows, np.int64)
    place = np.empty(len(names), np.int64)
    place[[names[name] for name in sorted(names)]] = np.arange(len(names))
    candidates, first, item = np.unique(table[:, 1], return_index=True, return_inverse=True)
    pair, where = np.unique(place[table[:, 0]] * len(candidates) + item, return_inverse=True)
    value = np.sign(np.bincount(where, table[:, 3]))
    votes = Votes(
        tuple(sorted(names)),
        candidates,
        table[first, 2],
        pair // len(candidates),
        pair % len(candidates),
        value,
    )
    return keep_votes(votes, value != 0)


def keep_people(votes: Votes, *, least: int) -> Votes:
    """Return the votes of those who gave at least so many."""
    return keep_votes(votes, votes.seen[votes.person] >= least)


def keep_votes(votes: Votes, kept: npt.NDArray[np.bool_]) -> Votes:
    """Return some of the votes, without people and candidates that have none of them."""
    people, person = np.unique(votes.person[kept], return_inverse=True)
    items, item = np.unique(votes.item[kept], return_inverse=True)
    return Votes(
        tuple(votes.people[place] for place in people.tolist()),
        votes.candidates[items],
        votes.parents[items],
        person,
        item,
        votes.value[kept],
    )


def hash_votes(votes: Votes, *, seed: int, method_version: str) -> str:
    """Return the SHA-256 (hex) of everything that a result computed from these votes depends on."""
    digest = sha256(f"{method_version} {seed} {len(votes.people)} {len(votes.candidates)}".encode())
    digest.update("\0".join(votes.people).encode())
    for column in (votes.candidates, votes.parents, votes.person, votes.item, votes.value.astype(np.int64)):
        digest.update(np.ascontiguousarray(column, "<i8").tobytes())
    return digest.hexdigest()


def hash_people(votes: Votes) -> Sequence[str]:
    """Return for each person the SHA-256 (hex) of their votes."""
    signed = np.ascontiguousarray(votes.candidates[votes.item] * votes.value.astype(np.int64), "<i8")
    ends = np.cumsum(votes.seen).tolist()
    return [sha256(signed[start:end].tobytes()).hexdigest() for start, end in zip([0, *ends], ends, strict=False)]
