"""Generate workers say how they are; generators say what keeps them from answering."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import GenerateWorker, Generator
from annotate.queries.generate_workers import ALIVE_SECONDS, list_workers
from annotate.services.generate_workers import (
    FORGOTTEN_AFTER,
    WorkerReport,
    clear_problem,
    forget_workers,
    note_problem,
    report_worker,
)
from tasks.jobs.generation import sweep_requests_job
from tasks.vocabulary import WorkerState
from tests.asked import make_local
from tests.opinions import NOW

pytestmark = pytest.mark.django_db


def report(name: str = "gpu-0", *, now=NOW, state: WorkerState = WorkerState.WORKING, **given) -> None:
    given = {"model": "tiny", "device": "cpu", "started_at": NOW, **given}
    report_worker(report=WorkerReport(name=name, state=state, **given), now=now)


def alive(*, now=NOW) -> dict[str, bool]:
    return {worker["name"]: worker["is_alive"] for worker in list_workers(now=now)}


def test_a_report_takes_the_place_of_the_one_before() -> None:
    report(waiting_requests=5)
    later = NOW + timedelta(seconds=10)
    report(now=later, running_requests=32, tokens_per_second=120.5, memory_used=2**40, memory_total=2**41)
    (worker,) = list_workers(now=later)
    assert worker == {
        "name": "gpu-0",
        "model": "tiny",
        "device": "cpu",
        "state": "working",
        "problem": "",
        "waiting_requests": 0,
        "running_requests": 32,
        "tokens_per_second": 120.5,
        "memory_used": 2**40,
        "memory_total": 2**41,
        "started_at": NOW,
        "seen_at": later,
        "is_alive": True,
    }


def test_a_report_that_was_held_up_replaces_no_newer_one() -> None:
    report(state=WorkerState.STOPPED, now=NOW + timedelta(seconds=10))
    report(state=WorkerState.WORKING)
    assert GenerateWorker.objects.get().state == "stopped"


def test_a_worker_that_says_nothing_for_a_while_is_gone_and_so_is_one_that_stopped() -> None:
    report("quiet")
    report("stopped", state=WorkerState.STOPPED)
    report("waiting", state=WorkerState.WAITING, now=NOW + timedelta(seconds=ALIVE_SECONDS))
    assert alive(now=NOW + timedelta(seconds=ALIVE_SECONDS - 1))["quiet"]
    assert alive(now=NOW + timedelta(seconds=ALIVE_SECONDS)) == {"waiting": True, "quiet": False, "stopped": False}


def test_workers_are_read_with_one_query(django_assert_num_queries) -> None:
    for number in (1, 3):
        for name in range(number):
            report(str(name))
        with django_assert_num_queries(1):
            assert len(list_workers(now=NOW)) == number


def test_a_worker_that_has_long_been_gone_is_forgotten() -> None:
    report("old", now=NOW - FORGOTTEN_AFTER - timedelta(seconds=1))
    report("new")
    assert (forget_workers(now=NOW), list(alive())) == (1, ["new"])


def test_a_sweep_forgets_workers_that_have_long_been_gone() -> None:
    report("old", now=timezone.now() - FORGOTTEN_AFTER - timedelta(seconds=1))
    report("new", now=timezone.now())
    sweep_requests_job()
    assert list(alive()) == ["new"]


def test_a_problem_is_told_with_the_moment_that_it_began() -> None:
    one, two, other = (make_local(name) for name in ("one", "two", "other"))
    note_problem(generator_ids=[one.pk, two.pk], problem="The model does not fit.", now=NOW)
    note_problem(generator_ids=[one.pk], problem="The model does not fit.", now=NOW + timedelta(hours=1))
    note_problem(generator_ids=[two.pk], problem="The folder is empty.", now=NOW + timedelta(hours=1))
    told = Generator.objects.order_by("pk").values_list("problem", "problem_at")
    assert list(told) == [
        ("The model does not fit.", NOW),
        ("The folder is empty.", NOW + timedelta(hours=1)),
        ("", None),
    ]
    clear_problem(generator_ids=[one.pk])
    note_problem(generator_ids=[two.pk, other.pk], problem="", now=NOW)
    assert set(Generator.objects.values_list("problem", "problem_at")) == {("", None)}


def test_a_very_long_problem_is_cut() -> None:
    note_problem(generator_ids=[make_local().pk], problem="x" * 5000, now=NOW)
    assert len(Generator.objects.get().problem) == 1000
