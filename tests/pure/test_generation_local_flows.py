"""Continuous batches: what goes into one, what does not, and what happens to the rest when one fails."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.generation.batches import MEMORY_SHARE
from tasks.generation.local import LocalEngine, RestartNeeded
from tasks.generation.local_runs import MOST_BREAKS, MOST_FAILURES
from tasks.records.generation import GenerationJob, GeneratorRecord, Loading, Turn
from tasks.records.local_models import OutOfMemory, RowEnd, RowOutput
from tasks.vocabulary import Batching, Engine, GenerationOutcome, MessageRole
from tests.fake_model import FakeModel

SKY = (Turn(MessageRole.PROMPTER, "Why is the sky blue?"),)
GENERATOR = GeneratorRecord(
    id=1, name="fake", engine=Engine.TRANSFORMERS, endpoint="", model="fake/model", sampling={"max_tokens": 64}
)
STORED = GenerationOutcome.STORED
CONTINUOUS, PADDED, AUTO = Batching.CONTINUOUS, Batching.PADDED, Batching.AUTO


def make_engine(model, *, batching=CONTINUOUS, loading=None):
    return LocalEngine(model, loading=loading or Loading(), clock=model.clock, rng=random.Random(0), batching=batching)


def make_jobs(count, *, generator=GENERATOR):
    return [(GenerationJob(n, SKY, n, seed=n), generator) for n in range(count)]


def choose(batching, **sampling):
    return replace(GENERATOR, loading=Loading(batching=batching), sampling={"max_tokens": 64, **sampling})


def run(model, jobs, **how):
    engine = make_engine(model, **how)
    return engine, sorted(engine.answer(jobs), key=lambda result: result.request_id)


def list_ways(results):
    return [result.provenance["batching"] for result in results]


def test_each_row_joins_as_another_one_leaves():
    model = FakeModel(ahead=3)
    _, results = run(model, make_jobs(5))
    assert model.batches == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4], [4]]
    assert [(result.outcome, result.text) for result in results] == [(STORED, f"answer {n}") for n in range(5)]


def test_time_is_shared_among_those_who_are_in_it():
    _, results = run(FakeModel(ahead=2), make_jobs(3))
    assert [result.compute_seconds for result in results] == [0.5, 1.0, 1.5]
    assert sum(result.compute_seconds for result in results) == 3


def test_what_a_continuous_batch_does_not_follow_is_recorded():
    _, [asked] = run(FakeModel(), make_jobs(1, generator=choose(CONTINUOUS, repetition_penalty=1.2, top_p=0.9)))
    assert asked.provenance["batching"] == "continuous"
    assert asked.provenance["dropped_sampling"] == ["repetition_penalty", "seed"]
    effective = asked.provenance["effective_sampling"]
    assert (effective["repetition_penalty"], effective["top_p"]) == (None, 0.9)


@pytest.mark.parametrize(
    ("chosen", "own", "sampling", "way"),
    [
        (CONTINUOUS, AUTO, {}, "continuous"),
        (CONTINUOUS, AUTO, {"min_p": 0.1}, "padded"),
        (CONTINUOUS, CONTINUOUS, {"min_p": 0.1}, "continuous"),
        (CONTINUOUS, PADDED, {}, "padded"),
        (PADDED, AUTO, {}, "padded"),
        (PADDED, CONTINUOUS, {}, "continuous"),
        (AUTO, AUTO, {}, "padded"),
    ],
)
def test_a_generators_own_choice_counts_first_and_its_sampling_next(chosen, own, sampling, way):
    _, results = run(FakeModel(), make_jobs(2, generator=choose(own, **sampling)), batching=chosen)
    assert list_ways(results) == [way, way]
    assert all(result.outcome == STORED for result in results)


def test_a_model_that_cannot_continue_gets_padded_batches():
    _, results = run(FakeModel().with_facts(can_continue=False), make_jobs(3))
    assert list_ways(results) == ["padded"] * 3


def test_a_row_longer_than_the_cache_goes_into_a_padded_batch():
    model = FakeModel(free_bytes=1024 * 200)
    long = replace(GENERATOR, sampling={"max_tokens": 500})
    jobs = [(job, long if job.request_id == 1 else GENERATOR) for job, _ in make_jobs(3)]
    _, results = run(model, jobs)
    assert list_ways(results) == ["continuous", "padded", "continuous"]


def test_both_ways_take_turns_while_more_is_asked():
    """What waits for a padded batch is not kept waiting by an endless continuous one."""
    model = FakeModel(ahead=2)
    padded = choose(PADDED)
    jobs = [(job, padded if job.request_id % 3 == 0 else GENERATOR) for job, _ in make_jobs(60)]
    engine = make_engine(model, loading=Loading(max_batch=2))
    answered = [result.request_id for result in engine.answer(iter(jobs))]
    assert sorted(answered) == list(range(60))
    assert answered.index(0) < 12


def fail_while(model, condition, error):
    """The model's batches fail while the condition holds."""

    def fail(rows):
        if condition(rows):
            raise error

    model.before_batch = fail
    return model


def test_a_continuous_batch_that_does_not_fit_is_tried_with_half_the_cache():
    model, sizes = FakeModel(), []
    answer = model.generate_continuous

    def remember(rows, *, is_cut, cache_tokens):
        sizes.append(cache_tokens)
        if len(sizes) < MOST_FAILURES:
            next(rows)
            raise OutOfMemory
        return answer(rows, is_cut=is_cut, cache_tokens=cache_tokens)

    model.generate_continuous = remember
    _, results = run(model, make_jobs(3))
    each = 39 + 64  # tokens of a prompt and its longest answer
    assert sizes == [128 * each, 64 * each, 32 * each]
    assert list_ways(results) == ["continuous"] * 3


def test_a_cache_is_no_larger_than_the_memory():
    model = FakeModel(free_bytes=1024 * 1000)
    answer = model.generate_continuous
    sizes = []

    def remember(rows, *, is_cut, cache_tokens):
        sizes.append(cache_tokens)
        return answer(rows, is_cut=is_cut, cache_tokens=cache_tokens)

    model.generate_continuous = remember
    run(model, make_jobs(3))
    assert sizes == [int(1000 * MEMORY_SHARE)]


def test_one_that_never_fits_gives_way_to_padded_batches():
    model = FakeModel()
    calls = []

    def never(rows, *, is_cut, cache_tokens):
        calls.append(cache_tokens)
        yield from ()
        next(rows)
        raise OutOfMemory

    model.generate_continuous = never
    _, results = run(model, make_jobs(200), loading=Loading(max_batch=8))
    assert len(calls) == MOST_FAILURES
    assert list_ways(results) == ["padded"] * 200


def test_rows_that_a_continuous_batch_loses_go_on_in_padded_ones():
    model = FakeModel(ahead=2)
    answer = model.generate_continuous

    def lose(rows, **how):
        return (output for output in answer(rows, **how) if output.key % 2)

    model.generate_continuous = lose
    _, results = run(model, make_jobs(4))
    assert list_ways(results) == ["padded", "continuous", "padded", "continuous"]
    assert all(result.outcome == STORED for result in results)


def test_a_row_that_breaks_a_continuous_batch_is_found_in_padded_ones():
    model = fail_while(FakeModel(), lambda rows: any(row.key == 2 for row in rows), IndexError("x"))
    _, results = run(model, make_jobs(6))
    assert [result.outcome for result in results] == [
        GenerationOutcome.BAD_ANSWER if n == 2 else STORED for n in range(6)
    ]


@pytest.mark.parametrize("raises", [True, False])
def test_one_that_does_not_even_begin_is_not_tried_again(raises):
    model, calls = FakeModel(), []

    def never_begin(rows, **_):
        calls.append(1)
        if raises:
            raise NotImplementedError
        return iter(())

    model.generate_continuous = never_begin
    engine, results = run(model, make_jobs(3))
    assert list_ways(results) == ["padded"] * 3
    assert list_ways(engine.answer(make_jobs(3))) == ["padded"] * 3
    assert len(calls) == 1


def test_one_that_breaks_again_and_again_is_given_up(caplog):
    assert MOST_BREAKS == 2
    model = FakeModel()
    calls = []

    def break_off(rows, **_):
        calls.append(next(rows).key)
        raise RuntimeError("x")
        yield

    model.generate_continuous = break_off
    engine = make_engine(model)
    for _ in range(2 * MOST_BREAKS):
        assert list_ways(engine.answer(make_jobs(1))) == ["padded"]
    assert len(calls) == MOST_BREAKS
    given_up = [record for record in caplog.records if "goes on without it" in record.getMessage()]
    assert len(given_up) == 1


def test_outputs_that_nobody_asked_for_or_twice_are_left_out():
    model = FakeModel()
    answer = model.generate_continuous

    def double(rows, **how):
        for output in answer(rows, **how):
            yield RowOutput(12345, (), RowEnd.EOS, 0.0)
            yield output
            yield output

    model.generate_continuous = double
    engine = make_engine(model)
    assert sorted(result.request_id for result in engine.answer(make_jobs(4))) == [0, 1, 2, 3]


def test_what_is_called_off_or_out_of_time_is_handed_back():
    model = FakeModel(ahead=1)
    engine = make_engine(model)
    results = list(engine.answer(make_jobs(5), is_cut=lambda key: key == 2, until=model.clock.now + 2.5))
    handed_back = {result.request_id: result.retry_after_seconds for result in results}
    assert handed_back == {0: None, 1: None, 2: 0.0, 3: 0.0, 4: 0.0}


class Whims(FakeModel):
    """A model that does anything that a model may do, and some things that it may not."""

    def __init__(self, rng, clock):
        super().__init__(reply=self.reply_somehow, clock=clock, ahead=rng.randrange(1, 6))
        self.rng = rng
        self.before_batch = self.fail_somehow

    def reply_somehow(self, row):
        text = self.rng.choice(["", " ", "Blue.", "No. " * 30, "<think>Hm", "Sorry, I can't help with that.", "\ufffd"])
        return text, self.rng.choice(list(RowEnd))

    def fail_somehow(self, rows):
        whim = self.rng.random()
        if whim < 0.15 and len(rows) > 1:
            raise OutOfMemory
        if whim < 0.25:
            raise RuntimeError("odd")
        if whim < 0.27:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        if whim < 0.28:
            raise OutOfMemory
        self.clock.now += self.rng.random() * 3

    def generate_padded(self, rows, *, is_cut):
        outputs = super().generate_padded(rows, is_cut=is_cut)
        return [output for output in outputs if self.rng.random() > 0.05]

    def generate_continuous(self, rows, *, is_cut, cache_tokens):
        for output in super().generate_continuous(rows, is_cut=is_cut, cache_tokens=cache_tokens):
            if self.rng.random() > 0.05:
                yield output


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60), st.sampled_from(list(Batching)), st.booleans())
def test_every_job_has_exactly_one_result_whatever_the_model_does(seed, count, batching, ends):
    """A worker that is started afresh again and again, as its supervisor does, and is asked what is left."""
    rng = random.Random(seed)
    clock = FakeModel().clock
    until = clock.now + rng.randrange(1, 40) if ends else None
    called_off = {key for key in range(count) if rng.random() < 0.1}
    lengths = [rng.choice([1, 10, 300, 5000]) for _ in range(count)]
    ways = [rng.choice(list(Batching)) for _ in range(count)]
    waiting = {
        key: (
            GenerationJob(key, (Turn(MessageRole.PROMPTER, "x" * lengths[key]),), 0, keep_refusals=rng.random() < 0.5),
            replace(choose(ways[key]), read_timeout_seconds=rng.choice([1.0, 100.0])),
        )
        for key in range(count)
    }
    results = {}
    for _ in range(10 * count + 10):
        engine = make_engine(Whims(rng, clock), batching=batching, loading=Loading(max_batch=rng.randrange(1, 20)))
        try:
            for result in engine.answer(list(waiting.values()), is_cut=called_off.__contains__, until=until):
                assert result.request_id not in results
                results[result.request_id] = result
                del waiting[result.request_id]
        except RestartNeeded:
            continue
        assert waiting == {}
        break
    assert set(results) == set(range(count))
    for result in results.values():
        has_text = result.outcome in {STORED, GenerationOutcome.TRUNCATED}
        assert result.text is None or has_text
        assert (result.reason is None) == (result.outcome == STORED)
        assert (result.text is not None) or result.outcome != STORED
        assert result.retry_after_seconds in {None, 0.0}
    assert all(results[key].retry_after_seconds == 0.0 for key in called_off if lengths[key] < 5000)
