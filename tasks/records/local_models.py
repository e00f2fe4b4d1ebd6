"""Records between the code that answers jobs with a model in this process and the one module that knows torch.

`tasks.generation.local` prepares rows (token ids in, limits, sampling), forms batches and reads what came out; a
`LocalModel` turns rows into tokens. It is implemented by `tasks.generation.transformers_engine`, and by fakes in tests.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class RowEnd(StrEnum):
    """Why a row stopped. `cut`: it was told to (called off, deadline); `not_numbers`: its logits were no numbers."""

    EOS = "eos"
    STOP = "stop"
    LENGTH = "length"
    CUT = "cut"
    LOOP = "loop"
    NOT_NUMBERS = "not_numbers"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one row's tokens are drawn. Temperature 0 takes the likeliest token; None switches a filter off.

    `stop_ids`: tokens that end this answer beside those that end every answer of the model.
    """

    temperature: float = 1.0
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    stop_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One answer to draw: prompt tokens in, at most `sampling.max_tokens` new ones out.

    `key` names the row to `is_cut`. Rows of one `prefix` have the same prompt, which a model may compute once.
    `deadline`: UNIX time, by the clock that the model was loaded with; the row is cut then, not the batch.
    """

    key: int
    prompt: tuple[int, ...]
    sampling: Sampling
    seed: int
    prefix: str
    deadline: float


@dataclass(frozen=True, slots=True)
class RowOutput:
    """What came of a row: its new tokens (without the end token), and why it stopped."""

    key: int
    tokens: tuple[int, ...]
    end: RowEnd
    seconds: float


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a loaded model is. `versions` maps `torch`, `transformers`, … to theirs; memory in bytes.

    `stop_ids`: tokens that end an answer. `template_sha256`: of the chat template; None: it has none.
    `can_continue`: whether continuous batching can be tried; else `continuous_problem` says why not.
    `cache_bytes_per_token`: what one token of one row keeps in memory while its answer is written.
    `begin_ids`: tokens that the tokenizer puts before a text by itself; a template writes them, a prompt format does not.
    `eos_text`: the end token as text (`</s>`, `<|endoftext|>`), which some prompt formats write between turns.
    `continuous_drops`: names of sampling parameters, `seed` among them, that continuous batching does not follow.
    """

    name: str
    revision: str
    architecture: str
    parameters: int
    dtype: str
    quantization: str | None
    attention: str
    device: str
    context_tokens: int
    stop_ids: tuple[int, ...]
    template_sha256: str | None
    can_continue: bool
    continuous_problem: str
    cache_bytes_per_token: int
    versions: Mapping[str, str]
    begin_ids: tuple[int, ...] = ()
    eos_text: str = ""
    continuous_drops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of the device: what is used by this process, what is free now, and all there is."""

    used: int
    free: int
    total: int


class ModelRefused(Exception):
    """The model cannot be loaded here; the message is a sentence that says why, with figures, and what to do."""


class OutOfMemory(Exception):
    """A batch did not fit. The caller halves it; nothing of it is kept in memory."""


class DeviceLost(Exception):
    """The device is in a state that only a new process mends (a device-side assert, a lost GPU)."""


class LocalModel(Protocol):
    """A model that is loaded, with its tokenizer.

    Rows have their deadlines by the clock that it was loaded with, which is also that of whoever asks it.
    """

    facts: ModelFacts

    def encode(self, text: str) -> tuple[int, ...]:
        """Tokens of a text as it is: no special token is added, and none is read out of the text."""
        ...

    def encode_marked(self, text: str) -> tuple[int, ...]:
        """Tokens of a text of ours, in which special tokens are read as such (for prompt formats)."""
        ...

    def apply_template(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The thread as the model's chat template writes it, ready for the answer. Raises ValueError with why not."""
        ...

    def control_strings(self) -> tuple[str, ...]:
        """What the tokenizer would read as a special token, longest first."""
        ...

    def decode(self, tokens: Sequence[int]) -> str:
        """Tokens as text, special ones left out."""
        ...

    def generate_padded(self, rows: Sequence[Row], *, is_cut: Callable[[int], bool]) -> list[RowOutput]:
        """All rows as one left-padded batch. Raises OutOfMemory, DeviceLost; a row that fails says so in its end."""
        ...

    def generate_continuous(
        self, rows: Iterator[Row], *, is_cut: Callable[[int], bool], cache_tokens: int
    ) -> Iterator[RowOutput]:
        """Rows as they come, each answered as soon as it ends. Raises OutOfMemory when even one does not fit."""
        ...

    def measure_memory(self) -> Memory:
        """The memory of the model's device now."""
        ...

    def clear(self) -> None:
        """Give back what the last batch left behind on the device."""
        ...
