"""Drafts: saved by the script and by a button, two devices, a sign-in or a token that ends in the middle of a text."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Assignment, Judgment, Session
from annotate.services.holds import save_draft
from annotate.web import work_kept
from tests.loop import make_campaign, make_prompt, state_of
from tests.web.workers import HTMX, JSON, ask_next, form_of, post, sign_in, text_of

pytestmark = pytest.mark.django_db
HALF = {
    "tiers": ["a:", "b:1", "c:", "d:"],
    "rationale": "So.",
    "kind": "rank",
    "shown": "a b c d",
    "draft_version": "0",
}


@pytest.fixture
def held(client: Client) -> int:
    campaign = make_campaign()
    make_prompt(campaign)
    make_prompt(campaign, "Why do cats purr?")
    client.ada = sign_in(client)
    return ask_next(client)


def draft_of(assignment: int) -> tuple[dict, int]:
    held = Assignment.objects.get(pk=assignment)
    return held.draft, held.draft_version


def test_script_saves_and_learns_version_and_time_left(client: Client, held) -> None:
    answer = post(client, held, "draft", HALF, **JSON)
    assert answer.status_code == 200
    body = answer.json()
    assert sorted(body) == ["draft_version", "lease_expires_at", "lease_seconds_left", "state"]
    assert (body["draft_version"], body["state"]) == (1, "live")
    assert 1700 < body["lease_seconds_left"] <= 1800
    assert draft_of(held) == ({"rationale": "So.", "tiers": [["b"]], "acceptable_tiers": None}, 1)


def test_button_saves_and_shows_the_page_again(client: Client, held) -> None:
    answer = post(client, held, "draft", HALF)
    assert (answer.status_code, answer["Location"]) == (302, f"/work/{held}/")
    page = client.get(answer["Location"])
    assert "Saved." in page.text
    assert form_of(page)["tiers"] == ["", "b:1", "", ""]
    fragment = post(client, held, "draft", {**HALF, "draft_version": "1", "rationale": "Else."}, **HTMX)
    assert (fragment.status_code, fragment["HX-Push-Url"]) == (200, f"/work/{held}/")
    assert form_of(fragment)["rationale"] == "Else."


def test_bar_drawn_before_anything_is_placed_stays_where_it_is(client: Client, held) -> None:
    post(client, held, "draft", {**HALF, "tiers": ["a:", "b:", "c:", "d:"], "acceptable_tiers": "2"})
    assert form_of(client.get(f"/work/{held}/"))["acceptable_tiers"] == "2"


def test_second_device_is_shown_both_drafts(client: Client, held) -> None:
    post(client, held, "draft", {**HALF, "rationale": "From the phone."})
    script = post(client, held, "draft", HALF, **JSON)
    assert script.status_code == 409
    body = script.json()
    assert (body["code"], body["draft_version"]) == ("draft_conflict", 1)
    assert 'id="conflict"' in body["html"]
    assert "From the phone." in body["html"]
    assert "So." in body["html"]
    button = post(client, held, "draft", HALF)
    assert button.status_code == 409
    assert form_of(button)["rationale"] == "So."
    assert "From the phone." in text_of(button)
    again = post(client, held, "draft", form_of(button))
    assert (again.status_code, draft_of(held)[0]["rationale"]) == (302, "So.")


def test_draft_of_what_is_submitted_is_refused(client: Client, held) -> None:
    post(client, held, "submit", {**HALF, "tiers": ["a:1", "b:1", "c:1", "d:1"]})
    script = post(client, held, "draft", HALF, **JSON)
    assert (script.status_code, script.json()["code"]) == (409, "already_submitted")
    button = post(client, held, "draft", HALF)
    assert button.status_code == 409
    assert "You had already answered this" in button.text


def test_draft_that_is_too_long_is_refused_with_its_text(client: Client, held, monkeypatch) -> None:
    monkeypatch.setattr("annotate.services.holds.MAX_DRAFT_CHARS", 100)
    sent = {**HALF, "rationale": "x" * 200}
    script = post(client, held, "draft", sent, **JSON)
    assert (script.status_code, script.json()["code"]) == (413, "draft_too_large")
    button = post(client, held, "draft", sent)
    assert (button.status_code, form_of(button)["rationale"]) == (413, "x" * 200)


def test_draft_that_cannot_be_read_is_refused(client: Client, held) -> None:
    sent = {**HALF, "tiers": ["a:x"]}
    script = post(client, held, "draft", sent, **JSON)
    assert (script.status_code, script.json()["code"]) == (422, "wrong_value")
    assert post(client, held, "draft", sent).status_code == 422
    assert draft_of(held) == (None, 0)


@pytest.mark.parametrize("number", [10**9, 10**30])
def test_script_is_told_that_work_is_not_there(client: Client, held, number) -> None:
    assert post(client, number, "draft", HALF, **JSON).status_code == 404


def test_renewal_answers_how_long_the_hold_lasts(client: Client, held) -> None:
    assert post(client, held, "renew", {}, **JSON).json()["state"] == "live"
    assert post(client, held, "renew", {})["Location"] == f"/work/{held}/"
    post(client, held, "submit", {"skip_reason": "other"})
    refused = post(client, held, "renew", {}, **JSON)
    assert (refused.status_code, refused.json()["code"]) == (409, "hold_ended")
    assert post(client, held, "renew", {}).status_code == 409


def test_answer_sent_after_the_sign_in_ended_is_filled_in_again(client: Client, held) -> None:
    sent = {**HALF, "tiers": ["a:1", "b:2", "c:3", "d:4"], "acceptable_tiers": "1"}
    Session.objects.all().delete()
    answer = post(client, held, "submit", sent)
    assert (answer.status_code, answer["Location"]) == (302, f"/account/login/?next=%2Fwork%2F{held}%2F")
    sign_in(client)
    page = client.get(f"/work/{held}/")
    assert "It is filled in again, and not stored yet." in page.text
    form = form_of(page)
    assert (form["tiers"], form["rationale"]) == (["a:1", "b:2", "c:3", "d:4"], "So.")
    assert draft_of(held) == (None, 0)  # looking writes nothing
    assert post(client, held, "submit", form).status_code == 302
    assert Judgment.objects.count() == 1
    assert work_kept.KEPT not in client.session


def test_kept_answer_stands_beside_a_draft_that_is_newer(client: Client, held) -> None:
    client.logout()
    post(client, held, "draft", HALF)
    save_draft(annotator_id=client.ada.pk, assignment_id=held, draft={"rationale": "From the phone."},
               draft_version=0, now=timezone.now())  # fmt: skip
    sign_in(client)
    page = client.get(f"/work/{held}/")
    assert form_of(page)["rationale"] == "From the phone."
    assert "Your reason: So." in text_of(page)
    post(client, held, "draft", form_of(page))
    assert "Your reason: So." not in text_of(client.get(f"/work/{held}/"))


def test_kept_answer_is_shown_to_nobody_else(client: Client, held) -> None:
    client.logout()
    post(client, held, "draft", HALF)
    sign_in(client, "bob")
    answer = client.get(f"/work/{held}/")
    assert answer.status_code == 404
    assert "So." not in answer.text


def test_script_and_htmx_are_told_that_the_sign_in_ended(client: Client, held) -> None:
    client.logout()
    script = post(client, held, "draft", HALF, **JSON)
    assert (script.status_code, script.json()["code"]) == (401, "not_signed_in")
    htmx = post(client, held, "submit", HALF, **HTMX)
    assert (htmx.status_code, htmx["HX-Retarget"]) == (401, "#refusal")
    assert "is kept in this browser" in htmx.text
    assert client.session[work_kept.KEPT]["assignment"] == held
    assert post(client, held, "renew", {}, **JSON).status_code == 401
    assert ["rationale", "So."] in client.session[work_kept.KEPT]["fields"]


def test_answer_that_is_too_much_to_keep_is_said_to_be_so(client: Client, held) -> None:
    client.logout()
    answer = post(client, held, "submit", {**HALF, "rationale": "x" * (work_kept.MAX_CHARS + 1)})
    assert answer.status_code == 401
    assert "too long to be kept" in answer.text
    assert work_kept.KEPT not in client.session


def test_kept_answer_of_last_month_is_gone(client: Client, held, monkeypatch) -> None:
    client.logout()
    post(client, held, "draft", HALF)
    sign_in(client)
    monkeypatch.setattr(work_kept, "MAX_AGE", -1)
    assert form_of(client.get(f"/work/{held}/"))["rationale"] == ""


@pytest.fixture
def strict(held) -> Client:
    """The same person in a browser whose forms need their token."""
    client = Client(enforce_csrf_checks=True)
    sign_in(client)
    return client


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_form_whose_token_expired_comes_back_whole(strict: Client, held, headers) -> None:
    answer = post(strict, held, "submit", HALF, Origin="http://testserver", **headers)
    assert answer.status_code == 403
    assert "This form had been open for too long" in answer.text
    assert form_of(answer)["rationale"] == "So."
    assert ("<html" in answer.text) == (not headers)
    assert draft_of(held) == (None, 0)
    assert form_of(strict.get(f"/work/{held}/"))["rationale"] == "So."


def test_form_whose_token_and_sign_in_expired_is_kept_for_the_sign_in(strict: Client, held) -> None:
    strict.logout()
    answer = post(strict, held, "submit", HALF, Referer="http://testserver/work/1/")
    assert (answer.status_code, answer["Location"]) == (302, f"/account/login/?next=%2Fwork%2F{held}%2F")
    htmx = post(strict, held, "submit", HALF, Origin="http://testserver", **HTMX)
    assert htmx.status_code == 401
    assert "is kept in this browser" in htmx.text
    sign_in(strict)
    assert form_of(strict.get(f"/work/{held}/"))["rationale"] == "So."


@pytest.mark.parametrize("sender", [{}, {"Origin": "https://elsewhere.example"}, {"Referer": "https://elsewhere.example/"},
                                    {"Origin": "null"}])  # fmt: skip
def test_foreign_page_puts_no_word_into_anybodys_form(strict: Client, held, sender) -> None:
    answer = post(strict, held, "submit", HALF, **sender)
    assert answer.status_code == 403
    assert "So." not in text_of(answer)
    assert form_of(strict.get(f"/work/{held}/"))["rationale"] == ""
    strict.logout()
    sessions = Session.objects.count()
    assert post(strict, held, "submit", HALF, **sender).status_code == 403
    assert Session.objects.count() == sessions


def test_expired_token_of_what_is_not_ones_own_or_unreadable_is_refused(strict: Client, held) -> None:
    for number, sent in ((10**9, HALF), (10**30, HALF), (held, {**HALF, "tiers": ["a:x"]})):
        answer = post(strict, number, "submit", sent, Origin="http://testserver")
        assert answer.status_code == 403
        assert "reload the page" in answer.text


def test_expired_token_of_a_script_is_refused_plainly(strict: Client, held) -> None:
    answer = post(strict, held, "draft", HALF, Origin="http://testserver", **JSON)
    assert answer.status_code == 403
    assert 'id="work"' not in answer.text
    assert state_of(held) == "live"
    assert json.dumps(HALF)  # nothing of it was stored
    assert draft_of(held) == (None, 0)
