"""Trees, lists and search over HTTP: the shapes, the pages, and nothing that is sealed."""

from __future__ import annotations

import pytest

from annotate.models import Annotator, Membership, Message, MessageTree
from annotate.services.search_index import index_messages
from tests.api.conftest import API
from tests.api.helpers import refusal
from tests.loop import make_campaign, make_prompt
from tests.trees import make_tree, reply_to

pytestmark = pytest.mark.django_db


@pytest.fixture
def prompt() -> Message:
    return make_prompt(make_campaign(), replies=2)


def read_all(client, path: str, **query) -> list[dict]:
    """Every row of a list, one a page."""
    rows, cursor = [], {}
    while True:
        page = client.get(f"{API}{path}", {**query, "limit": 1, **cursor}).json()
        rows += page["results"]
        if page["next"] is None:
            return rows
        cursor = {"cursor": page["next"]}


def test_a_tree_is_read_with_its_seals(client_of_ada, prompt):
    body = client_of_ada.get(f"{API}trees/{prompt.tree_id}/").json()
    assert (body["id"], body["campaign"], body["sealed"], body["message_count"], body["next"]) == (
        prompt.tree_id,
        "birds",
        2,
        3,
        None,
    )
    (only,) = body["messages"]
    assert (only["text"], only["sealed_replies"], only["authorship"], only["labels"], only["rank"]) == (
        prompt.text,
        2,
        None,
        None,
        None,
    )
    assert only["reactions"] == {"mine": [], "counts": None}


def test_nothing_of_a_sealed_reply_is_in_the_answer(client_of_ada, prompt):
    assert any("Reply 0" in reply.text for reply in prompt.replies.all())
    for path in (f"trees/{prompt.tree_id}/", "messages/"):
        answer = client_of_ada.get(f"{API}{path}").content.decode()
        assert "Reply 0" not in answer
        assert all(f'"id":{reply.pk},' not in answer for reply in prompt.replies.all())


def test_a_tree_is_read_in_parts(client_of_ada, prompt):
    MessageTree.objects.update(state="done")
    first = client_of_ada.get(f"{API}trees/{prompt.tree_id}/", {"limit": 2}).json()
    second = client_of_ada.get(f"{API}trees/{prompt.tree_id}/", {"limit": 2, "cursor": first["next"]}).json()
    assert [len(part["messages"]) for part in (first, second)] == [2, 1]
    assert second["next"] is None
    assert first["messages"][1]["authorship"]["kind"] == "import"


def test_names_are_for_moderators(make_client, prompt):
    author = Annotator.objects.get(user=make_client("bob").owner)
    reply_to(prompt, "Mine.", author=author)
    moderator = make_client("mo")
    Membership.objects.create(campaign=prompt.tree.campaign, user=moderator.owner, role="moderator")
    messages = moderator.get(f"{API}trees/{prompt.tree_id}/").json()["messages"]
    assert messages[-1]["authorship"]["annotator_id"] == author.pk
    MessageTree.objects.update(state="done")
    messages = make_client("ada").get(f"{API}trees/{prompt.tree_id}/").json()["messages"]
    assert (messages[-1]["authorship"]["annotator_id"], messages[-1]["authorship"]["kind"]) == (None, "volunteer")


@pytest.mark.parametrize("tree", [0, 999_999, 10**30])
def test_a_tree_that_is_not_there_is_not_found(client_of_ada, tree):
    assert refusal(client_of_ada.get(f"{API}trees/{tree}/")) == (404, "tree_not_found")
    assert refusal(client_of_ada.get(f"{API}messages/{tree}/")) == (404, "message_not_found")


def test_a_message_leads_to_its_tree(client_of_ada, prompt):
    reply = prompt.replies.first()
    assert client_of_ada.get(f"{API}messages/{reply.pk}/").json() == {"id": reply.pk, "tree": prompt.tree_id}


def test_lists_go_page_by_page(client_of_ada):
    campaign = make_campaign(kinds=["label"])
    ada = Annotator.objects.get(user=client_of_ada.owner)
    prompt = make_tree(campaign, "Hello")
    reply_to(prompt, "Mine.", author=ada)
    make_tree(campaign, "Hallo", language="de")
    assert [row["text"] for row in read_all(client_of_ada, "messages/")] == ["Hallo", "Mine.", "Hello"]
    assert [row["text"] for row in read_all(client_of_ada, "messages/", language="de")] == ["Hallo"]
    assert [row["text"] for row in read_all(client_of_ada, "messages/", prompts_only="true")] == ["Hallo", "Hello"]
    assert [row["text"] for row in read_all(client_of_ada, "messages/", campaign="bees")] == []
    (mine,) = read_all(client_of_ada, "messages/mine/")
    assert (mine["text"], mine["is_mine"], mine["review"], mine["campaign"]) == ("Mine.", True, "none", "birds")


def test_search_answers_with_marked_snippets(client_of_ada):
    campaign = make_campaign(kinds=["label"])
    prompts = [make_tree(campaign, text) for text in ("Owls hoot.", "An owl sleeps.")]
    index_messages(message_ids=[prompt.pk for prompt in prompts])
    rows = read_all(client_of_ada, "messages/search/", q="owl", language="en")
    assert [row["snippet"] for row in rows] == [
        [{"text": "An ", "is_hit": False}, {"text": "owl", "is_hit": True}, {"text": " sleeps.", "is_hit": False}],
        [{"text": "Owls", "is_hit": True}, {"text": " hoot.", "is_hit": False}],
    ]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "invalid_input"),
        ({"q": "?"}, "query_empty"),
        ({"q": "x" * 201}, "invalid_input"),
        ({"q": "owl", "cursor": "?"}, "cursor_unknown"),
    ],
)
def test_a_search_that_cannot_be_read_is_refused(client_of_ada, query, code):
    assert refusal(client_of_ada.get(f"{API}messages/search/", query)) == (422, code)


@pytest.mark.parametrize("path", ["trees/1/", "messages/", "messages/mine/", "messages/search/?q=owl", "messages/1/"])
def test_whoever_is_not_signed_in_reads_nothing_by_the_api(client, path):
    assert refusal(client.get(f"{API}{path}")) == (401, "not_signed_in")
