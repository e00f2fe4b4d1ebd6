"""How long what is computed again and again rests."""

from __future__ import annotations

from annotate.services.stale import rest_hourly


def test_hourly_work_is_done_more_often_where_it_is_quick_and_less_where_it_is_slow() -> None:
    rests = [rest_hourly(took).total_seconds() for took in (0.2, 2, 120, 600)]
    assert rests == [300, 3600, 3600, 9000]
