"""Where the points of a line over time stand."""

from __future__ import annotations

from annotate.web.plot_lines import HEIGHT, MARGIN, place_points
from annotate.web.plots import make_axis

AXIS = make_axis([], low=0, high=1, step=0.5)


def test_points_stand_at_equal_distances_and_lines_join_what_is_known() -> None:
    plot = place_points(AXIS, [(0.0, None, None), (0.5, 0.25, 1.0), (1.0, 0.5, 1.0)], height=100)
    assert [(point.x, point.y, point.low, point.high) for point in plot.points] == [
        (MARGIN, 100.0, None, None),
        (50.0, 50.0, 75.0, 0.0),
        (100 - MARGIN, 0.0, 50.0, 0.0),
    ]
    assert [point.before for point in plot.points] == [None, (MARGIN, 100.0), (50.0, 50.0)]


def test_a_month_of_which_nothing_is_known_leaves_a_gap() -> None:
    plot = place_points(AXIS, [(0.5, None, None), (None, None, None), (0.5, None, None)])
    assert [point.y for point in plot.points] == [HEIGHT / 2, None, HEIGHT / 2]
    assert [point.before for point in plot.points] == [None, None, None]


def test_one_point_stands_in_the_middle_and_none_are_no_points() -> None:
    assert [point.x for point in place_points(AXIS, [(1.0, None, None)]).points] == [50.0]
    assert place_points(AXIS, []).points == ()


def test_ticks_run_from_the_bottom_up() -> None:
    assert [(tick.at, tick.value) for tick in place_points(AXIS, [], height=100).ticks] == [(100, 0), (50, 0.5), (0, 1)]
