"""Several workers at once, and workers that die: nothing is stored twice, nothing stays behind."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from annotate.models import (
    CampaignGenerator,
    Consensus,
    GenerationRequest,
    Generator,
    GeneratorPairing,
    Message,
    MessageOrigin,
    ReliabilitySnapshot,
    Stale,
    Unit,
)
from annotate.queries.backlog import load_units
from annotate.queries.integrity import find_broken_rules
from annotate.queries.lineup import list_lacking, read_tallies
from annotate.services.generation import ask_missing
from annotate.services.generation_queue import sweep_lost_requests
from annotate.services.reliability import bring_forward
from annotate.services.scheduling import write_bands
from tasks.jobs.generation import generate_batch
from tasks.jobs.quality import recompute_stale_job
from tasks.jobs.reliability import measure_reliability_job
from tasks.jobs.scheduling import schedule_units_job
from tasks.records.scheduling import Band
from tasks.vocabulary import ReasonCode
from tests import loop, opinions
from tests.fake_openai import FakeOpenAI

pytestmark = pytest.mark.django_db(transaction=True)


def run_together(*tasks: Callable[[], object]) -> list:
    """Run each task in a thread with a connection of its own; returns what they return."""

    def run(task):
        try:
            return task()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [future.result() for future in [pool.submit(run, task) for task in tasks]]


def make_requests(server: FakeOpenAI, *, prompts: int, samples: int, generators: int = 1) -> list[Generator]:
    campaign = opinions.make_campaign(redraws=0, near_duplicate_similarity=1.0)  # the server's words are few
    made = []
    for number in range(generators):
        generator = Generator.objects.create(
            name=f"small {number}",
            engine="openai",
            endpoint=server.endpoint,
            model="m",
            max_concurrent=2,
            timeout_seconds=20,
        )
        CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=samples)
        made.append(generator)
    for number in range(prompts):
        opinions.make_prompt(campaign, f"Question {number}")
    ask_missing(campaign_id=campaign.pk, now=opinions.NOW)
    return made


def test_workers_side_by_side_answer_each_request_exactly_once() -> None:
    with FakeOpenAI() as server:
        generators = make_requests(server, prompts=8, samples=3, generators=2)

        def work() -> None:
            while GenerationRequest.objects.filter(state__in=["queued", "running"]).exists():
                if not any(generate_batch(generator.pk) for generator in random.sample(generators, 2)):
                    time.sleep(0.01)

        run_together(work, work, work)

        assert set(GenerationRequest.objects.values_list("state", "attempts")) == {("done", 1)}
        assert (len(server.requests), MessageOrigin.objects.count()) == (48, 48)
        seeds = [body["seed"] for body in server.requests]
        assert len(set(seeds)) == len(seeds)


def test_a_killed_worker_s_requests_are_answered_by_the_next_one() -> None:
    """The worker is killed while it waits for a server that does not answer."""
    with FakeOpenAI("hang", "hang") as server:
        (generator,) = make_requests(server, prompts=1, samples=2)
        script = f"import django; django.setup(); from tasks.jobs.generation import generate_batch; generate_batch({generator.pk})"
        environment = {**os.environ, "DATABASE_URL": current_database_url()}
        worker = subprocess.Popen([sys.executable, "-W", "ignore", "-c", script], env=environment)
        try:
            wait_until(lambda: len(server.requests) == 2)
            assert set(GenerationRequest.objects.values_list("state", flat=True)) == {"running"}
        finally:
            worker.kill()
            worker.wait()

        assert (generate_batch(generator.pk), sweep_lost_requests(now=timezone.now())) == (False, 0)
        assert sweep_lost_requests(now=timezone.now() + timedelta(minutes=2)) == 2
        assert [generate_batch(generator.pk) for _ in range(3)] == [True, True, False]  # each alone

    told = GenerationRequest.objects.values_list("state", "attempts", "losses")
    assert list(told) == [("done", 1, 1), ("done", 1, 1)]
    assert Message.objects.filter(parent__isnull=False).count() == 2


def test_a_lease_is_renewed_while_a_server_takes_its_time(monkeypatch) -> None:
    monkeypatch.setattr("annotate.services.generation_queue.LEASE_SECONDS", 4.0)
    monkeypatch.setattr("tasks.jobs.generation.LEASE_SECONDS", 4.0)
    monkeypatch.setattr("tasks.jobs.generation.BEAT_SECONDS", 0.1)
    with FakeOpenAI("hang:7") as server:
        (generator,) = make_requests(server, prompts=1, samples=1)
        ended = threading.Event()

        def sweep() -> int:
            swept = 0
            while not ended.wait(0.1):
                swept += sweep_lost_requests(now=timezone.now())
            return swept

        def work() -> None:
            generate_batch(generator.pk)
            ended.set()

        assert run_together(sweep, work) == [0, None]
    assert list(GenerationRequest.objects.values_list("state", "attempts")) == [("done", 1)]


def test_consensus_knows_every_ballot_whoever_computes_beside_whom() -> None:
    campaign = opinions.make_campaign()
    prompts = [opinions.make_prompt(campaign, f"Question {number}") for number in range(4)]
    candidates = [opinions.add_candidates(prompt, "alpha One.", "beta Two.", "gamma Three.") for prompt in prompts]
    people = opinions.make_annotators(12)
    ended = threading.Event()

    def judge() -> None:
        for annotator in people:
            for prompt, (a, b, c) in zip(prompts, candidates, strict=True):
                opinions.rank(annotator, prompt, [a], [b, c])
        ended.set()

    def compute() -> None:
        while not ended.is_set():
            recompute_stale_job()

    run_together(judge, compute, compute)
    recompute_stale_job()

    counts = Message.objects.filter(parent=None).values_list("current_consensus__n", flat=True)
    assert list(counts) == [12, 12, 12, 12]
    assert list(Stale.objects.filter(kind="parent").values_list("marked", "computed")) == [(12, 12)] * 4
    assert Consensus.objects.values("parent", "input_hash").distinct().count() == Consensus.objects.count()


def test_counters_hold_while_needs_are_raised_and_lowered_beside_people_who_work() -> None:
    campaign = loop.make_campaign(redundancy=3)
    for number in range(6):
        loop.make_prompt(campaign, f"Question {number}")
    people = [loop.make_annotator(f"person{number}") for number in range(6)]
    ended = threading.Event()
    working = threading.Semaphore(0)

    def work(annotator) -> Callable[[], None]:
        def answer_all() -> None:
            for seed in range(8):
                assignment = loop.ask(annotator, campaign, now=timezone.now(), seed=seed)["assignment"]
                if assignment is not None:
                    loop.submit(annotator, assignment["id"], loop.ranking_of(assignment), now=timezone.now(), seed=seed)
            working.release()

        return answer_all

    def schedule() -> int:
        dice, written = random.Random(7), 0
        while not ended.is_set():
            units = [unit for _, unit in load_units(unit_ids=list(Unit.objects.values_list("pk", flat=True)))]
            bands = [
                Band(unit.unit, dice.randrange(0, 1001, 20), dice.randint(1, 6), ReasonCode.MORE_VOICES, {}, {})
                for unit in units
            ]
            written += len(write_bands(bands=bands, now=timezone.now()))
        return written

    def stop() -> None:
        for _ in people:
            working.acquire()
        ended.set()

    results = run_together(schedule, schedule, stop, *[work(annotator) for annotator in people])

    assert min(results[:2]) > 0
    assert loop.find_drift() == {}
    assert not Unit.objects.filter(needed__lt=1).exists()
    schedule_units_job()
    assert set(Unit.objects.values_list("detail__wanted", flat=True)) == {3}


def current_database_url() -> str:
    """The address of the database that this test uses."""
    name = connections["default"].settings_dict["NAME"]
    return os.environ["DATABASE_URL"].replace("/chorus?", f"/{name}?")


def wait_until(condition: Callable[[], bool], *, seconds: float = 120) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come to that in time"
        time.sleep(0.02)


def test_askers_side_by_side_ask_once_and_keep_the_design_even(monkeypatch) -> None:
    """Each knows what is lacking before the first one asks; every prompt is asked for by two of them."""
    campaign = opinions.make_campaign(candidates_per_prompt=2)
    for name in "abcd":
        generator = Generator.objects.create(name=name, engine="openai", endpoint="http://g/v1", model=name)
        CampaignGenerator.objects.create(campaign=campaign, generator=generator)
    prompts = [opinions.make_prompt(campaign, f"Question {number}").pk for number in range(24)]
    together = threading.Barrier(4)

    def list_and_wait(**given) -> list[int]:
        found = list_lacking(**given)
        together.wait(timeout=60)
        return found

    def read_slowly(**given) -> dict:
        tallies = read_tallies(**given)
        time.sleep(0.2)  # without a lock all others would read the same meanwhile
        return tallies

    monkeypatch.setattr("annotate.services.generation.list_lacking", list_and_wait)
    monkeypatch.setattr("annotate.services.generation.read_tallies", read_slowly)

    def ask_for(first: int) -> Callable[[], int]:
        mine = [*prompts, *prompts][first : first + 12]
        return lambda: ask_missing(campaign_id=campaign.pk, now=opinions.NOW, parent_ids=mine)

    assert sum(run_together(*map(ask_for, (0, 6, 12, 18)))) == 48

    counts = GeneratorPairing.objects.filter(stratum=None).values_list("first__name", "second__name", "prompts")
    assert {(first, second): n for first, second, n in counts} == {
        (first, second): 12 if first == second else 4 for first in "abcd" for second in "abcd" if first <= second
    }
    assert find_broken_rules() == []


def test_workers_side_by_side_write_one_version_of_reliability() -> None:
    """Both have the same ballots; whoever is later finds the turn taken, or the campaign at rest."""
    campaign = opinions.make_campaign(weigh_reliability=True)
    people = opinions.make_annotators(3)
    for number in range(5):
        prompt = opinions.make_prompt(campaign, f"Question {number}?")
        candidates = opinions.add_candidates(prompt, "alpha A.", "beta B.", "gamma C.")
        for annotator in people:
            opinions.rank(annotator, prompt, *[[one] for one in candidates])
    run_together(measure_reliability_job, measure_reliability_job, recompute_stale_job, recompute_stale_job)
    recompute_stale_job()
    assert list(ReliabilitySnapshot.objects.values_list("version", "n_annotators")) == [(1, 3)]
    assert set(
        Message.objects.filter(role="prompter").values_list("current_consensus__reliability_version", flat=True)
    ) == {1}


def test_a_rest_that_is_ended_while_many_measure_brings_each_version_once() -> None:
    campaign = opinions.make_campaign()
    annotator, prompt = opinions.make_annotators(1)[0], opinions.make_prompt(campaign, "Why?")
    opinions.rank(annotator, prompt, *[[one] for one in opinions.add_candidates(prompt, "alpha A.", "beta B.")])

    def hurry() -> None:
        for _ in range(5):
            bring_forward(campaign_id=campaign.pk)
            measure_reliability_job()

    run_together(hurry, hurry, hurry)
    bring_forward(campaign_id=campaign.pk)
    measure_reliability_job()
    assert list(ReliabilitySnapshot.objects.values_list("version", flat=True)) == [1]
