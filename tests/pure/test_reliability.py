"""How reliable annotators are found: what moves it, what does not, and whether it is true of a known crowd."""

import json
from dataclasses import replace
from math import isfinite
from random import Random

import pytest

from tasks.agreement.consensus import combine_rankings
from tasks.agreement.reliability import estimate_reliability
from tasks.records.ballots import Ballot
from tasks.records.reliability import GoldBallot
from tests.pure.crowd import draw_ballots, draw_mixed_crowd


def ballot(who, *order, parent=1):
    return Ballot(who, parent, tuple((candidate,) for candidate in order), None, tuple(order))


def estimate(ballots, **given):
    return estimate_reliability(ballots, seed=1, nu=0.5, **given)


def by_name(record):
    return {one.annotator: one for one in record.annotators}


def test_nobody_at_all_is_an_empty_record():
    record = estimate([])
    assert (record.annotators, record.n_annotators, record.n_ballots, record.agreement) == ((), 0, 0, None)
    assert record.as_weights() == {}


def test_an_annotator_alone_is_taken_for_typical():
    [one] = estimate([ballot("ann", 1, 2, 3), ballot("ann", 4, 5, parent=2)]).annotators
    assert (one.sharpness, one.n_ballots, one.n_shared) == (pytest.approx(1.0, abs=0.03), 2, 0)
    assert (one.agreement, one.agreement_low, one.agreement_high) == (None, None, None)
    assert (one.low, one.high) == (pytest.approx(0.1, abs=0.1), pytest.approx(1.97, abs=0.1))


def test_a_newcomer_stays_near_typical_whatever_their_one_ballot_says():
    crowd = draw_mixed_crowd(rng=Random(1), parents=60, ballots=6, annotators=12)
    consensus = combine_rankings(crowd.ballots, seed=1)[0]
    order = sorted(consensus.candidates, key=lambda c: -consensus.scores[consensus.candidates.index(c)])
    newcomers = [ballot("with", *order, parent=0), ballot("against", *reversed(order), parent=0)]
    found = by_name(estimate([*crowd.ballots, *newcomers]))
    assert 0.2 < found["against"].sharpness < 0.8
    assert 1.0 < found["with"].sharpness < 1.3
    old = found["annotator 0000"]
    assert found["with"].high - found["with"].low > 1.5 * (old.high - old.low)
    assert (found["with"].agreement, found["against"].agreement) == (1.0, -1.0)
    assert found["against"].agreement_high > -0.1  # one ballot is no certainty


def test_agreement_is_with_the_others_and_not_with_oneself():
    """Two who contradict each other agree with nobody, though each is half of the consensus."""
    found = by_name(estimate([ballot("ann", 1, 2), ballot("bob", 2, 1)]))
    assert (found["ann"].agreement, found["bob"].agreement) == (-1.0, -1.0)


def test_agreement_looks_only_at_what_somebody_else_placed():
    found = by_name(estimate([ballot("ann", 9, 1, 2), ballot("bob", 1, 2)]))
    assert (found["ann"].agreement, found["ann"].n_shared) == (1.0, 1)


def test_two_ballots_of_one_person_on_one_parent_are_left_out_together():
    found = by_name(estimate([ballot("ann", 1, 2), ballot("ann", 1, 2), ballot("bob", 2, 1)]))
    assert (found["ann"].agreement, found["ann"].n_shared, found["ann"].n_ballots) == (-1.0, 1, 2)


def test_ties_of_all_with_all_say_nothing():
    tied = [Ballot(who, 1, ((1, 2, 3),), 1, (1, 2, 3)) for who in ("ann", "bob", "cleo")]
    for one in estimate(tied).annotators:
        assert (one.agreement, one.n_shared, one.sharpness) == (None, 0, pytest.approx(1.0, abs=0.03))


def test_order_and_names_change_nothing():
    ballots, _ = draw_ballots(rng=Random(3), parents=60, ballots=4, candidates=4, shown=3, annotators=20)
    gold = [GoldBallot(f"annotator {i % 7}", i % 3 / 2) for i in range(30)]
    once = estimate(ballots, gold=gold)
    rng = Random(4)
    assert estimate(rng.sample(ballots, len(ballots)), gold=rng.sample(gold, len(gold))) == once
    assert estimate(ballots, gold=gold) == once


def test_hash_changes_with_whatever_changes_the_result():
    ballots = [ballot("ann", 1, 2), ballot("bob", 2, 1)]
    records = [
        estimate(ballots),
        estimate([*ballots, ballot("bob", 3, 4, parent=2)]),
        estimate([ballots[0], replace(ballots[1], parent=2)]),
        estimate(ballots, gold=[GoldBallot("ann", 1.0)]),
        estimate(ballots, gold=[GoldBallot("ann", 0.5)]),
        estimate_reliability(ballots, seed=2, nu=0.5),
        estimate_reliability(ballots, seed=1, nu=0.4),
    ]
    assert len({record.input_hash for record in records}) == len(records)


def test_gold_moves_sharpness_of_those_without_overlap():
    gold = [GoldBallot("right", 1.0)] * 12 + [GoldBallot("wrong", 0.4)] * 12 + [GoldBallot("usual", 0.85)] * 12
    found = by_name(estimate([], gold=gold))
    assert found["wrong"].sharpness < 0.5
    assert 0.8 < found["usual"].sharpness < 1 < found["right"].sharpness
    assert (found["right"].n_gold, found["right"].gold_right, found["wrong"].gold_right) == (12, 12.0, 4.8)
    assert found["right"].n_ballots == 0


def test_gold_that_nobody_gets_right_says_nothing():
    found = by_name(estimate([], gold=[GoldBallot("ann", 0.0)] * 50 + [GoldBallot("bob", 0.0)]))
    assert found["ann"].sharpness == found["bob"].sharpness == pytest.approx(1.0, abs=0.03)


def test_gold_score_out_of_range_is_refused():
    with pytest.raises(ValueError, match="a share from 0 to 1"):
        GoldBallot("ann", 1.5)


def test_nu_out_of_range_is_refused():
    with pytest.raises(ValueError, match="nu must be a finite number"):
        estimate_reliability([], seed=1, nu=-1.0)


def test_everything_is_finite_and_json_in_the_oddest_cases():
    odd = [
        [ballot("ann", 1)],
        [ballot("ann", 1, 2), ballot("bob", 3, 4)],
        [ballot(f"a{i}", *range(30)) for i in range(40)] + [ballot("against", *reversed(range(30)))],
        [Ballot("ann", 1, ((1,), (2, 3)), 0, (1, 2, 3), rest_worse=True), ballot("bob", 3, 2, 1)],
        [Ballot("ann", 1, (), None, (1, 2)), ballot("bob", 2, 1)],
    ]
    for ballots in odd:
        record = estimate(ballots)
        json.dumps(record.as_result(), allow_nan=False)
        for one in record.annotators:
            assert 0 <= one.low <= one.sharpness <= one.high <= 3
            assert all(isfinite(value) for value in (one.sharpness, one.low, one.high, one.gold_right))
            if one.agreement is not None:
                assert -1 <= one.agreement_low <= one.agreement <= one.agreement_high <= 1


@pytest.fixture(scope="module")
def mixed():
    return draw_mixed_crowd(rng=Random(7), parents=500, ballots=6, annotators=100, random=0.2, colluding=0.1)


def test_careless_and_colluding_annotators_are_told_from_honest_ones(mixed):
    found = by_name(estimate(mixed.ballots))
    of = {
        kind: [found[name].sharpness for name, is_ in mixed.kinds.items() if is_ == kind]
        for kind in ("honest", "random", "colluding")
    }
    assert max(of["random"] + of["colluding"]) < 0.4 < min(of["honest"])
    assert sum(of["honest"]) / len(of["honest"]) == pytest.approx(1.0, abs=0.15)


def test_intervals_hold_the_true_sharpness_as_often_as_they_say(mixed):
    found = by_name(estimate(mixed.ballots))
    honest = [name for name, kind in mixed.kinds.items() if kind == "honest"]
    held = [found[name].low <= mixed.sharpness[name] <= found[name].high for name in honest]
    assert sum(held) / len(held) > 0.88


def test_consensus_weighed_by_it_is_nearly_that_of_the_honest_alone(mixed):
    weighed = combine_rankings(mixed.ballots, seed=1, sharpness=estimate(mixed.ballots).as_weights())
    honest = [b for b in mixed.ballots if mixed.kinds[b.annotator] == "honest"]
    oracle = combine_rankings(honest, seed=1, sharpness=estimate(honest).as_weights())
    plain = combine_rankings(mixed.ballots, seed=1)
    taus = [mixed.mean_tau(records) for records in (plain, weighed, oracle)]
    assert taus[2] - taus[1] < 0.01 < taus[2] - taus[0]
