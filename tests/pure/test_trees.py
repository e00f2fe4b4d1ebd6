"""What becomes of a tree: each state's way in and out, and what it asks for meanwhile."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tasks.scheduling.tree_states import TREE_STATES, can_follow, find_restart_state
from tasks.scheduling.trees import decide_tree
from tasks.vocabulary import ENDED_TREES, Kind, ReviewState, TreeReason, TreeState
from tests.pure.tree_facts import EVERY_KIND, NOW, list_wishes, make_message, make_rules, make_tree, make_unit, say

PENDING, REJECTED, NONE = ReviewState.PENDING, ReviewState.REJECTED, ReviewState.NONE
FINE, BAD = False, True
RULES = make_rules()
LABEL, ANSWER, TURN, RANK, IMPROVE = (
    Kind.LABEL,
    Kind.WRITE_ASSISTANT_REPLY,
    Kind.WRITE_PROMPTER_REPLY,
    Kind.RANK,
    Kind.IMPROVE_REPLY,
)
LONG_AGO = NOW - timedelta(days=31)


def decide(tree, rules=RULES, *, now=NOW):
    return decide_tree(tree, rules, now=now)


def end(decision):
    return decision.state, decision.reason


def make_threads(tops, *, under=0, **changed):
    """A prompt with so many replies (ids from 2), each with so many turns (ids from 20)."""
    turns = [make_message(20 + n, 2 + n // under, depth=2) for n in range(tops * under)] if under else []
    return make_tree(make_message(1), *(make_message(2 + n, 1) for n in range(tops)), *turns, **changed)


# The table


def test_every_state_says_what_enters_and_what_leaves_it():
    assert set(TREE_STATES) == set(TreeState)
    sentences = [sentence for rule in TREE_STATES.values() for sentence in (rule.enters, rule.leaves)]
    assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in sentences)


def test_a_tree_that_has_not_ended_can_end_and_a_finished_one_stays():
    for state in set(TreeState) - set(ENDED_TREES):
        assert TREE_STATES[state].next >= {TreeState.HALTED, TreeState.LOW_GRADE, TreeState.RETIRED}
    assert TREE_STATES[TreeState.DONE].next == frozenset()
    assert not can_follow(TreeState.GROWING, TreeState.DONE)


@pytest.mark.parametrize(
    ("review", "was_drawn", "state"),
    [
        (PENDING, False, TreeState.PROMPT_REVIEW),
        (NONE, False, TreeState.WAITING),
        (ReviewState.ACCEPTED, False, TreeState.WAITING),
        (ReviewState.ACCEPTED, True, TreeState.GROWING),
    ],
)
def test_a_tree_goes_on_where_it_ended_and_keeps_its_turn(review, was_drawn, state):
    assert find_restart_state(prompt_review=review, was_drawn=was_drawn) is state


# In review


def test_a_new_prompt_asks_for_its_reviews():
    decision = decide(make_tree(make_message(1, review=PENDING), state=TreeState.PROMPT_REVIEW))
    assert end(decision) == (TreeState.PROMPT_REVIEW, TreeReason.NONE)
    assert list_wishes(decision) == {(LABEL, 1): 2}


def test_a_prompt_that_reviewers_accept_waits_for_its_turn():
    prompt = make_message(1, review=PENDING, verdicts=say(FINE, FINE))
    decision = decide(make_tree(prompt, state=TreeState.PROMPT_REVIEW))
    assert end(decision) == (TreeState.WAITING, TreeReason.REVIEWED)
    assert decision.reviews == {1: ReviewState.ACCEPTED}
    assert decision.wishes == ()


def test_a_prompt_that_reviewers_reject_ends_its_tree():
    prompt = make_message(1, review=PENDING, verdicts=say(BAD, BAD))
    decision = decide(make_tree(prompt, state=TreeState.PROMPT_REVIEW))
    assert end(decision) == (TreeState.LOW_GRADE, TreeReason.PROMPT_REJECTED)
    assert decision.reviews == {1: REJECTED}
    assert decision.wishes == ()


def test_a_dispute_asks_one_more_in_the_same_unit():
    prompt = make_message(1, review=PENDING, verdicts=say(FINE, BAD))
    unit = make_unit(5, LABEL, 1, needed=2, done=2)
    decision = decide(make_tree(prompt, state=TreeState.PROMPT_REVIEW, units=[unit]))
    assert list_wishes(decision) == {(LABEL, 1): 3}


def test_a_review_that_somebody_is_at_is_not_asked_for_twice():
    prompt = make_message(1, review=PENDING, verdicts=say(FINE))
    unit = make_unit(5, LABEL, 1, needed=2, done=1, held=1)
    decision = decide(make_tree(prompt, state=TreeState.PROMPT_REVIEW, units=[unit]))
    assert list_wishes(decision) == {(LABEL, 1): 2}


def test_a_review_given_beside_the_unit_counts():
    """Anybody may label any message: its unit then needs one place less."""
    prompt = make_message(1, review=PENDING, verdicts=say(FINE))
    unit = make_unit(5, LABEL, 1, needed=2)
    decision = decide(make_tree(prompt, state=TreeState.PROMPT_REVIEW, units=[unit]))
    assert list_wishes(decision) == {(LABEL, 1): 1}


def test_an_author_does_not_decide_on_their_own_text():
    prompt = make_message(1, review=PENDING, author=1, verdicts=say(FINE, FINE))
    decision = decide(make_tree(prompt, state=TreeState.PROMPT_REVIEW))
    assert decision.reviews == {}
    assert list_wishes(decision) == {(LABEL, 1): 1}


@pytest.mark.parametrize("rules", [make_rules(reviewed_roles=frozenset()), make_rules(kinds=EVERY_KIND - {LABEL})])
def test_a_text_that_nobody_is_asked_about_is_accepted_as_it_is(rules):
    decision = decide(make_tree(make_message(1, review=PENDING), state=TreeState.PROMPT_REVIEW), rules)
    assert decision.reviews == {1: ReviewState.ACCEPTED}
    assert end(decision) == (TreeState.WAITING, TreeReason.REVIEWED)


def test_an_imported_prompt_needs_no_review():
    decision = decide(make_tree(make_message(1, review=NONE), state=TreeState.PROMPT_REVIEW))
    assert end(decision) == (TreeState.WAITING, TreeReason.REVIEWED)


def test_the_reply_of_a_pair_is_reviewed_with_its_prompt_and_after_it():
    pair = (make_message(1, review=PENDING), make_message(2, 1, review=PENDING))
    assert list_wishes(decide(make_tree(*pair, state=TreeState.PROMPT_REVIEW))) == {(LABEL, 1): 2, (LABEL, 2): 2}
    waiting = make_tree(make_message(1), pair[1], state=TreeState.WAITING)
    assert list_wishes(decide(waiting)) == {(LABEL, 2): 2}


def test_what_was_removed_is_neither_reviewed_nor_decided():
    removed = make_message(2, 1, review=PENDING, verdicts=say(FINE, FINE), is_live=False)
    decision = decide(make_tree(make_message(1), removed))
    assert (decision.reviews, list_wishes(decision)) == ({}, {(ANSWER, 1): 3})


def test_what_stands_under_a_rejected_message_is_not_asked_about():
    below = make_message(3, 2, depth=2, review=PENDING)
    tree = make_tree(make_message(1), make_message(2, 1, review=REJECTED), below)
    assert list_wishes(decide(tree)) == {(ANSWER, 1): 3}


def test_nothing_is_asked_under_a_message_that_is_still_in_review():
    tree = make_tree(make_message(1), make_message(2, 1, review=PENDING), make_message(3, 2, depth=2))
    assert list_wishes(decide(tree)) == {(ANSWER, 1): 2, (LABEL, 2): 2}


def test_the_form_of_a_review_is_drawn_once():
    prompts = [make_tree(make_message(1, review=PENDING), id=n, state=TreeState.PROMPT_REVIEW) for n in range(400)]
    rules = make_rules(full_label_shares={"prompts": 0.25})
    forms = [decide(tree, rules).wishes[0].is_simple for tree in prompts]
    assert forms == [decide(tree, rules).wishes[0].is_simple for tree in prompts]
    assert 260 < sum(forms) < 340
    unit = make_unit(5, LABEL, 1, needed=2, is_simple=True)
    kept = decide(replace(prompts[0], units=(unit,)), make_rules(full_label_shares={"prompts": 1.0}))
    assert kept.wishes[0].is_simple


@pytest.mark.parametrize(
    ("depth", "role", "is_simple"), [(0, "prompts", True), (1, "assistant", True), (2, "prompter", True)]
)
def test_each_role_has_its_own_share_of_the_full_form(depth, role, is_simple):
    messages = [make_message(1), make_message(2, 1), make_message(3, 2, depth=2)]
    messages[depth] = replace(messages[depth], review=PENDING)
    rules = make_rules(full_label_shares={role: 0.0})
    forms = {wish.subject: wish.is_simple for wish in decide(make_tree(*messages), rules).wishes if wish.kind is LABEL}
    assert forms == {depth + 1: is_simple}
    others = make_rules(full_label_shares={"prompts": 0.0, "assistant": 0.0, "prompter": 0.0} | {role: 1.0})
    assert not next(w for w in decide(make_tree(*messages), others).wishes if w.kind is LABEL).is_simple


# Waiting


def test_a_tree_waits_for_its_turn_however_long():
    tree = make_tree(make_message(1), state=TreeState.WAITING, last_event_at=LONG_AGO, state_changed_at=LONG_AGO)
    assert end(decide(tree)) == (TreeState.WAITING, TreeReason.NONE)


# Growing


def test_a_tree_that_grows_asks_for_replies_to_its_prompt():
    decision = decide(make_tree(make_message(1)))
    assert end(decision) == (TreeState.GROWING, TreeReason.NONE)
    assert list_wishes(decision) == {(ANSWER, 1): 3}


def test_replies_that_are_pending_or_being_written_are_not_asked_for_again():
    unit = make_unit(5, ANSWER, 1, needed=3, done=1, held=1)
    decision = decide(make_tree(make_message(1), make_message(2, 1, review=PENDING), units=[unit]))
    assert list_wishes(decision) == {(ANSWER, 1): 3, (LABEL, 2): 2}


def test_a_reply_that_review_rejects_gives_its_place_back():
    unit = make_unit(5, ANSWER, 1, needed=3, done=3)
    replies = [make_message(2, 1), make_message(3, 1), make_message(4, 1, review=PENDING, verdicts=say(BAD, BAD))]
    decision = decide(make_tree(make_message(1), *replies, units=[unit]), make_rules(prompter_replies=0))
    assert decision.reviews == {4: REJECTED}
    assert list_wishes(decision) == {(ANSWER, 1): 4}


def test_a_reply_that_is_removed_gives_its_place_back():
    removed = make_message(2, 1, is_live=False)
    assert list_wishes(decide(make_tree(make_message(1), removed))) == {(ANSWER, 1): 3}


def test_each_accepted_reply_asks_for_a_turn_and_a_pending_one_does_not():
    tree = make_tree(make_message(1), make_message(2, 1), make_message(3, 1, review=PENDING))
    assert list_wishes(decide(tree)) == {(ANSWER, 1): 1, (TURN, 2): 1, (LABEL, 3): 2}


def test_a_conversation_that_a_prompter_ended_asks_for_no_turn():
    tree = make_tree(make_message(1), make_message(2, 1, finished=1))
    assert list_wishes(decide(tree)) == {(ANSWER, 1): 2}
    assert list_wishes(decide(tree, make_rules(prompter_replies=2)))[TURN, 2] == 1


def test_no_more_places_are_open_than_the_goal_has_left():
    tree = make_threads(3, under=1, goal_size=12)  # 7 messages, 3 turns that want 3 replies each
    wishes = list_wishes(decide(tree))
    assert sum(wishes.values()) == 5
    assert {kind for kind, _ in wishes} == {ANSWER}


def test_places_that_somebody_holds_count_to_what_the_goal_has_left():
    unit = make_unit(5, ANSWER, 20, needed=2, held=2)
    wishes = list_wishes(decide(make_threads(3, under=1, goal_size=10, units=[unit])))
    assert sum(wishes.values()) == 3
    assert wishes[ANSWER, 20] >= 2


def test_a_held_place_stays_when_the_goal_is_lowered_and_a_review_is_pending():
    unit = make_unit(5, ANSWER, 1, needed=3, done=1, held=1)
    tree = make_tree(make_message(1), make_message(2, 1, review=PENDING), goal_size=1, units=[unit])
    assert list_wishes(decide(tree)) == {(ANSWER, 1): 2, (LABEL, 2): 2}


def test_a_prompt_with_one_reply_comes_first_so_that_it_can_be_ranked():
    """One place left; one turn has a reply, the other two have none."""
    for first in (20, 21, 22):
        tree = make_threads(3, under=1, goal_size=9)
        tree = replace(tree, messages=(*tree.messages, make_message(30, first, depth=3)))
        assert list_wishes(decide(tree, make_rules(lonely_child_preference=1.0))) == {(ANSWER, first): 1}


def test_a_reply_is_not_alone_where_somebody_writes_a_second():
    tree = make_threads(3, under=1, goal_size=10)
    tree = replace(tree, messages=(*tree.messages, make_message(30, 20, depth=3), make_message(31, 21, depth=3)))
    tree = replace(tree, units=(make_unit(5, ANSWER, 20, needed=1, held=1),), goal_size=11)
    for n in range(20):
        wishes = list_wishes(decide(replace(tree, id=n), make_rules(lonely_child_preference=1.0)))
        assert wishes == {(ANSWER, 20): 1, (ANSWER, 21): 1}


def test_places_are_given_so_that_few_replies_stay_alone():
    tree = make_threads(3, under=1, goal_size=12)
    wishes = list_wishes(decide(tree, make_rules(lonely_child_preference=1.0)))
    assert sorted(wishes.values()) in ([1, 2, 2], [2, 3])


@pytest.mark.parametrize(("preference", "low", "high"), [(0.0, 100, 170), (0.75, 290, 350), (1.0, 400, 400)])
def test_the_preference_for_lonely_replies_is_as_strong_as_asked(preference, low, high):
    """By chance alone one of three would be first: with 0.75, that is 0.75 + 0.25 / 3."""
    rules = make_rules(lonely_child_preference=preference)
    tree = make_threads(3, under=1, goal_size=9)
    tree = replace(tree, messages=(*tree.messages, make_message(30, 20, depth=3)))
    first = [list_wishes(decide(replace(tree, id=n), rules)) == {(ANSWER, 20): 1} for n in range(400)]
    assert low <= sum(first) <= high


def test_the_last_place_goes_to_a_reply_and_not_to_a_turn_that_nobody_could_answer():
    for n in range(20):
        tree = make_tree(make_message(1), make_message(2, 1), make_message(3, 1), goal_size=4, id=n)
        assert list_wishes(decide(tree)) == {(ANSWER, 1): 1}


@pytest.mark.parametrize(("depth", "turns", "answers"), [(1, False, False), (2, False, False), (3, True, True)])
def test_a_tree_is_no_deeper_than_asked_and_no_turn_is_left_unanswered(depth, turns, answers):
    rules = make_rules(max_tree_depth=depth, replies_wanted=1)
    kinds = {wish.kind for wish in decide(make_threads(1), rules).wishes}
    assert (TURN in kinds) is turns
    kinds = {wish.kind for wish in decide(make_threads(1, under=1), rules).wishes}
    assert (ANSWER in kinds) is answers


def test_only_kinds_that_the_campaign_has_are_asked_for():
    rules = make_rules(kinds=EVERY_KIND - {TURN})
    assert list_wishes(decide(make_threads(1), rules)) == {(ANSWER, 1): 2}


def test_nothing_is_asked_under_a_message_that_is_rejected_or_removed():
    for gone in (make_message(2, 1, review=REJECTED), make_message(2, 1, is_live=False)):
        below = make_message(3, 2, depth=2, is_live=gone.is_live)
        unit = make_unit(5, ANSWER, 3, held=1)
        assert list_wishes(decide(make_tree(make_message(1), gone, below, units=[unit]))) == {(ANSWER, 1): 3}


def test_generated_replies_fill_neither_the_goal_nor_the_wanted_replies():
    replies = [make_message(n, 1, is_generated=True, review=NONE) for n in (2, 3, 4)]
    rules = make_rules(prompter_replies=0)
    assert list_wishes(decide(make_tree(make_message(1), *replies, goal_size=4), rules)) == {(ANSWER, 1): 3}


def test_the_units_wish_counts_what_was_done_there():
    """The latest unit of a kind and subject is opened again, so that who has seen it is not asked twice."""
    units = [
        make_unit(4, ANSWER, 1, needed=1, done=1, is_open=False),
        make_unit(5, ANSWER, 1, needed=2, done=2, is_open=False),
    ]
    assert list_wishes(decide(make_tree(make_message(1), units=units))) == {(ANSWER, 1): 5}


def test_an_open_unit_carries_the_work_before_a_later_one_that_was_closed():
    units = [make_unit(4, ANSWER, 1, done=1), make_unit(5, ANSWER, 1, done=2, is_open=False)]
    assert list_wishes(decide(make_tree(make_message(1), units=units))) == {(ANSWER, 1): 4}


def test_a_grown_tree_is_ranked_once_no_review_is_pending():
    tree = make_threads(3, goal_size=4)
    decision = decide(tree)
    assert end(decision) == (TreeState.RANKING, TreeReason.GOAL_REACHED)
    assert list_wishes(decision) == {(RANK, 1): 3}
    assert decision.wishes[0].candidates == (2, 3, 4)
    pending = replace(tree, messages=(*tree.messages, make_message(9, 1, review=PENDING)))
    decision = decide(pending)
    assert end(decision) == (TreeState.GROWING, TreeReason.NONE)
    assert list_wishes(decision) == {(LABEL, 9): 2}


def test_a_tree_where_nothing_is_left_to_write_is_ranked_once_nobody_is_writing():
    rules = make_rules(max_tree_depth=1)
    assert end(decide(make_threads(3), rules)) == (TreeState.RANKING, TreeReason.NOTHING_LEFT_TO_WRITE)
    unit = make_unit(5, ANSWER, 1, needed=4, done=3, held=1)
    decision = decide(make_threads(3, units=[unit]), rules)
    assert end(decision) == (TreeState.GROWING, TreeReason.NONE)
    assert list_wishes(decision) == {(ANSWER, 1): 4}


def test_a_goal_that_is_raised_lets_a_tree_grow_on_and_one_that_is_lowered_ends_its_growth():
    grown = make_threads(3, goal_size=4)
    assert decide(grown).state is TreeState.RANKING
    assert decide(replace(grown, goal_size=5)).state is TreeState.GROWING
    assert end(decide(make_threads(3, goal_size=2))) == (TreeState.RANKING, TreeReason.GOAL_REACHED)


# Improvements


def test_one_generated_reply_of_each_prompt_is_asked_to_be_improved():
    rules = make_rules(kinds=EVERY_KIND | {IMPROVE}, improvements_wanted=2)
    replies = [make_message(n, 1, is_generated=True, review=NONE) for n in (2, 3, 4)]
    decision = decide(make_tree(make_message(1), *replies, make_message(5, 1)), rules)
    asked = {subject: needed for (kind, subject), needed in list_wishes(decision).items() if kind is IMPROVE}
    assert list(asked.values()) == [2]
    assert set(asked) < {2, 3, 4}
    # It stays the one when others come beside it.
    (subject,) = asked
    more = [make_message(n, 1, is_generated=True, review=NONE) for n in range(10, 40)]
    unit = make_unit(9, IMPROVE, subject, needed=2, done=1)
    wishes = list_wishes(decide(make_tree(make_message(1), *replies, *more, units=[unit]), rules))
    assert {key: needed for key, needed in wishes.items() if key[0] is IMPROVE} == {(IMPROVE, subject): 2}
    done = replace(unit, done=2)
    wishes = list_wishes(decide(make_tree(make_message(1), *replies, *more, units=[done]), rules))
    assert not [key for key in wishes if key[0] is IMPROVE]


def test_improvements_that_people_are_at_leave_the_rest_to_one_reply():
    rules = make_rules(kinds=EVERY_KIND | {IMPROVE}, improvements_wanted=3)
    replies = [make_message(n, 1, is_generated=True, review=NONE) for n in (2, 3)]
    units = [make_unit(5, IMPROVE, 2, needed=1, held=1), make_unit(6, IMPROVE, 3, needed=1, held=1)]
    wishes = list_wishes(decide(make_tree(make_message(1), *replies, units=units), rules))
    assert sorted(needed for (kind, _), needed in wishes.items() if kind is IMPROVE) == [1, 2]


def test_improvements_are_asked_while_others_rank_and_nothing_waits_for_them():
    rules = make_rules(kinds=EVERY_KIND | {IMPROVE}, improvements_wanted=1)
    replies = [make_message(n, 1, is_generated=True, review=NONE) for n in (2, 3)]
    tree = make_tree(make_message(1), *replies, state=TreeState.RANKING)
    assert {wish.kind for wish in decide(tree, rules).wishes} == {RANK, IMPROVE}
    ranked = replace(tree, units=(make_unit(5, RANK, 1, done=3),))
    assert end(decide(ranked, rules)) == (TreeState.DONE, TreeReason.RANKED)


def test_nobody_is_asked_to_improve_what_somebody_here_wrote():
    rules = make_rules(kinds=EVERY_KIND | {IMPROVE}, improvements_wanted=1)
    assert IMPROVE not in {wish.kind for wish in decide(make_threads(2), rules).wishes}


# Ranking


def test_rankings_are_asked_for_each_prompt_with_two_replies_or_more():
    tree = make_threads(2, under=1, state=TreeState.RANKING)
    below = [make_message(30, 20, depth=3), make_message(31, 20, depth=3), make_message(32, 21, depth=3)]
    unit = make_unit(5, RANK, 1, done=1, held=1)
    decision = decide(replace(tree, messages=(*tree.messages, *below), units=(unit,)))
    assert list_wishes(decision) == {(RANK, 1): 3, (RANK, 20): 3}


def test_late_replies_are_neither_ranked_nor_reviewed():
    tree = make_threads(2, state=TreeState.RANKING)
    late = make_message(9, 1, review=PENDING, verdicts=say(FINE, FINE))
    decision = decide(replace(tree, messages=(*tree.messages, late)))
    assert decision.reviews == {}
    assert [(wish.kind, wish.candidates) for wish in decision.wishes] == [(RANK, (2, 3))]


def test_turns_by_prompters_are_ranked_where_the_campaign_says_so():
    tree = make_threads(1, under=2, state=TreeState.RANKING)
    assert decide(tree).state is TreeState.DONE
    decision = decide(tree, make_rules(rank_prompter_replies=True))
    assert [(wish.subject, wish.candidates) for wish in decision.wishes] == [(2, (20, 21))]


def test_a_tree_is_done_when_every_parent_has_its_rankings():
    units = [make_unit(4, RANK, 1, needed=2, done=2, is_open=False), make_unit(5, RANK, 1, needed=1, done=1)]
    tree = make_threads(2, state=TreeState.RANKING, units=units)
    assert end(decide(tree)) == (TreeState.DONE, TreeReason.RANKED)
    assert decide(tree).wishes == ()
    assert list_wishes(decide(tree, make_rules(redundancy=5))) == {(RANK, 1): 3}


def test_a_ranking_that_somebody_is_at_is_the_last_one_needed():
    tree = make_threads(2, state=TreeState.RANKING, units=[make_unit(5, RANK, 1, done=2, held=1)])
    decision = decide(tree)
    assert (decision.state, list_wishes(decision)) == (TreeState.RANKING, {(RANK, 1): 3})


def test_rankings_are_asked_for_until_the_order_is_certain():
    """The scheduler raises and lowers what a unit needs; what it needed holds when it has enough and closes."""
    rules = make_rules(ranks_by_certainty=True)
    below = [make_message(30, 20, depth=3), make_message(31, 20, depth=3)]
    tree = make_threads(2, under=1, state=TreeState.RANKING)
    tree = replace(tree, messages=(*tree.messages, *below))
    raised = replace(tree, units=(make_unit(5, RANK, 1, needed=6, done=3),))
    assert list_wishes(decide(raised, rules)) == {(RANK, 1): 6, (RANK, 20): 3}
    lowered = replace(tree, units=(make_unit(5, RANK, 1, needed=2, done=2),))
    assert list_wishes(decide(lowered, rules)) == {(RANK, 20): 3}
    closed = replace(tree, units=(make_unit(5, RANK, 1, needed=2, done=2, is_open=False),))
    assert list_wishes(decide(closed, rules)) == {(RANK, 20): 3}


def test_holds_in_an_earlier_unit_are_rankings_on_their_way():
    units = [
        make_unit(4, RANK, 1, needed=1, held=1, is_open=False, candidates=(2,)),
        make_unit(5, RANK, 1, needed=2, candidates=(2, 3)),
    ]
    assert list_wishes(decide(make_threads(2, state=TreeState.RANKING, units=units))) == {(RANK, 1): 2}


def test_a_ballot_in_surplus_is_no_progress():
    tree = make_threads(2, state=TreeState.RANKING, units=[make_unit(5, RANK, 1, done=2, surplus=1)])
    assert list_wishes(decide(tree)) == {(RANK, 1): 3}


def test_a_tree_with_nothing_to_rank_is_done_at_once():
    decision = decide(make_threads(1, goal_size=2))
    assert end(decision) == (TreeState.DONE, TreeReason.NOTHING_TO_RANK)
    assert decision.passed == (TreeState.RANKING,)
    no_rankings = make_rules(kinds=EVERY_KIND - {RANK})
    assert end(decide(make_threads(3, goal_size=4), no_rankings)) == (TreeState.DONE, TreeReason.NOTHING_TO_RANK)


def test_each_kind_of_ordering_that_a_campaign_has_is_asked_for():
    rules = make_rules(kinds=EVERY_KIND | {Kind.COMPARE})
    tree = make_threads(2, state=TreeState.RANKING, units=[make_unit(5, RANK, 1, done=3)])
    assert list_wishes(decide(tree, rules)) == {(Kind.COMPARE, 1): 3}


# Early ends


@pytest.mark.parametrize("state", sorted(set(TreeState) - set(ENDED_TREES)))
def test_a_tree_whose_prompt_is_removed_is_halted_and_comes_back_with_it(state):
    tree = make_threads(2, state=state)
    gone = tuple(replace(message, is_live=False) for message in tree.messages)
    decision = decide(replace(tree, messages=gone))
    assert (end(decision), decision.wishes) == ((TreeState.HALTED, TreeReason.PROMPT_REMOVED), ())
    halted = replace(tree, state=TreeState.HALTED, reason=TreeReason.PROMPT_REMOVED)
    assert decide(replace(halted, messages=gone)).state is TreeState.HALTED
    back = decide(halted)
    assert end(back) == (
        (TreeState.GROWING, TreeReason.RESTARTED) if tree.was_drawn else (TreeState.WAITING, TreeReason.RESTARTED)
    )


def test_a_tree_without_any_message_is_halted():
    assert end(decide(make_tree())) == (TreeState.HALTED, TreeReason.PROMPT_REMOVED)


@pytest.mark.parametrize("state", ENDED_TREES)
def test_a_tree_that_ended_stays_as_it_is_and_asks_for_nothing(state):
    tree = make_threads(2, state=state, reason=TreeReason.BY_MODERATOR, units=[make_unit(5, RANK, 1, held=1)])
    decision = decide(tree)
    assert (end(decision), decision.wishes, decision.reviews) == ((state, TreeReason.BY_MODERATOR), (), {})


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (TreeState.PROMPT_REVIEW, (TreeState.RETIRED, TreeReason.GROWTH_ENDED)),
        (TreeState.WAITING, (TreeState.RETIRED, TreeReason.GROWTH_ENDED)),
        (TreeState.GROWING, (TreeState.RANKING, TreeReason.GROWTH_ENDED)),
        (TreeState.RANKING, (TreeState.RANKING, TreeReason.NONE)),
        (TreeState.DONE, (TreeState.DONE, TreeReason.NONE)),
    ],
)
def test_where_a_campaign_stops_growing_trees_the_written_ones_are_left_to_be_ranked(state, expected):
    review = PENDING if state is TreeState.PROMPT_REVIEW else ReviewState.ACCEPTED
    tree = make_tree(make_message(1, review=review), make_message(2, 1), make_message(3, 1), state=state)
    decision = decide(tree, make_rules(is_growing=False))
    assert (end(decision), decision.wishes) == (expected, ())


# Patience


def age(tree, **changed):
    return replace(tree, last_event_at=LONG_AGO, state_changed_at=LONG_AGO, **changed)


@pytest.mark.parametrize(
    "tree",
    [
        make_tree(make_message(1, review=PENDING), state=TreeState.PROMPT_REVIEW),
        make_tree(make_message(1)),
        make_tree(make_message(1), make_message(2, 1), make_message(3, 1, review=PENDING)),
        make_threads(2, state=TreeState.RANKING),
    ],
)
def test_a_tree_that_nobody_comes_to_ends(tree):
    assert end(decide(age(tree))) == (TreeState.RETIRED, TreeReason.NOBODY_CAME)
    assert decide(age(tree), now=NOW - timedelta(days=1)).state is tree.state


def test_replies_that_can_be_ranked_are_ranked_before_a_tree_ends():
    decision = decide(age(make_threads(2)))
    assert end(decision) == (TreeState.RANKING, TreeReason.NOBODY_CAME)
    assert list_wishes(decision) == {(RANK, 1): 3}


def test_a_ballot_for_every_parent_is_enough_where_nobody_comes():
    unit = make_unit(5, RANK, 1, surplus=1)
    assert end(decide(age(make_threads(2, state=TreeState.RANKING, units=[unit])))) == (
        TreeState.DONE,
        TreeReason.NOBODY_CAME,
    )


def test_a_tree_that_somebody_works_on_does_not_end():
    unit = make_unit(5, ANSWER, 1, held=1)
    assert decide(age(make_tree(make_message(1), units=[unit]))).state is TreeState.GROWING


def test_what_reviewers_decide_just_now_is_something_that_happened():
    reply = make_message(2, 1, review=PENDING, verdicts=say(FINE, FINE))
    assert decide(age(make_tree(make_message(1), reply))).state is TreeState.GROWING


def test_the_patience_of_a_tree_begins_with_its_state():
    tree = replace(age(make_tree(make_message(1))), state_changed_at=NOW)
    assert decide(tree).state is TreeState.GROWING


def test_a_clock_that_goes_back_ends_nothing():
    assert decide(make_tree(make_message(1)), now=NOW - timedelta(days=3650)).state is TreeState.GROWING
