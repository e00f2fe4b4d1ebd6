"""Ballots that follow the place on the page: the first always best, the last always best, or the order as it was shown.

Candidates are shuffled for every ballot, so that whatever somebody thinks of them, none of the k places is best more often
than any other. People do lean a little towards what they see first: honest work may do so by `LEAN`.
Of ballots whose order is not known (they were imported) nothing is said.
"""

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.manipulation.betting import bet, mean_by, mean_evidence
from tasks.agreement.manipulation.orders import iterate_people, pick_examples
from tasks.records.ballots import Ballot
from tasks.records.manipulation import ObservedBallot, Sign
from tasks.vocabulary import FindingKind

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LEAN = 0.2
EXAMPLES = 8


class Habit(NamedTuple):
    """What a ballot says of one habit: `value`, at least `lowest`, where by chance it would be `expected`."""

    name: str
    value: Floats
    expected: Floats
    lowest: float


def find_position(
    ballots: Sequence[ObservedBallot], numbers: dict[str, int], *, names: list[str], threshold: float
) -> Iterator[Sign]:
    """Yield whose ballots follow the place."""
    rows = [row for row, each in enumerate(ballots) if each.order_known and _says_something(each.ballot)]
    if not rows:
        return
    people, order = len(names), np.array(rows, dtype=np.int64)
    who = np.array([numbers[ballots[row].ballot.annotator] for row in rows], dtype=np.int64)
    habits = _look([ballots[row].ballot for row in rows])
    logs = [_bet_on(habit, who, people) for habit in habits]
    evidence = mean_evidence(*logs)
    for person, strength in iterate_people(evidence, above=threshold):
        habit = habits[int(np.argmax([log[person] for log in logs]))]
        observed, count = mean_by(who, habit.value, people=people)
        expected, _ = mean_by(who, habit.expected, people=people)
        shown = pick_examples(who, order, habit.value - habit.expected, person=person, most=EXAMPLES)
        figures = {
            "n": int(count[person]),
            "habit": habit.name,
            "observed": round(float(observed[person]), 4),
            "expected": round(float(expected[person]), 4),
            "judgments": [ballots[row].judgment for row in shown],
        }
        yield Sign(names[person], FindingKind.POSITION, strength, figures)


def _bet_on(habit: Habit, who: Integers, people: int) -> Floats:
    """Return the evidence that somebody follows the place oftener than chance and a little leaning explain."""
    allowed = np.minimum(habit.expected + LEAN, 1.0)
    return bet(who, (habit.value - allowed) / (allowed - habit.lowest), people=people)


def _says_something(ballot: Ballot) -> bool:
    """Whether it puts some candidates above others, all that were shown being placed."""
    return len(ballot.tiers) > 1 and sum(map(len, ballot.tiers)) == len(ballot.shown)


def _look(ballots: Sequence[Ballot]) -> list[Habit]:
    """Return for each ballot whether the first and the last place are best, and how far the whole order is that of places."""
    first, last, chance, along = (np.zeros(len(ballots)) for _ in range(4))
    for at, ballot in enumerate(ballots):
        best = ballot.tiers[0]
        first[at] = (ballot.shown[0] in best) / len(best)
        last[at] = (ballot.shown[-1] in best) / len(best)
        chance[at] = 1.0 / len(ballot.shown)
        along[at] = _follow(ballot)
    nothing = np.zeros(len(ballots))
    return [
        Habit("first_best", first, chance, 0.0),
        Habit("last_best", last, chance, 0.0),
        Habit("as_shown", along, nothing, -1.0),
        Habit("reversed", -along, nothing, -1.0),
    ]


def _follow(ballot: Ballot) -> float:
    """Return Kendall's tau-b of the ballot with the order in which it was shown."""
    tier = {candidate: number for number, members in enumerate(ballot.tiers) for candidate in members}
    places = [tier[candidate] for candidate in ballot.shown]
    later = [(one < other) - (one > other) for at, one in enumerate(places) for other in places[at + 1 :]]
    told = sum(map(abs, later))
    return sum(later) / sqrt(len(later) * told)
