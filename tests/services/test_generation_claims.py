"""Requests are claimed across generators and campaigns, the most urgent first, by one worker each."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from annotate.models import Campaign, GenerationRequest, Generator
from annotate.queries.local_generation import count_waiting, list_wanted
from annotate.services.generation import cancel_requests
from annotate.services.generation_queue import (
    LEASE_SECONDS,
    LOST_LIMIT,
    claim_requests,
    hand_back,
    hold_requests,
    sweep_lost_requests,
)
from annotate.services.generation_results import settle_request
from tasks.vocabulary import Engine
from tests.asked import SUSPECTS_TURN, answer, ask, claim, claimed, failure, make_local, make_network, states
from tests.opinions import NOW, make_campaign, make_prompt

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(seconds=LEASE_SECONDS + 1)


@pytest.fixture
def campaign():
    return make_campaign()


@pytest.fixture
def prompt(campaign):
    return make_prompt(campaign, "Why do birds sing?")


def ids(*requests: list[GenerationRequest]) -> list[int]:
    return [request.pk for group in requests for request in group]


# --- What is claimed, and in which order -------------------------------------------------------------


def test_what_is_most_urgent_comes_first_whichever_generator_and_campaign_asks(prompt) -> None:
    fish = make_prompt(make_campaign("fish"), "Why do fish swim?")
    one, two = make_local("one"), make_local("two")
    slow = ask(prompt, one)
    quick = ask(fish, two, priority=5)
    soon = ask(prompt, two, priority=1) + ask(fish, one, priority=1)
    first, *others = claimed(one, two, limit=3)
    assert ([first], sorted(others)) == (ids(quick), sorted(ids(soon)))
    assert claimed(one, two) == ids(slow)


def test_campaigns_share_a_claim_however_much_one_of_them_asked_for_before(prompt) -> None:
    fish = make_prompt(make_campaign("fish"), "Why do fish swim?")
    one, two = make_local("one"), make_local("two")
    many = ask(prompt, one, count=100) + ask(prompt, two, count=100)
    few = ask(fish, one, count=15)
    taken = claimed(one, two, limit=20)
    assert [request for request in taken if request in ids(many)] == ids(many[:10])
    assert [request for request in taken if request in ids(few)] == ids(few[:10])
    taken = claimed(one, two, limit=20)
    assert set(taken) == set(ids(few[10:], many[10:25]))


def test_of_more_campaigns_than_a_claim_takes_each_has_its_turn_after_what_is_more_urgent() -> None:
    generator = make_local()
    prompts = [make_prompt(make_campaign(f"campaign-{number}"), "Why?") for number in range(10)]
    for prompt in prompts:
        ask(prompt, generator, count=2)
    urgent = ask(prompts[9], generator, priority=1)
    waiting = {GenerationRequest.objects.filter(parent=prompt, priority=0).earliest("pk").pk for prompt in prompts}
    seen = set()
    for _ in range(100):  # nobody is left out of a hundred draws of two in ten but once in 10⁸ times
        found = claim(generator, limit=3)
        assert found.request_ids[0] == urgent[0].pk
        seen |= set(found.request_ids[1:])
        hand_back(token=found.token)
    assert seen == waiting


def test_a_claim_names_the_generator_of_each_request(prompt) -> None:
    one, two = make_local("one"), make_local("two")
    (first,), (second,) = ask(prompt, one), ask(prompt, two)
    found = claim(one, two)
    assert found.generator_of == {first.pk: one.pk, second.pk: two.pk}
    row = GenerationRequest.objects.get(pk=first.pk)
    assert (row.state, row.lease_token, row.lease_expires_at, row.started_at, row.attempts) == (
        "running",
        found.token,
        NOW + timedelta(seconds=LEASE_SECONDS),
        NOW,
        0,
    )


def test_a_request_belongs_to_the_campaign_of_its_prompt_whatever_is_written(campaign, prompt) -> None:
    (request,) = ask(prompt, make_local(), campaign=make_campaign("fish"))
    assert GenerationRequest.objects.get(pk=request.pk).campaign_id == campaign.pk


def test_a_paused_campaign_keeps_its_requests_and_others_go_on(campaign, prompt) -> None:
    generator = make_local()
    waiting = ask(prompt, generator, count=3, priority=9)
    going = ask(make_prompt(make_campaign("fish"), "Why do fish swim?"), generator)
    (mine,) = claimed(generator, limit=1)
    campaign.state = "paused"
    campaign.save()
    assert claimed(generator) == ids(going)
    token = GenerationRequest.objects.get(pk=mine).lease_token
    assert settle_request(token=token, result=answer(mine), now=NOW) == "done"
    assert states(waiting) == ["done", "queued", "queued"]


@pytest.mark.parametrize("limits", [{"output_terms": ["free"]}, {"model_licences": ["apache-2.0"]}])
def test_what_was_asked_of_a_generator_whose_terms_its_campaign_no_longer_takes_waits(campaign, prompt, limits) -> None:
    free = make_local("free", output_terms="free", licence="Apache-2.0")
    bound = make_local("bound", output_terms="no_training", licence="llama3.1")
    taken, _ = ask(prompt, free), ask(prompt, bound, priority=9)
    assert (list_wanted(engine=Engine.TRANSFORMERS, now=NOW), count_waiting(generator_ids=[free.pk, bound.pk])) == (
        [bound.pk, free.pk],
        2,
    )
    Campaign.objects.update(**limits)
    assert (list_wanted(engine=Engine.TRANSFORMERS, now=NOW), count_waiting(generator_ids=[free.pk, bound.pk])) == (
        [free.pk],
        1,
    )
    assert claimed(free, bound) == ids(taken)


def test_nothing_is_claimed_of_a_generator_that_is_disabled_or_a_mere_name(campaign, prompt) -> None:
    off = make_local("off", enabled=False)
    label = Generator.objects.create(name="label", engine="label", campaign=campaign)
    ask(prompt, off)
    ask(prompt, label)
    assert (claimed(off, label), claimed(), claimed(off, limit=0)) == ([], [], [])


def test_what_waits_for_a_moment_is_claimed_when_it_has_come_and_not_before(prompt) -> None:
    generator = make_local()
    first, second = ask(prompt, generator, count=2)
    found = claim(generator, limit=1)
    settle_request(token=found.token, result=failure(first.pk, "server_error", retry_after_seconds=60.0), now=NOW)
    assert claimed(generator) == [second.pk]
    assert claimed(generator, now=NOW + timedelta(seconds=59)) == []
    assert claimed(generator, now=NOW + timedelta(seconds=60)) == [first.pk]


def test_a_request_that_waits_without_saying_why_cannot_be_stored(prompt) -> None:
    generator = make_local()
    with pytest.raises(IntegrityError, match="only_a_queued_request_waits_and_says_why"), transaction.atomic():
        ask(prompt, generator, not_before=NOW)
    with pytest.raises(IntegrityError, match="only_a_queued_request_waits_and_says_why"), transaction.atomic():
        ask(prompt, generator, not_before=NOW, state="failed", outcome="empty")


# --- What a server has room for ----------------------------------------------------------------------


def test_a_server_never_meets_more_requests_at_once_than_its_generators_allow(prompt) -> None:
    small = make_network("small", max_concurrent=2)
    large = make_network("large", max_concurrent=3)
    elsewhere = make_network("elsewhere", endpoint="http://127.0.0.1:10/v1", max_concurrent=1)
    for generator in (small, large, elsewhere):
        ask(prompt, generator, count=5)
    taken = [len(claimed(generator)) for generator in (small, large, elsewhere)]
    assert taken == [3, 0, 1]
    running = GenerationRequest.objects.filter(state="running", generator=small)
    hand_back(token=running[0].lease_token, request_ids=[running[0].pk])
    assert len(claimed(large)) == 1


def test_the_room_of_a_worker_that_died_is_given_away_when_its_lease_ended(prompt) -> None:
    generator = make_network(max_concurrent=2)
    ask(prompt, generator, count=4)
    assert [len(claimed(generator, now=now)) for now in (NOW, NOW, LATER)] == [2, 0, 2]


def test_a_claim_is_for_one_server(prompt) -> None:
    one, two = make_network("one"), make_network("two", endpoint="http://127.0.0.1:10/v1")
    with pytest.raises(ValueError, match="one server"):
        claim(one, two)


def test_a_pause_that_a_server_asked_for_holds_for_that_generator_only(prompt) -> None:
    limited, free = make_network("limited"), make_network("free")
    first, _ = ask(prompt, limited, count=2)
    others = ask(prompt, free)
    found = claim(limited, limit=1)
    settle_request(token=found.token, result=failure(first.pk, "rate_limited", retry_after_seconds=600.0), now=NOW)
    assert (claimed(limited), claimed(free)) == ([], ids(others))
    assert len(claimed(limited, now=NOW + timedelta(seconds=600))) == 2


# --- Holding, handing back, calling off --------------------------------------------------------------


def test_holding_renews_the_lease_and_tells_what_is_still_ours(campaign, prompt) -> None:
    generator = make_local()
    kept, off, done = ask(prompt, generator, count=3)
    found = claim(generator)
    settle_request(token=found.token, result=answer(done.pk), now=NOW)
    GenerationRequest.objects.filter(pk=off.pk).update(
        state="cancelled", lease_token=None, lease_expires_at=None, finished_at=NOW
    )
    assert hold_requests(token=found.token, now=LATER) == {kept.pk}
    assert GenerationRequest.objects.get(pk=kept.pk).lease_expires_at == LATER + timedelta(seconds=LEASE_SECONDS)
    assert hold_requests(token=uuid.uuid4(), now=LATER) == frozenset()


def test_what_was_called_off_is_noticed_by_who_runs_it(campaign, prompt) -> None:
    generator = make_local()
    ask(prompt, generator, count=2)
    found = claim(generator)
    cancel_requests(campaign=campaign, actor=None, now=NOW)
    assert hold_requests(token=found.token, now=NOW) == frozenset()


def test_some_of_a_batch_may_be_handed_back_and_no_try_is_counted(prompt) -> None:
    generator = make_local()
    first, second, third = ask(prompt, generator, count=3)
    found = claim(generator)
    assert hand_back(token=found.token, request_ids=[first.pk, third.pk]) == 2
    assert states([first, second, third]) == ["queued", "running", "queued"]
    assert hand_back(token=found.token) == 1
    assert set(GenerationRequest.objects.values_list("state", "attempts", "losses")) == {("queued", 0, 0)}


def test_only_who_holds_a_request_hands_it_back(prompt) -> None:
    (request,) = ask(prompt, make_local())
    claim(request.generator)
    assert hand_back(token=uuid.uuid4(), request_ids=[request.pk]) == 0
    assert states([request]) == ["running"]


# --- Workers that die --------------------------------------------------------------------------------


def test_what_a_worker_died_over_is_claimed_alone(prompt) -> None:
    generator = make_local()
    suspects = ask(prompt, generator, count=3)
    claim(generator)
    assert sweep_lost_requests(now=LATER) == 3
    fresh = ask(prompt, generator, count=2)
    assert claimed(generator, now=LATER) == ids(fresh)
    found = [claim(generator, now=LATER, limit=8) for _ in range(4)]
    assert [one and (one.is_alone, one.request_ids) for one in found] == [
        *((True, (suspect.pk,)) for suspect in suspects),
        None,
    ]


def test_suspects_and_others_take_turns(prompt) -> None:
    generator = make_local()
    suspects = ask(prompt, generator, count=2, losses=1)
    fresh = ask(prompt, generator, count=2)
    order = [claimed(generator, limit=1, turn=turn) for turn in (SUSPECTS_TURN, 0, SUSPECTS_TURN, 0)]
    assert order == [[suspects[0].pk], [fresh[0].pk], [suspects[1].pk], [fresh[1].pk]]


def test_half_of_all_claims_begin_with_suspects(prompt) -> None:
    generator = make_local()
    ask(prompt, generator, losses=1)
    ask(prompt, generator)
    began = []
    for _ in range(64):
        token = uuid.uuid4()
        began.append(claim_requests(generator_ids=[generator.pk], limit=5, now=NOW, token=token).is_alone)
        hand_back(token=token)
        assert began[-1] == bool(token.int & 1)
    assert {True, False} == set(began)


def test_a_batch_under_way_takes_no_suspect(prompt) -> None:
    generator = make_local()
    ask(prompt, generator, losses=1)
    assert claimed(generator, turn=SUSPECTS_TURN, is_under_way=True) == []
    fresh = ask(prompt, generator)
    assert claimed(generator, turn=SUSPECTS_TURN, is_under_way=True) == ids(fresh)


def test_a_suspect_that_is_answered_is_none_any_more(prompt) -> None:
    (request,) = ask(prompt, make_local(), losses=1)
    found = claim(request.generator)
    settle_request(token=found.token, result=failure(request.pk, "server_error", retry_after_seconds=1.0), now=NOW)
    request.refresh_from_db()
    assert (request.state, request.losses) == ("queued", 0)


@pytest.mark.parametrize("poisoned", [0, 3, 7])
def test_of_a_batch_with_one_poison_only_the_poison_is_set_aside_after_two_losses(prompt, poisoned) -> None:
    """Whoever answers the poison dies; everybody else's text is stored by the worker that comes next."""
    generator = make_local()
    requests = ask(prompt, generator, count=8)
    poison = requests[poisoned].pk
    now, deaths = NOW, 0
    while (found := claim(generator, now=now, limit=8, turn=deaths % 2)) is not None:
        if poison in found.request_ids:
            deaths += 1
            now += timedelta(seconds=LEASE_SECONDS + 1)
            sweep_lost_requests(now=now)
            continue
        for request_id in found.request_ids:
            settle_request(token=found.token, result=answer(request_id, f"Reason {request_id}."), now=now)
    assert deaths == LOST_LIMIT == 2
    told = GenerationRequest.objects.order_by("pk").values_list("state", "losses", "outcome")
    assert list(told) == [
        ("set_aside", 2, "worker_lost") if request.pk == poison else ("done", 1, "stored") for request in requests
    ]


def test_an_attempt_is_a_try_that_ended(prompt) -> None:
    generator = make_local()
    (request,) = ask(prompt, generator)
    claim(generator)
    sweep_lost_requests(now=LATER)
    found = claim(generator, now=LATER)
    settle_request(token=found.token, result=answer(request.pk), now=LATER)
    request.refresh_from_db()
    assert (request.attempts, request.losses) == (1, 1)


def test_a_lease_that_has_not_ended_is_nobody_else_s(prompt) -> None:
    generator = make_local()
    ask(prompt, generator, count=2)
    claim(generator)
    assert (sweep_lost_requests(now=NOW + timedelta(seconds=LEASE_SECONDS - 1)), claimed(generator)) == (0, [])


# --- What it costs -----------------------------------------------------------------------------------


def test_a_claim_of_a_local_model_takes_the_same_queries_for_any_number(prompt, django_assert_num_queries) -> None:
    generators = [make_local(str(number)) for number in range(3)]
    ask(prompt, generators[0])
    with django_assert_num_queries(6):  # with a savepoint around them
        assert len(claimed(generators[0])) == 1
    for generator in generators:
        ask(prompt, generator, count=3)
    with django_assert_num_queries(6):
        assert len(claimed(*generators)) == 9


def test_a_claim_of_a_server_takes_two_queries_more(prompt, django_assert_num_queries) -> None:
    generator = make_network()
    ask(prompt, generator, count=3)
    with django_assert_num_queries(8):  # its room, and its limit a minute
        assert len(claimed(generator)) == 3
