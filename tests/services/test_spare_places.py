"""What an organizer writes after an import stands among what it brought: nothing tells it by its number or its age."""

from __future__ import annotations

import random

import pytest

from annotate.exceptions import Conflict
from annotate.models import Campaign, GoldItem, ImportRun, Message, MessageTree
from annotate.queries.imports import describe_import
from annotate.queries.message_lists import list_recent
from annotate.queries.reading import Reader
from annotate.services.import_planned import PlannedTree
from annotate.services.spare_places import GAP_SHARE, PLACE_MESSAGES, SPARE_SHARE, leave_gaps
from tests.gold import TIERS, write_item
from tests.services.imports import import_items, item, make_campaign

pytestmark = pytest.mark.django_db


def bring(campaign, count, *, first=0):
    return import_items(
        campaign, *(item(f"Question {number}?", "One.", "Two.") for number in range(first, first + count))
    )


def spans(campaign):
    """(first, last) id of the messages of each tree, with the tree's own id and whether it was written as gold."""
    rows = MessageTree.objects.filter(campaign=campaign).order_by("pk")
    gold = set(GoldItem.objects.values_list("unit__subject__tree", flat=True))
    ids = {tree: sorted(Message.objects.filter(tree=tree).values_list("pk", flat=True)) for tree in rows}
    return [(tree.pk, numbers[0], numbers[-1], tree.pk in gold) for tree, numbers in ids.items()]


def test_what_is_written_after_an_import_has_numbers_and_times_of_those_beside_it():
    campaign = make_campaign()
    bring(campaign, 60)
    bring(campaign, 60, first=100)
    kept = sum(len(run.defaults["spare"]) for run in ImportRun.objects.all())
    assert kept >= 2
    for number in range(2):
        write_item(campaign, prompt=f"Known {number}?")
    found = spans(campaign)
    gold, plain = ([row for row in found if row[3] is known] for known in (True, False))
    assert len(gold) == 2
    for place in range(2):
        numbers = [row[place] for row in plain]
        assert all(row[place] < max(numbers) for row in gold)
    moments = set(Message.objects.filter(tree__in=[row[0] for row in plain]).values_list("created_at", flat=True))
    assert (
        set(Message.objects.filter(tree__in=[row[0] for row in gold]).values_list("created_at", flat=True)) <= moments
    )
    trees = MessageTree.objects.filter(pk__in=[row[0] for row in gold])
    assert {(tree.created_at, tree.state_changed_at) for tree in trees} <= {(moment, moment) for moment in moments}
    assert sum(len(run.defaults["spare"]) for run in ImportRun.objects.all()) == kept - 2
    Campaign.objects.update(state="open")
    newest = list_recent(reader=Reader(), campaign=campaign.slug, limit=1).messages
    assert not newest[0].text.startswith("Known")


def test_its_messages_stand_in_a_row_in_an_order_that_says_nothing():
    campaign = make_campaign()
    bring(campaign, 3)
    item_ = write_item(campaign)
    prompt = item_.unit.subject
    replies = list(prompt.replies.order_by("pk"))
    assert [reply.pk for reply in replies] == list(range(prompt.pk + 1, prompt.pk + 5))
    assert {reply.text for reply in replies} == {text for tier in TIERS for text in tier}
    assert prompt.thread == [prompt.pk]
    assert [reply.thread for reply in replies] == [[prompt.pk, reply.pk] for reply in replies]


def test_a_place_that_was_not_used_is_there_again():
    campaign = make_campaign()
    bring(campaign, 3)
    before = ImportRun.objects.get().defaults
    with pytest.raises(Conflict):
        write_item(campaign, prompt="Question 1?")
    assert ImportRun.objects.get().defaults == before


def test_where_no_place_is_left_it_is_the_newest():
    campaign = make_campaign()
    item_ = write_item(campaign)
    assert item_.unit.subject.created_at == item_.created_at


def test_importing_again_leaves_no_further_place():
    campaign = make_campaign()
    bring(campaign, 3)
    bring(campaign, 3)
    first, again = ImportRun.objects.order_by("pk")
    assert len(first.defaults["spare"]) >= 1
    assert "spare" not in again.defaults


def test_nobody_is_told_of_the_places():
    campaign = make_campaign()
    bring(campaign, 3)
    run = ImportRun.objects.get()
    assert "spare" not in str(describe_import(run))


def test_a_gap_says_little_of_gold():
    trees = [PlannedTree(str(number), "en", "", None, None) for number in range(4000)]
    leave_gaps(trees, rng=random.Random(3))
    whole = sum(tree.gap == PLACE_MESSAGES for tree in trees) / len(trees)
    some = sum(0 < tree.gap < PLACE_MESSAGES for tree in trees) / len(trees)
    assert whole == pytest.approx(SPARE_SHARE, abs=0.015)
    assert some == pytest.approx(GAP_SHARE, abs=0.025)
    (one,) = few = trees[:1]
    leave_gaps(few, rng=random.Random(1))
    assert one.gap == PLACE_MESSAGES
