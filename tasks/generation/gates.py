"""What stands between a batch and its server: leave to send a request, and word of what came of it.

The gate of this module is one process's own; `annotate.services.servers` has one that all workers share.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from tasks.generation.breaker import Pause, ServerState, admit, record
from tasks.records.generation import GenerationJob, GenerationResult, GeneratorRecord
from tasks.vocabulary import GenerationOutcome


class Gate(Protocol):
    """Both are called from one thread. Moments are UNIX time in seconds."""

    def ask(self, *, now: float) -> Pause | None:
        """Leave to send one request now; else why not, and for how long."""
        ...

    def tell(self, *, outcome: GenerationOutcome, reason: str | None, pause_seconds: float | None, now: float) -> None:
        """What came of one request; `pause_seconds`: what the server asked for with it."""
        ...


class LocalGate:
    """A gate for one batch: it knows what this batch saw, and no limit. A pause is kept, a breaker is nobody's here."""

    def __init__(self) -> None:
        self._state = ServerState()

    def ask(self, *, now: float) -> Pause | None:
        return admit(self._state, now=now, per_minute=None, try_seconds=0.0)[1]

    def tell(self, *, outcome: GenerationOutcome, reason: str | None, pause_seconds: float | None, now: float) -> None:
        told = record(self._state, outcome=GenerationOutcome.RATE_LIMITED, pause_seconds=pause_seconds, now=now)
        self._state = ServerState(open_until=told.open_until)


class NetworkCallable(Protocol):
    """An engine that asks a server: what every engine offers, a gate, and jobs that are called off before they begin."""

    def __call__(
        self,
        jobs: Iterable[GenerationJob],
        *,
        generator: GeneratorRecord,
        sleep: Callable[[float], None],
        rng: random.Random,
        clock: Callable[[], float],
        until: float | None = None,
        gate: Gate | None = None,
        is_cut: Callable[[int], bool] = ...,
    ) -> Iterator[GenerationResult]: ...
