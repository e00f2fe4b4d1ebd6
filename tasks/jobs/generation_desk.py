"""The database's side of a worker with a model: requests are claimed, held, stored and given back.

What is answered together stands under one token, a `Batch`, to which more is claimed as the model has room. It is
answered in the main thread, without a transaction. Results are stored by one clerk, a thread with a connection of its
own, while the next rows are being answered; the pulse holds the lease. When the database is away, the clerk tries again
for as long as the lease may last, and then drops the text: whoever claims the request next answers it anew, and the
row's token sees to it that only one answer is stored.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from django.db import Error, InterfaceError, OperationalError, connections
from django.utils import timezone

from annotate.queries.generation import load_jobs
from annotate.services.generation_queue import LEASE_SECONDS, claim_requests, hand_back, hold_requests
from annotate.services.generation_results import cancel_gone, settle_request
from tasks.jobs.generation_stopping import Stop
from tasks.records.generation import GenerationJob, GenerationResult, GeneratorRecord
from tasks.vocabulary import GenerationOutcome

log = logging.getLogger(__name__)

Asked = tuple[GenerationJob, GeneratorRecord]

#: Results that wait for the clerk at most; then the model waits.
MOST_UNSTORED = 512
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
AWAY = (OperationalError, InterfaceError)


@dataclass
class Batch:
    """What is claimed under one token. `open`: not stored yet; `gone`: no longer ours; `told`: told to stop.

    `is_alone`: a worker died over its one request, so nothing runs beside it. `kept`: not given back at its end, because
    a device failed over them; when their leases end, they are answered alone.
    """

    token: uuid.UUID
    held_until: float
    is_alone: bool = False
    open: set[int] = field(default_factory=set)
    gone: frozenset[int] = frozenset()
    told: set[int] = field(default_factory=set)
    kept: frozenset[int] = frozenset()

    def keeps(self, result: GenerationResult) -> bool:
        """Whether a result is to be stored: a row that was told to stop is given back, unless its answer is whole."""
        whole = result.outcome == GenerationOutcome.STORED
        return result.request_id in self.open and (whole or result.request_id not in self.told)


class Desk:
    """Everything that one worker asks of the queue. Only the clerk's thread writes results."""

    def __init__(self, *, stop: Stop, clock: Callable[[], float] = time.monotonic) -> None:
        self.stop = stop
        self.clock = clock
        self.batches: dict[uuid.UUID, Batch] = {}
        self._clerk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clerk")
        self._room = threading.BoundedSemaphore(MOST_UNSTORED)

    def begin(self, *, suspects_first: bool) -> Batch:
        """A batch with nothing in it. The last bit of its token says whether suspects have their turn."""
        number = uuid.uuid4().int
        batch = Batch(uuid.UUID(int=number | 1 if suspects_first else number & ~1), self.clock())
        self.batches[batch.token] = batch
        return batch

    def claim(self, batch: Batch, records: Sequence[GeneratorRecord], *, limit: int) -> list[Asked]:
        """Claim more for a batch, of these generators' requests; what it gives may be nothing."""
        known = {record.id: record for record in records}
        held_until = self.clock() + LEASE_SECONDS
        claim = claim_requests(
            generator_ids=tuple(known), limit=limit, now=timezone.now(), token=batch.token,
            is_under_way=bool(batch.open),
        )  # fmt: skip
        if claim is None:
            return []
        if not batch.open:
            batch.held_until = held_until
        batch.is_alone = claim.is_alone
        sheet = load_jobs(request_ids=claim.request_ids)
        cancel_gone(token=batch.token, request_ids=sheet.gone, now=timezone.now())
        batch.open |= {job.request_id for job in sheet.jobs}
        return [(job, known[claim.generator_of[job.request_id]]) for job in sheet.jobs]

    def store(self, batch: Batch, result: GenerationResult) -> None:
        """Have the clerk store a result; waits only where it is far behind."""
        self._room.acquire()
        self._clerk.submit(self._store, batch, result).add_done_callback(self._note_stored)

    def finish(self, batch: Batch) -> None:
        """Have the clerk give back what of a batch has no result, once its results are stored."""
        self._clerk.submit(self._finish, batch).add_done_callback(_tell_failure)

    def hold(self) -> int:
        """A sign of life for every batch; learns which requests are no longer ours. Returns how many are held."""
        held = 0
        for batch in list(self.batches.values()):
            until = self.clock() + LEASE_SECONDS
            before = frozenset(batch.open)
            mine = hold_requests(token=batch.token, now=timezone.now())
            batch.held_until = until
            batch.gone |= before - mine
            held += len(mine)
        return held

    def count_open(self) -> int:
        """How many requests are claimed and not stored."""
        return sum(len(batch.open) for batch in list(self.batches.values()))

    def wait(self) -> None:
        """Wait until everything that was handed to the clerk is done."""
        self._clerk.submit(lambda: None).result()

    def end(self) -> None:
        """Wait for the clerk to have stored and given back everything."""
        self._clerk.submit(connections.close_all)
        self._clerk.shutdown(wait=True)

    def _store(self, batch: Batch, result: GenerationResult) -> None:
        for pause in pauses():
            try:
                self._settle(batch, result)
            except AWAY as error:
                connections.close_all()
                if self.clock() + pause >= batch.held_until or self.stop.is_hurried():
                    log.warning("request %s stays unanswered: the database was away: %s", result.request_id, error)
                    return
                log.warning("the answer to request %s waits for the database: %s", result.request_id, error)
                time.sleep(pause)
            else:
                batch.open.discard(result.request_id)
                return

    def _settle(self, batch: Batch, result: GenerationResult) -> None:
        """Store one result. One that cannot be stored is a failure of its own request alone."""
        try:
            settle_request(token=batch.token, result=result, now=timezone.now())
        except AWAY:
            raise
        except Exception as error:
            log.exception("could not store the answer to request %s", result.request_id)
            reason = f"The answer could not be stored ({type(error).__name__}). The worker's log says more."
            failure = GenerationResult(result.request_id, GenerationOutcome.BAD_ANSWER, reason=reason)
            settle_request(token=batch.token, result=failure, now=timezone.now())

    def _finish(self, batch: Batch) -> None:
        self.batches.pop(batch.token, None)
        with suppress(Error):  # the database is away: the leases end by themselves
            if batch.kept:
                hand_back(token=batch.token, request_ids=sorted(batch.open - batch.kept))
            else:
                hand_back(token=batch.token)
            return
        connections.close_all()

    def _note_stored(self, done: Future[None]) -> None:
        self._room.release()
        _tell_failure(done)


def _tell_failure(done: Future[None]) -> None:
    if (error := done.exception()) is not None:
        log.error("the clerk failed", exc_info=error)


def pauses() -> Iterator[float]:
    """Seconds to wait before each further try: doubling, up to a bound."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)
