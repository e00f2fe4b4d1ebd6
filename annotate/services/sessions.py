"""Sessions that have ended: a browser that never comes back leaves its row, and perhaps an answer that was kept in it."""

from datetime import datetime

from annotate.queries.rows import run

_CLEAR = """
DELETE FROM annotate_session WHERE session_key IN (
  SELECT session_key FROM annotate_session WHERE expire_date < %(now)s ORDER BY expire_date LIMIT %(limit)s)"""


def clear_sessions(*, now: datetime, limit: int) -> int:
    """Delete at most `limit` sessions that ended before `now`, oldest first; how many it were."""
    return run(_CLEAR, {"now": now, "limit": limit})
