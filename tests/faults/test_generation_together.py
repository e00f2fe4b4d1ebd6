"""Workers that claim, settle, sweep and call off at the same moment: no request is shared, stored twice or lost."""

from __future__ import annotations

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections

from annotate.models import GenerationRequest, Message, MessageOrigin
from annotate.services.generation import cancel_requests
from annotate.services.generation_queue import LEASE_SECONDS, claim_requests, hand_back, sweep_lost_requests
from annotate.services.generation_results import settle_request
from tests.asked import answer, ask, claim, make_local, make_network
from tests.opinions import NOW, make_campaign, make_prompt

pytestmark = pytest.mark.django_db(transaction=True)

LATER = NOW + timedelta(seconds=LEASE_SECONDS + 1)


def run_together(*tasks) -> list:
    """Run each task in a thread with a connection of its own, all from the same moment; returns what they return."""
    start = Barrier(len(tasks))

    def run(task):
        try:
            start.wait()
            return task()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [future.result() for future in [pool.submit(run, task) for task in tasks]]


@pytest.fixture
def prompt():
    return make_prompt(make_campaign(), "Why do birds sing?")


def test_workers_that_claim_at_once_share_no_request_and_leave_none(prompt) -> None:
    generators = [make_local(str(number)) for number in range(3)]
    asked = [request.pk for generator in generators for request in ask(prompt, generator, count=20)]
    suspects = [request.pk for request in ask(prompt, generators[0], count=5, losses=1)]

    def work() -> list[int]:
        dice, taken = random.Random(1), []
        while (found := claim(*generators, limit=dice.randint(1, 7), turn=dice.randint(0, 1))) is not None:
            taken.extend(found.request_ids)
        return taken

    taken = run_together(work, work, work, work)
    assert sorted(one for mine in taken for one in mine) == sorted(asked + suspects)
    rows = GenerationRequest.objects.values_list("pk", "lease_token", "losses")
    tokens_of_suspects = [token for _, token, losses in rows if losses]
    assert len(set(tokens_of_suspects)) == len(suspects)
    assert not {token for _, token, losses in rows if not losses} & set(tokens_of_suspects)


def test_workers_that_claim_at_once_never_ask_more_of_a_server_than_it_allows(prompt) -> None:
    one = make_network("one", max_concurrent=2)
    two = make_network("two", max_concurrent=5)
    for generator in (one, two):
        ask(prompt, generator, count=30)
    seen = []

    def work(generator):
        def ask_and_answer() -> int:
            done = 0
            mine = GenerationRequest.objects.filter(generator=generator, state__in=("queued", "running"))
            while mine.exists():
                token = uuid.uuid4()
                found = claim_requests(generator_ids=[generator.pk], limit=5, now=NOW, token=token)
                seen.append(GenerationRequest.objects.filter(state="running").count())
                for request_id in () if found is None else found.request_ids:
                    done += 1
                    settle_request(token=token, result=answer(request_id, f"Reason {request_id}."), now=NOW)
                hand_back(token=token)
            return done

        return ask_and_answer

    run_together(work(one), work(two), work(two), work(one))
    assert (max(seen) <= 5, max(seen) > 1) == (True, True)


def test_a_result_that_two_threads_settle_at_once_is_stored_once(prompt) -> None:
    (request,) = ask(prompt, make_local())
    token = claim(request.generator).token
    texts = ["Because they can.", "To be heard."]
    ends = run_together(
        *(
            lambda text=text: settle_request(token=token, result=answer(request.pk, text), now=NOW)
            for text in texts
        )
    )  # fmt: skip
    assert sorted(ends, key=str) == [None, "done"]
    assert (Message.objects.filter(parent=prompt).count(), MessageOrigin.objects.count()) == (1, 1)


@pytest.mark.parametrize("rival", ["sweep", "cancel"])
def test_who_comes_first_decides_whether_a_late_text_is_stored(prompt, rival) -> None:
    requests = ask(prompt, make_local(), count=10)
    found = claim(requests[0].generator, limit=10)

    def end() -> None:
        if rival == "sweep":
            sweep_lost_requests(now=LATER)
        else:
            cancel_requests(campaign=prompt.tree.campaign, actor=None, now=LATER)

    def settle() -> list[int]:
        results = [answer(one, f"Reason {one}.") for one in found.request_ids]
        ends = [settle_request(token=found.token, result=result, now=LATER) for result in results]
        return [result.request_id for result, state in zip(results, ends, strict=True) if state == "done"]

    stored, _ = run_together(settle, end)
    other = "queued" if rival == "sweep" else "cancelled"
    told = dict(GenerationRequest.objects.values_list("pk", "state"))
    assert told == {request.pk: "done" if request.pk in stored else other for request in requests}
    assert set(MessageOrigin.objects.values_list("request_id", flat=True)) == set(stored)
