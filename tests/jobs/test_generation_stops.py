"""A worker that asks servers is told to end: it finishes what it can in time, gives the rest back, and claims no more."""

from __future__ import annotations

import multiprocessing
import time

import pytest

from annotate.models import CampaignGenerator, GenerationRequest, Generator, Message
from annotate.services.generation import ask_missing
from annotate.services.generation_queue import sweep_lost_requests
from tasks.jobs import generation, generation_stopping
from tasks.jobs.generation import generate_batch
from tasks.jobs.generation_stopping import Grace, PoolStop, tell_pool
from tests.fake_openai import FakeOpenAI
from tests.opinions import NOW, make_campaign, make_prompt

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server():
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def generator(server):
    campaign = make_campaign(redraws=0)
    generator = Generator.objects.create(
        name="small", engine="openai", endpoint=server.endpoint, model="m", max_concurrent=2, timeout_seconds=60
    )
    CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=6)
    make_prompt(campaign, "Why do birds sing?")
    ask_missing(campaign_id=campaign.pk, now=NOW)
    return generator


def tell() -> list[tuple[str, int, int]]:
    return sorted(GenerationRequest.objects.values_list("state", "attempts", "losses"))


def test_a_batch_that_is_told_to_end_claims_no_more(generator, server, monkeypatch) -> None:
    stop = Grace()
    settle = generation.settle_request

    def settle_and_end(**given):
        stop.ask()
        return settle(**given)

    monkeypatch.setattr(generation, "settle_request", settle_and_end)
    assert generate_batch(generator.pk, stop=stop)
    assert tell() == [("done", 1, 0)] * 2 + [("queued", 0, 0)] * 4
    assert len(server.requests) == 2


def test_what_a_server_does_not_answer_in_time_goes_back_as_if_it_had_never_been_tried(
    generator, server, monkeypatch
) -> None:
    monkeypatch.setattr(generation, "BEAT_SECONDS", 0.05)
    server.add_faults("hang:1.5", "hang:1.5")
    stop = Grace(grace_seconds=0.0)
    claim = generation.Batch.claim

    def claim_and_end(batch, **given):
        is_claimed = claim(batch, **given)
        stop.ask()
        return is_claimed

    monkeypatch.setattr(generation.Batch, "claim", claim_and_end)
    assert generate_batch(generator.pk, stop=stop)
    assert tell() == [("queued", 0, 0)] * 6
    assert (Message.objects.filter(role="assistant").count(), sweep_lost_requests(now=NOW)) == (0, 0)


def wait_for_the_word() -> None:
    stop, until = PoolStop(), time.monotonic() + 30
    while not stop.is_asked():
        assert time.monotonic() < until
        time.sleep(0.01)
    assert not stop.is_hurried()


def test_the_processes_of_celery_s_pool_learn_that_their_worker_ends() -> None:
    child = multiprocessing.get_context("fork").Process(target=wait_for_the_word)
    child.start()
    try:
        assert not PoolStop().is_asked()
        tell_pool()
        assert PoolStop().is_asked()
        child.join(timeout=30)
        assert child.exitcode == 0
    finally:
        generation_stopping._ending[0] = 0
        child.kill()
