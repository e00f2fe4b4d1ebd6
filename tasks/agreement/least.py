"""Who and what agrees least: pairs of annotators, parents and labelled subjects, for somebody to look at.

What few judgments say is drawn towards what holds of all before anything is put in order, as if `PRIOR` more had said
that: else the ends of every list would be those who met least often. What is told is the figure itself, and its n.

The interval of a pair's mean takes the spread of single figures around their pair's mean over all pairs together: the
few that two people share say too little of it themselves.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from math import sqrt

import numpy as np
import numpy.typing as npt

from tasks.agreement.alpha import DIGITS, VoteTable
from tasks.agreement.ranking_units import compare_annotators, sum_taus
from tasks.agreement.tally import ParentBallots

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Entry = dict[str, int | float | str | None]

#: How many of each list are kept, how many parents or subjects a pair must share, how many judgments an item needs.
MOST, SHARED, JUDGED = 50, 3, 3
#: The weight, in shared parents or judgments, of what holds of all.
PRIOR = 3.0
#: Figures of pairs that wait to be added up.
WAITING = 1 << 22
Z = 1.959963984540054


def find_least_pairs(collected: Sequence[ParentBallots]) -> list[Entry]:
    """Return the pairs of annotators whose rankings agree least, by mean tau-b over the parents that both judged."""
    numbers = _number_people(ballot.annotator for parent in collected for ballot in parent.ballots)
    names = list(numbers)
    sums = PairSums(len(names))
    for parents, parts in compare_annotators(list(collected)):
        people = np.array([[numbers[ballot.annotator] for ballot in parent.ballots] for parent in parents])
        for first, taus in parts:
            place, row, column = np.nonzero(~np.isnan(taus))
            sums.add(people[place, first + row], people[place, column], taus[place, row, column])
    return [
        {"one": names[one], "other": names[other], **figures} for (one, other), figures in sums.find_least(low=-1.0)
    ]


def find_least_parents(collected: Sequence[ParentBallots]) -> list[Entry]:
    """Return the parents on which rankings agree least, by mean tau-b over the pairs of ballots."""
    found: list[tuple[int, int, float]] = []
    total = pairs = 0.0
    for parents, sums, counts in sum_taus(list(collected)):
        total, pairs = total + sums.sum(), pairs + counts.sum()
        found += [
            (parent.parent, len(parent.ballots), tau / count)
            for parent, tau, count in zip(parents, sums.tolist(), counts.tolist(), strict=True)
            if count and len(parent.ballots) >= JUDGED
        ]
    mean = total / pairs if pairs else 0.0
    found.sort(key=lambda item: ((item[1] * item[2] + PRIOR * mean) / (item[1] + PRIOR), item[0]))
    return [{"parent": parent, "n": n, "value": round(tau, DIGITS)} for parent, n, tau in found[:MOST]]


def find_least_labelling(tables: Mapping[str, tuple[VoteTable, Sequence[str]]]) -> list[Entry]:
    """Return the pairs whose answers to one question are least often the same, over the subjects that both labelled.

    tables  of each dimension, with the names of its annotators by number
    """
    numbers = _number_people(chain.from_iterable(names for _, names in tables.values()))
    found: list[tuple[float, Entry]] = []
    for dimension, (table, names) in sorted(tables.items()):
        sums = PairSums(len(numbers))
        renumber = np.array([numbers[name] for name in names], dtype=np.int64)
        for people, values in _walk_subjects(table):
            same = values[:, :, None] == values[:, None, :]
            row, column = np.triu_indices(values.shape[1], 1)
            ours = renumber[people]
            sums.add(ours[:, row].ravel(), ours[:, column].ravel(), same[:, row, column].ravel().astype(np.float64))
        everybody = list(numbers)
        for (one, other), figures in sums.find_least(low=0.0):
            entry = {"dimension": dimension, "one": everybody[one], "other": everybody[other], **figures}
            found.append((sums.shrink(figures), entry))
    found.sort(key=lambda item: item[0])
    return [entry for _, entry in found[:MOST]]


def find_least_subjects(tables: Mapping[str, tuple[VoteTable, Sequence[str]]]) -> list[Entry]:
    """Return the subjects whose labels agree least, by the share of pairs of people who gave the same answer.

    In order of how much rarer that is than for the question as a whole.
    """
    found: list[tuple[float, Entry]] = []
    for dimension, (table, _) in sorted(tables.items()):
        rows: list[tuple[int, int, float]] = []
        same = pairs = 0.0
        for subject, n, share in _share_answers(table):
            same, pairs = same + share * n * (n - 1) / 2, pairs + n * (n - 1) / 2
            if n >= JUDGED:
                rows.append((subject, n, share))
        mean = same / pairs if pairs else 0.0
        for subject, n, share in rows:
            entry: Entry = {"dimension": dimension, "subject": subject, "n": n, "value": round(share, DIGITS)}
            found.append((n * (share - mean) / (n + PRIOR), entry))
    found.sort(key=lambda item: (item[0], str(item[1]["dimension"]), int(item[1]["subject"] or 0)))
    return [entry for _, entry in found[:MOST]]


class PairSums:
    """Figures of pairs of people, added up: how many, their sum and their squares."""

    def __init__(self, people: int) -> None:
        self.people = people
        self.keys: list[Integers] = []
        self.figures: list[Floats] = []
        self.waiting = 0
        self.mean = 0.0

    def add(self, one: Integers, other: Integers, values: Floats) -> None:
        """Add a figure of each of these pairs; who is named first means nothing."""
        self.keys.append(np.minimum(one, other) * self.people + np.maximum(one, other))
        self.figures.append(np.stack([np.ones_like(values), values, values**2], axis=1))
        self.waiting += len(values)
        if self.waiting > WAITING:
            self._add_up()

    def find_least(self, *, low: float) -> list[tuple[tuple[int, int], Entry]]:
        """Return the pairs with least, each with its mean, interval and n. `low`: the lowest that a figure can be."""
        self._add_up()
        if not self.keys or not len(self.keys[0]):
            return []
        keys, (n, total, squares) = self.keys[0], self.figures[0].T
        self.mean = float(total.sum() / n.sum())
        freedom = n.sum() - len(n)
        spread = sqrt(max(float((squares - total**2 / n).sum()), 0.0) / freedom) if freedom else 0.0
        shrunk = (total + PRIOR * self.mean) / (n + PRIOR)
        known = np.flatnonzero(n >= SHARED)
        chosen = known[np.lexsort((keys[known], shrunk[known]))][:MOST]
        return [
            (divmod(int(keys[at]), self.people), _describe_mean(total[at] / n[at], int(n[at]), spread, low))
            for at in chosen
        ]

    def shrink(self, figures: Entry) -> float:
        """Return how far a pair's mean lies from that of all, drawn towards it."""
        n, value = float(figures["n"] or 0), float(figures["value"] or 0)
        return n * (value - self.mean) / (n + PRIOR)

    def _add_up(self) -> None:
        if self.keys:
            keys, inverse = np.unique(np.concatenate(self.keys), return_inverse=True)
            figures = np.concatenate(self.figures)
            columns = [np.bincount(inverse, weights=column, minlength=len(keys)) for column in figures.T]
            self.keys, self.figures, self.waiting = [keys], [np.stack(columns, axis=1)], 0


def _describe_mean(mean: float, n: int, spread: float, low: float) -> Entry:
    reach = Z * spread / sqrt(n)
    return {
        "n": n,
        "value": round(float(mean), DIGITS),
        "low": round(max(low, float(mean) - reach), DIGITS),
        "high": round(min(1.0, float(mean) + reach), DIGITS),
    }


def _number_people(names: Iterable[str]) -> dict[str, int]:
    """Return a number for each name, in an order that does not depend on how they came."""
    return {name: number for number, name in enumerate(sorted(set(names)))}


def _walk_subjects(table: VoteTable) -> Iterable[tuple[Integers, Floats]]:
    """Yield people (P, m) and values (P, m) of the subjects with m votes, two or more."""
    given, firsts, counts = _order_votes(table)
    for m in np.unique(counts[counts > 1]):
        places = firsts[counts == m]
        step = max(1, WAITING // int(m * m))
        for start in range(0, len(places), step):
            rows = places[start : start + step, None] + np.arange(m)
            yield given.annotators[rows], given.values[rows]


def _share_answers(table: VoteTable) -> Iterable[tuple[int, int, float]]:
    """Yield subjects with two votes or more, their number, and the share of pairs that are the same."""
    given, firsts, counts = _order_votes(table)
    order = np.lexsort((given.values, given.subjects))
    values, subjects = given.values[order], given.subjects[order]
    runs = np.flatnonzero(np.append(True, (values[1:] != values[:-1]) | (subjects[1:] != subjects[:-1])))
    lengths = np.diff(np.append(runs, len(values))) if len(values) else np.zeros(0)
    alike = np.add.reduceat(lengths * (lengths - 1), np.searchsorted(runs, firsts)) if len(firsts) else firsts
    for subject, n, same in zip(subjects[firsts].tolist(), counts.tolist(), alike.tolist(), strict=True):
        if n > 1:
            yield subject, n, same / (n * (n - 1))


def _order_votes(table: VoteTable) -> tuple[VoteTable, Integers, Integers]:
    """Return the votes that were given, by subject and annotator, and where each subject begins, and how many it has.

    Of several of one annotator on one subject the last is kept.
    """
    given = table.select(~np.isnan(table.values))
    order = np.lexsort((np.arange(len(given.values)), given.annotators, given.subjects))
    subjects, people = given.subjects[order], given.annotators[order]
    last = np.append((subjects[1:] != subjects[:-1]) | (people[1:] != people[:-1]), True)[: len(order)]
    kept = VoteTable(subjects[last], people[last], given.values[order][last])
    _, firsts, counts = np.unique(kept.subjects, return_index=True, return_counts=True)
    return kept, firsts, counts
