"""People who give the same odd ballots.

A ballot is odd where the others on its parent (without one who gave nearly the same) hardly agree with it. Honest people who err do so
each in their own way, and those who share an opinion still differ as honest people do: two odd ballots are then nearly
the same no oftener than any two. So each odd ballot is a bet on how many of the other odd ones there, by people who judge alike elsewhere, are nearly the same,
against `TIMES_USUAL` the share that is usual among all ballots of people who judge alike. Whoever gives one arbitrary answer with others
loses that bet; an opinion group does not, however often they go against the many.

Nearly the same: a cosine of `NEAR`, which is one pair of neighbours turned round among five candidates, none among four. Ballots
on two candidates say nothing here: any two odd ones are the same.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.manipulation.betting import bet, mean_by, mean_evidence
from tasks.agreement.manipulation.likes import Taste
from tasks.agreement.manipulation.orders import Orders, pick_examples
from tasks.records.manipulation import Sign
from tasks.vocabulary import FindingKind

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NEAR = 0.79
#: A ballot is odd where its mean cosine with the rest is below this.
ODD_BELOW = 0.2
#: The cosine of two tastes, each told from all other parents, from which two judge alike.
ALIKE = 0.6
#: Honest work may be so much more alike than is usual, and this much beside.
TIMES_USUAL, MORE = 1.5, 0.05
#: So much oftener than usual must somebody's ballots be odd.
ODDER = 0.1
FEWEST_ROWS = 4
SMALLEST_CLIQUE = 3
EXAMPLES = 8
#: On a parent each ballot is held against so many others at most.
MOST_COMPARED = 40

Flags = npt.NDArray[np.bool_]


class Odd(NamedTuple):
    """The ballots of a block that speak, and those of them that are odd.

    near, others  (n,) how many of the other odd ballots on its parent, by people who judge alike, are nearly the same, and how many there are
    allowed       (n,) the share of these that honest work may reach
    pairs         (m, 2) the people of odd ballots that are nearly the same
    """

    row: Integers
    annotator: Integers
    is_odd: Flags
    near: Floats
    others: Floats
    allowed: Floats
    pairs: Integers


def find_collusion(
    blocks: Sequence[Orders], taste: Taste, *, names: list[str], judgment: Callable[[int], int], threshold: float
) -> Iterator[Sign]:
    """Yield the members of every clique."""
    parts = [_look(*each) for each in zip(blocks, taste.before, strict=True) if each[0].signs.shape[1] > 1]
    if not parts:
        return
    people = len(names)
    odd = Odd(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    share, count = mean_by(odd.annotator, odd.is_odd.astype(np.float64), people=people)
    told = odd.is_odd & (odd.others > 0) & (odd.allowed < 1)
    who, same, others = odd.annotator[told], odd.near[told] / odd.others[told], odd.others[told]
    any_allowed = 1.0 - (1.0 - odd.allowed[told]) ** others
    evidence = mean_evidence(
        bet(who, same / odd.allowed[told] - 1.0, people=people),
        bet(who, (same > 0) / any_allowed - 1.0, people=people),
    )
    usual = float(np.median(share[count > 0])) if count.any() else 0.0
    found = (evidence >= threshold) & (share >= usual + ODDER)
    observed, n = mean_by(who, same, people=people)
    allowed, _ = mean_by(who, odd.allowed[told], people=people)
    for clique in _connect(odd.pairs, found):
        for person in clique:
            rows = pick_examples(who, odd.row[told], same, person=person, most=EXAMPLES)
            figures = {
                "n": int(n[person]),
                "observed": round(float(observed[person]), 4),
                "expected": round(float(allowed[person]), 4),
                "odd": round(float(share[person]), 4),
                "usually_odd": round(usual, 4),
                "judgments": [judgment(row) for row in rows],
            }
            members = tuple(names[one] for one in clique if one != person)
            strength = float(evidence[person] / np.log(10.0))
            yield Sign(names[person], FindingKind.COLLUSION, strength, figures, members)


def _look(block: Orders, before: Floats) -> Odd:
    speaks = np.flatnonzero((block.count_rows() >= FEWEST_ROWS) & (np.abs(block.signs).sum(axis=1) > 0))
    parent, signs, likes = block.parent[speaks], block.signs[speaks], before[speaks]
    likes = likes / np.maximum(np.sqrt((likes * likes).sum(axis=1, keepdims=True)), 1e-300)
    rest = block.add_up(block.signs)[parent] - signs
    against = np.einsum("np,np->n", rest, signs)
    has_twin = np.minimum(_compare(parent, signs)[0], 1.0)
    with_rest = (against - has_twin) / (block.count_rows()[speaks] - 1.0 - has_twin)
    is_odd = with_rest < ODD_BELOW
    near_usual, met_usual, _ = _compare(parent, signs, likes)
    usual = (near_usual.sum() + 1.0) / (met_usual.sum() + 2.0)
    among = np.flatnonzero(is_odd)
    near, others = np.zeros(len(speaks)), np.zeros(len(speaks))
    near[among], others[among], pairs = _compare(parent[among], signs[among], likes[among])
    annotator = block.annotator[speaks]
    allowed = np.full(len(speaks), min(TIMES_USUAL * usual + MORE, 1.0))
    return Odd(block.row[speaks], annotator, is_odd, near, others, allowed, annotator[among[pairs]])


def _compare(parent: Integers, signs: Floats, likes: Floats | None = None) -> tuple[Floats, Floats, Integers]:
    """Return for each row how many others on its parent are nearly the same, how many it was held against, and all pairs
    of rows that are nearly the same. Rows are sorted by parent. `likes`: only those who judge alike are held together.
    """
    near, met = np.zeros(len(parent)), np.zeros(len(parent))
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    for lag in range(1, min(MOST_COMPARED, len(parent))):
        first = np.flatnonzero(parent[lag:] == parent[:-lag])
        if not len(first):
            break
        if likes is not None:
            first = first[np.einsum("nd,nd->n", likes[first], likes[first + lag]) >= ALIKE]
        second = first + lag
        same = np.einsum("np,np->n", signs[first], signs[second]) >= NEAR
        for rows in (first, second):  # each stands at most once in either
            met[rows] += 1.0
            near[rows] += same
        pairs.append(np.column_stack([first[same], second[same]]))
    return near, met, np.concatenate(pairs)


def _connect(pairs: Integers, found: Flags) -> list[list[int]]:
    """Return the groups of people found who gave nearly the same odd ballots, by way of each other."""
    leader = {person: person for person in np.flatnonzero(found).tolist()}

    def lead(person: int) -> int:
        while leader[person] != person:
            leader[person] = leader[leader[person]]
            person = leader[person]
        return person

    for one, other in np.unique(pairs[found[pairs].all(axis=1)], axis=0).tolist():
        first, second = sorted((lead(one), lead(other)))
        leader[second] = first
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for person in sorted(leader):
        groups[lead(person)].append(person)
    return [members for members in groups.values() if len(members) >= SMALLEST_CLIQUE]
