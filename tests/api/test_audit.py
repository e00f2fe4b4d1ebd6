"""The audit: who did what, for organizers and administrators, page by page and as a stream."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from annotate.access import Actor
from annotate.models import AuditEvent, Campaign, Membership
from annotate.services.audit import record_event
from tasks.vocabulary import AuditAction
from tests.api.helpers import details, refusal
from tests.loop import make_campaign

pytestmark = pytest.mark.django_db
AUDIT = "/api/v1/campaigns/birds/audit/"


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign()


@pytest.fixture
def organizer(campaign, client_of_ada):
    Membership.objects.create(campaign=campaign, user=client_of_ada.owner, role="organizer")
    return client_of_ada


def tell(campaign: Campaign, action: str = "campaign.changed", **given) -> AuditEvent:
    return record_event(
        **{"actor": None, "action": AuditAction(action), "object_kind": "campaign", "object_id": campaign.pk,
           "campaign": campaign, **given}
    )  # fmt: skip


def ids(response) -> list[int]:
    return [row["id"] for row in response.json()["results"]]


def test_an_event_tells_who_did_what_before_and_after_and_why(campaign, organizer):
    event = tell(
        campaign, actor=organizer.owner, before={"state": "draft"}, after={"state": "open"}, reason="It is ready."
    )
    assert organizer.get(AUDIT).json() == {
        "results": [
            {
                "id": event.pk,
                "at": AuditEvent.objects.get(pk=event.pk).created_at.isoformat(),
                "actor": {"id": organizer.owner.pk, "name": f"user {organizer.owner.pk}"},
                "campaign": "birds",
                "action": "campaign.changed",
                "object": {"kind": "campaign", "id": str(campaign.pk)},
                "before": {"state": "draft"},
                "after": {"state": "open"},
                "reason": "It is ready.",
            }
        ],
        "next": None,
    }


def test_what_the_system_did_has_no_actor(campaign, organizer):
    tell(campaign)
    assert organizer.get(AUDIT).json()["results"][0]["actor"] is None


def test_an_actor_is_the_account_behind_a_token(campaign, organizer):
    event = tell(campaign, actor=Actor(user=organizer.owner, scopes=frozenset({"organize"}), token_id=1))
    assert event.actor_id == organizer.owner.pk


def test_the_newest_comes_first_and_pages_miss_nothing(campaign, organizer):
    told = [tell(campaign).pk for _ in range(5)]
    first = organizer.get(f"{AUDIT}?limit=3")
    second = organizer.get(f"{AUDIT}?limit=3&cursor={first.json()['next']}")
    assert (ids(first), ids(second), second.json()["next"]) == (told[:1:-1], told[1::-1], None)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_takes_three_queries_whatever_its_length(campaign, organizer, django_assert_num_queries, rows):
    for _ in range(rows):
        tell(campaign, actor=organizer.owner)
    organizer.get(AUDIT)
    with django_assert_num_queries(3):
        assert len(ids(organizer.get(AUDIT))) == rows


def test_filters_hold_together(campaign, organizer, make_user):
    bob = make_user("bob")
    by_bob = tell(campaign, actor=bob)
    opened = tell(campaign, "campaign.state_changed", actor=bob)
    token = tell(campaign, actor=organizer.owner, object_kind="token", object_id=77)
    found = {
        query: ids(organizer.get(f"{AUDIT}?{query}"))
        for query in [
            "action=campaign.state_changed",
            f"actor={bob.pk}",
            f"actor={bob.pk}&action=campaign.changed",
            "object_kind=token",
            "object_kind=token&object_id=77",
            "object_id=78",
        ]
    }
    assert list(found.values()) == [[opened.pk], [opened.pk, by_bob.pk], [by_bob.pk], [token.pk], [token.pk], []]


def test_since_is_included_and_until_is_not(campaign, organizer):
    event = tell(campaign)
    at = AuditEvent.objects.get(pk=event.pk).created_at
    later = (at + timedelta(microseconds=1)).isoformat()
    query = {"since": at.isoformat()}, {"until": at.isoformat()}, {"since": later}, {"until": later}
    assert [ids(organizer.get(AUDIT, asked)) for asked in query] == [[event.pk], [], [], [event.pk]]


def test_another_campaigns_events_are_not_there(campaign, organizer):
    tell(make_campaign(slug="trees"))
    assert ids(organizer.get(AUDIT)) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("action=flew", "action"),
        ("actor=ada", "actor"),
        ("actor=0", "actor"),
        (f"actor={2**63}", "actor"),
        ("since=yesterday", "since"),
        ("object_kind=" + "x" * 41, "object_kind"),
        ("object_id=%00", "object_id"),
        ("before=1", "before"),
    ],
)
@pytest.mark.parametrize("path", [AUDIT, f"{AUDIT}export/"])
def test_what_is_no_filter_is_refused_by_name(organizer, path, query, field):
    response = organizer.get(f"{path}?{query}")
    assert refusal(response) == (422, "invalid_input")
    assert list(details(response)) == [field]


@pytest.mark.parametrize("path", [AUDIT, f"{AUDIT}export/"])
@pytest.mark.parametrize("role", ["moderator", "annotator", None])
def test_the_audit_is_for_organizers(campaign, client_of_ada, role, path):
    if role:
        Membership.objects.create(campaign=campaign, user=client_of_ada.owner, role=role)
    assert refusal(client_of_ada.get(path)) == (403, "role_missing")


@pytest.mark.parametrize("path", [AUDIT, f"{AUDIT}export/"])
def test_the_audit_is_there_for_administrators(campaign, administrator, path):
    assert administrator.get(path).status_code == 200


@pytest.mark.parametrize("path", [AUDIT, f"{AUDIT}export/"])
def test_a_token_to_annotate_does_not_read_the_audit(organizer, make_client, path):
    assert refusal(make_client("ada", scopes=("annotate",)).get(path)) == (403, "scope_missing")
    assert make_client("ada", scopes=("read",)).get(path).status_code == 200


@pytest.mark.parametrize("path", [AUDIT, f"{AUDIT}export/"])
def test_nobody_reads_the_audit_without_signing_in(campaign, client, path):
    assert refusal(client.get(path)) == (401, "not_signed_in")


def test_the_export_streams_every_event_in_order(campaign, organizer, monkeypatch):
    monkeypatch.setattr("annotate.queries.audit.CHUNK", 2)
    told = [tell(campaign, reason=f"Grund {place} ü").pk for place in range(5)]
    response = organizer.get(f"{AUDIT}export/")
    lines = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    assert ([line["id"] for line in lines], lines[0]["reason"]) == (told, "Grund 0 ü")
    assert response.headers["Content-Type"] == "application/jsonl"
    assert response.headers["Content-Disposition"] == 'attachment; filename="birds-audit.jsonl"'
    assert lines[::-1] == organizer.get(AUDIT).json()["results"]


def test_the_export_takes_the_filters_of_the_list(campaign, organizer):
    tell(campaign)
    token = tell(campaign, object_kind="token")
    response = organizer.get(f"{AUDIT}export/?object_kind=token")
    assert [json.loads(line)["id"] for line in b"".join(response.streaming_content).splitlines()] == [token.pk]


@pytest.mark.parametrize(
    "change", ["UPDATE annotate_auditevent SET reason = 'another'", "DELETE FROM annotate_auditevent"]
)
def test_the_database_lets_nobody_rewrite_the_audit(campaign, change):
    tell(campaign, reason="the truth")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
    assert AuditEvent.objects.get(campaign=campaign).reason == "the truth"


def test_an_action_that_is_no_word_of_ours_is_refused(campaign):
    with pytest.raises(ValueError, match="flew"):
        tell(campaign, "flew")


def test_an_event_is_undone_with_the_act_that_it_tells(campaign):
    before = AuditEvent.objects.count()
    with transaction.atomic():
        tell(campaign)
        transaction.set_rollback(True)
    assert AuditEvent.objects.count() == before


def test_times_are_told_with_their_zone(campaign, organizer):
    tell(campaign)
    assert organizer.get(AUDIT).json()["results"][0]["at"].endswith("+00:00")
