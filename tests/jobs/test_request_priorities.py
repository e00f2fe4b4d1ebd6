"""Generators write first what volunteers lack, and deciding so costs little and stands in nobody's way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from annotate.models import Campaign, GenerationRequest, Unit
from annotate.queries import request_priorities as reads
from annotate.services.generation import request_candidates
from annotate.services.request_priorities import write_priorities
from tasks.jobs import request_priorities
from tasks.jobs.generation import sweep_requests_job
from tasks.jobs.request_priorities import prioritize_requests
from tasks.scheduling.request_priorities import ENOUGH_VACANT, FEW_VACANT, HIGHEST_SCHEDULED
from tests.asked import ask, claimed, make_local
from tests.opinions import NOW, add_candidates, add_message, make_campaign, make_prompt

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return make_campaign()


@pytest.fixture
def generator(campaign):
    return make_local(campaign=campaign)


def supply(campaign: Campaign, *, topic: str, units: int) -> None:
    """So many prompts that can be ranked, with room for everybody."""
    for number in range(units):
        add_candidates(make_prompt(campaign, f"{topic} {number}", topic=topic), "alpha Yes.", "beta No.")


def priorities(*groups: list[GenerationRequest]) -> list[list[int]]:
    found = dict(GenerationRequest.objects.values_list("pk", "priority"))
    return [[found[request.pk] for request in group] for group in groups]


def versions() -> dict[int, str]:
    """Where each request lies: this changes when a row is written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, ctid::text FROM annotate_generationrequest")
        return dict(cursor.fetchall())


def walk(campaign: Campaign) -> int:
    return prioritize_requests(campaign.pk, after=0)


def test_a_topic_with_little_to_judge_comes_before_one_with_much_that_was_asked_for_earlier(
    campaign, generator
) -> None:
    supply(campaign, topic="birds", units=ENOUGH_VACANT)
    supply(campaign, topic="fish", units=FEW_VACANT - 1)
    birds = ask(make_prompt(campaign, "Why do birds sing?", topic="birds"), generator, count=3, priority=10)
    fish = ask(make_prompt(campaign, "Why do fish swim?", topic="fish"), generator, count=3)
    assert walk(campaign) == 0
    assert priorities(birds, fish) == [[1, 1, 0], [11, 11, 10]]
    before = versions()
    assert (walk(campaign), versions()) == (0, before)
    assert claimed(generator, limit=4) == [request.pk for request in fish + birds[:1]]

    supply(campaign, topic="moles", units=1)
    Unit.objects.filter(subject__tree__topic="birds").update(is_open=False)
    walk(campaign)
    assert priorities(birds[1:]) == [[11, 10]]


def test_a_candidate_that_is_there_or_being_written_counts_for_its_prompt(campaign, generator) -> None:
    supply(campaign, topic="", units=ENOUGH_VACANT)
    prompts = [make_prompt(campaign, text) for text in ("none", "one", "removed", "running", "waits", "off")]
    _, one, removed, *_ = prompts
    add_message(one.tree, "Yes.", parent=one)
    gone = add_message(removed.tree, "No.", parent=removed)
    gone.removed_at = NOW
    gone.save()
    off = ask(prompts[5], make_local("off", enabled=False))
    asked = [ask(prompt, generator, count=3) for prompt in prompts]
    claimed_first = {"lease_token": "00000000-0000-0000-0000-000000000001", "lease_expires_at": NOW}
    GenerationRequest.objects.filter(pk=asked[3][0].pk).update(state="running", **claimed_first)
    GenerationRequest.objects.filter(pk=asked[4][0].pk).update(outcome="server_error", not_before=NOW)
    walk(campaign)
    assert priorities(*asked, off) == [[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [1, 1, 0], [0]]


def test_a_topic_whose_language_has_more_units_than_are_counted_has_enough(campaign, generator, monkeypatch) -> None:
    supply(campaign, topic="birds", units=3)
    fish = ask(make_prompt(campaign, "Why do fish swim?", topic="fish"), generator)
    moles = ask(make_prompt(campaign, "Warum graben Maulwürfe?", language="de"), generator)
    monkeypatch.setattr(reads, "COUNTED_UNITS", 3)
    walk(campaign)
    assert priorities(fish, moles) == [[1], [11]]
    monkeypatch.setattr(reads, "COUNTED_UNITS", 4)
    walk(campaign)
    assert priorities(fish, moles) == [[11], [11]]


def test_where_nobody_is_asked_for_an_order_no_topic_lacks_units(generator) -> None:
    labels = make_campaign("labels", kinds=("label",))
    asked = ask(make_prompt(labels, "Why?"), generator, count=3)
    walk(labels)
    assert priorities(asked) == [[1, 1, 0]]


def test_what_somebody_asked_to_be_urgent_stays_before_all_that_the_scheduler_orders(campaign, generator) -> None:
    plain, urgent = make_prompt(campaign, "Why?"), make_prompt(campaign, "Why not?")
    for prompt, priority in ((plain, 0), (urgent, 1)):
        request_candidates(campaign=campaign, actor=None, now=NOW, parent_ids=[prompt.pk], priority=priority)
    walk(campaign)
    found = dict(GenerationRequest.objects.values_list("parent_id", "priority"))
    assert found == {plain.pk: HIGHEST_SCHEDULED, urgent.pk: HIGHEST_SCHEDULED + 1}
    assert write_priorities(priorities=dict.fromkeys(GenerationRequest.objects.values_list("pk", flat=True), 0)) == 1
    assert GenerationRequest.objects.get(parent=urgent).priority == HIGHEST_SCHEDULED + 1


def test_what_is_asked_for_has_its_place_in_its_prompt_at_once(campaign, generator) -> None:
    campaign.campaign_generators.update(samples=3)
    prompt = make_prompt(campaign, "Why?")
    ask(prompt, generator, state="done")
    request_candidates(campaign=campaign, actor=None, now=NOW)
    rows = GenerationRequest.objects.filter(parent=prompt).order_by("sample_index")
    assert list(rows.values_list("state", "priority")) == [("done", 0), ("queued", 1), ("queued", 0)]


def test_a_run_writes_so_many_rows_and_the_next_goes_on_until_all_is_in_order(campaign, generator, monkeypatch) -> None:
    monkeypatch.setattr(request_priorities, "MOST_WRITTEN", 3)
    monkeypatch.setattr(request_priorities, "WALKED_REQUESTS", 4)
    monkeypatch.setattr(request_priorities, "FRONT_REQUESTS", 2)
    monkeypatch.setattr(request_priorities, "STRETCHES", 2)
    asked = [ask(make_prompt(campaign, f"Why {number}?"), generator, count=2) for number in range(10)]
    at, last = 0, versions()
    for _ in range(30):
        at, seen = prioritize_requests(campaign.pk, after=at), versions()
        assert sum(seen[request] != last[request] for request in seen) <= 3
        last = seen
    assert priorities(*asked) == [[HIGHEST_SCHEDULED] * 2] * 10


def test_the_sweep_orders_what_it_asks_for_and_keeps_where_its_walk_is(campaign, generator, monkeypatch) -> None:
    prompt = make_prompt(campaign, "Why?")
    sweep_requests_job()
    assert GenerationRequest.objects.get(parent=prompt).priority == HIGHEST_SCHEDULED
    went = []
    monkeypatch.setattr("tasks.jobs.generation.prioritize_requests", lambda _, *, after: went.append(after) or 7)
    for _ in range(3):
        connection.cursor().execute("UPDATE annotate_stale SET lease_expires_at = NULL")
        sweep_requests_job()
    assert went == [0, 7, 7]


def test_a_campaign_that_does_not_take_a_generators_terms_any_more_has_nothing_of_it_ordered(campaign) -> None:
    bound = make_local("bound", output_terms="no_training", campaign=campaign)
    asked = ask(make_prompt(campaign, "Why?"), bound)
    Campaign.objects.update(output_terms=["free"])
    walk(campaign)
    assert priorities(asked) == [[0]]


@pytest.mark.django_db(transaction=True)
def test_what_a_worker_claims_at_this_moment_is_passed_over(campaign, generator) -> None:
    taken, free = (ask(make_prompt(campaign, text), generator)[0] for text in ("Why?", "Why not?"))

    def raise_both() -> int:
        try:
            return write_priorities(priorities={taken.pk: HIGHEST_SCHEDULED, free.pk: HIGHEST_SCHEDULED})
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        GenerationRequest.objects.select_for_update(no_key=True).get(pk=taken.pk)
        assert pool.submit(raise_both).result(timeout=20) == 1
    assert priorities([taken, free]) == [[0, HIGHEST_SCHEDULED]]
