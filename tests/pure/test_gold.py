"""How often gold is asked, and how an answer compares with the known one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.scheduling.gold import score_labels, score_order, share_of_gold


def score(answer, order, *, bar=None, drawn=None, shown=(1, 2, 3)):
    return score_order(answer=answer, answer_bar=bar, given=order, given_bar=drawn, shown=shown)


@pytest.mark.parametrize(
    ("judgments", "training", "expected"),
    [(0, 10, 0.40), (5, 10, 0.25), (9, 10, 0.13), (10, 10, 0.03), (11, 10, 0.03), (0, 0, 0.03), (500, 0, 0.03)],
)
def test_the_share_falls_while_somebody_trains_and_is_the_campaigns_after(judgments, training, expected):
    assert share_of_gold(judgments=judgments, training=training, share=0.03) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([[1], [2], [3]], 1.0),
        ([[3], [2], [1]], 0.0),
        ([[1, 2, 3]], 0.5),
        ([[1], [3], [2]], 2 / 3),
        ([[1], [2, 3]], 2.5 / 3),
    ],
)
def test_a_score_is_the_share_of_ordered_pairs_and_a_tie_is_half(order, expected):
    assert score([[1], [2], [3]], order) == pytest.approx(expected)


def test_what_the_answer_ties_is_no_pair():
    assert score([[1], [2, 3]], [[1], [3], [2]]) == 1.0


def test_the_bar_is_compared_with_each_candidate_where_both_drew_one():
    answer = [[1], [2], [3]]
    assert score(answer, answer, bar=1, drawn=1) == 1.0
    assert score(answer, answer, bar=1, drawn=2) == pytest.approx(5 / 6)
    assert score(answer, answer, bar=0, drawn=3) == pytest.approx(3 / 6)
    assert score(answer, answer, bar=1, drawn=None) == 1.0
    assert score([[1, 2, 3]], [[1, 2, 3]], bar=0, drawn=0) == 1.0


def test_only_what_was_shown_is_compared():
    assert score([[1], [2], [3]], [[2], [1]], shown=(2, 1)) == 0.0
    assert score([[1, 2], [3]], [[2], [1]], shown=(2, 1)) is None


def test_a_candidate_that_was_not_placed_says_nothing():
    assert score([[1], [2]], [[1]], shown=(1, 2)) == 0.5


@given(st.permutations([1, 2, 3, 4]), st.integers(0, 4), st.permutations([1, 2, 3, 4]), st.integers(0, 4))
def test_the_opposite_of_an_order_gets_what_it_did_not(right, bar, order, drawn):
    ranked = [[item] for item in order]
    one = score([[item] for item in right], ranked, bar=bar, drawn=drawn, shown=(1, 2, 3, 4))
    other = score([[item] for item in right], ranked[::-1], shown=(1, 2, 3, 4))
    plain = score([[item] for item in right], ranked, shown=(1, 2, 3, 4))
    assert 0 <= one <= 1
    assert plain + other == pytest.approx(1)


def test_labels_are_right_within_a_step_of_the_scale():
    answer = {"quality": 0.75, "spam": 0.0}
    assert score_labels(answer=answer, given={"quality": 1.0, "spam": 0.0}) == 1.0
    assert score_labels(answer=answer, given={"quality": 0.25, "spam": 0.0}) == 0.5
    assert score_labels(answer=answer, given={"quality": None, "spam": 1.0}) == 0.0


def test_a_question_that_was_left_open_is_not_compared():
    assert score_labels(answer={"quality": 0.75, "spam": 0.0}, given={"spam": 0.0}) == 1.0
    assert score_labels(answer={"quality": 0.75}, given={"spam": 0.0}) is None
