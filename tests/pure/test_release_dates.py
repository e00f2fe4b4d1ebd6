"""The next release is due on a Monday or on the first of a month, in UTC, and never now."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tasks.scheduling.release_dates import next_release_at
from tasks.vocabulary import ReleaseSchedule


@pytest.mark.parametrize(
    ("after", "due"),
    [
        (datetime(2026, 5, 4, 12, tzinfo=UTC), datetime(2026, 5, 11, tzinfo=UTC)),
        (datetime(2026, 5, 4, tzinfo=UTC), datetime(2026, 5, 11, tzinfo=UTC)),
        (datetime(2026, 5, 10, 23, 59, 59, 999999, tzinfo=UTC), datetime(2026, 5, 11, tzinfo=UTC)),
        (datetime(2026, 12, 31, 1, tzinfo=UTC), datetime(2027, 1, 4, tzinfo=UTC)),
        # Already Monday in Auckland, still Sunday in UTC.
        (datetime(2026, 5, 4, 2, tzinfo=timezone(timedelta(hours=12))), datetime(2026, 5, 4, tzinfo=UTC)),
    ],
)
def test_a_weekly_release_is_due_next_monday(after, due):
    assert next_release_at(schedule=ReleaseSchedule.WEEKLY, after=after) == due


@pytest.mark.parametrize(
    ("after", "due"),
    [
        (datetime(2026, 5, 4, 12, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)),
        (datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)),
        (datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_a_monthly_release_is_due_on_the_first_of_the_next_month(after, due):
    assert next_release_at(schedule=ReleaseSchedule.MONTHLY, after=after) == due


@pytest.mark.parametrize("schedule", [None, ReleaseSchedule.TARGET])
def test_no_date_is_due_where_none_decides(schedule):
    assert next_release_at(schedule=schedule, after=datetime(2026, 5, 4, tzinfo=UTC)) is None
