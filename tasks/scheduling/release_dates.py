"""When a campaign's next release is due."""

from datetime import UTC, datetime, timedelta

from tasks.vocabulary import ReleaseSchedule

DAYS_A_WEEK = 7
MONTHS_A_YEAR = 12


def next_release_at(*, schedule: ReleaseSchedule | None, after: datetime) -> datetime | None:
    """The next date strictly after `after`: Monday or the first of a month, at 00:00 UTC.

    None where no date decides: without a schedule, or when a release waits for its target.
    """
    midnight = after.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if schedule == ReleaseSchedule.WEEKLY:
        return midnight + timedelta(days=DAYS_A_WEEK - midnight.weekday())
    if schedule == ReleaseSchedule.MONTHLY:
        year, month = divmod(midnight.year * MONTHS_A_YEAR + midnight.month, MONTHS_A_YEAR)
        return midnight.replace(year=year, month=month + 1, day=1)
    return None
