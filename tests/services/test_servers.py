"""What workers know of a server together: failures in a row, pauses it asked for, its requests a minute."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from annotate.models import CampaignGenerator, GenerationRequest, Generator, Server
from annotate.services import servers
from annotate.services.generation_queue import claim_requests
from annotate.services.servers import SharedGate, ask_server, count_allowed, tell_server
from tasks.generation.breaker import FAILURES_TO_OPEN
from tasks.vocabulary import GenerationOutcome
from tests.opinions import make_campaign, make_prompt

pytestmark = pytest.mark.django_db

HOST = "http://gpu.example.org:8000"
NOW = 1_800_000_000.0


def ask(*, now: float = NOW, host: str = HOST):
    return ask_server(host=host, now=now, try_seconds=60.0)[0]


def tell(outcome=GenerationOutcome.SERVER_ERROR, *, now: float = NOW, reason="The server failed (500).", pause=None):
    tell_server(host=HOST, outcome=outcome, reason=reason, pause_seconds=pause, now=now)


def break_it(*, now: float = NOW) -> None:
    for _ in range(FAILURES_TO_OPEN):
        tell(now=now)


def make_generator(name="small", **given) -> Generator:
    return Generator.objects.create(name=name, engine="openai", endpoint=f"{HOST}/v1", model="m", **given)


def test_a_server_that_works_leaves_no_row_and_costs_one_look(django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        assert ask() is None
    with django_assert_num_queries(1):
        tell(GenerationOutcome.STORED, reason=None)
    assert Server.objects.count() == 0


def test_failures_of_all_workers_open_it_for_all_and_its_page_says_why() -> None:
    break_it()
    server = Server.objects.get(host=HOST)
    assert (server.failures, server.last_error) == (5, "The server failed (500).")
    assert server.open_until == datetime.fromtimestamp(NOW + 15, UTC)
    assert ask().outcome == GenerationOutcome.UNREACHABLE
    assert ask(host="http://other.example.org") is None


def test_after_its_time_exactly_one_request_is_let_through() -> None:
    break_it()
    assert ask(now=NOW + 15) is None
    assert ask(now=NOW + 16).seconds == 59.0


def test_success_closes_it_and_forgets_the_error() -> None:
    break_it()
    ask(now=NOW + 15)
    tell(GenerationOutcome.STORED, now=NOW + 16, reason=None)
    server = Server.objects.get(host=HOST)
    assert (server.failures, server.open_until, server.last_error) == (0, None, "")
    assert ask(now=NOW + 16) is None


def test_failure_of_the_one_opens_it_for_longer() -> None:
    break_it()
    gate = SharedGate(host=HOST, try_seconds=300.0)
    assert gate.ask(now=NOW + 15) is None
    gate.tell(outcome=GenerationOutcome.TIMED_OUT, reason="Too late.", pause_seconds=None, now=NOW + 20)
    assert ask(now=NOW + 20).seconds == 30.0
    assert Server.objects.get().last_error == "Too late."


def test_what_was_under_way_when_it_opened_does_not_open_it_for_longer() -> None:
    break_it()
    for _ in range(30):
        tell(now=NOW + 1)
    assert (Server.objects.get().failures, ask(now=NOW + 1).seconds) == (5, 14.0)


def test_the_one_that_tries_it_is_known_although_others_of_its_batch_ask_meanwhile() -> None:
    break_it()
    gate, later = SharedGate(host=HOST, try_seconds=60.0), NOW + 20
    assert gate.ask(now=later) is None
    assert gate.ask(now=later) is not None
    gate.tell(outcome=GenerationOutcome.SERVER_ERROR, reason="It failed.", pause_seconds=None, now=later + 1)
    server = Server.objects.get(host=HOST)
    assert (server.failures, server.open_until) == (6, datetime.fromtimestamp(later + 1 + 30, UTC))


def test_a_pause_that_one_worker_was_asked_for_is_kept_by_all() -> None:
    tell(GenerationOutcome.RATE_LIMITED, pause=40.0, reason="The server is limiting its rate (429).")
    assert ask(now=NOW + 10).seconds == 30.0
    tell(GenerationOutcome.STORED, now=NOW + 11, reason=None)
    assert Server.objects.get().last_error == "The server is limiting its rate (429)."
    assert ask(now=NOW + 41) is None


def test_the_strictest_of_its_generators_says_how_many_requests_a_minute_it_gets() -> None:
    make_generator("a", requests_per_minute=600)
    make_generator("b", requests_per_minute=60)
    make_generator("c")
    make_generator("off", requests_per_minute=1, enabled=False)
    assert [ask() is None for _ in range(5)] == [True, True, True, True, False]
    assert ask().seconds == pytest.approx(1.0)
    assert ask(now=NOW + 1) is None
    assert ask(now=NOW + 1).reason == "The server takes 60 requests a minute; the request waits for its turn."


def test_a_trial_by_an_administrator_goes_through_and_closes_it() -> None:
    break_it()
    gate = SharedGate(host=HOST, try_seconds=60.0, is_trial=True)
    assert gate.ask(now=NOW) is None
    gate.tell(outcome=GenerationOutcome.STORED, reason=None, pause_seconds=None, now=NOW)
    assert ask() is None


def test_a_database_that_is_away_holds_no_request_up(monkeypatch, caplog) -> None:
    def fail(*_args, **_given):
        raise DatabaseError("away")

    monkeypatch.setattr(servers, "fetch_row", fail)
    gate = SharedGate(host=HOST, try_seconds=60.0)
    assert gate.ask(now=NOW) is None
    gate.tell(outcome=GenerationOutcome.SERVER_ERROR, reason="x", pause_seconds=None, now=NOW)
    assert caplog.text.count("what is known of a server could not be") == 2


@pytest.mark.parametrize(
    ("failures", "open_for", "per_minute", "allowed"),
    [
        (0, None, None, 8),
        (0, 30, None, 0),
        (5, 30, None, 0),
        (5, -1, None, 1),
        (0, None, 6, 2),
        (0, None, 600, 8),
    ],
)
def test_a_claim_takes_what_the_server_may_be_asked_soon(failures, open_for, per_minute, allowed) -> None:
    now = timezone.now()
    make_generator(requests_per_minute=per_minute)
    open_until = None if open_for is None else now + timedelta(seconds=open_for)
    Server.objects.create(host=HOST, failures=failures, open_until=open_until)
    assert count_allowed(host=HOST, wanted=8, now=now) == allowed


def test_nothing_is_claimed_for_a_server_that_is_left_alone_and_one_request_tries_it() -> None:
    campaign = make_campaign()
    prompt = make_prompt(campaign, "Why do birds sing?")
    generator = make_generator(max_concurrent=4)
    CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=3)
    for index in range(3):
        GenerationRequest.objects.create(parent=prompt, generator=generator, sample_index=index, state="queued")
    now = timezone.now()
    break_it(now=now.timestamp())

    def claim(at):
        return claim_requests(generator_ids=[generator.pk], limit=4, now=at, token=uuid.UUID(int=0))

    assert claim(now) is None
    assert len(claim(now + timedelta(seconds=16)).request_ids) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("per_minute", [None, 20])
def test_many_workers_at_once_get_no_more_than_one_would(per_minute) -> None:
    """Half open: one of eight gets through. With a limit of 20 a minute: the two of its burst."""
    if per_minute is None:
        break_it()
    else:
        make_generator(requests_per_minute=per_minute)
    got, ready = [], threading.Barrier(8)

    def work() -> None:
        try:
            ready.wait(timeout=30)
            got.append(ask(now=NOW + 15))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), sum(pause is None for pause in got)) == (8, 1 if per_minute is None else 2)
