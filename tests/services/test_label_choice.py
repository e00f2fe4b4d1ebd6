"""Label any message: with a place where one is free, as surplus elsewhere, once a person, never one's own."""

from __future__ import annotations

import random

import pytest

from annotate.exceptions import ChorusError
from annotate.models import Annotator, Assignment, Campaign, Judgment, Message, Unit
from annotate.services.judgments import skip_assignment
from annotate.services.label_choice import choose_label
from annotate.services.undo import undo_judgment, withdraw_judgment
from tests.loop import NOW, ask, counters, find_drift, make_annotator, make_campaign, make_prompt, state_of, submit
from tests.trees import make_tree, open_work, reader

pytestmark = pytest.mark.django_db

LABELS = {"labels": {"spam": False}}


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(kinds=["label"])


@pytest.fixture
def prompt(campaign) -> Message:
    return make_tree(campaign)


def choose(who: Annotator, message: Message, *, now=NOW) -> dict:
    return choose_label(reader=reader(who), message_id=message.pk, now=now)


def refusal(who: Annotator, message: Message) -> str:
    with pytest.raises(ChorusError) as refused:
        choose(who, message)
    return refused.value.code


def test_a_message_that_asks_for_labels_gives_a_place(campaign, prompt):
    open_work(campaign, prompt)
    ada = make_annotator()
    given = choose(ada, prompt)
    assert (given["kind"], given["state"], given["subject"]["thread"][0]["text"]) == ("label", "live", prompt.text)
    assert [question["name"] for question in given["subject"]["labels"]] == ["spam", "quality", "pii"]
    assert Assignment.objects.get().reason_code == "own_choice"
    assert submit(ada, given["id"], LABELS)["judgment"]["counted"] is True
    assert (counters(), find_drift()) == ((3, 0, 1, 0), {})


def test_choosing_twice_gives_the_same_work(campaign, prompt):
    open_work(campaign, prompt)
    ada = make_annotator()
    assert choose(ada, prompt)["id"] == choose(ada, prompt)["id"] == ask(ada, campaign)["assignment"]["id"]
    assert (counters(), find_drift()) == ((3, 1, 0, 0), {})


def test_a_message_that_has_enough_labels_takes_one_more_as_surplus(campaign, prompt):
    open_work(campaign, prompt)
    Unit.objects.update(needed=1)
    ask(make_annotator("bob"), campaign)
    ada = make_annotator()
    given = choose(ada, prompt)
    assert (given["state"], counters()) == ("expired", (1, 1, 0, 0))
    assert submit(ada, given["id"], LABELS)["judgment"]["counted"] is False
    assert (counters(), find_drift()) == ((1, 1, 0, 1), {})


def test_a_message_that_nobody_asks_about_gets_a_unit_that_asks_nobody(campaign, prompt):
    ada, bob = make_annotator("ada"), make_annotator("bob")
    given = choose(ada, prompt)
    unit = Unit.objects.get()
    assert (unit.kind, unit.is_open, unit.needed, unit.queue.language) == ("label", False, 0, "en")
    assert submit(ada, given["id"], LABELS)["judgment"]["counted"] is False
    assert ask(bob, campaign)["assignment"] is None
    choose(bob, prompt)
    assert (Unit.objects.count(), counters(), find_drift()) == (1, (0, 0, 0, 1), {})


def test_what_was_skipped_may_be_chosen(campaign, prompt):
    open_work(campaign, prompt)
    ada = make_annotator()
    held = ask(ada, campaign)["assignment"]["id"]
    skip_assignment(annotator_id=ada.pk, assignment_id=held, skip_reason="too_long", now=NOW, rng=random.Random(1))
    assert (choose(ada, prompt)["id"], state_of(held)) == (held, "live")
    assert Assignment.objects.get().skip_reason is None
    assert find_drift() == {}


def test_one_person_labels_a_message_once(campaign, prompt):
    ada = make_annotator()
    submit(ada, choose(ada, prompt)["id"], LABELS)
    assert refusal(ada, prompt) == "already_judged"
    open_work(campaign, prompt)
    assert refusal(ada, prompt) == "already_judged"
    judgment = Judgment.objects.get()
    undo_judgment(annotator_id=ada.pk, judgment_id=judgment.pk, now=NOW)
    given = choose(ada, prompt)
    assert given["draft"]["labels"]["spam"] is False
    submit(ada, given["id"], LABELS)
    withdraw_judgment(annotator_id=ada.pk, judgment_id=Judgment.objects.get(is_current=True).pk, now=NOW)
    assert (refusal(ada, prompt), find_drift()) == ("withdrawn", {})


def test_what_is_refused(campaign, prompt):
    ada = make_annotator()
    Message.objects.update(author=ada)
    assert refusal(ada, prompt) == "own_text"
    Message.objects.update(author=None)
    assert refusal(make_annotator("bob", terms=""), prompt) == "terms_not_accepted"
    for state in ("paused", "closed"):
        Campaign.objects.update(state=state)
        assert refusal(ada, prompt) == "campaign_not_open"
    Campaign.objects.update(state="open", kinds=["rank"])
    assert refusal(ada, prompt) == "kind_not_wanted"
    Campaign.objects.update(kinds=["label"])
    campaign.label_schema.dimensions.update(applies_to=["assistant"])
    Campaign.objects.update(parameters={"daily_cap": 0})
    assert refusal(ada, prompt) == "capped"
    Campaign.objects.update(parameters={})
    Message.objects.update(removed_at=NOW)
    assert refusal(ada, prompt) == "message_removed"
    Message.objects.update(removed_at=None)
    Annotator.objects.update(suspended_at=NOW)
    assert refusal(ada, prompt) == "suspended"
    assert (Unit.objects.count(), Assignment.objects.count()) == (0, 0)


def test_a_role_without_questions_is_not_labelled(campaign, prompt):
    campaign.label_schema.dimensions.update(applies_to=["assistant"])
    assert refusal(make_annotator(), prompt) == "no_questions"
    assert (Unit.objects.count(), Assignment.objects.count()) == (0, 0)


def test_whoever_holds_as_much_as_they_may_chooses_only_what_they_hold(campaign, prompt):
    Campaign.objects.update(parameters={"max_held": 1})
    other = make_tree(campaign, "Another?")
    open_work(campaign, prompt, other)
    ada = make_annotator()
    choose(ada, prompt)
    assert (refusal(ada, other), choose(ada, prompt)["state"]) == ("too_many_holds", "live")


def test_what_is_sealed_is_not_chosen():
    campaign = make_campaign(kinds=["rank", "label"])
    reply = make_prompt(campaign, replies=2).replies.first()
    assert refusal(make_annotator(), reply) == "message_not_found"
