"""A worker with a model under Celery: which model it loads, when it changes it, and how it ends."""

from __future__ import annotations

import pytest
from celery.worker import state
from django.db import OperationalError
from django.utils import timezone

from annotate.models import CampaignGenerator, GenerationRequest, Generator, GeneratorTrial
from annotate.queries.local_generation import count_waiting, list_wanted
from annotate.services.generation import ask_missing
from tasks.generation.local import RestartNeeded
from tasks.jobs import generation_batching, generation_desk, generation_turns, generation_worker
from tasks.jobs.generation import generate_locally_job
from tasks.jobs.generation_stopping import CeleryStop, Grace
from tasks.jobs.generation_turns import Turns
from tasks.jobs.generation_worker import EXIT_RESTART, Worker
from tasks.records.local_models import ModelRefused
from tasks.vocabulary import Engine
from tests.fake_model import FakeModel
from tests.opinions import NOW, make_campaign, make_prompt

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def loaded(monkeypatch) -> list[str]:
    """Names of the models that were loaded, in order; “broken” cannot be."""
    names: list[str] = []

    def load(key, *, say):
        names.append(key.name)
        if key.name == "broken":
            raise ModelRefused("The folder broken is not there.")
        return FakeModel().with_facts(name=key.name, can_continue=False)

    monkeypatch.setattr(generation_worker, "load", load)
    monkeypatch.setattr(generation_batching, "probe_batching", lambda _: pytest.fail("probed"))
    return names


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def turns(loaded, clock, monkeypatch):
    """Turns of a worker for which a rest takes no time but on its clock."""
    worker = Worker(stop=Grace(), clock=lambda: clock[0])
    monkeypatch.setattr(worker.pulse, "start", lambda: None)
    monkeypatch.setattr(worker, "_rest", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    yield Turns(worker, clock=lambda: clock[0])
    worker.end()


def add_requests(model: str, *, priority: int = 0, name: str = "", **given) -> Generator:
    """A generator of this model in a campaign of its own, with one request."""
    campaign = make_campaign(f"campaign-{Generator.objects.count()}")
    generator = Generator.objects.create(name=name or model, engine="transformers", model=model, **given)
    CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=1)
    make_prompt(campaign, f"What is {model}?")
    ask_missing(campaign_id=campaign.pk, now=NOW, priority=priority)
    return generator


def states() -> dict[str, str]:
    return dict(GenerationRequest.objects.values_list("generator__name", "state"))


def test_the_most_urgent_model_is_loaded_first_and_changed_when_nobody_wants_it(turns, loaded, clock) -> None:
    add_requests("small")
    add_requests("urgent", priority=5)
    turns.take()
    assert (loaded, states()) == (["urgent", "small"], {"small": "done", "urgent": "done"})
    assert clock[0] >= 2 * generation_turns.IDLE_SECONDS


def test_a_model_stays_warm_from_one_turn_to_the_next(turns, loaded) -> None:
    add_requests("small")
    turns.take()
    add_requests("small", name="small again")
    turns.take()
    assert (loaded, states()) == (["small"], {"small": "done", "small again": "done"})


def test_generators_that_load_a_model_in_different_ways_have_different_models(turns, loaded) -> None:
    add_requests("small")
    add_requests("small", name="half", loading={"dtype": "float16"})
    add_requests("small", name="one by one", loading={"max_batch": 1})
    turns.take()
    assert (loaded, set(states().values())) == (["small", "small"], {"done"})


def test_a_trial_decides_which_model_is_loaded_first(turns, loaded) -> None:
    add_requests("urgent", priority=5)
    tried = Generator.objects.create(name="tried", engine="transformers", model="tried")
    trial = GeneratorTrial.objects.create(generator=tried, prompt="Hello?", state="queued")
    turns.take()
    trial.refresh_from_db()
    assert (loaded, trial.state) == (["tried", "urgent"], "done")


def test_a_model_that_cannot_be_loaded_keeps_no_other_waiting_and_is_tried_again_later(turns, loaded, clock) -> None:
    broken = add_requests("broken", priority=5)
    add_requests("small")
    turns.take()
    broken.refresh_from_db()
    assert (loaded, states()) == (["broken", "small"], {"broken": "queued", "small": "done"})
    assert broken.problem == "The folder broken is not there."
    turns.take()
    assert loaded == ["broken", "small"]
    clock[0] += generation_turns.REFUSED_SECONDS
    turns.take()
    assert loaded == ["broken", "small", "broken"]


def test_a_model_that_can_answer_nothing_of_what_it_is_asked_keeps_no_other_waiting(turns, loaded, monkeypatch) -> None:
    def load(key, *, say):
        loaded.append(key.name)
        template = None if key.name == "base" else "f" * 64
        return FakeModel().with_facts(name=key.name, can_continue=False, template_sha256=template)

    monkeypatch.setattr(generation_worker, "load", load)
    base = add_requests("base", priority=5)
    add_requests("small")
    turns.take()
    base.refresh_from_db()
    assert (loaded, states()) == (["base", "small"], {"base": "queued", "small": "done"})
    assert base.problem.startswith("The model base has no chat template")


def test_what_was_claimed_when_the_database_went_away_is_given_back_and_not_held(turns, monkeypatch) -> None:
    add_requests("small")
    answers = [OperationalError("the connection is gone")]

    def load_jobs(**given):
        if answers:
            raise answers.pop()
        return real(**given)

    real = generation_desk.load_jobs
    monkeypatch.setattr(generation_desk, "load_jobs", load_jobs)
    turns.take()
    turns.worker.desk.wait()
    assert (states(), turns.worker.desk.batches) == ({"small": "done"}, {})


def test_a_turn_ends_in_time_so_that_celery_has_its_own(turns, loaded, clock, monkeypatch) -> None:
    add_requests("small")
    monkeypatch.setattr(turns.worker, "_do_something", lambda: clock.__setitem__(0, clock[0] + 7) or True)
    turns.take()
    assert generation_turns.TURN_SECONDS <= clock[0] <= generation_turns.TURN_SECONDS + 7


def test_with_nothing_to_do_no_model_is_loaded(turns, loaded) -> None:
    turns.take()
    assert loaded == []


def test_a_disabled_generator_and_a_paused_campaign_ask_for_no_model(turns, loaded) -> None:
    add_requests("off")
    Generator.objects.update(enabled=False)
    paused = add_requests("paused")
    paused.requests.get().campaign.__class__.objects.filter(generation_requests__generator=paused).update(
        state="paused"
    )
    turns.take()
    assert loaded == []
    assert count_waiting(generator_ids=[paused.pk]) == 0


def test_what_waits_for_a_moment_is_wanted_then(loaded) -> None:
    generator = add_requests("small")
    GenerationRequest.objects.update(not_before=timezone.now(), outcome="timed_out")
    assert list_wanted(engine=Engine.TRANSFORMERS, now=NOW) == []
    assert list_wanted(engine=Engine.TRANSFORMERS, now=timezone.now()) == [generator.pk]


@pytest.fixture
def celery_state(monkeypatch):
    monkeypatch.setattr(state, "should_stop", None)
    monkeypatch.setattr(state, "should_terminate", None)


def test_celery_s_warm_shutdown_is_a_first_word_and_its_cold_one_a_second(celery_state) -> None:
    stop = CeleryStop()
    assert not stop.is_asked()
    state.should_stop = 0
    assert (stop.is_asked(), stop.is_hurried()) == (True, False)
    state.should_terminate = 1
    assert stop.is_hurried()


def test_a_worker_that_must_start_afresh_has_celery_end_with_a_code_of_its_own(
    celery_state, loaded, monkeypatch
) -> None:
    def give_up(_self) -> None:
        raise RestartNeeded("Out of memory with a single request.")

    monkeypatch.setattr(Turns, "take", give_up)
    generate_locally_job()
    assert state.should_stop == EXIT_RESTART
    generation_turns.end_turns()
    assert generation_turns._turns == []
