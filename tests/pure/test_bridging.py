"""What people of all viewpoints accept, and what divides them, told apart from noise."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.agreement.bridging import FACTOR_PENALTY, INTERCEPT_PENALTY, accept_in_all, fit_bridging
from tasks.agreement.division import pass_beyond_noise
from tasks.agreement.votes import Votes, collect_votes
from tests.pure.opinion_crowds import draw_crowd, make_ballot


def draw_bridged(*, people=300, items=200, each=40, majority=0.7, seed=1) -> tuple[Votes, np.ndarray, np.ndarray]:
    """Votes of a majority and a minority, the quality common to both, and who is in the minority."""
    dice = np.random.RandomState(seed)
    quality, side = dice.normal(0, 0.8, items), dice.normal(0, 1.5, items)
    minority = dice.rand(people) > majority
    rows = []
    for person in range(people):
        chosen = np.sort(dice.permutation(items)[:each])
        odds = quality[chosen] + np.where(minority[person], -1, 1) * side[chosen]
        rows += [(person, item, 1.0 if dice.rand() < 1 / (1 + np.exp(-one)) else -1.0)
                 for item, one in zip(chosen.tolist(), odds, strict=True)]  # fmt: skip
    person, item, value = (np.array(column) for column in zip(*rows, strict=True))
    names = tuple(f"{number:05d}" for number in range(people))
    return Votes(names, np.arange(items), np.arange(items), person, item, value), quality, minority


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.argsort().argsort(), other.argsort().argsort())[0, 1])


def test_bridging_finds_common_quality_better_than_the_mean_does() -> None:
    votes, quality, minority = draw_bridged()
    found = fit_bridging(votes, seed=1)
    mean = np.bincount(votes.item, votes.value) / votes.judged
    assert rank_correlation(found.candidate, quality) > rank_correlation(mean, quality) + 0.05
    assert abs(np.corrcoef(found.viewpoint > 0, minority)[0, 1]) == pytest.approx(1.0)


def test_the_fit_is_where_the_penalised_error_is_least() -> None:
    """Moving any one part makes the sum of squares with its penalties larger."""
    votes, _quality, _minority = draw_bridged(people=40, items=15, each=12)
    found = fit_bridging(votes, seed=1, iterations=2000)
    rating, firm = (votes.value + 1) / 2, len(votes.value)
    spread = found.polarity.std() or 1.0

    def lose(own, common, side, pull) -> float:
        # Viewpoints were moved and scaled after the fit; only what does not depend on that is compared.
        guess = found.mean + own[votes.person] + common[votes.item] + side[votes.person] * pull[votes.item]
        return float(((rating - guess) ** 2).sum() + INTERCEPT_PENALTY * firm / 40 * (own**2).sum())

    parts = (found.person, found.candidate, found.viewpoint, found.polarity)
    best = lose(*parts)
    for number in range(5):
        moved = found.person.copy()
        moved[number] += 0.02 * spread
        assert lose(moved, *parts[1:]) > best
        moved[number] -= 0.04 * spread
        assert lose(moved, *parts[1:]) > best
    assert pytest.approx(5 * FACTOR_PENALTY) == INTERCEPT_PENALTY


def test_it_is_the_same_again() -> None:
    votes, _quality, _minority = draw_bridged()
    one, other = fit_bridging(votes, seed=1), fit_bridging(votes, seed=1)
    assert one.candidate.tobytes() == other.candidate.tobytes()


@pytest.mark.parametrize("accepts", [[True] * 3, [False] * 3, [True]])
def test_where_all_vote_alike_there_is_no_viewpoint(accepts: list[bool]) -> None:
    votes = collect_votes([make_ballot(f"{person}", 1, accepts) for person in range(4)])
    found = fit_bridging(votes, seed=1)
    assert (found.mean, np.abs(found.viewpoint).max(), np.abs(found.polarity).max()) == (float(accepts[0]), 0, 0)
    assert np.isfinite(found.candidate).all()


def test_without_votes_there_is_nothing_to_take_apart() -> None:
    with pytest.raises(ValueError, match="no votes"):
        fit_bridging(collect_votes([]), seed=1)


def test_group_informed_consensus_is_the_product_of_smoothed_shares() -> None:
    product, mean = accept_in_all(np.array([[9, 4], [18, 0]]), np.array([[10, 8], [18, 18]]))
    assert product.tolist() == pytest.approx([10 / 12 * 5 / 10, 19 / 20 * 1 / 20])
    assert mean.tolist() == pytest.approx([(10 / 12 * 5 / 10) ** 0.5, (19 / 20 * 1 / 20) ** 0.5])


def test_of_many_tests_those_stand_of_which_few_can_be_noise() -> None:
    assert pass_beyond_noise(np.array([0.5, 0.001, 0.04, 0.9]), rate=0.1).tolist() == [False, True, True, False]
    assert pass_beyond_noise(np.array([0.03, 0.04]), rate=0.05).tolist() == [True, True]
    assert pass_beyond_noise(np.array([0.06, 0.2]), rate=0.05).tolist() == [False, False]
    assert pass_beyond_noise(np.zeros(0), rate=0.1).tolist() == []


def test_noise_is_seldom_told_to_divide() -> None:
    """Of a crowd of two groups, the candidates on which they are of one mind stay out of the list."""
    from tasks.agreement.perspectives import find_perspectives

    wrong = told = 0
    for seed in range(4):
        ballots, truth = draw_crowd(people=60, each=60, seed=seed)
        votes = collect_votes(ballots)
        record, _members = find_perspectives(votes, seed=1)
        groups = np.array([truth[name] for name in votes.people])
        accepts = votes.value > 0
        for opinion in record.divided:
            at = votes.item == votes.candidates.tolist().index(opinion.candidate)
            shares = [accepts[at & (groups[votes.person] == group)].mean() for group in (0, 1)]
            told += 1
            wrong += abs(shares[0] - shares[1]) < 0.25
    assert told > 20
    assert wrong / told < 0.1
