"""Perspectives by what people say of themselves: beyond chance, and of nobody in a small group."""

from __future__ import annotations

import random

import pytest

from tasks.agreement.described import describe_divisions, hash_described
from tasks.agreement.votes import Votes, collect_votes
from tests.pure.opinion_crowds import make_ballot

PROMPTS = 12


def judge(people: int, *, liked_by: int, seed: int = 1) -> Votes:
    """`people`, of whom the first `liked_by` accept the second candidate and the others the third; a tenth is noise."""
    dice = random.Random(seed)
    ballots = []
    for person in range(people):
        for parent in range(PROMPTS):
            is_first = person < liked_by
            accepts = [one != (dice.random() < 0.1) for one in (True, is_first, not is_first, False)]
            ballots.append(make_ballot(f"p{person:03}", 100 * parent + 1, accepts))
    return collect_votes(ballots)


def answer(people: range, name: str) -> dict[str, str]:
    return {f"p{person:03}": name for person in people}


def test_answers_that_go_along_with_the_votes_divide_and_are_told_with_their_candidates():
    said = {"age": answer(range(20), "under_25") | answer(range(20, 40), "60_or_more")}
    (one,) = describe_divisions(judge(40, liked_by=20), said, seed=1)
    assert one.question == "age"
    assert [(group.answer, group.people) for group in one.answers] == [("60_or_more", 20), ("under_25", 20)]
    assert one.divides
    assert one.division.share > 0.5
    assert one.candidates
    for candidate in one.candidates:
        shares = [side.accepted / side.judged for side in candidate.answers]
        assert abs(shares[0] - shares[1]) > 0.5


def test_answers_that_have_nothing_to_do_with_the_votes_do_not():
    said = {"age": {f"p{person:03}": ("under_25", "60_or_more")[person % 2] for person in range(40)}}
    (one,) = describe_divisions(judge(40, liked_by=20), said, seed=1)
    assert not one.divides
    assert one.division.share < 0.1
    assert one.candidates == ()


def test_chance_alone_seldom_divides():
    found = 0
    for seed in range(30):
        dice = random.Random(seed)
        said = {"age": {f"p{person:03}": dice.choice(["under_25", "60_or_more"]) for person in range(40)}}
        found += sum(one.divides for one in describe_divisions(judge(40, liked_by=20, seed=seed), said, seed=1))
    assert found <= 5


@pytest.mark.parametrize("people", [0, 9])
def test_nothing_is_told_of_an_answer_that_fewer_than_ten_gave(people: int):
    said = {"age": answer(range(20), "under_25") | answer(range(20, 20 + people), "60_or_more")}
    assert describe_divisions(judge(40, liked_by=20), said, seed=1) == ()


def test_a_small_answer_is_left_out_and_the_others_are_told():
    said = {
        "age": answer(range(15), "under_25") | answer(range(20, 35), "60_or_more") | answer(range(35, 40), "40_to_59")
    }
    (one,) = describe_divisions(judge(40, liked_by=20), said, seed=1)
    assert [group.answer for group in one.answers] == ["60_or_more", "under_25"]


def test_whoever_voted_little_counts_in_no_group():
    votes = judge(40, liked_by=20)
    few = collect_votes([make_ballot(f"p{person:03}", 1, [True, True, False, False]) for person in range(40)])
    said = {"age": answer(range(20), "under_25") | answer(range(20, 40), "60_or_more")}
    assert describe_divisions(few, said, seed=1) == ()
    assert describe_divisions(votes, said, seed=1) != ()


def test_a_candidate_is_told_only_where_ten_people_of_every_answer_judged_it():
    said = {"age": answer(range(20), "under_25") | answer(range(20, 40), "60_or_more")}
    (one,) = describe_divisions(judge(40, liked_by=20), said, seed=1)
    assert all(side.judged >= 10 for candidate in one.candidates for side in candidate.answers)


def test_the_order_of_ballots_is_of_no_account():
    said = {"age": answer(range(20), "under_25") | answer(range(20, 40), "60_or_more")}
    assert describe_divisions(judge(40, liked_by=20), said, seed=1) == describe_divisions(
        judge(40, liked_by=20), {"age": dict(reversed(said["age"].items()))}, seed=1
    )


def test_a_person_is_another_when_their_votes_or_their_answers_change():
    votes = judge(40, liked_by=20)
    before = hash_described(votes, {"age": answer(range(12), "under_25")})
    assert len(before) == 12
    after = hash_described(votes, {"age": answer(range(12), "under_25") | {"p000": "60_or_more"}})
    assert [name for name in before if before[name] != after[name]] == ["p000"]
    assert hash_described(judge(40, liked_by=20, seed=2), {"age": answer(range(12), "under_25")}) != before


def test_no_votes_say_nothing():
    assert describe_divisions(collect_votes([]), {"age": answer(range(20), "under_25")}, seed=1) == ()
