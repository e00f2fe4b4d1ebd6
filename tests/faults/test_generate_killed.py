"""Workers with a model, as real processes: killed, told to end, cut off from the database, and out of memory.

Whatever happens to them, each request is answered once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from annotate.celery import app
from annotate.environment import celery_broker_url
from annotate.models import (
    CampaignGenerator,
    GenerateWorker,
    GenerationRequest,
    Generator,
    Message,
    MessageOrigin,
)
from annotate.services.generation import ask_missing
from annotate.services.generation_queue import sweep_lost_requests
from tasks.jobs.generation_worker import EXIT_RESTART
from tasks.vocabulary import JobName
from tests import plugin
from tests.faults.runs import BASE, SECONDS, wait_until
from tests.opinions import NOW, make_campaign, make_prompt
from tests.tiny_models import build_model

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

QUESTIONS = 6
#: A database of Valkey that no other test uses.
BROKER = f"{plugin.PLACES.redis_url}?db=12"
CELERY = (
    "celery", "-A", "tests.faults.gated_celery", "worker", "-Q", "generate", "--pool", "solo", "--without-gossip",
    "--without-mingle", "--without-heartbeat",
)  # fmt: skip


class Process:
    """One worker at its gate."""

    def __init__(self, folder: Path, *command: str) -> None:
        name = connection.settings_dict["NAME"]
        environment = {
            **os.environ,
            "DATABASE_URL": plugin.PLACES.database_url.replace("/chorus?", f"/{name}?"),
            "REDIS_URL": BROKER,
            "CHORUS_PROCESS": "generate",
            "GATE": str(folder),
        }
        self.folder = folder
        self.log = folder / "log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command], cwd=BASE, env=environment, stdout=log, stderr=log
            )

    def await_batch(self) -> None:
        begun = self.folder / "begun"
        wait_until(lambda: begun.exists() or self.process.poll() is not None, "a batch")
        assert begun.exists(), self.log.read_text()
        begun.unlink()

    def open(self) -> None:
        (self.folder / "open").touch()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def await_end(self) -> int:
        return self.process.wait(SECONDS)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def begin(*arguments: str, model: str = "fake/model") -> Process:
        command = (
            CELERY if arguments == ("celery",) else ("tests.faults.gated_generate", str(tmp_path), "--model", model)
        )
        started.append(Process(tmp_path, *command, *(arguments if command is not CELERY else ())))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()


@pytest.fixture
def generator():
    return add_generator("fake/model")


def add_generator(model: str, **given) -> Generator:
    """A generator with one request for each question of its campaign."""
    campaign = make_campaign(redundancy=1, redraws=0)
    generator = Generator.objects.create(name="small", engine="transformers", model=model, **given)
    CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=1)
    for number in range(QUESTIONS):
        make_prompt(campaign, f"Question {number}?")
    ask_missing(campaign_id=campaign.pk, now=NOW)
    return generator


def lose() -> None:
    """Stands for the minute after a worker's death: its leases end, and a sweep finds that."""
    GenerationRequest.objects.filter(state="running").update(lease_expires_at=timezone.now())
    sweep_lost_requests(now=timezone.now())


def states() -> dict[str, int]:
    found = GenerationRequest.objects.values_list("state", flat=True)
    return {state: list(found).count(state) for state in sorted(set(found))}


def find_wrong() -> list[str]:
    """Requests whose text is missing, or there twice; and texts that nobody asked for."""
    done = set(GenerationRequest.objects.filter(state="done").values_list("pk", flat=True))
    told = list(MessageOrigin.objects.filter(kind="generated").values_list("request_id", flat=True))
    texts = Message.objects.filter(role="assistant").count()
    return [
        *(f"{request} has no text" for request in done - set(told)),
        *(f"{request} has {told.count(request)} texts" for request in set(told) if told.count(request) != 1),
        *(f"{request} is not done" for request in set(told) - done),
        *([] if texts == len(told) else [f"{texts} texts of {len(told)} origins"]),
    ]


@pytest.mark.torch
def test_a_worker_that_is_killed_in_the_midst_of_a_batch_loses_and_doubles_nothing(start, tmp_path) -> None:
    folder = build_model(tmp_path / "model")
    add_generator(str(folder), sampling={"max_tokens": 8, "temperature": 0.9})
    (tmp_path / "real").touch()
    victim = start(model=str(folder))
    victim.await_batch()
    victim.send(signal.SIGKILL)
    assert victim.await_end() == -signal.SIGKILL
    assert states() == {"running": QUESTIONS}

    lose()
    assert set(GenerationRequest.objects.values_list("state", "losses", "attempts")) == {("queued", 1, 0)}
    heir = start("--once", model=str(folder))
    heir.open()
    assert heir.await_end() == 0, heir.said()
    ended = GenerationRequest.objects.exclude(state="queued").values_list("state", "outcome")
    assert len(ended) == QUESTIONS
    assert set(ended) <= {("done", "stored"), ("failed", "truncated"), ("failed", "looping"), ("failed", "empty")}
    assert find_wrong() == []


def test_what_kills_its_worker_twice_is_set_aside_and_the_others_are_answered(start, generator, tmp_path) -> None:
    (tmp_path / "kill").write_text("Question 2?")
    ends = []
    while not ends or ends[-1] != 0:
        process = start("--once")
        process.open()
        ends.append(process.await_end())
        lose()
    assert ends == [-signal.SIGKILL, -signal.SIGKILL, 0]
    poison = GenerationRequest.objects.get(parent__text="Question 2?")
    assert (poison.state, poison.outcome, poison.losses) == ("set_aside", "worker_lost", 2)
    assert (states(), find_wrong()) == ({"done": QUESTIONS - 1, "set_aside": 1}, [])


def test_the_first_signal_finishes_what_is_being_answered(start, generator) -> None:
    process = start()
    process.await_batch()
    process.send(signal.SIGTERM)
    process.open()
    assert process.await_end() == 0, process.said()
    assert (states(), find_wrong()) == ({"done": QUESTIONS}, [])
    assert GenerateWorker.objects.get().state == "stopped"


def test_a_second_signal_gives_back_what_is_not_finished(start, generator) -> None:
    process = start()
    process.await_batch()
    process.send(signal.SIGTERM)
    process.send(signal.SIGINT)
    assert process.await_end() == 0, process.said()
    assert set(GenerationRequest.objects.values_list("state", "attempts", "losses")) == {("queued", 0, 0)}
    assert find_wrong() == []


def test_sessions_that_the_database_ends_in_the_midst_of_a_batch_cost_nothing(start, generator) -> None:
    process = start("--once")
    process.await_batch()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'chorus-generate'"
        )
        (ended,) = cursor.fetchone()
    assert ended >= 1
    process.open()
    assert process.await_end() == 0, process.said()
    assert (states(), find_wrong()) == ({"done": QUESTIONS}, [])
    assert set(GenerationRequest.objects.values_list("attempts", "losses")) == {(1, 0)}


def test_a_request_that_never_fits_in_memory_ends_the_process_to_be_started_afresh(start, generator, tmp_path) -> None:
    (tmp_path / "overflow").write_text("Question 2?")
    process = start("--once")
    process.open()
    assert process.await_end() == EXIT_RESTART, process.said()
    assert "does not fit in the memory" in GenerationRequest.objects.get(parent__text="Question 2?").reason

    heir = start("--once")
    heir.open()
    assert heir.await_end() == 0, heir.said()
    assert (states(), find_wrong()) == ({"done": QUESTIONS - 1, "failed": 1}, [])
    assert set(GenerationRequest.objects.values_list("losses", flat=True)) == {0}


@pytest.mark.torch
@pytest.mark.parametrize("damage", ["missing", "partial"])
def test_a_model_that_cannot_be_loaded_ends_the_process_with_a_sentence_that_its_generators_show(
    start, tmp_path, damage
) -> None:
    folder = tmp_path / "model"
    if damage == "partial":
        build_model(folder)
        (folder / "model.safetensors").unlink()
    generator = add_generator(str(folder))
    (tmp_path / "real").touch()
    process = start(model=str(folder))
    assert process.await_end() == 1
    generator.refresh_from_db()
    assert generator.problem
    assert f"CommandError: {generator.problem}" in process.said()
    assert states() == {"queued": QUESTIONS}


# --- The same loop under Celery ----------------------------------------------------------------------


def wake_celery() -> None:
    """The message that beat sends."""
    with app.connection_for_write(celery_broker_url(BROKER)) as broker:
        app.send_task(str(JobName.GENERATE_LOCALLY), producer=app.amqp.Producer(broker), queue="generate")


def test_celery_s_warm_shutdown_finishes_what_is_being_answered(start, generator) -> None:
    worker = start("celery")
    wake_celery()
    worker.await_batch()
    worker.send(signal.SIGTERM)
    worker.open()
    assert worker.await_end() == 0, worker.said()
    assert (states(), find_wrong()) == ({"done": QUESTIONS}, [])
    assert GenerateWorker.objects.get().state == "stopped"


def test_a_celery_worker_that_runs_out_of_memory_ends_with_a_code_of_its_own_and_comes_back(
    start, generator, tmp_path
) -> None:
    (tmp_path / "overflow").write_text("Question 2?")
    worker = start("celery")
    worker.open()
    wake_celery()
    assert worker.await_end() == EXIT_RESTART, worker.said()
    (tmp_path / "overflow").unlink()
    heir = start("celery")
    wake_celery()
    wait_until(lambda: states() == {"done": QUESTIONS - 1, "failed": 1}, "the other answers")
    heir.send(signal.SIGTERM)
    assert heir.await_end() == 0
    assert find_wrong() == []
