"""One attempt at one job: a request over HTTP, and what came back. It runs in a thread of its own and never raises."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx

from tasks.generation.answers import BROKEN_OFF, Answer, read_answer, shorten
from tasks.generation.bodies import UnreadableBody, read_body, read_error_words
from tasks.generation.deadline import finish_by
from tasks.generation.keys import hide_key, holds_key
from tasks.generation.listing import Models, make_headers
from tasks.generation.payloads import Asked, build_request
from tasks.generation.retries import read_retry_after_seconds
from tasks.records.generation import GenerationJob, GeneratorRecord
from tasks.vocabulary import GenerationOutcome

#: What came with a 200 and is a failure all the same.
_FAILED = frozenset({GenerationOutcome.SERVER_ERROR, GenerationOutcome.RATE_LIMITED})
#: How servers say that a prompt and its answer do not fit the model: by these statuses, in words like these.
_TOO_LONG = frozenset({400, 413, 422})
_CONTEXT = re.compile(
    r"context[ _-]?(?:length|size|window|overflow)|maximum context|prompt is too long|too many tokens", re.IGNORECASE
)


#: How servers say that they do not take the key; some say with 403 that they do not like the prompt.
_KEY_REFUSED = frozenset({401, 403})
_MODERATED = re.compile(r"moderat|flagged|content[ _-]?(?:policy|filter)|safety", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that may be worth another one. `pause_seconds` is what the server asked for."""

    outcome: GenerationOutcome
    reason: str
    pause_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one request came to. `seconds`: how long it took; `server`: what the server calls itself."""

    came: Answer | Failure
    seconds: float = 0.0
    server: str | None = None
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """What every attempt of a batch shares."""

    client: httpx.Client
    generator: GeneratorRecord
    models: Models
    clock: Callable[[], float]

    def attempt(self, job: GenerationJob, *, deadline: float) -> Attempt:
        """Ask once; the exchange ends by `deadline` (of the clock)."""
        started = self.clock()
        asked, server = None, None
        try:
            asked = build_request(job, generator=self.generator)
            with finish_by(deadline):
                came, server = self._exchange(asked)
        except Exception as error:  # noqa: BLE001  (one odd job must not cost the batch its answers)
            came = self._explain(error)
        seconds = max(0.0, self.clock() - started)
        return Attempt(self._hide_key(came), seconds, hide_key(server or "", key=self.generator.api_key) or None, asked)

    def _exchange(self, asked: Asked) -> tuple[Answer | Failure, str | None]:
        url = f"{self.generator.endpoint.rstrip('/')}/{asked.path}"
        with self.client.stream("POST", url, json=asked.payload, headers=make_headers(self.generator)) as response:
            server = shorten(response.headers.get("server", ""), limit=100) or None
            if response.status_code != httpx.codes.OK:
                return self._read_refusal(response), server
            body = read_body(response, limit=self.generator.max_response_bytes)
        if body is None:
            reason = f"The server's answer is larger than {self.generator.max_response_bytes} bytes."
            return Answer(GenerationOutcome.BAD_ANSWER, reason=reason), server
        answer = read_answer(body)
        if answer.outcome in _FAILED:
            return Failure(answer.outcome, answer.reason or BROKEN_OFF), server
        return answer, server

    def _read_refusal(self, response: httpx.Response) -> Answer | Failure:
        status = response.status_code
        pause = read_retry_after_seconds(
            response.headers.get("retry-after"), date=response.headers.get("date"), now=self.clock()
        )
        words = read_error_words(response)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return Failure(GenerationOutcome.RATE_LIMITED, f"The server is limiting its rate (429).{words}", pause)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return Failure(GenerationOutcome.SERVER_ERROR, f"The server failed ({status}).{words}", pause)
        if status == httpx.codes.NOT_FOUND and (missing := self.models.find_missing()):
            return Answer(GenerationOutcome.MODEL_UNAVAILABLE, reason=missing)
        if status in _TOO_LONG and _CONTEXT.search(words):
            reason = f"The server refused the request ({status}).{words}"
            return Answer(GenerationOutcome.PROMPT_TOO_LONG, reason=reason)
        if status in _KEY_REFUSED and not _MODERATED.search(words):
            return Answer(GenerationOutcome.KEY_REFUSED, reason=f"The server refuses the key ({status}).{words}")
        if response.is_redirect:
            words = " Redirects are not followed: enter the address where the API is."
        return Answer(GenerationOutcome.REFUSED_BY_SERVER, reason=f"The server refused the request ({status}).{words}")

    def _explain(self, error: Exception) -> Answer | Failure:
        """What went wrong, in words that hold nothing of the request."""
        if isinstance(error, httpx.ConnectTimeout):
            return Failure(GenerationOutcome.UNREACHABLE, "The server did not accept a connection in time.")
        if isinstance(error, httpx.ConnectError):
            return Failure(GenerationOutcome.UNREACHABLE, f"The server cannot be reached: {shorten(str(error))}")
        if isinstance(error, httpx.TimeoutException):
            return Answer(GenerationOutcome.TIMED_OUT, reason=say_timed_out(self.generator))
        if isinstance(error, httpx.RemoteProtocolError | httpx.NetworkError):
            return Failure(GenerationOutcome.SERVER_ERROR, BROKEN_OFF)
        if isinstance(error, UnreadableBody):
            return Answer(GenerationOutcome.BAD_ANSWER, reason=str(error))
        return Answer(
            GenerationOutcome.BAD_ANSWER,
            reason=f"The exchange with the server failed in an unforeseen way ({type(error).__name__}).",
        )

    def _hide_key(self, came: Answer | Failure) -> Answer | Failure:
        """What came, without the key: some servers repeat what they were sent."""
        key = self.generator.api_key
        if not key:
            return came
        if isinstance(came, Failure):
            return replace(came, reason=hide_key(came.reason, key=key))
        if holds_key(came.text, key=key) or holds_key(came.reasoning, key=key):
            reason = "The server's answer held the key that it was asked with, so it was thrown away."
            return Answer(GenerationOutcome.BAD_ANSWER, reason=reason)
        named = {field: getattr(came, field) for field in ("model", "system_fingerprint", "finish_reason")}
        hidden: dict[str, Any] = {
            field: hide_key(value, key=key) for field, value in named.items() if holds_key(value, key=key)
        }
        return replace(came, reason=came.reason and hide_key(came.reason, key=key), **hidden)


def say_timed_out(generator: GeneratorRecord) -> str:
    return (
        f"The server did not finish its answer in time (a read may take {generator.read_timeout_seconds:g} s, "
        f"the whole exchange {generator.deadline_seconds:g} s)."
    )
