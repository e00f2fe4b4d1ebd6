"""The past under another rule: it stops where the rule would have, tells what was lost, and invents nothing."""

import json
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement import replay as tracing
from tasks.agreement.consensus import combine_rankings
from tasks.agreement.replay import limit_streams, trace_parents
from tasks.records.ballots import Ballot
from tasks.records.redundancy import ReplayRecord, Step, Trace
from tasks.records.scheduling import Redundancy
from tasks.scheduling.replay import expect_fixed, find_fixed, find_place, replay
from tasks.vocabulary import StopReason
from tests.pure.crowd import draw_ballots

RULE = Redundancy(base=1, minimum=1, maximum=40, stop_confidence=0.8)


def draw_streams(*, parents=60, rankings=8, seed=1, **more):
    ballots, truth = draw_ballots(rng=Random(seed), parents=parents, ballots=rankings, candidates=4, **more)
    streams = {}
    for ballot in ballots:
        streams.setdefault(ballot.parent, []).append(ballot)
    return streams, truth


def steps_of(*confidences):
    return tuple(Step(one, 0.5, 0.05, 0.5, 1.0) for one in confidences)


def ordered(annotator, *candidates, parent=1):
    return Ballot(annotator, parent, tuple((one,) for one in candidates), None, candidates)


def test_after_each_ranking_it_tells_what_the_consensus_of_those_says():
    streams, _ = draw_streams(parents=5, rankings=4)
    for trace in trace_parents(streams, seed=1):
        for number, step in enumerate(trace.steps, start=1):
            [record] = combine_rankings(streams[trace.parent][:number], seed=1, with_gain=True)
            told = (round(record.confidence, 4), round(max(record.p_best), 4), round(record.gain, 5))
            assert (step.confidence, step.p_best, step.gain) == told


def test_the_last_step_agrees_with_itself():
    streams, _ = draw_streams(parents=20)
    for trace in trace_parents(streams, seed=1):
        assert trace.steps[-1].best_kept == 1.0
        assert trace.steps[-1].tau == pytest.approx(1.0)


def test_a_first_ranking_that_was_outvoted_has_the_order_reversed():
    stream = [ordered("a", 3, 2, 1), *(ordered(name, 1, 2, 3) for name in "bcdefg")]
    [trace] = trace_parents({1: stream}, seed=1)
    assert (trace.steps[0].tau, trace.steps[0].best_kept) == (-1.0, 0.0)


def test_the_order_in_which_rankings_came_is_kept():
    stream = [ordered("a", 1, 2), ordered("b", 2, 1), ordered("c", 2, 1)]
    forward, backward = (trace_parents({1: one}, seed=1)[0] for one in (stream, stream[::-1]))
    assert forward.steps[0].tau == -1.0
    assert backward.steps[0].tau == 1.0
    assert forward.steps[-1] == backward.steps[-1]


def test_parents_do_not_depend_on_which_others_are_told():
    streams, _ = draw_streams(parents=30)
    together = {trace.parent: trace.steps for trace in trace_parents(streams, seed=1)}
    alone = {parent: trace_parents({parent: stream}, seed=1)[0].steps for parent, stream in streams.items()}
    assert together == alone


def test_rankings_of_somebody_who_is_not_heard_tell_nothing():
    stream = [ordered("silent", 2, 1), ordered("a", 1, 2), ordered("b", 1, 2)]
    [trace] = trace_parents({1: stream}, seed=1, sharpness={"silent": 0.0})
    assert trace.steps[0] == Step(confidence=0.0, p_best=0.0, gain=1.0, tau=0.0, best_kept=0.0)
    assert len(trace.steps) == 3
    assert trace.steps[1].tau == 1.0


def test_where_there_is_no_order_nothing_is_told():
    one_candidate = [Ballot("a", 1, ((1,),), None, (1,)), Ballot("b", 1, ((1,),), None, (1,))]
    assert trace_parents({1: one_candidate, 2: []}, seed=1) == []
    assert trace_parents({}, seed=1) == []


def test_a_candidate_that_came_later_was_in_no_pair_before():
    stream = [ordered("a", 1, 2), ordered("b", 1, 2, 3)]
    [trace] = trace_parents({1: stream}, seed=1)
    assert trace.steps[0].tau == pytest.approx(1 / 3, abs=1e-4)


def test_time_is_bounded_by_taking_fewer_parents_and_their_first_rankings(monkeypatch):
    monkeypatch.setattr(tracing, "MOST_STEPS", 3)
    monkeypatch.setattr(tracing, "MOST_COUNTED", 13)
    streams = {parent: [ordered(str(number), 1, 2, parent=parent) for number in range(5)] for parent in (7, 5, 6)}
    assert {parent: len(stream) for parent, stream in limit_streams(streams).items()} == {7: 3, 5: 3}


def test_traces_come_back_from_storage_as_they_were():
    streams, _ = draw_streams(parents=6, rankings=3)
    for trace in trace_parents(streams, seed=1):
        stored = json.loads(json.dumps(trace.as_row(), allow_nan=False))
        assert Trace.from_row(stored) == replace(trace, ahead=())


def test_what_is_ahead_rises_from_what_is_known_and_ends_at_certainty():
    streams, _ = draw_streams(parents=40, rankings=3)
    for trace in trace_parents(streams, seed=1):
        path = [trace.steps[-1].confidence, *trace.ahead]
        assert all(before <= after + 1e-9 for before, after in pairwise(path))
        assert path[-1] <= 1.0
        assert trace.ahead[0] >= trace.steps[-1].confidence


def test_what_was_expected_of_more_rankings_is_about_what_they_brought():
    streams, _ = draw_streams(parents=500, rankings=12)
    short = expect_fixed(trace_parents({parent: stream[:4] for parent, stream in streams.items()}, seed=1))
    whole = expect_fixed(trace_parents(streams, seed=1))
    assert short[:4] == whole[:4]
    for number in (5, 8, 11):
        assert short[number] == pytest.approx(whole[number], abs=0.02)


def test_fixed_number_found_from_an_adaptive_past_is_the_true_one():
    """Of an adaptive past alone it must find what whole streams, which nobody has then, say of a fixed number."""
    streams, _ = draw_streams(parents=500, rankings=30, seed=4)
    whole = trace_parents(dict(list(streams.items())[:120]), seed=1)
    places = {trace.parent: find_place(trace, redundancy=RULE)[0] for trace in whole}
    past = trace_parents({parent: streams[parent][:number] for parent, number in places.items()}, seed=1)
    sure = sum(trace.steps[-1].confidence for trace in past) / len(past)
    found, true = (find_fixed(expect_fixed(traces), confidence=sure) for traces in (past, whole))
    assert found == pytest.approx(true, rel=0.15)


def test_a_replay_stops_each_parent_where_the_rule_says_enough():
    traces = [
        Trace(1, steps_of(0.5, 0.85, 0.9)),
        Trace(2, steps_of(0.5, 0.6, 0.7, 0.75)),
        Trace(3, steps_of(0.95)),
    ]
    found = replay(traces, redundancy=RULE)
    assert found == ReplayRecord(
        parents=3,
        given=8,
        asked=7,
        stopped=1,
        ran_out=1,
        tau=0.5,
        tau_stopped=0.5,
        best_kept=1.0,
        confidence=0.85,
        reasons={StopReason.ORDER_SURE: 2},
        per_parent={1: 1, 2: 1, 4: 1},
    )
    assert found.saved == 0.125


def test_a_replay_of_nothing_says_nothing():
    found = replay([], redundancy=RULE)
    assert (found.parents, found.given, found.asked, found.tau, found.best_kept, found.saved) == (
        0,
        0,
        0,
        None,
        None,
        None,
    )


def test_a_fixed_number_is_a_rule_like_any_other():
    traces = [Trace(1, steps_of(0.5, 0.6, 0.7)), Trace(2, steps_of(0.5))]
    found = replay(traces, redundancy=Redundancy(base=2, minimum=2, maximum=2))
    assert (found.asked, found.ran_out, found.reasons) == (3, 1, {StopReason.FIXED: 1})


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=6), max_size=6),
    st.integers(1, 4),
    st.integers(0, 5),
    st.none() | st.floats(0.5, 0.99),
    st.none() | st.floats(0.5, 0.99),
)
def test_a_replay_never_asks_for_what_was_not_given(rows, minimum, more, stop_confidence, stop_best):
    traces = [Trace(parent, steps_of(*row)) for parent, row in enumerate(rows)]
    rule = Redundancy(
        base=minimum, minimum=minimum, maximum=minimum + more, stop_confidence=stop_confidence, stop_best=stop_best
    )
    found = replay(traces, redundancy=rule)
    assert found.asked <= found.given
    assert sum(found.per_parent.values()) == found.parents
    assert sum(found.reasons.values()) + found.ran_out == found.parents


def test_a_stricter_rule_asks_for_more_and_loses_less():
    streams, _ = draw_streams(parents=300, rankings=10)
    traces = trace_parents(streams, seed=1)
    loose, strict = (replay(traces, redundancy=replace(RULE, stop_confidence=stop)) for stop in (0.6, 0.9))
    assert loose.asked < strict.asked < strict.given
    assert 0.6 < loose.tau < strict.tau < 1
    assert loose.best_kept < strict.best_kept


@pytest.mark.parametrize(
    ("curve", "confidence", "number"),
    [
        ([0.5, 0.6, 0.8], 0.6, 2.0),
        ([0.5, 0.6, 0.8], 0.7, 2.5),
        ([0.5], 0.4, 1.0),
        ([0.5, 0.6], 0.7, None),
        ([], 0.5, None),
    ],
)
def test_a_fixed_number_is_read_off_between_two_whole_ones(curve, confidence, number):
    assert find_fixed(curve, confidence=confidence) == number


def test_where_nothing_was_told_no_fixed_number_is_expected():
    assert expect_fixed([]) == []
