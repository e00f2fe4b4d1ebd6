"""Turns to grow, prompts that will not be needed, and how many are asked for."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records.trees import LanguageFacts, SupplyRules, WaitingPrompt
from tasks.scheduling.prompt_supply import decide_supply, draw_turns

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULES = SupplyRules(active_trees=10, waiting_prompts=20, max_waiting_prompts=250, prompt_days=60, pair_share=0.25)
#: Of 4,000 draws, what differs from a share by chance: four standard deviations at the most.
DRAWS, CHANCE = 4000, 4 * 0.5 / 4000**0.5


def wait(tree, author=None, *, days=1.0, score=None):
    return WaitingPrompt(tree=tree, author=author, waiting_since=NOW - timedelta(days=days), rank_score=score)


def make_facts(waiting=(), *, growing=0, in_review=0, merits=()):
    return LanguageFacts(
        language="en", in_review=in_review, growing=growing, waiting=tuple(waiting), merits=dict(merits)
    )


def decide(facts, **changed):
    return decide_supply(facts, replace(RULES, **changed), now=NOW, rng=Random(1))


def share_of_first_turns(waiting, *, merits=(), is_ranked=False):
    """How often each tree has the first turn."""
    rng = Random(3)
    firsts = (draw_turns(waiting, dict(merits), number=1, is_ranked=is_ranked, rng=rng)[0] for _ in range(DRAWS))
    return {tree: count / DRAWS for tree, count in Counter(firsts).items()}


def test_services_can_import_what_decides():
    """The web process imports it: nothing of numpy, Django or Celery may come with it."""
    program = (
        "import sys; before = set(sys.modules); import tasks.scheduling.trees, tasks.scheduling.prompt_supply; "
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['tasks']"


# How many are asked for


@pytest.mark.parametrize(
    ("growing", "waiting", "in_review", "wanted"),
    [
        (0, 0, 0, 30),  # nothing is there: ten to grow and twenty to wait
        (10, 20, 0, 0),
        (10, 0, 0, 20),
        (7, 0, 0, 23),
        (10, 15, 3, 2),
        (10, 15, 8, 0),  # never fewer than none
        (15, 0, 0, 20),  # more grow than should: that makes no prompt less welcome
        (4, 6, 0, 20),  # six have their turn now, so that ten grow and none waits
    ],
)
def test_prompts_are_asked_for_as_trees_want_them(growing, waiting, in_review, wanted):
    facts = make_facts([wait(n, n) for n in range(waiting)], growing=growing, in_review=in_review)
    assert decide(facts).prompts_wanted == wanted


@pytest.mark.parametrize(
    ("prompts", "pairs", "share", "expected"),
    [
        (True, False, 0.25, (30, 0)),
        (True, True, 0.25, (22, 8)),  # 7.5 pairs: a half goes up
        (True, True, 0.0, (30, 0)),
        (True, True, 1.0, (0, 30)),
        (False, True, 0.25, (0, 30)),
        (False, False, 0.25, (0, 0)),
    ],
)
def test_a_share_of_the_prompts_is_asked_for_as_pairs(prompts, pairs, share, expected):
    decision = decide(make_facts(), asks_prompts=prompts, asks_pairs=pairs, pair_share=share)
    assert (decision.prompts_wanted, decision.pairs_wanted) == expected


def test_no_more_are_asked_for_than_may_wait():
    assert decide(make_facts(growing=10), waiting_prompts=20, max_waiting_prompts=5).prompts_wanted == 5


# Whose turn it is


def test_as_many_trees_have_their_turn_as_are_missing():
    waiting = [wait(n, n) for n in range(30)]
    assert len(decide(make_facts(waiting, growing=7)).drawn) == 3
    assert decide(make_facts(waiting, growing=10)).drawn == ()
    assert decide(make_facts(waiting, growing=12)).drawn == ()
    assert sorted(decide(make_facts(waiting[:4])).drawn) == [0, 1, 2, 3]


def test_who_writes_more_prompts_has_no_more_turns():
    shares = share_of_first_turns([wait(1, 5), *(wait(n, 6) for n in range(2, 11))])
    assert shares[1] == pytest.approx(0.5, abs=CHANCE)
    assert shares[2] == pytest.approx(0.5 / 9, abs=CHANCE)


def test_an_author_with_merits_has_turns_in_proportion():
    shares = share_of_first_turns([wait(1, 5), wait(2, 6)], merits={5: 2})
    assert shares[1] == pytest.approx(0.75, abs=CHANCE)


def test_every_turn_is_a_draw_anew_over_the_authors():
    """Of two turns, one author has both as often as coins say, though the other has waited."""
    waiting = [wait(1, 5), wait(2, 5), wait(3, 6), wait(4, 6)]
    rng = Random(3)
    pairs = [draw_turns(waiting, {}, number=2, is_ranked=False, rng=rng) for _ in range(DRAWS)]
    same = sum({*pair} in ({1, 2}, {3, 4}) for pair in pairs) / DRAWS
    assert same == pytest.approx(0.5, abs=CHANCE)


def test_an_import_is_one_author_whatever_its_size():
    shares = share_of_first_turns([wait(1, 5), *(wait(n) for n in range(100, 200))], merits={5: 1})
    assert shares[1] == pytest.approx(2 / 3, abs=CHANCE)


def test_prompts_that_others_ranked_higher_have_their_turn_first_where_they_are_ranked():
    waiting = [wait(1, 5, score=1.0), wait(2, 5, score=None), wait(3, 5, score=0.0)]
    shares = share_of_first_turns(waiting, is_ranked=True)
    assert shares == pytest.approx({1: 1 / 1.55, 2: 0.5 / 1.55, 3: 0.05 / 1.55}, abs=CHANCE)
    unranked = share_of_first_turns(waiting)
    assert unranked == pytest.approx({1: 1 / 3, 2: 1 / 3, 3: 1 / 3}, abs=CHANCE)


def test_the_order_in_which_prompts_are_told_changes_nothing():
    waiting = [wait(n, n % 3) for n in range(20)]
    turns = [draw_turns(told, {}, number=9, is_ranked=False, rng=Random(4)) for told in (waiting, waiting[::-1])]
    assert turns[0] == turns[1]
    assert len({*turns[0]}) == 9


def test_ten_thousand_turns_among_a_hundred_thousand_prompts_take_seconds():
    waiting = [wait(n, n % 13_500) for n in range(100_000)]
    began = process_time()
    assert len(draw_turns(waiting, {}, number=10_000, is_ranked=True, rng=Random(1))) == 10_000
    assert process_time() - began < 20


# What will not be needed


def test_the_oldest_beyond_the_most_that_may_wait_are_retired():
    waiting = [wait(n, n, days=n) for n in range(8)]
    assert decide(make_facts(waiting, growing=10), max_waiting_prompts=5, waiting_prompts=2).retired == (7, 6, 5)


def test_prompts_that_waited_too_long_are_retired_while_more_wait_than_are_wanted():
    waiting = [wait(n, n, days=10 * n) for n in range(1, 11)]
    rules = {"waiting_prompts": 3, "prompt_days": 60}
    assert decide(make_facts(waiting, growing=10), **rules).retired == (10, 9, 8, 7)
    assert decide(make_facts(waiting, growing=10), **rules | {"waiting_prompts": 8}).retired == (10, 9)
    assert decide(make_facts(waiting, growing=10), **rules | {"waiting_prompts": 10}).retired == ()


def test_a_prompt_whose_turn_has_come_is_not_retired():
    decision = decide(make_facts([wait(1, 1, days=900)]), waiting_prompts=0)
    assert (decision.drawn, decision.retired) == ((1,), ())


def test_what_was_imported_waits_until_its_turn_comes():
    waiting = [wait(n, days=400) for n in range(300)] + [wait(300, 1, days=1)]
    decision = decide(make_facts(waiting, growing=10), max_waiting_prompts=5, waiting_prompts=2)
    assert (decision.retired, decision.prompts_wanted) == ((), 0)


def test_a_clock_that_goes_back_retires_nothing():
    assert decide(make_facts([wait(n, n, days=-400) for n in range(30)], growing=10)).retired == ()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    waiting=st.lists(
        st.tuples(st.none() | st.integers(0, 5), st.floats(-5, 200), st.none() | st.floats(0, 1)), max_size=40
    ),
    growing=st.integers(0, 12),
    in_review=st.integers(0, 12),
    sizes=st.tuples(st.integers(1, 12), st.integers(0, 12), st.integers(0, 30)),
    asks=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    seed=st.integers(0, 10**6),
)
def test_deciding_again_once_it_was_carried_out_changes_nothing(waiting, growing, in_review, sizes, asks, seed):
    active, kept, most = sizes
    rules = SupplyRules(active, kept, most, prompt_days=60, pair_share=0.4, **dict(zip(_ASKS, asks, strict=True)))
    prompts = [wait(n, author, days=days, score=score) for n, (author, days, score) in enumerate(waiting)]
    facts = make_facts(prompts, growing=growing, in_review=in_review, merits={1: 4})
    first = decide_supply(facts, rules, now=NOW, rng=Random(seed))
    gone = {*first.drawn, *first.retired}
    assert len(gone) == len(first.drawn) + len(first.retired)
    left = [prompt for prompt in prompts if prompt.tree not in gone]
    assert sum(prompt.author is not None for prompt in left) <= most
    carried_out = make_facts(left, growing=growing + len(first.drawn), in_review=in_review, merits={1: 4})
    again = decide_supply(carried_out, rules, now=NOW, rng=Random(seed + 1))
    assert again == replace(first, drawn=(), retired=())
    assert min(first.prompts_wanted, first.pairs_wanted) >= 0


_ASKS = ("asks_prompts", "asks_pairs", "rank_prompts")
