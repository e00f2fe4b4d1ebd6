"""Agreement of rankings: tau, Kendall's W and the alpha of pairwise preferences."""

from dataclasses import replace
from itertools import combinations
from math import nan
from random import Random

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement.alpha import NO_UNIT, ONE_UNIT, ONE_VALUE
from tasks.agreement.concordance import NO_SET, measure_ranking_agreement
from tasks.records.ballots import Ballot
from tasks.vocabulary import Coefficient, Metric
from tests.pure.crowd import draw_ballots

#: Ratings of the anxiety of twenty subjects by three raters (R package irr, data set `anxiety`).
ANXIETY = (
    (3, 3, 3, 4, 5, 5, 2, 3, 5, 2, 2, 6, 1, 5, 2, 2, 1, 2, 4, 3),
    (3, 6, 4, 6, 2, 4, 2, 4, 3, 3, 2, 3, 3, 3, 2, 2, 1, 3, 3, 4),
    (2, 1, 4, 4, 3, 2, 1, 6, 1, 1, 1, 2, 3, 3, 1, 1, 3, 3, 2, 2),
)


def ballot(*tiers, who, parent=1, rest_worse=False):
    placed = tuple(c for tier in tiers for c in tier)
    return Ballot(who, parent, tuple(map(tuple, tiers)), None, placed, rest_worse)


def ballot_of_ratings(ratings, *, who, parent=1):
    """The ranking that ratings make: the lowest first, equal ones tied."""
    tiers = [[c for c, rating in enumerate(ratings) if rating == value] for value in sorted(set(ratings))]
    return ballot(*tiers, who=who, parent=parent)


def measure(ballots, *, seed=1, resamples=50):
    """Tau, W and pairwise alpha of these ballots."""
    return measure_ranking_agreement(ballots, seed=seed, resamples=resamples)[:3]


def sign_on(made, first, second):
    """1, 0 or -1: how the ballot orders the two; None where it does not say."""
    tier = {c: number for number, members in enumerate(made.tiers) for c in members}
    if first not in tier or second not in tier:
        return None
    if tier[first] == tier[second]:
        silent = made.rest_worse and tier[first] == len(made.tiers) - 1
        return None if silent else 0
    return 1 if tier[first] < tier[second] else -1


def signs_by_pair(ballots):
    """{(parent, pair): signs given}, for pairs that two ballots or more compare."""
    found = {}
    for parent in {b.parent for b in ballots}:
        mine = [b for b in ballots if b.parent == parent]
        for pair in combinations(sorted({c for b in mine for t in b.tiers for c in t}), 2):
            signs = [s for b in mine if (s := sign_on(b, *pair)) is not None]
            if len(signs) > 1:
                found[parent, pair] = signs
    return found


@st.composite
def many_ballots(draw):
    made = []
    for parent in range(draw(st.integers(1, 4))):
        for annotator in range(draw(st.integers(1, 4))):
            tier_of = draw(st.lists(st.integers(-1, 2), min_size=4, max_size=4))
            tiers = [
                [parent * 10 + c for c, tier in enumerate(tier_of) if tier == wanted]
                for wanted in sorted({tier for tier in tier_of if tier >= 0})
            ]
            rest = draw(st.booleans())
            made.append(ballot(*tiers, who=f"a{annotator}", parent=parent, rest_worse=rest))
    return made


def test_kendall_w_of_the_anxiety_ratings_is_the_published_one():
    ballots = [ballot_of_ratings(row, who=f"rater {i}") for i, row in enumerate(ANXIETY)]
    _, w, _ = measure(ballots)
    assert round(w.value, 4) == 0.5397
    assert (w.n_units, w.n_judgments, w.n_annotators) == (1, 3, 3)
    assert (w.low, w.high, w.reason) == (None, None, ONE_UNIT)


def test_kendall_w_follows_from_the_mean_rank_correlation():
    rng = Random(3)
    m, k = 4, 6
    ranks = [rng.sample(range(k), k) for _ in range(m)]
    _, w, _ = measure([ballot_of_ratings(row, who=f"a{i}") for i, row in enumerate(ranks)])
    spearman = np.corrcoef(np.array(ranks, dtype=float))[np.triu_indices(m, 1)].mean()
    assert w.value == pytest.approx(1 / m + (1 - 1 / m) * spearman, abs=1e-6)


def test_kendall_w_is_taken_over_the_sets_that_were_placed_in_full():
    ballots = [
        *(ballot([1], [2], [3], who=f"a{i}") for i in range(3)),
        ballot([4], [5], who="b"),
        ballot([5], [4], who="c"),
        ballot([1], [9], who="d"),
    ]
    _, w, _ = measure(ballots)
    assert (w.value, w.n_units, w.n_judgments, w.n_annotators) == (0.5, 2, 5, 5)


def test_same_order_is_one_and_opposite_order_is_minus_one():
    same = [ballot([1], [2], [3], who=f"a{i}", parent=p) for i in range(3) for p in range(5)]
    tau, w, alpha = measure(same)
    assert (tau.value, tau.low, tau.high) == (1.0, 1.0, 1.0)
    assert (w.value, alpha.value) == (1.0, 1.0)
    opposite = [ballot([1], [2], [3], who="a"), ballot([3], [2], [1], who="b")]
    tau, w, alpha = measure(opposite)
    assert (tau.value, w.value) == (-1.0, 0.0)
    assert alpha.value < 0


def test_records_say_which_coefficient_they_are():
    tau, w, alpha = measure([ballot([1], [2], who="a"), ballot([2], [1], who="b")])
    assert [(r.coefficient, r.metric) for r in (tau, w, alpha)] == [
        (Coefficient.KENDALL_TAU, None),
        (Coefficient.KENDALL_W, None),
        (Coefficient.PAIRWISE_ALPHA, Metric.NOMINAL),
    ]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(many_ballots())
def test_tau_is_the_mean_over_pairs_of_annotators(ballots):
    taus = {}
    for (parent, _), signs in signs_by_pair(ballots).items():
        taus.setdefault(parent, []).extend(a * b for a, b in combinations(signs, 2))
    tau, _, _ = measure(ballots)
    if taus:
        means = [sum(products) / len(products) for products in taus.values()]
        assert tau.value == pytest.approx(sum(means) / len(means), abs=1e-6)
        assert tau.n_units == len(taus)
    else:
        assert (tau.value, tau.reason) == (None, NO_UNIT)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(many_ballots())
def test_pairwise_alpha_is_that_of_the_pairs_in_both_orientations(ballots):
    signs = list(signs_by_pair(ballots).values())
    _, _, alpha = measure(ballots)
    outcomes = {sign for given_signs in signs for sign in given_signs}
    if outcomes - {0}:
        units = [*signs, *([-s for s in each] for each in signs)]
        widest = max(map(len, units))
        table = np.array([[*each, *[nan] * (widest - len(each))] for each in units], dtype=float).T
        theirs = krippendorff.alpha(table, level_of_measurement="nominal")
        assert alpha.value == pytest.approx(theirs, abs=2e-6)
    else:
        assert alpha.value is None
        assert alpha.reason == (ONE_VALUE if outcomes else NO_UNIT)


def test_order_inside_the_rest_is_not_compared():
    ballots = [ballot([1], [2, 3], who="a", rest_worse=True), ballot([1], [2], [3], who="b")]
    tau, _, _ = measure(ballots)
    assert tau.value == 1.0
    tied = [replace(b, rest_worse=False) for b in ballots]
    assert measure(tied)[0].value == pytest.approx(2 / 3, abs=1e-6)


def test_of_two_ballots_of_one_annotator_the_last_counts():
    ballots = [ballot([1], [2], who="a"), ballot([2], [1], who="b"), ballot([1], [2], who="b")]
    tau, _, _ = measure(ballots)
    assert (tau.value, tau.n_judgments) == (1.0, 2)


def test_nothing_to_compare_is_none_with_a_reason():
    tau, w, alpha = measure([ballot([1], [2], who="a"), ballot([1], [2], who="a", parent=2)])
    assert [(r.value, r.low, r.high) for r in (tau, w, alpha)] == [(None, None, None)] * 3
    assert [r.reason for r in (tau, w, alpha)] == [NO_UNIT, NO_SET, NO_UNIT]


def test_only_ties_have_no_chance_corrected_agreement():
    tau, w, alpha = measure([ballot([1, 2], who="a"), ballot([1, 2], who="b")])
    assert (tau.value, w.value, alpha.value) == (0.0, None, None)
    assert (w.reason, alpha.reason) == (NO_SET, ONE_VALUE)


def test_other_ids_and_another_order_of_ballots_change_nothing():
    ballots, _ = draw_ballots(rng=Random(5), parents=12, ballots=4, candidates=4, shown=3)
    rng = Random(6)
    other = dict(zip(range(1200), rng.sample(range(10**6), 1200), strict=True))
    renamed = [
        replace(
            b,
            tiers=tuple(tuple(other[c] for c in tier) for tier in b.tiers),
            shown=tuple(other[c] for c in b.shown),
        )
        for b in rng.sample(ballots, len(ballots))
    ]
    assert measure(renamed) == measure(ballots)


def test_interval_of_tau_holds_the_truth_about_as_often_as_it_says():
    """Simulation: 95 % intervals of 100 samples of 60 parents, the truth from 6,000."""
    rng = Random(31)

    def draw(parents):
        return draw_ballots(rng=rng, parents=parents, ballots=3, candidates=4, bar=None)[0]

    truth = measure(draw(6000), resamples=1)
    held = [0, 0, 0]
    for sample in range(100):
        for at, record in enumerate(measure(draw(60), seed=sample, resamples=300)):
            held[at] += record.low <= truth[at].value <= record.high
    assert all(87 <= count <= 100 for count in held), held
