"""Figures of generators: how much, how fast, at what cost, what came to nothing; in bounded time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from annotate.queries import generation_figures
from annotate.queries.generation_figures import Figures, generator_figures
from tests.asked import ask, make_local, make_network
from tests.opinions import NOW, make_campaign, make_prompt

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def prompt():
    return make_prompt(make_campaign(), "Why do birds sing?")


def ended(prompt, generator, *, ago=MINUTE, state="done", outcome="stored", **given) -> None:
    ask(prompt, generator, state=state, outcome=outcome, finished_at=NOW - ago, **given)


def figures_of(generator, **given) -> Figures:
    return generator_figures(generator_ids=[generator.pk], now=NOW, **given)[generator.pk]


def test_a_generator_that_did_nothing_has_no_figures(prompt) -> None:
    generator = make_local()
    ask(prompt, generator, count=3)
    assert figures_of(generator) == Figures()
    assert Figures().per_hour(now=NOW) is None


def test_what_was_thrown_away_and_what_failed_is_part_of_what_a_candidate_costs(prompt) -> None:
    generator = make_local()
    ended(prompt, generator, compute_seconds=3.0, completion_tokens=30, draws=2)
    ended(prompt, generator, compute_seconds=1.0, completion_tokens=20, ago=timedelta(hours=2))
    ended(prompt, generator, state="failed", outcome="looping", compute_seconds=4.0, completion_tokens=70, draws=3)
    ended(prompt, generator, state="set_aside", outcome="worker_lost")
    ended(prompt, generator, state="cancelled", outcome=None)
    ended(prompt, generator, ago=timedelta(hours=25), compute_seconds=100.0, completion_tokens=1)
    ended(prompt, generator, ago=timedelta(days=9), state="failed", outcome="looping")
    ask(prompt, generator, outcome="rate_limited", not_before=NOW + MINUTE, count=2)
    ended(prompt, make_local("other"), compute_seconds=100.0)
    assert figures_of(generator) == Figures(
        hour=1,
        day=2,
        failed=2,
        since=NOW - timedelta(hours=2),
        seconds_per_candidate=4.0,
        tokens_per_second=15.0,
        redrawn=5,
        failures={"looping": 2, "worker_lost": 1},
        waits={"rate_limited": 2},
    )


def test_what_nobody_measured_is_not_told(prompt) -> None:
    generator = make_network()
    ended(prompt, generator)
    found = figures_of(generator)
    assert (found.day, found.seconds_per_candidate, found.tokens_per_second) == (1, None, None)


def test_figures_of_a_campaign_are_of_its_own_requests(prompt) -> None:
    generator = make_local()
    fish = make_prompt(make_campaign("fish"), "Why do fish swim?")
    ended(prompt, generator, compute_seconds=2.0)
    ended(fish, generator, compute_seconds=6.0)
    ended(fish, generator, state="failed", outcome="empty")
    ask(prompt, generator, outcome="timed_out", not_before=NOW)
    campaigns = [prompt.tree.campaign_id, fish.tree.campaign_id, None]
    found = [figures_of(generator, campaign_id=campaign) for campaign in campaigns]
    assert [(one.day, one.failed, one.seconds_per_candidate, one.failures, one.waits) for one in found] == [
        (1, 0, 2.0, {}, {"timed_out": 1}),
        (1, 1, 6.0, {"empty": 1}, {}),
        (2, 1, 4.0, {"empty": 1}, {"timed_out": 1}),
    ]


def test_the_pace_is_that_of_the_last_hour_or_else_of_the_time_since_the_first(prompt) -> None:
    quick, slow = make_local("quick"), make_local("slow")
    for ago in (1, 2, 3):
        ended(prompt, quick, ago=ago * MINUTE)
        ended(prompt, slow, ago=timedelta(hours=2 * ago))
    assert (figures_of(quick).per_hour(now=NOW), figures_of(slow).per_hour(now=NOW)) == (3.0, 0.5)


def test_of_a_generator_that_did_very_much_the_newest_are_looked_at(prompt, monkeypatch) -> None:
    monkeypatch.setattr(generation_figures, "MOST_COUNTED", 3)
    generator = make_local()
    for minutes in range(1, 7):
        ended(prompt, generator, ago=minutes * 5 * MINUTE)
    for campaign_id in (None, prompt.tree.campaign_id):
        found = figures_of(generator, campaign_id=campaign_id)
        assert (found.day, found.is_whole, found.since) == (3, False, NOW - 15 * MINUTE)
        assert found.per_hour(now=NOW) == 12.0


@pytest.mark.parametrize("is_of_one", [True, False])
def test_figures_take_two_queries_for_any_number_of_generators(prompt, django_assert_num_queries, is_of_one) -> None:
    generators = [make_local(str(number)) for number in range(3)]
    for generator in generators:
        ended(prompt, generator)
    campaign_id = prompt.tree.campaign_id if is_of_one else None
    for number in (1, 3):
        ids = [generator.pk for generator in generators[:number]]
        with django_assert_num_queries(2):
            assert list(generator_figures(generator_ids=ids, now=NOW, campaign_id=campaign_id)) == ids
