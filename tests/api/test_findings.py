"""Findings over HTTP: listed with their evidence and decided, by those who moderate a campaign."""

from __future__ import annotations

import pytest

from annotate.models import Annotator, AuditEvent, Finding, Membership
from tasks.vocabulary import FindingKind
from tests.api.conftest import API
from tests.findings import EVIDENCE, find_kind
from tests.opinions import NOW, make_annotators, make_campaign

pytestmark = pytest.mark.django_db

LIST = f"{API}campaigns/birds/findings/"


@pytest.fixture
def campaign():
    return make_campaign()


@pytest.fixture
def moderator(campaign, make_client):
    client = make_client("mo", scopes=("organize",))
    Membership.objects.create(campaign=campaign, user=client.owner, role="moderator")
    return client


def test_open_findings_are_listed_with_their_evidence(campaign, moderator) -> None:
    ada, bob = make_annotators(2)
    finding = find_kind(campaign, ada, FindingKind.COPIED, judgments=[7, 9], others=[bob])
    find_kind(campaign, bob, FindingKind.RANDOM, state="gone")
    moment = NOW.isoformat().replace("+00:00", "Z")
    assert moderator.get(LIST).json() == {
        "results": [
            {
                "id": finding.pk, "annotator": ada.pk, "name": None, "is_guest": False, "is_suspended": False,
                "kind": "copied", "state": "open", "strength": 6.5, "others": [bob.pk],
                "evidence": {**EVIDENCE[FindingKind.COPIED], "judgments": [7, 9]},
                "found_at": moment, "seen_at": moment, "decided_at": None, "reason": "",
            }
        ],
        "next": None,
    }  # fmt: skip


def test_pages_fit_together_in_each_state(campaign, moderator) -> None:
    found = [find_kind(campaign, one, FindingKind.RANDOM, state="gone") for one in make_annotators(3)]
    first = moderator.get(LIST, {"state": "gone", "limit": 2}).json()
    second = moderator.get(LIST, {"state": "gone", "limit": 2, "cursor": first["next"]}).json()
    assert [row["id"] for row in (*first["results"], *second["results"])] == [one.pk for one in found]
    assert second["next"] is None


@pytest.mark.parametrize("count", [1, 3])
def test_a_page_takes_as_many_statements_for_one_as_for_three(
    campaign, moderator, count, django_assert_num_queries
) -> None:
    for one in make_annotators(count):
        find_kind(campaign, one, FindingKind.RANDOM)
    moderator.get(LIST)
    with django_assert_num_queries(3):
        moderator.get(LIST)


@pytest.mark.parametrize(("decision", "state"), [("uphold", "upheld"), ("dismiss", "dismissed")])
def test_a_moderator_decides_with_a_reason(campaign, moderator, decision, state) -> None:
    finding = find_kind(campaign, make_annotators(1)[0], FindingKind.RANDOM)
    answer = moderator.post(f"{LIST}{finding.pk}/decide/", {"decision": decision, "reason": "Read ten."})
    finding.refresh_from_db()
    assert (answer.status_code, answer.json()["state"], finding.state) == (200, state, state)
    assert AuditEvent.objects.get(action=f"finding.{state}").reason == "Read ten."


@pytest.mark.parametrize(
    ("prepare", "body", "status", "code"),
    [
        ("open", {"decision": "uphold", "reason": ""}, 422, "invalid_input"),
        ("open", {"decision": "uphold"}, 422, "invalid_input"),
        ("open", {"decision": "maybe", "reason": "x"}, 422, "invalid_input"),
        ("gone", {"decision": "uphold", "reason": "x"}, 409, "finding_gone"),
        ("upheld", {"decision": "uphold", "reason": "x"}, 409, "decided_already"),
        ("own", {"decision": "dismiss", "reason": "x"}, 403, "own_finding"),
        ("elsewhere", {"decision": "dismiss", "reason": "x"}, 404, "finding_not_found"),
    ],
)
def test_each_refusal_has_its_code_and_changes_nothing(campaign, moderator, prepare, body, status, code) -> None:
    (ada,) = make_annotators(1)
    where = make_campaign("bees") if prepare == "elsewhere" else campaign
    finding = find_kind(where, ada, FindingKind.RANDOM)
    if prepare in {"gone", "upheld"}:
        Finding.objects.update(state=prepare, decided_at=NOW if prepare == "upheld" else None)
    if prepare == "own":
        Annotator.objects.filter(user=moderator.owner).update(user=None)
        Annotator.objects.filter(pk=ada.pk).update(user=moderator.owner)
    before = Finding.objects.values().get()
    answer = moderator.post(f"{LIST}{finding.pk}/decide/", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert Finding.objects.values().get() == before


@pytest.mark.parametrize("role", [None, "annotator"])
def test_nobody_else_may_look_or_decide(campaign, make_client, role) -> None:
    finding = find_kind(campaign, make_annotators(1)[0], FindingKind.RANDOM)
    client = make_client("ann", scopes=("organize",))
    if role:
        Membership.objects.create(campaign=campaign, user=client.owner, role=role)
    answers = [client.get(LIST), client.post(f"{LIST}{finding.pk}/decide/", {"decision": "uphold", "reason": "x"})]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert Finding.objects.get().state == "open"


def test_a_token_that_may_only_read_decides_nothing(campaign, make_client) -> None:
    finding = find_kind(campaign, make_annotators(1)[0], FindingKind.RANDOM)
    client = make_client("mo", scopes=("read",))
    Membership.objects.create(campaign=campaign, user=client.owner, role="moderator")
    assert client.get(LIST).status_code == 200
    assert client.post(f"{LIST}{finding.pk}/decide/", {"decision": "uphold", "reason": "x"}).status_code == 403
