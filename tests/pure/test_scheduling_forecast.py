"""When a campaign has what it needs: a rate with an interval, or nothing said."""

import random
from datetime import date, timedelta

from tasks.scheduling.forecast import Forecast, forecast_end

TODAY = date(2026, 5, 11)


def days_back(*counts: int) -> dict[date, int]:
    """Judgments by day: the first is yesterday's."""
    return {TODAY - timedelta(days=back): count for back, count in enumerate(counts, start=1)}


def test_rate_of_the_last_seven_days_leads_to_a_day_and_an_interval() -> None:
    counts = days_back(100, 120, 80, 100, 110, 90, 100, 9999)
    found = forecast_end(counts, remaining=1000, today=TODAY)
    assert found is not None
    assert (found.days, found.judgments, found.per_day) == (7, 700, 100.0)
    assert (round(found.low, 1), round(found.high, 1)) == (88.1, 111.9)
    assert (found.earliest, found.on, found.latest) == (date(2026, 5, 20), date(2026, 5, 21), date(2026, 5, 23))


def test_equal_days_still_have_the_interval_of_chance() -> None:
    found = forecast_end(days_back(*[16] * 7), remaining=160, today=TODAY)
    assert found is not None
    assert (round(found.low, 2), round(found.high, 2)) == (12.3, 19.7)


def test_today_is_not_over_and_does_not_count() -> None:
    counts = days_back(*[10] * 7) | {TODAY: 500}
    found = forecast_end(counts, remaining=100, today=TODAY)
    assert found is not None
    assert found.per_day == 10


def test_days_before_the_first_judgment_do_not_count() -> None:
    found = forecast_end(days_back(30, 30, 30), remaining=300, today=TODAY)
    assert found is not None
    assert (found.days, found.per_day) == (3, 30.0)


def test_quiet_days_after_the_first_judgment_count() -> None:
    found = forecast_end(days_back(70, 0, 0, 0, 0, 0, 0, 5), remaining=700, today=TODAY)
    assert found is not None
    assert (found.per_day, found.low, found.latest) == (10.0, 0.0, None)


def test_nothing_is_said_of_too_little() -> None:
    assert forecast_end(days_back(50, 50), remaining=100, today=TODAY) is None
    assert forecast_end(days_back(3, 3, 3, 3, 3, 3, 1), remaining=100, today=TODAY) is None
    assert forecast_end({}, remaining=100, today=TODAY) is None
    assert forecast_end(days_back(*[50] * 7), remaining=0, today=TODAY) is None


def test_day_beyond_two_years_is_not_named() -> None:
    found = forecast_end(days_back(*[3] * 7), remaining=10_000, today=TODAY)
    assert found == Forecast(
        remaining=10_000, days=7, judgments=21, per_day=3.0, low=found.low, high=found.high, on=None, earliest=None,
        latest=None,
    )  # fmt: skip


def test_interval_covers_the_true_rate_as_often_as_it_says() -> None:
    """400 campaigns of days that differ by more than chance: the rate is within in 95 %, give or take."""
    dice, true, within = random.Random(1), 60.0, 0
    for _ in range(400):
        counts = [max(0, round(dice.gauss(true, 18))) for _ in range(7)]
        found = forecast_end(days_back(*counts), remaining=1000, today=TODAY)
        within += found is not None and found.low <= true <= found.high
    assert 0.92 <= within / 400 <= 0.98
