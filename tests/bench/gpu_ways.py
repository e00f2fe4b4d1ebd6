"""The ways of answering that `tests.bench.gpu` measures: the engine alone, and the whole worker from rows to rows."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.bench.generation import NeverStop
from tests.bench.gpu_parts import CannotMeasure, Shape, make_words

#: Prompts, each with how many tokens its answer may have.
Asked = list[tuple[str, int]]


def make_requests(shape: Shape, count: int, *, seed: int) -> Asked:
    """Prompts of mixed lengths, none twice, with how long their answers may be; the longest is in each."""
    rng, words = random.Random(seed), make_words()
    limits = [shape.answer_tokens[-1 - at % len(shape.answer_tokens)] for at in range(count)]
    return [
        (f"{seed} {number} " + " ".join(rng.choices(words, k=rng.randint(4, shape.most_words))), limit)
        for number, limit in enumerate(limits)
    ]


def write_tokens(model: Any, text: str) -> list[int]:
    return list(model.encode_marked(model.apply_template([{"role": "user", "content": text}])))


def answer_with_engine(model: Any, batching: Any) -> Callable[[Asked], tuple[int, float]]:
    """The product's batches, without database and queue."""
    from tasks.generation.local import LocalEngine
    from tasks.records.generation import GenerationJob, GeneratorRecord, Loading, Turn
    from tasks.vocabulary import Batching, Engine, MessageRole

    if batching == Batching.CONTINUOUS and not model.facts.can_continue:
        return _refuse(model.facts.continuous_problem)
    engine = LocalEngine(model, loading=Loading(), clock=time.time, rng=random.Random(1), batching=batching)

    def answer(asked: Asked) -> tuple[int, float]:
        jobs = [
            (
                GenerationJob(number, (Turn(MessageRole.PROMPTER, text),), seed=number),
                GeneratorRecord(
                    id=most, name=f"bench-{most}", engine=Engine.TRANSFORMERS, endpoint="", model=model.facts.name,
                    sampling={"temperature": 1.0, "max_tokens": most}, read_timeout_seconds=600,
                ),
            )
            for number, (text, most) in enumerate(asked, 1)
        ]  # fmt: skip
        started = time.perf_counter()
        results = list(engine.answer(jobs))
        seconds = time.perf_counter() - started
        failed = [result.reason for result in results if result.provenance.get("batching") != str(batching)]
        if failed or len(results) != len(asked):
            raise CannotMeasure(f"{len(failed)} of {len(asked)} requests were not answered in this way: {failed[:1]}")
        return sum(result.completion_tokens or 0 for result in results), seconds

    return answer


def answer_as_worker(model: Any, shape: Shape) -> Callable[[Asked], tuple[int, float]]:
    """All of it: requests are rows of campaigns, one for each length of answers; the worker shares batches among them."""
    from annotate.models import CampaignGenerator, GenerationRequest, Generator
    from annotate.services.generation import request_candidates
    from tasks.jobs.generation_models import find_key
    from tasks.jobs.generation_worker import Worker
    from tasks.records.generation import Loading
    from tests.loop import make_campaign, make_prompt

    campaigns = {}
    for most in shape.answer_tokens:
        campaign = make_campaign(slug=f"{shape.name}-{most}", near_duplicate_similarity=1.0, redraws=0)
        generator = Generator.objects.create(
            name=campaign.slug, engine="transformers", model=model.facts.name,
            sampling={"temperature": 1.0, "max_tokens": most},
        )  # fmt: skip
        CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=1)
        campaigns[most] = campaign
    calls = iter(range(1_000_000))

    def answer(asked: Asked) -> tuple[int, float]:
        call, parents = next(calls), []
        for most, campaign in campaigns.items():
            texts = [text for text, limit in asked if limit == most]
            ids = [make_prompt(campaign, f"{text} {call}", replies=0).pk for text in texts]
            if ids:
                request_candidates(campaign=campaign, actor=None, now=datetime.now(UTC), parent_ids=ids)
            parents += ids
        worker = Worker(stop=NeverStop())
        worker.take_loaded(find_key(generator), model, loading=Loading())
        worker.pulse.start()
        started = time.perf_counter()
        worker.work(is_over=lambda is_idle: is_idle)
        seconds = time.perf_counter() - started
        worker.end()
        ended = list(GenerationRequest.objects.filter(parent__in=parents).values_list("state", "completion_tokens"))
        waiting = sum(state not in {"done", "failed"} for state, _ in ended)
        if waiting or len(ended) != len(asked):
            raise CannotMeasure(f"Of {len(asked)} requests there are {len(ended)}, and {waiting} did not end.")
        return sum(tokens or 0 for _, tokens in ended), seconds

    return answer


def _refuse(why: str) -> Callable[[Asked], tuple[int, float]]:
    def answer(asked: Asked) -> tuple[int, float]:
        raise CannotMeasure(why)

    return answer
