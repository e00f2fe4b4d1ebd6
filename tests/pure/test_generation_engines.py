"""Which engine answers, what it says where it cannot, and the model that stays warm between jobs."""

import random
import sys
from dataclasses import replace

import pytest

from tasks.generation import engines, warm_model
from tasks.generation.engines import EngineUnavailable, find_engine
from tasks.records.generation import GenerationJob, GeneratorRecord, Loading, Turn
from tasks.records.local_models import ModelRefused, OutOfMemory
from tasks.vocabulary import Batching, Engine, GenerationOutcome, MessageRole
from tests.fake_model import FakeModel

GENERATOR = GeneratorRecord(
    id=1, name="fake", engine=Engine.TRANSFORMERS, endpoint="", model="fake/model", sampling={"max_tokens": 64}
)


def make_jobs(count):
    thread = (Turn(MessageRole.PROMPTER, "Why is the sky blue?"),)
    return [GenerationJob(n, thread, n, seed=n) for n in range(count)]


@pytest.fixture
def loads(monkeypatch):
    """Models that were loaded; each load gives another fake."""
    found = []

    def load(name, *, revision, loading, clock):
        if name == "missing":
            raise ModelRefused("There is no model missing. Check its name.")
        found.append((name, revision, loading, FakeModel(clock=clock)))
        return found[-1][-1]

    monkeypatch.setattr(warm_model, "load", load)
    warm_model.drop_model()
    yield found
    warm_model.drop_model()


def run(jobs, *, generator=GENERATOR, clock=None, **how):
    clock = clock or FakeModel().clock
    return list(warm_model.generate(jobs, generator=generator, rng=random.Random(0), clock=clock, **how))


def test_an_engine_without_its_libraries_says_what_to_install(monkeypatch):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(EngineUnavailable) as caught:
        find_engine(Engine.TRANSFORMERS)
    assert str(caught.value) == (
        'The engine "transformers" needs torch, which this installation lacks. Install what it needs with '
        "`pip install '.[gpu]'`, or run "
        'the model behind an OpenAI-compatible server and use the engine "openai" with its address.'
    )


def test_the_engine_with_its_libraries_is_found_without_importing_them(monkeypatch):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda _: object())
    for name in ("torch", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it would fail
    assert find_engine(Engine.TRANSFORMERS) is warm_model.generate


def test_the_model_stays_warm_between_calls(loads):
    assert [result.text for result in run(make_jobs(2))] == ["answer 0", "answer 1"]
    other = replace(GENERATOR, id=2, sampling={"max_tokens": 8}, loading=Loading(batching=Batching.PADDED, max_batch=4))
    assert [result.text for result in run(make_jobs(1), generator=other)] == ["answer 0"]
    assert [load[:3] for load in loads] == [("fake/model", "", Loading())]


def test_another_model_takes_its_place(loads):
    for generator in (
        GENERATOR,
        replace(GENERATOR, revision="v2"),
        replace(GENERATOR, loading=Loading(dtype="float16")),
    ):
        run(make_jobs(1), generator=generator)
    assert [load[:3] for load in loads] == [
        ("fake/model", "", Loading()),
        ("fake/model", "v2", Loading()),
        ("fake/model", "", Loading(dtype="float16")),
    ]
    assert [load[-1].cleared for load in loads] == [1, 1, 0]


def test_a_model_that_cannot_be_loaded_is_the_outcome_of_each_job(loads):
    results = run(make_jobs(2), generator=replace(GENERATOR, model="missing"))
    assert [(result.outcome, result.reason) for result in results] == [
        (GenerationOutcome.MODEL_UNAVAILABLE, "There is no model missing. Check its name.")
    ] * 2
    assert results[0].provenance["model_requested"] == "missing"


def test_a_model_that_must_start_afresh_is_dropped_and_the_rest_handed_back(loads):
    run(make_jobs(1))

    def fail(rows):
        raise OutOfMemory

    loads[0][-1].before_batch = fail
    results = run(make_jobs(3))
    assert [(result.outcome, result.retry_after_seconds) for result in results] == [
        (GenerationOutcome.OUT_OF_MEMORY, None),
        (GenerationOutcome.OUT_OF_MEMORY, 0.0),
        (GenerationOutcome.OUT_OF_MEMORY, 0.0),
    ]
    assert [result.text for result in run(make_jobs(1))] == ["answer 0"]
    assert len(loads) == 2


def test_jobs_that_come_after_the_end_are_handed_back(loads):
    clock = FakeModel().clock
    [result] = run(make_jobs(1), clock=clock, until=clock())
    assert (result.outcome, result.retry_after_seconds) == (GenerationOutcome.TIMED_OUT, 0.0)


def test_a_model_whose_memory_cannot_be_given_back_is_dropped_all_the_same(loads, caplog):
    def fail():
        raise RuntimeError("no device")

    run(make_jobs(1))
    loads[0][-1].clear = fail
    run(make_jobs(1), generator=replace(GENERATOR, revision="v2"))
    assert len(loads) == 2
    assert "no device" in caplog.text
