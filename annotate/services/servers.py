"""The servers that generators share: every worker asks here before each request, and tells what came of it.

One row a host holds the breaker and the token bucket (`tasks.generation.breaker`, pure), so that a server that fails, or
asks for a pause, is left alone by all workers at once, and gets no more requests a minute than the strictest of its
generators allows. A server that works, and has no such limit, costs one look and no row.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from django.db import Error, connection, transaction

from annotate.queries.rows import fetch_row, run
from tasks.generation.breaker import FAILING, Pause, ServerState, admit, find_pause, record
from tasks.generation.bucket import Level, fill
from tasks.vocabulary import GenerationOutcome

log = logging.getLogger(__name__)

#: A claim takes what a worker can send within this time: it waits so long for its turn (seconds).
PATIENCE_SECONDS = 10.0
LONGEST_ERROR = 500

_LOOK = """
SELECT (SELECT min(g.requests_per_minute) FROM annotate_generator g WHERE g.host = %(host)s AND g.enabled) AS per_minute,
  COALESCE(s.failures, 0) AS failures, s.open_until, s.tokens, s.tokens_at, COALESCE(s.last_error, '') AS last_error
FROM (SELECT 1) one LEFT JOIN annotate_server s ON s.host = %(host)s"""

_ADD = """
INSERT INTO annotate_server (host, failures, last_error, changed_at) VALUES (%(host)s, 0, '', %(now)s)
ON CONFLICT (host) DO NOTHING"""

_LOCK = "SELECT id FROM annotate_server WHERE host = %(host)s FOR NO KEY UPDATE"

_KEEP = """
UPDATE annotate_server SET failures = %(failures)s, open_until = %(open_until)s, tokens = %(tokens)s,
  tokens_at = %(tokens_at)s, last_error = %(last_error)s, changed_at = %(now)s
WHERE host = %(host)s"""


class SharedGate:
    """The gate (`tasks.generation.gates.Gate`) of one host, for one batch.

    `try_seconds`: how long the one request may take that tries a server that failed; then another one may.
    `is_trial`: an administrator tries the server, whatever is known of it. With the database away nothing is known,
    and a request is not held up by that.
    """

    def __init__(self, *, host: str, try_seconds: float, is_trial: bool = False) -> None:
        self._host = host
        self._try_seconds = try_seconds
        self._is_trial = is_trial
        self._is_try = False

    def ask(self, *, now: float) -> Pause | None:
        if self._is_trial:
            return None
        try:
            pause, is_try = ask_server(host=self._host, now=now, try_seconds=self._try_seconds)
            self._is_try = self._is_try or is_try  # others of the batch may ask while the one is on its way
        except Error as error:
            _let_go("asked", error)
            return None
        return pause

    def tell(self, *, outcome: GenerationOutcome, reason: str | None, pause_seconds: float | None, now: float) -> None:
        try:
            tell_server(
                host=self._host,
                outcome=outcome,
                reason=reason,
                pause_seconds=pause_seconds,
                now=now,
                is_try=self._is_try,
            )
        except Error as error:
            _let_go("told", error)
        self._is_try = False


def ask_server(*, host: str, now: float, try_seconds: float) -> tuple[Pause | None, bool]:
    """Leave to send one request to a server at `now` (UNIX time); else why not, and for how long.

    With it, whether this is the one request that tries a server that failed.
    """
    seen = fetch_row(_LOOK, {"host": host})
    state = _read(seen)
    if pause := find_pause(state, now=now):
        return pause, False
    if seen["per_minute"] is None and not state.is_broken:
        return None, False
    with transaction.atomic():
        seen = _lock(host, now=now)
        before = _read(seen)
        after, pause = admit(before, now=now, per_minute=seen["per_minute"], try_seconds=try_seconds)
        if after != before:
            _keep(host, after, last_error=seen["last_error"], now=now)
        return pause, pause is None and before.is_broken


def tell_server(
    *,
    host: str,
    outcome: GenerationOutcome,
    reason: str | None,
    pause_seconds: float | None,
    now: float,
    is_try: bool = False,
) -> None:
    """What came of one request at `now` (UNIX time). Failures in a row, and a pause asked for, hold for every worker."""
    is_bad = outcome in FAILING or bool(pause_seconds)
    seen = fetch_row(_LOOK, {"host": host})
    if not is_bad and not seen["failures"] and not seen["last_error"]:
        return
    with transaction.atomic():
        seen = _lock(host, now=now)
        after = record(_read(seen), outcome=outcome, pause_seconds=pause_seconds, now=now, is_try=is_try)
        last_error = (reason or "")[:LONGEST_ERROR] if is_bad else ""
        if not is_bad and find_pause(after, now=now):
            last_error = seen["last_error"]  # others were asked for a pause that still holds
        _keep(host, after, last_error=last_error, now=now)


def count_allowed(*, host: str, wanted: int, now: datetime) -> int:
    """How many of `wanted` requests are worth a claim now: none to a server that is left alone, one to try it again.

    A claim takes no tokens: each request does, when it is sent.
    """
    seen = fetch_row(_LOOK, {"host": host})
    state, moment = _read(seen), now.timestamp()
    if find_pause(state, now=moment):
        return 0
    allowed = min(wanted, 1) if state.is_broken else wanted
    if seen["per_minute"] is None:
        return allowed
    level = fill(state.level, per_minute=seen["per_minute"], now=moment)
    return max(0, min(allowed, int(level.tokens + seen["per_minute"] * PATIENCE_SECONDS / 60.0)))


def _lock(host: str, *, now: float) -> dict[str, Any]:
    given = {"host": host, "now": _moment(now)}
    run(_ADD, given)
    fetch_row(_LOCK, given)
    return fetch_row(_LOOK, given)


def _keep(host: str, state: ServerState, *, last_error: str, now: float) -> None:
    level = state.level
    run(
        _KEEP,
        {
            "host": host,
            "failures": min(state.failures, 32_767),
            "open_until": None if state.open_until is None else _moment(state.open_until),
            "tokens": None if level is None else level.tokens,
            "tokens_at": None if level is None else _moment(level.at),
            "last_error": last_error,
            "now": _moment(now),
        },
    )


def _read(seen: dict[str, Any]) -> ServerState:
    has_level = seen["tokens"] is not None and seen["tokens_at"] is not None
    return ServerState(
        failures=seen["failures"],
        open_until=seen["open_until"].timestamp() if seen["open_until"] else None,
        level=Level(seen["tokens"], seen["tokens_at"].timestamp()) if has_level else None,
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _let_go(what: str, error: Error) -> None:
    log.warning("what is known of a server could not be %s: %s", what, error)
    if not connection.in_atomic_block:
        connection.close()
