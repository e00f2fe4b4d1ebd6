"""`make bench BENCH=generation`: tokens per second of the worker, from rows to rows, against what it could be.

A real model of 5 million parameters (LLaMA, random weights) is built and saved, and loaded by the product. The same
prompts of mixed lengths (16 to 119 tokens, 64 new ones) are answered in four ways, in turns:

* `naive`   transformers' own `generate`, one prompt after the other
* `padded`  transformers' own `generate`, one left-padded batch of at most 32 after the other, sorted by length
* `engine`  `LocalEngine` alone: the product's batches, without database and queue
* `worker`  all of it: requests are rows of a fresh PostgreSQL, claimed, answered and stored as candidates

Ends with one line of JSON. `ratio`: worker/engine at 32 requests (goal: at least 0.9); `times_naive`: worker/naive at
32 (goal: at least 4). QUICK=1: one round, no 128.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from annotate.embedded.engines import start_engines
from annotate.embedded.places import Places

set_up_django = import_module("tests.bench.import").set_up_django

QUICK = os.environ.get("QUICK") == "1"
SIZES = (1, 8, 32) if QUICK else (1, 8, 32, 128)
ROUNDS = 1 if QUICK else 5
NEW_TOKENS = 64
MOST_ROWS = 32
GOAL_SIZE = 32
SIZE = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 5, "num_attention_heads": 8}
WORDS = [
    "river",
    "hill",
    "answer",
    "flour",
    "water",
    "salt",
    "rain",
    "roof",
    "count",
    "lamp",
    "time",
    "sea",
    "known",
    "made",
    "from",
    "and",
    "the",
    "of",
    "to",
    "in",
]
SAMPLING = {"temperature": 1.0, "max_tokens": NEW_TOKENS}


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="chorus-bench-", dir="/tmp"))
    home.chmod(0o711)  # the engines' account must reach its folder
    places = Places(data=home / "data", run=home / "run")
    engines = start_engines(places)
    try:
        set_up_django(places, home)
        result = measure(home / "model")
    finally:
        engines.stop()
        shutil.rmtree(home, ignore_errors=True)
    print(json.dumps(result), flush=True)


def measure(folder: Path) -> dict[str, Any]:
    from tasks.generation.transformers_engine import load_model
    from tasks.records.generation import Loading
    from tests.tiny_models import build_model

    build_model(folder, **SIZE)
    model = load_model(name=str(folder), revision="", loading=Loading(), clock=time.time, say=lambda _: None)
    print(f"{model.facts.architecture}, {model.facts.parameters:,} parameters, {model.facts.device}", file=sys.stderr)
    bench = Bench(model, folder)
    speeds: dict[str, dict[int, list[float]]] = {name: {size: [] for size in SIZES} for name in bench.ways}
    bench.warm_up()
    for number in range(ROUNDS):
        for size in SIZES:
            prompts = make_prompts(size, seed=1000 * number + size)
            for name, way in bench.ways.items():
                tokens, seconds = way(prompts)
                speeds[name][size].append(tokens / seconds)
    medians = {
        name: {size: round(statistics.median(found)) for size, found in by.items()} for name, by in speeds.items()
    }
    at = {name: medians[name][GOAL_SIZE] for name in medians}
    return {
        "bench": "generation",
        "rounds": ROUNDS,
        "parameters": model.facts.parameters,
        "device": model.facts.device,
        "tokens_per_second": medians,
        "times_naive": round(at["worker"] / at["naive"], 2),
        "times_padded": round(at["worker"] / at["padded"], 2),
        "ratio": round(statistics.median(pair(speeds["worker"][GOAL_SIZE], speeds["engine"][GOAL_SIZE])), 3),
        "ratios": {
            size: round(statistics.median(pair(speeds["worker"][size], speeds["engine"][size])), 3) for size in SIZES
        },
    }


def pair(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Ratios of what was measured side by side."""
    return [one / other for one, other in zip(over, under, strict=True)]


def make_prompts(count: int, *, seed: int) -> list[str]:
    """Texts of mixed lengths, none twice."""
    rng = random.Random(seed)
    return [f"{seed} {number} " + " ".join(rng.choices(WORDS, k=rng.randint(4, 36))) for number in range(count)]


class Bench:
    """The ways of answering; each takes prompts and gives how many tokens were made in how many seconds."""

    def __init__(self, model: Any, folder: Path) -> None:
        from tasks.generation.local import LocalEngine
        from tasks.records.generation import GeneratorRecord, Loading
        from tasks.vocabulary import Engine
        from tests.loop import make_campaign

        self.model = model
        self.loading = Loading(max_batch=MOST_ROWS)
        self.engine = LocalEngine(model, loading=self.loading, clock=time.time, rng=random.Random(1))
        self.record = GeneratorRecord(
            id=1, name="bench", engine=Engine.TRANSFORMERS, endpoint="", model=str(folder), sampling=SAMPLING,
            loading=self.loading,
        )  # fmt: skip
        self.folder = folder
        self.campaign = make_campaign(slug="bench", near_duplicate_similarity=1.0, redraws=0)
        self.ways: dict[str, Callable[[Sequence[str]], tuple[int, float]]] = {
            "naive": self.answer_naively,
            "padded": self.answer_padded,
            "engine": self.answer_with_engine,
            "worker": self.answer_as_worker,
        }

    def warm_up(self) -> None:
        for way in self.ways.values():
            way(make_prompts(4, seed=7))

    def answer_naively(self, prompts: Sequence[str]) -> tuple[int, float]:
        started = time.perf_counter()
        tokens = sum(self._generate([prompt]) for prompt in prompts)
        return tokens, time.perf_counter() - started

    def answer_padded(self, prompts: Sequence[str]) -> tuple[int, float]:
        started = time.perf_counter()
        ordered = sorted(prompts, key=len)
        tokens = sum(self._generate(ordered[at : at + MOST_ROWS]) for at in range(0, len(ordered), MOST_ROWS))
        return tokens, time.perf_counter() - started

    def _generate(self, prompts: Sequence[str]) -> int:
        """What transformers does by itself with these prompts at once; how many tokens came."""
        import torch

        tokenizer, network = self.model.tokenizer, self.model.model
        written = [self.model.apply_template([{"role": "user", "content": prompt}]) for prompt in prompts]
        tokenizer.padding_side = "left"
        asked = tokenizer(written, return_tensors="pt", padding=True, add_special_tokens=False).to(network.device)
        with torch.inference_mode():
            given = network.generate(
                **asked, max_new_tokens=NEW_TOKENS, do_sample=True, temperature=1.0, top_k=0,
                pad_token_id=tokenizer.pad_token_id,
            )  # fmt: skip
        new = given[:, asked["input_ids"].shape[1] :]
        for row in new:
            tokenizer.decode(row, skip_special_tokens=True)
        return int((new != tokenizer.pad_token_id).sum())

    def answer_with_engine(self, prompts: Sequence[str]) -> tuple[int, float]:
        from tasks.records.generation import GenerationJob, Turn
        from tasks.vocabulary import MessageRole

        jobs = [
            GenerationJob(number, (Turn(MessageRole.PROMPTER, prompt),), seed=number)
            for number, prompt in enumerate(prompts, 1)
        ]
        started = time.perf_counter()
        results = list(self.engine.answer((job, self.record) for job in jobs))
        seconds = time.perf_counter() - started
        assert len(results) == len(prompts)
        return sum(result.completion_tokens or 0 for result in results), seconds

    def answer_as_worker(self, prompts: Sequence[str]) -> tuple[int, float]:
        from annotate.models import CampaignGenerator, GenerationRequest, Generator
        from annotate.services.generation import request_candidates
        from tasks.jobs.generation_models import find_key
        from tasks.jobs.generation_worker import Worker
        from tests.loop import make_prompt

        parents = [make_prompt(self.campaign, prompt, replies=0).pk for prompt in prompts]
        generator, is_new = Generator.objects.get_or_create(
            name="bench", engine="transformers", model=str(self.folder), sampling=SAMPLING,
            defaults={"loading": {"max_batch": MOST_ROWS}},
        )  # fmt: skip
        if is_new:
            CampaignGenerator.objects.create(campaign=self.campaign, generator=generator, samples=1)
        worker = Worker(stop=NeverStop())
        worker.take_loaded(find_key(generator), self.model, loading=self.loading)
        worker.pulse.start()
        now = datetime.now(UTC)
        request_candidates(campaign=self.campaign, actor=None, now=now, parent_ids=parents)
        requests = GenerationRequest.objects.filter(parent__in=parents)
        started = time.perf_counter()
        worker.work(is_over=lambda is_idle: is_idle)
        seconds = time.perf_counter() - started
        worker.end()
        ended = list(requests.values_list("state", "outcome", "completion_tokens"))
        assert all(state in ("done", "failed") for state, _, _ in ended), ended
        assert len(ended) == len(prompts)
        return sum(tokens or 0 for _, _, tokens in ended), seconds


class NeverStop:
    """Nobody tells this worker to end: it does when nothing waits."""

    def is_asked(self) -> bool:
        return False

    def is_hurried(self) -> bool:
        return False


if __name__ == "__main__":
    main()
