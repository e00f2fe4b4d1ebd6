"""Reads of generate workers: which are there, and what each said of itself last."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from annotate.queries.rows import fetch_all

#: Workers say how they are every ten seconds; one that has said nothing for so long is gone.
ALIVE_SECONDS = 45.0
MOST_WORKERS = 200

_WORKERS = """
SELECT w.name, w.model, w.device, w.state, w.problem, w.waiting_requests, w.running_requests, w.tokens_per_second,
  w.memory_used, w.memory_total, w.started_at, w.seen_at,
  w.seen_at > %(alive_since)s AND w.state <> 'stopped' AS is_alive
FROM annotate_generateworker w ORDER BY is_alive DESC, w.seen_at DESC, w.name LIMIT %(most)s"""


def list_workers(*, now: datetime) -> list[Mapping[str, Any]]:
    """Each worker's last report with `is_alive`; those that are alive come first."""
    alive_since = now - timedelta(seconds=ALIVE_SECONDS)
    return [dict(row) for row in fetch_all(_WORKERS, {"alive_since": alive_since, "most": MOST_WORKERS})]
