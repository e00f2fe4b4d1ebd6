"""Every kind of work over HTTP: offered, kept, submitted, skipped and undone as the description says, and as pages do it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from django.http import QueryDict

from annotate.api.description import describe_api
from annotate.models import Judgment, Message, Unit
from annotate.services.import_plan import make_tree_key
from annotate.web.work_forms import read_form
from tasks.text.normalise import text_hash
from tasks.vocabulary import Kind
from tests.api.helpers import details, refusal
from tests.kinds import make_brief, make_growing, make_tree, open_unit

API = "/api/v1/"
pytestmark = pytest.mark.django_db

BODIES: dict[str, dict[str, Any]] = {
    Kind.WRITE_PROMPT: {
        "text": "Why do birds sing?",
        "language": "en",
        "rationale": "I wonder.",
        "active_seconds": 12.5,
    },
    Kind.WRITE_PAIR: {
        "prompt": "Why?",
        "reply": "Because.",
        "signals": {"pasted_chars": 3, "typed_chars": 9, "seconds": 8.5},
    },
    Kind.WRITE_PROMPTER_REPLY: {"ends_thread": True},
    Kind.WRITE_ASSISTANT_REPLY: {"text": "To be heard."},
    Kind.IMPROVE_REPLY: {"text": "Because.", "rationale": "Spelling."},
    Kind.LABEL: {"labels": {"spam": False, "quality": None}, "rationale": "Fine."},
    Kind.RANK: {"tiers": [["b"], ["a"]], "acceptable_tiers": 1},
    Kind.COMPARE: {"tiers": [["b"], ["a"]], "acceptable_tiers": 1, "much_better": True},
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe_api()


@pytest.fixture
def campaign():
    """One open unit of every kind."""
    campaign = make_growing(kinds=tuple(Kind))
    brief = make_brief(campaign, topic="Birds")
    for kind in (Kind.WRITE_PROMPT, Kind.WRITE_PAIR):
        open_unit(campaign, kind, brief=brief)
    prompt, reply = make_tree(campaign, "Why?", "Becuase.")
    for kind in (Kind.WRITE_PROMPTER_REPLY, Kind.IMPROVE_REPLY, Kind.LABEL):
        open_unit(campaign, kind, subject=reply)
    open_unit(campaign, Kind.WRITE_ASSISTANT_REPLY, subject=prompt)
    asked, *_ = make_tree(campaign, "How?", "So.")
    other = Message.objects.create(
        tree=asked.tree, parent=asked, role="assistant", text="Thus.", text_hash=b"thus", language="en"
    )
    for kind in (Kind.RANK, Kind.COMPARE):
        open_unit(campaign, kind, subject=asked, candidates=[Message.objects.get(text="So."), other])
    return campaign


def check(document: dict[str, Any], name: str, value: Any) -> None:
    """That a value is what the description says of it."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


def ask(client, kind):
    return client.post(f"{API}campaigns/birds/next/", {"kinds": [kind]}, format="json").json()


def submit(client, assignment, body):
    return client.post(f"{API}assignments/{assignment}/submit/", body, format="json")


@pytest.mark.parametrize("kind", BODIES)
class TestEveryKind:
    def test_it_is_offered_and_answered_as_described(self, client_of_ada, campaign, document, kind):
        offered = ask(client_of_ada, kind)
        check(document, "NextShape", offered)
        hold = offered["assignment"]
        assert hold["kind"] == kind
        check(document, "SubmitBodyRequest", BODIES[kind])
        answered = submit(client_of_ada, hold["id"], BODIES[kind])
        assert answered.status_code == 200
        check(document, "SubmitShape", answered.json())
        assert Judgment.objects.get().kind == kind

    def test_what_a_subject_has_is_described(self, client_of_ada, campaign, document, kind):
        described = set(document["components"]["schemas"]["Subject"]["properties"])
        assert set(ask(client_of_ada, kind)["assignment"]["subject"]) <= described

    def test_a_draft_comes_back_as_it_was_sent(self, client_of_ada, campaign, kind):
        hold = ask(client_of_ada, kind)["assignment"]
        sent = {"draft": BODIES[kind], "draft_version": 0}
        client_of_ada.put(f"{API}assignments/{hold['id']}/draft/", sent, format="json")
        assert client_of_ada.get(f"{API}assignments/{hold['id']}/").json()["draft"] == BODIES[kind]

    def test_undo_gives_back_a_draft_that_can_be_sent_again(self, client_of_ada, campaign, kind):
        hold = ask(client_of_ada, kind)["assignment"]
        judgment = submit(client_of_ada, hold["id"], BODIES[kind]).json()["judgment"]["id"]
        undone = client_of_ada.post(f"{API}judgments/{judgment}/undo/").json()
        assert (undone["id"], undone["subject"]) == (hold["id"], hold["subject"])
        given = {name: value for name, value in undone["draft"].items() if name in BODIES[kind]}
        labels = {"labels": {**BODIES[kind].get("labels", {}), **given.get("labels", {})}} if kind == Kind.LABEL else {}
        assert given == {**BODIES[kind], **labels}
        assert submit(client_of_ada, hold["id"], undone["draft"]).status_code == 200

    def test_skipping_it_gives_something_else(self, client_of_ada, campaign, kind):
        hold = ask(client_of_ada, kind)["assignment"]
        skipped = client_of_ada.post(
            f"{API}assignments/{hold['id']}/skip/", {"skip_reason": "not_my_topic"}, format="json"
        ).json()
        assert skipped["next"]["assignment"]["unit"] != hold["unit"]
        assert Unit.objects.get(public_id=hold["unit"]).held == 0

    def test_a_field_of_another_kind_is_refused_by_name(self, client_of_ada, campaign, kind):
        hold = ask(client_of_ada, kind)["assignment"]
        foreign = {"labels": {}} if kind != Kind.LABEL else {"text": "x"}
        answer = submit(client_of_ada, hold["id"], {**BODIES[kind], **foreign})
        assert refusal(answer) == (422, "unknown_field")
        assert details(answer) == {"fields": list(foreign)}


@pytest.mark.parametrize(
    ("kind", "body", "refused"),
    [
        (Kind.WRITE_PROMPT, {}, (422, "text_required")),
        (Kind.WRITE_PROMPT, {"text": "\u3164"}, (422, "text_empty")),
        (Kind.WRITE_PROMPT, {"text": "\u202eyhW"}, (422, "text_has_override")),
        (Kind.WRITE_PROMPT, {"text": "Why?", "language": "tlh"}, (422, "unknown_language")),
        (Kind.WRITE_PROMPT, {"text": "Why?"}, (409, "text_duplicate")),
        (Kind.WRITE_PROMPT, {"text": "x" * 20_001}, (413, "text_too_long")),
        (Kind.WRITE_PAIR, {"prompt": "Why not?"}, (422, "text_required")),
        (Kind.WRITE_PAIR, {"prompt": "Why not?", "reply": ""}, (422, "text_empty")),
        (Kind.WRITE_PROMPTER_REPLY, {"ends_thread": True, "text": "And?"}, (422, "ends_thread_with_text")),
        (Kind.WRITE_ASSISTANT_REPLY, {"text": "Becuase."}, (409, "text_duplicate")),
        (Kind.WRITE_ASSISTANT_REPLY, {"text": "So.", "signals": {"mouse": 1}}, (422, "wrong_value")),
        (Kind.IMPROVE_REPLY, {"text": "Becuase."}, (422, "text_unchanged")),
    ],
)
def test_what_cannot_be_taken_has_its_code(client_of_ada, campaign, kind, body, refused):
    # The tree of the campaign named by its prompt, as everything that people wrote is.
    tree = Message.objects.get(text="Why?").tree
    tree.key = make_tree_key(language="en", text_hash=text_hash("Why?"))
    tree.save(update_fields=["key"])
    hold = ask(client_of_ada, kind)["assignment"]
    assert refusal(submit(client_of_ada, hold["id"], body)) == refused


FORMS = {
    Kind.WRITE_PROMPT: ("text=Why+do+birds+sing%3F&language=en&rationale=I+wonder.&active_seconds=12.5", {}),
    Kind.WRITE_ASSISTANT_REPLY: ("text=To+be+heard.", {}),
    Kind.IMPROVE_REPLY: ("text=Because.&rationale=Spelling.", {}),
}


@pytest.mark.parametrize("kind", FORMS)
def test_the_form_of_a_page_means_the_same_body(kind):
    sent, more = FORMS[kind]
    assert read_form(QueryDict(sent), kind=kind, shown=[]) == {**BODIES[kind], **more}


def test_nothing_wanted_of_writers_says_what_is(client_of_ada, document):
    campaign = make_growing()
    open_unit(campaign, "label", subject=make_tree(campaign, "Why?")[0])
    answer = ask(client_of_ada, "write_prompt")
    check(document, "NextShape", answer)
    assert answer["why_none"]["code"] == "prompts_not_needed"
    assert answer["why_none"]["nearest"] == [{"campaign": "birds", "kind": "label", "language": "en", "open": 1}]
