"""Choices made while somebody waits: units at hand, and subsets of candidates."""

import subprocess
import sys
from collections import Counter
from itertools import combinations
from math import ceil
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scheduling.pick import choose_subset


def components(candidates, subsets):
    """The groups of candidates that chains of common subsets join."""
    groups = [{c} for c in candidates]
    for subset in subsets:
        joined = [g for g in groups if g & set(subset)]
        groups = [g for g in groups if not g & set(subset)]
        groups.append(set().union(*joined))
    return groups


def times_shown(candidates, subsets):
    counts = Counter(c for subset in subsets for c in subset)
    return [counts[c] for c in candidates]


def choose_many(candidates, *, size, number, rng, shown=()):
    subsets = list(shown)
    for _ in range(number):
        subsets.append(choose_subset(candidates, shown=subsets, size=size, rng=rng))
    return subsets


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sets(st.integers(1, 10**9), min_size=1, max_size=30),
    st.integers(2, 8),
    st.integers(0, 25),
    st.randoms(use_true_random=False),
)
def test_subsets_are_balanced(candidates, size, number, rng):
    ids = list(candidates)
    for count in range(number):
        subsets = choose_many(ids, size=size, number=count, rng=Random(count))
        times = times_shown(ids, subsets)
        assert max(times) - min(times) <= 1
    last = choose_subset(ids, shown=[], size=size, rng=rng)
    assert len(set(last)) == len(last) == min(size, len(ids))
    assert set(last) <= candidates


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sets(st.integers(1, 10**9), min_size=2, max_size=40),
    st.integers(2, 8),
    st.integers(0, 10**6),
)
def test_comparisons_are_connected_as_soon_as_can_be(candidates, size, seed):
    ids = list(candidates)
    number = ceil((len(ids) - 1) / (min(size, len(ids)) - 1))
    subsets = choose_many(ids, size=size, number=number, rng=Random(seed))
    assert components(ids, subsets) == [candidates]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(5, 12), st.integers(2, 5), st.integers(1, 9), st.integers(0, 10**6))
def test_candidates_added_later_are_connected_and_catch_up(first, size, added, seed):
    rng = Random(seed)
    old, new = list(range(first)), list(range(100, 100 + added))
    subsets = choose_many(old, size=size, number=12, rng=rng)
    subsets = choose_many([*old, *new], size=size, number=added, rng=rng, shown=subsets)
    assert len(components([*old, *new], subsets)) == 1
    behind = max(times_shown(old, subsets)) * (added + first) + size
    subsets = choose_many([*old, *new], size=size, number=behind, rng=rng, shown=subsets)
    times = times_shown([*old, *new], subsets)
    assert max(times) - min(times) <= 1


class Counted(int):
    """A candidate that counts how often anything looks it up."""

    looks = 0

    def __hash__(self):
        Counted.looks += 1
        return int.__hash__(self)

    def __eq__(self, other):
        return int.__eq__(self, other)


def count_looks(number, *, size):
    ids = [Counted(i) for i in range(number)]
    shown = [ids[at : at + size] for at in range(0, number, size)]
    Counted.looks = 0
    choose_subset(ids, shown=shown, size=size, rng=Random(1))
    return Counted.looks


def test_the_work_grows_with_the_candidates_and_no_faster():
    assert count_looks(4000, size=8) < 4.5 * count_looks(1000, size=8)
    assert count_looks(4000, size=8) < 40 * 4000


def test_candidates_that_are_gone_are_ignored():
    chosen = choose_subset([1, 2, 3], shown=[(1, 9), (9, 2), (9, 8)], size=2, rng=Random(1))
    assert 3 in chosen
    assert set(chosen) <= {1, 2, 3}


def test_what_only_a_gone_candidate_joined_is_not_connected():
    shown = [(1, 2), (2, 9), (9, 3), (3, 4)]
    for seed in range(20):
        first, second = choose_subset([1, 2, 3, 4], shown=shown, size=2, rng=Random(seed))
        assert {first, second} & {1, 2}
        assert {first, second} & {3, 4}


def test_least_seen_pairs_come_first():
    """Four candidates two by two: no pair comes again before each of the six came once."""
    for seed in range(10):
        subsets = choose_many(range(1, 5), size=2, number=6, rng=Random(seed))
        assert {frozenset(s) for s in subsets} == {frozenset(p) for p in combinations(range(1, 5), 2)}


def test_pending_subset_counts_as_shown():
    assert set(choose_subset([1, 2, 3, 4], shown=[(2, 4)], size=2, rng=Random(1))) == {1, 3}


def test_same_seed_gives_the_same_subset_whatever_order_the_candidates_come_in():
    ids = list(range(20))
    shown = [(1, 2, 3), (4, 5, 6)]
    expected = choose_subset(ids, shown=shown, size=4, rng=Random(3))
    assert choose_subset(ids[::-1], shown=shown, size=4, rng=Random(3)) == expected
    assert choose_subset(ids, shown=[s[::-1] for s in shown], size=4, rng=Random(3)) == expected


def test_order_of_presentation_favours_no_candidate():
    firsts = Counter(choose_subset([1, 2, 3, 4], shown=[], size=4, rng=Random(seed))[0] for seed in range(2000))
    assert all(abs(count - 500) < 5 * 20 for count in firsts.values()), firsts


def test_order_of_presentation_tells_nothing_of_earlier_subsets():
    """A candidate shown often before is not put last (or first) for it."""
    firsts = Counter(
        choose_subset([1, 2, 3], shown=[(1, 2), (1, 2)], size=3, rng=Random(seed))[0] for seed in range(1500)
    )
    assert all(abs(count - 500) < 5 * 19 for count in firsts.values()), firsts


def test_fewer_candidates_than_places_are_all_shown():
    assert set(choose_subset([5, 6], shown=[], size=4, rng=Random(1))) == {5, 6}
    assert choose_subset([5], shown=[(5,)], size=4, rng=Random(1)) == (5,)
    assert choose_subset([], shown=[], size=4, rng=Random(1)) == ()


def test_subset_of_one_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        choose_subset([1, 2], shown=[], size=1, rng=Random(1))


def test_candidate_listed_twice_is_refused():
    with pytest.raises(ValueError, match="listed twice"):
        choose_subset([1, 2, 1], shown=[], size=2, rng=Random(1))


def test_pick_starts_with_the_standard_library_alone():
    """The web process imports it: nothing of numpy, Django or Celery may come with it."""
    program = (
        "import sys; before = set(sys.modules); import tasks.scheduling.pick; "
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['tasks']"
