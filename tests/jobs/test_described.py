"""What people say of themselves is looked at together with their ballots, and tells nothing of one person."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Annotator, Membership, Perspectives, Stale, User
from annotate.queries.perspectives import get_perspectives
from annotate.services.people import create_user
from annotate.services.self_descriptions import describe_oneself
from tasks.jobs.perspectives import find_perspectives_job
from tests.opinion_world import OpinionWorld, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> OpinionWorld:
    """Two groups, of 16 and 14, each of which gave another age."""
    world = make_world()
    for place, person in enumerate(world.people):
        say(person, "under_25" if place < world.first else "60_or_more")
    return world


def say(person: Annotator, age: str | None) -> None:
    describe_oneself(annotator_id=person.pk, answers={"age": age}, now=timezone.now())


def run_again() -> list[dict]:
    Stale.objects.filter(kind="turn_opinions").update(lease_expires_at=None)
    find_perspectives_job()
    return Perspectives.objects.get().described


def count(described: list[dict]) -> dict[str, int]:
    return {group["answer"]: group["people"] for one in described for group in one["answers"]}


def test_answers_that_go_along_with_the_ballots_are_told(world: OpinionWorld):
    (one,) = run_again()
    assert one["question"] == "age"
    assert count([one]) == {"under_25": 16, "60_or_more": 14}
    assert one["divides"]
    texts = {message.pk: place for row in world.candidates for place, message in enumerate(row)}
    assert {texts[candidate["candidate"]] for candidate in one["candidates"]} == {1, 2}


def test_nothing_new_is_told_before_ten_people_have_changed(world: OpinionWorld):
    before = run_again()
    for person in world.people[:4]:
        say(person, None)
    assert run_again() == before
    for person in world.people[4:6]:
        say(person, "40_to_59")
    assert run_again() == before


def test_what_is_told_follows_when_ten_people_have_changed(world: OpinionWorld):
    run_again()
    for person in world.people[16:]:
        say(person, "under_25" if person.pk % 2 else "60_or_more")
    for person in world.people[:6]:
        say(person, "60_or_more")
    assert sum(count(run_again()).values()) == 30
    assert count(run_again()) != {"under_25": 16, "60_or_more": 14}


def test_an_answer_of_which_fewer_than_ten_are_left_is_gone_at_the_next_look(world: OpinionWorld):
    run_again()
    for person in world.people[16:21]:
        say(person, None)
    assert run_again() == []


def test_whoever_leaves_an_answer_and_comes_back_does_not_see_what_one_other_did(world: OpinionWorld):
    for person in world.people[-4:]:
        say(person, None)
    assert count(run_again()) == {"under_25": 16, "60_or_more": 10}
    watcher, watched = world.people[16], world.people[0]
    say(watcher, None)
    assert run_again() == []
    say(watched, None)
    say(watcher, "60_or_more")
    assert run_again() == []


def test_of_an_answer_that_was_taken_back_nothing_is_kept(world: OpinionWorld):
    before = run_again()
    gone = world.people[0]
    say(gone, None)
    assert run_again() == before
    kept = Perspectives.objects.get().described_people
    assert (kept[str(gone.pk)], len(kept)) == ("", 30)


def test_nobody_is_named_in_what_is_published(world: OpinionWorld):
    run_again()
    told = get_perspectives(campaign_id=world.campaign.pk)
    assert "described_people" not in told
    assert set(told["described"][0]) == {"question", "answers", "division", "divides", "candidates"}


def test_a_candidate_that_was_removed_since_is_not_told(world: OpinionWorld):
    run_again()
    removed = world.candidates[0][1]
    removed.removed_at = timezone.now()
    removed.save(update_fields=["removed_at"])
    (one,) = get_perspectives(campaign_id=world.campaign.pk)["described"]
    assert removed.pk not in [candidate["candidate"] for candidate in one["candidates"]]


def test_organizers_read_it_on_the_page(world: OpinionWorld, client: Client):
    run_again()
    organizer: User = create_user(email="olga@example.org", now=timezone.now())
    Membership.objects.create(campaign=world.campaign, user=organizer, role="organizer")
    client.force_login(organizer)
    shown = client.get(f"/campaigns/{world.campaign.slug}/results/perspectives/").content.decode()
    assert "By what people say of themselves" in shown
    assert "under 25 (16)" in shown
    assert "What divides people by “Your age”" in shown


def test_without_answers_the_page_says_nothing_of_it(client: Client):
    world = make_world()
    run_again()
    organizer = create_user(email="olga@example.org", now=timezone.now())
    Membership.objects.create(campaign=world.campaign, user=organizer, role="organizer")
    client.force_login(organizer)
    shown = client.get(f"/campaigns/{world.campaign.slug}/results/perspectives/").content.decode()
    assert "By what people say of themselves" not in shown
