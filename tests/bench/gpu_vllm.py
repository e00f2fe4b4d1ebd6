"""vLLM's tokens per second with a model of `tests.bench.gpu`, asked in a process of an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from tests.bench.gpu_parts import CannotMeasure

#: Read now: setting Django up for a bench clears what begins with CHORUS_.
PYTHON = os.environ.get("CHORUS_VLLM_PYTHON")
MOST_SECONDS = 1800

#: No prefix is kept from one batch to the next, since the first one is asked twice.
PROGRAM = """
import json, sys, time
from vllm import LLM, SamplingParams

asked = json.load(sys.stdin)
model = LLM(
    model=asked["folder"], dtype="bfloat16", max_model_len=asked["context"], gpu_memory_utilization=0.85,
    enable_prefix_caching=False,
)

def answer(pairs):
    prompts = [{"prompt_token_ids": tokens} for tokens, _ in pairs]
    limits = [SamplingParams(temperature=1.0, max_tokens=most) for _, most in pairs]
    started = time.perf_counter()
    found = model.generate(prompts, limits, use_tqdm=False)
    return sum(len(one.outputs[0].token_ids) for one in found) / (time.perf_counter() - started)

speeds = {}
for size, rounds in asked["batches"].items():
    answer(rounds[0])
    speeds[size] = [answer(pairs) for pairs in rounds]
print("\\n" + json.dumps(speeds))
"""


def ask_vllm(folder: Path, *, context: int, batches: dict[int, list[list[tuple[list[int], int]]]]) -> dict[int, float]:
    """vLLM's tokens per second for the same prompts, by how many there are at once."""
    python = PYTHON
    if not python:
        raise CannotMeasure("CHORUS_VLLM_PYTHON names no Python that has vLLM.")
    if not shutil.which(python):
        raise CannotMeasure(f"CHORUS_VLLM_PYTHON is {python}, which cannot be run.")
    if subprocess.run([python, "-c", "import vllm"], check=False, capture_output=True).returncode:
        raise CannotMeasure(f"{python} cannot import vllm.")
    given = json.dumps({"folder": str(folder), "context": context, "batches": batches})
    try:
        done = subprocess.run(
            [python, "-c", PROGRAM], check=False, input=given, capture_output=True, text=True, timeout=MOST_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise CannotMeasure(f"vLLM was not done after {MOST_SECONDS} seconds.") from None
    if done.returncode:
        print(done.stderr[-4000:], file=sys.stderr)
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise CannotMeasure(f"vLLM failed with {folder.name}: {last[:300]}")
    speeds = json.loads(done.stdout.strip().splitlines()[-1])
    return {int(size): statistics.median(found) for size, found in speeds.items()}
