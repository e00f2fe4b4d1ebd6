"""Whoever looks up what they were asked about finds a gold item to be like other work: seals, orders, labels, and their n."""

from __future__ import annotations

import pytest

from annotate.models import Consensus, GoldItem, Message
from annotate.services.gold import retire_gold
from annotate.services.holds import release_holds
from tasks.jobs.quality import recompute_stale_job
from tests.gold import HEADS, TAILS, TIERS, make_organizer, stand_beside, write_item
from tests.loop import NOW, ask, make_annotator, make_campaign, make_prompt, ranking_of, submit
from tests.trees import find, leave_window, read

pytestmark = pytest.mark.django_db


def judge(person, campaign, *, seed, **body):
    if seed == HEADS:
        stand_beside(campaign)
    release_holds(annotator_id=person.pk, now=NOW)
    held = ask(person, campaign, seed=seed)["assignment"]
    return submit(person, held["id"], body or ranking_of(held), seed=TAILS)["judgment"]


def label_gold(campaign, count, *, quality=0.0):
    people = [make_annotator(f"p{number}") for number in range(count)]
    for person in people:
        judge(person, campaign, seed=HEADS, labels={"spam": False, "quality": quality})
        leave_window(person)
    return people


def counts(subject, person):
    return {label.name: label.n for label in find(read(subject.tree, person), subject).labels}


@pytest.mark.parametrize(("people", "told"), [(1, [1]), (2, [2, 2]), (7, [3, 3, 3, 3, 3, 3, 3])])
def test_of_many_who_labelled_gold_one_reads_as_many_as_label_anything_else(people, told):
    campaign = make_campaign(kinds=("label",), gold_share=0.5, redundancy=3)
    item = write_item(campaign, kind="label", labels={"quality": 0.0})
    given = label_gold(campaign, people)
    assert [counts(item.unit.subject, person)["quality"] for person in given] == told
    organizer = make_organizer(campaign)
    boss = make_annotator("boss")
    organizer.user.memberships.update(user=boss.user)
    assert counts(item.unit.subject, boss)["quality"] == people


def test_what_one_said_oneself_is_among_what_one_reads():
    campaign = make_campaign(kinds=("label",), gold_share=0.5, redundancy=2)
    item = write_item(campaign, kind="label", labels={"quality": 0.0})
    label_gold(campaign, 3, quality=1.0)
    ada = make_annotator("ada")
    judge(ada, campaign, seed=HEADS, labels={"spam": False, "quality": 0.0})
    leave_window(ada)
    means = {label.name: label.mean for label in find(read(item.unit.subject.tree, ada), item.unit.subject).labels}
    assert means["quality"] == 0.5


def test_the_known_order_is_read_like_a_consensus_once_as_many_gave_one_as_elsewhere():
    campaign = make_campaign(gold_share=0.5, redundancy=2)
    item, plain = write_item(campaign), make_prompt(campaign, replies=4)
    people = [make_annotator(name) for name in ("ada", "bob", "cyd")]
    seen = []
    for person in people[:2]:
        for seed in (HEADS, TAILS):
            judge(person, campaign, seed=seed)
        leave_window(person)
        recompute_stale_job()
        seen.append(
            [
                {message.rank is None for message in read(prompt.tree, people[0]).messages if message.parent_id}
                for prompt in (item.unit.subject, plain)
            ]
        )
    assert seen == [[{True}, {True}], [{False}, {False}]]
    ranks = {message.text: message.rank for message in read(item.unit.subject.tree, people[0]).messages}
    assert ranks == {"Why do birds sing at dawn?": None} | {
        text: place for place, tier in enumerate(TIERS, start=1) for text in tier
    }
    assert not Consensus.objects.filter(parent=item.unit.subject).exists()


def test_replies_that_enough_people_ordered_stay_sealed_for_others_while_gold_is_asked_about():
    campaign = make_campaign(gold_share=0.5, redundancy=1)
    item, plain = write_item(campaign), make_prompt(campaign, replies=4)
    ada, bob = make_annotator("ada"), make_annotator("bob")
    for seed in (HEADS, TAILS):
        judge(ada, campaign, seed=seed)

    def sealed(person):
        return [read(prompt.tree, person).sealed for prompt in (item.unit.subject, plain)]

    assert (sealed(ada), sealed(bob), sealed(None)) == ([0, 0], [4, 4], [4, 4])
    retire_gold(campaign=campaign, unit_id=item.pk, actor=None, now=NOW)
    assert (sealed(ada), sealed(bob), sealed(None)) == ([0, 0], [0, 0], [0, 0])


def test_a_campaign_without_gold_seals_as_before():
    campaign = make_campaign(redundancy=1)
    prompt = make_prompt(campaign, replies=2)
    judge(make_annotator("ada"), campaign, seed=TAILS)
    assert read(prompt.tree, make_annotator("bob")).sealed == 0


def test_an_author_of_what_became_gold_reads_labels_as_elsewhere():
    campaign = make_campaign(kinds=("label",), gold_share=0.5, redundancy=2)
    item = write_item(campaign, kind="label", labels={"quality": 0.0})
    label_gold(campaign, 4)
    author = make_annotator("author")
    Message.objects.filter(pk=item.unit.subject_id).update(author=author)
    assert counts(item.unit.subject, author)["quality"] == 2
    assert GoldItem.objects.count() == 1
