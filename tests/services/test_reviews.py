"""Reviews of what people wrote: the simple form, and one more reviewer where two disagree, at once."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.exceptions import InvalidInput
from annotate.models import Annotator, Campaign, Judgment, Label, LabelDimension, LanguageSupply, Unit, User
from annotate.queries.judgments import iterate_votes
from annotate.services.holds import expire_leases
from annotate.services.undo import undo_judgment
from tasks.vocabulary import Answer
from tests.kinds import make_growing, make_tree, open_unit
from tests.loop import NOW, ask, counters, find_drift, make_annotator, submit

pytestmark = pytest.mark.django_db
FINE, SPAM = {"labels": {"spam": False}}, {"labels": {"spam": True}}


def make_review(*, needed=2, review="pending", is_simple=False, author=None, texts=("Why?",), **parameters):
    """A campaign with the review of the last message of a thread."""
    campaign = make_growing(**parameters)
    thread = make_tree(campaign, *texts, reviews=["none"] * (len(texts) - 1) + [review])
    thread[-1].author = author
    thread[-1].save(update_fields=["author"])
    open_unit(campaign, "label", subject=thread[-1], needed=needed, is_simple=is_simple)
    return campaign


def review(campaign, name, body):
    annotator = Annotator.objects.filter(user__email=f"{name}@example.org").first() or make_annotator(name)
    hold = ask(annotator, campaign)["assignment"]
    return submit(annotator, hold["id"], body)


# The simple form


def make_simple(**given):
    campaign = make_review(is_simple=True, texts=("Why?", "Because."), **given)
    LabelDimension.objects.filter(name="quality").update(simple=True)
    return campaign


def test_the_simple_form_asks_what_must_be_answered_and_what_is_simple():
    campaign = make_simple()
    hold = ask(make_annotator(), campaign)["assignment"]
    assert [question["name"] for question in hold["subject"]["labels"]] == ["spam", "quality"]


def test_the_full_form_asks_everything():
    campaign = make_review(texts=("Why?", "Because."))
    hold = ask(make_annotator(), campaign)["assignment"]
    assert [question["name"] for question in hold["subject"]["labels"]] == ["spam", "quality", "humor", "pii"]


def test_what_the_simple_form_does_not_ask_is_not_answered_and_never_zero():
    campaign = make_simple()
    review(campaign, "ada", {"labels": {"spam": False, "quality": "not_applicable"}})
    answers = dict(Label.objects.values_list("dimension__name", "answer"))
    assert answers == {"spam": "given", "quality": "not_applicable", "humor": "skipped", "pii": "skipped"}
    assert dict(Label.objects.values_list("dimension__name", "value")) == {
        "spam": 0.0, "quality": None, "humor": None, "pii": None,
    }  # fmt: skip
    votes = {
        known.vote.dimension: (known.vote.answer, known.vote.value) for known in iterate_votes(campaign_id=campaign.pk)
    }
    assert votes["humor"] == (Answer.SKIPPED, None)
    assert votes["quality"] == (Answer.NOT_APPLICABLE, None)


def test_an_answer_to_what_the_simple_form_does_not_ask_is_refused():
    campaign = make_simple()
    ada = make_annotator()
    hold = ask(ada, campaign)["assignment"]
    with pytest.raises(InvalidInput) as refused:
        submit(ada, hold["id"], {"labels": {"spam": False, "humor": 0.5}})
    assert (refused.value.code, refused.value.details) == ("unknown_label", {"labels": ["humor"]})


def test_what_the_simple_form_must_know_is_still_required():
    campaign = make_simple()
    ada = make_annotator()
    hold = ask(ada, campaign)["assignment"]
    with pytest.raises(InvalidInput) as refused:
        submit(ada, hold["id"], {"labels": {"quality": 1.0}})
    assert refused.value.code == "label_required"


def test_a_schema_without_a_simple_form_is_asked_in_full():
    campaign = make_review(is_simple=True)
    LabelDimension.objects.update(mandatory=False)
    hold = ask(make_annotator(), campaign)["assignment"]
    assert [question["name"] for question in hold["subject"]["labels"]] == ["spam", "quality", "pii"]


# One more where they disagree


def test_reviewers_who_agree_are_enough():
    campaign = make_review()
    for name in ("ada", "bob"):
        review(campaign, name, FINE)
    assert counters() == (2, 0, 2, 0)


def test_where_two_disagree_a_third_is_asked_with_the_judgment_that_disagrees():
    campaign = make_review()
    review(campaign, "ada", FINE)
    review(campaign, "bob", SPAM)
    assert counters() == (3, 0, 2, 0)
    assert Unit.objects.get().is_vacant
    assert ask(make_annotator("cy"), campaign)["assignment"]["kind"] == "label"


def test_no_more_reviewers_are_asked_than_the_campaign_lets():
    campaign = make_review(max_reviews=4, acceptance_threshold=0.5)
    for name, body in (("ada", FINE), ("bob", SPAM), ("cy", FINE), ("dee", SPAM)):
        review(campaign, name, body)
    assert counters() == (4, 0, 4, 0)


def test_whoever_else_holds_it_is_counted_before_another_one_is_asked():
    campaign = make_review(needed=3)
    cy = make_annotator("cy")
    ask(cy, campaign)
    review(campaign, "ada", FINE)
    review(campaign, "bob", SPAM)
    assert counters() == (3, 1, 2, 0)


def test_a_late_review_that_disagrees_counts_too():
    campaign = make_review()
    dee = make_annotator("dee")
    hold = ask(dee, campaign)["assignment"]
    Unit.objects.update(held=0)
    dee.assignments.update(state="expired", lease_expires_at=None)
    review(campaign, "ada", FINE)
    review(campaign, "bob", FINE)
    submit(dee, hold["id"], SPAM)
    needed, held, done, surplus = counters()
    assert (held, done, surplus) == (0, 2, 1)
    assert needed == 3
    assert find_drift() == {}


def test_a_language_with_two_reviewers_waits_for_no_third():
    campaign = make_review()
    LanguageSupply.objects.create(campaign=campaign, language="en", reviewers=2, counted_at=NOW)
    review(campaign, "ada", FINE)
    review(campaign, "bob", SPAM)
    assert counters() == (2, 0, 2, 0)


@pytest.mark.parametrize("review_state", ["none", "accepted", "rejected"])
def test_labels_of_what_needs_no_review_raise_nothing(review_state):
    campaign = make_review(review=review_state)
    review(campaign, "ada", FINE)
    review(campaign, "bob", SPAM)
    assert counters() == (2, 0, 2, 0)


def test_where_trees_do_not_grow_labels_raise_nothing():
    campaign = make_review(grow_trees=False)
    review(campaign, "ada", FINE)
    review(campaign, "bob", SPAM)
    assert counters() == (2, 0, 2, 0)


def test_quality_never_asks_for_more():
    campaign = make_review()
    review(campaign, "ada", {"labels": {"spam": False, "quality": 1.0}})
    review(campaign, "bob", {"labels": {"spam": False, "quality": 0.0}})
    assert counters() == (2, 0, 2, 0)


def test_a_dispute_taken_back_leaves_a_place_and_counts_right():
    campaign = make_review()
    review(campaign, "ada", FINE)
    judgment = review(campaign, "bob", SPAM)["judgment"]["id"]
    undo_judgment(annotator_id=Judgment.objects.get(pk=judgment).annotator_id, judgment_id=judgment, now=NOW)
    assert counters() == (3, 1, 1, 0)
    expire_leases(now=NOW.replace(year=2027))
    assert find_drift() == {}


def count_queries(**given):
    """Statements of the second of two reviews, the first of which was fine."""
    body = given.pop("body", FINE)
    campaign = make_review(**given)
    review(campaign, "ada", FINE)
    bob = make_annotator("bob")
    hold = ask(bob, campaign)["assignment"]
    with CaptureQueriesContext(connection) as queries:
        submit(bob, hold["id"], body)
    return len(queries)


@pytest.mark.parametrize(
    ("given", "more"),
    [({"needed": 3}, 0), ({"review": "accepted"}, 0), ({}, 1), ({"body": SPAM}, 2)],
)
def test_a_look_at_the_others_is_taken_by_the_last_of_them_only(given, more):
    ordinary = count_queries(grow_trees=False)
    Annotator.objects.update(user=None, device_hash=None)
    User.objects.all().delete()
    Campaign.objects.update(slug="earlier")
    assert count_queries(**given) == ordinary + more
