"""Trees grow from prompts to rankings by what people do, and each message waits for its reviewers."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from annotate.access import Actor
from annotate.exceptions import Gone
from annotate.models import Campaign, LanguageSupply, Message, MessageTree, Stale, Unit
from annotate.queries.integrity import find_broken_rules
from annotate.services.campaign_files import read_campaign
from annotate.services.campaign_units import follow_next_campaign
from annotate.services.campaigns import change_campaign
from annotate.services.holds import expire_leases, release_holds
from annotate.services.judgments import skip_assignment
from annotate.services.label_choice import choose_label
from annotate.services.moderation import remove_message
from annotate.services.tree_marks import mark_trees
from annotate.services.undo import undo_judgment
from tests.growing import answer_of, do, grow, judge, make_growing, make_tree, open_work, states
from tests.loop import NOW, add_message, ask, find_drift, make_annotator, ranking_of, submit
from tests.trees import reader

pytestmark = pytest.mark.django_db

MODERATOR = Actor(scopes=None)
RNG = random.Random(1)


def people(*names: str) -> list:
    return [make_annotator(name) for name in names]


def reply(person, campaign: Campaign, *, now=NOW, kind="write_assistant_reply") -> Message:
    """What this person writes before they go home; reviewers have not seen it."""
    assignment = ask(person, campaign, now=now, kinds=[kind])["assignment"]
    submit(person, assignment["id"], answer_of(assignment), now=now)
    release_holds(annotator_id=person.pk, now=now)
    return Message.objects.filter(author=person).latest("pk")


def change(campaign: Campaign, values: dict[str, Any], *, now=NOW) -> None:
    """What an organizer changes, followed as the job follows it."""
    change_campaign(campaign=campaign, spec=read_campaign(values), actor=None, now=now)
    for _ in range(3):
        while follow_next_campaign(clock=lambda: now) is not None:
            pass
        grow(now=now)


def needs(**of: Any) -> list[tuple[int, int, int]]:
    """(needed, held, done) of open units, by id."""
    units = Unit.objects.filter(is_open=True, **of).order_by("pk")
    return [(unit.needed, unit.held, unit.done) for unit in units]


def is_sound() -> bool:
    return (find_drift(), find_broken_rules()) == ({}, [])


def snapshot() -> list[Any]:
    trees = MessageTree.objects.order_by("pk").values_list("pk", "state", "state_reason", "goal_size", "drawn_at")
    units = Unit.objects.order_by("pk").values_list("pk", "needed", "done", "held", "band", "is_open", "is_simple")
    return [*trees, *units]


# --- From beginning to end ------------------------------------------------------------------------------


def test_a_tree_grows_from_a_prompt_to_done():
    campaign = make_growing(waiting_prompts=0)
    volunteers = people("ada", "ben", "cyd", "dan", "eve")
    grow()
    done = [do(person, campaign) for _ in range(12) for person in volunteers]
    tree = MessageTree.objects.filter(state="done").first()
    assert (tree.state_reason, tree.goal_size) == ("ranked", 3)
    assert Message.objects.filter(tree=tree, review_state="accepted").count() >= 3
    assert {"write_prompt", "write_assistant_reply", "label", "rank"} <= set(done)
    assert is_sound()


def test_deciding_again_changes_nothing():
    campaign = make_growing()
    volunteers = people("ada", "ben", "cyd", "dan")
    grow()
    for _ in range(4):
        for person in volunteers:
            do(person, campaign)
        trees = list(MessageTree.objects.values_list("pk", flat=True))
        seen = []
        for seed in (2, 7):
            mark_trees(tree_ids=trees)
            grow(seed=seed)
            seen.append(snapshot())
        assert seen[0] == seen[1]


def test_what_is_asked_is_decided_by_the_job_alone():
    campaign = make_growing()
    make_tree(campaign)
    ada = make_annotator()
    before = snapshot()
    ask(ada, campaign)
    assert snapshot() == before


# --- Reviews ---------------------------------------------------------------------------------------------


def test_two_reviewers_who_agree_accept_a_prompt_and_its_turn_comes():
    campaign = make_growing()
    author, ben, cyd = people("ada", "ben", "cyd")
    prompt = make_tree(campaign, state="prompt_review", author=author, review="pending")
    grow()
    assert open_work(campaign)["label"] == 1
    for person in (ben, cyd):
        judge(person, prompt, spam=False)
        grow()
    tree = prompt.tree
    tree.refresh_from_db()
    prompt.refresh_from_db()
    assert (tree.state, tree.state_reason, prompt.review_state) == ("growing", "drawn", "accepted")
    assert (tree.drawn_at, prompt.reviewed_at) == (NOW, NOW)
    assert open_work(campaign) == {"write_assistant_reply": 1, "write_prompt": 1}


def test_two_who_reject_a_prompt_end_its_tree_with_no_unit_open():
    campaign = make_growing()
    author, ben, cyd = people("ada", "ben", "cyd")
    prompt = make_tree(campaign, state="prompt_review", author=author, review="pending")
    grow()
    judge(ben, prompt, spam=True)
    judge(cyd, prompt, spam=False, wrong_language=True)
    grow()
    tree = MessageTree.objects.get()
    assert (tree.state, tree.state_reason) == ("low_grade", "prompt_rejected")
    assert needs(subject__tree=tree) == []


def test_where_reviewers_disagree_one_more_is_asked_and_the_unit_never_leaves_the_pool():
    campaign = make_growing()
    author, *reviewers = people("ada", "ben", "cyd", "dan", "eve", "fay")
    prompt = make_tree(campaign, state="prompt_review", author=author, review="pending")
    grow()
    seen = []
    for person, spam in zip(reviewers, (False, True, False, False, False), strict=True):
        judge(person, prompt, spam=spam)
        at_once = needs(subject=prompt)
        grow()
        seen.append((at_once, needs(subject=prompt, kind="label")))
    assert seen == [
        ([(2, 0, 1)], [(2, 0, 1)]),
        ([(3, 0, 2)], [(3, 0, 2)]),
        ([(4, 0, 3)], [(4, 0, 3)]),
        ([(5, 0, 4)], [(5, 0, 4)]),
        ([(5, 0, 5)], []),
    ]
    assert Unit.objects.filter(subject=prompt, kind="label").count() == 1
    assert MessageTree.objects.get().state == "growing"


def choose_and_label(message: Message, *names: str, spam: bool) -> None:
    for person in people(*names):
        given = choose_label(reader=reader(person), message_id=message.pk, now=NOW)
        submit(person, given["id"], {"labels": {"spam": spam}})


def test_those_who_choose_a_message_by_themselves_do_not_decide_what_becomes_of_it():
    campaign = make_growing()
    prompt = make_tree(campaign, state="prompt_review", author=make_annotator(), review="pending")
    grow()
    choose_and_label(prompt, "ben", "cyd", spam=True)
    assert needs(subject=prompt) == [(4, 0, 2)]
    grow()
    assert (MessageTree.objects.get().state, needs(subject=prompt)) == ("prompt_review", [(4, 0, 2)])
    for person in people("eve", "fay"):
        judge(person, prompt, spam=False)
    grow()
    assert MessageTree.objects.get().state == "growing"
    assert is_sound()


def test_in_a_small_language_a_label_of_ones_own_choice_is_a_review():
    campaign = make_growing()
    LanguageSupply.objects.update(reviewers=3)
    Stale.objects.filter(kind="supply").update(computed=9)  # nobody counts now
    prompt = make_tree(campaign, state="prompt_review", author=make_annotator(), review="pending")
    grow()
    choose_and_label(prompt, "ben", "cyd", spam=False)
    grow()
    assert MessageTree.objects.get().state == "waiting"


def test_in_a_small_language_as_many_decide_as_there_are_but_never_under_the_floor():
    campaign = make_growing(min_reviews=3, review_floor=1)
    author, ben = people("ada", "ben")
    LanguageSupply.objects.update(reviewers=2)
    Stale.objects.filter(kind="supply").update(computed=9)  # nobody counts now
    prompt = make_tree(campaign, state="prompt_review", author=author, review="pending")
    grow()
    assert needs(subject=prompt) == [(1, 0, 0)]
    judge(ben, prompt, spam=False)
    grow()
    assert MessageTree.objects.get().state == "waiting"


def test_a_floor_that_organizers_set_holds_in_a_small_language():
    campaign = make_growing(min_reviews=3, review_floor=2)
    LanguageSupply.objects.update(reviewers=1)
    Stale.objects.filter(kind="supply").update(computed=9)
    prompt = make_tree(campaign, state="prompt_review", author=make_annotator(), review="pending")
    grow()
    assert needs(subject=prompt) == [(2, 0, 0)]


def test_a_tree_whose_only_reviewer_is_its_author_waits_for_others_and_is_retired():
    campaign = make_growing()
    ada = make_annotator()
    prompt = make_tree(campaign, state="prompt_review", author=ada, review="pending")
    grow()
    assert ask(ada, campaign, kinds=["label"])["why_none"]["code"] == "seen_all"
    late = NOW + timedelta(days=31)
    mark_trees(tree_ids=[prompt.tree_id])
    grow(now=late)
    tree = MessageTree.objects.get()
    assert (tree.state, tree.state_reason, needs(subject=prompt)) == ("retired", "nobody_came", [])


def test_a_text_of_a_role_that_nobody_asks_about_is_accepted_as_it_is():
    campaign = make_growing(kinds=("write_assistant_reply", "rank"))
    make_tree(campaign)
    grow()
    written = reply(make_annotator(), campaign)
    grow()
    written.refresh_from_db()
    assert written.review_state == "accepted"


# --- Places ------------------------------------------------------------------------------------------------


def test_of_ten_at_a_parent_that_wants_three_the_fourth_is_not_offered_it():
    campaign = make_growing(replies_wanted=3, goal_tree_size=9)
    make_tree(campaign)
    grow()
    offers = [ask(person, campaign, kinds=["write_assistant_reply"]) for person in people(*"abcdefghij")]
    assert [offer["assignment"] is not None for offer in offers] == [True] * 3 + [False] * 7


def test_three_who_write_at_once_fill_the_parent_and_a_late_fourth_enters_as_surplus():
    campaign = make_growing(replies_wanted=3, goal_tree_size=9)
    prompt = make_tree(campaign)
    grow()
    volunteers = people("ada", "ben", "cyd", "dan")
    first = ask(volunteers[0], campaign, kinds=["write_assistant_reply"])["assignment"]
    later = NOW + timedelta(hours=2)
    expire_leases(now=later)
    for person in volunteers[1:]:
        reply(person, campaign, now=later)
        grow(now=later)
    late = submit(volunteers[0], first["id"], answer_of(first), now=later)
    grow(now=later)
    assert late["judgment"]["counted"] is False
    assert Message.objects.filter(parent=prompt, review_state="pending").count() == 4
    assert Unit.objects.filter(subject__parent=prompt, kind="label", is_open=True).count() == 4
    assert is_sound()


def test_a_rejected_reply_gives_its_place_back():
    campaign = make_growing(goal_tree_size=5)
    prompt = make_tree(campaign)
    grow()
    ada, ben, cyd, dan = people("ada", "ben", "cyd", "dan")
    bad = reply(ada, campaign)
    grow()
    assert needs(subject=prompt, kind="write_assistant_reply") == [(2, 0, 1)]
    for person in (ben, cyd):
        judge(person, bad, spam=True)
    grow()
    bad.refresh_from_db()
    assert bad.review_state == "rejected"
    assert needs(subject=prompt, kind="write_assistant_reply") == [(3, 0, 1)]
    assert do(dan, campaign, kind="write_assistant_reply") == "write_assistant_reply"
    assert ask(ada, campaign, kinds=["write_assistant_reply"])["assignment"] is None
    assert is_sound()


def test_what_its_author_takes_back_is_asked_for_again():
    campaign = make_growing(goal_tree_size=5)
    prompt = make_tree(campaign)
    grow()
    ada = make_annotator()
    assignment = ask(ada, campaign, kinds=["write_assistant_reply"])["assignment"]
    given = submit(ada, assignment["id"], answer_of(assignment))["judgment"]
    grow()
    undo_judgment(annotator_id=ada.pk, judgment_id=given["id"], now=NOW)
    grow()
    assert needs(subject=prompt, kind="write_assistant_reply") == [(2, 1, 0)]
    assert is_sound()


def test_nobody_answers_themselves():
    campaign = make_growing()
    ada = make_annotator()
    make_tree(campaign, author=ada, review="accepted")
    grow()
    assert ask(ada, campaign, kinds=["write_assistant_reply"])["assignment"] is None


def test_nobody_ranks_what_they_wrote():
    campaign = make_growing()
    prompt = make_tree(campaign, state="ranking")
    ada, ben = people("ada", "ben")
    for number, author in enumerate((ada, None)):
        message = add_message(prompt.tree, f"Because {number}.", parent=prompt)
        Message.objects.filter(pk=message.pk).update(author=author, review_state="accepted")
    grow()
    assert ask(ada, campaign, kinds=["rank"])["assignment"] is None
    assert ask(ben, campaign, kinds=["rank"])["assignment"] is not None


def test_an_imported_reply_is_improved_and_the_better_one_is_reviewed_and_ranked_beside_it():
    campaign = make_growing(kinds=("improve_reply", "label", "rank"), improvements_wanted=1)
    prompt = make_tree(campaign)
    imported = add_message(prompt.tree, "Because they are bored.", parent=prompt)
    grow()
    assert states(campaign) == {"done": 1}  # nothing to write or rank: improving is work beside
    MessageTree.objects.update(state="growing", goal_size=9)
    Campaign.objects.update(kinds=["improve_reply", "label", "rank", "write_assistant_reply"])
    mark_trees(tree_ids=[prompt.tree_id])
    grow()
    ada, ben, cyd = people("ada", "ben", "cyd")
    assert do(ada, campaign, kind="improve_reply") == "improve_reply"
    better = Message.objects.get(author=ada)
    assert (better.parent_id, better.review_state) == (prompt.pk, "pending")
    for person in (ben, cyd):
        judge(person, better, spam=False)
    grow()
    better.refresh_from_db()
    assert better.review_state == "accepted"
    assert (states(campaign), open_work(campaign)) == ({"ranking": 1}, {"rank": 1})
    assert imported.units.filter(kind="improve_reply").get().is_open is False


def test_where_prompters_say_that_the_conversation_is_finished_no_turn_is_asked_for():
    campaign = make_growing(goal_tree_size=9, max_tree_depth=4)
    prompt = make_tree(campaign)
    reply_of_generator = add_message(prompt.tree, "Because they can.", parent=prompt)
    grow()
    assert needs(subject=reply_of_generator, kind="write_prompter_reply") == [(1, 0, 0)]
    ada = make_annotator()
    assignment = ask(ada, campaign, kinds=["write_prompter_reply"])["assignment"]
    submit(ada, assignment["id"], {"ends_thread": True})
    release_holds(annotator_id=ada.pk, now=NOW)
    grow()
    assert needs(subject=reply_of_generator, kind="write_prompter_reply") == []
    assert is_sound()


# --- Changes on the way -----------------------------------------------------------------------------------------


def test_a_goal_that_is_lowered_ends_the_growth_and_one_that_is_raised_goes_on():
    campaign = make_growing(goal_tree_size=4, kinds=("write_assistant_reply", "write_prompter_reply", "rank"))
    prompt = make_tree(campaign, author=make_annotator("zoe"), review="accepted")
    grow()
    ada, ben = people("ada", "ben")
    for person in (ada, ben):
        do(person, campaign, kind="write_assistant_reply")
    assert (prompt.tree.messages.count(), MessageTree.objects.get().state) == (3, "growing")
    change(campaign, {"goal_tree_size": 8})
    assert (MessageTree.objects.get().goal_size, MessageTree.objects.get().state) == (8, "growing")
    change(campaign, {"goal_tree_size": 3})
    tree = MessageTree.objects.get()
    assert (tree.goal_size, tree.state, tree.state_reason) == (3, "ranking", "goal_reached")
    assert open_work(campaign) == {"rank": 1}


def test_a_goal_within_the_range_of_the_campaign_stays_as_it_was_drawn():
    campaign = make_growing(min_goal_tree_size=3, goal_tree_size=9)
    make_tree(campaign, goal=5)
    make_tree(campaign, "Why do fish swim?", goal=12)
    grow()
    drawn = list(MessageTree.objects.order_by("pk").values_list("goal_size", flat=True))
    assert drawn[0] == 5
    assert 3 <= drawn[1] <= 9


def test_whoever_holds_work_on_a_message_that_is_removed_is_told_and_keeps_their_text():
    campaign = make_growing(goal_tree_size=6)
    make_tree(campaign)
    grow()
    ada, ben = people("ada", "ben")
    written = reply(ada, campaign)
    for person in people("cyd", "dan"):
        grow()
        judge(person, written, spam=False)
    grow()
    held = ask(ben, campaign, kinds=["write_prompter_reply"])["assignment"]
    remove_message(campaign=campaign, message_id=written.pk, actor=MODERATOR, reason="Copied.", now=NOW)
    grow()
    with pytest.raises(Gone) as told:
        submit(ben, held["id"], {"text": "And then?"})
    assert told.value.code == "subject_removed"
    saved = ben.assignments.get(pk=held["id"])
    assert (saved.draft, saved.state) == ({"text": "And then?"}, "released")
    assert needs(subject__parent__isnull=True, kind="write_assistant_reply") == [(2, 0, 0)]
    assert is_sound()


def test_a_removed_prompt_halts_its_tree():
    campaign = make_growing()
    prompt = make_tree(campaign)
    grow()
    remove_message(campaign=campaign, message_id=prompt.pk, actor=MODERATOR, reason="Spam.", now=NOW)
    grow()
    tree = MessageTree.objects.get()
    assert (tree.state, tree.state_reason, needs(subject=prompt)) == ("halted", "prompt_removed", [])


def test_a_late_reply_to_a_tree_that_is_ranked_is_kept_and_asks_for_no_review():
    campaign = make_growing()
    prompt = make_tree(campaign)
    grow()
    ada = make_annotator()
    held = ask(ada, campaign, kinds=["write_assistant_reply"])["assignment"]
    MessageTree.objects.update(state="ranking")
    for number in range(2):
        add_message(prompt.tree, f"Because {number}.", parent=prompt)
    mark_trees(tree_ids=[prompt.tree_id])
    grow()
    late = submit(ada, held["id"], answer_of(held))
    grow()
    assert late["judgment"]["id"]
    assert Unit.objects.filter(subject__author=ada).count() == 0
    assert open_work(campaign)["rank"] == 1


def test_a_campaign_that_stops_growing_trees_gives_them_its_ordinary_work():
    campaign = make_growing(kinds=("write_prompt", "write_assistant_reply", "rank", "label"), redundancy=3)
    growing = make_tree(campaign)
    waiting = make_tree(campaign, "Why do fish swim?", state="waiting")
    grow()
    for number in range(2):
        add_message(growing.tree, f"Because {number}.", parent=growing)
    change(campaign, {"grow_trees": False, "kinds": ["write_assistant_reply", "rank", "label"]})
    found = {tree.pk: (tree.state, tree.state_reason) for tree in MessageTree.objects.all()}
    assert found == {growing.tree_id: ("ranking", "growth_ended"), waiting.tree_id: ("retired", "growth_ended")}
    assert open_work(campaign) == {"write_assistant_reply": 1, "rank": 1, "label": 3}
    assert needs(kind="label") == [(3, 0, 0)] * 3
    assert is_sound()


def test_a_campaign_that_begins_to_grow_trees_lets_its_prompts_grow_and_ranks_what_can_be_ranked():
    kinds = ("write_assistant_reply", "rank", "label")
    campaign = make_growing(grow_trees=False, kinds=kinds, redundancy=3, active_trees=1)
    make_tree(campaign, state="ranking")
    ranked = make_tree(campaign, "Why do fish swim?", state="ranking")
    for number in range(2):
        add_message(ranked.tree, f"Because {number}.", parent=ranked)
    change(campaign, {"redundancy": 2})
    assert open_work(campaign) == {"write_assistant_reply": 2, "rank": 1, "label": 4}
    change(campaign, {"grow_trees": True})
    assert states(campaign) == {"growing": 1, "ranking": 1}
    assert open_work(campaign) == {"write_assistant_reply": 1, "rank": 1}
    assert is_sound()


def test_clocks_that_jump_lose_nothing():
    campaign = make_growing()
    prompt = make_tree(campaign)
    grow()
    before = snapshot()
    for days in (-400, 29, -3):
        mark_trees(tree_ids=[prompt.tree_id])
        grow(now=NOW + timedelta(days=days))
        assert snapshot() == before
    mark_trees(tree_ids=[prompt.tree_id])
    grow(now=NOW + timedelta(days=400))
    assert states(campaign) == {"retired": 1}


def test_nobody_loses_patience_while_a_campaign_rests():
    campaign = make_growing()
    prompt = make_tree(campaign)
    grow()
    Campaign.objects.update(state="paused", state_changed_at=NOW)
    late = NOW + timedelta(days=100)
    mark_trees(tree_ids=[prompt.tree_id])
    grow(now=late)
    Campaign.objects.update(state="open", state_changed_at=late)
    mark_trees(tree_ids=[prompt.tree_id])
    grow(now=late + timedelta(days=1))
    assert states(campaign) == {"growing": 1}


def test_skipping_everything_ends_nothing_for_others():
    campaign = make_growing(goal_tree_size=9)
    make_tree(campaign)
    grow()
    sly, ada = people("sly", "ada")
    skipped = 0
    while (assignment := ask(sly, campaign)["assignment"]) is not None:
        skip_assignment(annotator_id=sly.pk, assignment_id=assignment["id"], skip_reason="other", now=NOW, rng=RNG)
        grow()
        skipped += 1
    assert skipped == 2  # the prompt that is asked for, and the reply
    assert do(ada, campaign, kind="write_assistant_reply") == "write_assistant_reply"


def test_rankings_are_asked_for_until_the_order_is_certain():
    campaign = make_growing(stop_confidence=0.9, redundancy=2, kinds=("write_assistant_reply", "rank"))
    prompt = make_tree(campaign, state="ranking")
    for number in range(2):
        add_message(prompt.tree, f"Because {number}.", parent=prompt)
    grow()
    ada, ben = people("ada", "ben")
    for person in (ada, ben):
        assignment = ask(person, campaign, kinds=["rank"])["assignment"]
        submit(person, assignment["id"], ranking_of(assignment))
    grow()
    assert states(campaign) == {"ranking": 1}  # nobody has computed how certain it is
    Stale.objects.filter(kind="parent").update(computed=5)
    Unit.objects.filter(kind="rank").update(needed=3)  # as the scheduler says
    mark_trees(tree_ids=[prompt.tree_id])
    grow()
    assert (states(campaign), needs(kind="rank")) == ({"ranking": 1}, [(3, 0, 2)])
    Unit.objects.filter(kind="rank").update(needed=2)
    mark_trees(tree_ids=[prompt.tree_id])
    grow()
    assert states(campaign) == {"done": 1}
