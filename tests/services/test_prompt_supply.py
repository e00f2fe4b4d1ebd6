"""Prompts are asked for as far as trees are wanted, have their turn in a fair draw, and are retired when not needed."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from annotate.models import (
    Brief,
    Campaign,
    Exclusion,
    LanguageSupply,
    Message,
    MessageTree,
    Stratum,
    Unit,
    UnitCandidate,
)
from annotate.services.holds import release_holds
from annotate.services.judgments import skip_assignment
from annotate.services.prompt_supply import supply_prompts
from tests.growing import answer_of, do, grow, make_growing, make_tree, open_work, states
from tests.loop import NOW, ask, find_drift, make_annotator, ranking_of, submit

pytestmark = pytest.mark.django_db


def supply(campaign: Campaign, *, now=NOW, seed=1) -> None:
    supply_prompts(campaign_id=campaign.pk, now=now, rng=random.Random(seed))


def places(**of: Any) -> int:
    """Open places for prompts."""
    return Unit.objects.filter(brief__isnull=False, is_open=True, done=0, **of).exclude(kind="rank").count()


def counted(language="en") -> dict[str, int]:
    row = LanguageSupply.objects.get(language=language)
    names = ("reviewers", "in_review", "waiting", "growing", "ranking", "done", "prompts_wanted")
    return {name: getattr(row, name) for name in names}


# --- Asking --------------------------------------------------------------------------------------------


def test_as_many_prompts_are_asked_for_as_trees_and_the_queue_lack():
    campaign = make_growing(active_trees=3, waiting_prompts=2)
    make_tree(campaign)
    make_tree(campaign, "Why do fish swim?", state="prompt_review", review="pending")
    supply(campaign)
    assert (places(), counted()["prompts_wanted"]) == (3, 3)
    unit = Unit.objects.filter(kind="write_prompt").first()
    assert (unit.needed, unit.detail.reason_code, unit.detail.stratum, unit.subject) == (
        1, "prompt_wanted", Stratum.objects.get(), None,
    )  # fmt: skip


def test_deciding_the_supply_again_changes_nothing():
    campaign = make_growing(active_trees=2, waiting_prompts=2, languages=("en", "de"))
    for number in range(9):
        make_tree(campaign, f"Prompt {number}?", state="waiting")
    supply(campaign)
    before = [list(Unit.objects.order_by("pk").values()), list(MessageTree.objects.order_by("pk").values())]
    supply(campaign, seed=2)
    assert before == [list(Unit.objects.order_by("pk").values()), list(MessageTree.objects.order_by("pk").values())]


def test_each_language_has_its_own_supply():
    campaign = make_growing(languages=("en", "de"), active_trees=1, waiting_prompts=1)
    make_tree(campaign)
    supply(campaign)
    assert {language: places(brief__language=language) for language in ("en", "de")} == {"en": 1, "de": 2}


def test_places_close_when_fewer_are_wanted_but_not_one_that_somebody_holds():
    campaign = make_growing(active_trees=3, waiting_prompts=0)
    supply(campaign)
    ada = make_annotator()
    held = ask(ada, campaign, kinds=["write_prompt"])["assignment"]
    Campaign.objects.update(parameters={**campaign.parameters, "active_trees": 1})
    supply(campaign)
    assert places() == 1
    for number in range(3):
        make_tree(campaign, f"Prompt {number}?")
    supply(campaign)
    assert Unit.objects.get(is_open=True).public_id.hex == held["unit"].replace("-", "")
    submit(ada, held["id"], answer_of(held))
    grow()
    assert states(campaign) == {"growing": 3, "prompt_review": 1}
    assert find_drift() == {}


def test_a_share_is_asked_for_with_a_first_reply():
    campaign = make_growing(
        kinds=("write_prompt", "write_pair", "label"), pair_share=0.5, active_trees=4, waiting_prompts=0
    )
    supply(campaign)
    assert open_work(campaign) == {"write_prompt": 2, "write_pair": 2}


def test_a_campaign_that_asks_for_no_prompts_has_no_places():
    campaign = make_growing(kinds=("write_assistant_reply", "label"))
    supply(campaign)
    assert (places(), counted()["prompts_wanted"]) == (0, 0)


def test_briefs_of_organizers_come_first_and_ask_for_what_they_name():
    campaign = make_growing(active_trees=4, waiting_prompts=1)
    birds = Brief.objects.create(campaign=campaign, language="en", topic="birds", wanted=3)
    tree = make_tree(campaign, state="waiting").tree
    MessageTree.objects.filter(pk=tree.pk).update(brief=birds)
    supply(campaign)
    free = Brief.objects.get(topic="")
    assert (places(brief=birds), places(brief=free)) == (2, 2)
    MessageTree.objects.update(state="low_grade")  # one that failed does not count
    supply(campaign)
    assert (places(brief=birds), places(brief=free)) == (3, 2)


def test_open_briefs_without_a_number_share_what_is_missing():
    campaign = make_growing(active_trees=5, waiting_prompts=0)
    birds, fish = [Brief.objects.create(campaign=campaign, language="en", topic=topic) for topic in ("birds", "fish")]
    closed = Brief.objects.create(campaign=campaign, language="en", topic="bees", is_open=False)
    supply(campaign)
    assert [places(brief=brief) for brief in (birds, fish, closed)] == [3, 2, 0]


def test_a_brief_that_is_closed_asks_no_more():
    campaign = make_growing(active_trees=2, waiting_prompts=0)
    birds = Brief.objects.create(campaign=campaign, language="en", topic="birds", wanted=2)
    supply(campaign)
    assert places(brief=birds) == 2
    Brief.objects.filter(pk=birds.pk).update(is_open=False)
    supply(campaign)
    assert (places(brief=birds), places()) == (0, 2)


def test_a_prompt_that_is_written_takes_its_place_and_a_rejected_one_gives_it_back():
    campaign = make_growing(active_trees=1, waiting_prompts=0)
    grow()
    ada = make_annotator()
    assert do(ada, campaign, kind="write_prompt") == "write_prompt"
    assert (places(), counted()["in_review"]) == (0, 1)
    MessageTree.objects.update(state="low_grade")
    supply(campaign)
    assert places() == 1


def test_the_place_of_a_prompt_stays_open_for_its_writer_for_an_hour():
    campaign = make_growing(active_trees=1, waiting_prompts=0)
    grow()
    do(make_annotator(), campaign, kind="write_prompt")
    supply(campaign, now=NOW + timedelta(minutes=59))
    assert Unit.objects.get(kind="write_prompt").is_open
    supply(campaign, now=NOW + timedelta(minutes=61))
    assert not Unit.objects.get(kind="write_prompt").is_open


def test_whoever_skipped_a_brief_is_not_asked_by_its_next_places():
    campaign = make_growing(active_trees=1, waiting_prompts=0)
    grow()
    ada, ben = make_annotator("ada"), make_annotator("ben")
    assignment = ask(ada, campaign, kinds=["write_prompt"])["assignment"]
    skip_assignment(annotator_id=ada.pk, assignment_id=assignment["id"], skip_reason="other", now=NOW, rng=RNG)
    Campaign.objects.update(parameters={**campaign.parameters, "active_trees": 3})
    supply(campaign)
    assert ask(ada, campaign, kinds=["write_prompt"])["assignment"] is None
    assert ask(ben, campaign, kinds=["write_prompt"])["assignment"] is not None


# --- Turns ------------------------------------------------------------------------------------------------


def test_waiting_prompts_have_their_turn_as_far_as_trees_are_wanted():
    campaign = make_growing(active_trees=2)
    for number in range(5):
        make_tree(campaign, f"Prompt {number}?", state="waiting")
    grow()
    assert states(campaign) == {"growing": 2, "waiting": 3}
    drawn = MessageTree.objects.filter(state="growing").values_list("state_reason", "drawn_at")
    assert set(drawn) == {("drawn", NOW)}
    assert open_work(campaign)["write_assistant_reply"] == 2


def test_prompts_beyond_the_most_that_may_wait_are_retired_the_oldest_first():
    campaign = make_growing(active_trees=1, waiting_prompts=1, max_waiting_prompts=2)
    make_tree(campaign)
    ada = make_annotator()
    trees = [make_tree(campaign, f"Prompt {number}?", state="waiting", author=ada).tree for number in range(4)]
    for age, tree in enumerate(reversed(trees)):
        MessageTree.objects.filter(pk=tree.pk).update(state_changed_at=NOW - timedelta(hours=age))
    supply(campaign)
    retired = MessageTree.objects.filter(state="retired", state_reason="not_needed").order_by("pk")
    assert [tree.pk for tree in retired] == [trees[0].pk, trees[1].pk]


def test_a_prompt_that_has_waited_too_long_and_is_not_needed_is_retired():
    campaign = make_growing(active_trees=1, waiting_prompts=1, prompt_days=10)
    make_tree(campaign)
    ada = make_annotator()
    for number in range(3):
        make_tree(campaign, f"Prompt {number}?", state="waiting", author=ada)
    supply(campaign, now=NOW + timedelta(days=9))
    assert states(campaign)["waiting"] == 3
    supply(campaign, now=NOW + timedelta(days=11))
    assert (states(campaign)["waiting"], states(campaign)["retired"]) == (1, 2)


def test_nothing_is_drawn_and_nothing_retired_while_a_campaign_is_not_open():
    campaign = make_growing(active_trees=1, waiting_prompts=0, max_waiting_prompts=0)
    make_tree(campaign, state="waiting")
    Campaign.objects.update(state="paused")
    supply(campaign)
    assert states(campaign) == {"waiting": 1}
    Campaign.objects.update(state="open")
    supply(campaign)
    assert states(campaign) == {"growing": 1}


def test_who_wrote_more_prompts_takes_no_turn_from_others():
    campaign = make_growing(active_trees=2)
    ada, ben = make_annotator("ada"), make_annotator("ben")
    for number in range(20):
        make_tree(campaign, f"Prompt {number}?", state="waiting", author=ada, review="accepted")
    make_tree(campaign, "Ben's?", state="waiting", author=ben, review="accepted")
    turns = 0
    for seed in range(20):
        MessageTree.objects.update(state="waiting", drawn_at=None)
        supply(campaign, seed=seed)
        turns += MessageTree.objects.filter(state="growing", messages__author=ben).count()
    assert turns > 6  # of 40 turns; by prompts it would be two


def test_accepted_work_of_late_weighs_in_the_draw():
    campaign = make_growing(active_trees=1)
    ada, ben = make_annotator("ada"), make_annotator("ben")
    done = make_tree(campaign, "Done?", state="done", author=ben, review="accepted")
    for number in range(30):
        old = NOW - timedelta(days=number)
        Message.objects.create(
            tree=done.tree, parent=done, role="assistant", text=f"{number}", text_hash=bytes([number]), language="en",
            author=ben, review_state="accepted", created_at=old,
        )  # fmt: skip
    make_tree(campaign, "Ada's?", state="waiting", author=ada, review="accepted")
    make_tree(campaign, "Ben's?", state="waiting", author=ben, review="accepted")
    turns = 0
    for seed in range(20):
        MessageTree.objects.exclude(pk=done.tree_id).update(state="waiting", drawn_at=None)
        supply(campaign, seed=seed)
        turns += MessageTree.objects.filter(state="growing", messages__author=ben).count()
    assert turns > 15


# --- Prompts in order -------------------------------------------------------------------------------------------


def test_prompts_that_wait_are_put_in_order_a_few_at_a_time_and_each_once():
    campaign = make_growing(rank_prompts=True, candidates_shown=3, active_trees=1, waiting_prompts=9)
    make_tree(campaign)
    ada = make_annotator("ada")
    for number in range(4):
        make_tree(campaign, f"Prompt {number}?", state="waiting", author=ada if number == 0 else None)
    supply(campaign)
    unit = Unit.objects.get(kind="rank", brief__isnull=False)
    assert (unit.needed, UnitCandidate.objects.filter(unit=unit).count()) == (2, 3)
    assert Exclusion.objects.filter(unit=unit, annotator=ada, why="own_text").count() == 1
    make_tree(campaign, "Prompt 5?", state="waiting")
    supply(campaign)
    assert sorted(
        UnitCandidate.objects.filter(unit=pk).count() for pk in Unit.objects.filter(kind="rank").values_list("pk", flat=True)
    ) == [2, 3]  # fmt: skip


def test_better_prompts_have_their_turn_first():
    campaign = make_growing(rank_prompts=True, redundancy=1, candidates_shown=2, active_trees=1, waiting_prompts=9)
    grown = make_tree(campaign)
    trees = [make_tree(campaign, f"Prompt {number}?", state="waiting").tree for number in range(2)]
    supply(campaign)
    ada = make_annotator()
    assignment = ask(ada, campaign, kinds=["rank"])["assignment"]
    submit(ada, assignment["id"], ranking_of(assignment))
    release_holds(annotator_id=ada.pk, now=NOW)
    best = ada.judgments.get().ranked.get(tier=1).message.tree_id
    MessageTree.objects.filter(pk=grown.tree_id).update(state="done")
    turns = 0
    for seed in range(20):
        MessageTree.objects.filter(pk__in=[tree.pk for tree in trees]).update(state="waiting", drawn_at=None)
        supply(campaign, seed=seed)
        turns += MessageTree.objects.get(state="growing").pk == best
    assert turns > 16


def test_what_waits_no_more_is_put_in_no_order():
    campaign = make_growing(rank_prompts=True, candidates_shown=2, active_trees=1, waiting_prompts=9)
    grown = make_tree(campaign)
    for number in range(2):
        make_tree(campaign, f"Prompt {number}?", state="waiting")
    supply(campaign)
    assert Unit.objects.get(kind="rank").is_open
    MessageTree.objects.filter(pk=grown.tree_id).update(state="done")
    supply(campaign)
    supply(campaign)
    assert not Unit.objects.get(kind="rank").is_open


# --- Counts -----------------------------------------------------------------------------------------------------


def test_people_who_gave_something_of_late_are_counted_as_reviewers():
    campaign = make_growing(reviewer_days=14, reviewers=0)
    grow()
    for name, days in (("ada", 20), ("ben", 3), ("cyd", 1)):
        do(make_annotator(name), campaign, kind="write_prompt", now=NOW - timedelta(days=days))
        MessageTree.objects.update(state="low_grade")
        supply(campaign)
    supply(campaign)
    assert counted()["reviewers"] == 2


def test_where_no_trees_grow_nothing_is_asked_for():
    campaign = make_growing(active_trees=2)
    supply(campaign)
    assert places() > 0
    Campaign.objects.update(parameters={**campaign.parameters, "grow_trees": False})
    supply(campaign)
    assert (places(), counted()["prompts_wanted"]) == (0, 0)


RNG = random.Random(1)
