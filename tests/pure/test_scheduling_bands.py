"""Reasons that tell nothing, how far a stratum is, and how many judgments a unit should have."""

from dataclasses import replace

import pytest

from tasks.records.scheduling import Redundancy, StratumState, UnitState
from tasks.scheduling.bands import give_reason, measure_deficit
from tasks.scheduling.redundancy import decide_wanted
from tasks.vocabulary import Kind, ReasonCode

ADAPTIVE = Redundancy(base=3, minimum=2, maximum=6, stop_confidence=0.8)
FRESH = UnitState(unit=1, kind=Kind.RANK, stratum="en", done=0, held=0, needed=3, wanted=3)
THIN = StratumState(stratum="en", target=10, done=3, label="English, cooking")
FULL = StratumState(stratum="en", target=10, done=10, label="English, cooking")


@pytest.mark.parametrize(
    ("target", "done", "held", "deficit"),
    [
        (10, 0, 0, 1.0),
        (10, 4, 1, 0.5),
        (10, 8, 5, 0.0),
        (10, 30, 0, 0.0),
        (None, 0, 0, 0.0),
        (0, 0, 0, 0.0),
    ],
)
def test_deficit_counts_work_under_way_as_done(target, done, held, deficit):
    assert measure_deficit(StratumState("x", target, done, held)) == deficit


@pytest.mark.parametrize(
    ("kind", "done", "stratum", "reason"),
    [
        (Kind.RANK, 0, THIN, ReasonCode.STRATUM_THIN),
        (Kind.RANK, 0, FULL, ReasonCode.FIRST_JUDGMENT),
        (Kind.RANK, 0, None, ReasonCode.FIRST_JUDGMENT),
        (Kind.RANK, 1, FULL, ReasonCode.MORE_VOICES),
        (Kind.WRITE_ASSISTANT_REPLY, 0, THIN, ReasonCode.REPLY_WANTED),
    ],
)
def test_the_reason_is_of_the_kind_the_stratum_or_the_first_judgment(kind, done, stratum, reason):
    assert give_reason(kind=kind, done=done, stratum=stratum)[0] == reason


def test_a_thin_stratum_is_told_with_its_counts():
    _, args = give_reason(kind=Kind.RANK, done=0, stratum=THIN)
    assert args == {"where": "English, cooking", "done": "3", "target": "10"}


@pytest.mark.parametrize(
    ("done", "uncertainty", "wanted"),
    [
        (0, None, 3),
        (1, 0.1, 2),
        (2, 0.1, 2),
        (3, 0.2, 3),
        (2, 0.5, 3),
        (3, 0.5, 4),
        (5, 0.5, 6),
        (6, 0.5, 6),
        (9, 0.5, 6),
        (9, 0.0, 6),
        (4, None, 4),
    ],
)
def test_need_follows_uncertainty_within_its_bounds(done, uncertainty, wanted):
    unit = replace(FRESH, done=done, uncertainty=uncertainty)
    assert decide_wanted(unit, redundancy=ADAPTIVE) == wanted


def test_need_is_fixed_where_no_confidence_is_set():
    rule = Redundancy(base=3, minimum=1, maximum=9)
    for uncertainty in (None, 0.0, 1.0):
        unit = replace(FRESH, done=5, uncertainty=uncertainty)
        assert decide_wanted(unit, redundancy=rule) == 3


@pytest.mark.parametrize(
    "bounds",
    [(2, 3, 4), (3, 0, 4), (5, 1, 4)],
)
def test_redundancy_out_of_its_bounds_is_refused(bounds):
    base, minimum, maximum = bounds
    with pytest.raises(ValueError, match="1 <= minimum <= base <= maximum"):
        Redundancy(base=base, minimum=minimum, maximum=maximum)


@pytest.mark.parametrize("confidence", [0.0, 1.01, float("nan")])
def test_stop_confidence_out_of_range_is_refused(confidence):
    with pytest.raises(ValueError, match="stop_confidence"):
        Redundancy(base=3, minimum=2, maximum=4, stop_confidence=confidence)
