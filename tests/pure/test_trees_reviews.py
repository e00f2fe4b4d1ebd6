"""What reviewers decide of a message, and how many of them are asked."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records.trees import Verdict
from tasks.scheduling.trees import count_reviews_wanted, decide_review, maximum_reviews, minimum_reviews
from tasks.vocabulary import ReviewState
from tests.pure.tree_facts import make_rules, say

PENDING, ACCEPTED, REJECTED = ReviewState.PENDING, ReviewState.ACCEPTED, ReviewState.REJECTED
FINE, BAD = False, True

decide = partial(decide_review, needed_minimum=2, max_reviews=5, threshold=0.6)
count = partial(count_reviews_wanted, needed_minimum=2, max_reviews=5, threshold=0.6)


@pytest.mark.parametrize(
    ("objections", "decided", "wanted"),
    [
        ([], PENDING, 2),
        ([FINE], PENDING, 2),
        ([BAD], PENDING, 2),
        ([FINE, FINE], ACCEPTED, 2),
        ([BAD, BAD], REJECTED, 2),
        # Divided: one more is asked, each time.
        ([FINE, BAD], PENDING, 3),
        ([FINE, BAD, FINE], PENDING, 4),
        ([FINE, BAD, FINE, FINE], PENDING, 5),
        ([FINE, BAD, FINE, FINE, FINE], ACCEPTED, 5),
        # Two objections of five leave 0.6, which is not above 0.6: nobody else needs to be asked.
        ([FINE, BAD, BAD], REJECTED, 3),
        ([FINE, FINE, BAD, BAD], REJECTED, 4),
    ],
)
def test_two_who_agree_decide_and_five_where_they_do_not(objections, decided, wanted):
    assert (decide(say(*objections)), count(say(*objections))) == (decided, wanted)


# Open Assistant's rule: three reviews, accepted when 1 - (mean spam + mean lang_mismatch) is above 0.6.
@pytest.mark.parametrize(
    ("objections", "decided"),
    [([FINE] * 3, ACCEPTED), ([FINE, FINE, BAD], ACCEPTED), ([FINE, BAD, BAD], REJECTED), ([BAD] * 3, REJECTED)],
)
def test_three_reviews_decide_as_open_assistant_did(objections, decided):
    assert decide_review(say(*objections), needed_minimum=3, max_reviews=3, threshold=0.6) is decided


def test_a_wrong_language_is_an_objection_like_spam():
    verdicts = [Verdict(1, spam=False, wrong_language=True), Verdict(2, spam=True, wrong_language=None)]
    assert decide(verdicts) is REJECTED


def test_a_question_that_was_not_answered_is_no_objection():
    assert decide(say(None, None)) is ACCEPTED


def test_nothing_is_decided_before_anybody_spoke():
    assert decide_review([], needed_minimum=1, max_reviews=1, threshold=0) is PENDING


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from([FINE, BAD, None]), max_size=12),
    st.integers(1, 6),
    st.integers(0, 6),
    st.floats(0, 0.99),
)
def test_a_review_ends_by_its_most_reviewers_and_asks_one_at_a_time(objections, minimum, more, threshold):
    rules = {"needed_minimum": minimum, "max_reviews": minimum + more, "threshold": threshold}
    for given_ in range(len(objections) + 1):
        verdicts = say(*objections[:given_])
        decided, wanted = decide_review(verdicts, **rules), count_reviews_wanted(verdicts, **rules)
        if decided is not PENDING:
            assert wanted == given_
            break
        assert max(given_ + 1, minimum) == wanted <= minimum + more
    else:
        assert len(objections) < minimum + more


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.permutations([FINE, BAD]), st.lists(st.booleans(), min_size=3, max_size=3), st.floats(0, 0.99))
def test_whoever_is_not_asked_could_not_have_changed_a_divided_review(first, rest, threshold):
    rules = {"needed_minimum": 2, "max_reviews": 5, "threshold": threshold}
    reviews = (decide_review(say(*first, *rest[:asked]), **rules) for asked in range(4))
    decided = next(review for review in reviews if review is not PENDING)
    assert decided is decide_review(say(*first, *rest), **rules)


@pytest.mark.parametrize(
    ("reviewers", "author", "fewest", "most"),
    [
        (None, 9, 2, 5),  # nobody has counted yet
        (40, 9, 2, 5),
        (4, 9, 2, 3),
        (4, None, 2, 4),  # an imported text has no author here who is missing
        (3, 9, 2, 2),
        (2, 9, 1, 1),
        (1, 9, 1, 1),
        (0, 9, 1, 1),
    ],
)
def test_a_language_with_few_reviewers_asks_no_more_than_there_are(reviewers, author, fewest, most):
    rules = make_rules(reviewers=reviewers)
    assert (minimum_reviews(rules, author), maximum_reviews(rules, author)) == (fewest, most)


def test_no_language_goes_under_the_floor_of_its_organizer():
    rules = make_rules(reviewers=1, min_reviews=3, review_floor=2)
    assert (minimum_reviews(rules, 9), maximum_reviews(rules, 9)) == (2, 2)
