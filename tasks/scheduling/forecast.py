"""When a campaign has what it needs, if the last whole days go on: simple, with an interval, or nothing at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, sqrt
from statistics import fmean, variance

#: Whole days that speak for the next ones, and the fewest of them.
DAYS, FEWEST_DAYS = 7, 3
#: Judgments in those days below which nothing is said.
FEWEST_JUDGMENTS = 20
#: A date further away than this is no forecast (days).
FURTHEST = 730
#: Student's t, 97.5 %, by degrees of freedom.
_T = {2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447}


@dataclass(frozen=True, slots=True)
class Forecast:
    """When `remaining` judgments are given, at the rate of the last whole days.

    per_day, low, high   judgments a day: the mean of `days` whole days, with its 95 % interval
    judgments            given in those days: the n of the rate
    on, earliest, latest the day at that rate and at the ends of its interval; None: further off than two years
    """

    remaining: int
    days: int
    judgments: int
    per_day: float
    low: float
    high: float
    on: date | None
    earliest: date | None
    latest: date | None


def forecast_end(counts: Mapping[date, int], *, remaining: int, today: date) -> Forecast | None:
    """The forecast from judgments by day; None where too little is known, or nothing remains.

    The days are the last seven before today, or fewer where the first judgment came later. The interval is
    Student's, from how much those days differ, and never narrower than that of counts at random (Poisson): people
    come in bursts, so days differ by more than chance. It says nothing of holidays, or of a call for volunteers.
    """
    given = [day for day, count in counts.items() if count > 0 and day < today]
    if remaining <= 0 or not given:
        return None
    days = min(DAYS, (today - min(given)).days)
    window = [counts.get(today - timedelta(days=back), 0) for back in range(1, days + 1)]
    total = sum(window)
    if days < FEWEST_DAYS or total < FEWEST_JUDGMENTS:
        return None
    mean = fmean(window)
    half = _T[days - 1] * sqrt(max(variance(window), mean) / days)
    low, high = max(0.0, mean - half), mean + half
    return Forecast(
        remaining=remaining,
        days=days,
        judgments=total,
        per_day=mean,
        low=low,
        high=high,
        on=_find_day(remaining, mean, today),
        earliest=_find_day(remaining, high, today),
        latest=_find_day(remaining, low, today),
    )


def _find_day(remaining: int, per_day: float, today: date) -> date | None:
    if per_day <= 0 or remaining / per_day > FURTHEST:
        return None
    return today + timedelta(days=ceil(remaining / per_day))
