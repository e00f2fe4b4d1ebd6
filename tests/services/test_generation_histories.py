"""Whatever workers, organizers and time do to the queue, in whatever order: every request is in one place, stored once."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from annotate.models import GenerationRequest, MessageOrigin
from annotate.services.generation import cancel_requests, retry_requests
from annotate.services.generation_queue import LOST_LIMIT, hand_back, hold_requests, sweep_lost_requests
from annotate.services.generation_results import settle_request
from annotate.services.people import create_user
from tasks.vocabulary import GenerationOutcome, RequestState
from tests.asked import answer, ask, claim, failure, make_local, make_network
from tests.opinions import NOW, make_campaign, make_prompt

pytestmark = pytest.mark.django_db

STEPS = 100
WORDS = [
    "birds",
    "sing",
    "dawn",
    "fields",
    "mates",
    "rivals",
    "storms",
    "feathers",
    "nests",
    "rivers",
    "worms",
    "foxes",
    "owls",
    "branches",
    "clouds",
]
AGAIN = (RequestState.FAILED, RequestState.SET_ASIDE, RequestState.CANCELLED)
FAILURES = [outcome for outcome in GenerationOutcome if outcome not in ("stored", "duplicate_text", "worker_lost")]


class History:
    """A queue of two generators, and workers that come and go. `held`: what each living claim holds."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.now = NOW
        self.campaign = make_campaign(redraws=self.dice.randint(0, 2))
        self.organizer = create_user(email="olga@example.org", now=NOW)
        prompts = [make_prompt(self.campaign, text) for text in ("Why do birds sing?", "Why do fish swim?")]
        self.local = make_local(campaign=self.campaign)
        self.network = make_network(campaign=self.campaign, max_concurrent=3)
        for prompt in prompts:
            for generator in (self.local, self.network):
                ask(prompt, generator, count=4)
        self.held: dict = {}

    def claim(self) -> None:
        generator = self.dice.choice((self.local, self.network))
        found = claim(generator, limit=self.dice.randint(1, 5), now=self.now, turn=self.dice.randint(0, 1))
        if found is not None:
            mine = set(found.request_ids)
            others = {one for _, requests in self.held.values() for one in requests}
            assert not mine & others, "a request is held twice"
            assert not found.is_alone or len(mine) == 1
            self.held[found.token] = (found, mine)

    def settle(self) -> None:
        if not self.held:
            return
        token, (found, mine) = self.dice.choice(list(self.held.items()))
        request_id = self.dice.choice(found.request_ids)
        result = self._draw(request_id)
        state = settle_request(token=token, result=result, now=self.now)
        assert (state is not None) == (request_id in mine), "stored without a lease, or not stored with one"
        mine.discard(request_id)
        assert settle_request(token=token, result=result, now=self.now) is None

    def hold(self) -> None:
        for token, (_, mine) in self.held.items():
            assert hold_requests(token=token, now=self.now) == mine

    def give_back(self) -> None:
        if self.held:
            token = self.dice.choice(list(self.held))
            assert hand_back(token=token) == len(self.held.pop(token)[1])

    def die(self) -> None:
        """All workers die; those who come next find what they left."""
        self.now += timedelta(minutes=5)
        lost = sum(len(mine) for _, mine in self.held.values())
        assert sweep_lost_requests(now=self.now) == lost
        for _, mine in self.held.values():
            mine.clear()

    def wait(self) -> None:
        self.hold()
        self.now += timedelta(seconds=self.dice.choice((1, 30, 59)))

    def call_off(self) -> None:
        cancel_requests(campaign=self.campaign, actor=self.organizer, now=self.now, generator_id=self.local.pk)
        for _, mine in self.held.values():
            mine -= set(GenerationRequest.objects.filter(state="cancelled").values_list("pk", flat=True))

    def try_again(self) -> None:
        retry_requests(campaign=self.campaign, actor=self.organizer, states=AGAIN)

    def _draw(self, request_id: int):
        cost = {"compute_seconds": 1.0, "completion_tokens": 5}
        if self.dice.random() < 0.5:
            return failure(request_id, self.dice.choice(FAILURES), **cost)
        return answer(request_id, " ".join(self.dice.sample(WORDS, self.dice.choice((1, 7)))), **cost)

    def check(self) -> None:
        rows = list(GenerationRequest.objects.all())
        told = list(MessageOrigin.objects.values_list("request_id", flat=True))
        assert sorted(told) == sorted(row.pk for row in rows if row.state == "done")
        for row in rows:
            assert (row.state == "running") == (row.lease_token is not None)
            assert (row.finished_at is None) == (row.state in ("queued", "running"))
            assert (
                row.losses < LOST_LIMIT
                or (row.state, row.losses) == ("set_aside", LOST_LIMIT)
                or row.state == "cancelled"
            )
        held = {one for _, mine in self.held.values() for one in mine}
        assert held == {row.pk for row in rows if row.state == "running"}
        assert sum(row.state == "running" and row.generator_id == self.network.pk for row in rows) <= 3


@pytest.mark.parametrize("seed", range(8))
def test_no_history_shares_doubles_or_loses_a_request(seed) -> None:
    history = History(seed)
    acts = [history.claim] * 5 + [history.settle] * 8 + [history.wait, history.give_back, history.die]
    acts += [history.hold, history.try_again] + ([history.call_off] if seed % 2 else [])
    for _ in range(STEPS):
        history.dice.choice(acts)()
        history.check()
    assert MessageOrigin.objects.exists()
