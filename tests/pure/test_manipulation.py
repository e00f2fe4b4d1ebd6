"""Signs of manipulation: those who do not work honestly are found, and those who do are not, however few they are."""

from __future__ import annotations

import json
from dataclasses import replace
from math import log
from random import Random
from time import process_time

import numpy as np
import pytest

from tasks.agreement.manipulation import find_signs
from tasks.agreement.manipulation.betting import LEAST_EVIDENCE, bet, find_threshold, log_threshold
from tasks.agreement.manipulation.likes import measure_noise
from tasks.records.ballots import Ballot
from tasks.records.manipulation import ObservedBallot
from tasks.vocabulary import FindingKind
from tests.manipulated import START, Crowd

MIXED = {
    "honest": 60, "weak": 8, "random": 3, "first": 2, "shown": 2, "contrary": 2, "copying": 2, "colluding": 8,
    "lazy": 1, "hurried": 2, "scripted": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def mixed() -> Crowd:
    """About 130 rankings of five candidates from each of ninety people."""
    return Crowd(MIXED, parents=1200, per_parent=10)


def test_each_way_of_not_working_honestly_is_found_by_its_own_sign_and_nobody_honest_is(mixed) -> None:
    told = mixed.tell(find_signs(mixed.ballots))
    assert told.pop("colluding")["collusion"] == 8
    assert told == {
        "random": {"random": 3},
        "first": {"position": 2},
        "shown": {"position": 2},
        "contrary": {"contrary": 2},
        "copying": {"copied": 2},
        "hurried": {"hurried": 2},
        "scripted": {"scripted": 2},
    }


def test_every_sign_comes_with_figures_and_with_judgments_of_its_own_author(mixed) -> None:
    author = {each.judgment: each.ballot.annotator for each in mixed.ballots}
    signs = find_signs(mixed.ballots)
    assert all({author[one] for one in sign.evidence["judgments"]} == {sign.annotator} for sign in signs)
    assert all(json.dumps(dict(sign.evidence), allow_nan=False) for sign in signs)
    assert min(sign.strength for sign in signs) >= log_threshold(len(mixed.kinds), told=len(signs)) / log(10)
    away = {sign.kind.value for sign in signs if sign.evidence["observed"] >= sign.evidence["expected"]}
    assert away == {"position", "copied", "collusion", "hurried", "scripted"}


def test_a_clique_is_told_with_all_who_are_in_it_and_a_copy_with_whose_it_is(mixed) -> None:
    signs = find_signs(mixed.ballots)
    clique = {f"colluding {number:04d}" for number in range(8)}
    assert [{sign.annotator, *sign.others} for sign in signs if sign.kind == "collusion"] == [clique] * 8
    copies = [(sign.annotator, sign.others) for sign in signs if sign.kind == "copied"]
    assert copies == [(f"copying {number:04d}", (f"honest {number:04d}",)) for number in range(2)]


def test_nothing_depends_on_the_order_in_which_ballots_come(mixed) -> None:
    shuffled = list(mixed.ballots)
    Random(7).shuffle(shuffled)
    assert find_signs(shuffled) == find_signs(mixed.ballots)


@pytest.mark.parametrize("candidates", [2, 3, 5])
@pytest.mark.parametrize("seed", [1, 2])
def test_an_opinion_group_of_three_in_ten_is_not_found_for_being_of_one_mind(candidates, seed) -> None:
    crowd = Crowd(
        {"honest": 60, "weak": 10, "minority": 30}, parents=1200, per_parent=10, candidates=candidates, seed=seed
    )
    assert crowd.tell(find_signs(crowd.ballots)) == {}


def test_a_group_that_thinks_the_very_opposite_is_not_found_where_it_is_three_in_ten() -> None:
    crowd = Crowd({"honest": 42, "contrary": 18}, parents=600, per_parent=10)
    assert crowd.tell(find_signs(crowd.ballots)) == {}
    alone = Crowd({"honest": 58, "contrary": 2}, parents=600, per_parent=10)
    assert alone.tell(find_signs(alone.ballots)) == {"contrary": {"contrary": 2}}


@pytest.mark.parametrize("candidates", [2, 3, 4, 6])
@pytest.mark.parametrize("spread", [0.0, 0.7, 3.0])
def test_honest_people_are_not_found_whether_the_answers_are_alike_or_far_apart(candidates, spread) -> None:
    crowd = Crowd({"honest": 45, "weak": 15}, parents=400, per_parent=6, candidates=candidates, spread=spread, seed=3)
    assert find_signs(crowd.ballots) == []


@pytest.mark.parametrize("seed", range(6))
def test_where_little_is_shared_and_people_agree_little_chance_is_not_taken_for_its_opposite(seed) -> None:
    crowd = Crowd({"honest": 30, "weak": 10}, parents=250, per_parent=3, candidates=2, spread=1.0, seed=seed)
    assert find_signs(crowd.ballots) == []


@pytest.mark.slow
def test_of_forty_honest_campaigns_hardly_any_sees_a_finding() -> None:
    crowds = [
        Crowd({"honest": 25, "weak": 5, "minority": 10}, parents=250, per_parent=7, seed=seed) for seed in range(40)
    ]
    assert sum(bool(find_signs(crowd.ballots)) for crowd in crowds) <= 2


def test_evidence_that_is_looked_at_after_every_ballot_seldom_misleads() -> None:
    dice, people, ballots = np.random.default_rng(5), 4000, 200
    scores = np.where(dice.random((ballots, people)) < 0.5, 1.0, -1.0)
    who = np.tile(np.arange(people), (ballots, 1))
    highest = np.zeros(people)
    for until in range(1, ballots + 1, 4):
        highest = np.maximum(highest, bet(who[:until].ravel(), scores[:until].ravel(), people=people))
    assert (highest >= log(20)).mean() <= 1 / 20


def test_more_people_need_more_evidence() -> None:
    assert log_threshold(1000) - log_threshold(100) == pytest.approx(log(10))
    assert log_threshold(3) == log_threshold(100)


def test_the_more_strong_signs_there_are_the_less_is_asked_of_each() -> None:
    alone, of_four = log_threshold(100), log_threshold(100, told=4)
    assert alone - of_four == pytest.approx(log(4))
    assert find_threshold([of_four], people=100) == alone
    assert find_threshold([of_four] * 3, people=100) == alone
    assert find_threshold([alone + 9, alone, of_four, of_four], people=100) == of_four
    assert find_threshold([], people=100) == alone
    assert log_threshold(100, told=10**6) == LEAST_EVIDENCE == log(20)


def test_a_random_order_is_scattered_the_less_the_more_candidates_it_has() -> None:
    dice = np.random.default_rng(3)
    for size in (2, 3, 5, 8):
        first, second = np.triu_indices(size, 1)
        orders = np.argsort(dice.random((4000, size)), axis=1)
        taus = np.sign(orders[:, first] - orders[:, second]).mean(axis=1)
        assert measure_noise(len(first)) == pytest.approx(float(taus.var()), rel=0.1)
    assert (measure_noise(1), measure_noise(10)) == (1.0, pytest.approx(1 / 6))


def test_where_nobody_cheats_the_mean_of_all_evidence_seldom_reaches_what_any_finding_needs() -> None:
    dice, people, seen = np.random.default_rng(6), 100, 0
    kinds = len(FindingKind)
    for _ in range(200):
        scores = np.where(dice.random((60, people * kinds)) < 0.5, 1.0, -1.0)
        who = np.tile(np.arange(people * kinds), (60, 1))
        for until in (5, 10, 20, 40, 60):
            evidence = bet(who[:until].ravel(), scores[:until].ravel(), people=people * kinds)
            if evidence.max() >= find_threshold(evidence[evidence >= LEAST_EVIDENCE], people=people):
                seen += 1
                break
    assert seen / 200 <= 1 / 20


def test_candidates_whose_order_on_the_page_is_not_known_say_nothing_of_places(mixed) -> None:
    imported = [replace(each, order_known=False) for each in mixed.ballots]
    assert "position" not in {sign.kind for sign in find_signs(imported)}


def test_ballots_whose_time_was_not_told_are_not_hurried(mixed) -> None:
    timeless = [replace(each, seconds=None) for each in mixed.ballots]
    assert "hurried" not in {sign.kind for sign in find_signs(timeless)}


def test_somebody_who_works_around_the_clock_is_found_however_uneven_the_pace() -> None:
    dice, crowd = Random(4), Crowd({"honest": 8}, parents=40, per_parent=5)
    ballots, at = list(crowd.ballots), START
    for number in range(400):
        at += dice.uniform(200, 3600)
        shown = (1, 2) if dice.random() < 0.5 else (2, 1)
        ballots.append(
            ObservedBallot(Ballot("awake", 9_000_000 + number, ((1,), (2,)), None, shown), 10_000 + number, at)
        )
    imported = [replace(each, order_known=False) for each in ballots]
    assert find_signs(imported) == []
    (sign,) = find_signs(ballots)
    assert (sign.annotator, sign.kind, sign.evidence["restless_days"]) == ("awake", "scripted", sign.evidence["days"])


def one(annotator: str, parent: int, *tiers: tuple[int, ...], number: int = 1) -> ObservedBallot:
    shown = tuple(sorted(candidate for tier in tiers for candidate in tier))
    return ObservedBallot(Ballot(annotator, parent, tiers, None, shown), number, START + 60.0 * number**1.5)


@pytest.mark.parametrize(
    "ballots",
    [
        [],
        [one("a", 1, (1,), (2,))],
        [one("a", 1, (1, 2, 3))],
        [one("a", 1, (1,))],
        [one("a", 1, (1,), (2,)), one("b", 1, (2,), (1,), number=2)],
        [one("a", 1, (1,), (2,)), one("a", 1, (2,), (1,), number=2)],
        [one("a", parent, (2,), (1,), (3,), number=parent) for parent in range(1, 30)],
        [one(who, parent, (1, 2, 3), number=parent) for who in "abcdefgh" for parent in range(1, 60)],
        [one(who, 1, (1,), (2,), number=number) for number, who in enumerate("abcdefghij", start=1)],
        [one("a", 1, tuple(range(1, 60)), (60,)), one("b", 1, (60,), tuple(range(1, 60)), number=2)],
    ],
    ids=["none", "one", "tied", "alone", "two", "twice", "one person", "all tied", "one parent", "very many"],
)
def test_too_little_says_nothing(ballots) -> None:
    assert find_signs(ballots) == []


def test_one_person_alone_who_always_takes_the_first_is_found() -> None:
    dice, ballots = Random(2), []
    for parent in range(40):
        shown = dice.sample(range(4), 4)
        ballot = Ballot(
            "a", parent, tuple((each,) for each in [shown[0], *dice.sample(shown[1:], 3)]), None, tuple(shown)
        )
        ballots.append(ObservedBallot(ballot, parent, START + parent**2 * 50.0))
    (sign,) = find_signs(ballots)
    assert (sign.kind, sign.evidence["habit"], sign.evidence["observed"]) == ("position", "first_best", 1.0)
    assert sign.evidence["expected"] == 0.25


def test_a_hundred_thousand_ballots_take_seconds() -> None:
    crowd = Crowd({"honest": 700, "weak": 100, "random": 100, "colluding": 100}, parents=20_000, per_parent=5)
    started = process_time()
    told = crowd.tell(find_signs(crowd.ballots))
    assert (len(crowd.ballots), process_time() - started < 15) == (100_000, True)
    assert {kind for kind in told if kind in {"honest", "weak"}} == set()
