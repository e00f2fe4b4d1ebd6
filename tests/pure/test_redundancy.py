"""Enough, or one more: what stops a unit, in which order, within which bounds."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records.parameters import CampaignSettings, find_problems, read_settings
from tasks.records.scheduling import Redundancy, UnitState
from tasks.scheduling.redundancy import Certainty, decide_wanted, find_stop, read_redundancy
from tasks.vocabulary import Kind, StopReason

BOUNDS = Redundancy(base=2, minimum=2, maximum=6)
UNIT = UnitState(unit=1, kind=Kind.RANK, stratum="en", done=3, held=0, needed=3, wanted=3, uncertainty=0.5)
RULES = {"stop_confidence": 0.9, "stop_best": 0.95, "least_gain": 0.01}
UNSURE = Certainty(confidence=0.5, p_best=0.6, gain=0.05)


def certainties():
    share = st.none() | st.floats(0, 1)
    return st.builds(Certainty, confidence=share, p_best=share, gain=share)


def redundancies():
    bounds = st.lists(st.integers(1, 9), min_size=3, max_size=3).map(sorted)
    return st.builds(
        lambda three, **rules: Redundancy(minimum=three[0], base=three[1], maximum=three[2], **rules),
        bounds,
        stop_confidence=st.none() | st.floats(0.5, 0.999),
        stop_best=st.none() | st.floats(0.5, 0.999),
        least_gain=st.none() | st.floats(0.0001, 0.2),
    )


@pytest.mark.parametrize(
    ("rule", "certainty", "reason"),
    [
        ("stop_confidence", replace(UNSURE, confidence=0.9), StopReason.ORDER_SURE),
        ("stop_confidence", replace(UNSURE, confidence=0.899), None),
        ("stop_best", replace(UNSURE, p_best=0.95), StopReason.BEST_SURE),
        ("stop_best", replace(UNSURE, p_best=0.949), None),
        ("least_gain", replace(UNSURE, gain=0.0099), StopReason.LITTLE_GAIN),
        ("least_gain", replace(UNSURE, gain=0.01), None),
    ],
)
def test_each_rule_stops_by_itself_and_at_its_own_bound(rule, certainty, reason):
    assert find_stop(3, certainty, redundancy=replace(BOUNDS, **{rule: RULES[rule]})) == reason


@pytest.mark.parametrize(
    ("rule", "silenced"),
    [
        ("stop_confidence", Certainty(0.0, 1.0, 0.0)),
        ("stop_best", Certainty(1.0, 0.0, 0.0)),
        ("least_gain", Certainty(1.0, 1.0, 1.0)),
    ],
)
def test_a_rule_that_is_not_set_stops_nothing(rule, silenced):
    others = {name: value for name, value in RULES.items() if name != rule}
    assert find_stop(3, silenced, redundancy=replace(BOUNDS, **{rule: RULES[rule]})) is None
    assert find_stop(3, silenced, redundancy=replace(BOUNDS, **others)) is not None


def test_the_surest_reason_is_told_first():
    rule = replace(BOUNDS, **RULES)
    assert find_stop(6, Certainty(0.95, 0.99, 0.001), redundancy=rule) == StopReason.ORDER_SURE
    assert find_stop(6, Certainty(0.5, 0.99, 0.001), redundancy=rule) == StopReason.BEST_SURE
    assert find_stop(6, Certainty(0.5, 0.5, 0.001), redundancy=rule) == StopReason.LITTLE_GAIN
    assert find_stop(6, UNSURE, redundancy=rule) == StopReason.MAXIMUM
    assert find_stop(5, UNSURE, redundancy=rule) is None


def test_nothing_stops_before_the_fewest_judgments():
    assert find_stop(1, Certainty(1.0, 1.0, 0.0), redundancy=replace(BOUNDS, **RULES)) is None


def test_what_is_not_known_stops_nothing():
    assert find_stop(5, Certainty(), redundancy=replace(BOUNDS, **RULES)) is None


def test_without_a_rule_the_number_alone_stops():
    assert [find_stop(n, Certainty(1.0, 1.0, 0.0), redundancy=BOUNDS) for n in (1, 2, 3)] == [
        None,
        StopReason.FIXED,
        StopReason.FIXED,
    ]


@pytest.mark.parametrize(
    ("rules", "state", "wanted"),
    [
        ({"stop_best": 0.9}, {"p_best": 0.92}, 3),
        ({"stop_best": 0.9}, {"p_best": 0.92, "done": 1}, 2),
        ({"stop_best": 0.9}, {"p_best": 0.5}, 4),
        ({"least_gain": 0.01}, {"gain": 0.002}, 3),
        ({"least_gain": 0.01}, {"gain": 0.02}, 4),
        ({"least_gain": 0.01}, {"gain": 0.02, "done": 6}, 6),
        ({"least_gain": 0.01}, {"gain": None}, 4),
        ({"stop_confidence": 0.9, "least_gain": 0.01}, {"gain": 0.002, "uncertainty": 0.6}, 3),
        ({"stop_best": 0.9}, {"uncertainty": None, "done": 0}, 2),
    ],
)
def test_need_is_what_there_is_or_one_more(rules, state, wanted):
    assert decide_wanted(replace(UNIT, **state), redundancy=replace(BOUNDS, **rules)) == wanted


@settings(max_examples=300, deadline=None, derandomize=True)
@given(redundancies(), certainties(), st.integers(0, 12))
def test_need_and_stop_agree_and_stay_within_bounds(redundancy, certainty, done):
    uncertainty = None if certainty.confidence is None else 1 - certainty.confidence
    unit = replace(UNIT, done=done, uncertainty=uncertainty, p_best=certainty.p_best, gain=certainty.gain)
    wanted = decide_wanted(unit, redundancy=redundancy)
    assert redundancy.minimum <= wanted <= redundancy.maximum
    if uncertainty is not None:
        known = replace(certainty, confidence=round(1 - uncertainty, 6))
        assert (wanted <= done) == (find_stop(done, known, redundancy=redundancy) is not None)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(redundancies(), certainties(), st.integers(0, 12))
def test_who_is_surer_never_asks_for_more(redundancy, certainty, done):
    unit = replace(UNIT, done=done, uncertainty=0.5, p_best=certainty.p_best, gain=certainty.gain)
    surer = replace(unit, uncertainty=0.0, p_best=1.0, gain=0.0)
    assert decide_wanted(surer, redundancy=redundancy) <= decide_wanted(unit, redundancy=redundancy)


def test_defaults_leave_every_campaign_with_its_fixed_number():
    redundancy = read_redundancy(CampaignSettings())
    assert not redundancy.is_adaptive
    assert not CampaignSettings().stops_by_certainty
    assert decide_wanted(replace(UNIT, done=1, uncertainty=0.0, p_best=1.0, gain=0.0), redundancy=redundancy) == 3


@pytest.mark.parametrize("name", RULES)
def test_each_rule_alone_makes_certainty_decide(name):
    parameters = read_settings({name: RULES[name]})
    assert parameters.stops_by_certainty
    assert getattr(read_redundancy(parameters), name) == RULES[name]


@pytest.mark.parametrize("name", ["stop_confidence", "stop_best"])
@pytest.mark.parametrize("value", [0.0, 1.01, float("nan")])
def test_a_probability_out_of_range_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is a probability"):
        replace(BOUNDS, **{name: value})


@pytest.mark.parametrize("value", [0.0, 1.0, float("nan")])
def test_a_gain_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match="least_gain is a number"):
        replace(BOUNDS, least_gain=value)


@pytest.mark.parametrize(
    ("values", "name", "problem"),
    [
        ({"stop_best": 0.4}, "stop_best", "stop_best must be a number from 0.5 to 0.999 or null."),
        ({"least_gain": 0}, "least_gain", "least_gain must be a number from 0.0001 to 0.2 or null."),
        ({"least_gain": True}, "least_gain", "least_gain must be a number from 0.0001 to 0.2 or null."),
        (
            {"stop_best": 0.9, "redundancy": 9, "max_judgments": 8},
            "max_judgments",
            "max_judgments must be at least redundancy where certainty stops asking.",
        ),
        (
            {"least_gain": 0.01, "min_judgments": 5, "max_judgments": 4},
            "max_judgments",
            "max_judgments must be at least min_judgments.",
        ),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(values, name, problem):
    assert find_problems(values) == {name: problem}


def test_a_fixed_number_above_the_most_is_no_contradiction():
    assert find_problems({"redundancy": 20}) == {}
