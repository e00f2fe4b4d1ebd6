"""Moderation over HTTP: who may, what is answered, and that each refusal has its own code."""

from __future__ import annotations

import pytest

from annotate.models import Annotator, AuditEvent, Campaign, Membership, Message, Report, User
from tests.api.conftest import API
from tests.loop import make_campaign, make_prompt

pytestmark = pytest.mark.django_db

WHY = {"reason": "Spam."}


def error(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture
def reply(db) -> Message:
    return make_prompt(make_campaign()).replies.first()


@pytest.fixture
def moderator(make_client, reply):
    client = make_client("mo")
    Membership.objects.create(campaign=Campaign.objects.get(), user=client.owner, role="moderator")
    return client


def path_of(reply: Message, verb: str) -> str:
    return f"{API}campaigns/birds/messages/{reply.pk}/{verb}/"


def test_a_moderator_removes_and_restores_a_message(moderator, reply):
    removed = moderator.post(path_of(reply, "remove"), WHY)
    assert (removed.status_code, removed.json()["id"], removed.json()["reason"]) == (200, reply.pk, "Spam.")
    assert removed.json()["removed_at"].endswith("Z")
    restored = moderator.post(path_of(reply, "restore"), {"reason": "A mistake."})
    assert (restored.status_code, restored.json()) == (200, {"id": reply.pk, "removed_at": None, "reason": ""})
    told = AuditEvent.objects.filter(object_kind="message").order_by("id")
    assert [(event.action, event.actor, event.reason) for event in told] == [
        ("message.removed", moderator.owner, "Spam."),
        ("message.restored", moderator.owner, "A mistake."),
    ]


@pytest.mark.parametrize("verb", ["remove", "restore", "keep", "edit"])
@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "x" * 2001}, {"reason": 3}, {"reason": "x", "who": 1}, []]
)
def test_moderation_without_a_reason_is_refused(moderator, reply, verb, body):
    assert error(moderator.post(path_of(reply, verb), body)) == (422, "invalid_input")


@pytest.mark.parametrize("verb", ["remove", "restore", "keep", "edit"])
@pytest.mark.parametrize("role", ["annotator", None])
def test_whoever_only_judges_moderates_nothing(client_of_ada, reply, verb, role):
    if role:
        Membership.objects.create(campaign=Campaign.objects.get(), user=client_of_ada.owner, role=role)
    assert error(client_of_ada.post(path_of(reply, verb), WHY)) == (403, "role_missing")
    assert Message.objects.filter(removed_at__isnull=False).count() == 0


@pytest.mark.parametrize("verb", ["remove", "restore"])
def test_a_moderator_reaches_messages_of_their_campaign_alone(moderator, verb):
    other = make_prompt(make_campaign(slug="bees"))
    assert error(moderator.post(path_of(other, verb), WHY)) == (404, "message_not_found")
    assert error(moderator.post(f"{API}campaigns/birds/messages/{10**30}/{verb}/", WHY)) == (404, "message_not_found")
    assert error(moderator.post(f"{API}campaigns/bees/messages/{other.pk}/{verb}/", WHY)) == (403, "role_missing")


def test_what_its_author_withdrew_stays_away(moderator, reply):
    moderator.post(path_of(reply, "remove"), WHY)
    Message.objects.filter(pk=reply.pk).update(withdrawn_at="2026-05-04T12:00:00Z")
    assert error(moderator.post(path_of(reply, "restore"), WHY)) == (409, "message_withdrawn")


def test_an_administrator_suspends_and_reinstates(administrator, client_of_ada, reply):
    annotator = Annotator.objects.get(user=client_of_ada.owner)
    people = f"{API}campaigns/birds/annotators/{annotator.pk}/"
    suspended = administrator.post(f"{people}suspend/", WHY).json()
    assert (suspended["id"], suspended["reason"], suspended["suspended_at"] is not None) == (
        annotator.pk,
        "Spam.",
        True,
    )
    offer = client_of_ada.post(f"{API}campaigns/birds/next/", {}).json()
    assert (offer["assignment"], offer["why_none"]["code"]) == (None, "suspended")
    reinstated = administrator.post(f"{people}reinstate/", WHY).json()
    assert reinstated == {"id": annotator.pk, "suspended_at": None, "reason": ""}
    assert client_of_ada.post(f"{API}campaigns/birds/next/", {}).json()["assignment"] is not None


@pytest.mark.parametrize("verb", ["suspend", "reinstate"])
def test_nobody_else_suspends_or_reinstates(moderator, administrator, reply, verb):
    Membership.objects.update(role="organizer")
    path = f"{API}campaigns/birds/annotators/{Annotator.objects.get(user=moderator.owner).pk}/{verb}/"
    assert error(moderator.post(path, WHY)) == (403, "scope_missing")
    User.objects.update(is_superuser=False)
    assert error(administrator.post(path, WHY)) == (403, "administrators_only")
    assert Annotator.objects.get(user=moderator.owner).suspended_at is None


@pytest.mark.parametrize("verb", ["suspend", "reinstate"])
@pytest.mark.parametrize("annotator", [999_999, 10**30])
def test_somebody_who_is_not_there_is_not_found(administrator, reply, verb, annotator):
    path = f"{API}campaigns/birds/annotators/{annotator}/{verb}/"
    assert error(administrator.post(path, WHY)) == (404, "annotator_not_found")


def test_reports_are_dismissed(moderator, reply):
    assert error(moderator.post(path_of(reply, "keep"), WHY)) == (409, "no_reports")
    Report.objects.create(message=reply, annotator=Annotator.objects.create(), reason="spam")
    kept = moderator.post(path_of(reply, "keep"), {"reason": "It is fine."})
    assert (kept.status_code, kept.json()) == (200, {"id": reply.pk, "removed_at": None, "reason": ""})
    assert Report.objects.get().state == "dismissed"


def test_a_text_is_changed_and_its_earlier_one_kept(moderator, reply):
    edited = moderator.post(path_of(reply, "edit"), {**WHY, "text": "Without the telephone number."})
    assert (edited.status_code, edited.json()) == (200, {"id": reply.pk, "revision": 2})
    reply.refresh_from_db()
    assert reply.text == "Without the telephone number."
    assert reply.revisions.count() == 1
    again = moderator.post(path_of(reply, "edit"), {**WHY, "text": "Without the telephone number."})
    assert error(again) == (409, "text_unchanged")


def test_a_tree_is_halted_and_restarted(moderator, reply):
    path = f"{API}campaigns/birds/trees/{reply.tree_id}/"
    halted = moderator.post(f"{path}halt/", WHY)
    assert (halted.status_code, halted.json()) == (
        200,
        {"id": reply.tree_id, "state": "halted", "state_reason": "by_moderator"},
    )
    assert moderator.post(f"{path}restart/", WHY).json()["state"] == "ranking"


@pytest.mark.parametrize("verb", ["halt", "restart"])
def test_a_tree_of_elsewhere_is_not_found_and_whoever_judges_halts_nothing(moderator, client_of_ada, reply, verb):
    assert error(moderator.post(f"{API}campaigns/birds/trees/0/{verb}/", WHY)) == (404, "tree_not_found")
    path = f"{API}campaigns/birds/trees/{reply.tree_id}/{verb}/"
    assert error(client_of_ada.post(path, WHY)) == (403, "role_missing")
