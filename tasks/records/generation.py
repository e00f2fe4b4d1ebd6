"""Records of candidate generation: what an engine is asked, and what came of it.

They cross the boundary between the database and the engines: the job that claims requests builds
`GeneratorRecord` and `GenerationJob`, an engine of `tasks.generation` answers with one
`GenerationResult` for each job, and a service stores it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.vocabulary import Engine, GenerationOutcome, MessageRole


@dataclass(frozen=True, slots=True)
class GeneratorRecord:
    """A generator as its administrator wrote it.

    `endpoint` is the base of an OpenAI-compatible server, up to and including its version
    (`https://host/v1`). `sampling` goes to the server as it is (`temperature`, `top_p`,
    `max_tokens`, …); `model`, `messages`, `seed`, `n` and `stream` are ours to set. The key never
    shows in a repr, a reason or a provenance.

    `deadline_seconds` bounds one job with all its attempts and waits. A server that asks for a
    pause longer than `longest_wait_seconds` gets its job handed back instead of a sleeping worker.
    """

    id: int
    name: str
    engine: Engine
    endpoint: str
    model: str
    revision: str = ""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    system_prompt: str | None = None
    api_key: str | None = field(default=None, repr=False)
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 120.0
    deadline_seconds: float = 300.0
    longest_wait_seconds: float = 10.0
    attempts: int = 4
    concurrency: int = 4
    max_response_bytes: int = 1_048_576


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the thread that a candidate answers."""

    role: MessageRole
    text: str


@dataclass(frozen=True, slots=True)
class GenerationJob:
    """One claimed request: answer `thread` once. `seed` is sent to the server when there is one."""

    request_id: int
    thread: tuple[Turn, ...]
    sample_index: int = 0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """What came of one job.

    `STORED` means that `text` is a whole, non-empty answer, ready to be stored. `TRUNCATED`
    carries the text as far as it came. Every other outcome has no text. `reason` is a sentence for
    an organizer, `None` for a whole answer. `retry_after_seconds` is set when the job was handed back
    to be asked again after that many seconds: the server wants a pause, or the batch's time was over.

    `provenance` is plain JSON: `engine`, `engine_version`, `host`, `model_requested`, `model`,
    `revision`, `system_fingerprint`, `sampling`, `seed`, `system_prompt`, `finish_reason`,
    `usage`, `latency_ms` (of the last attempt) and `attempts`; `None` where the server said nothing.
    """

    request_id: int
    outcome: GenerationOutcome
    text: str | None = None
    reason: str | None = None
    retry_after_seconds: float | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
