"""Rate limits: counted in Valkey, told with 429 and Retry-After, for person, token and address apart."""

from __future__ import annotations

import threading

import pytest
from django.test import RequestFactory
from redis import Redis
from rest_framework.test import APIClient

from annotate.limits import Limit, Limiter, Refusal, address_of, make_limiter
from annotate.services.terms import CURRENT_TERMS
from tests.api.helpers import details, refusal
from tests.loop import make_campaign

pytestmark = pytest.mark.django_db
ME = "/api/v1/me/"
THREE = Limit("test", "ada", 3, 60)


@pytest.fixture
def limiter(redis_url):
    return make_limiter(redis_url)


def statuses(client: APIClient, times: int, path: str = ME) -> list[int]:
    return [client.get(path).status_code for _ in range(times)]


def test_as_many_pass_at_once_as_the_limit_says_and_then_one_by_one(limiter):
    assert [limiter.take([THREE]) for _ in range(4)] == [None, None, None, Refusal(THREE, 20)]


def test_a_call_fits_again_when_one_has_flowed_off(limiter, redis_url):
    for _ in range(3):
        limiter.take([THREE])
    client = Redis.from_url(redis_url)
    client.set(THREE.key, int(client.get(THREE.key)) - 20_000_000)
    assert [limiter.take([THREE]), limiter.take([THREE])] == [None, Refusal(THREE, 20)]


def test_subjects_and_names_are_counted_apart(limiter):
    others = [Limit("test", "bob", 3, 60), Limit("more", "ada", 3, 60)]
    for _ in range(3):
        limiter.take([THREE])
    assert [limiter.take([limit]) for limit in others] == [None, None]


def test_a_refused_call_counts_against_no_limit(limiter):
    wide, narrow = Limit("wide", "x", 2, 60), Limit("narrow", "x", 1, 60)
    assert limiter.take([wide, narrow]) is None
    assert limiter.take([wide, narrow]) == Refusal(narrow, 60)
    assert [limiter.take([wide]), limiter.take([wide])] == [None, Refusal(wide, 30)]


def count_scripts(redis_url: str) -> int:
    stats = Redis.from_url(redis_url, decode_responses=True).info("commandstats")
    return int(stats.get("cmdstat_evalsha", {}).get("calls", 0))


def test_whoever_is_far_from_a_limit_is_counted_with_few_questions(limiter, redis_url):
    limiter.clock = lambda: 100.0
    limit = Limit("test", "busy", 10_000, 3600)
    before = count_scripts(redis_url)
    assert [limiter.take([limit]) for _ in range(1000)] == [None] * 1000
    assert count_scripts(redis_url) - before == 1 + 32


def test_calls_that_were_paid_for_end_after_a_second(limiter, redis_url):
    now = [100.0]
    limiter.clock = lambda: now[0]
    limit = Limit("test", "slow", 10_000, 3600)
    limiter.take([limit])
    limiter.take([limit])
    before = count_scripts(redis_url)
    limiter.take([limit])
    now[0] += 1
    limiter.take([limit])
    assert count_scripts(redis_url) - before == 1


def test_many_at_once_in_two_processes_never_pass_more_often_than_the_limit_says(limiter, redis_url):
    limit, passed = Limit("test", "crowd", 200, 3600), []
    limiters = [limiter, make_limiter(redis_url)]
    for one in limiters:
        one.clock = lambda: 100.0

    def call(one: Limiter) -> None:
        passed.extend(1 for _ in range(100) if one.take([limit]) is None)

    threads = [threading.Thread(target=call, args=(limiters[place % 2],)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 200


def test_a_bucket_is_forgotten_when_it_is_empty_again(limiter, redis_url):
    limiter.take([THREE])
    assert 0 < Redis.from_url(redis_url).pttl(THREE.key) <= 20_001


def test_a_key_tells_nobodys_address(limiter, redis_url):
    limiter.take([Limit("address", "192.0.2.7", 3, 60)])
    assert b"192.0.2.7" not in b"".join(Redis.from_url(redis_url).keys("chorus-limit:*"))


def test_a_limit_that_is_reached_is_a_429_that_says_when_to_come_again(client_of_ada, settings):
    settings.LIMIT_PERSON = 2
    assert statuses(client_of_ada, 2) == [200, 200]
    response = client_of_ada.get(ME)
    assert refusal(response) == (429, "too_many_requests")
    assert details(response) == {"limit": "person", "amount": 2, "seconds": 60}
    assert 20 < int(response.headers["Retry-After"]) <= 30  # less what a busy machine took since


def test_a_person_is_counted_over_all_their_tokens(make_client, settings):
    settings.LIMIT_PERSON = 3
    first, second = make_client("ada"), make_client("ada")
    assert statuses(first, 2) + statuses(second, 2) == [200, 200, 200, 429]


def test_a_token_is_counted_by_itself(make_client, settings):
    settings.LIMIT_TOKEN = 2
    first, second = make_client("ada"), make_client("ada")
    assert statuses(first, 3) + statuses(second, 2) == [200, 200, 429, 200, 200]


def test_an_address_is_counted_over_all_people(make_client, settings):
    settings.LIMIT_ADDRESS = 3
    assert statuses(make_client("ada"), 2) + statuses(make_client("bob"), 2) == [200, 200, 200, 429]


def test_people_are_counted_apart(make_client, settings):
    settings.LIMIT_PERSON = 1
    assert statuses(make_client("ada"), 2) + statuses(make_client("bob"), 1) == [200, 429, 200]


def test_addresses_of_unknown_pages_count_too(client, settings):
    settings.LIMIT_ADDRESS = 1
    assert statuses(client, 2, "/api/v1/nothing/") == [404, 429]


def test_zero_means_no_limit(client_of_ada, settings):
    settings.LIMIT_PERSON = settings.LIMIT_TOKEN = settings.LIMIT_ADDRESS = 0
    assert statuses(client_of_ada, 5) == [200] * 5


def test_tokens_that_are_not_valid_are_limited_by_address(settings):
    settings.LIMIT_FAILURES = 2
    client = APIClient(headers={"Authorization": "Bearer chorus_" + "x" * 43})
    assert statuses(client, 4) == [401, 401, 429, 429]


def test_guests_are_limited_by_address(settings):
    settings.LIMIT_GUESTS = 2
    make_campaign(guests=True)
    body = {"languages": [], "terms_version": CURRENT_TERMS}
    assert [APIClient().post("/api/v1/guests/", body).status_code for _ in range(3)] == [201, 201, 429]


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "address"),
    [
        (0, "192.0.2.7", "", "192.0.2.7"),
        (0, "192.0.2.7", "203.0.113.9", "192.0.2.7"),
        (1, "10.0.0.1", "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "10.0.0.1", "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1", "", "10.0.0.1"),
        (0, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        (0, "::ffff:192.0.2.7", "", "192.0.2.7"),
        (1, "10.0.0.1", "not an address", "unknown"),
        (0, "", "", "unknown"),
    ],
)
def test_an_address_is_what_our_own_proxies_saw(settings, proxies, remote, forwarded, address):
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    assert address_of(request) == address
