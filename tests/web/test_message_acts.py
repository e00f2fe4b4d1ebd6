"""Reacting, reporting, labelling and rewording from the page of a tree: with and without scripts, and every refusal."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from annotate.models import (
    Annotator,
    Assignment,
    Campaign,
    Message,
    Reaction,
    Report,
    RevisionProposal,
)
from annotate.services.reports import MAX_NOTE_CHARS
from tests.loop import NOW, ask, make_annotator, make_campaign, make_prompt
from tests.trees import make_tree, open_work, reply_to
from tests.web.organizing import HTMX

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Annotator:
    return make_annotator("ada")


@pytest.fixture
def client(ada) -> Client:
    return sign_in(ada)


@pytest.fixture
def prompt() -> Message:
    return make_tree(make_campaign(kinds=["label"]))


def sign_in(annotator: Annotator) -> Client:
    client = Client()
    client.force_login(annotator.user)
    return client


def place(message: Message) -> str:
    return f"/trees/{message.tree_id}/?to={message.pk}#m{message.pk}"


# --- React ----------------------------------------------------------------------------------------


def test_a_reaction_is_given_and_leads_back_to_its_message(client, ada, prompt):
    answer = client.post(f"/messages/{prompt.pk}/react/", {"code": "heart"})
    assert (answer.status_code, answer["Location"]) == (302, place(prompt))
    assert list(Reaction.objects.values_list("message", "annotator", "code")) == [(prompt.pk, ada.pk, "heart")]
    there = f"/trees/{prompt.tree_id}/?all=1"
    assert (
        client.post(f"/messages/{prompt.pk}/react/", {"code": "heart", "next": there})["Location"]
        == f"{there}#m{prompt.pk}"
    )
    assert not Reaction.objects.exists()


def test_it_leads_nowhere_else(client, prompt):
    answer = client.post(f"/messages/{prompt.pk}/react/", {"code": "heart", "next": "https://evil.example/"})
    assert answer["Location"] == place(prompt)


def test_htmx_is_given_the_reactions_of_this_message_alone(client, prompt):
    Reaction.objects.create(message=prompt, annotator=make_annotator("bob"), code="laugh", created_at=NOW)
    answer = client.post(f"/messages/{prompt.pk}/react/", {"code": "heart", "next": "/trees/1/"}, headers=HTMX)
    assert answer.text.startswith(f'<div id="reactions-{prompt.pk}" class="reactions">')
    assert re.findall(r'value="(\w+)" aria-pressed="true"', answer.text) == ["heart"]
    assert answer.text.count('class="given') == 2
    assert 'name="next" value="/trees/1/"' in answer.text


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({}, "shrug", 422),
        ({"author": True}, "heart", 409),
        ({"removed_at": NOW}, "heart", 410),
    ],
)
def test_what_is_refused_is_a_page_and_to_htmx_a_note(client, ada, prompt, change, code, status):
    Message.objects.update(**(change if "author" not in change else {"author": ada}))
    answer = client.post(f"/messages/{prompt.pk}/react/", {"code": code})
    assert (answer.status_code, "<h1" in answer.text) == (status, True)
    answer = client.post(f"/messages/{prompt.pk}/react/", {"code": code}, headers=HTMX)
    assert (answer.status_code, answer["HX-Retarget"]) == (status, "#refusal")
    assert not Reaction.objects.exists()


# --- Report ---------------------------------------------------------------------------------------


def test_a_report_is_made_changed_and_taken_back(client, ada, prompt):
    path = f"/messages/{prompt.pk}/report/"
    assert prompt.text in client.get(path).text
    answer = client.post(path, {"reason": "personal_data", "note": "An address."})
    assert answer["Location"] == place(prompt)
    assert list(Report.objects.values_list("annotator", "reason", "note")) == [(ada.pk, "personal_data", "An address.")]
    again = client.get(path).text
    assert re.search(r'value="personal_data" checked', again)
    assert "An address." in again
    client.post(path, {"reason": "spam"})
    assert list(Report.objects.values_list("reason", "note")) == [("spam", "")]
    client.post(path, {"step": "take_back"})
    assert not Report.objects.exists()


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ({}, 422, "Choose what is wrong with it."),
        ({"reason": "ugly"}, 422, "Choose what is wrong with it."),
        ({"reason": "other"}, 422, "Say in a few words what is wrong"),
        ({"reason": "spam", "note": "x" * (MAX_NOTE_CHARS + 1)}, 413, "Shorten them and send again."),
    ],
)
def test_a_report_that_cannot_be_kept_is_shown_again_with_what_was_written(client, prompt, sent, status, said):
    answer = client.post(f"/messages/{prompt.pk}/report/", sent)
    assert (answer.status_code, said in answer.text) == (status, True)
    assert sent.get("note", "") in answer.text
    assert not Report.objects.exists()


@pytest.mark.parametrize("page", ["report", "revise"])
def test_what_was_removed_is_gone(client, prompt, page):
    Message.objects.update(removed_at=NOW)
    assert client.get(f"/messages/{prompt.pk}/{page}/").status_code == 410
    assert client.post(f"/messages/{prompt.pk}/{page}/", {"reason": "spam", "text": "x"}).status_code == 410


@pytest.mark.parametrize("page", ["react", "report", "label", "revise"])
def test_who_is_suspended_does_nothing(client, prompt, page):
    Annotator.objects.update(suspended_at=NOW)
    sent = {"code": "heart", "reason": "spam", "text": "x", "base_revision": 1}
    assert client.post(f"/messages/{prompt.pk}/{page}/", sent).status_code == 403
    assert [model.objects.count() for model in (Reaction, Report, Assignment)] == [0, 0, 0]


def test_ones_own_text_is_not_reported(client, ada, prompt):
    Message.objects.update(author=ada)
    assert client.post(f"/messages/{prompt.pk}/report/", {"reason": "spam"}).status_code == 409


# --- Label ----------------------------------------------------------------------------------------


def test_a_message_is_taken_to_label_and_the_work_is_there(client, ada, prompt):
    answer = client.post(f"/messages/{prompt.pk}/label/")
    assignment = Assignment.objects.get(annotator=ada)
    assert answer["Location"] == f"/work/{assignment.pk}/"
    assert prompt.text in client.get(answer["Location"]).text


def test_a_label_that_is_not_wanted_is_refused_with_a_page(client, prompt):
    Campaign.objects.update(kinds=["rank"])
    answer = client.post(f"/messages/{prompt.pk}/label/")
    assert (answer.status_code, "does not ask for labels" in answer.text) == (409, True)
    assert client.get(f"/messages/{prompt.pk}/label/").status_code == 405


# --- Reword ---------------------------------------------------------------------------------------


def test_ones_own_text_is_changed_at_once(client, ada, prompt):
    Message.objects.update(author=ada)
    assert "Fix your text" in client.get(f"/messages/{prompt.pk}/revise/").text
    sent = {"text": "Why do\r\nowls hoot?", "reason": "Owls.", "base_revision": 1}
    answer = client.post(f"/messages/{prompt.pk}/revise/", sent)
    assert answer["Location"] == place(prompt)
    prompt.refresh_from_db()
    assert (prompt.text, prompt.revision) == ("Why do\nowls hoot?", 2)


def test_anothers_text_is_proposed(client, ada, prompt):
    assert "Propose another wording" in client.get(f"/messages/{prompt.pk}/revise/").text
    client.post(f"/messages/{prompt.pk}/revise/", {"text": "Why hoot?", "reason": "Short.", "base_revision": 1})
    proposal = RevisionProposal.objects.get()
    assert (proposal.author, proposal.text, proposal.reason) == (ada, "Why hoot?", "Short.")
    page = client.get(f"/trees/{prompt.tree_id}/").text
    assert f"/campaigns/birds/revisions/?message={prompt.pk}" in page


def test_ones_own_text_that_others_have_begun_with_is_proposed(client, ada, prompt):
    Message.objects.update(author=ada)
    open_work(prompt.tree.campaign, prompt)
    ask(make_annotator("bob"), prompt.tree.campaign)
    assert "Others have begun to work with your text" in client.get(f"/messages/{prompt.pk}/revise/").text
    client.post(f"/messages/{prompt.pk}/revise/", {"text": "Why?", "reason": "Short.", "base_revision": 1})
    assert RevisionProposal.objects.count() == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"text": "Why?", "reason": ""}, 422),
        ({"text": "", "reason": "x"}, 422),
        ({"text": "a\u202eb", "reason": "x"}, 422),
        ({"text": "Why do birds sing?", "reason": "x"}, 409),
        ({"text": "Why?", "reason": "x" * 2001}, 413),
        ({"text": "x" * 20_001, "reason": "x"}, 413),
    ],
)
def test_what_cannot_be_stored_is_shown_again_with_what_was_written(client, prompt, sent, status):
    answer = client.post(f"/messages/{prompt.pk}/revise/", {**sent, "base_revision": 1})
    assert (answer.status_code, 'id="wrong"' in answer.text) == (status, True)
    assert (sent["text"] in answer.text, sent["reason"] in answer.text) == (True, True)
    assert not RevisionProposal.objects.exists()


def test_a_text_that_was_changed_meanwhile_is_shown_beside_what_was_written(client, prompt):
    Message.objects.update(text="Why do robins sing?", revision=2)
    sent = {"text": "Why sing?", "reason": "Short.", "base_revision": 1}
    answer = client.post(f"/messages/{prompt.pk}/revise/", sent)
    assert answer.status_code == 409
    assert [text for text in ("Why do robins sing?", "Why sing?", "Short.") if text not in answer.text] == []
    assert 'name="base_revision" value="2"' in answer.text


def test_a_closed_campaign_keeps_its_texts(client, prompt):
    Campaign.objects.update(state="closed")
    sent = {"text": "Why sing?", "reason": "Short.", "base_revision": 1}
    assert client.post(f"/messages/{prompt.pk}/revise/", sent).status_code == 409


def test_a_second_proposal_waits_for_the_first(client, prompt):
    sent = {"text": "Why sing?", "reason": "Short.", "base_revision": 1}
    sign_in(make_annotator("bob")).post(f"/messages/{prompt.pk}/revise/", sent)
    answer = client.post(f"/messages/{prompt.pk}/revise/", {**sent, "text": "Why?"})
    assert (answer.status_code, "is proposed already" in answer.text) == (409, True)


@pytest.mark.parametrize("page", ["react", "report", "label", "revise"])
def test_a_sealed_message_is_not_there(client, page):
    reply = make_prompt(make_campaign(), replies=2).replies.first()
    sent = {"code": "heart", "reason": "spam", "text": "x", "base_revision": 1}
    assert client.post(f"/messages/{reply.pk}/{page}/", sent).status_code == 404


@pytest.mark.parametrize("page", ["react", "report", "label", "revise"])
def test_who_is_nobody_does_nothing(prompt, page):
    assert Client().post(f"/messages/{prompt.pk}/{page}/").status_code == 401


def test_a_reply_that_is_worded_as_one_beside_it_is_refused(client, ada, prompt):
    reply_to(prompt, "One.")
    mine = reply_to(prompt, "Two.", author=ada)
    sent = {"text": "One.", "reason": "Same.", "base_revision": 1}
    assert client.post(f"/messages/{mine.pk}/revise/", sent).status_code == 409
