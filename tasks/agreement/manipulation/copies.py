"""The same ballots as another's, beyond what agreement explains.

Two ballots are the same when they put the same candidates into the same tiers (of three or more, not all tied). On each
parent that two people share the same ballot comes about by itself with a probability p: the share of same ballots among
the others there, as far as it is known and at least what
is usual, times how much oftener than usual each of the two gives what others
gave, times `SLACK`. A copy is the same with a probability of `COPIED`. The product of the likelihood ratios is the
evidence against each pair, and all pairs that share a parent count as looked at.

Only pairs that gave the same ballot several times are looked at; the same ballot of many people is nobody's own.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import exp, log, log1p
from typing import NamedTuple

from tasks.agreement.manipulation.betting import FEWEST_PEOPLE
from tasks.records.ballots import Ballot
from tasks.records.manipulation import ObservedBallot, Sign
from tasks.vocabulary import FindingKind

COPIED = (0.5, 0.8, 0.97)
SLACK, HIGHEST = 2.0, 0.9
#: As how many pairs on a parent the usual share counts.
USUAL_PAIRS = 10.0
FEWEST_SAME = 4
#: A ballot that more people gave than this is nobody's own.
MOST_SAME = 30
#: So much of what two share must have been given later by one of them, or both are told of.
CLEARLY_LATER = 0.8
EXAMPLES = 8

Shape = tuple[int, tuple[int, ...]]


class Place(NamedTuple):
    """A parent with a set of candidates: the ballots that can be the same there, and how many pairs of them are."""

    rows: list[int]
    same: float
    pairs: float
    usual: float


def find_copied(
    ballots: Sequence[ObservedBallot], numbers: dict[str, int], *, names: list[str], threshold: float
) -> Iterator[Sign]:
    """Yield who gave another's ballots again. `threshold`: log of the evidence that is asked of one person."""
    kept = _collect(ballots, numbers)
    places, classes = _describe(kept)
    habit, expected = _measure_habits(kept, places, classes)
    shared: Counter[tuple[int, int]] = Counter()
    for members in classes.values():
        if len(members) <= MOST_SAME:
            shared.update(combinations(sorted(members), 2))
    pairs = sorted(pair for pair, count in shared.items() if count >= FEWEST_SAME)
    if not pairs:
        return
    of: defaultdict[int, dict[Shape, int]] = defaultdict(dict)
    for (shape, who), (row, _) in kept.items():
        of[who][shape] = row
    mine = {person for pair in pairs for person in pair}
    people = max(len(names), FEWEST_PEOPLE)
    needed = threshold + log(max(people - 1, 1) / 2)  # of pairs there are so many more than people
    same_key = {(shape, who): order for (shape, who), (_, order) in kept.items() if who in mine}
    for one, other in pairs:
        both = sorted(of[one].keys() & of[other].keys())
        is_same = [same_key[shape, one] == same_key[shape, other] for shape in both]
        chances = []
        for shape, same in zip(both, is_same, strict=True):
            place = places[shape]
            counts = [len(classes[shape, same_key[shape, who]]) for who in (one, other)]
            chances.append(_chance_without(place, counts, same=same))
        mean_habit = [(habit[who] - sum(is_same) + 3.0) / (expected[who] - sum(chances) + 3.0) for who in (one, other)]
        factor = SLACK * max(mean_habit[0], 1.0) * max(mean_habit[1], 1.0)
        likely = [min(factor * chance, HIGHEST) for chance in chances]
        evidence = _weigh(likely, is_same)
        if evidence < needed:
            continue
        rows = [(of[one][shape], of[other][shape]) for shape, same in zip(both, is_same, strict=True) if same]
        strength = (evidence - needed + threshold) / log(10.0)
        for person, source, mine_first in _blame(ballots, one, other, rows):
            figures = {
                "n": len(both),
                "same": sum(is_same),
                "observed": round(sum(is_same) / len(both), 4),
                "expected": round(sum(likely) / len(both), 4),
                "judgments": [ballots[row].judgment for row in mine_first[:EXAMPLES]],
            }
            yield Sign(names[person], FindingKind.COPIED, strength, figures, (names[source],))


Order = tuple[tuple[int, ...], ...]
Kept = dict[tuple[Shape, int], tuple[int, Order]]


def _collect(ballots: Sequence[ObservedBallot], numbers: dict[str, int]) -> Kept:
    kept: Kept = {}
    for row, each in enumerate(ballots):
        order = describe_order(each.ballot)
        if order is not None:
            shape = (each.ballot.parent, tuple(sorted(one for tier in order for one in tier)))
            kept[shape, numbers[each.ballot.annotator]] = (row, order)
    return kept


def describe_order(ballot: Ballot) -> Order | None:
    """The tiers without the order inside them; None where it says too little to be anybody's own."""
    if len(ballot.tiers) < 2 or sum(map(len, ballot.tiers)) < 3:
        return None
    return tuple(tuple(sorted(tier)) if len(tier) > 1 else tier for tier in ballot.tiers)


def _describe(kept: Kept) -> tuple[dict[Shape, Place], dict[tuple[Shape, Order], list[int]]]:
    rows: defaultdict[Shape, list[int]] = defaultdict(list)
    classes: defaultdict[tuple[Shape, Order], list[int]] = defaultdict(list)
    same: Counter[Shape] = Counter()
    for (shape, who), (row, order) in kept.items():
        same[shape] += len(classes[shape, order])
        rows[shape].append(row)
        classes[shape, order].append(who)
    by_size: defaultdict[int, list[float]] = defaultdict(lambda: [1.0, 4.0])
    for shape, members in rows.items():
        by_size[len(shape[1])][0] += same[shape]
        by_size[len(shape[1])][1] += len(members) * (len(members) - 1) / 2
    usual = {size: hits / pairs for size, (hits, pairs) in by_size.items()}
    places = {
        shape: Place(members, float(same[shape]), len(members) * (len(members) - 1) / 2, usual[len(shape[1])])
        for shape, members in rows.items()
    }
    return places, classes


def _measure_habits(
    kept: Kept, places: dict[Shape, Place], classes: dict[tuple[Shape, Order], list[int]]
) -> tuple[Counter[int], defaultdict[int, float]]:
    """Return how often each one gave what another gave, and how often one would on the same parents."""
    habit: Counter[int] = Counter()
    expected: defaultdict[int, float] = defaultdict(float)
    for (shape, who), (_, order) in kept.items():
        place, twins = places[shape], len(classes[shape, order]) - 1
        others = len(place.rows) - 1
        habit[who] += twins
        rest = (place.same - twins + USUAL_PAIRS * place.usual) / (place.pairs - others + USUAL_PAIRS)
        expected[who] += others * rest
    return habit, expected


def _chance_without(place: Place, counts: Sequence[int], *, same: bool) -> float:
    """Return the share of same ballots on a parent, without all pairs in which one of the two is."""
    hits = place.same - (counts[0] - 1) - (counts[1] - 1) + same
    people = len(place.rows)
    left = (people - 2) * (people - 3) / 2
    return max((hits + USUAL_PAIRS * place.usual) / (left + USUAL_PAIRS), place.usual)


def _weigh(likely: Sequence[float], is_same: Sequence[bool]) -> float:
    """Return the logarithm of the mean likelihood ratio of a copy against chance."""
    logs = []
    for copied in COPIED:
        total = 0.0
        for chance, same in zip(likely, is_same, strict=True):
            if chance < copied:
                total += log(copied / chance) if same else log1p(-copied) - log1p(-chance)
        logs.append(total)
    highest = max(logs)
    return highest + log(sum(exp(each - highest) for each in logs) / len(logs))


def _blame(
    ballots: Sequence[ObservedBallot], one: int, other: int, rows: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, list[int]]]:
    """Yield whoever gave the same ballots later, or both where neither clearly did; with their rows."""
    later = sum(ballots[first].created_at > ballots[second].created_at for first, second in rows) / len(rows)
    if later > 1 - CLEARLY_LATER:
        yield one, other, [first for first, _ in rows]
    if later < CLEARLY_LATER:
        yield other, one, [second for _, second in rows]
