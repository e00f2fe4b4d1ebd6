"""Candidates from any server with OpenAI's chat completions (vLLM, SGLang, llama.cpp, Ollama, …).

How one job goes:

1. Wait at the gate: when the server asked for a pause, no job of this batch calls it meanwhile.
2. POST the thread, not streamed, one choice, with the job's seed; redirects are not followed.
3. A whole answer, an empty one, a truncated one: three outcomes. Other 4xx are final.
4. 429, 5xx and broken connections are tried again, after the pause that the server named or a
   back-off with full jitter, while attempts and time are left.
5. A pause that is too long to sleep through hands the job back with `retry_after_seconds`.

Servers ignore `n`, so each sample is a request of its own with a seed of its own.
"""

import math
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any

import httpx

from tasks.generation.answers import Answer, read_answer, shorten
from tasks.generation.bodies import read_body, read_error_words
from tasks.generation.deadline import DeadlineTransport, finish_by
from tasks.generation.payloads import build_payload, check_generator, count_threads, name_host
from tasks.generation.retries import draw_backoff_seconds, read_retry_after_seconds
from tasks.records.generation import GenerationJob, GenerationResult, GeneratorRecord
from tasks.vocabulary import Engine, GenerationOutcome

ClientFactory = Callable[..., httpx.Client]


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
    client_factory: ClientFactory = open_client,
    sleep: Callable[[float], None] = time.sleep,
    rng: random.Random,
    clock: Callable[[], float] = time.time,
    until: float | None = None,
) -> Iterator[GenerationResult]:
    """Answer each job once, as the answers come in; no single job makes this raise.

    `clock` gives UNIX time in seconds, `sleep` takes seconds, `rng` draws the jitter. The batch ends
    by `until` (UNIX time): jobs that have not begun by then are handed back with
    `retry_after_seconds` 0. Closing the iterator early drops the jobs that have not begun and waits
    for those in flight.
    """
    jobs = tuple(jobs)
    problem = check_generator(generator)
    if problem is not None:
        for job in jobs:
            yield GenerationResult(job.request_id, GenerationOutcome.UNREACHABLE, reason=problem)
        return
    gate = _Gate()
    with (
        client_factory(generator=generator, clock=clock) as client,
        ThreadPoolExecutor(count_threads(generator), thread_name_prefix="generate") as pool,
    ):
        futures = [
            pool.submit(
                _Exchange(
                    client=client,
                    generator=generator,
                    gate=gate,
                    sleep=sleep,
                    rng=random.Random(rng.getrandbits(64)),  # noqa: S311  (jitter, no secret)
                    clock=clock,
                    until=math.inf if until is None else until,
                ).answer,
                job,
            )
            for job in jobs
        ]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class _Gate:
    """The pause that a server asked for, shared by the jobs of one batch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed_until = float("-inf")

    def close_until(self, moment: float) -> None:
        with self._lock:
            self._closed_until = max(self._closed_until, moment)

    def count_seconds_left(self, now: float) -> float:
        with self._lock:
            return max(0.0, self._closed_until - now)


@dataclass(frozen=True, slots=True)
class _Failure:
    """An attempt that may be worth another one. `pause_seconds` is what the server asked for."""

    outcome: GenerationOutcome
    reason: str
    pause_seconds: float | None = None


@dataclass(slots=True)
class _Exchange:
    """The attempts for one job, in one thread."""

    client: httpx.Client
    generator: GeneratorRecord
    gate: _Gate
    sleep: Callable[[float], None]
    rng: random.Random
    clock: Callable[[], float]
    until: float
    attempts: int = 0
    latency_ms: int | None = None
    server: str | None = None

    def answer(self, job: GenerationJob) -> GenerationResult:
        try:
            return self._answer(job)
        except Exception as error:  # noqa: BLE001  (one odd job must not cost the batch its answers)
            return self._give_result(
                job,
                GenerationOutcome.BAD_ANSWER,
                reason=f"The exchange with the server failed in an unforeseen way ({type(error).__name__}).",
            )

    def _answer(self, job: GenerationJob) -> GenerationResult:
        if self.clock() >= self.until:
            return self._give_result(
                job,
                GenerationOutcome.TIMED_OUT,
                reason="The batch's time was over before this request began; it goes back to the queue.",
                retry_after_seconds=0.0,
            )
        deadline = min(self.clock() + self.generator.deadline_seconds, self.until)
        failure = None
        while True:
            pause = self.gate.count_seconds_left(self.clock())
            if failure is not None and pause == 0:
                pause = draw_backoff_seconds(failures=self.attempts, rng=self.rng)
            if pause > self.generator.longest_wait_seconds or self.clock() + pause >= deadline:
                return self._hand_back(job, failure)
            if pause:
                self.sleep(pause)
                if self.gate.count_seconds_left(self.clock()) > 0:
                    continue
            outcome = self._attempt(job, deadline=deadline)
            if isinstance(outcome, Answer):
                return self._give_result(job, outcome.outcome, text=outcome.text, reason=outcome.reason, answer=outcome)
            failure = outcome
            if failure.pause_seconds is not None:
                self.gate.close_until(self.clock() + failure.pause_seconds)
            if self.attempts >= max(self.generator.attempts, 1):
                return self._hand_back(job, failure)

    def _hand_back(self, job: GenerationJob, failure: _Failure | None) -> GenerationResult:
        """No more attempts: because of the last failure, or of a pause that another job was told."""
        pause = self.gate.count_seconds_left(self.clock())
        if failure is None and pause == 0:
            failure = _Failure(GenerationOutcome.TIMED_OUT, _say_timed_out(self.generator))
        if failure is None:
            failure = _Failure(
                GenerationOutcome.RATE_LIMITED,
                f"The server asked for a pause of {pause:.0f} seconds; the request waits for it.",
            )
        return self._give_result(job, failure.outcome, reason=failure.reason, retry_after_seconds=pause or None)

    def _attempt(self, job: GenerationJob, *, deadline: float) -> Answer | _Failure:
        self.attempts += 1
        started = self.clock()
        try:
            with finish_by(deadline):
                return self._exchange(job)
        except httpx.ConnectTimeout:
            return _Failure(GenerationOutcome.UNREACHABLE, "The server did not accept a connection in time.")
        except httpx.ConnectError as error:
            return _Failure(GenerationOutcome.UNREACHABLE, f"The server cannot be reached: {self._redact(str(error))}")
        except httpx.TimeoutException:
            return Answer(GenerationOutcome.TIMED_OUT, reason=_say_timed_out(self.generator))
        except (httpx.RemoteProtocolError, httpx.NetworkError):
            return _Failure(
                GenerationOutcome.SERVER_ERROR, "The server broke the connection off before its answer was whole."
            )
        finally:
            self.latency_ms = max(0, round((self.clock() - started) * 1000))

    def _exchange(self, job: GenerationJob) -> Answer | _Failure:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if self.generator.api_key:
            headers["Authorization"] = f"Bearer {self.generator.api_key}"
        url = f"{self.generator.endpoint.rstrip('/')}/chat/completions"
        payload = build_payload(job, generator=self.generator)
        with self.client.stream("POST", url, json=payload, headers=headers) as response:
            self.server = shorten(response.headers.get("server", ""), limit=100) or None
            if response.status_code != httpx.codes.OK:
                return self._read_refusal(response)
            if response.headers.get("content-encoding", "identity") != "identity":
                return Answer(
                    GenerationOutcome.BAD_ANSWER,
                    reason="The server sent a compressed answer although none was asked for.",
                )
            body = read_body(response, limit=self.generator.max_response_bytes)
        if body is None:
            return Answer(
                GenerationOutcome.BAD_ANSWER,
                reason=f"The server's answer is larger than {self.generator.max_response_bytes} bytes.",
            )
        answer = read_answer(body)
        if answer.reason is None:
            return answer
        return replace(answer, reason=self._redact(answer.reason))

    def _read_refusal(self, response: httpx.Response) -> Answer | _Failure:
        status = response.status_code
        pause = read_retry_after_seconds(
            response.headers.get("retry-after"),
            date=response.headers.get("date"),
            now=self.clock(),
        )
        words = self._redact(read_error_words(response))
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return _Failure(GenerationOutcome.RATE_LIMITED, f"The server is limiting its rate (429).{words}", pause)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return _Failure(GenerationOutcome.SERVER_ERROR, f"The server failed ({status}).{words}", pause)
        if response.is_redirect:
            words = " Redirects are not followed: enter the address where the API is."
        return Answer(GenerationOutcome.REFUSED_BY_SERVER, reason=f"The server refused the request ({status}).{words}")

    def _redact(self, words: str) -> str:
        if self.generator.api_key:
            words = words.replace(self.generator.api_key, "[key]")
        return words

    def _give_result(
        self,
        job: GenerationJob,
        outcome: GenerationOutcome,
        *,
        text: str | None = None,
        reason: str | None = None,
        retry_after_seconds: float | None = None,
        answer: Answer | None = None,
    ) -> GenerationResult:
        provenance: dict[str, Any] = {
            "engine": Engine.OPENAI.value,
            "engine_version": self.server,
            "host": name_host(self.generator.endpoint),
            "model_requested": self.generator.model,
            "model": answer.model if answer else None,
            "revision": self.generator.revision,
            "system_fingerprint": answer.system_fingerprint if answer else None,
            "sampling": dict(self.generator.sampling),
            "seed": job.seed,
            "system_prompt": self.generator.system_prompt,
            "finish_reason": answer.finish_reason if answer else None,
            "usage": answer.usage if answer else None,
            "latency_ms": self.latency_ms,
            "attempts": self.attempts,
        }
        return GenerationResult(
            job.request_id,
            outcome,
            text=text,
            reason=reason,
            retry_after_seconds=retry_after_seconds,
            provenance=provenance,
        )


def _say_timed_out(generator: GeneratorRecord) -> str:
    return (
        f"The server did not finish its answer in time (a read may take {generator.read_timeout_seconds:g} s, "
        f"the whole exchange {generator.deadline_seconds:g} s)."
    )
