"""Ballots as the units of agreement, counted once, so that any choice of parents is measured without counting again.

What each unit holds for which coefficient is said in `tasks.agreement.concordance`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.alpha import CHUNK
from tasks.agreement.tally import ParentBallots, Stack, collect_parent, group_by_size, stack_tiers
from tasks.records.ballots import Ballot
from tasks.vocabulary import Coefficient

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Signs = npt.NDArray[np.float32]
#: Parts of a table of pairs of ballots, each with the number of its first row.
Parts = Iterator[tuple[int, Floats]]


class Units(NamedTuple):
    """What enters one coefficient: sums (U, d) that add up over units, the parent (U,) and the ballots of each."""

    sums: Floats
    parents: Integers
    ballots: list[tuple[Ballot, ...]]


class Ranks(NamedTuple):
    """Ranks of candidates in sets, set by set, candidate by candidate, annotator by annotator.

    values  (T,) as in `rank_alpha_…`      votes  (K,) how many stand for each candidate
    sizes   (S,) candidates in each set    parents, ballots  of each set
    """

    values: Floats
    votes: Integers
    sizes: Integers
    parents: Integers
    ballots: list[tuple[Ballot, ...]]


@dataclass(frozen=True, slots=True)
class RankingTable:
    """Ballots as units, counted once: any choice of their parents is then measured without counting again."""

    units: dict[Coefficient, Units]
    ranks: Ranks


def collect_ballots(ballots: Iterable[Ballot]) -> list[ParentBallots]:
    """Return the ballots by parent, one of each annotator on each."""
    parents: defaultdict[int, dict[str, Ballot]] = defaultdict(dict)
    for ballot in ballots:
        parents[ballot.parent][ballot.annotator] = ballot
    return [collect_parent(list(parents[parent].values())) for parent in sorted(parents)]


def tabulate_rankings(collected: list[ParentBallots]) -> RankingTable:
    """Return what enters each coefficient."""
    tau, preferences = _compare_pairs(collected)
    concordance, ranks = _compare_sets(collected)
    units = {
        Coefficient.KENDALL_TAU: tau,
        Coefficient.KENDALL_W: concordance,
        Coefficient.PAIRWISE_ALPHA: preferences,
        Coefficient.KENDALL_TAU_B: _correct_for_ties(collected),
    }
    return RankingTable(units, ranks)


def select_parents(table: RankingTable, parents: Collection[int]) -> RankingTable:
    """Return the units of these parents alone."""
    chosen = np.array(sorted(parents), dtype=np.int64)
    units = {coefficient: _select_units(units, chosen) for coefficient, units in table.units.items()}
    return RankingTable(units, _select_ranks(table.ranks, chosen))


def _select_units(units: Units, chosen: Integers) -> Units:
    mask = np.isin(units.parents, chosen)
    return Units(units.sums[mask], units.parents[mask], _pick(units.ballots, mask))


def _select_ranks(ranks: Ranks, chosen: Integers) -> Ranks:
    sets = np.isin(ranks.parents, chosen)
    candidates = np.repeat(sets, ranks.sizes)
    return Ranks(
        ranks.values[np.repeat(candidates, ranks.votes)],
        ranks.votes[candidates],
        ranks.sizes[sets],
        ranks.parents[sets],
        _pick(ranks.ballots, sets),
    )


def _pick(ballots: list[tuple[Ballot, ...]], mask: npt.NDArray[np.bool_]) -> list[tuple[Ballot, ...]]:
    return [ballots[place] for place in np.flatnonzero(mask)]


class _Growing:
    """Units as they are found, block after block."""

    def __init__(self, width: int) -> None:
        self.sums = [np.zeros((0, width))]
        self.parents: list[int] = []
        self.ballots: list[tuple[Ballot, ...]] = []

    def add(self, sums: Floats, parents: Iterable[ParentBallots]) -> None:
        self.sums.append(sums)
        for parent in parents:
            self.parents.append(parent.parent)
            self.ballots.append(parent.ballots)

    def finish(self) -> Units:
        return Units(np.concatenate(self.sums), np.array(self.parents, dtype=np.int64), self.ballots)


def _compare_pairs(collected: list[ParentBallots]) -> tuple[Units, Units]:
    """Return the units of tau, sums (tau, 1), and of the alpha, sums as in `_pairwise_alphas`."""
    taus, preferences = _Growing(2), _Growing(3)
    for parents, stack in stack_compared(collected):
        up, down, tied = compare_candidates(stack)
        a, b, t = (np.add.reduceat(each.astype(np.float64), stack.firsts, axis=0) for each in (up, down, tied))
        votes = a + b + t
        twice = votes > 1
        a, b, t, votes = (np.where(twice, each, 0.0) for each in (a, b, t, votes))
        used = np.logical_or.reduce(twice, axis=1)
        kept = [parent for parent, counts in zip(parents, used.tolist(), strict=True) if counts]
        same = (a - b) ** 2 - (a + b)
        tau = same.sum(axis=1)[used] / (votes * (votes - 1)).sum(axis=1)[used]
        taus.add(np.stack([tau, np.ones_like(tau)], axis=1), kept)
        disagreement = 2 * (votes**2 - a**2 - b**2 - t**2) / np.where(twice, votes - 1, 1.0)
        summed = [each.sum(axis=1) for each in (disagreement, a + b, t)]
        preferences.add(np.stack(summed, axis=1)[used], kept)
    return taus.finish(), preferences.finish()


def _correct_for_ties(collected: list[ParentBallots]) -> Units:
    """Return the units of tau-b, sums (tau-b, 1)."""
    means = _Growing(2)
    for parents, total, pairs in sum_taus(collected):
        used = pairs > 0
        mean = total[used] / pairs[used]
        kept = [parent for parent, counts in zip(parents, used.tolist(), strict=True) if counts]
        means.add(np.stack([mean, np.ones_like(mean)], axis=1), kept)
    return means.finish()


def sum_taus(collected: list[ParentBallots]) -> Iterator[tuple[list[ParentBallots], Floats, Integers]]:
    """Yield parents with the sum of tau-b over their pairs of ballots, and over how many pairs it is."""
    for parents, parts in compare_annotators(collected):
        total, pairs = np.zeros(len(parents)), np.zeros(len(parents), dtype=np.int64)
        for _, taus in parts:
            total += np.nansum(taus, axis=(1, 2))
            pairs += (~np.isnan(taus)).sum(axis=(1, 2))
        yield parents, total, pairs


def stack_compared(collected: list[ParentBallots]) -> Iterator[tuple[list[ParentBallots], Stack]]:
    """Yield the parents on which two ballots could be compared, in blocks of equal size."""
    comparing = (p for p in collected if len(p.candidates) > 1 and len(p.ballots) > 1)
    for parents in group_by_size(comparing):
        yield parents, stack_tiers(parents)


def compare_candidates(stack: Stack) -> tuple[npt.NDArray[np.bool_], ...]:
    """Return (B, pairs) whether each ballot puts the first of a pair above, below, or on a level with the second."""
    first, second = np.triu_indices(stack.tiers.shape[1], 1)
    above = stack.above()
    return above[:, first, second], above[:, second, first], stack.tied()[:, first, second]


def compare_annotators(collected: list[ParentBallots]) -> Iterator[tuple[list[ParentBallots], Parts]]:
    """Yield parents with m ballots each, and the table (P, m, m) of tau-b of each pair of ballots.

    The table comes in parts, each with the number of its first row. NaN is undefined, or on or below the diagonal.
    """
    for parents, stack in stack_compared(collected):
        up, down, tied = compare_candidates(stack)
        signs = up.astype(np.float32) - down
        compared = (up | down | tied).astype(np.float32)
        counts = np.diff(np.append(stack.firsts, len(stack.tiers)))
        for m in np.unique(counts):
            places = np.flatnonzero(counts == m)
            step = max(1, CHUNK // int(m * m))
            for start in range(0, len(places), step):
                chosen = places[start : start + step]
                rows = stack.firsts[chosen][:, None] + np.arange(m)
                yield [parents[place] for place in chosen], _find_taus(signs[rows], compared[rows])


def _find_taus(signs: Signs, compared: Signs) -> Parts:
    """Yield tau-b from the order (P, m, pairs) that each ballot gives, and whether it compares the pair."""
    m = signs.shape[1]
    step = max(1, CHUNK // m)
    strict = np.abs(signs)
    for first in range(0, m, step):
        rows = slice(first, first + step)
        products = signs[:, rows] @ signs.transpose(0, 2, 1)
        untied = (strict[:, rows] @ compared.transpose(0, 2, 1)) * (compared[:, rows] @ strict.transpose(0, 2, 1))
        upper = np.triu(np.ones(products.shape[1:], dtype=bool), first + 1)
        taus: Floats = np.full(products.shape, np.nan)
        np.divide(products, np.sqrt(untied, dtype=np.float64), out=taus, where=(untied > 0) & upper)
        yield first, taus


def _find_sets(collected: list[ParentBallots]) -> Iterator[ParentBallots]:
    """Yield the sets of candidates under each parent that two or more annotators placed in full."""
    for parent in collected:
        sets: defaultdict[tuple[int, ...], list[Ballot]] = defaultdict(list)
        for ballot in parent.ballots:
            sets[tuple(sorted(c for tier in ballot.tiers for c in tier))].append(ballot)
        for placed, group in sorted(sets.items()):
            if len(placed) > 1 and len(group) > 1:
                yield collect_parent(group)


def _compare_sets(collected: list[ParentBallots]) -> tuple[Units, Ranks]:
    """Return the units of W, sums (W, 1), and the ranks; a set on which everybody tied everything has no W."""
    concordance, sets = _Growing(2), _Growing(0)
    values: list[Floats] = [np.zeros(0)]
    votes: list[Integers] = [np.zeros(0, dtype=np.int64)]
    sizes: list[Integers] = [np.zeros(0, dtype=np.int64)]
    for parents in group_by_size(_find_sets(collected)):
        stack = stack_tiers(parents)
        size = stack.tiers.shape[1]
        better = (stack.tiers[:, None, :] < stack.tiers[:, :, None]).sum(axis=2)
        alike = (stack.tiers[:, None, :] == stack.tiers[:, :, None]).sum(axis=2)
        ranks = better + (alike + 1) / 2
        # A group of t tied candidates adds t³ - t: each of its t members adds t² - 1.
        ties = np.add.reduceat((alike**2 - 1).sum(axis=1), stack.firsts)
        m = np.diff(np.append(stack.firsts, len(stack.tiers)))
        spread = np.add.reduceat(ranks, stack.firsts, axis=0) - (m * (size + 1) / 2)[:, None]
        most = m**2 * (size**3 - size) - m * ties
        defined = most > 0
        w = 12 * (spread**2).sum(axis=1)[defined] / most[defined]
        kept = [parent for parent, counts in zip(parents, defined.tolist(), strict=True) if counts]
        concordance.add(np.stack([w, np.ones_like(w)], axis=1), kept)
        by_set = np.repeat(np.arange(len(parents)), m)
        # Candidate by candidate within a set: annotators of one candidate stand together.
        order = np.lexsort((np.tile(np.arange(size), len(ranks)), np.repeat(by_set, size)))
        values.append(((ranks - 0.5) / size).ravel()[order])
        votes.append(np.repeat(m, size))
        sizes.append(np.full(len(parents), size))
        sets.add(np.zeros((len(parents), 0)), parents)
    _, places, ballots = sets.finish()
    ranked = Ranks(np.concatenate(values), np.concatenate(votes), np.concatenate(sizes), places, ballots)
    return concordance.finish(), ranked
