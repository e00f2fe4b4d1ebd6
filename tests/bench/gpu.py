"""`make bench BENCH=gpu`: what a GPU makes of models of real shape, beside what its memory and vLLM allow.

LLaMAs of 1 and 7 billion random weights in bfloat16 are made on the device, one after the other, saved to a folder
(TMPDIR; 2.2 and 13.5 GB) and loaded by the product, since that is what a worker does and what vLLM can load too.
The folder goes before the next one comes. Figures, by name, where N is how many requests of mixed lengths (prompts and
answers) are asked at once:

* `padded_N`, `continuous_N`, `auto_N`   tokens per second of `LocalEngine`; `auto` is what the worker's probe chooses
* `worker_N`          tokens per second from rows to rows: claimed of a fresh PostgreSQL, answered, stored (1B alone)
* `vllm_N`            vLLM's, with the same folder and prompts, if CHORUS_VLLM_PYTHON is a Python that has it
* `idle_WAY_N`        the share of that time in which no kernel ran, as nvidia-smi samples it; where one ran that left most
                      of the GPU unused, it was not idle
* `step_ms_N`         one step of decoding of a padded batch, without reading the prompts
* `bandwidth_share_N` what such a step must read (weights, cache of keys and values) over its time, as a share of
* `bandwidth_gb`      what memory does in a big copy, measured here (10^9 bytes per second, reads and writes)

Each figure is a line on stderr as soon as it is known. Ends with one line of JSON. What could not be measured is the
string "not measured", and `why` says why. Without a CUDA device that is everything. GPU_BENCH_DEVICE=cpu
GPU_BENCH_SHAPE=tiny takes the same way with a tiny model, to see that it works. QUICK=1: one round, warmed up with short
answers, and `auto` is what the way that it chose came to.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bench.generation import set_up_django
from tests.bench.gpu_parts import (
    SHAPES,
    CannotMeasure,
    Figures,
    IdleWatch,
    Shape,
    build_shape,
    measure_bandwidth,
    measure_step,
)
from tests.bench.gpu_vllm import ask_vllm
from tests.bench.gpu_ways import Asked, answer_as_worker, answer_with_engine, make_requests, write_tokens

ROUNDS = 1 if os.environ.get("QUICK") == "1" else 3
WAYS = ("padded", "continuous", "auto")


def main() -> None:
    device = os.environ.get("GPU_BENCH_DEVICE", "cuda")
    shapes = [SHAPES[name] for name in os.environ.get("GPU_BENCH_SHAPE", "llama-1b,llama-7b").split(",")]
    problem = find_problem(device)
    if problem:
        print(f"Nothing is measured. {problem}", file=sys.stderr)
        print(json.dumps(give_nothing(shapes, device=device, why=problem)), flush=True)
        return
    from annotate.embedded.engines import start_engines
    from annotate.embedded.places import Places

    home = Path(tempfile.mkdtemp(prefix="chorus-bench-", dir="/tmp"))
    home.chmod(0o711)  # the engines' account must reach its folder
    engines = start_engines(places := Places(data=home / "data", run=home / "run"))
    try:
        set_up_django(places, home)
        result = measure(shapes, device=device)
    finally:
        engines.stop()
        shutil.rmtree(home, ignore_errors=True)
    print(json.dumps(result), flush=True)


def find_problem(device: str) -> str:
    """Why nothing can be measured; empty if something can."""
    try:
        import torch
    except ImportError:
        return "torch is not installed: `make venv-gpu` does that."
    if device != "cpu" and not torch.cuda.is_available():
        return "torch finds no CUDA device on this machine."
    return ""


def name_figures(shape: Shape) -> list[str]:
    """All that is to be measured with a model."""
    ours = (*WAYS, "worker") if shape.through_worker else WAYS
    kinds = [*ours, "vllm", *(f"idle_{way}" for way in ours), "step_ms", "bandwidth_share"]
    return ["bandwidth_gb", *(f"{kind}_{size}" for kind in kinds for size in shape.requests)]


def give_nothing(shapes: Sequence[Shape], *, device: str, why: str) -> dict[str, Any]:
    found = []
    for shape in shapes:
        figures = Figures()
        figures.miss(name_figures(shape), why)
        found.append({"shape": shape.name, "figures": figures.values, "why": figures.why})
    return {"bench": "gpu", "device": device, "rounds": ROUNDS, "models": found}


def measure(shapes: Sequence[Shape], *, device: str, rounds: int = ROUNDS) -> dict[str, Any]:
    return {
        "bench": "gpu",
        "device": device,
        "rounds": rounds,
        "models": [measure_shape(shape, device=device, rounds=rounds) for shape in shapes],
    }


def measure_shape(shape: Shape, *, device: str, rounds: int) -> dict[str, Any]:
    """All figures of one model; the folder that it was saved in is gone afterwards."""
    room = Path(tempfile.mkdtemp(prefix="chorus-bench-model-"))
    figures, facts = Figures(said_of=shape.name), Figures()
    try:
        facts.measure("ours", lambda: measure_ours(room / shape.name, shape, figures, device=device, rounds=rounds))
        figures.miss([name for name in name_figures(shape) if not name.startswith("vllm")], facts.why.get("ours", ""))
        free_memory()
        measure_vllm(room / shape.name, shape, figures, facts.values["ours"], why=facts.why.get("ours", ""))
    finally:
        shutil.rmtree(room, ignore_errors=True)
    about = facts.values["ours"] if "ours" not in facts.why else {}
    return {
        "shape": shape.name,
        **{name: value for name, value in about.items() if name != "batches"},
        "figures": figures.values,
        "why": figures.why,
    }


def measure_ours(folder: Path, shape: Shape, figures: Figures, *, device: str, rounds: int) -> dict[str, Any]:
    """Build and load the model, and measure all that is ours. Gives what the model is, and its prompts as tokens."""
    from tasks.generation.transformers_engine import load_model
    from tasks.jobs.generation_batching import choose_batching
    from tasks.records.generation import Loading
    from tasks.vocabulary import Batching

    started = time.perf_counter()
    build_shape(folder, shape, device=device)
    free_memory()
    _say_aside(f"{shape.name} was made and saved in {time.perf_counter() - started:.1f} seconds.")
    model = load_model(
        name=str(folder), revision="", loading=Loading(device_map=device), clock=time.time, say=_say_aside
    )  # fmt: skip
    asked = {
        size: [make_requests(shape, size, seed=1000 * number + size) for number in range(rounds)]
        for size in shape.requests
    }
    speed = figures.measure("bandwidth_gb", lambda: round(measure_bandwidth(device) / 1e9, 1))
    for size in shape.requests:
        measure_decoding(figures, model, shape, size, bandwidth=speed)
    chosen = choose_batching(model, wanted=Batching.AUTO)
    facts = model.facts
    _say_aside(f"{facts.dtype} on {facts.device}, attention {facts.attention}. {facts.continuous_problem}")
    batchings = {"padded": Batching.PADDED, "continuous": Batching.CONTINUOUS, "auto": chosen}
    for way, batching in batchings.items():
        if way == "auto" and rounds == 1:
            copy_way(figures, str(chosen), "auto", sizes=shape.requests)
        else:
            measure_way(figures, way, asked, device=device, answer=answer_with_engine(model, batching))
    if shape.through_worker:
        measure_way(figures, "worker", asked, device=device, answer=answer_as_worker(model, shape))
    return {
        "parameters": facts.parameters,
        "dtype": facts.dtype,
        "attention": facts.attention,
        "device": facts.device,
        "versions": dict(facts.versions),
        "auto_is": str(chosen),
        "batches": {
            size: [[(write_tokens(model, text), most) for text, most in batch] for batch in batches]
            for size, batches in asked.items()
        },
    }


def measure_decoding(figures: Figures, model: Any, shape: Shape, size: int, *, bandwidth: Any) -> None:
    def share() -> float:
        if not isinstance(bandwidth, float):
            raise CannotMeasure("The speed of memory was not measured.")
        return round(step.needed_bytes / step.seconds / 1e9 / bandwidth, 4)

    steps = Figures()
    step = steps.measure("step", lambda: measure_step(model, rows=size, steps=shape.steps))
    if steps.why:
        figures.miss([f"step_ms_{size}", f"bandwidth_share_{size}"], steps.why["step"])
        return
    figures.measure(f"step_ms_{size}", lambda: round(1000 * step.seconds, 3))
    figures.measure(f"bandwidth_share_{size}", share)


def measure_way(
    figures: Figures,
    way: str,
    asked: dict[int, list[Asked]],
    *,
    device: str,
    answer: Callable[[Asked], tuple[int, float]],
) -> None:
    """A way's tokens per second at each size: the median of the rounds, after one that warms up (a single one's briefly)."""

    def run(batches: list[Asked]) -> float:
        speeds = [tokens / seconds for tokens, seconds in map(answer, batches)]
        return round(statistics.median(speeds), 1)

    shortest = min(limit for batches in asked.values() for _, limit in batches[0])
    for size, batches in asked.items():
        warm = Figures()
        first = batches[0] if len(batches) > 1 else [(text, shortest) for text, _ in batches[0]]
        warm.measure("warm", lambda: answer(first))  # noqa: B023 - called at once
        if warm.why:
            figures.miss([f"{way}_{size}", f"idle_{way}_{size}"], warm.why["warm"])
            continue
        with IdleWatch(device) as watch:
            figures.measure(f"{way}_{size}", lambda: run(batches))  # noqa: B023
        figures.measure(f"idle_{way}_{size}", watch.read_idle)


def copy_way(figures: Figures, way: str, name: str, *, sizes: Sequence[int]) -> None:
    """What a way came to, under another name."""
    for kind in ("", "idle_"):
        for size in sizes:
            known, new = f"{kind}{way}_{size}", f"{kind}{name}_{size}"
            if known in figures.why:
                figures.miss([new], figures.why[known])
            else:
                figures.measure(new, lambda: figures.values[known])  # noqa: B023 - called at once


def measure_vllm(folder: Path, shape: Shape, figures: Figures, ours: Any, *, why: str) -> None:
    names = [f"vllm_{size}" for size in shape.requests]
    if why:
        figures.miss(names, why)
        return
    found = Figures()
    context = shape.sizes["max_position_embeddings"]
    speeds = found.measure("vllm", lambda: ask_vllm(folder, context=context, batches=ours["batches"]))
    if found.why:
        figures.miss(names, found.why["vllm"])
        return
    for size, speed in speeds.items():
        figures.measure(f"vllm_{size}", lambda: round(speed, 1))  # noqa: B023 - called at once


def free_memory() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _say_aside(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
