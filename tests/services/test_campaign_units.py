"""Units follow what organizers change: how many judgments they need, and which kinds of work there are."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from annotate.access import Actor
from annotate.models import (
    Annotator,
    Campaign,
    Exclusion,
    Message,
    MessageTree,
    Stale,
    Unit,
    UnitDetail,
)
from annotate.services import campaign_units
from annotate.services.campaign_files import read_campaign
from annotate.services.campaign_units import follow_next_campaign
from annotate.services.campaigns import change_campaign
from annotate.services.holds import release_holds
from annotate.services.moderation import remove_message, restore_message
from annotate.services.stale import claim_stale, mark_stale
from tasks.vocabulary import StaleKind
from tests.loop import (
    NOW,
    add_message,
    ask,
    counters,
    find_drift,
    make_annotator,
    make_campaign,
    make_prompt,
    ranking_of,
    submit,
)

pytestmark = pytest.mark.django_db


def change(campaign: Campaign, **values) -> None:
    """Change it as an organizer does, and let the job follow."""
    change_campaign(campaign=campaign, spec=read_campaign(values), actor=None, now=NOW)
    while follow_next_campaign(clock=lambda: NOW) is not None:
        pass


def wanted() -> list[int]:
    return list(UnitDetail.objects.order_by("unit_id").values_list("wanted", flat=True))


def kinds_of(subject: Message) -> list[str]:
    return sorted(Unit.objects.filter(subject=subject, is_open=True).values_list("kind", flat=True))


def say_who_wrote(prompt: Message) -> Annotator:
    """All candidates of the prompt were written here, by one annotator."""
    author = make_annotator("author")
    prompt.replies.update(author=author)
    return author


def test_raising_redundancy_raises_what_open_units_need():
    campaign = make_campaign()
    for number in range(3):
        make_prompt(campaign, f"Prompt {number}")
    change(campaign, redundancy=7)
    assert list(Unit.objects.values_list("needed", flat=True)) == [7, 7, 7]
    assert wanted() == [7, 7, 7]


def test_lowering_redundancy_never_goes_below_what_is_done_and_held():
    campaign = make_campaign(redundancy=5)
    make_prompt(campaign)
    first, second, third = (make_annotator(name) for name in ("a", "b", "c"))
    offer = ask(first, campaign)["assignment"]
    submit(first, offer["id"], ranking_of(offer))
    ask(second, campaign)
    ask(third, campaign)
    change(campaign, redundancy=1)
    assert (counters(), wanted()) == ((3, 2, 1, 0), [1])
    release_holds(annotator_id=second.pk, now=NOW)
    change(campaign, redundancy=2)
    assert (counters(), wanted()) == ((2, 1, 1, 0), [2])
    change(campaign, redundancy=4)
    assert (counters(), find_drift()) == ((4, 1, 1, 0), {})


def test_a_place_that_was_given_back_is_not_offered_again_once_less_is_wanted():
    campaign = make_campaign(redundancy=3)
    make_prompt(campaign)
    holder = make_annotator("a")
    ask(holder, campaign)
    change(campaign, redundancy=1)
    assert counters() == (1, 1, 0, 0)
    assert ask(make_annotator("b"), campaign)["assignment"] is None
    release_holds(annotator_id=holder.pk, now=NOW)
    assert ask(make_annotator("c"), campaign)["assignment"] is not None


def test_closed_units_and_other_campaigns_keep_what_they_have():
    campaign, other = make_campaign(), make_campaign(slug="bees")
    closed = make_prompt(campaign)
    Unit.objects.filter(subject=closed).update(is_open=False)
    make_prompt(other)
    change(campaign, redundancy=9)
    assert list(Unit.objects.values_list("needed", flat=True)) == [3, 3]


def test_while_certainty_decides_the_scheduler_says_how_many():
    campaign = make_campaign(redundancy=3, stop_confidence=0.9)
    make_prompt(campaign)
    UnitDetail.objects.update(wanted=6)
    Unit.objects.update(needed=6)
    change(campaign, redundancy=4)
    assert (counters(), wanted()) == ((6, 0, 0, 0), [6])
    change(campaign, stop_confidence=None)
    assert (counters(), wanted()) == ((4, 0, 0, 0), [4])


def test_more_replies_are_asked_for_and_replies_that_people_wrote_count():
    campaign = make_campaign(kinds=("write_assistant_reply",), replies_wanted=2)
    prompt = make_prompt(campaign, replies=2)
    change(campaign, replies_wanted=5)
    assert (counters(), wanted()) == ((5, 0, 0, 0), [5])
    say_who_wrote(prompt)
    change(campaign, replies_wanted=4)
    assert (counters(), wanted()) == ((2, 0, 0, 0), [2])
    change(campaign, replies_wanted=1)
    assert (counters(), wanted()) == ((0, 0, 0, 0), [0])


def test_only_units_that_differ_are_written():
    campaign = make_campaign()
    make_prompt(campaign)
    change(campaign, redundancy=5)
    versions = "SELECT xmin::text FROM annotate_unit UNION ALL SELECT xmin::text FROM annotate_unitdetail"
    with connection.cursor() as cursor:
        before = cursor.execute(versions).fetchall()
        mark_stale(kind=StaleKind.CAMPAIGN_UNITS, subject_ids=[campaign.pk])
        follow_next_campaign(clock=lambda: NOW)
        assert cursor.execute(versions).fetchall() == before


def test_a_new_kind_of_work_opens_units_for_what_is_there():
    campaign = make_campaign()
    prompt = make_prompt(campaign, replies=3)
    change(campaign, kinds=["rank", "compare", "label"])
    assert kinds_of(prompt) == ["compare", "label", "rank"]
    assert [kinds_of(reply) for reply in prompt.replies.all()] == [["label"]] * 3


def test_replies_are_asked_for_where_people_have_written_too_few():
    campaign = make_campaign()
    prompt = make_prompt(campaign, replies=2)
    bare = make_prompt(campaign, "A prompt without replies", replies=0)
    assert kinds_of(bare) == []
    change(campaign, kinds=["rank", "write_assistant_reply"])
    assert (kinds_of(prompt), kinds_of(bare)) == (["rank", "write_assistant_reply"], ["write_assistant_reply"])


def test_a_label_schema_that_applies_to_more_opens_more():
    campaign = make_campaign(kinds=("label",))
    campaign.label_schema.dimensions.update(applies_to=["prompter"])
    prompt = make_prompt(campaign, replies=1)
    (reply,) = prompt.replies.all()
    assert (kinds_of(prompt), kinds_of(reply)) == (["label"], [])
    both = {"name": "spam", "title": "Spam?", "widget": "flag"}
    change(campaign, label_schema={"dimensions": [both]})
    assert (kinds_of(prompt), kinds_of(reply)) == (["label"], ["label"])


ON_PROMPTS = {"dimensions": [{"name": "spam", "title": "Spam?", "widget": "flag", "applies_to": ["prompter"]}]}
ON_BOTH = {"dimensions": [{"name": "spam", "title": "Spam?", "widget": "flag"}]}


def test_a_label_schema_that_drops_a_role_closes_its_units_and_opens_them_with_it_again():
    campaign = make_campaign(kinds=("label",))
    prompt = make_prompt(campaign, replies=1)
    (reply,) = prompt.replies.all()
    assert (kinds_of(prompt), kinds_of(reply)) == (["label"], ["label"])
    change(campaign, label_schema=ON_PROMPTS)
    assert (kinds_of(prompt), kinds_of(reply)) == (["label"], [])
    change(campaign, label_schema=ON_BOTH, redundancy=7)
    assert (kinds_of(prompt), kinds_of(reply)) == (["label"], ["label"])
    assert list(Unit.objects.filter(kind="label").values_list("needed", flat=True)) == [7, 7]
    assert find_drift() == {}


def test_a_label_that_is_held_when_its_role_is_dropped_is_taken():
    campaign = make_campaign(kinds=("label",))
    campaign.label_schema.dimensions.update(applies_to=["assistant"])
    make_prompt(campaign, replies=1)
    ada = make_annotator()
    hold = ask(ada, campaign)["assignment"]
    change(campaign, label_schema=ON_PROMPTS)
    submit(ada, hold["id"], {"labels": {"spam": False}})
    assert (counters(Unit.objects.get(is_open=False).pk), find_drift()) == ((3, 0, 1, 0), {})


def test_what_was_removed_while_its_role_was_dropped_is_asked_for_when_both_are_back():
    campaign = make_campaign(kinds=("label",))
    reply = make_prompt(campaign, replies=1).replies.get()
    moderator = Actor(user=make_annotator("mo").user)
    who = {"campaign": campaign, "message_id": reply.pk, "actor": moderator, "reason": "Spam.", "now": NOW}
    change(campaign, label_schema=ON_PROMPTS)
    remove_message(**who)
    change(campaign, label_schema=ON_BOTH)
    assert kinds_of(reply) == []
    restore_message(**who)
    assert kinds_of(reply) == ["label"]


def test_what_is_restored_after_its_role_was_dropped_is_not_asked_for():
    campaign = make_campaign(kinds=("label",))
    reply = make_prompt(campaign, replies=1).replies.get()
    moderator = Actor(user=make_annotator("mo").user)
    who = {"campaign": campaign, "message_id": reply.pk, "actor": moderator, "reason": "Spam.", "now": NOW}
    remove_message(**who)
    change(campaign, label_schema=ON_PROMPTS)
    restore_message(**who)
    assert kinds_of(reply) == []


def test_messages_deep_in_a_tree_get_their_units_too():
    campaign = make_campaign()
    prompt = make_prompt(campaign, replies=2)
    tree = MessageTree.objects.get()
    question = add_message(tree, "And at night?", role="prompter", parent=prompt.replies.first())
    answers = [add_message(tree, f"Answer {place}", parent=question) for place in range(2)]
    change(campaign, kinds=["rank", "label"])
    assert kinds_of(question) == ["label", "rank"]
    assert [kinds_of(answer) for answer in answers] == [["label"], ["label"]]


def test_what_was_removed_gets_no_unit():
    campaign = make_campaign()
    prompt = make_prompt(campaign, replies=3)
    gone, *_ = prompt.replies.all()
    Message.objects.filter(pk=gone.pk).update(removed_at=NOW)
    change(campaign, kinds=["rank", "label"])
    assert kinds_of(gone) == []


def test_authors_are_kept_from_the_units_of_their_own_texts():
    campaign = make_campaign()
    prompt = make_prompt(campaign)
    author = say_who_wrote(prompt)
    change(campaign, kinds=["rank", "label"])
    labels = Unit.objects.filter(kind="label", subject__parent=prompt)
    assert Exclusion.objects.filter(annotator=author, unit__in=labels).count() == 4


def test_a_kind_that_was_taken_away_is_not_offered_and_what_is_held_may_be_submitted():
    campaign = make_campaign(kinds=("rank", "label"))
    make_prompt(campaign, replies=2)
    ada = make_annotator("ada")
    offer = ask(ada, campaign, kinds=["rank"])["assignment"]
    change(campaign, kinds=["label"])
    assert ask(make_annotator("bob"), campaign)["assignment"]["kind"] == "label"
    assert Unit.objects.filter(kind="rank", is_open=True).count() == 1
    submit(ada, offer["id"], ranking_of(offer))
    assert Unit.objects.get(kind="rank").done == 1
    change(campaign, kinds=["rank"])
    assert ask(make_annotator("eve"), campaign)["assignment"]["kind"] == "rank"


def test_the_walk_goes_over_all_ranges_of_ids(monkeypatch):
    monkeypatch.setattr(campaign_units, "IDS_A_RANGE", 3)
    monkeypatch.setattr(campaign_units, "PARENTS_A_BATCH", 2)
    campaign = make_campaign()
    prompts = [make_prompt(campaign, f"Prompt {number}", replies=2) for number in range(5)]
    change(campaign, kinds=["rank", "label"], redundancy=6)
    assert [kinds_of(prompt) for prompt in prompts] == [["label", "rank"]] * 5
    assert set(Unit.objects.values_list("needed", flat=True)) == {6}
    assert Unit.objects.count() == 5 * (1 + 3)


def test_following_twice_finds_nothing_to_do_the_second_time():
    campaign = make_campaign()
    make_prompt(campaign)
    change_campaign(campaign=campaign, spec=read_campaign({"redundancy": 5}), actor=None, now=NOW)
    assert follow_next_campaign(clock=lambda: NOW) == campaign.pk
    assert follow_next_campaign(clock=lambda: NOW) is None


def test_a_worker_that_died_is_followed_by_another_when_its_lease_has_ended():
    campaign = make_campaign()
    make_prompt(campaign)
    change_campaign(campaign=campaign, spec=read_campaign({"redundancy": 5}), actor=None, now=NOW)
    claim_stale(kind=StaleKind.CAMPAIGN_UNITS, limit=1, now=NOW, lease_seconds=campaign_units.LEASE_SECONDS)
    assert follow_next_campaign(clock=lambda: NOW) is None
    later = NOW + timedelta(seconds=campaign_units.LEASE_SECONDS)
    assert follow_next_campaign(clock=lambda: later) == campaign.pk
    assert counters() == (5, 0, 0, 0)


def test_a_change_made_while_the_job_walks_is_followed_afterwards(monkeypatch):
    campaign = make_campaign()
    make_prompt(campaign)
    walk = campaign_units.change_units_needed
    asked = []

    def change_meanwhile(**given) -> int:
        if not asked:
            asked.append(1)
            mine = Campaign.objects.get()
            change_campaign(campaign=mine, spec=read_campaign({"redundancy": 8}), actor=None, now=NOW)
        return walk(**given)

    monkeypatch.setattr(campaign_units, "change_units_needed", change_meanwhile)
    change(campaign, redundancy=5)
    assert (counters(), asked) == ((8, 0, 0, 0), [1])


def test_a_campaign_that_is_gone_is_passed_over():
    mark_stale(kind=StaleKind.CAMPAIGN_UNITS, subject_ids=[999])
    assert follow_next_campaign(clock=lambda: NOW) == 999
    assert follow_next_campaign(clock=lambda: NOW) is None
    assert list(Stale.objects.values_list("marked", "computed")) == [(1, 1)]


@pytest.mark.django_db(transaction=True)
def test_needs_raised_and_lowered_beside_claims_and_submits_keep_every_counter_true():
    campaign = make_campaign(redundancy=3)
    for number in range(4):
        make_prompt(campaign, f"Prompt {number}", replies=2)
    annotators = [make_annotator(f"a{number}") for number in range(6)]

    def work(annotator) -> None:
        dice = random.Random(annotator.pk)
        try:
            for turn in range(8):
                offer = ask(annotator, campaign, seed=turn)["assignment"]
                if offer is None:
                    continue
                if dice.random() < 0.3:
                    release_holds(annotator_id=annotator.pk, now=NOW)
                    continue
                submit(annotator, offer["id"], ranking_of(offer))
        finally:
            connection.close()

    def organize() -> None:
        try:
            for redundancy in (1, 6, 2, 5, 1, 4) * 3:
                mine = Campaign.objects.get(pk=campaign.pk)
                change_campaign(campaign=mine, spec=read_campaign({"redundancy": redundancy}), actor=None, now=NOW)
                follow_next_campaign(clock=lambda: NOW)
                assert find_overfull() == []
        finally:
            connection.close()

    with ThreadPoolExecutor(7) as pool:
        done = [pool.submit(organize), *(pool.submit(work, annotator) for annotator in annotators)]
        for each in done:
            each.result()
    while follow_next_campaign(clock=lambda: NOW) is not None:
        pass
    assert (find_drift(), find_overfull()) == ({}, [])
    assert [unit.needed for unit in Unit.objects.all()] == [
        max(4, unit.done + unit.held) for unit in Unit.objects.all()
    ]


def find_overfull() -> list[int]:
    return [unit.pk for unit in Unit.objects.all() if unit.done + unit.held > unit.needed]
