"""Batches and their servers, whole path: what one generator learns of a server holds for the others that share it."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from annotate.models import CampaignGenerator, GenerationRequest, Generator, MessageOrigin, Server
from annotate.services.generation import ask_missing
from tasks.generation.breaker import FAILURES_TO_OPEN
from tasks.jobs import generation
from tasks.jobs.generation import generate_batch
from tests.fake_openai import FakeOpenAI
from tests.opinions import NOW, make_campaign, make_prompt

pytestmark = pytest.mark.django_db

KEY = "sk-a-secret-of-ours-1234567890"


@pytest.fixture
def server():
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def campaign():
    campaign = make_campaign(redraws=0, near_duplicate_similarity=1.0)
    make_prompt(campaign, "Why do birds sing?")
    return campaign


def name_generator(campaign, name: str, endpoint: str, *, samples: int = 2, **given) -> Generator:
    given = {"max_concurrent": 2, "timeout_seconds": 60, **given}
    generator = Generator.objects.create(name=name, engine="openai", endpoint=endpoint, model=name, **given)
    CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=samples)
    return generator


def ask(campaign) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)


def count(generator, **given) -> int:
    return GenerationRequest.objects.filter(generator=generator, **given).count()


@pytest.fixture
def slept(monkeypatch):
    """A clock that moves when somebody sleeps."""
    moments = []

    class Clock:
        now = time.time()

        def time(self) -> float:
            return self.now

        def sleep(self, seconds: float) -> None:
            moments.append(seconds)
            self.now += seconds

    monkeypatch.setattr(generation, "time", Clock())
    return moments


def test_a_pause_that_one_generator_s_server_asked_for_is_kept_by_another_one_s(campaign, server) -> None:
    first, second = (name_generator(campaign, name, server.endpoint, samples=1) for name in ("first", "second"))
    ask(campaign)
    server.add_faults("429:600")
    assert generate_batch(first.pk)
    assert (generate_batch(second.pk), len(server.requests)) == (False, 1)
    known = Server.objects.get()
    assert (known.host, known.failures) == (server.endpoint.removesuffix("/v1"), 0)
    assert timedelta(minutes=9) < known.open_until - timezone.now() <= timedelta(minutes=10)
    assert known.last_error == "The server is limiting its rate (429). It said: The script says 429."


def test_a_server_that_fails_again_and_again_is_left_alone_and_then_tried_once(campaign, server) -> None:
    generator = name_generator(campaign, "small", server.endpoint, samples=12, max_concurrent=4)
    ask(campaign)
    server.add_faults(*["503"] * 200)
    while generate_batch(generator.pk):
        pass
    asked = len(server.requests)
    known = Server.objects.get()
    # Those that were under way when it opened came back too; nobody asked after that.
    assert FAILURES_TO_OPEN <= asked <= FAILURES_TO_OPEN + 3
    assert (known.failures, known.last_error) == (
        FAILURES_TO_OPEN,
        "The server failed (503). It said: The script says 503.",
    )
    assert count(generator, state="queued") == 12
    assert not GenerationRequest.objects.filter(attempts__gt=1).exists()

    Server.objects.update(open_until=timezone.now() - timedelta(seconds=1))
    GenerationRequest.objects.update(not_before=None)
    generate_batch(generator.pk)
    assert len(server.requests) == asked + 1
    known.refresh_from_db()
    assert known.failures == FAILURES_TO_OPEN + 1
    assert timedelta(seconds=20) < known.open_until - timezone.now() <= timedelta(seconds=30)


def test_a_server_that_came_back_answers_all(campaign, server) -> None:
    generator = name_generator(campaign, "small", server.endpoint, samples=6)
    Server.objects.create(host=generator.host, failures=9, open_until=timezone.now() - timedelta(seconds=1))
    ask(campaign)
    while generate_batch(generator.pk):
        pass
    assert (count(generator, state="done"), Server.objects.get().failures) == (6, 0)


def test_a_server_gets_no_more_requests_a_minute_than_it_takes(campaign, server, slept) -> None:
    generator = name_generator(
        campaign, "small", server.endpoint, samples=8, requests_per_minute=20, timeout_seconds=60
    )
    ask(campaign)
    generate_batch(generator.pk)
    # Two at once, as the burst of 20 a minute allows, and then one every three seconds.
    assert (len(server.requests), count(generator, state="done")) == (8, 8)
    assert sum(slept) == pytest.approx(18, abs=0.1)


def test_one_server_meets_no_more_at_once_than_the_largest_of_its_generators_says(campaign, server) -> None:
    server.seconds = 0.05
    generator = name_generator(campaign, "small", server.endpoint, samples=10, max_concurrent=3)
    ask(campaign)
    generate_batch(generator.pk)
    assert (server.most_at_once, count(generator, state="done")) == (3, 10)


def test_reasoning_is_in_no_text_and_no_provenance(campaign, server) -> None:
    generator = name_generator(campaign, "small", server.endpoint, samples=1)
    ask(campaign)
    server.add_faults("reasoning:reasoning_content")
    generate_batch(generator.pk)
    origin = MessageOrigin.objects.get()
    assert "Let me think" not in json.dumps([origin.message.text, origin.provenance])
    assert GenerationRequest.objects.get().state == "done"


@pytest.mark.parametrize("echo", ["text", "model", "reason"])
def test_a_key_is_used_and_is_nowhere_afterwards(campaign, monkeypatch, caplog, echo) -> None:
    monkeypatch.setenv("LAB_API_KEY", KEY)
    body = {"model": KEY, "system_fingerprint": KEY, "choices": [{"message": {"content": "Hello, you."}}]}
    faults = {"text": f"text:You sent {KEY}.", "model": f"body:{json.dumps(body)}", "reason": f"body:Bad key {KEY}"}
    with FakeOpenAI(faults[echo], api_key=KEY) as server, caplog.at_level(0):
        generator = name_generator(campaign, "closed", server.endpoint, samples=1, api_key_variable="LAB_API_KEY")
        ask(campaign)
        generate_batch(generator.pk)
        assert len(server.requests) == 1
    assert GenerationRequest.objects.get().state == ("done" if echo == "model" else "failed")
    assert KEY not in caplog.text
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{KEY}%"])
            assert cursor.fetchone() == (0,), table
