"""Work over HTTP: the spine by its names, the codes of refusals, nothing that is not one's own."""

from __future__ import annotations

import json

import pytest

from annotate.models import Annotator, Assignment, Judgment
from tests.api.helpers import details, refusal
from tests.loop import make_campaign, make_prompt, ranking_of

API = "/api/v1/"
pytestmark = pytest.mark.django_db


def ask(client, campaign="birds", **body):
    return client.post(f"{API}campaigns/{campaign}/next/", body or None, format="json")


def hold_of(client, **body):
    return ask(client, **body).json()["assignment"]


def submit(client, assignment, body):
    return client.post(f"{API}assignments/{assignment}/submit/", body, format="json")


@pytest.fixture
def campaign():
    campaign = make_campaign()
    make_prompt(campaign)
    make_prompt(campaign, "Why do cats purr?")
    return campaign


def test_next_submit_undo_by_the_spine(client_of_ada, campaign):
    answer = ask(client_of_ada)
    assert answer.status_code == 200
    assert set(answer.json()) == {"assignment", "why_none"}
    hold = answer.json()["assignment"]
    assert answer.json()["why_none"] is None
    assert {"id", "kind", "unit", "reason", "lease_expires_at", "draft", "draft_version", "subject"} <= set(hold)
    body = {"tiers": [["a"], ["c", "b"], ["d"]], "acceptable_tiers": 1, "rationale": "", "active_seconds": 31.5}
    done = submit(client_of_ada, hold["id"], body)
    assert done.status_code == 200
    assert set(done.json()) == {"judgment", "next"}
    assert set(done.json()["next"]) == {"assignment", "why_none"}
    assert done.json()["next"]["assignment"]["id"] != hold["id"]
    undone = client_of_ada.post(f"{API}judgments/{done.json()['judgment']['id']}/undo/")
    assert (undone.status_code, undone.json()["id"]) == (200, hold["id"])


def test_the_same_submit_again_answers_the_same_over_http(client_of_ada, campaign):
    hold = hold_of(client_of_ada)
    first = submit(client_of_ada, hold["id"], ranking_of(hold))
    again = submit(client_of_ada, hold["id"], ranking_of(hold))
    assert (again.status_code, again.json()) == (200, first.json())
    other = submit(client_of_ada, hold["id"], {"tiers": [["a", "b", "c", "d"]]})
    assert refusal(other) == (409, "already_submitted")


@pytest.mark.parametrize("wanted", [{"kinds": ["rank"] * 101}, {"languages": ["en"] * 101}])
def test_a_list_of_wishes_without_end_is_refused(client_of_ada, campaign, wanted):
    assert refusal(ask(client_of_ada, **wanted)) == (422, "invalid_input")


def test_nothing_comes_with_why_and_when_to_ask_again(client_of_ada):
    make_campaign()
    answer = ask(client_of_ada)
    assert answer.json()["assignment"] is None
    assert answer.json()["why_none"]["code"] == "empty"
    assert int(answer.headers["Retry-After"]) == answer.json()["why_none"]["retry_after_seconds"]


def test_skip_gives_the_next_work(client_of_ada, campaign):
    hold = hold_of(client_of_ada)
    skipped = client_of_ada.post(f"{API}assignments/{hold['id']}/skip/", {"skip_reason": "too_long"}, format="json")
    assert skipped.status_code == 200
    assert skipped.json()["judgment"] is None
    assert skipped.json()["next"]["assignment"]["unit"] != hold["unit"]


def test_a_draft_by_version_over_http(client_of_ada, campaign):
    hold = hold_of(client_of_ada)
    address = f"{API}assignments/{hold['id']}/draft/"
    saved = client_of_ada.put(address, {"draft": {"rationale": "So"}, "draft_version": 0}, format="json")
    assert (saved.status_code, saved.json()["draft_version"]) == (200, 1)
    clash = client_of_ada.put(address, {"draft": {"rationale": "No"}, "draft_version": 0}, format="json")
    assert refusal(clash) == (409, "draft_conflict")
    assert details(clash) == {"stored": {"rationale": "So"}, "yours": {"rationale": "No"}, "draft_version": 1}
    shown = client_of_ada.get(f"{API}assignments/{hold['id']}/").json()
    assert (shown["draft"], shown["draft_version"]) == ({"rationale": "So"}, 1)


def test_renew_release_and_lists(client_of_ada, campaign):
    hold = hold_of(client_of_ada)
    assert client_of_ada.post(f"{API}assignments/{hold['id']}/renew/").json()["state"] == "live"
    listed = client_of_ada.get(f"{API}assignments/?state=live").json()
    assert [row["id"] for row in listed["results"]] == [hold["id"]]
    assert client_of_ada.post(f"{API}assignments/{hold['id']}/release/").json() == {"released": 1}
    assert client_of_ada.post(f"{API}assignments/release/").json() == {"released": 0}
    assert client_of_ada.get(f"{API}judgments/").json() == {"results": []}


def test_withdraw_over_http(client_of_ada, campaign):
    hold = hold_of(client_of_ada)
    judgment = submit(client_of_ada, hold["id"], ranking_of(hold)).json()["judgment"]["id"]
    assert client_of_ada.post(f"{API}judgments/{judgment}/withdraw/").status_code == 204
    assert Judgment.objects.get().withdrawn_at is not None


def test_other_peoples_work_is_not_there(client_of_ada, make_client, campaign):
    hold = hold_of(client_of_ada)
    judgment = submit(client_of_ada, hold["id"], ranking_of(hold)).json()["judgment"]["id"]
    bob = make_client("bob")
    address = f"{API}assignments/{hold['id']}/"
    for answer in (
        submit(bob, hold["id"], ranking_of(hold)),
        bob.get(address),
        bob.put(f"{address}draft/", {"draft": {}, "draft_version": 0}, format="json"),
        bob.post(f"{address}skip/"),
        bob.post(f"{address}renew/"),
        bob.post(f"{address}release/"),
        submit(bob, 10**9, {}),
    ):
        assert refusal(answer) == (404, "assignment_not_found")
    for verb in ("undo", "withdraw"):
        assert refusal(bob.post(f"{API}judgments/{judgment}/{verb}/")) == (404, "judgment_not_found")


def test_a_token_without_the_scope_may_not_judge(make_client, campaign):
    assert refusal(ask(make_client("eve", scopes=("read", "organize")))) == (403, "scope_missing")


def test_nobody_may_not_judge(client, campaign):
    assert refusal(client.post(f"{API}campaigns/birds/next/")) == (401, "not_signed_in")


def test_a_campaign_that_is_not_there(client_of_ada):
    assert refusal(ask(client_of_ada, "nowhere")) == (404, "campaign_not_found")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        (b"null", 422),
        (b'"a"', 422),
        (b"{", 400),
        (b'{"tiers": [["a\\u0000"]]}', 400),
        (b'{"rationale": "\\ud800", "tiers": [["a"]]}', 400),
        (b'{"tiers": [["\xff"]]}', 400),
        (b'{"active_seconds": NaN, "tiers": [["a"]]}', 400),
        (b"[" * 100_000, 400),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_and_the_hold_stays(client_of_ada, campaign, raw, status):
    hold = hold_of(client_of_ada)
    answer = client_of_ada.generic(
        "POST", f"{API}assignments/{hold['id']}/submit/", raw, content_type="application/json"
    )
    assert refusal(answer)[0] == status, answer.content
    assert Assignment.objects.get().state == "live"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"tiers": [["a"], ["z"], ["b"], ["c"]]}, "unknown_candidate"),
        ({"tiers": [["a"]]}, "candidate_missing"),
        ({"tiers": [["a", "a"], ["b"], ["c"], ["d"]]}, "candidate_doubled"),
    ],
)
def test_handles_have_codes_of_their_own(client_of_ada, campaign, body, code):
    assert refusal(submit(client_of_ada, hold_of(client_of_ada)["id"], body)) == (422, code)


def test_a_suspended_person_is_refused_with_the_draft_kept(client_of_ada, campaign):
    hold = hold_of(client_of_ada)
    Annotator.objects.update(suspended_at="2026-01-01T00:00Z")
    assert refusal(submit(client_of_ada, hold["id"], ranking_of(hold))) == (403, "suspended")
    assert Assignment.objects.get().draft == ranking_of(hold)


def test_a_refused_filter_names_what_there_is(client_of_ada, campaign):
    answer = ask(client_of_ada, languages=["xx"])
    assert refusal(answer) == (422, "invalid_input")
    assert "its languages are en" in answer.json()["error"]["message"]


def test_the_exchange_costs_few_queries(client_of_ada, campaign, django_assert_num_queries):
    hold = hold_of(client_of_ada)
    # token and account; then one transaction: context under lock, submit, look for a hold, claim, freeze and read
    with django_assert_num_queries(8):
        submit(client_of_ada, hold["id"], ranking_of(hold))


@pytest.mark.parametrize("rows", [1, 3])
def test_my_assignments_cost_the_same_whatever_their_number(client_of_ada, django_assert_num_queries, rows):
    campaign = make_campaign()
    for number in range(rows):
        make_prompt(campaign, f"Question {number}?")
    hold = hold_of(client_of_ada)
    for _ in range(rows - 1):
        hold = submit(client_of_ada, hold["id"], ranking_of(hold)).json()["next"]["assignment"]
    with django_assert_num_queries(2):
        answer = client_of_ada.get(f"{API}assignments/")
    assert len(answer.json()["results"]) == rows


def test_what_was_sent_is_what_is_stored(client_of_ada, campaign):
    hold = hold_of(client_of_ada)
    submit(client_of_ada, hold["id"], ranking_of(hold, rationale="Grüße 🕊 שלום"))
    assert Judgment.objects.get().rationale == "Grüße 🕊 שלום"
    assert json.dumps(hold)


@pytest.mark.parametrize("verb", ["submit", "skip", "renew", "release", "draft"])
def test_a_number_that_no_row_can_have_is_not_found(client_of_ada, verb):
    address = f"{API}assignments/{10**25}/{verb}/"
    answer = client_of_ada.put(address, {}, format="json") if verb == "draft" else client_of_ada.post(address)
    assert refusal(answer) == (404, "assignment_not_found")
    assert refusal(client_of_ada.post(f"{API}judgments/{10**25}/undo/")) == (404, "judgment_not_found")


def test_an_empty_filter_filters_nothing(client_of_ada, campaign):
    assert ask(client_of_ada, kinds=[], languages=[]).json()["assignment"] is not None
