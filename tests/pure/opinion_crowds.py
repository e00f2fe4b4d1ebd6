"""Crowds of people with planted opinion groups, for tests and benchmarks, and how well groups were found."""

from __future__ import annotations

import numpy as np

from tasks.records.ballots import Ballot


def draw_crowd(
    *,
    people: int = 40,
    groups: int = 2,
    parents: int = 40,
    candidates: int = 4,
    each: int = 30,
    strength: float = 0.4,
    leniency: float = 0.0,
    sizes: tuple[float, ...] | None = None,
    seed: int = 1,
) -> tuple[list[Ballot], dict[str, int]]:
    """Ballots with a bar and nothing but two tiers, and everybody's group.

    Half of the candidates are liked by some groups and disliked by others, by `strength` on the chance of acceptance.
    """
    dice = np.random.RandomState(seed)
    group = np.sort(dice.choice(groups, people, p=sizes))
    base = dice.beta(2, 2, (parents, candidates))
    apart = dice.choice([-1, 1], (groups, parents, candidates)) * (dice.rand(parents, candidates) < 0.5) * strength
    if groups == 1:
        apart = apart * 0
    own = dice.standard_normal(people) * leniency
    ballots = []
    for parent in range(parents):
        for person in np.sort(dice.permutation(people)[:each]).tolist():
            chance = np.clip(base[parent] + apart[group[person], parent] + own[person], 0.03, 0.97)
            accepts = (dice.rand(candidates) < chance).tolist()
            ballots.append(make_ballot(f"{person:05d}", parent, accepts))
    return ballots, {f"{person:05d}": int(group[person]) for person in range(people)}


def make_ballot(annotator: str, parent: int, accepts: list[bool]) -> Ballot:
    """A ballot whose accepted candidates are tied above the bar, and all others below."""
    ids = [1000 * parent + place for place in range(len(accepts))]
    above = tuple(one for one, accept in zip(ids, accepts, strict=True) if accept)
    below = tuple(one for one, accept in zip(ids, accepts, strict=True) if not accept)
    tiers = tuple(tier for tier in (above, below) if tier)
    return Ballot(annotator, parent, tiers, 1 if above else 0, tuple(ids))


def adjusted_rand(one: list[int], other: list[int]) -> float:
    """The adjusted Rand index of two partitions of the same people: 1 where they are the same, 0 by chance."""
    table = np.zeros((max(one) + 1, max(other) + 1))
    np.add.at(table, (one, other), 1)
    pairs = [float((part * (part - 1) / 2).sum()) for part in (table, table.sum(axis=1), table.sum(axis=0))]
    expected = pairs[1] * pairs[2] / (len(one) * (len(one) - 1) / 2)
    most = (pairs[1] + pairs[2]) / 2
    return 1.0 if most == expected else (pairs[0] - expected) / (most - expected)
