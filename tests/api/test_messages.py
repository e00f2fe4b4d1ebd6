"""React, report, label, revise, vote, and the help while writing, over HTTP."""

from __future__ import annotations

import pytest

from annotate.models import (
    Annotator,
    Judgment,
    Membership,
    Message,
    Reaction,
    Report,
    RevisionProposal,
    User,
)
from annotate.services.search_index import index_messages
from tests.api.conftest import API
from tests.api.helpers import details, refusal
from tests.loop import make_campaign, make_prompt
from tests.trees import make_tree

pytestmark = pytest.mark.django_db


@pytest.fixture
def prompt() -> Message:
    return make_tree(make_campaign(kinds=["label", "write_prompt"], languages=["en", "de"]))


def post(client, message: Message, verb: str, body: dict | None = None):
    return client.post(f"{API}messages/{message.pk}/{verb}/", body or {}, format="json")


def annotator_of(client) -> Annotator:
    return Annotator.objects.get(user=client.owner)


def test_reactions_over_http(client_of_ada, prompt):
    assert post(client_of_ada, prompt, "reactions", {"code": "heart"}).json() == {
        "mine": ["heart"],
        "counts": {"heart": 1},
    }
    again = post(client_of_ada, prompt, "reactions", {"code": "heart", "is_on": True})
    assert (again.status_code, again.json()["mine"]) == (200, ["heart"])
    assert post(client_of_ada, prompt, "reactions", {"code": "heart"}).json() == {"mine": [], "counts": None}
    assert refusal(post(client_of_ada, prompt, "reactions", {"code": "skull"})) == (422, "invalid_input")
    assert Reaction.objects.count() == 0


def test_a_report_over_http_and_back(client_of_ada, prompt):
    made = post(client_of_ada, prompt, "report", {"reason": "other", "note": "Look."})
    assert (made.status_code, made.json()) == (200, {"id": Report.objects.get().pk})
    assert refusal(post(client_of_ada, prompt, "report", {"reason": "other"})) == (422, "note_required")
    gone = client_of_ada.delete(f"{API}messages/{prompt.pk}/report/")
    assert (gone.status_code, Report.objects.count()) == (204, 0)


def test_a_message_is_labelled_by_choice(client_of_ada, prompt):
    given = post(client_of_ada, prompt, "label").json()
    assert (given["kind"], given["subject"]["thread"][-1]["text"]) == ("label", prompt.text)
    done = client_of_ada.post(f"{API}assignments/{given['id']}/submit/", {"labels": {"spam": False}}, format="json")
    assert done.json()["judgment"]["counted"] is False
    again = post(client_of_ada, prompt, "label")
    assert refusal(again) == (409, "already_judged")
    assert details(again) == {"judgment": Judgment.objects.get().pk}


def test_own_text_is_fixed_and_anothers_proposed_and_decided(make_client, prompt):
    ada, bob, moderator = make_client("ada"), make_client("bob"), make_client("mo")
    Membership.objects.create(campaign=prompt.tree.campaign, user=moderator.owner, role="moderator")
    Message.objects.update(author=annotator_of(ada))
    change = {"text": "Why do the birds sing?", "reason": "An article.", "base_revision": 1}
    assert post(ada, prompt, "revise", change).json() == {"message_id": prompt.pk, "revision": 2, "proposal_id": None}
    stale = post(bob, prompt, "revise", {**change, "text": "Why sing?"})
    assert refusal(stale) == (409, "revision_moved")
    assert details(stale) == {"revision": 2, "base_revision": 1, "text": "Why do the birds sing?"}
    proposal = post(bob, prompt, "revise", {**change, "text": "Why sing?", "base_revision": 2}).json()["proposal_id"]
    (listed,) = bob.get(f"{API}campaigns/birds/revisions/").json()["results"]
    assert (listed["id"], listed["before"], listed["text"], listed["is_mine"]) == (
        proposal,
        "Why do the birds sing?",
        "Why sing?",
        True,
    )
    cyd = make_client("cyd")
    assert refusal(cyd.post(f"{API}revisions/{proposal}/vote/", {"agrees": True})) == (403, "reviewers_only")
    assert moderator.post(f"{API}revisions/{proposal}/vote/", {"agrees": True}).json() == {
        "id": proposal,
        "state": "accepted",
    }
    assert Message.objects.get().text == "Why sing?"
    assert refusal(bob.post(f"{API}revisions/{proposal}/withdraw/")) == (409, "proposal_decided")


def test_a_proposal_is_taken_back(make_client, prompt):
    ada, bob = make_client("ada"), make_client("bob")
    change = {"text": "Why do the birds sing?", "reason": "An article.", "base_revision": 1}
    proposal = post(bob, prompt, "revise", change).json()["proposal_id"]
    assert refusal(ada.post(f"{API}revisions/{proposal}/withdraw/")) == (404, "proposal_not_found")
    assert bob.post(f"{API}revisions/{proposal}/withdraw/").json() == {"id": proposal, "state": "withdrawn"}
    rows = bob.get(f"{API}campaigns/birds/revisions/", {"state": "withdrawn", "message": prompt.pk}).json()["results"]
    assert [row["id"] for row in rows] == [proposal]


def test_proposals_go_page_by_page(client_of_ada, prompt):
    for number in range(2):
        message = make_tree(prompt.tree.campaign, f"Prompt {number}")
        RevisionProposal.objects.create(
            message=message, author=annotator_of(client_of_ada), base_revision=1, text=f"Better {number}"
        )
    path = f"{API}campaigns/birds/revisions/"
    first = client_of_ada.get(path, {"limit": 1}).json()
    second = client_of_ada.get(path, {"limit": 1, "cursor": first["next"]}).json()
    assert [[row["text"] for row in page["results"]] for page in (first, second)] == [["Better 1"], ["Better 0"]]
    assert second["next"] is None


def test_help_while_writing(client_of_ada, prompt):
    index_messages(message_ids=[prompt.pk])
    path = f"{API}campaigns/birds/check-text/"
    body = client_of_ada.post(path, {"kind": "write_prompt", "text": prompt.text + "!"}, format="json").json()
    assert (body["chars"], body["is_too_long"], body["language"]["work"], body["warnings"]) == (
        len(prompt.text) + 1,
        False,
        "en",
        [],
    )
    (near,) = body["neighbours"]
    assert (near["message_id"], near["similarity"], body["duplicate"]["message_id"]) == (prompt.pk, 1.0, prompt.pk)
    german = "Warum singen die Vögel so laut, bevor die Sonne aufgegangen ist?"
    body = client_of_ada.post(path, {"kind": "write_prompt", "text": german, "language": "en"}, format="json").json()
    assert (body["language"]["found"], body["language"]["differs"], body["language"]["can_be"]) == ("de", True, "de")
    body = client_of_ada.post(path, {"kind": "write_prompt", "text": "", "language": "en"}, format="json").json()
    assert (body["chars"], body["neighbours"], body["duplicate"]) == (0, [], None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_input"),
        ({"kind": "rank", "text": "x"}, "invalid_input"),
        ({"kind": "write_prompt", "text": "x", "language": "fr"}, "unknown_language"),
        ({"kind": "write_prompt", "text": 3}, "invalid_input"),
    ],
)
def test_help_that_cannot_be_given_is_refused(client_of_ada, prompt, body, code):
    answer = client_of_ada.post(f"{API}campaigns/birds/check-text/", body, format="json")
    assert refusal(answer) == (422, code)


def test_help_in_a_draft_is_for_its_members(client_of_ada, prompt):
    prompt.tree.campaign.__class__.objects.update(state="draft")
    answer = client_of_ada.post(
        f"{API}campaigns/birds/check-text/", {"kind": "write_prompt", "text": "x"}, format="json"
    )
    assert refusal(answer) == (404, "campaign_not_found")


ACTS = [
    ("reactions", {"code": "heart"}),
    ("report", {"reason": "spam"}),
    ("label", {}),
    ("revise", {"text": "x", "reason": "y", "base_revision": 1}),
]


@pytest.mark.parametrize(("verb", "body"), ACTS)
def test_what_is_sealed_is_not_there(client_of_ada, verb, body):
    reply = make_prompt(make_campaign(), replies=2).replies.first()
    assert refusal(post(client_of_ada, reply, verb, body)) == (404, "message_not_found")


@pytest.mark.parametrize(("verb", "body"), ACTS)
def test_a_token_that_only_reads_does_nothing(make_client, prompt, verb, body):
    assert refusal(post(make_client("ada", scopes=("read",)), prompt, verb, body)) == (403, "scope_missing")


@pytest.mark.parametrize(("verb", "body"), ACTS)
def test_whoever_is_suspended_does_nothing(client_of_ada, prompt, verb, body):
    Annotator.objects.filter(user=User.objects.get()).update(suspended_at="2026-05-04T12:00:00Z")
    assert refusal(post(client_of_ada, prompt, verb, body)) == (403, "suspended")


@pytest.mark.parametrize(("verb", "body"), ACTS)
def test_nobody_does_anything_without_signing_in(client, prompt, verb, body):
    answer = client.post(f"{API}messages/{prompt.pk}/{verb}/", body, content_type="application/json")
    assert refusal(answer) == (401, "not_signed_in")
