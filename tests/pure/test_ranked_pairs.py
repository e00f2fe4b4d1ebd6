"""Ranked pairs, Borda's count and margins: published examples, a plain version, and what no die may decide."""

from itertools import combinations, permutations
from random import Random

import numpy as np
import pytest

from tasks.agreement.consensus import combine_rankings
from tasks.agreement.ranked_pairs import lock_majorities, rank_by_pairs
from tasks.records.ballots import Ballot

#: Where the capital of Tennessee is to be (Wikipedia, "Ranked pairs" and "Borda count"): Memphis, Nashville,
#: Chattanooga, Knoxville.
TENNESSEE = ((42, "MNCK"), (26, "NCKM"), (15, "CKNM"), (17, "KCNM"))
#: A circle that has to be cut: w beats x, x beats z, and z beats w by the least.
CIRCLE = ((7, "wxzy"), (2, "wyxz"), (4, "xyzw"), (5, "xzwy"), (1, "ywxz"), (8, "yzwx"))


def combine(votes):
    """The record of votes by letters, and the ids of the letters."""
    ids = {letter: at for at, letter in enumerate(sorted({c for _, order in votes for c in order}))}
    orders = [order for count, order in votes for _ in range(count)]
    ballots = [
        Ballot(f"a{at}", 1, tuple((ids[c],) for c in order), None, tuple(ids[c] for c in order))
        for at, order in enumerate(orders)
    ]
    [record] = combine_rankings(ballots, seed=1)
    return record, {at: letter for letter, at in ids.items()}


def ranked(votes):
    record, letters = combine(votes)
    return ["".join(letters[c] for c in tier) for tier in record.ranked_pairs]


def tideman(margins):
    """Tideman's method for one table, pair by pair."""
    size = len(margins)
    beats = np.zeros((size, size), dtype=bool)
    majorities = [(i, j) for i, j in permutations(range(size), 2) if margins[i, j] > 0]
    for i, j in sorted(majorities, key=lambda pair: -margins[pair]):
        reach = beats.copy()
        for middle in range(size):
            reach |= reach[:, [middle]] & reach[[middle]]
        if not reach[j, i]:
            beats[i, j] = True
    order, left = [], set(range(size))
    while left:
        first = [i for i in left if not any(beats[j, i] for j in left)]
        order.append(sorted(first))
        left -= set(first)
    return order


def test_capital_of_tennessee_is_the_published_one():
    record, letters = combine(TENNESSEE)
    assert ranked(TENNESSEE) == ["N", "C", "K", "M"]
    points = {letters[c]: round(share * 300) for c, share in zip(record.candidates, record.borda, strict=True)}
    assert points == {"M": 126, "N": 194, "C": 173, "K": 107}
    at = {letters[c]: i for i, c in enumerate(record.candidates)}
    published = {"MN": -16, "MC": -16, "MK": -16, "NC": 36, "NK": 36, "CK": 66}
    assert {pair: round(100 * record.margins[at[pair[0]]][at[pair[1]]]) for pair in published} == published
    assert {round(100 * record.margins[at[pair[1]]][at[pair[0]]]) + published[pair] for pair in published} == {0}


def test_circle_is_cut_where_it_is_weakest():
    assert ranked(CIRCLE) == ["w", "x", "y", "z"]


def test_it_is_the_plain_method_where_all_margins_differ():
    rng = Random(5)
    tables, expected = [], []
    for _ in range(300):
        table = np.zeros((5, 5))
        sizes = rng.sample(range(1, 40), 10)
        for (i, j), margin in zip(combinations(range(5), 2), sizes, strict=True):
            table[i, j] = margin * rng.choice((1, -1))
            table[j, i] = -table[i, j]
        tables.append(table)
        expected.append(tideman(table))
    tiers = rank_by_pairs(np.stack(tables, axis=2))
    found = [[[i for i in range(5) if row[i] == tier] for tier in range(max(row) + 1)] for row in tiers.tolist()]
    assert found == expected
    assert all(len(order) == 5 for order in expected)


def test_circle_of_equal_majorities_is_a_tie_of_all():
    assert ranked(((1, "abc"), (1, "bca"), (1, "cab"))) == ["abc"]


def test_a_circle_of_equals_does_not_hide_what_is_clear():
    assert ranked(((5, "dabc"), (5, "dbca"), (5, "dcab"))) == ["d", "abc"]


def test_no_id_decides_between_equal_margins():
    rng = Random(6)
    for _ in range(100):
        table = np.zeros((5, 5))
        for i, j in combinations(range(5), 2):
            table[i, j] = rng.randint(-2, 2)
            table[j, i] = -table[i, j]
        order = rng.sample(range(5), 5)
        both = np.stack([table, table[np.ix_(order, order)]], axis=2)
        tiers = rank_by_pairs(both)
        assert tiers[1].tolist() == tiers[0][order].tolist()
        locked = lock_majorities(both)
        assert not (locked & locked.transpose(1, 0, 2)).any()


def test_result_for_one_does_not_depend_on_the_others():
    rng = Random(7)
    tables = []
    for _ in range(50):
        half = np.triu(np.array([[rng.randint(-3, 3) for _ in range(6)] for _ in range(6)], dtype=float), 1)
        tables.append(half - half.T)
    together = rank_by_pairs(np.stack(tables, axis=2))
    for table, row in zip(tables, together, strict=True):
        assert rank_by_pairs(table[:, :, None]).tolist() == [row.tolist()]


def ballot(who, *tiers, rest_worse=False):
    return Ballot(who, 1, tuple(map(tuple, tiers)), None, tuple(c for t in tiers for c in t), rest_worse)


def test_partial_ballots_count_for_what_they_place():
    [record] = combine_rankings([ballot("a", [1], [2]), ballot("b", [2], [3]), ballot("c", [4])], seed=1)
    assert record.borda == (1.0, 0.5, 0.0, None)
    assert record.margins == (
        (0.0, 1.0, None, None),
        (-1.0, 0.0, 1.0, None),
        (None, -1.0, 0.0, None),
        (None, None, None, 0.0),
    )
    assert record.ranked_pairs == ((1, 4), (2,), (3,))


def test_ties_and_the_rest_are_no_margins():
    [record] = combine_rankings([ballot("a", [1], [2, 3]), ballot("b", [1], [2, 3], rest_worse=True)], seed=1)
    assert record.borda == (1.0, 0.25, 0.25)
    assert record.margins == ((0.0, 1.0, 1.0), (-1.0, 0.0, 0.0), (-1.0, 0.0, 0.0))
    assert record.ranked_pairs == ((1,), (2, 3))


def test_one_candidate_stands_alone():
    [record] = combine_rankings([ballot("a", [1])], seed=1)
    assert (record.ranked_pairs, record.borda, record.margins) == (((1,),), (None,), ((0.0,),))


def test_weights_count_votes_and_sharpness_does_not():
    ballots = [ballot("a", [1], [2]), ballot("b", [2], [1])]
    [weighed] = combine_rankings(ballots, seed=1, weights={"a": 3.0})
    [sharp] = combine_rankings(ballots, seed=1, sharpness={"a": 3.0})
    assert (weighed.ranked_pairs, weighed.margins[0][1], weighed.borda) == (((1,), (2,)), 0.5, (0.75, 0.25))
    assert (sharp.ranked_pairs, sharp.margins[0][1], sharp.borda) == (((1, 2),), 0.0, (0.5, 0.5))


@pytest.mark.parametrize("weight", [0.1, 1 / 3, 1e-3])
def test_weights_that_do_not_add_up_exactly_make_no_majority(weight):
    ballots = [ballot(f"a{i}", [1], [2]) for i in range(3)] + [ballot("b", [2], [1])]
    [record] = combine_rankings(ballots, seed=1, weights={**{f"a{i}": weight for i in range(3)}, "b": 3 * weight})
    assert record.ranked_pairs == ((1, 2),)
