"""How a worker that generates is told to end: by a signal of its own, or by Celery's warm shutdown."""

from __future__ import annotations

import contextlib
import mmap
import signal
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from celery.signals import worker_shutting_down

#: What is being answered may be finished in this time (seconds); then it is given back.
GRACE_SECONDS = 20.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: The same of a process of Celery's pool, which notices later that it is to end.
POOL_GRACE_SECONDS = 10.0
#: One byte that a Celery worker shares with the processes of its pool, which are forked after this was made.
_ending = mmap.mmap(-1, 1)


class Stop(Protocol):
    """`is_asked`: claim nothing more. `is_hurried`: leave what is not finished by now."""

    def is_asked(self) -> bool: ...

    def is_hurried(self) -> bool: ...


class Grace:
    """What both ways have in common: the first word gives some time, the second one, or its end, none."""

    def __init__(self, *, grace_seconds: float = GRACE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.grace_seconds = grace_seconds
        self.clock = clock
        self.words = 0
        self.hurry_at: float | None = None

    def ask(self) -> None:
        """One more word that it is time to end."""
        self.words += 1
        if self.hurry_at is None:
            self.hurry_at = self.clock() + self.grace_seconds

    def is_asked(self) -> bool:
        return self.words > 0

    def is_hurried(self) -> bool:
        return self.words > 1 or (self.hurry_at is not None and self.clock() >= self.hurry_at)


class SignalStop(Grace):
    """SIGTERM or SIGINT asks; another one hurries."""

    @contextlib.contextmanager
    def catching_signals(self) -> Iterator[None]:
        former = {number: signal.signal(number, lambda *_: self.ask()) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)


class CeleryStop(Grace):
    """The flags that Celery's own handlers set: its solo pool runs the job in the main thread, where they are called."""

    def is_asked(self) -> bool:
        from celery.worker import state

        warm, cold = (flag is not None and flag is not False for flag in (state.should_stop, state.should_terminate))
        if (warm or cold) and not self.words:
            self.ask()
        if cold and self.words == 1:
            self.ask()
        return super().is_asked()

    def is_hurried(self) -> bool:
        return self.is_asked() and super().is_hurried()


class PoolStop(Grace):
    """What a process of Celery's pool learns of the warm shutdown: its worker tells it nothing, and waits."""

    def __init__(self) -> None:
        super().__init__(grace_seconds=POOL_GRACE_SECONDS)

    def is_asked(self) -> bool:
        if _ending[0] and not self.words:
            self.ask()
        return super().is_asked()

    def is_hurried(self) -> bool:
        return self.is_asked() and super().is_hurried()


@worker_shutting_down.connect(weak=False)
def tell_pool(**_: object) -> None:
    """Celery's main process ends: what its pool is doing is to end too."""
    _ending[0] = 1


def end_celery_worker(exit_code: int) -> None:
    """Have the Celery worker that runs this job end once the job has returned, so that its supervisor starts it anew."""
    from celery.worker import state

    state.should_stop = exit_code
