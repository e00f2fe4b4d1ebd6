"""A circuit breaker: a server that fails again and again is left alone for a while, longer each time.

| state | enters | leaves |
|---|---|---|
| closed | an answer, of whatever kind | `FAILURES_TO_OPEN` failures in a row: open |
| open | failures in a row; no request is sent | its time is over: half open |
| half open | one request tries it, and no other is sent until it came back | its answer: closed; its failure: open for longer |

A pause that the server asked for (`Retry-After`) closes it to everybody as well, and is no failure. All of this is pure:
a `ServerState` in, another one out; whoever keeps it shares it among workers.
"""

from dataclasses import dataclass, replace

from tasks.generation.bucket import Level, count_seconds_to_token, fill
from tasks.vocabulary import GenerationOutcome

FAILURES_TO_OPEN = 5
FIRST_OPEN_SECONDS = 15.0
LONGEST_OPEN_SECONDS = 900.0
#: What says that the server itself does not work. A refusal, or an answer of the wrong shape, is an answer.
FAILING = frozenset({GenerationOutcome.UNREACHABLE, GenerationOutcome.SERVER_ERROR, GenerationOutcome.TIMED_OUT})


@dataclass(frozen=True, slots=True)
class ServerState:
    """What is known of a server. Moments are UNIX time in seconds.

    `failures` in a row; `open_until`: no request before; `level`: of its bucket, None: nobody has looked.
    """

    failures: int = 0
    open_until: float | None = None
    level: Level | None = None

    @property
    def is_broken(self) -> bool:
        return self.failures >= FAILURES_TO_OPEN


@dataclass(frozen=True, slots=True)
class Pause:
    """Why no request may be sent now, and for how long (seconds)."""

    seconds: float
    reason: str
    outcome: GenerationOutcome = GenerationOutcome.RATE_LIMITED


def find_pause(state: ServerState, *, now: float) -> Pause | None:
    """Whether the server is left alone at `now`, and why."""
    left = (state.open_until or now) - now
    if left <= 0:
        return None
    if state.is_broken:
        reason = f"The server failed {state.failures} times in a row and is left alone for {left:.0f} seconds."
        return Pause(left, reason, GenerationOutcome.UNREACHABLE)
    return Pause(left, f"The server asked for a pause of {left:.0f} seconds; the request waits for it.")


def admit(
    state: ServerState, *, now: float, per_minute: int | None, try_seconds: float
) -> tuple[ServerState, Pause | None]:
    """Ask for leave to send one request. The state after it, and the pause where there is none.

    `per_minute`: None: no limit. `try_seconds`: how long the one request to a half-open server may take; a state that
    `is_broken` and has no pause here has given leave for that one.
    """
    pause = find_pause(state, now=now)
    if pause is not None:
        return state, pause
    if per_minute is not None:
        level = fill(state.level, per_minute=per_minute, now=now)
        wait = count_seconds_to_token(level, per_minute=per_minute)
        if wait > 0:
            reason = f"The server takes {per_minute} requests a minute; the request waits for its turn."
            return replace(state, level=level), Pause(wait, reason)
        state = replace(state, level=Level(level.tokens - 1.0, level.at))
    if state.is_broken:
        state = replace(state, open_until=now + try_seconds)
    return state, None


def record(
    state: ServerState,
    *,
    outcome: GenerationOutcome,
    pause_seconds: float | None,
    now: float,
    is_try: bool = False,
) -> ServerState:
    """The state after an answer, or after none came.

    `pause_seconds`: what the server asked for with it. `is_try`: it was the one request to a half-open server. Other
    failures while it is open are of requests that were sent before, and tell nothing new.
    """
    asked = now + pause_seconds if pause_seconds else None
    if outcome in FAILING:
        if state.is_broken and not is_try and find_pause(state, now=now):
            return replace(state, open_until=_latest(state.open_until, asked))
        failures = state.failures + 1
        opened = now + count_open_seconds(failures) if failures >= FAILURES_TO_OPEN else None
        kept = None if is_try else state.open_until
        return replace(state, failures=failures, open_until=_latest(kept, opened, asked))
    kept = None if state.is_broken else state.open_until
    return replace(state, failures=0, open_until=_latest(kept, asked))


def count_open_seconds(failures: int) -> float:
    """How long a server is left alone after so many failures in a row: doubled with each one."""
    doublings = min(max(failures - FAILURES_TO_OPEN, 0), 16)
    return float(min(FIRST_OPEN_SECONDS * 2**doublings, LONGEST_OPEN_SECONDS))


def _latest(*moments: float | None) -> float | None:
    return max((moment for moment in moments if moment is not None), default=None)
