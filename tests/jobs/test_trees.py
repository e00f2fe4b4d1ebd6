"""The job that lets trees grow: twice is once, a lost message loses nothing, one bad tree costs the others nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotate.models import Campaign, MessageTree, Stale, Unit
from tasks.jobs import trees as job
from tasks.jobs.policy import POLICIES
from tasks.jobs.trees import advance_trees_job
from tasks.vocabulary import JobName
from tests.growing import make_growing as make_growing_then
from tests.growing import make_tree, open_work, states
from tests.loop import make_annotator, make_campaign, make_prompt

pytestmark = pytest.mark.django_db


def make_growing(**parameters) -> Campaign:
    """The job goes by the clock of today, and the trees of tests are of a day long ago."""
    return make_growing_then(**{"patience_days": 3650, **parameters})


def pending() -> dict[str, int]:
    behind = [mark.kind for mark in Stale.objects.all() if mark.marked > mark.computed]
    return {kind: behind.count(kind) for kind in sorted(set(behind))}


def rest() -> None:
    """Let the regular look come again."""
    Stale.objects.filter(kind="turn_trees").update(lease_expires_at=None)


def everything() -> list:
    return [list(Unit.objects.order_by("pk").values()), list(MessageTree.objects.order_by("pk").values())]


def test_what_is_marked_is_decided_and_asks_for_work():
    campaign = make_growing()
    make_tree(campaign)
    make_tree(campaign, "Why do fish swim?", state="waiting")
    advance_trees_job()
    assert (open_work(campaign)["write_assistant_reply"], pending()) == (1, {})


def test_a_tree_whose_turn_comes_asks_for_work_in_the_same_run():
    campaign = make_growing()
    make_tree(campaign, state="waiting")
    advance_trees_job()
    assert (states(campaign), open_work(campaign)["write_assistant_reply"], pending()) == ({"growing": 1}, 1, {})


def test_running_twice_does_nothing_the_second_time(django_assert_num_queries):
    campaign = make_growing()
    make_tree(campaign)
    advance_trees_job()
    before = everything()
    with django_assert_num_queries(7):  # nothing marked, fresh or for later, twice; no supply; nobody to look at
        advance_trees_job()
    rest()
    advance_trees_job()
    assert everything() == before


def test_a_lost_message_is_made_up_for_by_the_beat():
    make_tree(make_growing())  # nobody hears of it
    assert POLICIES[JobName.ADVANCE_TREES].every == 15
    assert pending() == {"supply": 1, "tree": 1}
    advance_trees_job()
    assert pending() == {}


def test_a_mark_that_was_forgotten_is_made_up_for_by_the_regular_look():
    campaign = make_growing()
    make_tree(campaign)
    Stale.objects.all().delete()
    advance_trees_job()
    assert open_work(campaign) == {"write_assistant_reply": 1, "write_prompt": 1}


def test_the_regular_look_finds_trees_that_nobody_comes_to():
    campaign = make_growing(patience_days=30)
    make_tree(campaign)
    old = timezone.now() - timedelta(days=40)
    advance_trees_job()
    MessageTree.objects.update(state_changed_at=old)
    Campaign.objects.update(state_changed_at=old)
    rest()
    advance_trees_job()
    assert states(campaign) == {"retired": 1}


def test_the_regular_look_walks_over_all_trees_a_stretch_at_a_time(monkeypatch):
    campaign = make_growing(active_trees=9)
    for number in range(3):
        make_tree(campaign, f"Prompt {number}?")
    Stale.objects.all().delete()
    monkeypatch.setattr(job, "WALKED_TREES", 2)
    advance_trees_job()
    assert open_work(campaign)["write_assistant_reply"] == 2
    rest()
    advance_trees_job()
    assert open_work(campaign)["write_assistant_reply"] == 3


def test_campaigns_that_grow_no_trees_are_not_looked_at():
    campaign = make_campaign()
    make_prompt(campaign)
    before = everything()
    advance_trees_job()
    assert (everything(), Stale.objects.filter(kind__in=["tree", "supply", "turn_trees"]).count()) == (before, 0)


def test_one_tree_that_cannot_be_decided_costs_the_others_nothing(monkeypatch):
    campaign = make_growing()
    bad = make_tree(campaign).tree_id
    make_tree(campaign, "Why do fish swim?")
    real = job.advance_trees

    def advance(*, tree_ids, **given):
        if bad in tree_ids:
            raise ValueError("a bad tree")
        return real(tree_ids=tree_ids, **given)

    monkeypatch.setattr(job, "advance_trees", advance)
    monkeypatch.setattr(job, "look_in_turn", lambda _: None)
    advance_trees_job()
    mark = Stale.objects.get(kind="tree", subject_id=bad)
    assert (open_work(campaign)["write_assistant_reply"], mark.failures, mark.error) == (1, 1, "ValueError: a bad tree")
    monkeypatch.setattr(job, "advance_trees", real)
    Stale.objects.filter(kind="tree").update(lease_expires_at=None)
    advance_trees_job()
    assert (open_work(campaign)["write_assistant_reply"], pending()) == (2, {})


def test_one_tree_that_cannot_be_decided_does_not_stop_the_walk():
    campaign = make_growing(active_trees=9)
    bad = make_tree(campaign).tree_id
    make_tree(campaign, "Why do fish swim?")
    Stale.objects.all().delete()
    MessageTree.objects.filter(pk=bad).update(state_reason="a word of later")
    advance_trees_job()
    assert open_work(campaign) == {"write_assistant_reply": 1, "write_prompt": 8}
    rest()
    MessageTree.objects.filter(pk=bad).update(state_reason="")
    advance_trees_job()
    assert open_work(campaign)["write_assistant_reply"] == 2


def test_a_run_that_is_long_wakes_its_successor(monkeypatch):
    make_tree(make_growing())
    woken = []
    monkeypatch.setattr(job, "wake", woken.append)
    monkeypatch.setattr(job, "LONGEST_RUN_SECONDS", -1)
    monkeypatch.setattr(job, "look_in_turn", lambda _: None)
    advance_trees_job()
    assert (woken, pending()) == ([JobName.ADVANCE_TREES], {"supply": 1, "tree": 1})


def test_deciding_many_trees_takes_as_many_statements_as_deciding_one():
    campaign = make_growing(active_trees=20)
    author = make_annotator()
    counts = []
    for number in (1, 9):
        for one in range(number):
            make_tree(campaign, f"Prompt {number} {one}?", author=author, review="accepted")
        with CaptureQueriesContext(connection) as queries:
            job.advance_marked(ends=float("inf"))
        counts.append(len(queries))
    assert counts[0] == counts[1]
