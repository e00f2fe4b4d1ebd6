"""What is shown next where certainty decides: what is not known yet, after everything was shown, and not always."""

from collections import Counter
from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scheduling.pick import EVEN_SHARE, choose_doubtful, choose_subset

IDS = [1, 2, 3, 4, 5, 6]
#: Each candidate twice, all of them connected.
SHOWN = [(1, 2, 3), (3, 4, 5), (5, 6, 1), (2, 4, 6)]


def doubt_of(**pairs):
    """No doubt but of the pairs that are named, as `d12=0.5`."""
    return dict.fromkeys(combinations(IDS, 2), 0.0) | {
        (int(name[1]), int(name[2])): value for name, value in pairs.items()
    }


def choose(seed, *, shown=SHOWN, doubt, size=3):
    return choose_doubtful(IDS, shown=shown, doubt=doubt, size=size, rng=Random(seed))


def test_pairs_of_most_doubt_are_shown_in_all_but_a_few_choices():
    doubt = doubt_of(d12=0.5, d15=0.4, d25=0.4)
    chosen = Counter(frozenset(choose(seed, doubt=doubt)) for seed in range(800))
    assert chosen[frozenset({1, 2, 5})] / 800 == pytest.approx(1 - 1 / EVEN_SHARE, abs=0.05)


def test_of_two_at_once_the_least_certain_pair_is_shown():
    chosen = Counter(frozenset(choose(seed, doubt=doubt_of(d36=0.45, d12=0.2), size=2)) for seed in range(400))
    assert chosen.most_common(1)[0][0] == frozenset({3, 6})


@pytest.mark.parametrize(
    "shown",
    [
        [],
        [(1, 2, 3), (4, 5, 6)],
        [(1, 2, 3), (3, 4, 5), (5, 6, 1)],
        [(1, 2, 3), (1, 2, 3), (4, 5, 6), (4, 5, 6)],
    ],
)
def test_until_all_were_shown_and_are_connected_the_choice_is_balanced(shown):
    doubt = doubt_of(d12=0.5, d15=0.4, d25=0.4)
    for seed in range(40):
        expected = choose_subset(IDS, shown=shown, size=3, rng=Random(seed))
        assert choose(seed, shown=shown, doubt=doubt) == expected


def test_where_nothing_is_known_of_a_candidate_the_choice_is_balanced():
    doubt = {pair: 0.5 for pair in combinations(IDS, 2) if 6 not in pair}
    for seed in range(40):
        assert choose(seed, doubt=doubt) == choose_subset(IDS, shown=SHOWN, size=3, rng=Random(seed))


def test_candidates_that_are_gone_are_not_chosen_however_doubtful():
    doubt = dict.fromkeys(combinations([*IDS, 9], 2), 0.1) | {(1, 9): 0.5}
    assert all(9 not in choose(seed, doubt=doubt) for seed in range(100))


def test_places_tell_nothing():
    doubt = doubt_of(d12=0.5, d15=0.4, d25=0.4)
    firsts = Counter(choose(seed, doubt=doubt)[0] for seed in range(1500))
    assert max(firsts[one] for one in (1, 2, 5)) < 1.2 * min(firsts[one] for one in (1, 2, 5))


def test_doubts_that_hardly_differ_are_shown_to_different_people():
    doubt = dict.fromkeys(combinations(IDS, 2), 0.3)
    assert len({frozenset(choose(seed, doubt=doubt)) for seed in range(200)}) > 10


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.sets(st.integers(1, 12), max_size=10), st.integers(2, 8), st.integers(0, 10**6))
def test_it_shows_each_once_and_as_many_as_there_are_places(ids, size, seed):
    doubt = {pair: Random(seed).random() / 2 for pair in combinations(sorted(ids), 2)}
    shown = [tuple(ids)] * 2
    chosen = choose_doubtful(sorted(ids), shown=shown, doubt=doubt, size=size, rng=Random(seed))
    assert len(chosen) == len(set(chosen)) == min(size, len(ids))
    assert ids.issuperset(chosen)


def test_a_subset_of_one_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        choose(1, doubt={}, size=1)
