"""A worker with a model in its own memory: what it claims, stores and gives back, and what it says of itself."""

from __future__ import annotations

import logging

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from annotate.models import (
    BatchingProbe,
    CampaignGenerator,
    GenerateWorker,
    GenerationRequest,
    Generator,
    GeneratorTrial,
    Message,
)
from annotate.services.generation import ask_missing, cancel_requests
from annotate.services.generation_queue import LEASE_SECONDS, sweep_lost_requests
from tasks.generation.local import RestartNeeded
from tasks.jobs import generation_batching, generation_desk, generation_worker
from tasks.jobs.generation_batching import choose_batching
from tasks.jobs.generation_models import find_key
from tasks.jobs.generation_pulse import is_alive
from tasks.jobs.generation_stopping import Grace
from tasks.jobs.generation_worker import Worker
from tasks.records.local_models import DeviceLost, ModelRefused, OutOfMemory
from tasks.vocabulary import Batching
from tests.fake_model import FakeModel
from tests.opinions import NOW, make_campaign, make_prompt

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign():
    return make_campaign(redundancy=1)


@pytest.fixture
def stop():
    return Grace()


@pytest.fixture
def model():
    return FakeModel()


@pytest.fixture
def worker(stop, model, monkeypatch):
    """A worker whose pulse beats when it is told to, with the fake model as the one that is loaded."""
    monkeypatch.setattr(generation_worker, "load", lambda *_, **__: model)
    monkeypatch.setattr(generation_batching, "probe_batching", lambda _: (2.0, 1.0, "Padded batches are faster here."))
    made = Worker(stop=stop)
    monkeypatch.setattr(made.pulse, "start", lambda: None)
    yield made
    made.end()


def add_generator(campaign, name: str = "small", *, samples: int = 1, **given) -> Generator:
    generator = Generator.objects.create(name=name, engine="transformers", model="fake/model", **given)
    CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=samples)
    return generator


def ask(campaign, prompts: int = 3) -> list[Message]:
    made = [make_prompt(campaign, f"Question {number}?") for number in range(prompts)]
    ask_missing(campaign_id=campaign.pk, now=NOW)
    return made


def run(worker: Worker, generator: Generator) -> None:
    """Load the generator's model where it is not, and work until nothing waits."""
    if worker.key != find_key(generator):
        worker.take_model(find_key(generator))
    worker.work(is_over=lambda is_idle: is_idle)
    worker.desk.wait()


def lose(worker: Worker) -> None:
    """Stands for the minute after a worker's end: the leases of what it kept are over, and a sweep finds that."""
    worker.desk.wait()
    GenerationRequest.objects.filter(state="running").update(lease_expires_at=timezone.now())
    sweep_lost_requests(now=timezone.now())


def lose_time_after_time(worker: Worker, generator: Generator) -> None:
    while True:
        run(worker, generator)
        lose(worker)


def states() -> list[tuple]:
    return list(GenerationRequest.objects.order_by("pk").values_list("state", "outcome"))


def count_candidates() -> int:
    return Message.objects.filter(role="assistant").count()


# --- What it answers ---------------------------------------------------------------------------------


def test_requests_of_all_campaigns_and_generators_of_a_model_share_a_batch(campaign, worker, model) -> None:
    one = add_generator(campaign)
    other = make_campaign("fish")
    add_generator(other, "same model", sampling={"temperature": 0.2, "max_tokens": 8})
    add_generator(other, "another model").__class__.objects.filter(name="another model").update(model="else")
    ask(campaign, 2)
    ask(other, 2)

    run(worker, one)

    ids = dict(GenerationRequest.objects.values_list("pk", "generator__name"))
    answered = {key for key, name in ids.items() if name != "another model"}
    assert sorted(key for batch in model.batches for key in batch) == sorted(answered)
    assert all({ids[key] for key in batch} == {ids[key] for key in answered} for batch in model.batches)
    assert {row.sampling.max_tokens for row in model.rows.values()} == {512, 8}
    assert sorted(states()) == [("done", "stored")] * 4 + [("queued", None)] * 2
    assert count_candidates() == 4


def test_what_comes_while_a_batch_runs_joins_it(campaign, worker, model) -> None:
    generator = add_generator(campaign, loading={"max_batch": 1})
    ask(campaign, 1)
    late: list[Message] = []

    def ask_more(_rows) -> None:
        if not late:
            late.append(make_prompt(campaign, "One more?"))

    model.before_batch = ask_more
    run(worker, generator)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    run(worker, generator)
    assert states() == [("done", "stored")] * 2


def test_a_disabled_generator_is_not_asked_any_more(campaign, worker, model) -> None:
    generator = add_generator(campaign)
    ask(campaign)
    worker.take_model(find_key(generator))
    Generator.objects.update(enabled=False)
    run(worker, generator)
    assert model.batches == []


def test_what_keeps_one_generator_from_answering_is_shown_with_it_and_keeps_no_other(campaign, worker) -> None:
    good = add_generator(campaign)
    odd = add_generator(campaign, "odd", prompt_format="no-such/9")
    ask(campaign, 1)
    run(worker, good)
    odd.refresh_from_db()
    good.refresh_from_db()
    assert "There is no prompt format" in odd.problem
    assert good.problem == ""
    assert sorted(states()) == [("done", "stored"), ("queued", None)]

    Generator.objects.filter(pk=odd.pk).update(prompt_format="")
    run(worker, good)
    odd.refresh_from_db()
    assert (odd.problem, states()) == ("", [("done", "stored")] * 2)


def test_a_model_that_cannot_be_loaded_is_told_with_its_generators_and_their_requests_wait(
    campaign, worker, monkeypatch
) -> None:
    generator = add_generator(campaign)
    ask(campaign)

    def refuse(key, *, say):
        raise ModelRefused("The folder fake/model is not there.")

    with monkeypatch.context() as broken:
        broken.setattr(generation_worker, "load", refuse)
        with pytest.raises(ModelRefused):
            worker.take_model(find_key(generator))
    generator.refresh_from_db()
    assert (generator.problem, worker.pulse.problem) == ("The folder fake/model is not there.",) * 2
    assert states() == [("queued", None)] * 3

    run(worker, generator)
    generator.refresh_from_db()
    assert (generator.problem, states()) == ("", [("done", "stored")] * 3)


# --- When it is told to end --------------------------------------------------------------------------


def test_a_first_word_finishes_what_runs_and_claims_no_more(campaign, worker, model, stop) -> None:
    generator = add_generator(campaign, loading={"max_batch": 1})
    ask(campaign, 6)
    model.before_batch = lambda _rows: stop.words or stop.ask()
    run(worker, generator)
    worker.desk.wait()
    claimed = len(model.batches)
    assert 1 <= claimed < 6
    assert sorted(states()) == [("done", "stored")] * claimed + [("queued", None)] * (6 - claimed)


def test_a_second_word_gives_back_what_is_not_finished_as_if_it_had_never_been_tried(
    campaign, worker, model, stop
) -> None:
    generator = add_generator(campaign)
    ask(campaign)

    def hurry(_rows) -> None:
        stop.ask()
        stop.ask()

    model.before_batch = hurry
    run(worker, generator)
    assert list(GenerationRequest.objects.values_list("state", "attempts", "losses")) == [("queued", 0, 0)] * 3
    assert count_candidates() == 0


def test_the_end_of_the_grace_is_a_second_word() -> None:
    now = [0.0]
    grace = Grace(grace_seconds=20, clock=lambda: now[0])
    assert (grace.is_asked(), grace.is_hurried()) == (False, False)
    grace.ask()
    assert (grace.is_asked(), grace.is_hurried()) == (True, False)
    now[0] = 20.0
    assert grace.is_hurried()


# --- What goes wrong ---------------------------------------------------------------------------------


def test_what_was_called_off_meanwhile_is_cut_and_not_stored(campaign, worker, model) -> None:
    generator = add_generator(campaign)
    ask(campaign)
    told: list[bool] = []

    def call_off(rows) -> None:
        cancel_requests(campaign=campaign, actor=None, now=timezone.now())
        worker.desk.hold()
        told.extend(worker.desk.batches[token].gone == {row.key for row in rows} for token in worker.desk.batches)

    model.before_batch = call_off
    run(worker, generator)
    assert told == [True]
    assert [state for state, _ in states()] == ["cancelled"] * 3
    assert count_candidates() == 0


def test_a_pulse_holds_what_a_long_batch_needs(campaign, worker, model) -> None:
    generator = add_generator(campaign)
    ask(campaign)
    left: list[float] = []

    def wait(_rows) -> None:
        GenerationRequest.objects.update(lease_expires_at=timezone.now())
        worker.pulse.tick()
        ends = GenerationRequest.objects.values_list("lease_expires_at", flat=True)
        left.extend((end - timezone.now()).total_seconds() for end in ends)

    model.before_batch = wait
    run(worker, generator)
    assert [seconds > LEASE_SECONDS - 5 for seconds in left] == [True] * 3
    assert states() == [("done", "stored")] * 3


def test_a_text_waits_while_the_database_is_away_and_is_stored_once(campaign, worker, monkeypatch) -> None:
    generator = add_generator(campaign)
    ask(campaign)
    real, tries = generation_desk.settle_request, []

    def fail_at_first(**given):
        tries.append(given["result"].request_id)
        if len(tries) <= 2:
            raise OperationalError("the server closed the connection unexpectedly")
        return real(**given)

    monkeypatch.setattr(generation_desk, "settle_request", fail_at_first)
    run(worker, generator)
    assert (len(tries), states(), count_candidates()) == (5, [("done", "stored")] * 3, 3)


def test_a_text_is_dropped_when_the_database_is_away_for_longer_than_the_lease(campaign, worker, monkeypatch) -> None:
    generator = add_generator(campaign)
    ask(campaign, 1)
    real = generation_desk.settle_request

    def fail(**_given):
        for batch in worker.desk.batches.values():
            batch.held_until = 0.0
        raise OperationalError("away")

    monkeypatch.setattr(generation_desk, "settle_request", fail)
    worker.take_model(find_key(generator))
    worker.work(is_over=lambda _: True)
    worker.desk.wait()
    assert states() == [("queued", None)]  # the database was back in time to take it back

    monkeypatch.setattr(generation_desk, "settle_request", real)
    run(worker, generator)
    assert (states(), count_candidates()) == ([("done", "stored")], 1)


def test_a_session_that_is_ended_by_the_server_costs_nothing(campaign, worker, model) -> None:
    generator = add_generator(campaign)
    ask(campaign)

    def end_sessions(_rows) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    model.before_batch = end_sessions
    run(worker, generator)
    worker.pulse.tick()
    assert (states(), count_candidates()) == ([("done", "stored")] * 3, 3)


def test_one_answer_that_cannot_be_stored_costs_no_other(campaign, worker, monkeypatch) -> None:
    generator = add_generator(campaign)
    ask(campaign)
    real, failed = generation_desk.settle_request, []

    def fail_once(**given):
        if not failed:
            failed.append(given["result"].request_id)
            raise ValueError("out of luck")
        return real(**given)

    monkeypatch.setattr(generation_desk, "settle_request", fail_once)
    run(worker, generator)
    assert sorted(states()) == [("done", "stored")] * 2 + [("failed", "bad_answer")]


def test_out_of_memory_halves_the_batch_and_goes_on(campaign, worker, model) -> None:
    generator = add_generator(campaign)
    ask(campaign, 8)

    def overflow(rows) -> None:
        if len(rows) > 2:
            raise OutOfMemory(f"{len(rows)} rows")

    model.before_batch = overflow
    run(worker, generator)
    assert (states(), max(map(len, model.batches[2:]))) == ([("done", "stored")] * 8, 2)


def test_a_request_that_never_fits_fails_alone_and_the_process_is_to_start_afresh(campaign, worker, model) -> None:
    generator = add_generator(campaign)
    ask(campaign, 3)

    def overflow(_rows) -> None:
        raise OutOfMemory("always")

    model.before_batch = overflow
    with pytest.raises(RestartNeeded):
        run(worker, generator)
    worker.desk.wait()
    assert sorted(states()) == [("failed", "out_of_memory")] + [("queued", None)] * 2
    assert set(GenerationRequest.objects.filter(state="queued").values_list("attempts", "losses")) == {(0, 0)}


def test_what_was_under_way_when_the_device_failed_is_answered_alone_afterwards(campaign, worker, model) -> None:
    generator = add_generator(campaign, loading={"max_batch": 2})
    ask(campaign, 4)
    poison = GenerationRequest.objects.order_by("pk").first().pk

    def break_device(rows) -> None:
        if poison in [row.key for row in rows]:
            raise DeviceLost("device-side assert triggered")

    model.before_batch = break_device
    for _ in range(2):
        with pytest.raises(RestartNeeded):
            lose_time_after_time(worker, generator)
        lose(worker)
    run(worker, generator)
    poisoned = GenerationRequest.objects.get(pk=poison)
    assert (poisoned.state, poisoned.outcome, poisoned.losses) == ("set_aside", "worker_lost", 2)
    assert states()[1:] == [("done", "stored")] * 3


# --- What it says ------------------------------------------------------------------------------------


def test_a_health_line_says_queue_speed_batch_and_memory_and_the_row_says_the_same(
    campaign, worker, model, caplog
) -> None:
    generator = add_generator(campaign)
    ask(campaign, 3)
    with caplog.at_level(logging.INFO):
        model.before_batch = lambda _rows: worker.pulse.tick()
        run(worker, generator)
        worker.pulse.tick()
    lines = [record.message for record in caplog.records if record.name == "tasks.jobs.generation_pulse"]
    assert lines[0] == "fake/model is working: queue 0, running 3, - tokens/s, batch 3, memory 0 of 1024 MiB"
    assert lines[1].startswith("fake/model is waiting: queue 0, running 0, ")
    row = GenerateWorker.objects.get()
    assert (row.model, row.device, row.state, row.waiting_requests, row.running_requests, row.memory_total) == (
        "fake/model", "cpu", "waiting", 0, 0, 2**30,
    )  # fmt: skip
    assert row.tokens_per_second > 0
    assert is_alive(now=timezone.now())


def test_a_worker_that_has_ended_says_so_and_is_not_alive(campaign, worker) -> None:
    add_generator(campaign)
    worker.pulse.tick()
    assert is_alive(now=timezone.now())
    worker.pulse.end()
    assert GenerateWorker.objects.get().state == "stopped"
    assert not is_alive(now=timezone.now())


def test_a_beat_that_fails_is_followed_by_the_next(campaign, worker, model, monkeypatch) -> None:
    generator = add_generator(campaign)
    worker.take_model(find_key(generator))

    def fail():
        raise RuntimeError("CUDA error: unspecified launch failure")

    monkeypatch.setattr(model, "measure_memory", fail)
    assert worker.pulse.tick()
    assert GenerateWorker.objects.get().memory_used is None
    monkeypatch.setattr(worker.desk, "hold", fail)
    assert not worker.pulse._try_tick()


def test_an_idle_worker_asks_the_database_about_once_a_second(campaign, worker, stop, monkeypatch) -> None:
    generator = add_generator(campaign)
    worker.take_model(find_key(generator))
    looks: list[float] = []
    monkeypatch.setattr(worker, "_rest", looks.append)
    worker.work(is_over=lambda _: len(looks) >= 7)
    assert looks == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]


# --- Trials ------------------------------------------------------------------------------------------


def start(generator, prompt: str = "What is a bird?") -> GeneratorTrial:
    return GeneratorTrial.objects.create(generator=generator, prompt=prompt, state="queued")


def test_a_trial_is_answered_before_the_queue_and_is_nobodys_candidate(campaign, worker, model) -> None:
    generator = add_generator(campaign)
    ask(campaign, 1)
    trial = start(generator)
    run(worker, generator)
    trial.refresh_from_db()
    assert (trial.state, trial.outcome, trial.text) == ("done", "stored", f"answer {trial.pk}")
    assert [len(batch) for batch in model.batches] == [1, 1]
    assert (states(), count_candidates()) == ([("done", "stored")], 1)


def test_a_trial_waits_for_no_more_than_what_is_claimed(campaign, worker, model) -> None:
    generator = add_generator(campaign, loading={"max_batch": 1})
    ask(campaign, 9)
    asked: list[str] = []

    def note(rows) -> None:
        if not asked:
            start(generator)
        asked.extend("trial" if "What is a bird?" in model.read(row.prompt) else "request" for row in rows)

    model.before_batch = note
    run(worker, generator)
    assert sorted(asked) == ["request"] * 9 + ["trial"]
    assert asked[0] == asked[-1] == "request"
    assert states() == [("done", "stored")] * 9


def test_a_trial_shows_what_keeps_a_generator_from_answering(campaign, worker) -> None:
    generator = add_generator(campaign, prompt_format="no-such/9")
    trial = start(generator)
    run(worker, generator)
    trial.refresh_from_db()
    assert (trial.state, trial.outcome) == ("failed", "model_unavailable")
    assert "There is no prompt format" in trial.reason


def test_a_trial_that_breaks_the_device_is_told_and_not_tried_again(campaign, worker, model) -> None:
    generator = add_generator(campaign)
    trial = start(generator)

    def break_device(_rows) -> None:
        raise DeviceLost("device-side assert triggered")

    model.before_batch = break_device
    with pytest.raises(RestartNeeded):
        run(worker, generator)
    trial.refresh_from_db()
    assert (trial.state, trial.outcome) == ("failed", "worker_lost")
    assert "device-side assert" in trial.reason


# --- The way of batching -----------------------------------------------------------------------------


def test_the_way_of_batching_is_probed_once_for_a_model_and_device(campaign, worker, model, monkeypatch) -> None:
    probed: list[str] = []

    def probe(loaded):
        probed.append(loaded.facts.name)
        return 100.0, 250.0, "Continuous batching was faster here."

    monkeypatch.setattr(generation_batching, "probe_batching", probe)
    generator = add_generator(campaign)
    for _ in range(2):
        worker.take_model(find_key(generator))
    assert probed == ["fake/model"]
    remembered = BatchingProbe.objects.get()
    assert (remembered.batching, remembered.padded, remembered.continuous) == ("continuous", 100.0, 250.0)
    ask(campaign, 2)
    run(worker, generator)
    provenance = Message.objects.filter(role="assistant").first().origins.get().provenance
    assert provenance["batching"] == "continuous"


@pytest.mark.parametrize(
    ("facts", "wanted", "chosen"),
    [
        ({}, Batching.PADDED, Batching.PADDED),
        ({}, Batching.CONTINUOUS, Batching.CONTINUOUS),
        ({"can_continue": False}, Batching.CONTINUOUS, Batching.PADDED),
        ({"can_continue": False}, Batching.AUTO, Batching.PADDED),
        ({"parameters": 7_000_000_000}, Batching.AUTO, Batching.PADDED),
    ],
)
def test_nothing_is_probed_where_nothing_can_be_chosen(model, monkeypatch, facts, wanted, chosen) -> None:
    monkeypatch.setattr(generation_batching, "probe_batching", lambda _: pytest.fail("probed"))
    assert choose_batching(model.with_facts(**facts), wanted=wanted) == chosen


def test_a_probe_that_does_not_fit_in_memory_leaves_padded_batches_and_is_not_remembered(model, monkeypatch) -> None:
    def overflow(_model):
        raise OutOfMemory("32 rows")

    monkeypatch.setattr(generation_batching, "probe_batching", overflow)
    assert choose_batching(model, wanted=Batching.AUTO) == Batching.PADDED
    assert (BatchingProbe.objects.count(), model.cleared) == (0, 1)
