"""Candidates from any server with OpenAI's completions (vLLM, SGLang, llama.cpp, Ollama, LM Studio, hosted ones).

How one job goes:

1. Ask at the gate: while the server is left alone, is asked for a pause or has had its requests of this minute, no job
   calls it.
2. POST the thread (or, with a prompt format, the prompt), not streamed, one choice, with the job's seed; redirects are
   not followed. What each kind of server takes is in `tasks.generation.servers`.
3. A whole answer, an empty one, a truncated one, a refusal: outcomes. A thread that is too long for the model is asked
   again without its oldest turns, never without the last one. Other 4xx are final. Where the key is refused, what has not
   begun is handed back.
4. 429, 5xx and broken connections are tried again, after the pause that the server named or a back-off with full
   jitter, while attempts and time are left. The gate is told of each.
5. A pause that is too long to sleep through hands the job back with `retry_after_seconds`.

One thread, the caller's, decides; others only wait for the server. Servers ignore `n`, so each sample is a request of its
own with a seed of its own.
"""

import heapq
import itertools
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import httpx

from tasks.generation.answers import Answer
from tasks.generation.breaker import Pause
from tasks.generation.deadline import DeadlineTransport
from tasks.generation.exchanges import Attempt, Failure, Wire, say_timed_out
from tasks.generation.gates import Gate, LocalGate
from tasks.generation.listing import Models
from tasks.generation.payloads import check_generator, count_threads
from tasks.generation.results import make_result
from tasks.generation.retries import draw_backoff_seconds
from tasks.records.generation import GenerationJob, GenerationResult, GeneratorRecord
from tasks.vocabulary import GenerationOutcome, MessageRole

#: No shorter sleep than this: a clock that does not move on would be asked for ever (seconds).
SHORTEST_SLEEP_SECONDS = 0.001


def open_client(*, generator: GeneratorRecord, clock: Callable[[], float]) -> httpx.Client:
    """Open the client for one batch: no proxies or passwords from the environment, no redirects."""
    return httpx.Client(
        transport=DeadlineTransport(clock=clock, connections=count_threads(generator)),
        timeout=httpx.Timeout(generator.read_timeout_seconds, connect=generator.connect_timeout_seconds),
        follow_redirects=False,
        trust_env=False,
    )


def generate(
    jobs: Iterable[GenerationJob],
    *,
    generator: GeneratorRecord,
    sleep: Callable[[float], None] = time.sleep,
    rng: random.Random,
    clock: Callable[[], float] = time.time,
    until: float | None = None,
    gate: Gate | None = None,
    is_cut: Callable[[int], bool] = lambda _: False,
) -> Iterator[GenerationResult]:
    """Answer each job once, as the answers come in; no single job makes this raise.

    A job is taken from `jobs` when its place is free and the results before it were taken, so that the
    caller can give the place of one that it has stored to another. `jobs` is read in the caller's thread.
    `clock` gives UNIX time in seconds, `sleep` takes seconds, `rng` draws the jitter. The batch ends
    by `until` (UNIX time): jobs that have not begun by then are handed back with
    `retry_after_seconds` 0. `gate` is asked before each request, and told what came of it. A job that
    `is_cut` (by its request's id) before it began gets no result. Closing the iterator early drops the
    jobs that have not begun and waits for those in flight.
    """
    problem = check_generator(generator)
    if problem is not None:
        for job in jobs:
            yield GenerationResult(job.request_id, GenerationOutcome.UNREACHABLE, reason=problem)
        return
    with (
        open_client(generator=generator, clock=clock) as client,
        ThreadPoolExecutor(count_threads(generator), thread_name_prefix="generate") as pool,
    ):
        batch = _Batch(
            wire=Wire(client, generator, Models(generator, client=client), clock),
            pool=pool,
            gate=gate or LocalGate(),
            sleep=sleep,
            rng=rng,
            until=math.inf if until is None else until,
            is_cut=is_cut,
        )
        try:
            yield from batch.answer(jobs)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@dataclass(slots=True)
class _Task:
    """One job on its way. `deadline` is set when it begins; `left_out`: turns at its front that did not fit."""

    job: GenerationJob
    left_out: int = 0
    deadline: float | None = None
    attempts: int = 0
    last: Attempt | None = None
    failure: Failure | None = None


class _Batch:
    """The jobs of one call: those that wait, by when they are due, and those in flight."""

    def __init__(
        self,
        *,
        wire: Wire,
        pool: ThreadPoolExecutor,
        gate: Gate,
        sleep: Callable[[float], None],
        rng: random.Random,
        until: float,
        is_cut: Callable[[int], bool],
    ) -> None:
        self._wire, self._pool, self._gate = wire, pool, gate
        self._generator, self._clock = wire.generator, wire.clock
        self._sleep, self._rng, self._until, self._is_cut = sleep, rng, until, is_cut
        self._most = count_threads(wire.generator)
        self._jobs: Iterator[GenerationJob] = iter(())
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, _Task]] = []
        self._flying: dict[Future[Attempt], tuple[int, _Task]] = {}
        self._key_refused: str | None = None

    def answer(self, jobs: Iterable[GenerationJob]) -> Iterator[GenerationResult]:
        self._jobs = iter(jobs)
        while True:
            if ended := self._send_due():
                yield ended
            elif self._waiting or self._flying:
                yield from self._wait()
            else:
                return

    def _send_due(self) -> GenerationResult | None:
        """Send what is due while threads are free; the result of the first that is handed back instead."""
        pause: Pause | None = None
        while len(self._flying) < self._most:
            now = self._clock()
            found = self._find_task(now=now)
            if found is None:
                return None
            order, task = found
            if self._is_cut(task.job.request_id):
                continue
            if task.deadline is None:
                task.deadline = min(now + self._generator.deadline_seconds, self._until)
            if now >= task.deadline:
                return self._end_late(task)
            if self._key_refused is not None:
                return self._end(task, Failure(GenerationOutcome.KEY_REFUSED, self._key_refused), seconds=0.0)
            pause = pause or self._gate.ask(now=now)
            if pause is None:
                task.attempts += 1
                self._flying[self._pool.submit(self._wire.attempt, task.job, deadline=task.deadline)] = (order, task)
            elif ended := self._postpone(order, task, seconds=pause.seconds, pause=pause):
                return ended
        return None

    def _find_task(self, *, now: float) -> tuple[int, _Task] | None:
        """One that is due again, else a new one; None where there is neither, or no place for a new one."""
        if self._waiting and self._waiting[0][0] <= now:
            _, order, task = heapq.heappop(self._waiting)
            return order, task
        if len(self._waiting) + len(self._flying) >= self._most:
            return None
        job = next(self._jobs, None)
        return None if job is None else (next(self._order), _Task(job))

    def _wait(self) -> Iterator[GenerationResult]:
        """Wait for what ends first, or until something is due; results of what ended."""
        next_due = self._waiting[0][0] if self._waiting else math.inf
        left = next_due - self._clock()
        if not self._flying:
            if left > 0:
                self._sleep(max(left, SHORTEST_SLEEP_SECONDS))
            return
        is_full = len(self._flying) >= self._most
        patience = None if is_full or left == math.inf else max(left, 0.0)
        done, _ = wait(self._flying, timeout=patience, return_when=FIRST_COMPLETED)
        for future in done:
            if ended := self._land(*self._flying.pop(future), future.result()):
                yield ended

    def _land(self, order: int, task: _Task, attempt: Attempt) -> GenerationResult | None:
        """An attempt came back: the job ends with it, or is tried again."""
        now = self._clock()
        came = attempt.came
        task.last = attempt
        pause_seconds = came.pause_seconds if isinstance(came, Failure) else None
        self._gate.tell(outcome=came.outcome, reason=came.reason, pause_seconds=pause_seconds, now=now)
        if isinstance(came, Answer):
            if came.outcome == GenerationOutcome.KEY_REFUSED:
                self._key_refused = came.reason or ""
            if came.outcome == GenerationOutcome.PROMPT_TOO_LONG and self._shorten(task):
                return self._postpone(order, task, seconds=0.0)
            return self._end(task, came)
        task.failure = came
        if task.attempts >= max(self._generator.attempts, 1):
            return self._end(task, came, seconds=pause_seconds)
        seconds = pause_seconds or draw_backoff_seconds(failures=task.attempts, rng=self._rng)
        return self._postpone(order, task, seconds=seconds)

    def _shorten(self, task: _Task) -> bool:
        """Leave out the oldest turns, up to the next one of a person; False when only the last turn is left."""
        thread = task.job.thread
        following = (at for at, turn in enumerate(thread) if at and turn.role == MessageRole.PROMPTER)
        at = next(following, None)
        if at is None:
            return False
        task.job = replace(task.job, thread=thread[at:])
        task.left_out += at
        return True

    def _postpone(
        self, order: int, task: _Task, *, seconds: float, pause: Pause | None = None
    ) -> GenerationResult | None:
        """Try the job later; where that is too late, or too long to wait for, it goes back to the queue."""
        now = self._clock()
        if seconds <= self._generator.longest_wait_seconds and now + seconds < (task.deadline or math.inf):
            heapq.heappush(self._waiting, (now + seconds, order, task))
            return None
        failure = task.failure or (Failure(pause.outcome, pause.reason) if pause else None)
        asked = seconds if pause or (task.failure and task.failure.pause_seconds) else None
        return self._end(task, failure or self._say_late(), seconds=asked)

    def _end_late(self, task: _Task) -> GenerationResult:
        """The time of the batch, or of the job, is over before this attempt."""
        if task.last is None and self._clock() >= self._until:
            reason = "The batch's time was over before this request began; it goes back to the queue."
            return self._end(task, Failure(GenerationOutcome.TIMED_OUT, reason), seconds=0.0)
        return self._end(task, task.failure or self._say_late())

    def _say_late(self) -> Failure:
        return Failure(GenerationOutcome.TIMED_OUT, say_timed_out(self._generator))

    def _end(self, task: _Task, came: Answer | Failure, *, seconds: float | None = None) -> GenerationResult:
        """The job's result; `seconds`: when it wants to be asked again."""
        return make_result(
            task.job,
            came,
            generator=self._generator,
            last=task.last,
            attempts=task.attempts,
            left_out=task.left_out,
            retry_after_seconds=seconds,
        )
