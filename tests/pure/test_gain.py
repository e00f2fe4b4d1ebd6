"""What one more ballot is worth: exact for one pair, never negative, less where more is known, independent of company."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement.consensus import combine_rankings
from tasks.agreement.davidson import outcome_probabilities
from tasks.agreement.gain import AHEAD, SPREAD_NODES, expect_gain
from tasks.agreement.normal import normal_cdf
from tasks.records.ballots import Ballot
from tests.pure.crowd import draw_ballots

NU = 0.5


def nu_table(candidates):
    table = np.full((candidates + 1, candidates + 1), NU)
    table[-1, :] = table[:, -1] = 0.0
    return table


def gain_of(strengths, covariance, *, placed=None, bar=False, sharpness=1.0, ahead=(1,)):
    candidates = len(strengths) - 1
    [gain] = expect_gain(
        np.array([strengths], dtype=float),
        np.array([covariance], dtype=float),
        nu=nu_table(candidates),
        placed=np.array([float(placed or candidates)]),
        bar_given=np.array([bar]),
        sharpness=sharpness,
        ahead=ahead,
    )
    return float(gain)


def posteriors():
    """Strengths of three candidates and the bar, with a covariance that is positive definite."""
    numbers = st.floats(-6, 6)
    roots = st.lists(st.floats(-1.5, 1.5), min_size=16, max_size=16)
    return st.tuples(
        st.lists(numbers, min_size=4, max_size=4),
        roots.map(lambda cells: np.reshape(cells, (4, 4)) @ np.reshape(cells, (4, 4)).T + 0.05 * np.eye(4)),
    )


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 4.5), (0.8, 2.0), (2.5, 1.0), (-1.2, 0.3), (6.0, 1.0)])
def test_of_one_pair_it_is_what_drawing_the_ballot_gives(mean, variance):
    covariance = np.eye(3) * variance / 2
    gain = gain_of([mean, 0.0, 0.0], covariance)
    # The same by brute force: what the ballot tells, how far the mean then moves, and how sure the pair is after it.
    nodes, shares = np.polynomial.hermite_e.hermegauss(SPREAD_NODES)
    at = np.stack([mean + nodes * np.sqrt(variance), np.zeros_like(nodes)], axis=1)
    win, tie = (outcome[:, 0, 1] for outcome in outcome_probabilities(at, np.array([[NU]])))
    information = float(((win + tie / 4 - (win + tie / 2) ** 2) * shares / shares.sum()).sum())
    left = 1 / (1 / variance + information)
    drawn = mean + np.linspace(-8, 8, 40_001) * np.sqrt(variance - left)
    density = np.exp(-(np.linspace(-8, 8, 40_001) ** 2) / 2)
    surer = np.abs(2 * normal_cdf(drawn / np.sqrt(left)) - 1)
    expected = float((surer * density).sum() / density.sum()) - abs(2 * float(normal_cdf(mean / np.sqrt(variance))) - 1)
    assert gain == pytest.approx(expected, abs=1e-6)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(posteriors(), st.booleans(), st.floats(1, 3))
def test_it_is_never_negative_nor_more_than_what_is_left_to_learn(posterior, bar, placed):
    strengths, covariance = posterior
    gain = gain_of(strengths, covariance, bar=bar, placed=placed)
    first, second = np.triu_indices(3, 1)
    own = np.diagonal(covariance)
    spread = np.sqrt(own[first] + own[second] - 2 * covariance[first, second])
    sure = np.abs(2 * normal_cdf((np.array(strengths)[first] - np.array(strengths)[second]) / spread) - 1).mean()
    assert 0 <= gain <= 1 - sure + 1e-9


@settings(max_examples=60, deadline=None, derandomize=True)
@given(posteriors(), st.permutations(range(3)))
def test_it_does_not_depend_on_which_candidate_comes_first(posterior, order):
    strengths, covariance = posterior
    turned = [*order, 3]
    again = gain_of(np.array(strengths)[turned], covariance[np.ix_(turned, turned)])
    assert gain_of(strengths, covariance) == pytest.approx(again, abs=1e-12)


def test_a_sharper_annotator_a_larger_ballot_and_more_ballots_are_worth_more():
    covariance = np.eye(5) * 2.25
    one = gain_of([0.0] * 5, covariance)
    assert gain_of([0.0] * 5, covariance, sharpness=1.5) > one > gain_of([0.0] * 5, covariance, sharpness=0.5)
    assert gain_of([0.0] * 5, covariance, placed=2) < gain_of([0.0] * 5, covariance, placed=3) < one
    assert one / 2 < gain_of([0.0] * 5, covariance, ahead=(2,)) < one


def test_where_a_few_are_worth_much_one_is_worth_its_part_of_them():
    covariance = np.eye(3)
    alone = gain_of([2.4, 0.0, 0.0], covariance)
    assert gain_of([2.4, 0.0, 0.0], covariance, ahead=AHEAD) > 4 * alone
    assert gain_of([2.4, 0.0, 0.0], covariance, ahead=AHEAD) == max(
        gain_of([2.4, 0.0, 0.0], covariance, ahead=(more,)) for more in AHEAD
    )


def test_where_nothing_is_known_the_first_ballot_is_worth_most():
    covariance = np.eye(5) * 2.25
    assert gain_of([0.0] * 5, covariance, ahead=AHEAD) == gain_of([0.0] * 5, covariance)


def test_an_annotator_who_tells_nothing_is_worth_nothing():
    assert gain_of([1.0, 0.0, 0.5, 0.0], np.eye(4), sharpness=0.0) == 0.0


def test_what_is_contested_is_worth_more_than_what_is_clear():
    contested, clear = (gain_of([spread, 0.0, -spread, 0.0], np.eye(4) * 0.4) for spread in (0.2, 4.0))
    assert contested > 20 * clear > 0


def test_acceptable_or_not_tells_of_the_order_too():
    assert gain_of([0.5, 0.0, -0.5, 0.0], np.eye(4), bar=True) > gain_of([0.5, 0.0, -0.5, 0.0], np.eye(4))


def test_one_candidate_has_no_order_to_learn():
    assert gain_of([0.0, 0.0], np.eye(2)) == 0.0


def test_no_problems_no_gains():
    none = expect_gain(
        np.zeros((0, 4)), np.zeros((0, 4, 4)), nu=nu_table(3), placed=np.zeros(0), bar_given=np.zeros(0, dtype=bool)
    )
    assert none.shape == (0,)


def test_a_problem_alone_gives_what_it_gives_among_many():
    rng = np.random.default_rng(1)
    roots = rng.normal(size=(3000, 4, 4))
    covariance = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(4)
    strengths = rng.normal(size=(3000, 4))
    together = expect_gain(
        strengths, covariance, nu=nu_table(3), placed=np.full(3000, 3.0), bar_given=np.ones(3000, dtype=bool)
    )
    for at in (0, 2047, 2048, 2999):
        assert gain_of(strengths[at], covariance[at], bar=True, ahead=AHEAD) == together[at]


@pytest.mark.parametrize("mean", [0.0, 1e-9, 50.0, 1e6])
def test_it_is_a_number_however_sure_or_unsure_the_order_is(mean):
    for variance in (1e-12, 1.0, 1e6):
        gain = gain_of([mean, 0.0, 0.0], np.eye(3) * variance)
        assert np.isfinite(gain)
        assert gain >= 0


def test_consensus_tells_it_only_when_asked_and_changes_in_nothing_else():
    ballots, _ = draw_ballots(rng=Random(5), parents=40, ballots=4, candidates=5, shown=3)
    plain, with_gain = combine_rankings(ballots, seed=1), combine_rankings(ballots, seed=1, with_gain=True)
    assert {record.gain for record in plain} == {None}
    assert [replace(record, gain=None, input_hash="") for record in with_gain] == [
        replace(record, input_hash="") for record in plain
    ]
    assert all(record.gain is not None and 0 < record.gain < 1 for record in with_gain)


def test_consensus_of_one_candidate_has_no_gain():
    [record] = combine_rankings([Ballot("ann", 1, ((7,),), None, (7,))], seed=1, with_gain=True)
    assert (record.confidence, record.gain) == (None, None)


def test_ballots_of_a_model_crowd_make_it_surer_by_about_what_was_expected():
    ballots, _ = draw_ballots(rng=Random(3), parents=1500, ballots=6, candidates=4)
    before, after = (
        combine_rankings(
            [ballot for number, ballot in enumerate(ballots) if number % 6 < given], seed=1, with_gain=True
        )
        for given in (3, 4)
    )
    expected = np.mean([record.gain for record in before])
    rise = np.mean([second.confidence - first.confidence for first, second in zip(before, after, strict=True)])
    # It errs towards too little: a ballot is counted as 2/m a pair, and tells a little more than that.
    assert expected < rise < 1.5 * expected
