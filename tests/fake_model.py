"""A LocalModel without torch: one token a character, special tokens above them, answers by script, a clock that it moves."""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tasks.records.local_models import Memory, ModelFacts, Row, RowEnd, RowOutput

#: Special tokens have ids from here; no character has one.
FIRST_SPECIAL = 0x110000
CHATML = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
GIB = 1 << 30

FACTS = ModelFacts(
    name="fake/model",
    revision="abc123",
    architecture="FakeForCausalLM",
    parameters=1000,
    dtype="float32",
    quantization=None,
    attention="sdpa",
    device="cpu",
    context_tokens=4096,
    stop_ids=(),
    template_sha256="f" * 64,
    can_continue=True,
    continuous_problem="",
    cache_bytes_per_token=1024,
    versions={"torch": "2.13.0", "transformers": "5.24.0"},
    continuous_drops=("seed", "repetition_penalty", "min_p"),
)


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def write_chatml(messages: Sequence[Mapping[str, str]]) -> str:
    written = (f"<|im_start|>{one['role']}\n{one['content']}<|im_end|>\n" for one in messages)
    return "".join(written) + "<|im_start|>assistant\n"


def echo(row: Row) -> tuple[str, RowEnd]:
    return f"answer {row.key}", RowEnd.EOS


@dataclass
class FakeModel:
    """`reply` gives the text of a row and why it ends; `before_batch` may raise, or change what happens next.

    Each batch takes one second, and each row of a continuous batch another one. `batches` remembers their rows.
    """

    facts: ModelFacts = FACTS
    specials: tuple[str, ...] = CHATML
    reply: Callable[[Row], tuple[str, RowEnd]] = echo
    before_batch: Callable[[Sequence[Row]], None] = lambda _: None
    template: Callable[[Sequence[Mapping[str, str]]], str] = write_chatml
    clock: Clock = field(default_factory=Clock)
    free_bytes: int = GIB
    ahead: int = 4
    batches: list[list[int]] = field(default_factory=list)
    rows: dict[int, Row] = field(default_factory=dict)
    cleared: int = 0

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(map(ord, text))

    def encode_marked(self, text: str) -> tuple[int, ...]:
        if not self.specials:
            return self.encode(text)
        parts = re.split("(" + "|".join(map(re.escape, self.specials)) + ")", text)
        return tuple(itertools.chain.from_iterable(self._encode_part(part) for part in parts))

    def _encode_part(self, part: str) -> Iterable[int]:
        return (FIRST_SPECIAL + self.specials.index(part),) if part in self.specials else map(ord, part)

    def apply_template(self, messages: Sequence[Mapping[str, str]]) -> str:
        return self.template(messages)

    def control_strings(self) -> tuple[str, ...]:
        return self.specials

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(chr(token) for token in tokens if token < FIRST_SPECIAL)

    def read(self, tokens: Sequence[int]) -> str:
        """Tokens as text, special ones as they are written."""
        return "".join(
            chr(token) if token < FIRST_SPECIAL else self.specials[token - FIRST_SPECIAL] for token in tokens
        )

    def generate_padded(self, rows: Sequence[Row], *, is_cut: Callable[[int], bool]) -> list[RowOutput]:
        self.batches.append([row.key for row in rows])
        self.before_batch(rows)
        self.clock.now += 1
        return [self._answer(row, is_cut=is_cut) for row in rows]

    def generate_continuous(
        self, rows: Iterator[Row], *, is_cut: Callable[[int], bool], cache_tokens: int
    ) -> Iterator[RowOutput]:
        inside: list[Row] = []
        while True:
            inside.extend(itertools.islice(rows, self.ahead - len(inside)))
            if not inside:
                return
            self.batches.append([row.key for row in inside])
            self.before_batch(inside)
            self.clock.now += 1
            yield self._answer(inside.pop(0), is_cut=is_cut)

    def _answer(self, row: Row, *, is_cut: Callable[[int], bool]) -> RowOutput:
        self.rows[row.key] = row
        text, end = self.reply(row)
        tokens = self.encode_marked(text)[: row.sampling.max_tokens]
        if is_cut(row.key) or self.clock() > row.deadline:
            end = RowEnd.CUT
        return RowOutput(row.key, tokens, end, 1.0)

    def measure_memory(self) -> Memory:
        return Memory(used=0, free=self.free_bytes, total=self.free_bytes)

    def clear(self) -> None:
        self.cleared += 1

    def with_facts(self, **changes) -> "FakeModel":
        return replace(self, facts=replace(self.facts, **changes))
