"""Consensus where annotators differ in sharpness: what the model says, and what it does not depend on."""

from dataclasses import replace
from hashlib import sha256
from json import dumps
from math import exp
from random import Random

import numpy as np
import pytest

from tasks.agreement.block_consensus import nu_of_pairs
from tasks.agreement.cholesky import factorize, invert, solve
from tasks.agreement.consensus import combine_rankings
from tasks.agreement.pairs import LARGEST_SIZE, Comparisons, fit_comparisons, list_pairs
from tasks.agreement.tally import canonical_text
from tasks.records.ballots import Ballot
from tests.pure.crowd import draw_ballots


def ballot(who, *order, parent=1, bar=None):
    return Ballot(who, parent, tuple((candidate,) for candidate in order), bar, tuple(order))


def sharpness_of(ballots, rng):
    return {name: rng.choice([0.1, 0.5, 1.0, 1.7]) for name in sorted({b.annotator for b in ballots})}


def test_one_comparison_read_at_a_sharpness_is_the_root_found_by_bisection():
    sharpness, nu, variance = 1.6, 0.5, 2.25

    def slope(x):
        d = 2 * sharpness * x
        p_win = 1 / (1 + exp(-d) + nu * exp(-d / 2))
        return sharpness * (1 - p_win * (1 + nu * exp(-d / 2) / 2)) - x / variance

    low, high = 0.0, 5.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    [record] = combine_rankings([ballot("ann", 1, 2)], seed=1, nu=nu, sharpness={"ann": sharpness})
    assert record.scores == pytest.approx((low, -low), abs=1e-6)


def test_strengths_are_where_no_direction_leads_higher():
    """The gradient of the log posterior, by differences, of ballots at three sharpnesses."""
    ballots, _ = draw_ballots(rng=Random(4), parents=1, ballots=6, candidates=4)
    sharpness = sharpness_of(ballots, Random(1))
    [record] = combine_rankings(ballots, seed=1, sharpness=sharpness)
    index = {c: at for at, c in enumerate(record.candidates)}

    def log_posterior(t):
        total = -sum(x * x for x in t) / 4.5
        for each in ballots:
            tier_of = {c: n for n, tier in enumerate(each.tiers) for c in tier}
            for c, tier in tier_of.items():
                d = sharpness[each.annotator] * (t[index[c]] - t[-1])
                total -= 2 / len(tier_of) * np.log1p(exp(-d if tier < each.acceptable_tiers else d))
                for other, lower in tier_of.items():
                    d = sharpness[each.annotator] * (t[index[c]] - t[index[other]])
                    z = np.log(exp(d / 2) + exp(-d / 2) + 0.5)
                    if tier < lower:
                        total += 2 / len(tier_of) * (d / 2 - z)
                    if tier == lower and c < other:
                        total -= 2 / len(tier_of) * z
        return total

    # The prior holds the mean of all strengths at 0; the record's are measured from that of the candidates.
    at = np.array([*record.scores, record.bar_score])
    at -= at.mean()
    for direction in np.eye(len(at)):
        slope = (log_posterior(at + 1e-4 * direction) - log_posterior(at - 1e-4 * direction)) / 2e-4
        assert abs(slope) < 1e-4


def test_sharpness_one_is_what_it_is_without():
    ballots, _ = draw_ballots(rng=Random(2), parents=20, ballots=4, candidates=5, shown=4)
    everybody = {b.annotator: 1.0 for b in ballots}
    assert combine_rankings(ballots, seed=1, sharpness=everybody) == combine_rankings(ballots, seed=1)
    assert combine_rankings(ballots, seed=1, sharpness={"somebody else": 0.3}) == combine_rankings(ballots, seed=1)


def test_who_has_no_sharpness_is_not_heard():
    heard = [ballot("ann", 1, 2, 3, bar=1), ballot("bob", 2, 1, 3)]
    silenced = [ballot("cleo", 3, 2, 1, bar=0), ballot("cleo", 8, 9, parent=2)]
    found = combine_rankings([*heard, *silenced], seed=1, sharpness={"cleo": 0.0})
    assert found == combine_rankings(heard, seed=1)
    assert combine_rankings(silenced, seed=1, sharpness={"cleo": 0.0}) == []


def test_the_sharper_of_two_who_differ_is_followed():
    [record] = combine_rankings([ballot("ann", 1, 2), ballot("bob", 2, 1)], seed=1, sharpness={"bob": 0.4})
    assert record.scores[0] > 0 > record.scores[1]
    assert record.margins[0][1] == 0
    many = [ballot(f"dull {n}", 2, 1) for n in range(4)] + [ballot(f"sharp {n}", 1, 2) for n in range(4)]
    sharp = {f"dull {n}": 0.1 for n in range(4)}
    [record] = combine_rankings(many, seed=1, sharpness=sharp)
    assert record.tiers == ((1,), (2,))


def test_result_is_the_same_bit_for_bit_in_any_order_alone_and_among_others():
    ballots, truth = draw_ballots(rng=Random(5), parents=120, ballots=5, candidates=5, shown=4, annotators=30)
    sharpness = sharpness_of(ballots, Random(6))
    together = combine_rankings(ballots, seed=3, sharpness=sharpness)
    shuffled = Random(7).sample(ballots, len(ballots))
    assert combine_rankings(shuffled, seed=3, sharpness=sharpness) == together
    for record in together[::17]:
        own = [b for b in ballots if b.parent == record.parent]
        assert combine_rankings(own, seed=3, sharpness=sharpness) == [record]
    assert len(together) == len(truth)


def test_sharpness_is_in_the_hash_as_documented():
    ballots = [ballot("ann", 1, 2), ballot("bob", 2, 1)]
    lines = [
        dumps(["davidson_bar", "2", 1, 0.5]),
        dumps(["weights", [["bob", 2.0]]]),
        dumps(["sharpness", [["ann", 0.5]]]),
        *sorted(map(canonical_text, ballots)),
    ]
    given = {"weights": {"bob": 2.0, "ann": 1.0, "x": 3.0}, "sharpness": {"ann": 0.5, "bob": 1.0, "y": 2.0}}
    [record] = combine_rankings(ballots, seed=1, **given)
    assert record.input_hash == sha256("\n".join(lines).encode()).hexdigest()
    swapped = {"weights": {"ann": 0.5}, "sharpness": {"bob": 2.0}}
    records = [combine_rankings(ballots, seed=1, **each)[0] for each in (given, swapped, {}, {"with_gain": True})]
    assert len({each.input_hash for each in records}) == 4


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_sharpness_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match="sharpness must be finite and at least 0"):
        combine_rankings([ballot("ann", 1, 2)], seed=1, sharpness={"ann": value})


def test_many_candidates_are_solved_alone_as_among_others_and_as_few_are():
    size = LARGEST_SIZE + 6
    orders = [Random(n).sample(range(size), size) for n in range(4)]
    first = [ballot(f"a{n}", *order, parent=1, bar=3) for n, order in enumerate(orders)]
    second = [replace(each, parent=2, tiers=tuple(reversed(each.tiers))) for each in first]
    given = {"a0": 0.4, "a1": 1.3}
    both = combine_rankings([*second, *first], seed=1, sharpness=given)
    assert both == [combine_rankings(each, seed=1, sharpness=given)[0] for each in (first, second)]
    assert both[0].confidence == pytest.approx(both[1].confidence, abs=0.2)


def test_two_ways_of_solving_give_the_same_strengths(monkeypatch):
    rng = np.random.RandomState(8)
    first, _ = list_pairs(6)
    net, extra = rng.normal(0, 2, (2, len(first), 40))
    comparisons = Comparisons(net, np.abs(net) + np.abs(extra), rng.uniform(0.1, 2, 40), np.arange(0, 40, 4))
    batched = fit_comparisons(comparisons, items=6, nu=nu_of_pairs(0.5, 5), prior_variance=2.25)
    monkeypatch.setattr("tasks.agreement.pairs.LARGEST_SIZE", 3)
    one_by_one = fit_comparisons(comparisons, items=6, nu=nu_of_pairs(0.5, 5), prior_variance=2.25)
    assert np.abs(batched.strengths - one_by_one.strengths).max() < 1e-9
    assert np.abs(batched.covariance - one_by_one.covariance).max() < 1e-9


def test_weights_beyond_all_measure_are_said_to_be():
    comparisons = Comparisons(np.full((1, 1), np.inf), np.full((1, 1), np.inf))
    with np.errstate(invalid="ignore"), pytest.raises(ArithmeticError, match="did not converge"):
        fit_comparisons(comparisons, items=2, nu=np.full((1, 1), 0.5), prior_variance=1.0)


def test_cholesky_in_batches_is_that_of_one():
    rng = np.random.RandomState(1)
    roots = rng.normal(size=(30, 5, 5))
    matrices = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(5)
    right = rng.normal(size=(30, 5))
    lower = factorize(np.ascontiguousarray(matrices.transpose(1, 2, 0)))
    assert np.abs(lower.transpose(2, 0, 1) - np.linalg.cholesky(matrices)).max() < 1e-12
    found = solve(lower, np.ascontiguousarray(right.T)).T
    assert np.abs(found - np.linalg.solve(matrices, right[..., None])[..., 0]).max() < 1e-9
    assert np.abs(invert(lower).transpose(2, 0, 1) - np.linalg.inv(matrices)).max() < 1e-9
