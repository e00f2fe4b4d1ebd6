"""When to ask a server again: full-jitter back-off and the header `Retry-After`."""

import random
from datetime import UTC
from email.utils import parsedate_to_datetime

#: Back-off doubles from the first to the cap (seconds).
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 20.0
#: No server may make us wait longer than this with one header (seconds).
LONGEST_RETRY_AFTER_SECONDS = 3600.0
_LONGEST_NUMBER = 18


def draw_backoff_seconds(*, failures: int, rng: random.Random) -> float:
    """Draw the pause after the `failures`-th failure in a row (1 is the first), in seconds.

    Full jitter: uniform between nothing and the doubled bound, so that many workers that failed
    together do not come back together.
    """
    doublings = min(max(failures, 1) - 1, 16)
    return rng.uniform(0.0, min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**doublings))


def read_retry_after_seconds(value: str | None, *, date: str | None, now: float) -> float | None:
    """Read a `Retry-After` header: seconds to wait from now, in [0, 3600], or `None`.

    `value` is a number of seconds or an HTTP date. A date counts from the server's own `Date`
    header when it sent one, because its clock may differ from ours; `now` is UNIX time in seconds.
    Anything unreadable is `None`: the caller then backs off by itself.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # More digits mean "very long" and need not be computed.
        seconds = float(text[:_LONGEST_NUMBER]) if len(text) <= _LONGEST_NUMBER else LONGEST_RETRY_AFTER_SECONDS
    else:
        until = _read_http_date(text)
        if until is None:
            return None
        server_now = _read_http_date(date) if date else None
        seconds = until - (now if server_now is None else server_now)
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _read_http_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
