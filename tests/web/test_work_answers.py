"""Answering: what is sent from a page is stored, the next work follows, and nothing is stored or lost in silence."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Assignment, Judgment, Message, Unit
from annotate.queries.work_pages import rebuild_stored
from tests.loop import counters, find_drift, make_campaign, make_prompt, state_of
from tests.web.workers import HTMX, ask_next, form_of, judgment_id, post, sign_in, text_of, work_id

pytestmark = pytest.mark.django_db
RANKED = {"tiers": ["a:2", "b:1", "c:2", "d:3"], "acceptable_tiers": "2", "kind": "rank", "shown": "a b c d"}


@pytest.fixture
def campaign():
    campaign = make_campaign()
    make_prompt(campaign)
    make_prompt(campaign, "Why do cats purr?")
    return campaign


def test_ranking_is_stored_and_the_next_work_follows(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    page = client.get(f"/work/{assignment}/")
    assert page.status_code == 200
    assert "Rank 4 replies" in page.text
    answer = post(client, assignment, "submit", {**form_of(page), **RANKED})
    following = work_id(answer["Location"])
    assert (answer.status_code, state_of(assignment)) == (302, "submitted")
    body = rebuild_stored(judgment_id=judgment_id(answer["Location"]))
    assert (body["tiers"], body["acceptable_tiers"]) == ([["b"], ["a", "c"], ["d"]], 2)
    after = client.get(answer["Location"])
    assert following != assignment
    assert "Your ranking is stored." in after.text
    assert f'action="/judgments/{judgment_id(answer["Location"])}/undo/"' in after.text
    assert find_drift() == {}


def test_exchange_by_htmx_answers_with_the_next_work_and_its_address(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    answer = post(client, assignment, "submit", RANKED, **HTMX)
    following = Assignment.objects.get(pk=assignment).next_assignment_id
    assert (answer.status_code, answer["HX-Push-Url"]) == (200, f"/work/{following}/")
    assert "<html" not in answer.text
    assert answer.text.count('id="work"') == 1
    assert f'action="/work/{following}/submit/"' in answer.text
    assert "Your ranking is stored." in answer.text


def test_next_work_is_held_for_a_moment_with_scripts_and_for_its_full_time_without(client: Client, campaign) -> None:
    make_prompt(campaign, "Why do dogs bark?")
    sign_in(client)
    first = ask_next(client)
    post(client, first, "submit", RANKED, **HTMX)
    second = Assignment.objects.get(state="live")
    assert (second.lease_grade, second.lease_expires_at < timezone.now() + timedelta(minutes=3)) == ("offered", True)
    post(client, second.pk, "submit", RANKED)
    third = Assignment.objects.get(state="live")
    assert (third.lease_grade, third.lease_expires_at > timezone.now() + timedelta(minutes=25)) == ("active", True)


def test_last_work_is_followed_by_why_there_is_no_more(client: Client) -> None:
    make_prompt(make_campaign())
    sign_in(client)
    assignment = ask_next(client)
    for headers in ({}, HTMX):  # the second time it is the same answer again
        answer = post(client, assignment, "submit", RANKED, **headers)
        assert answer.status_code == 200
        assert "You have done all that is here for you" in answer.text
        assert "Your ranking is stored." in answer.text
    assert Judgment.objects.count() == 1


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_form_that_nobody_touched_is_never_stored(client: Client, campaign, headers) -> None:
    sign_in(client)
    assignment = ask_next(client)
    untouched = form_of(client.get(f"/work/{assignment}/"))
    answer = post(client, assignment, "submit", untouched, **headers)
    assert answer.status_code == 422
    assert "Nothing is ordered yet." in text_of(answer)
    assert (Judgment.objects.count(), state_of(assignment)) == (0, "live")


def test_half_a_ranking_comes_back_whole_with_what_is_missing_and_is_saved(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    sent = {**form_of(client.get(f"/work/{assignment}/")), "tiers": ["a:", "b:1", "c:", "d:2"], "acceptable_tiers": "1",
            "rationale": "B says it plainly."}  # fmt: skip
    answer = post(client, assignment, "submit", sent)
    assert answer.status_code == 422
    assert "A and C have no place yet." in text_of(answer)
    back = form_of(answer)
    assert back["tiers"] == ["", "b:1", "", "d:2"]
    assert (back["acceptable_tiers"], back["rationale"], back["draft_version"]) == ("1", "B says it plainly.", "1")
    draft = Assignment.objects.get(pk=assignment).draft
    assert draft == {"rationale": "B says it plainly.", "tiers": [["b"], ["d"]], "acceptable_tiers": 1}


def test_the_rest_may_be_left_without_a_place(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    answer = post(client, assignment, "submit", {**RANKED, "tiers": ["a:1"], "rest_worse": "1", "acceptable_tiers": ""})
    judgment = Judgment.objects.get(pk=judgment_id(answer["Location"]))
    assert (judgment.rest_worse, judgment.acceptable_tiers) == (True, None)
    assert rebuild_stored(judgment_id=judgment.pk)["tiers"] == [["a"], ["b", "c", "d"]]


def test_all_bad_draws_the_line_above_everything(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    post(client, assignment, "submit", {**RANKED, "all_bad": "1", "acceptable_tiers": "3"})
    assert Judgment.objects.get().acceptable_tiers == 0


def test_agreeing_takes_the_order_shown(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    post(
        client,
        assignment,
        "submit",
        {**RANKED, "tiers": ["a:", "b:", "c:", "d:"], "agree": "1", "acceptable_tiers": ""},
    )
    judgment = Judgment.objects.get()
    assert rebuild_stored(judgment_id=judgment.pk)["tiers"] == [["a"], ["b"], ["c"], ["d"]]
    assert judgment.acceptable_tiers is None


def test_same_answer_again_is_answered_the_same(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    first = post(client, assignment, "submit", RANKED)
    again = post(client, assignment, "submit", RANKED)
    assert (again.status_code, again["Location"]) == (302, first["Location"])
    longer = post(client, assignment, "submit", {**RANKED, "active_seconds": "77"})
    assert (longer.status_code, longer["Location"]) == (302, first["Location"])
    assert (Judgment.objects.count(), find_drift()) == (1, {})


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_another_answer_shows_both_and_changes_nothing(client: Client, campaign, headers) -> None:
    sign_in(client)
    assignment = ask_next(client)
    post(client, assignment, "submit", RANKED)
    answer = post(client, assignment, "submit", {**RANKED, "tiers": ["a:1", "b:2", "c:3", "d:4"]}, **headers)
    assert answer.status_code == 409
    words = text_of(answer)
    assert "You had already answered this" in words
    assert "B, then A and C, then D." in words
    assert "A, then B, then C, then D." in words
    assert "Undo and answer anew" in words
    assert Judgment.objects.count() == 1


def test_form_that_shows_other_candidates_orders_nothing(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    answer = post(client, assignment, "submit", {**RANKED, "tiers": ["e:1", "f:2"], "shown": "e f"})
    assert answer.status_code == 422
    assert "The replies of this work changed since you opened it." in text_of(answer)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tiers", "a:x"),
        ("tiers", "a:0"),
        ("tiers", "a:99"),
        ("tiers", "a:²"),
        ("tiers", "a:" + "9" * 5000),
        ("acceptable_tiers", "-1"),
        ("acceptable_tiers", "x"),
    ],
)
def test_fields_that_no_form_sends_are_refused_in_words(client: Client, campaign, field, value) -> None:
    sign_in(client)
    assignment = ask_next(client)
    answer = post(client, assignment, "submit", {**RANKED, field: value})
    assert answer.status_code == 422
    assert "This answer could not be read" in answer.text
    assert Judgment.objects.count() == 0


def test_saying_that_one_cannot_tell_goes_on(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    answer = post(client, assignment, "submit", {**RANKED, "cannot_tell_reason": "need_expertise"}, **HTMX)
    assert "Kept: you cannot tell." in answer.text
    held = Assignment.objects.get(pk=assignment)
    assert (held.state, held.cannot_tell_reason) == ("skipped", "need_expertise")
    shown = client.get(f"/work/{assignment}/")
    assert "You said that you cannot tell" in shown.text


def test_unknown_reason_that_one_cannot_tell_is_refused(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    answer = post(client, assignment, "submit", {**RANKED, "cannot_tell_reason": "tired"})
    assert (answer.status_code, state_of(assignment)) == (422, "live")


def test_skipping_goes_on_and_may_be_taken_back(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    answer = post(client, assignment, "submit", {**RANKED, "skip_reason": "too_long"})
    assert work_id(answer["Location"]) != assignment
    assert "Skipped." in client.get(answer["Location"]).text
    page = client.get(f"/work/{assignment}/")
    assert "You skipped this" in page.text
    assert "Too long for now." in text_of(page)
    assert "tiers" in form_of(client.get(f"/work/{assignment}/?again=1"))
    assert post(client, assignment, "submit", RANKED).status_code == 302
    assert state_of(assignment) == "submitted"


def test_skipping_what_is_answered_is_refused_with_the_answer(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    post(client, assignment, "submit", RANKED)
    answer = post(client, assignment, "submit", {"skip_reason": "other"})
    assert answer.status_code == 409
    assert "B, then A and C, then D." in text_of(answer)


def test_undo_brings_the_work_back_with_its_answer(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    judgment = judgment_id(post(client, assignment, "submit", {**RANKED, "rationale": "Short."})["Location"])
    answer = client.post(f"/judgments/{judgment}/undo/", headers=HTMX)
    assert (answer.status_code, answer["HX-Push-Url"]) == (200, f"/work/{assignment}/")
    assert form_of(answer)["tiers"] == ["a:2", "b:1", "c:2", "d:3"]
    assert form_of(answer)["rationale"] == "Short."
    assert client.post(f"/judgments/{judgment}/undo/")["Location"] == f"/work/{assignment}/"
    assert counters(Assignment.objects.get(pk=assignment).unit_id) == (3, 1, 0, 0)


def test_undo_of_what_was_withdrawn_is_refused(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    judgment = judgment_id(post(client, assignment, "submit", RANKED)["Location"])
    client.post(f"/api/v1/judgments/{judgment}/withdraw/", content_type="application/json")
    answer = client.post(f"/judgments/{judgment}/undo/")
    assert answer.status_code == 409
    assert "a withdrawal is for good" in answer.text
    assert "This was taken out" in client.get(f"/work/{assignment}/").text


@pytest.mark.parametrize("number", [10**9, 10**30])
def test_undo_of_what_is_not_ones_own_is_not_there(client: Client, campaign, number) -> None:
    sign_in(client)
    assert client.post(f"/judgments/{number}/undo/").status_code == 404


def test_a_reason_is_asked_for_where_the_campaign_wants_one(client: Client) -> None:
    make_prompt(make_campaign(require_rationale=True))
    sign_in(client)
    assignment = ask_next(client)
    answer = post(client, assignment, "submit", RANKED)
    assert answer.status_code == 422
    assert "This campaign asks for your reason." in answer.text
    assert form_of(answer)["tiers"] == ["a:2", "b:1", "c:2", "d:3"]


def test_comparison_is_stored_with_how_much_better(client: Client) -> None:
    make_prompt(make_campaign(kinds=("compare",)), replies=2)
    sign_in(client)
    assignment = ask_next(client)
    sent = form_of(client.get(f"/work/{assignment}/"))
    assert post(client, assignment, "submit", sent).status_code == 422
    answer = post(client, assignment, "submit", {**sent, "preference": "b2", "both_bad": "1"})
    assert answer.status_code == 200
    judgment = Judgment.objects.get()
    assert (judgment.much_better, judgment.acceptable_tiers) == (True, 0)
    assert rebuild_stored(judgment_id=judgment.pk)["tiers"] == [["b"], ["a"]]


def test_verdict_that_no_form_has_is_refused(client: Client) -> None:
    make_prompt(make_campaign(kinds=("compare",)), replies=2)
    sign_in(client)
    assignment = ask_next(client)
    answer = post(client, assignment, "submit", {"kind": "compare", "shown": "a b", "preference": "c3"})
    assert answer.status_code == 422
    assert "This answer could not be read" in answer.text


def test_labels_keep_open_not_applicable_and_lowest_apart(client: Client) -> None:
    make_prompt(make_campaign(kinds=("label",)), replies=1)
    sign_in(client)
    assignment = ask_next(client)
    sent = form_of(client.get(f"/work/{assignment}/"))
    answers = {"label.spam": "no", "label.quality": "0", "label.pii": "yes"}
    post(client, assignment, "submit", {**sent, **answers})
    labels = rebuild_stored(judgment_id=Judgment.objects.get().pk)["labels"]
    assert {name: value for name, value in labels.items() if value is not None} == {
        "spam": False,
        "quality": 0.0,
        "pii": True,
    }


def test_label_that_must_be_answered_is_asked_for_at_its_question(client: Client) -> None:
    make_prompt(make_campaign(kinds=("label",)), replies=1)
    sign_in(client)
    assignment = ask_next(client)
    sent = {**form_of(client.get(f"/work/{assignment}/")), "label.quality": "0.75"}
    answer = post(client, assignment, "submit", sent)
    assert answer.status_code == 422
    assert 'aria-describedby="p-spam"' in answer.text
    assert form_of(answer)["label.quality"] == "0.75"


@pytest.mark.parametrize("value", ["x", "2", "nan"])
def test_label_value_that_no_form_has_is_refused(client: Client, value) -> None:
    make_prompt(make_campaign(kinds=("label",)), replies=1)
    sign_in(client)
    assignment = ask_next(client)
    answer = post(client, assignment, "submit", {"kind": "label", "shown": "", "label.quality": value})
    assert answer.status_code == 422


def test_reply_is_stored_with_the_line_ends_that_were_typed(client: Client) -> None:
    make_prompt(make_campaign(kinds=("write_assistant_reply",), languages=("en", "de")), replies=1)
    sign_in(client)
    assignment = ask_next(client)
    sent = form_of(client.get(f"/work/{assignment}/"))
    assert sent["language"] == "en"
    empty = post(client, assignment, "submit", {**sent, "text": " \r\n "})
    assert "The text is empty." in text_of(empty)
    post(client, assignment, "submit", {**sent, "text": "\r\nTo sing.\r\n\r\n- Loudly\r\n", "language": "de"})
    written = Judgment.objects.get().message
    assert (written.text, written.language) == ("\nTo sing.\n\n- Loudly\n", "de")
    assert Message.objects.filter(pk=written.pk).exists()


def test_reply_that_is_there_already_stays_in_the_editor(client: Client) -> None:
    make_prompt(make_campaign(kinds=("write_assistant_reply",)), replies=1)
    sign_in(client)
    assignment = ask_next(client)
    sent = form_of(client.get(f"/work/{assignment}/"))
    answer = post(client, assignment, "submit", {**sent, "text": "Why do birds sing? Reply 0."})
    assert answer.status_code == 409
    assert form_of(answer)["text"] == "Why do birds sing? Reply 0."
    assert "word for word" in answer.text


def test_reply_that_is_too_long_stays_in_the_editor(client: Client) -> None:
    make_prompt(make_campaign(kinds=("write_assistant_reply",), max_text_chars=100), replies=1)
    sign_in(client)
    assignment = ask_next(client)
    sent = form_of(client.get(f"/work/{assignment}/"))
    answer = post(client, assignment, "submit", {**sent, "text": "x" * 101})
    assert (answer.status_code, form_of(answer)["text"]) == (413, "x" * 101)


def test_form_that_does_not_say_its_kind_is_read_as_the_work_is(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    post(client, assignment, "submit", {"tiers": RANKED["tiers"]})
    assert Judgment.objects.get().kind == "rank"
    assert Unit.objects.get(pk=Judgment.objects.get().unit_id).done == 1


def test_form_that_says_another_kind_stores_nothing(client: Client, campaign) -> None:
    sign_in(client)
    assignment = ask_next(client)
    answer = post(client, assignment, "submit", {"kind": "label", "shown": "", "label.spam": "no"})
    assert (answer.status_code, Judgment.objects.count()) == (422, 0)
