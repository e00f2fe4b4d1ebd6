"""Moderators hide, restore and edit messages, halt and restart trees: with a reason, on a page that says what it means."""

from __future__ import annotations

import pytest
from django.test import Client

from annotate.models import Annotator, AuditEvent, Campaign, Membership, Message, MessageTree, Report
from tests.loop import NOW, make_annotator, make_campaign
from tests.trees import make_tree, reply_to
from tests.web.organizing import WHO, come_as, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(kinds=["label"], guests=True)


@pytest.fixture
def prompt(campaign) -> Message:
    return make_tree(campaign)


@pytest.fixture
def moderator(campaign) -> Client:
    return come_as("moderator", campaign)


def events() -> list[tuple[str, str]]:
    done = AuditEvent.objects.exclude(action="user.created").order_by("pk")
    return list(done.values_list("action", "reason"))


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("path", ["/messages/{prompt}/moderate/", "/trees/{tree}/moderate/"])
def test_pages_are_for_moderators_organizers_and_administrators(campaign, prompt, who, path):
    client = come_as(who, campaign)
    address = path.format(prompt=prompt.pk, tree=prompt.tree_id)
    allowed = who in {"moderator", "organizer", "administrator"}
    expected = 200 if allowed else 302 if who == "nobody" else 403
    assert client.get(address).status_code == expected
    answer = client.post(address, {"reason": "Because."})
    assert answer.status_code == (302 if allowed else 401 if who == "nobody" else 403)
    assert len(events()) == (1 if allowed else 0)


def test_a_message_is_hidden_restored_and_edited(moderator, prompt):
    path = f"/messages/{prompt.pk}/moderate/"
    assert "Hide this message?" in moderator.get(path).text
    answer = moderator.post(path, {"do": "hide", "reason": "A number."})
    assert answer["Location"] == f"/trees/{prompt.tree_id}/?to={prompt.pk}#m{prompt.pk}"
    prompt.refresh_from_db()
    assert (prompt.removed_at is not None, prompt.removed_reason) == (True, "A number.")
    assert "Restore this message?" in moderator.get(path).text
    moderator.post(path, {"do": "restore", "reason": "It was none."})
    moderator.post(path, {"do": "edit", "reason": "Shorter.", "text": "Why\r\nsing?"})
    prompt.refresh_from_db()
    assert (prompt.removed_at, prompt.text) == (None, "Why\nsing?")
    assert events() == [
        ("message.removed", "A number."),
        ("message.restored", "It was none."),
        ("message.edited", "Shorter."),
    ]


@pytest.mark.parametrize("sent", [{"do": "hide"}, {"do": "hide", "reason": "  "}, {"do": "edit", "text": "Other"}])
def test_a_reason_is_needed(moderator, prompt, sent):
    answer = moderator.post(f"/messages/{prompt.pk}/moderate/", sent)
    assert (answer.status_code, "Say in a few words why." in answer.text) == (422, True)
    assert sent.get("text", "") in answer.text
    assert events() == []


def test_an_edit_that_cannot_be_stored_is_shown_again(moderator, prompt):
    sent = {"do": "edit", "reason": "x", "text": prompt.text}
    answer = moderator.post(f"/messages/{prompt.pk}/moderate/", sent)
    assert (answer.status_code, "This is the text that is there already." in answer.text) == (409, True)


def test_a_withdrawn_message_does_not_come_back(moderator, prompt):
    Message.objects.update(withdrawn_at=NOW, removed_at=NOW)
    answer = moderator.post(f"/messages/{prompt.pk}/moderate/", {"do": "restore", "reason": "x"})
    assert (answer.status_code, "cannot come back" in answer.text) == (409, True)


def test_what_people_reported_is_told_without_who_they_are(moderator, prompt):
    bob = make_annotator("bob")
    Report.objects.create(
        message=prompt, annotator=bob, reason="personal_data", note="An <i>address</i>.", created_at=NOW
    )
    Report.objects.create(
        message=prompt, annotator=make_annotator("cyd"), reason="spam", state="dismissed", created_at=NOW
    )
    page = moderator.get(f"/messages/{prompt.pk}/moderate/").text
    assert ("Personal data" in page, "An &lt;i&gt;address&lt;/i&gt;." in page, "Spam" in page) == (True, True, False)
    assert "bob" not in page


def test_authors_are_suspended_by_administrators_alone(moderator, prompt):
    author = make_annotator("bob")
    Message.objects.update(author=author)
    path = f"/messages/{prompt.pk}/moderate/"
    assert moderator.get(f"{path}?do=suspend").status_code == 403
    assert moderator.post(path, {"do": "suspend", "reason": "Spam."}).status_code == 403
    root = sign_in("root", is_administrator=True)
    assert "Suspend the author?" in root.get(f"{path}?do=suspend").text
    assert root.post(path, {"do": "suspend", "reason": "Spam."}).status_code == 302
    assert Annotator.objects.get(pk=author.pk).suspended_reason == "Spam."
    assert root.post(path, {"do": "reinstate", "reason": "It was none."}).status_code == 302
    assert Annotator.objects.get(pk=author.pk).suspended_at is None


def test_nobody_is_suspended_for_an_imported_text(prompt):
    root = sign_in("root", is_administrator=True)
    answer = root.post(f"/messages/{prompt.pk}/moderate/", {"do": "suspend", "reason": "Spam."})
    assert (answer.status_code, events()) == (409, [])


def test_a_tree_is_halted_and_restarted(moderator, prompt):
    path = f"/trees/{prompt.tree_id}/moderate/"
    assert "Halt this tree?" in moderator.get(path).text
    assert moderator.post(path, {"do": "halt", "reason": "Off topic."})["Location"] == f"/trees/{prompt.tree_id}/"
    assert MessageTree.objects.get().state == "halted"
    assert "Restart this tree?" in moderator.get(path).text
    moderator.post(path, {"do": "restart", "reason": "It is not."})
    assert MessageTree.objects.get().state == "ranking"
    assert events() == [("tree.halted", "Off topic."), ("tree.restarted", "It is not.")]


def test_a_tree_that_is_done_is_neither(moderator, prompt):
    MessageTree.objects.update(state="done")
    path = f"/trees/{prompt.tree_id}/moderate/"
    for verb in ("halt", "restart"):
        answer = moderator.post(path, {"do": verb, "reason": "x"})
        assert answer.status_code == 409
        assert moderator.post(path, {"do": verb}).status_code == 422
    assert events() == []


@pytest.mark.parametrize("path", ["/messages/999999/moderate/", "/trees/999999/moderate/"])
def test_what_is_not_there_is_not_found(moderator, path):
    assert moderator.get(path).status_code == 404


def test_a_moderator_of_another_campaign_moderates_nothing_here(moderator):
    other = make_tree(make_campaign(slug="bees", kinds=["label"]), "Buzz?")
    reply_to(other, "Buzz.")
    Membership.objects.filter(campaign=other.tree.campaign).delete()
    assert moderator.get(f"/messages/{other.pk}/moderate/").status_code == 403
    assert moderator.post(f"/trees/{other.tree_id}/moderate/", {"do": "halt", "reason": "x"}).status_code == 403


@pytest.mark.parametrize("reports", [1, 3])
def test_the_page_takes_as_many_queries_whatever_was_reported(moderator, prompt, reports, django_assert_num_queries):
    for number in range(reports):
        Report.objects.create(message=prompt, annotator=make_annotator(f"r{number}"), reason="spam", created_at=NOW)
    path = f"/messages/{prompt.pk}/moderate/"
    moderator.get(path)
    with django_assert_num_queries(5):
        moderator.get(path)
