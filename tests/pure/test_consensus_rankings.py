"""Consensus per parent: what it says, how sure it is, and what it does not depend on."""

import gc
import hashlib
import json
from dataclasses import replace
from itertools import combinations, pairwise
from math import sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement.block_consensus import TIE_BELOW
from tasks.agreement.consensus import combine_rankings, fit_nu
from tasks.agreement.davidson import DEFAULT_NU
from tasks.agreement.tally import canonical_text, count_blocks
from tasks.records.ballots import Ballot
from tests.pure.crowd import draw_ballots, draw_pair_outcome


def ballot(*tiers, who="ann", parent=1, bar=None, shown=None, rest_worse=False):
    placed = tuple(candidate for tier in tiers for candidate in tier)
    return Ballot(
        annotator=who,
        parent=parent,
        tiers=tuple(map(tuple, tiers)),
        acceptable_tiers=bar,
        shown=placed if shown is None else tuple(shown),
        rest_worse=rest_worse,
    )


def combine_one(*ballots, seed=1, **options):
    [record] = combine_rankings(ballots, seed=seed, **options)
    return record


@st.composite
def drawn_ballots(draw, parent=1, most_candidates=6, most_ballots=6):
    """Ballots of one parent: partial ones, ties, bars, rests, of any size."""
    ids = draw(st.lists(st.integers(1, 10**6), unique=True, min_size=1, max_size=most_candidates))
    made = []
    for number in range(draw(st.integers(1, most_ballots))):
        shown = draw(st.permutations(ids))[: draw(st.integers(1, len(ids)))]
        tier_of = draw(st.lists(st.integers(-1, 3), min_size=len(shown), max_size=len(shown)))
        tiers = tuple(
            tuple(c for c, tier in zip(shown, tier_of, strict=True) if tier == wanted)
            for wanted in sorted({tier for tier in tier_of if tier >= 0})
        )
        made.append(
            Ballot(
                annotator=f"annotator {number}",
                parent=parent,
                tiers=tiers,
                acceptable_tiers=draw(st.none() | st.integers(0, len(tiers))),
                shown=tuple(shown),
                rest_worse=draw(st.booleans()),
            )
        )
    return made


def test_unanimous_ballots_are_the_consensus():
    record = combine_one(*(ballot([3], [9], [5], who=f"a{i}", bar=1) for i in range(8)))
    assert record.tiers == ((3,), (9,), (5,))
    assert record.candidates == (3, 5, 9)
    assert record.ranks == (1, 3, 2)
    assert record.acceptable_tiers == 1
    assert record.placements == (8, 8, 8)
    assert (record.n_ballots, record.n_annotators, record.connected) == (8, 8, True)
    assert record.p_best[0] > 0.95


def test_opposed_ballots_tie_and_share_rank_and_chances():
    record = combine_one(ballot([1], [2], who="a"), ballot([2], [1], who="b"))
    assert record.tiers == ((1, 2),)
    assert record.ranks == (1, 1)
    assert record.scores == (0.0, 0.0)
    assert record.p_best == (0.5, 0.5)
    assert record.p_above == ((0.5, 0.5), (0.5, 0.5))
    assert (record.confidence, record.uncertainty) == (0.0, 1.0)


def test_ranks_are_shared_within_a_tier_and_skip_after_it():
    record = combine_one(*(ballot([7], [2, 4], [1], who=f"a{i}") for i in range(12)))
    assert record.tiers == ((7,), (2, 4), (1,))
    assert dict(zip(record.candidates, record.ranks, strict=True)) == {7: 1, 2: 2, 4: 2, 1: 4}


def test_candidates_that_nobody_placed_are_named_and_not_ranked():
    record = combine_one(ballot([1], [2], shown=[4, 1, 3, 2]))
    assert record.tiers == ((1,), (2,))
    assert record.unplaced == (3, 4)


def test_parent_on_which_nothing_was_placed_has_no_consensus():
    assert combine_rankings([ballot(shown=[1, 2])], seed=1) == []
    assert combine_rankings([], seed=1) == []


def test_bar_not_given_is_none_and_not_zero():
    record = combine_one(ballot([1], [2]))
    assert (record.acceptable_tiers, record.p_acceptable, record.bar_score) == (None, None, None)


def test_all_bad_is_zero_acceptable_tiers_though_the_order_stands():
    record = combine_one(*(ballot([1], [2], who=f"a{i}", bar=0) for i in range(6)))
    assert record.tiers == ((1,), (2,))
    assert record.acceptable_tiers == 0
    assert max(record.p_acceptable) < 0.5


def test_bar_given_by_some_ballots_only_counts_those():
    silent = [ballot([1], [2], who=f"s{i}") for i in range(5)]
    record = combine_one(*silent, *(ballot([1], [2], who=f"a{i}", bar=2) for i in range(5)))
    assert record.acceptable_tiers == len(record.tiers) == 2
    assert min(record.p_acceptable) > 0.5


def test_single_candidate_has_a_verdict_and_no_order():
    record = combine_one(*(ballot([5], who=f"a{i}", bar=1) for i in range(4)))
    assert (record.tiers, record.ranks, record.p_best) == (((5,),), (1,), (1.0,))
    assert (record.acceptable_tiers, record.confidence, record.uncertainty) == (1, None, None)


def test_the_rest_is_worse_than_what_stands_above_and_not_tied_inside():
    [tied] = count_blocks([ballot([1], [2, 3])], weights={}, sharpness={})
    [rest] = count_blocks([ballot([1], [2, 3], rest_worse=True)], weights={}, sharpness={})
    third = 2 / 3
    # The pairs of 1, 2, 3 and the bar: (1, 2), (1, 3), (1, bar), (2, 3), (2, bar), (3, bar).
    assert tied.comparisons.net[:, 0].tolist() == rest.comparisons.net[:, 0].tolist() == [third, third, 0, 0, 0, 0]
    assert tied.comparisons.met[:, 0].tolist() == [third, third, 0, third, 0, 0]
    assert rest.comparisons.met[:, 0].tolist() == [third, third, 0, 0, 0, 0]
    assert (tied.ties[:, 0].tolist(), rest.ties.sum()) == ([0, 0, 0, third, 0, 0], 0)


def test_ballot_of_m_candidates_weighs_m_minus_one():
    for size in range(2, 9):
        [block] = count_blocks([ballot(*([i] for i in range(size)))], weights={}, sharpness={})
        assert block.comparisons.met.sum() == pytest.approx(size - 1)


def test_comparisons_that_never_meet_are_said_to():
    apart = combine_one(ballot([1], [2], who="a"), ballot([3], [4], who="b"))
    chained = combine_one(ballot([1], [2], who="a"), ballot([3], [4], who="b"), ballot([2], [3], who="c"))
    by_the_bar = combine_one(ballot([1], [2], who="a", bar=1), ballot([3], [4], who="b", bar=1))
    assert (apart.connected, chained.connected, by_the_bar.connected) == (False, True, True)


def test_weight_two_is_the_same_ballot_from_two_annotators():
    weighed = combine_one(ballot([1], [2], [3], who="a", bar=1), ballot([2], [3, 1], who="b"), weights={"a": 2.0})
    doubled = combine_one(
        ballot([1], [2], [3], who="a", bar=1),
        ballot([1], [2], [3], who="a too", bar=1),
        ballot([2], [3, 1], who="b"),
    )
    assert weighed.scores == doubled.scores
    assert weighed.standard_errors == doubled.standard_errors
    assert weighed.p_above == doubled.p_above


def test_more_ballots_of_the_same_kind_leave_less_doubt():
    errors = [
        combine_one(*(ballot([1], [2], who=f"a{i}") for i in range(n))).standard_errors[0] for n in (1, 4, 16, 64)
    ]
    assert errors == sorted(errors, reverse=True)


def test_extreme_agreement_of_thousands_is_finite_and_ordered():
    record = combine_one(*(ballot(*([c] for c in range(8)), who=f"a{i}") for i in range(3000)))
    assert record.tiers == tuple((c,) for c in range(8))
    assert record.confidence == pytest.approx(1.0, abs=1e-6)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(drawn_ballots(), st.randoms(use_true_random=False))
def test_order_of_ballots_and_within_tiers_changes_nothing(ballots, rng):
    shuffled = [
        replace(
            b,
            tiers=tuple(tuple(rng.sample(tier, len(tier))) for tier in b.tiers),
            shown=tuple(rng.sample(b.shown, len(b.shown))),
        )
        for b in rng.sample(ballots, len(ballots))
    ]
    assert combine_rankings(shuffled, seed=4) == combine_rankings(ballots, seed=4)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(drawn_ballots(parent=1), drawn_ballots(parent=2), drawn_ballots(parent=3))
def test_result_is_the_same_bit_for_bit_alone_and_among_others(first, second, third):
    alone = [record for each in (first, second, third) for record in combine_rankings(each, seed=9)]
    assert combine_rankings([*third, *first, *second], seed=9) == alone


def test_result_is_the_same_bit_for_bit_in_a_batch_of_hundreds():
    ballots, truth = draw_ballots(rng=Random(2), parents=300, ballots=4, candidates=5)
    batch = {record.parent: record for record in combine_rankings(ballots, seed=3)}
    for parent in (0, 7, 150, 299):
        assert combine_rankings([b for b in ballots if b.parent == parent], seed=3) == [batch[parent]]
    assert sorted(batch) == sorted(truth)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(drawn_ballots(), st.randoms(use_true_random=False))
def test_other_ids_give_the_same_consensus_of_other_ids(ballots, rng):
    ids = sorted({c for b in ballots for c in b.shown})
    other = dict(zip(ids, rng.sample(range(10**6), len(ids)), strict=True))
    renamed = [
        replace(
            b,
            tiers=tuple(tuple(other[c] for c in tier) for tier in b.tiers),
            shown=tuple(other[c] for c in b.shown),
        )
        for b in ballots
    ]
    for before, after in zip(combine_rankings(ballots, seed=5), combine_rankings(renamed, seed=5), strict=True):
        at = [after.candidates.index(other[c]) for c in before.candidates]
        assert [{other[c] for c in tier} for tier in before.tiers] == [set(t) for t in after.tiers]
        assert before.acceptable_tiers == after.acceptable_tiers
        assert before.ranks == tuple(after.ranks[i] for i in at)
        assert before.scores == pytest.approx([after.scores[i] for i in at], abs=2e-6)
        assert before.p_best == pytest.approx([after.p_best[i] for i in at], abs=2e-6)
        for i, row in enumerate(before.p_above):
            assert row == pytest.approx([after.p_above[at[i]][j] for j in at], abs=2e-6)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(drawn_ballots())
def test_tiers_are_an_order_of_groups_that_cannot_be_told_apart(ballots):
    for record in combine_rankings(ballots, seed=6):
        index = {c: i for i, c in enumerate(record.candidates)}
        tiers = [[index[c] for c in tier] for tier in record.tiers]
        above = record.p_above
        assert sorted(c for tier in record.tiers for c in tier) == list(record.candidates)
        for tier in tiers:
            assert all(max(above[i][j], above[j][i]) < TIE_BELOW for i, j in combinations(tier, 2))
        for better, worse in pairwise(tiers):
            assert max(above[i][j] for i in better for j in worse) >= TIE_BELOW
            assert min(record.scores[i] for i in better) > max(record.scores[j] for j in worse)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(drawn_ballots())
def test_figures_are_probabilities_that_fit_together(ballots):
    for record in combine_rankings(ballots, seed=6):
        size = len(record.candidates)
        assert sum(record.p_best) == pytest.approx(1.0, abs=1e-5)
        assert sum(record.scores) == pytest.approx(0.0, abs=1e-5)
        for i, j in combinations(range(size), 2):
            assert record.p_above[i][j] + record.p_above[j][i] == pytest.approx(1.0, abs=1e-9)
        assert json.loads(json.dumps(record.as_result(), allow_nan=False))["candidates"] == list(record.candidates)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(drawn_ballots(), st.lists(st.sampled_from([0.0, 0.05, 0.4, 1.0, 2.5]), min_size=6, max_size=6))
def test_what_counting_says_fits_together_whatever_the_sharpness(ballots, values):
    sharpness = {f"annotator {number}": value for number, value in enumerate(values)}
    heard = [b for b in ballots if sharpness[b.annotator] > 0]
    for record in combine_rankings(ballots, seed=6, sharpness=sharpness):
        json.dumps(record.as_result(), allow_nan=False)
        size = len(record.candidates)
        assert sorted(c for tier in record.ranked_pairs for c in tier) == list(record.candidates)
        for i, j in combinations(range(size), 2):
            pair = {record.candidates[i], record.candidates[j]}
            together = sum(pair <= {c for tier in b.tiers for c in tier} for b in heard)
            assert (record.margins[i][j] is None) == (record.margins[j][i] is None) == (together == 0)
            if together:
                assert record.margins[i][j] == -record.margins[j][i]
                assert -1 <= record.margins[i][j] <= 1
        for candidate, share, row in zip(record.candidates, record.borda, record.margins, strict=True):
            compared = [b for b in heard if sum(map(len, b.tiers)) > 1 and any(candidate in tier for tier in b.tiers)]
            assert (share is None) == (not compared)
            assert share is None or 0 <= share <= 1
            assert row[record.candidates.index(candidate)] == 0


def test_hash_is_the_sha256_of_the_documented_lines():
    one = ballot([5], [2, 9], who='Zoë "z"', bar=1, shown=[9, 5, 2, 7])
    two = ballot([2], [5], who="b", shown=[5, 2], rest_worse=True)
    lines = [
        json.dumps(["davidson_bar", "2", 11, 0.5]),
        *sorted(
            [
                json.dumps(['Zoë "z"', [[5], [2, 9]], 1, False, [2, 5, 7, 9]]),
                json.dumps(["b", [[2], [5]], None, True, [2, 5]]),
            ]
        ),
    ]
    assert canonical_text(one) in lines
    assert combine_one(one, two, seed=11).input_hash == hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_hash_changes_with_whatever_changes_the_result():
    ballots = (ballot([1], [2], [3], who="a", bar=1), ballot([2], [1, 3], who="b"))
    records = [
        combine_one(*ballots),
        combine_one(*ballots, seed=2),
        combine_one(*ballots, nu=0.4),
        combine_one(*ballots, weights={"b": 1.5}),
        combine_one(ballots[0], replace(ballots[1], acceptable_tiers=2)),
        combine_one(ballots[0], replace(ballots[1], rest_worse=True)),
        combine_one(ballots[0], replace(ballots[1], shown=(2, 1, 3, 4))),
        combine_one(*ballots, ballot([1], [2], who="c")),
    ]
    assert len({record.input_hash for record in records}) == len(records)
    assert combine_one(*ballots, weights={"somebody else": 3.0}).scores == records[0].scores


def test_seed_touches_the_draws_alone():
    ballots = [ballot([1], [2], [3], who="a"), ballot([2], [1, 3], who="b")]
    one, other = (combine_one(*ballots, seed=seed) for seed in (1, 2**40))
    assert one.p_best != other.p_best
    assert one.p_best == pytest.approx(other.p_best, abs=0.1)
    assert replace(one, p_best=(), seed=0, input_hash="") == replace(other, p_best=(), seed=0, input_hash="")


def test_best_of_two_is_the_one_above():
    record = combine_one(ballot([1], [2]))
    assert record.p_best == (record.p_above[0][1], record.p_above[1][0])


def test_equal_candidates_have_equal_chances_whatever_their_ids():
    record = combine_one(ballot([8], [3], who="a"), ballot([1], [9], who="b"))
    chance = dict(zip(record.candidates, record.p_best, strict=True))
    assert chance[8] == chance[1] > chance[3] == chance[9]


@pytest.mark.parametrize("nu", [-0.1, float("nan"), float("inf")])
def test_nu_out_of_range_is_refused(nu):
    with pytest.raises(ValueError, match="nu must be a finite number"):
        combine_rankings([ballot([1], [2])], seed=1, nu=nu)


def test_weight_out_of_range_is_refused():
    with pytest.raises(ValueError, match="weight must be finite and above 0"):
        combine_rankings([ballot([1], [2])], seed=1, weights={"ann": 0.0})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tiers": ((1,), ())}, "tier of this ballot is empty"),
        ({"tiers": ((1,), (1,))}, "stands twice"),
        ({"tiers": ((1,), (9,))}, "was not shown"),
        ({"shown": (1, 2, 1)}, "shown twice"),
        ({"acceptable_tiers": 3}, "a number from 0"),
    ],
)
def test_ballot_that_contradicts_itself_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        replace(ballot([1], [2], bar=1), **fields)


def test_fitted_nu_is_the_one_that_the_outcomes_were_drawn_with():
    rng = Random(8)
    ballots = []
    for parent in range(150):
        difference = rng.gauss(0, 1)
        for voter in range(60):
            outcome = draw_pair_outcome(rng=rng, difference=difference, nu=0.8)
            tiers = {1: ([1], [2]), 0: ([1, 2],), -1: ([2], [1])}[outcome]
            ballots.append(ballot(*tiers, who=f"a{voter}", parent=parent, bar=0))
    assert fit_nu(ballots) == pytest.approx(0.8, abs=0.06)


def test_fitted_nu_stays_in_bounds_where_it_has_no_estimate():
    assert fit_nu([]) == DEFAULT_NU
    assert fit_nu([ballot([1], bar=1)]) == DEFAULT_NU
    assert fit_nu([ballot([1], [2])]) == 0.01
    assert fit_nu([ballot([1, 2])]) == 20.0


def test_claims_about_order_and_acceptability_hold_as_often_as_they_say():
    """Simulation: claims of P(i above j) against the truth, in four bins; the bar's as a whole."""
    ballots, truth = draw_ballots(rng=Random(12), parents=500, ballots=5, candidates=5, shown=4)
    claims, verdicts = [], []
    for record in combine_rankings(ballots, seed=1):
        strengths = [truth[record.parent][c] for c in record.candidates]
        for i, j in combinations(range(len(strengths)), 2):
            p, right = record.p_above[i][j], strengths[i] > strengths[j]
            claims.append((p, right) if p >= 0.5 else (1 - p, not right))
        verdicts += [(p > 0.5) == (s > 0.3) for p, s in zip(record.p_acceptable, strengths, strict=True)]
    for low, high in ((0.5, 0.65), (0.65, 0.8), (0.8, 0.95), (0.95, 1.001)):
        bin_ = [claim for claim in claims if low <= claim[0] < high]
        claimed = sum(p for p, _ in bin_) / len(bin_)
        actual = sum(right for _, right in bin_) / len(bin_)
        assert abs(actual - claimed) < 0.05 + 2 * sqrt(0.25 / len(bin_)), (low, claimed, actual)
    assert sum(verdicts) / len(verdicts) > 0.82


def test_the_bar_sharpens_the_order_of_what_was_never_shown_together():
    """Simulation: mean Kendall tau with the true order, with the bar and without it."""
    ballots, truth = draw_ballots(rng=Random(13), parents=400, ballots=6, candidates=5, shown=3)
    blind = [replace(b, acceptable_tiers=None) for b in ballots]

    def mean_tau(given):
        signs = []
        for record in combine_rankings(given, seed=1):
            for i, j in combinations(range(len(record.candidates)), 2):
                known = truth[record.parent]
                true = known[record.candidates[i]] > known[record.candidates[j]]
                claimed = record.scores[i] - record.scores[j]
                signs.append(0 if claimed == 0 else 1 if (claimed > 0) == true else -1)
        return sum(signs) / len(signs)

    with_bar, without = mean_tau(ballots), mean_tau(blind)
    assert with_bar > without > 0.6


def test_the_collector_of_garbage_is_left_as_it_was() -> None:
    ballots, _truth = draw_ballots(rng=Random(1), parents=3, ballots=3, candidates=3, annotators=5)
    assert gc.isenabled()
    running = combine_rankings(ballots, seed=1)
    assert gc.isenabled()
    gc.disable()
    try:
        assert combine_rankings(ballots, seed=1) == running
        assert not gc.isenabled()
    finally:
        gc.enable()
    gc.freeze()
    try:
        assert combine_rankings(ballots, seed=1) == running
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
    with pytest.raises(AttributeError):
        combine_rankings([None], seed=1)  # type: ignore[list-item]
    assert gc.isenabled()
