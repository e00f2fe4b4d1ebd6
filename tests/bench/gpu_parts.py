"""What `tests.bench.gpu` measures with: figures that may be missing, models of real shape, memory's speed, idle GPUs."""

from __future__ import annotations

import random
import shutil
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Self

NOT_MEASURED = "not measured"
#: The size of what is copied, far above any cache.
COPIED_BYTES = {"cuda": 2 << 30, "cpu": 128 << 20}


class CannotMeasure(Exception):
    """Why there is no figure, as a sentence."""


@dataclass(slots=True)
class Figures:
    """Figures by name. One that fails is not measured, with the reason, and costs no other.

    With `said_of`, each is said aside as soon as it is known: what is ended half-way has told what it knew.
    """

    values: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    said_of: str = ""

    def measure(self, name: str, way: Callable[[], Any]) -> Any:
        try:
            self.values[name] = way()
            self._say(name, str(self.values[name]))
        except CannotMeasure as problem:
            self.miss([name], str(problem))
        except Exception as error:  # noqa: BLE001 - whatever breaks, the other figures are wanted
            traceback.print_exc()
            self.miss([name], f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        return self.values[name]

    def miss(self, names: Sequence[str], why: str) -> None:
        """Those of `names` that nobody has measured are not, because of `why`."""
        for name in names:
            if name not in self.values:
                self.values[name], self.why[name] = NOT_MEASURED, why
                self._say(name, f"{NOT_MEASURED}: {why}")

    def _say(self, name: str, what: str) -> None:
        if self.said_of:
            print(f"{self.said_of} {name} {what}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Shape:
    """A LLaMA of these sizes; `through_worker`: the path from rows to rows is measured with it too."""

    name: str
    sizes: dict[str, int]
    requests: tuple[int, ...]
    answer_tokens: tuple[int, ...]
    most_words: int
    steps: tuple[int, int]
    through_worker: bool = False


TINY = Shape(
    "tiny",
    {
        "vocab_size": 2048, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
    },
    requests=(1, 4, 8), answer_tokens=(4, 8), most_words=20, steps=(4, 24), through_worker=True,
)  # fmt: skip
ONE_B = Shape(
    "llama-1b",
    {
        "vocab_size": 32_000, "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22,
        "num_attention_heads": 32, "num_key_value_heads": 4, "max_position_embeddings": 2048,
    },
    requests=(1, 32, 128), answer_tokens=(32, 64, 128, 256), most_words=200, steps=(16, 144), through_worker=True,
)  # fmt: skip
SEVEN_B = Shape(
    "llama-7b",
    {
        "vocab_size": 32_000, "hidden_size": 4096, "intermediate_size": 11_008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 2048,
    },
    requests=(1, 32, 128), answer_tokens=(32, 64, 128, 256), most_words=200, steps=(16, 144),
)  # fmt: skip
SHAPES = {shape.name: shape for shape in (TINY, ONE_B, SEVEN_B)}


def make_words(count: int = 400) -> list[str]:
    """Words of random letters, the same at each call."""
    rng = random.Random(5)
    return ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(count)]


def build_shape(folder: Path, shape: Shape, *, device: str) -> None:
    """Make random weights on the device and save them with a tokenizer. Raises CannotMeasure where they do not fit."""
    import torch
    import transformers

    from tasks.generation.tokenizer_building import build_tokenizer

    transformers.utils.logging.disable_progress_bar()
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    config = transformers.LlamaConfig(**shape.sizes, bos_token_id=1, eos_token_id=1, pad_token_id=0)
    with torch.device("meta"):
        wanted = transformers.AutoModelForCausalLM.from_config(config).num_parameters() * dtype.itemsize
    folder.mkdir(parents=True)
    free = shutil.disk_usage(folder).free
    if free < 1.1 * wanted:
        raise CannotMeasure(
            f"The weights of {shape.name} take {wanted / 1e9:.1f} GB, and {free / 1e9:.1f} GB of disk are free in "
            f"{folder.parent}. Set TMPDIR to a folder with more."
        )
    context, vocabulary = shape.sizes["max_position_embeddings"], shape.sizes["vocab_size"]
    words = make_words(400 if vocabulary < 10_000 else 15_000)
    build_tokenizer(folder, [" ".join(words)], vocabulary=vocabulary, context_tokens=context)
    torch.manual_seed(0)
    with torch.device(device):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype)
    model.save_pretrained(folder, max_shard_size="4GB")


def measure_bandwidth(device: str) -> float:
    """Bytes per second that memory of the device reads and writes in the best of ten big copies."""
    import torch

    kind = device.partition(":")[0]
    source = torch.ones(COPIED_BYTES[kind], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    best = float("inf")
    for _ in range(10):
        _wait_for(kind)
        started = time.perf_counter()
        target.copy_(source)
        _wait_for(kind)
        best = min(best, time.perf_counter() - started)
    return 2 * source.numel() / best


def _wait_for(kind: str) -> None:
    import torch

    if kind == "cuda":
        torch.cuda.synchronize()


@dataclass(frozen=True, slots=True)
class Step:
    """A step of decoding: every row gets a token. `needed_bytes`: weights once and the cache of every row, read once."""

    seconds: float
    needed_bytes: float


def measure_step(model: Any, *, rows: int, steps: tuple[int, int], prompt_tokens: int = 64) -> Step:
    """One step of a padded batch, from two batches that differ in nothing but the length of their answers.

    Input embeddings are looked up and not read whole, so they do not count, unless they are the output's too.
    """
    short, long = steps
    seconds = (_time_steps(model, rows, long, prompt_tokens) - _time_steps(model, rows, short, prompt_tokens)) / (
        long - short
    )
    if seconds <= 0:
        raise CannotMeasure(f"{long} steps took no longer than {short} did: this machine is too busy to say.")
    weights = sum(one.numel() * one.element_size() for one in model.model.parameters())
    given, taken = model.model.get_input_embeddings().weight, model.model.get_output_embeddings().weight
    if given.data_ptr() != taken.data_ptr():
        weights -= given.numel() * given.element_size()
    cached = rows * (prompt_tokens + (short + long) / 2) * model.facts.cache_bytes_per_token
    return Step(seconds, weights + cached)


def _time_steps(model: Any, rows: int, steps: int, prompt_tokens: int) -> float:
    """The median time of three batches of so many steps. A batch whose rows all ended before that does not count."""
    from tasks.records.local_models import Row, Sampling

    rng = random.Random(rows)
    tokens = model.encode(" ".join(make_words()))
    times: list[float] = []
    for attempt in range(20):
        batch = [
            Row(key, tuple(rng.choices(tokens, k=prompt_tokens)), Sampling(max_tokens=steps),
                seed=1000 * attempt + key, prefix=str(key), deadline=float("inf"))
            for key in range(rows)
        ]  # fmt: skip
        started = time.perf_counter()
        outputs = model.generate_padded(batch, is_cut=lambda _: False)
        took = time.perf_counter() - started
        if attempt and max(len(output.tokens) for output in outputs) == steps:  # the first one warms up
            times.append(took)
        if len(times) == 3:
            return statistics.median(times)
    raise CannotMeasure(f"The model ended its answers before {steps} tokens, time and again.")


class IdleWatch:
    """nvidia-smi's utilization while a block runs: the share of time in which any kernel did.

    Ten samples a second, each over what the driver takes as its period (up to a second), so a block of less than two
    seconds is not measured.
    """

    #: An nvidia-smi that said nothing once is not waited for again.
    is_mute = False

    def __init__(self, device: str) -> None:
        self._device = device
        self._samples: list[tuple[float, str]] = []
        self._process: subprocess.Popen[str] | None = None
        self._started = self._ended = 0.0

    def __enter__(self) -> Self:
        program = shutil.which("nvidia-smi")
        if self._device.startswith("cuda") and program:
            command = [program, f"--id={find_gpu()}", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
            self._process = subprocess.Popen([*command, "--loop-ms=100"], stdout=subprocess.PIPE, text=True)
            Thread(target=self._read, daemon=True).start()
            self._wait_for_first()
        self._started = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = time.monotonic()
        if self._process:
            self._process.terminate()
            self._process.wait()

    def read_idle(self) -> float:
        if not self._device.startswith("cuda"):
            raise CannotMeasure("There is no GPU in this run.")
        if self._process is None:
            raise CannotMeasure("There is no nvidia-smi on this machine.")
        return read_idle(self._samples, started=self._started, ended=self._ended)

    def _read(self) -> None:
        assert self._process
        assert self._process.stdout
        for line in self._process.stdout:
            self._samples.append((time.monotonic(), line.strip()))

    def _wait_for_first(self) -> None:
        until = time.monotonic() + (0 if IdleWatch.is_mute else 10)
        while not self._samples and time.monotonic() < until:
            time.sleep(0.05)
        IdleWatch.is_mute = not self._samples


def read_idle(samples: Sequence[tuple[float, str]], *, started: float, ended: float) -> float:
    """The share of time without a kernel, from samples of a second after the beginning up to the end."""
    odd = next((text for _, text in samples if not text.isdigit()), None)
    if odd is not None:
        raise CannotMeasure(f"nvidia-smi says “{odd}” of how busy the GPU is.")
    busy = [int(text) for at, text in samples if started + 1 <= at <= ended]
    if len(busy) < 5:
        raise CannotMeasure("The run was too short for nvidia-smi to say how busy the GPU was.")
    return round(1 - statistics.mean(busy) / 100, 3)


def find_gpu() -> str:
    """What nvidia-smi calls the device that torch calls the first."""
    import torch

    uuid = str(torch.cuda.get_device_properties(0).uuid)
    return uuid if uuid.startswith("GPU-") else f"GPU-{uuid}"
