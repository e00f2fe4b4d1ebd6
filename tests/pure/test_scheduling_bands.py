"""Bands: what is wanted most, how many judgments a unit should have, and reasons that tell nothing."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records.scheduling import Band, Redundancy, StratumState, UnitState
from tasks.scheduling.bands import list_changes, measure_deficit, score_units
from tasks.scheduling.redundancy import decide_wanted
from tasks.vocabulary import Kind, ReasonCode

FIXED = Redundancy(base=3, minimum=3, maximum=3)
ADAPTIVE = Redundancy(base=3, minimum=2, maximum=6, stop_confidence=0.8)
FRESH = UnitState(unit=1, kind=Kind.RANK, stratum="en", done=0, held=0, needed=3, wanted=3)
THIN = StratumState(stratum="en", target=10, done=0, label="English, cooking")
FULL = StratumState(stratum="en", target=10, done=10, label="English, cooking")


def score_one(unit, *strata, redundancy=FIXED):
    [band] = score_units([unit], strata=strata or [THIN], redundancy=redundancy)
    return band


def unit_states():
    counts = st.integers(0, 8)
    return st.builds(
        UnitState,
        unit=st.integers(1, 9),
        kind=st.sampled_from(list(Kind)),
        stratum=st.sampled_from(["en", "de", "nowhere"]),
        done=counts,
        held=counts,
        needed=st.integers(1, 9),
        wanted=st.integers(1, 9),
        band=st.none() | st.integers(0, 1000),
        uncertainty=st.none() | st.floats(0, 1),
    )


STRATA = (
    StratumState("en", 40, 35, 2, label="English"),
    StratumState("de", 40, 3, 0, label="German"),
)


def test_band_explains_itself():
    unit = replace(FRESH, done=1, held=1, uncertainty=0.4)
    assert score_one(unit, replace(THIN, done=5, held=2)) == Band(
        unit=1,
        band=340,
        wanted=3,
        reason_code=ReasonCode.MORE_VOICES,
        reason_args={"stratum": "English, cooking"},
        terms={"deficit": 0.3, "uncertainty": 0.4, "vacancy": 0.3333, "score": 0.34},
    )


def test_untouched_unit_of_an_empty_stratum_is_wanted_most():
    assert score_one(FRESH).band == 1000


def test_sure_and_full_unit_of_a_full_stratum_is_wanted_least():
    assert score_one(replace(FRESH, done=3, uncertainty=0.0), FULL).band == 0


def test_thin_stratum_goes_before_a_full_one():
    assert score_one(FRESH, THIN).band > score_one(FRESH, FULL).band


def test_first_judgments_go_before_second_ones():
    judged = replace(FRESH, done=1, uncertainty=0.9)
    assert score_one(FRESH, FULL).band > score_one(judged, FULL).band


def test_unsure_unit_goes_before_a_sure_one():
    unsure, sure = (replace(FRESH, done=2, uncertainty=u) for u in (0.8, 0.2))
    assert score_one(unsure).band > score_one(sure).band


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


def test_unit_of_an_unknown_stratum_has_no_deficit():
    band = score_one(replace(FRESH, stratum="nowhere"))
    assert (band.terms["deficit"], band.reason_args) == (0.0, {})


@pytest.mark.parametrize(
    ("unit", "stratum", "reason"),
    [
        (FRESH, THIN, ReasonCode.STRATUM_THIN),
        (FRESH, FULL, ReasonCode.FIRST_JUDGMENT),
        (replace(FRESH, done=1), FULL, ReasonCode.MORE_VOICES),
        (replace(FRESH, kind=Kind.WRITE_ASSISTANT_REPLY), THIN, ReasonCode.REPLY_WANTED),
    ],
)
def test_reason_is_of_the_kind_the_stratum_or_the_first_judgment(unit, stratum, reason):
    assert score_one(unit, stratum).reason_code == reason


@settings(max_examples=200, deadline=None, derandomize=True)
@given(unit_states(), st.none() | st.floats(0, 1))
def test_reason_tells_nothing_of_what_others_thought(unit, other_uncertainty):
    first, second = (
        score_one(replace(unit, uncertainty=u), *STRATA, redundancy=ADAPTIVE)
        for u in (unit.uncertainty, other_uncertainty)
    )
    assert (first.reason_code, first.reason_args) == (second.reason_code, second.reason_args)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(unit_states(), max_size=6), st.sampled_from([FIXED, ADAPTIVE]))
def test_bands_are_coarse_bounded_and_in_the_order_of_the_units(units, redundancy):
    bands = score_units(units, strata=STRATA, redundancy=redundancy)
    assert [band.unit for band in bands] == [unit.unit for unit in units]
    assert all(band.band in range(0, 1001, 20) for band in bands)
    assert all(redundancy.minimum <= band.wanted <= redundancy.maximum for band in bands)


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


def test_only_what_changed_is_listed():
    units = [replace(FRESH, unit=n) for n in (1, 2, 3)]
    bands = score_units(units, strata=[THIN], redundancy=FIXED)
    scored = [
        replace(units[0], band=bands[0].band),
        replace(units[1], band=bands[1].band - 20),
        replace(units[2], band=bands[2].band, wanted=5),
    ]
    assert list_changes(scored, bands) == [bands[1], bands[2]]
    assert list_changes(units, bands) == bands


def test_change_too_small_for_a_step_changes_nothing():
    bands = [score_one(replace(FRESH, done=2, uncertainty=u), FULL).band for u in (0.500, 0.505, 0.510)]
    assert len(set(bands)) == 1


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
