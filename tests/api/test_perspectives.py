"""Perspectives by the API: to whom, and that nothing of a group of few or of a person is in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotate.models import Membership, Message, OpinionMember, Perspectives
from annotate.services.self_descriptions import describe_oneself
from tasks.jobs.perspectives import find_perspectives_job
from tests.opinion_world import OpinionWorld, make_world

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/campaigns/birds/perspectives/"


@pytest.fixture
def world() -> OpinionWorld:
    world = make_world()
    find_perspectives_job()
    return world


@pytest.fixture
def organizer(make_client, world):
    client = make_client("olga")
    Membership.objects.create(campaign=world.campaign, user=client.owner, role="organizer")
    return client


def look(client) -> tuple[int, dict]:
    response = client.get(ADDRESS)
    return response.status_code, response.json()


def test_groups_and_what_they_think_are_told(organizer, world) -> None:
    status, answer = look(organizer)
    assert (status, answer["state"], answer["by_groups"]) == (200, "found", True)
    assert [(group["number"], group["people"]) for group in answer["groups"]] == [(1, 16), (2, 14)]
    assert sum(cell["people"] for cell in answer["map"]) == answer["n_people"] == 30
    best = answer["common"][0]
    message = Message.objects.select_related("parent").get(pk=best["candidate"])
    assert (best["text"], best["parent"], best["parent_text"]) == (message.text, message.parent_id, message.parent.text)
    assert [group["judged"] for group in best["groups"]] == [16, 14]
    assert answer["division"]["share"] > answer["division"]["by_chance"]
    assert answer["divided"][0]["between"] > 0.3


def test_the_answer_names_nobody_and_says_nothing_of_where_one_stands(organizer, world, make_client) -> None:
    person = make_client("mona")
    Membership.objects.create(campaign=world.campaign, user=person.owner, role="moderator")
    OpinionMember.objects.filter(annotator=world.people[0]).update(annotator=person.owner.annotator)
    assert look(person) == look(organizer)
    told = json.dumps(look(person)[1])
    assert "votes_hash" not in told
    assert "input_hash" not in told
    assert "annotator" not in told


def test_before_anything_was_computed_it_says_so(organizer, world) -> None:
    Perspectives.objects.all().delete()
    status, answer = look(organizer)
    assert (status, answer["state"], answer["groups"], answer["computed_at"]) == (200, None, [], None)


def test_a_candidate_that_was_removed_since_is_left_out(organizer, world) -> None:
    best, second = look(organizer)[1]["common"][:2]
    Message.objects.filter(pk=best["candidate"]).update(removed_at=datetime(2026, 5, 5, tzinfo=UTC))
    Message.objects.filter(pk=second["parent"]).update(withdrawn_at=datetime(2026, 5, 5, tzinfo=UTC))
    left = {one["candidate"] for one in look(organizer)[1]["common"]}
    assert len(left) == 10
    assert not {best["candidate"], second["candidate"]} & left


@pytest.mark.parametrize("state", ["open", "paused"])
def test_whoever_judges_in_a_running_campaign_is_refused(world, organizer, client_of_ada, state) -> None:
    world.campaign.state = state
    world.campaign.save()
    status, answer = look(client_of_ada)
    assert (status, answer["error"]["code"]) == (403, "role_missing")
    assert "Answer 0" not in str(answer)
    assert "Answer 0" in str(look(organizer)[1])


def test_a_moderator_sees_it_and_everybody_when_the_campaign_is_closed(world, make_client, client_of_ada) -> None:
    moderator = make_client("mona")
    Membership.objects.create(campaign=world.campaign, user=moderator.owner, role="moderator")
    assert look(moderator)[0] == 200
    world.campaign.state = "closed"
    world.campaign.save()
    assert look(client_of_ada) == look(moderator)


def test_a_draft_is_unknown_to_others(world, client_of_ada, organizer) -> None:
    world.campaign.state = "draft"
    world.campaign.save()
    assert (look(client_of_ada)[0], look(organizer)[0]) == (404, 200)


def test_nobody_sees_it_without_signing_in(world, client) -> None:
    assert look(client)[0] == 401


def test_a_token_to_annotate_does_not_read_it(organizer, make_client) -> None:
    assert look(make_client(user=organizer.owner, scopes=("annotate",)))[1]["error"]["code"] == "scope_missing"


@pytest.mark.parametrize("kept", [1, 3, 12])
def test_as_many_queries_whatever_is_listed(organizer, world, kept) -> None:
    row = Perspectives.objects.get()
    row.result["common"] = row.result["common"][:kept]
    row.save()
    with CaptureQueriesContext(connection) as queries:
        assert len(look(organizer)[1]["common"]) == kept
    tables = [query["sql"] for query in queries.captured_queries]
    assert len([sql for sql in tables if "annotate_perspectives" in sql or "annotate_message" in sql]) == 2


def test_what_people_say_of_themselves_is_told_of_ten_people_and_more(make_client):
    world = make_world()
    for place, person in enumerate(world.people):
        answer = "under_25" if place < world.first else "60_or_more"
        describe_oneself(annotator_id=person.pk, answers={"age": answer}, now=timezone.now())
    find_perspectives_job()
    client = make_client("olga")
    Membership.objects.create(campaign=world.campaign, user=client.owner, role="organizer")
    (one,) = client.get(f"/api/v1/campaigns/{world.campaign.slug}/perspectives/").json()["described"]
    assert [group["people"] for group in one["answers"]] == [14, 16]
    assert set(one["candidates"][0]) == {
        "answers", "between", "candidate", "consensus", "external_id", "judged", "language", "p_value", "parent",
        "parent_external_id", "parent_language", "parent_text", "text",
    }  # fmt: skip
