"""One's own work in every state it can be in: the page says what happened, and what was typed is there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from annotate.access import ANONYMOUS
from annotate.models import Annotator, Assignment, Campaign, Message
from annotate.services.holds import expire_leases, release_holds, save_draft
from tests.loop import ask, make_annotator, make_campaign, make_prompt, ranking_of, state_of, submit
from tests.web.workers import HTMX, ask_next, form_of, post, sign_in, text_of

pytestmark = pytest.mark.django_db
RANKED = {"tiers": ["a:2", "b:1", "c:2", "d:3"], "acceptable_tiers": "2", "kind": "rank", "shown": "a b c d"}
DRAFT = {"tiers": [["c"], ["a"]], "rationale": "C is short.", "acceptable_tiers": 1}


@pytest.fixture
def campaign() -> Campaign:
    campaign = make_campaign(redundancy=1)
    make_prompt(campaign)
    return campaign


@pytest.fixture
def ada(client: Client) -> Annotator:
    return sign_in(client)


def hold_with_draft(client: Client, ada: Annotator) -> int:
    assignment = ask_next(client)
    save_draft(annotator_id=ada.pk, assignment_id=assignment, draft=DRAFT, draft_version=0, now=timezone.now())
    return assignment


def end_hold(assignment: int) -> None:
    Assignment.objects.filter(pk=assignment).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert expire_leases(now=timezone.now()) == 1


def test_draft_is_in_the_form(client: Client, ada, campaign) -> None:
    page = client.get(f"/work/{hold_with_draft(client, ada)}/")
    form = form_of(page)
    assert (form["tiers"], form["acceptable_tiers"], form["rationale"]) == (["a:2", "", "c:1", ""], "1", "C is short.")
    assert form["draft_version"] == "1"
    assert "data-left=" in page.text


def test_ended_hold_whose_place_is_free_can_be_taken_up_again(client: Client, ada, campaign) -> None:
    assignment = hold_with_draft(client, ada)
    end_hold(assignment)
    page = client.get(f"/work/{assignment}/")
    assert "its place is still free" in page.text
    assert state_of(assignment) == "expired"
    assert "Take it up again" in page.text
    taken = post(client, assignment, "draft", form_of(page))
    assert (taken.status_code, taken["Location"], state_of(assignment)) == (302, f"/work/{assignment}/", "live")
    assert "its place is still free" not in client.get(f"/work/{assignment}/").text


def test_ended_hold_that_others_took_says_so_and_takes_the_answer_as_an_extra(client: Client, ada, campaign) -> None:
    assignment = hold_with_draft(client, ada)
    end_hold(assignment)
    ask(make_annotator("bob"), campaign, now=timezone.now())
    page = client.get(f"/work/{assignment}/")
    assert "others hold it now" in page.text
    assert "Take it up again" not in page.text
    assert form_of(page)["rationale"] == "C is short."
    answer = post(client, assignment, "submit", RANKED)
    assert "stored as an extra" in answer.text


def test_ended_hold_that_is_complete_says_so(client: Client, ada, campaign) -> None:
    assignment = hold_with_draft(client, ada)
    end_hold(assignment)
    bob = make_annotator("bob")
    held = ask(bob, campaign, now=timezone.now())["assignment"]
    submit(bob, held["id"], ranking_of(held), now=timezone.now())
    assert "it has all the judgments it needs" in client.get(f"/work/{assignment}/").text


def test_ended_hold_in_a_paused_campaign_says_that_it_is_not_open(client: Client, ada, campaign) -> None:
    assignment = hold_with_draft(client, ada)
    end_hold(assignment)
    Campaign.objects.update(state="paused")
    page = client.get(f"/work/{assignment}/")
    assert "This campaign is not open now" in page.text
    assert "Take it up again" not in page.text


def test_released_work_is_shown_like_ended_work(client: Client, ada, campaign) -> None:
    assignment = hold_with_draft(client, ada)
    release_holds(annotator_id=ada.pk, now=timezone.now())
    assert "its place is still free" in client.get(f"/work/{assignment}/").text


def test_paused_campaign_takes_what_is_held(client: Client, ada, campaign) -> None:
    assignment = hold_with_draft(client, ada)
    Campaign.objects.update(state="paused")
    assert "This campaign is paused" in client.get(f"/work/{assignment}/").text
    answer = post(client, assignment, "submit", RANKED)
    assert "Nothing is here for you now" in answer.text
    assert state_of(assignment) == "submitted"


def test_closed_campaign_takes_what_is_held_until_its_time_is_over(client: Client, ada, campaign) -> None:
    assignment = hold_with_draft(client, ada)
    Campaign.objects.update(state="closed")
    assert "This campaign is closed." in client.get(f"/work/{assignment}/").text
    end_hold(assignment)
    page = client.get(f"/work/{assignment}/")
    assert "This cannot be answered any more" in page.text
    assert "C, then A." in text_of(page)
    assert "C is short." in text_of(page)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_answer_to_a_campaign_that_closed_is_shown_and_kept(client: Client, ada, campaign, headers) -> None:
    assignment = hold_with_draft(client, ada)
    end_hold(assignment)
    Campaign.objects.update(state="closed")
    answer = post(client, assignment, "submit", {**RANKED, "rationale": "So."}, **headers)
    assert answer.status_code == 409
    assert "This was not stored" in answer.text
    assert "Your reason: So." in text_of(answer)
    assert Assignment.objects.get(pk=assignment).draft["rationale"] == "So."


@pytest.mark.parametrize("whose", ["subject", "candidate"])
def test_answer_to_what_was_removed_is_shown_and_kept(client: Client, ada, campaign, whose) -> None:
    assignment = hold_with_draft(client, ada)
    messages = Message.objects.filter(parent__isnull=whose == "subject").order_by("pk")
    Message.objects.filter(pk=messages.first().pk).update(removed_at=timezone.now())
    shown = client.get(f"/work/{assignment}/")
    assert "This cannot be answered any more" in shown.text
    assert "C, then A." in text_of(shown)
    assert "Reply 3." not in text_of(shown)
    answer = post(client, assignment, "submit", RANKED)
    assert answer.status_code == 410
    assert "B, then A and C, then D." in text_of(answer)
    assert "B, then A and C, then D." in text_of(client.get(f"/work/{assignment}/"))


def test_suspended_person_is_told_and_what_they_sent_is_kept(client: Client, ada, campaign) -> None:
    assignment = hold_with_draft(client, ada)
    Annotator.objects.filter(pk=ada.pk).update(suspended_at=timezone.now())
    assert "Your account is suspended" in client.get(f"/work/{assignment}/").text
    answer = post(client, assignment, "submit", RANKED)
    assert answer.status_code == 403
    assert "B, then A and C, then D." in text_of(answer)


def test_submitted_work_shows_what_was_stored_and_how_to_change_it(client: Client, ada, campaign) -> None:
    assignment = ask_next(client)
    post(client, assignment, "submit", {**RANKED, "rationale": "So."})
    page = client.get(f"/work/{assignment}/")
    words = text_of(page)
    assert "You have answered this" in words
    assert "B, then A and C, then D." in words
    assert "Acceptable: the first 2 places." in words
    assert "Your reason: So." in words
    assert "Undo and answer anew" in words
    assert "Why do birds sing? Reply 3." in words
    assert 'action="/campaigns/birds/next/"' in page.text


def test_submitted_work_of_long_ago_cannot_be_undone_on_its_page(client: Client, ada) -> None:
    campaign = make_campaign()
    for number in range(11):
        make_prompt(campaign, f"Question {number}?")
    first = ask_next(client)
    post(client, first, "submit", RANKED)
    for _ in range(10):
        post(client, ask_next(client), "submit", RANKED)
    page = client.get(f"/work/{first}/")
    assert "It can no longer be undone here" in page.text
    assert "Undo and answer anew" not in page.text


def test_labels_and_texts_are_told_in_words(client: Client, ada) -> None:
    make_prompt(make_campaign(kinds=("label",)), replies=1)
    assignment = ask_next(client)
    fields = {"label.spam": "no", "label.quality": "0.5", "kind": "label", "shown": ""}
    post(client, assignment, "submit", fields)
    words = text_of(client.get(f"/work/{assignment}/"))
    assert "spam No." in words
    assert "quality 0.5" in words


def test_somebody_elses_work_is_not_there(client: Client, campaign) -> None:
    assignment = ask(make_annotator("bob"), campaign, now=timezone.now())["assignment"]["id"]
    sign_in(client)
    for verb in ("submit", "draft", "renew"):
        assert post(client, assignment, verb, RANKED).status_code == 404
    for number in (assignment, 10**9, 10**30):
        answer = client.get(f"/work/{number}/")
        assert answer.status_code == 404
        assert "You hold no such work." in answer.text


def test_work_asks_whoever_is_nobody_to_sign_in_and_leads_back(client: Client, campaign) -> None:
    answer = client.get("/work/7/")
    assert (answer.status_code, answer["Location"]) == (302, "/account/login/?next=%2Fwork%2F7%2F")
    assert not ANONYMOUS.is_signed_in


def test_note_of_what_was_stored_names_ones_own_alone(client: Client, ada, campaign) -> None:
    make_prompt(campaign, "Why do cats purr?")
    make_prompt(campaign, "Why do dogs bark?")
    bob = make_annotator("bob")
    held = ask(bob, campaign, now=timezone.now())["assignment"]
    judgment = submit(bob, held["id"], ranking_of(held), now=timezone.now())["judgment"]["id"]
    assignment = ask_next(client)
    for number in (judgment, "x", "9" * 40, ""):
        page = client.get(f"/work/{assignment}/?stored={number}")
        assert page.status_code == 200
        assert "is stored" not in page.text
