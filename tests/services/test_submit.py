"""What becomes of a submit: stored once, answered with the next work, refused with the draft kept."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from annotate.exceptions import Conflict, Gone, InvalidInput, NotAllowed, NotFound, TooLarge
from annotate.models import (
    Annotator,
    Assignment,
    AssignmentCandidate,
    Campaign,
    Judgment,
    Label,
    Message,
    MessageOrigin,
    RankedCandidate,
    Stale,
    Unit,
)
from annotate.queries.presentation import get_shown
from annotate.services.guidelines import publish_guideline, publish_label_schema
from annotate.services.holds import expire_leases
from annotate.services.judgments import skip_assignment
from tasks.records.campaigns import DimensionSpec, GuidelineSpec
from tests.loop import (
    NOW,
    ask,
    counters,
    find_drift,
    make_annotator,
    make_campaign,
    make_prompt,
    ranking_of,
    state_of,
    submit,
)

pytestmark = pytest.mark.django_db
DICE = random.Random(7)


def make_hold(*, kinds=("rank",), replies=4, **parameters):
    campaign = make_campaign(kinds=kinds, **parameters)
    make_prompt(campaign, replies=replies)
    ada = make_annotator()
    return campaign, ada, ask(ada, campaign)["assignment"]


def test_a_ranking_is_stored_as_it_was_given():
    _, ada, hold = make_hold()
    body = {"tiers": [["b"], ["a", "d"], ["c"]], "acceptable_tiers": 1, "rationale": " Clear. ", "active_seconds": 31.5}
    answer = submit(ada, hold["id"], body)
    judgment = Judgment.objects.get()
    shown = dict(AssignmentCandidate.objects.values_list("position", "message_id"))
    assert answer["judgment"] == {"id": judgment.pk, "counted": True}
    assert set(RankedCandidate.objects.values_list("message_id", "tier", "acceptable")) == {
        (shown[1], 1, True),
        (shown[0], 2, False),
        (shown[3], 2, False),
        (shown[2], 3, False),
    }
    assert (judgment.acceptable_tiers, judgment.rationale, judgment.active_seconds) == (1, "Clear.", 31.5)
    assert judgment.guideline_id is not None
    assert counters() == (3, 0, 1, 0)
    assert list(Stale.objects.values_list("kind", "subject_id", "marked")) == [
        ("parent", Unit.objects.get().subject_id, 1)
    ]


def test_a_bar_not_drawn_is_not_all_bad():
    _, ada, hold = make_hold()
    submit(ada, hold["id"], {"tiers": [["a", "b", "c", "d"]], "acceptable_tiers": None})
    assert set(RankedCandidate.objects.values_list("acceptable", flat=True)) == {None}


def test_all_bad_is_zero_acceptable_tiers():
    _, ada, hold = make_hold()
    submit(ada, hold["id"], {"tiers": [["a", "b", "c", "d"]], "acceptable_tiers": 0})
    assert set(RankedCandidate.objects.values_list("acceptable", flat=True)) == {False}


def test_the_best_few_with_the_rest_worse():
    _, ada, hold = make_hold()
    submit(ada, hold["id"], {"tiers": [["c"]], "rest_worse": True})
    assert sorted(RankedCandidate.objects.values_list("tier", flat=True)) == [1, 2, 2, 2]
    assert Judgment.objects.get().rest_worse


def test_the_answer_carries_the_next_work_with_a_short_hold():
    campaign = make_campaign()
    make_prompt(campaign)
    second = make_prompt(campaign, "Why do cats purr?")
    Unit.objects.filter(subject=second).update(band=1)
    ada = make_annotator()
    hold = ask(ada, campaign)["assignment"]
    following = submit(ada, hold["id"], ranking_of(hold))["next"]["assignment"]
    assert following["subject"]["thread"][0]["text"] == second.text
    assert following["lease_expires_at"] == "2026-05-04T12:02:00Z"
    assert Assignment.objects.get(pk=hold["id"]).next_assignment_id == following["id"]


@pytest.mark.parametrize("done", ["submitted", "skipped"])
def test_a_submit_sent_again_late_gives_no_work_that_is_done_since(done):
    campaign, ada, hold = make_hold()
    for number in range(3):
        make_prompt(campaign, f"Question {number}?")
    body = ranking_of(hold)
    following = submit(ada, hold["id"], body)["next"]["assignment"]
    if done == "submitted":
        submit(ada, following["id"], ranking_of(following))
    else:
        skip_assignment(annotator_id=ada.pk, assignment_id=following["id"], skip_reason="other", now=NOW, rng=DICE)
    again = submit(ada, hold["id"], body)["next"]["assignment"]
    assert (again["state"], again["id"] in {hold["id"], following["id"]}) == ("live", False)
    assert find_drift() == {}


def test_the_same_submit_again_is_answered_the_same():
    campaign = make_campaign()
    make_prompt(campaign)
    make_prompt(campaign, "Why do cats purr?")
    ada = make_annotator()
    hold = ask(ada, campaign)["assignment"]
    first = submit(ada, hold["id"], ranking_of(hold))
    assert submit(ada, hold["id"], ranking_of(hold), seed=9) == first
    assert Judgment.objects.count() == 1
    assert find_drift() == {}


def test_another_body_for_a_submitted_assignment_is_a_conflict():
    _, ada, hold = make_hold()
    submit(ada, hold["id"], ranking_of(hold))
    with pytest.raises(Conflict) as refused:
        submit(ada, hold["id"], {"tiers": [["a", "b", "c", "d"]]})
    assert refused.value.code == "already_submitted"
    assert Judgment.objects.count() == 1


def test_a_late_submit_fills_a_free_place():
    _, ada, hold = make_hold()
    later = NOW + timedelta(hours=2)
    expire_leases(now=later)
    assert submit(ada, hold["id"], ranking_of(hold), now=later)["judgment"]["counted"] is True
    assert counters() == (3, 0, 1, 0)


def test_a_late_submit_without_a_place_is_kept_as_surplus():
    campaign, ada, hold = make_hold(redundancy=1)
    later = NOW + timedelta(hours=2)
    bob = make_annotator("bob")
    other = ask(bob, campaign, now=later)["assignment"]
    submit(bob, other["id"], ranking_of(other), now=later)
    assert submit(ada, hold["id"], ranking_of(hold), now=later)["judgment"]["counted"] is False
    assert counters() == (1, 0, 1, 1)
    assert find_drift() == {}


def test_a_place_freed_by_a_skip_is_not_lost():
    campaign, ada, hold = make_hold(redundancy=1)
    skip_assignment(annotator_id=ada.pk, assignment_id=hold["id"], skip_reason="too_long", now=NOW, rng=None)
    assert state_of(hold["id"]) == "skipped"
    assert ask(make_annotator("bob"), campaign)["assignment"] is not None


def test_skipping_twice_answers_the_same_and_frees_one_place():
    _, ada, hold = make_hold()
    once, twice = (
        skip_assignment(annotator_id=ada.pk, assignment_id=hold["id"], skip_reason="too_long", now=NOW, rng=None)
        for _ in range(2)
    )
    assert once == twice
    assert counters() == (3, 0, 0, 0)


def test_a_skip_in_ones_own_words_keeps_them():
    _, ada, hold = make_hold()
    skip_assignment(annotator_id=ada.pk, assignment_id=hold["id"], skip_reason="Too sad for me", now=NOW, rng=None)
    assert list(Assignment.objects.values_list("skip_reason", "rationale")) == [("other", "Too sad for me")]


def test_what_is_submitted_cannot_be_skipped():
    _, ada, hold = make_hold()
    submit(ada, hold["id"], ranking_of(hold))
    with pytest.raises(Conflict):
        skip_assignment(annotator_id=ada.pk, assignment_id=hold["id"], skip_reason="other", now=NOW, rng=None)


def test_cannot_tell_is_an_outcome_that_fills_no_place():
    _, ada, hold = make_hold()
    answer = submit(ada, hold["id"], {"cannot_tell_reason": "need_expertise", "rationale": "Law."})
    assert answer["judgment"] is None
    assert list(Assignment.objects.values_list("state", "cannot_tell_reason", "rationale")) == [
        ("skipped", "need_expertise", "Law.")
    ]
    assert counters() == (3, 0, 0, 0)


def test_paused_takes_what_is_held_and_offers_nothing():
    campaign, ada, hold = make_hold()
    Campaign.objects.update(state="paused")
    answer = submit(ada, hold["id"], ranking_of(hold))
    assert answer["judgment"]["counted"] is True
    assert answer["next"]["why_none"]["code"] == "campaign_not_open"
    assert campaign.pk


def test_closed_takes_a_hold_until_its_lease_ends():
    _, ada, hold = make_hold()
    Campaign.objects.update(state="closed")
    assert submit(ada, hold["id"], ranking_of(hold), now=NOW + timedelta(minutes=29))["judgment"] is not None


def test_cannot_tell_sent_again_is_answered_the_same_whatever_closed_since():
    _, ada, hold = make_hold()
    body = {"cannot_tell_reason": "all_alike"}
    submit(ada, hold["id"], body)
    Campaign.objects.update(state="closed")
    again = submit(ada, hold["id"], body)
    assert (again["judgment"], again["next"]["why_none"]["code"]) == (None, "campaign_not_open")
    assert Assignment.objects.get().draft is None


def test_closed_refuses_after_the_lease_and_keeps_what_was_sent():
    _, ada, hold = make_hold()
    Campaign.objects.update(state="closed")
    body = ranking_of(hold, rationale="The whole evening.")
    with pytest.raises(Conflict) as refused:
        submit(ada, hold["id"], body, now=NOW + timedelta(minutes=31))
    assert refused.value.code == "campaign_closed"
    assert Assignment.objects.get().draft == body
    assert Judgment.objects.count() == 0


def test_a_removed_candidate_refuses_and_keeps_what_was_sent():
    _, ada, hold = make_hold()
    gone = AssignmentCandidate.objects.get(position=2).message_id
    Message.objects.filter(pk=gone).update(removed_at=NOW)
    with pytest.raises(Gone) as refused:
        submit(ada, hold["id"], ranking_of(hold))
    assert refused.value.code == "candidate_removed"
    assert Assignment.objects.get().draft == ranking_of(hold)
    # It can never be taken, so that its place is another's at once.
    assert (state_of(hold["id"]), counters(), find_drift()) == ("released", (3, 0, 0, 0), {})


def test_a_removed_subject_refuses():
    _, ada, hold = make_hold()
    Message.objects.filter(parent__isnull=True).update(removed_at=NOW)
    with pytest.raises(Gone) as refused:
        submit(ada, hold["id"], ranking_of(hold))
    assert refused.value.code == "subject_removed"


def test_a_suspended_person_is_refused_and_keeps_the_draft():
    _, ada, hold = make_hold()
    Annotator.objects.update(suspended_at=NOW)
    with pytest.raises(NotAllowed) as refused:
        submit(ada, hold["id"], ranking_of(hold))
    assert refused.value.code == "suspended"
    assert Assignment.objects.get().draft == ranking_of(hold)


def test_other_peoples_assignments_are_not_there():
    _, _, hold = make_hold()
    with pytest.raises(NotFound):
        submit(make_annotator("bob"), hold["id"], ranking_of(hold))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "tiers_required"),
        ({"tiers": []}, "tiers_required"),
        ({"tiers": "abc"}, "tiers_required"),
        ({"tiers": [[]]}, "empty_tier"),
        ({"tiers": ["a"]}, "empty_tier"),
        ({"tiers": [["a"], ["z"]]}, "unknown_candidate"),
        ({"tiers": [["a"], [1]]}, "unknown_candidate"),
        ({"tiers": [["a"], ["a", "b", "c", "d"]]}, "candidate_doubled"),
        ({"tiers": [["a", "b", "c"]]}, "candidate_missing"),
        ({"tiers": [["a", "b", "c", "d"]], "acceptable_tiers": 2}, "wrong_value"),
        ({"tiers": [["a", "b", "c", "d"]], "acceptable_tiers": True}, "wrong_value"),
        ({"tiers": [["a", "b", "c", "d"]], "acceptable_tiers": -1}, "wrong_value"),
        ({"tiers": [["a", "b", "c", "d"]], "active_seconds": -1}, "wrong_value"),
        ({"tiers": [["a", "b", "c", "d"]], "active_seconds": "long"}, "wrong_value"),
        ({"tiers": [["a", "b", "c", "d"]], "rest_worse": 1}, "wrong_value"),
        ({"tiers": [["a", "b", "c", "d"]], "rationale": 3}, "wrong_value"),
        ({"tiers": [["a", "b", "c", "d"]], "mood": "good"}, "unknown_field"),
        ({"tiers": [["a", "b", "c", "d"]], "labels": {}}, "unknown_field"),
        ({"tiers": [["a"]], "cannot_tell_reason": "other"}, "judged_and_cannot_tell"),
        ({"cannot_tell_reason": "bored"}, "wrong_value"),
        ({"cannot_tell_reason": ["other"]}, "wrong_value"),
        ({"cannot_tell_reason": {"other": 1}}, "wrong_value"),
        ([], "not_an_object"),
        (None, "not_an_object"),
    ],
)
def test_a_ranking_that_cannot_be_read_is_refused_by_its_own_code(body, code):
    _, ada, hold = make_hold()
    with pytest.raises(InvalidInput) as refused:
        submit(ada, hold["id"], body)
    assert refused.value.code == code
    assert state_of(hold["id"]) == "live"
    assert Judgment.objects.count() == 0


def test_a_rationale_that_is_too_long_is_refused():
    _, ada, hold = make_hold()
    with pytest.raises(TooLarge):
        submit(ada, hold["id"], ranking_of(hold, rationale="x" * 10_001))


def test_a_campaign_may_ask_for_reasons():
    _, ada, hold = make_hold(require_rationale=True)
    with pytest.raises(InvalidInput) as refused:
        submit(ada, hold["id"], ranking_of(hold, rationale="  "))
    assert refused.value.code == "rationale_required"


def test_a_comparison_by_far():
    _, ada, hold = make_hold(kinds=("compare",))
    submit(ada, hold["id"], {"tiers": [["b"], ["a"]], "much_better": True})
    assert Judgment.objects.get().much_better is True


def test_a_tie_is_not_by_far():
    _, ada, hold = make_hold(kinds=("compare",))
    with pytest.raises(InvalidInput) as refused:
        submit(ada, hold["id"], {"tiers": [["a", "b"]], "much_better": True})
    assert refused.value.code == "tie_much_better"


def test_labels_keep_given_not_applicable_and_not_answered_apart():
    _, ada, hold = make_hold(kinds=("label",), replies=0)
    submit(ada, hold["id"], {"labels": {"spam": False, "quality": "not_applicable", "pii": None}})
    assert set(Label.objects.values_list("dimension__name", "answer", "value")) == {
        ("spam", "given", 0.0),
        ("quality", "not_applicable", None),
        ("pii", "skipped", None),
    }


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        (None, "labels_required"),
        ([], "labels_required"),
        ({"beauty": 1}, "unknown_label"),
        ({"humor": 0.5, "spam": False}, "unknown_label"),
        ({"quality": 0.75}, "label_required"),
        ({"spam": 1}, "wrong_value"),
        ({"spam": False, "quality": 0.3}, "wrong_value"),
        ({"spam": False, "quality": "high"}, "wrong_value"),
        ({"spam": False, "quality": True}, "wrong_value"),
        ({"spam": False, "quality": 10**400}, "wrong_value"),
    ],
)
def test_labels_that_cannot_be_read_are_refused_by_their_own_code(labels, code):
    _, ada, hold = make_hold(kinds=("label",), replies=0)
    with pytest.raises(InvalidInput) as refused:
        submit(ada, hold["id"], {"labels": labels})
    assert refused.value.code == code
    assert Judgment.objects.count() == 0


def test_labels_are_checked_and_kept_under_the_versions_that_were_shown():
    campaign, ada, hold = make_hold(kinds=("label",), replies=0)
    shown = (campaign.guideline_id, campaign.label_schema_id)
    publish_guideline(campaign=campaign, guideline=GuidelineSpec(text="Now label twice."), actor=None, now=NOW)
    toxic = DimensionSpec(name="toxic", title="Toxic", widget="yes_no", mandatory=True)
    publish_label_schema(campaign=campaign, dimensions=(toxic,), actor=None, now=NOW)
    assert get_shown(assignment_id=hold["id"])["subject"]["labels"] == hold["subject"]["labels"]
    submit(ada, hold["id"], {"labels": {"spam": False}})
    assert Judgment.objects.values_list("guideline_id", "label_schema_id").get() == shown
    later = ask(make_annotator("bob"), campaign)["assignment"]
    assert (later["guideline_version"], [label["name"] for label in later["subject"]["labels"]]) == (2, ["toxic"])


def test_a_written_reply_becomes_a_candidate_that_its_author_does_not_rank():
    campaign = make_campaign(kinds=("write_assistant_reply", "rank"))
    prompt = make_prompt(campaign, replies=1)
    ada = make_annotator()
    hold = ask(ada, campaign)["assignment"]
    assert hold["kind"] == "write_assistant_reply"
    answer = submit(ada, hold["id"], {"text": "To be heard at dawn.", "language": "en"})
    reply = Message.objects.get(author=ada)
    assert (reply.parent_id, reply.text, reply.role) == (prompt.pk, "To be heard at dawn.", "assistant")
    assert MessageOrigin.objects.get(message=reply).kind == "written"
    assert Judgment.objects.get().message_id == reply.pk
    assert Unit.objects.get(kind="rank").candidates.count() == 2
    assert answer["next"]["why_none"]["code"] == "seen_all"
    bob = make_annotator("bob")
    assert {ask(bob, campaign, kinds=["rank"])["assignment"]["kind"]} == {"rank"}
    assert find_drift() == {}


@pytest.mark.parametrize(
    ("body", "code", "error"),
    [
        ({"language": "en"}, "text_required", InvalidInput),
        ({"text": " \n ", "language": "en"}, "text_empty", InvalidInput),
        ({"text": "\u200b\u00a0", "language": "en"}, "text_empty", InvalidInput),
        ({"text": "x" * 101, "language": "en"}, "text_too_long", TooLarge),
        ({"text": "Hello", "language": "xx"}, "unknown_language", InvalidInput),
        ({"text": "Hello", "language": 3}, "unknown_language", InvalidInput),
        ({"text": "Why do birds sing? Reply 0.", "language": "en"}, "text_duplicate", Conflict),
    ],
)
def test_a_text_that_cannot_be_taken_is_refused_by_its_own_code(body, code, error):
    _, ada, hold = make_hold(kinds=("write_assistant_reply",), replies=1, max_text_chars=100)
    with pytest.raises(error) as refused:
        submit(ada, hold["id"], body)
    assert refused.value.code == code
    assert Judgment.objects.count() == 0


def test_a_language_that_the_campaign_gave_up_is_right_for_who_holds_work_in_it():
    _, ada, hold = make_hold(kinds=("write_assistant_reply",), replies=0)
    Campaign.objects.update(languages=["de"])
    assert submit(ada, hold["id"], {"text": "To be heard."})["judgment"]["counted"] is True
    assert Message.objects.get(author=ada).language == "en"


def test_the_queries_of_submit_and_next_are_few_and_fixed(django_assert_num_queries):
    campaign = make_campaign()
    for number in range(3):
        make_prompt(campaign, f"Question {number}?")
    ada = make_annotator()
    hold = ask(ada, campaign)["assignment"]
    # savepoint, context under lock, submit, look for a hold, claim, freeze and read, savepoint
    with django_assert_num_queries(7):
        following = submit(ada, hold["id"], ranking_of(hold))["next"]["assignment"]
    with django_assert_num_queries(7):
        submit(ada, following["id"], ranking_of(following))
