"""Records of candidate generation: what an engine is asked, and what came of it.

They cross the boundary between the database and the engines: the job that claims requests builds
`GeneratorRecord` and `GenerationJob`, an engine of `tasks.generation` answers with one
`GenerationResult` for each job, and a service stores it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.vocabulary import Batching, Engine, GenerationOutcome, MessageRole, ServerKind

#: What `Loading` may say.
DTYPES = ("auto", "float32", "bfloat16", "float16")
ATTENTIONS = ("sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention")
QUANTIZATIONS = ("bnb_4bit", "bnb_8bit", "int8", "int4", "float8")


@dataclass(frozen=True, slots=True)
class Loading:
    """How a worker loads a model by itself.

    dtype              `auto` (as the model was saved), `float32`, `bfloat16`, `float16`
    device_map         `auto`, or one device: `cpu`, `cuda`, `cuda:1`, `mps`
    quantization       applied while loading: `bnb_4bit`, `bnb_8bit`, `int8` (torchao), …; None: as it was saved
    attention          `sdpa`, `eager`, `flash_attention_2`, …; None: what transformers chooses
    trust_remote_code  an administrator's word that this model's own code may run where it is loaded
    batching           how requests share the model
    max_batch          rows of a batch at most; None: what fits
    context_tokens     None: what the model's configuration says; never more than that
    """

    dtype: str = "auto"
    device_map: str = "auto"
    quantization: str | None = None
    attention: str | None = None
    trust_remote_code: bool = False
    batching: Batching = Batching.AUTO
    max_batch: int | None = None
    context_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class GeneratorRecord:
    """A generator as its administrator wrote it.

    `endpoint` is the base of an OpenAI-compatible server, up to and including its version
    (`https://host/v1`). `sampling` goes to the server as it is (`temperature`, `top_p`,
    `max_tokens`, …); `model`, `messages`, `seed`, `n` and `stream` are ours to set. The key never
    shows in a repr, a reason or a provenance.

    `read_timeout_seconds` bounds one answer of a model in the worker, from when its batch begins.

    `deadline_seconds` bounds one job with all its attempts and waits. A server that asks for a
    pause longer than `longest_wait_seconds` gets its job handed back instead of a sleeping worker.

    `server_kind` says which of OpenAI's parameters the server takes. `prompt_format` names a format of
    `tasks.generation.prompt_formats` in which the thread is written out for a model without a chat template; empty:
    the template of the model. `loading` is for engines that load the model themselves.
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
    server_kind: ServerKind = ServerKind.ANY
    prompt_format: str = ""
    loading: Loading = field(default_factory=Loading)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the thread that a candidate answers."""

    role: MessageRole
    text: str


@dataclass(frozen=True, slots=True)
class GenerationJob:
    """One claimed request: answer `thread` once. `seed` is sent to the server when there is one.

    `keep_refusals`: a text that only says that the model will not answer is an answer like any other.
    """

    request_id: int
    thread: tuple[Turn, ...]
    sample_index: int = 0
    seed: int | None = None
    keep_refusals: bool = True


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """What came of one job.

    `STORED` means that `text` is a whole, non-empty answer, ready to be stored. `TRUNCATED`
    carries the text as far as it came. Every other outcome has no text. `reason` is a sentence for
    an organizer, `None` for a whole answer. `retry_after_seconds` is set when the job was handed back
    to be asked again after that many seconds: the server wants a pause, or the batch's time was over.

    `reasoning` is what the model told itself before it answered; it is kept apart from the text.
    `compute_seconds` is this job's share of the time that its batches took; over HTTP, the time of the exchange.

    `provenance` is plain JSON: `engine`, `engine_version`, `host`, `model_requested`, `model`,
    `revision`, `system_fingerprint`, `sampling` (as asked), `effective_sampling` (as used), `dropped_sampling` (asked
    for and not used: names), `seed`, `system_prompt`, `prompt_format`, `finish_reason`, `usage`, `latency_ms` (of the
    last attempt), `attempts`, `truncated` (`turns` and `tokens` that were left out at the front of a long thread; None
    when it was whole; a server does not say how many tokens), `defused` (control strings that were broken up in people's
    text) and `reads_like_refusal`; `None` where the server said nothing. A server adds `server_kind`. A model that the
    worker loaded adds `dtype`, `quantization`, `attention`, `device`, `architecture`, `parameters`, `batching`,
    `template_sha256` and `system_in_first_turn` (the template has no place for a system prompt).
    """

    request_id: int
    outcome: GenerationOutcome
    text: str | None = None
    reason: str | None = None
    retry_after_seconds: float | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    reasoning: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    compute_seconds: float | None = None
