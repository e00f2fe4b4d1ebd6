"""Tau-b and the alphas of ranks against a formula written out, published identities and another package."""

from itertools import combinations
from math import nan, sqrt
from random import Random

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import kendalltau

from tasks.agreement.alpha import NO_UNIT, ONE_UNIT, ONE_VALUE
from tasks.agreement.concordance import NO_SET, measure_ranking_agreement, measure_table
from tasks.agreement.ranking_units import collect_ballots, compare_annotators, select_parents, tabulate_rankings
from tasks.records.ballots import Ballot
from tasks.vocabulary import Coefficient
from tests.pure.crowd import draw_ballots
from tests.pure.test_agreement_rankings import ANXIETY, ballot, ballot_of_ratings, many_ballots, sign_on


def measure(ballots, *, seed=1, resamples=50):
    """Tau-b and both alphas of ranks."""
    return measure_ranking_agreement(ballots, seed=seed, resamples=resamples)[3:]


def tau_b(one, other):
    """The formula; None where one of the two ties all that both compare."""
    candidates = sorted({c for tier in one.tiers for c in tier} & {c for tier in other.tiers for c in tier})
    signs = [(sign_on(one, *pair), sign_on(other, *pair)) for pair in combinations(candidates, 2)]
    signs = [(a, b) for a, b in signs if a is not None and b is not None]
    scale = sum(a * a for a, _ in signs) * sum(b * b for _, b in signs)
    return sum(a * b for a, b in signs) / sqrt(scale) if scale else None


def mid_ranks(made):
    """Candidate → rank; a tie has the mean of its ranks."""
    ranks, better = {}, 0
    for tier in made.tiers:
        ranks |= dict.fromkeys(tier, better + (len(tier) + 1) / 2)
        better += len(tier)
    return ranks


def find_sets(ballots):
    """Ballots of each parent that placed the same candidates, where there are two."""
    sets = {}
    for each in ballots:
        sets.setdefault((each.parent, tuple(sorted(mid_ranks(each)))), []).append(each)
    return [(placed, group) for (_, placed), group in sets.items() if len(group) > 1 and len(placed) > 1]


def test_tau_b_of_nine_lots_of_tuna_is_the_one_in_the_manual_of_r():
    """Hollander & Wolfe (1973), p. 187: the tuna data of `?cor.test` has no ties; tau is 0.4444 there."""
    lightness = (44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1)
    panel = (2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8)
    found, *_ = measure([ballot_of_ratings(lightness, who="hunter"), ballot_of_ratings(panel, who="panel")])
    assert found.value == pytest.approx(16 / 36, abs=1e-6)
    assert (found.n_units, found.n_judgments, found.n_annotators, found.reason) == (1, 2, 2, ONE_UNIT)


def test_tau_b_corrects_for_ties():
    """Of three pairs one is tied by the first: 2 agree, over the root of 2 · 3."""
    found, *_ = measure([ballot([1], [2, 3], who="a"), ballot([1], [2], [3], who="b")])
    assert found.value == pytest.approx(2 / sqrt(6), abs=1e-6)


def test_tau_b_of_the_anxiety_ratings_is_the_mean_over_raters():
    ballots = [ballot_of_ratings(row, who=f"rater {i}") for i, row in enumerate(ANXIETY)]
    pairs = [tau_b(one, other) for one, other in combinations(ballots, 2)]
    assert pairs == pytest.approx([kendalltau(one, other).statistic for one, other in combinations(ANXIETY, 2)])
    found, *_ = measure(ballots)
    assert found.value == pytest.approx(sum(pairs) / 3, abs=1e-6)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(many_ballots())
def test_tau_b_is_the_mean_of_the_formula_over_pairs_then_parents(ballots):
    means = []
    for parent in {each.parent for each in ballots}:
        mine = [each for each in ballots if each.parent == parent]
        known = [tau for pair in combinations(mine, 2) if (tau := tau_b(*pair)) is not None]
        if known:
            means.append(sum(known) / len(known))
    found, *_ = measure(ballots)
    if means:
        assert found.value == pytest.approx(sum(means) / len(means), abs=1e-6)
        assert found.n_units == len(means)
    else:
        assert (found.value, found.low, found.high, found.reason) == (None, None, None, NO_UNIT)


def test_many_ballots_on_one_parent_are_compared_in_parts(monkeypatch):
    ballots, _ = draw_ballots(rng=Random(5), parents=1, ballots=12, candidates=4)
    (whole,) = [taus for _, parts in compare_annotators(collect_ballots(ballots)) for _, taus in parts]
    before = measure(ballots)
    monkeypatch.setattr("tasks.agreement.ranking_units.CHUNK", 30)
    parts = [part for _, parts in compare_annotators(collect_ballots(ballots)) for part in parts]
    assert [first for first, _ in parts] == [0, 2, 4, 6, 8, 10]
    np.testing.assert_array_equal(np.concatenate([taus for _, taus in parts], axis=1), whole)
    assert measure(ballots) == before


@settings(max_examples=100, deadline=None, derandomize=True)
@given(many_ballots())
def test_alphas_of_ranks_are_those_of_the_krippendorff_package(ballots):
    sets = find_sets(ballots)
    units = [[(mid_ranks(each)[c] - 0.5) / len(placed) for each in group] for placed, group in sets for c in placed]
    _, ordinal, interval = measure(ballots)
    assert (ordinal.n_units, interval.n_units) == (len(sets), len(sets))
    if len({value for unit in units for value in unit}) > 1:
        widest = max(map(len, units))
        data = np.array([[*unit, *[nan] * (widest - len(unit))] for unit in units], dtype=float).T
        assert ordinal.value == pytest.approx(krippendorff.alpha(data, level_of_measurement="ordinal"), abs=2e-6)
        assert interval.value == pytest.approx(krippendorff.alpha(data, level_of_measurement="interval"), abs=2e-6)
    else:
        assert (ordinal.value, interval.value) == (None, None)
        assert ordinal.reason == interval.reason == (ONE_VALUE if sets else NO_SET)


def test_interval_alpha_of_ranks_of_one_size_is_alpha_of_the_ranks_themselves():
    rng = Random(9)
    ranks = [rng.sample(range(1, 7), 6) for _ in range(3)]
    _, ordinal, interval = measure([ballot_of_ratings(row, who=f"a{i}") for i, row in enumerate(ranks)])
    assert interval.value == pytest.approx(krippendorff.alpha(ranks, level_of_measurement="interval"), abs=1e-6)
    assert ordinal.value == pytest.approx(krippendorff.alpha(ranks, level_of_measurement="ordinal"), abs=1e-6)


def test_interval_alpha_of_ranks_comes_to_the_mean_rank_correlation():
    """For complete rankings 1 - alpha = (1 - mean Spearman) (N - 1) / N, over sets of one size."""
    ballots, _ = draw_ballots(rng=Random(2), parents=300, ballots=4, candidates=5, tie_within=0, bar=None)
    correlations = []
    for placed, group in find_sets(ballots):
        table = np.array([[mid_ranks(each)[c] for c in placed] for each in group])
        correlations.append(np.corrcoef(table)[np.triu_indices(len(group), 1)].mean())
    _, _, interval = measure(ballots)
    n = 300 * 4 * 5
    assert interval.value == pytest.approx(1 - (1 - np.mean(correlations)) * (n - 1) / n, abs=1e-6)


def test_pair_agreement_and_tau_say_the_same_where_nobody_ties():
    ballots, _ = draw_ballots(rng=Random(4), parents=40, ballots=3, candidates=4, tie_within=0)
    tau, *_, tau_b_found, _, _ = measure_ranking_agreement(ballots, seed=1, resamples=10)
    assert tau.value == tau_b_found.value


def test_a_table_of_some_parents_is_measured_as_their_ballots_alone():
    ballots, _ = draw_ballots(rng=Random(8), parents=9, ballots=4, candidates=5, shown=4)
    table = tabulate_rankings(collect_ballots(ballots))
    some = [1, 4, 5]
    alone = measure_ranking_agreement([each for each in ballots if each.parent in some], seed=3)
    assert measure_table(select_parents(table, some), seed=3) == alone


def test_nobody_agrees_where_nobody_is():
    records = measure_ranking_agreement([], seed=1)
    assert [record.value for record in records] == [None] * 6
    assert [record.reason for record in records] == [NO_UNIT, NO_SET, NO_UNIT, NO_UNIT, NO_SET, NO_SET]


def test_where_all_tie_everything_there_is_no_figure():
    ballots = [ballot([1, 2, 3], who=f"a{i}", parent=p) for i in range(3) for p in range(2)]
    tau_b_found, ordinal, interval = measure(ballots)
    assert [each.value for each in (tau_b_found, ordinal, interval)] == [None, None, None]
    assert ordinal.reason == interval.reason == ONE_VALUE


def test_one_candidate_one_ballot_and_nothing_placed_say_not_enough():
    empty = Ballot("a", 1, (), None, (1, 2))
    for ballots in ([empty], [ballot([1], who="a")], [ballot([1], who="a"), ballot([1], who="b")]):
        assert [record.value for record in measure_ranking_agreement(ballots, seed=1)] == [None] * 6


def test_many_units_have_the_interval_that_drawing_them_one_by_one_gives(monkeypatch):
    """Their sums are drawn from the normal law that they follow."""
    ballots, _ = draw_ballots(rng=Random(6), parents=300, ballots=4, candidates=6, tie_within=0.2)
    lawful = {record.coefficient: record for record in measure_ranking_agreement(ballots, seed=1)}
    monkeypatch.setattr("tasks.agreement.concordance.MOST_UNITS", 1000)
    drawn = {record.coefficient: record for record in measure_ranking_agreement(ballots, seed=1)}
    for coefficient in set(Coefficient) - {Coefficient.KRIPPENDORFF_ALPHA}:
        one, other = drawn[coefficient], lawful[coefficient]
        width = one.high - one.low
        assert one.value == other.value
        assert (one.low, one.high) != (other.low, other.high)
        assert other.low == pytest.approx(one.low, abs=0.12 * width)
        assert other.high == pytest.approx(one.high, abs=0.12 * width)


def test_interval_of_ranks_holds_the_truth_about_as_often_as_it_says():
    """The truth is the figure of 4,000 parents; 95 % intervals of samples of 40, of which 86 % would be too few."""
    truth = measure(draw_ballots(rng=Random(1), parents=4000, ballots=3, candidates=4)[0], resamples=1)
    held = np.zeros(3)
    for sample in range(100):
        ballots, _ = draw_ballots(rng=Random(100 + sample), parents=40, ballots=3, candidates=4)
        records = measure(ballots, seed=sample, resamples=300)
        held += [one.low <= true.value <= one.high for one, true in zip(records, truth, strict=True)]
    assert (held >= 86).all(), held
