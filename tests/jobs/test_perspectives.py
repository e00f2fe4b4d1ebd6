"""Opinion groups follow the ballots hour by hour, and nothing that is published tells what one person said."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotate.models import Annotator, Finding, OpinionMember, Perspectives, Stale
from annotate.services.perspectives import store_perspectives
from annotate.services.stale import mark_stale, take_turn
from tasks.agreement import perspectives as pure
from tasks.agreement.perspectives import find_perspectives
from tasks.agreement.votes import collect_votes
from tasks.jobs import perspectives
from tasks.jobs.perspectives import find_perspectives_job
from tasks.vocabulary import StaleKind
from tests.opinion_world import OpinionWorld, make_world, take_back

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> OpinionWorld:
    return make_world()


def run_again() -> None:
    """The next hour's run."""
    Stale.objects.filter(kind="turn_opinions").update(lease_expires_at=None)
    find_perspectives_job()


def published() -> dict:
    return Perspectives.objects.get().result


def members() -> dict[int, int | None]:
    return dict(OpinionMember.objects.values_list("annotator_id", "group"))


def test_groups_are_found_and_everybody_stands_in_one(world) -> None:
    find_perspectives_job()
    result, groups = published(), members()
    assert (result["state"], [group["people"] for group in result["groups"]]) == ("found", [16, 14])
    assert [groups[person.pk] for person in world.people] == [1] * 16 + [2] * 14
    assert (result["n_people"], result["n_parents"], result["n_candidates"]) == (30, 12, 48)
    texts = {message.pk: place for row in world.candidates for place, message in enumerate(row)}
    assert {texts[one["candidate"]] for one in result["common"]} == {0}
    assert {texts[one["candidate"]] for one in result["divided"]} == {1, 2}
    assert len(result["common"]) == 12


def test_no_group_of_fewer_than_ten_is_ever_formed() -> None:
    make_world(first=21, second=9)
    find_perspectives_job()
    result = published()
    assert (result["state"], result["groups"], result["map"], result["divided"]) == ("none", [], [], [])
    assert members() == {}


def test_with_too_few_people_it_says_how_many_there_are() -> None:
    make_world(first=10, second=9)
    find_perspectives_job()
    result = published()
    assert (result["state"], result["n_people"], result["common"]) == ("too_few", 19, [])


def test_nothing_published_names_anybody(world) -> None:
    find_perspectives_job()
    told = json.dumps(published())
    assert not [person for person in world.people if f'"{person.pk}"' in told]
    assert "annotator" not in told
    assert "member" not in told


def test_the_job_run_twice_changes_nothing(world) -> None:
    find_perspectives_job()
    before = list(Perspectives.objects.values()), list(OpinionMember.objects.order_by("annotator_id").values())
    run_again()
    Stale.objects.filter(kind="turn_opinions").update(marked=0, computed=0)  # as if nothing were known of the last run
    run_again()
    after = list(Perspectives.objects.values()), list(OpinionMember.objects.order_by("annotator_id").values())
    assert after == before


def test_where_nothing_changed_no_ballot_is_read(world, monkeypatch) -> None:
    find_perspectives_job()
    monkeypatch.setattr(perspectives, "iterate_ballots", lambda **_of: pytest.fail("ballots were read"))
    run_again()
    assert published()["n_people"] == 30


def test_a_campaign_rests_an_hour(world) -> None:
    find_perspectives_job()
    rests = Stale.objects.get(kind="turn_opinions").lease_expires_at - timezone.now()
    assert timedelta(minutes=4) < rests <= timedelta(hours=1)
    Perspectives.objects.all().delete()
    find_perspectives_job()
    assert not Perspectives.objects.exists()


def test_drafts_have_no_turn() -> None:
    make_world(state="draft")
    find_perspectives_job()
    assert not Perspectives.objects.exists()


def test_what_fewer_than_ten_people_say_anew_is_not_published(world) -> None:
    """Whoever compares two publications learns at most what ten people together said."""
    late = [Annotator.objects.create() for _ in range(10)]
    world.people += late
    find_perspectives_job()
    before = published()
    world.vote(late[:9], seed=2)
    run_again()
    assert published() == before
    world.vote(late[9:], seed=3)
    run_again()
    assert published()["n_people"] == 40
    assert len(members()) == 40


def test_more_votes_of_ten_people_are_published(world) -> None:
    Perspectives.objects.all().delete()
    world = make_world(slug="trees", judging=False)
    world.vote(world.people, range(8))
    find_perspectives_job()
    world.vote(world.people[:9], range(8, 12))
    run_again()
    assert Perspectives.objects.get(campaign=world.campaign).result["n_parents"] == 8
    world.vote(world.people[9:10], range(8, 12))
    run_again()
    assert Perspectives.objects.get(campaign=world.campaign).result["n_parents"] == 12


def test_who_takes_everything_back_is_forgotten_at_once_and_nobody_sees_the_difference(world) -> None:
    find_perspectives_job()
    before, gone = published(), world.people[0]
    take_back(gone)
    run_again()
    assert gone.pk not in members()
    assert len(members()) == 29
    assert published() == before


def test_of_a_group_of_whom_fewer_than_ten_are_left_nothing_stays_published(world) -> None:
    find_perspectives_job()
    for person in world.people[16:20]:
        take_back(person)
    run_again()
    assert published()["n_people"] == 30  # ten of them are left
    take_back(world.people[20])
    run_again()
    assert (published()["state"], published()["groups"], members()) == ("none", [], {})


def test_erasing_somebody_takes_their_place_with_them(world) -> None:
    find_perspectives_job()
    OpinionMember.objects.filter(annotator=world.people[0]).delete()  # what the cascade does
    run_again()
    assert len(members()) == 29
    assert OpinionMember._meta.get_field("annotator").remote_field.on_delete.__name__ == "CASCADE"


def test_who_was_erased_while_it_was_computed_is_left_out(world) -> None:
    turn = take_turn(kind=StaleKind.TURN_OPINIONS, subject_id=world.campaign.pk, now=timezone.now(), lease_seconds=60)
    ballots = [known.ballot for known in perspectives.iterate_ballots(campaign_id=world.campaign.pk)]
    gone = max(person.pk for person in world.people) + 1
    record, found = find_perspectives(collect_votes(ballots), seed=1)
    stranger = pure.OpinionMember(str(gone), 1, 0.0, 0.0, "00" * 32)
    assert store_perspectives(turn=turn, record=record, members=[*found, stranger], now=timezone.now())
    assert len(members()) == 30


def test_a_turn_that_was_taken_over_stores_nothing(world) -> None:
    turn = take_turn(kind=StaleKind.TURN_OPINIONS, subject_id=world.campaign.pk, now=timezone.now(), lease_seconds=60)
    find_perspectives_job()  # it is somebody's turn
    assert not Perspectives.objects.exists()
    run_again()
    before = list(Perspectives.objects.values())
    record, found = find_perspectives(collect_votes([]), seed=1)
    assert not store_perspectives(turn=turn, record=record, members=found, now=timezone.now())
    assert list(Perspectives.objects.values()) == before


def test_a_merged_guest_counts_as_the_account(world) -> None:
    guest, account = world.people[0], Annotator.objects.create()
    Annotator.objects.filter(pk=guest.pk).update(merged_into=account)
    find_perspectives_job()
    assert guest.pk not in members()
    assert members()[account.pk] == 1


def test_ballots_of_who_is_suspended_or_found_out_form_no_group(world) -> None:
    suspended, colluder, elsewhere = world.people[:3]
    Annotator.objects.filter(pk=suspended.pk).update(suspended_at=timezone.now())
    other = make_world(slug="trees", judging=False).campaign
    for person, campaign, state in (
        (colluder, world.campaign, "upheld"), (elsewhere, other, "upheld"), (world.people[3], world.campaign, "dismissed"),
    ):  # fmt: skip
        now = timezone.now()
        Finding.objects.create(
            campaign=campaign, annotator=person, kind="collusion", state=state, strength=1, found_at=now, seen_at=now,
            decided_at=now,
        )  # fmt: skip
    find_perspectives_job()
    assert not {suspended.pk, colluder.pk} & set(members())
    assert {elsewhere.pk, world.people[3].pk} <= set(members())
    run_again()
    Annotator.objects.filter(pk__in=[person.pk for person in world.people[4:8]]).update(suspended_at=timezone.now())
    run_again()  # no ballot changed, and yet it is noticed
    assert len(members()) == 24


def test_groups_keep_their_numbers_from_run_to_run(world) -> None:
    find_perspectives_job()
    before = members()
    OpinionMember.objects.filter(group=1).update(group=5)
    for person in world.people[:12]:
        take_back(person)
    newcomers = [Annotator.objects.create() for _ in range(12)]
    world.people = [*newcomers, *world.people]
    world.first += 12
    world.vote(newcomers, seed=4)
    run_again()
    after = members()
    assert {after[person.pk] for person in world.people[24:28]} == {5}
    assert Counter(after.values()) == {5: 16, 2: 14}
    assert {before[person.pk] for person in world.people[28:]} == {2}


def test_one_campaign_that_fails_does_not_cost_the_others_theirs(world, monkeypatch) -> None:
    other = make_world(slug="trees")
    whole = perspectives.iterate_ballots

    def fail_in_one(*, campaign_id: int):
        if campaign_id == world.campaign.pk:
            raise ValueError("a ballot that cannot be read")
        return whole(campaign_id=campaign_id)

    monkeypatch.setattr(perspectives, "iterate_ballots", fail_in_one)
    find_perspectives_job()
    assert [row.campaign_id for row in Perspectives.objects.all()] == [other.campaign.pk]


def test_a_run_that_takes_long_wakes_its_successor(world, monkeypatch) -> None:
    woken = []
    monkeypatch.setattr(perspectives, "do_in_turn", lambda *_of, **_more: False)
    monkeypatch.setattr(perspectives, "wake", woken.append)
    find_perspectives_job()
    assert woken == ["perspectives.find_perspectives"]


def test_as_many_statements_whatever_the_number_of_people() -> None:
    counts = []
    for number, (first, second) in enumerate([(12, 12), (30, 30)]):
        Stale.objects.update(lease_expires_at=timezone.now() + timedelta(days=1))
        make_world(first=first, second=second, slug=f"campaign-{number}")
        with CaptureQueriesContext(connection) as queries:
            find_perspectives_job()
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_mark_of_the_campaign_without_a_change_writes_nothing(world) -> None:
    find_perspectives_job()
    at = Perspectives.objects.get().computed_at
    mark_stale(kind=StaleKind.CAMPAIGN, subject_ids=[world.campaign.pk])
    run_again()
    assert Perspectives.objects.get().computed_at == at
