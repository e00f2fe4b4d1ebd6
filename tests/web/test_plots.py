"""Where the marks of a plot stand."""

from datetime import date, timedelta

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from annotate.figures import percent, shorten, two, whole
from annotate.web.plots import (
    MapCell,
    Tick,
    make_axis,
    place_cells,
    place_days,
    place_whisker,
    round_up,
    shade_of,
)

TODAY = date(2026, 5, 4)


def test_axis_holds_every_value_by_whole_steps() -> None:
    assert make_axis([0.2, 0.7], low=0, high=1, step=0.5).ticks == (Tick(0, 0), Tick(50, 0.5), Tick(100, 1))
    wider = make_axis([-0.13], low=0, high=1, step=0.5)
    assert (wider.low, wider.high, [tick.at for tick in wider.ticks]) == (-0.5, 1, [0, 33.33, 66.67, 100])


def test_whisker_stands_between_its_ends() -> None:
    axis = make_axis([], low=0, high=1, step=0.5)
    whisker = place_whisker(axis, value=0.5, low=0.25, high=0.8)
    assert (whisker.low, whisker.at, whisker.high) == (25, 50, 80)
    alone = place_whisker(axis, value=0.5, low=None, high=0.8)
    assert (alone.low, alone.at, alone.high) == (None, 50, None)


@given(st.lists(st.floats(-5, 5), min_size=1))
def test_every_value_stands_within_the_plot(values) -> None:
    axis = make_axis(values, low=0, high=1, step=0.5)
    places = [axis.place(value) for value in values]
    assert all(0 <= place <= 100 for place in places)
    assert axis.low <= min(values) + 1e-6
    assert max(values) - 1e-6 <= axis.high


def test_days_without_judgments_are_bars_of_no_height() -> None:
    plot = place_days({TODAY: 5, TODAY - timedelta(days=2): 10, TODAY - timedelta(days=3): 99}, last=TODAY, days=3)
    assert [(bar.day.day, bar.count, bar.height, bar.y) for bar in plot.bars] == [
        (2, 10, 120, 0),
        (3, 0, 0, 120),
        (4, 5, 60, 60),
    ]
    assert [tick.value for tick in plot.ticks] == [0, 5, 10]
    assert [bar.x for bar in plot.bars] == [4, 37.333, 70.667]


def test_no_judgments_at_all_are_a_flat_plot() -> None:
    assert {bar.height for bar in place_days({}, last=TODAY, days=30).bars} == {0}


@given(st.integers(0, 10**9))
def test_axis_of_days_ends_above_its_highest_at_a_number_with_a_whole_half(value) -> None:
    top = round_up(value)
    assert top >= value
    assert top % 2 == 0
    assert value <= 2 or top <= 2.5 * value


@pytest.mark.parametrize(
    ("done", "target", "shade"),
    [
        (0, 12, 0),
        (1, 12, 0),
        (2, 12, 1),
        (6, 12, 2),
        (8, 12, 3),
        (11, 12, 4),
        (99, 12, 4),
        (5, None, None),
        (5, 0, None),
    ],
)
def test_shade_says_how_far_a_cell_is(done, target, shade) -> None:
    assert shade_of(done, target) == shade


def test_map_leaves_out_cells_that_are_not_there() -> None:
    found = place_cells({("en", "law"): (3, 12), ("de", "art"): (1, None)}, rows=["en", "de"], columns=["law", "art"])
    assert found.cells == (
        MapCell("en", "law", 3, 12, 1, 132, 30),
        MapCell("de", "art", 1, None, None, 240, 64),
    )
    assert (found.width, found.height) == (345, 95)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0 %"), (0.001, "under 1 %"), (0.784, "78 %"), (0.999, "99 %"), (1, "100 %"), (1.2, "120 %")],
)
def test_share_is_never_whole_before_it_is(value, text) -> None:
    assert percent(value) == text


def test_numbers_have_their_sign_and_their_groups() -> None:
    assert (whole(4630), whole(None)) == ("4,630", "–")
    assert [two(value) for value in (2 / 3, -0.131, -0.001, 1, None)] == ["0.67", "−0.13", "0.00", "1.00", "–"]


def test_minus_stays_before_its_number_where_one_reads_from_right_to_left() -> None:
    with override("ar"):
        assert two(-0.131) == "\u200e−0.13"


def test_names_are_cut_where_they_no_longer_fit() -> None:
    assert shorten("Everyday", 14) == "Everyday"
    assert shorten("Everyday questions", 14) == "Everyday ques…"
    assert shorten("日本語の質問についての", 14) == "日本語の質問…"
