"""Organizers ask for candidates, see what came of it, call it off and try again."""

from __future__ import annotations

import pytest
from django.utils import timezone

from annotate.models import CampaignGenerator, GenerationRequest, Generator, Membership
from tests.api.conftest import API
from tests.opinions import NOW, make_campaign, make_prompt

pytestmark = pytest.mark.django_db

NONE = {"queued": 0, "running": 0, "done": 0, "failed": 0, "cancelled": 0, "set_aside": 0}
IDLE = {
    "hour": 0,
    "day": 0,
    "failed": 0,
    "redrawn": 0,
    "is_whole": True,
    "seconds_per_candidate": None,
    "tokens_per_second": None,
    "failures": {},
    "waits": {},
}


@pytest.fixture
def campaign():
    return make_campaign()


@pytest.fixture
def generator(campaign):
    generator = Generator.objects.create(
        name="small", engine="openai", endpoint="http://127.0.0.1:9/v1", model="small-1"
    )
    CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=2)
    return generator


@pytest.fixture
def prompts(campaign):
    return [make_prompt(campaign, text) for text in ("Why do birds sing?", "Why do fish swim?")]


@pytest.fixture
def organizer(campaign, make_client):
    client = make_client("olga", scopes=("organize",))
    Membership.objects.create(campaign=campaign, user=client.owner, role="organizer")
    return client


def act(client, what: str = "", **body) -> tuple[int, dict]:
    response = client.post(f"{API}campaigns/birds/generation/{what}", body, format="json")
    return response.status_code, response.json()


def look(client, what: str = "", **query) -> dict:
    return client.get(f"{API}campaigns/birds/generation/{what}", query).json()


def test_what_is_missing_is_asked_for_once(organizer, generator, prompts) -> None:
    assert [act(organizer), act(organizer)] == [(202, {"requests": 4}), (202, {"requests": 0})]
    assert look(organizer) == {
        "generators": [
            {
                "id": generator.pk,
                "name": "small",
                "engine": "openai",
                "model": "small-1",
                "enabled": True,
                "samples": 2,
                "problem": "",
                "waits_until": None,
                "requests": {**NONE, "queued": 4},
                "figures": IDLE,
            }
        ],
        "seconds_left": None,
        "problems": [],
    }


def test_one_prompt_may_be_asked_about(organizer, generator, prompts) -> None:
    assert act(organizer, parents=[prompts[1].pk]) == (202, {"requests": 2})
    assert set(GenerationRequest.objects.values_list("parent_id", flat=True)) == {prompts[1].pk}


def test_a_prompt_of_another_campaign_is_not_found(organizer, generator, prompts) -> None:
    foreign = make_prompt(make_campaign("fish"), "Why do fish swim?")
    status, answer = act(organizer, parents=[prompts[0].pk, foreign.pk])
    assert (status, answer["error"]["code"], answer["error"]["details"]) == (
        404,
        "message_not_found",
        {"parents": [foreign.pk]},
    )
    assert not GenerationRequest.objects.exists()


def test_what_failed_is_told_with_its_reason(organizer, generator, prompts) -> None:
    act(organizer)
    one, two, *_ = GenerationRequest.objects.order_by("pk")
    for request, state in ((one, "failed"), (two, "set_aside")):
        GenerationRequest.objects.filter(pk=request.pk).update(
            state=state, outcome="server_error", reason="The server failed (500).", attempts=5, finished_at=NOW
        )
    told = look(organizer)
    assert told["generators"][0]["requests"] == {**NONE, "queued": 2, "failed": 1, "set_aside": 1}
    assert [problem["id"] for problem in told["problems"]] == [two.pk, one.pk]
    assert told["problems"][1] == {
        "id": one.pk,
        "generator": "small",
        "parent": one.parent_id,
        "sample_index": one.sample_index,
        "state": "failed",
        "outcome": "server_error",
        "reason": "The server failed (500).",
        "attempts": 5,
        "finished_at": "2026-05-04T12:00:00Z",
    }
    page = look(organizer, "problems/", limit=1)
    assert [problem["id"] for problem in page["results"]] == [two.pk]
    assert look(organizer, "problems/", cursor=page["next"])["results"] == [told["problems"][1]]


def test_how_fast_it_goes_and_how_long_the_rest_takes_are_told(organizer, generator, prompts) -> None:
    act(organizer)
    Generator.objects.update(problem="The model does not fit.")
    one, *_ = GenerationRequest.objects.order_by("pk")
    done = {"state": "done", "outcome": "stored", "compute_seconds": 1.5, "completion_tokens": 30}
    GenerationRequest.objects.filter(pk=one.pk).update(**done, finished_at=timezone.now())
    told = look(organizer)
    assert told["generators"][0]["problem"] == "The model does not fit."
    assert told["generators"][0]["figures"] == {
        **IDLE,
        "hour": 1,
        "day": 1,
        "seconds_per_candidate": 1.5,
        "tokens_per_second": 20.0,
    }
    assert told["seconds_left"] == 3 * 3600


def test_what_a_generator_did_for_another_campaign_is_not_told(organizer, generator, prompts) -> None:
    act(organizer)
    foreign = make_prompt(make_campaign("fish"), "Why do fish swim?")
    done = {"state": "done", "outcome": "stored", "finished_at": timezone.now()}
    GenerationRequest.objects.create(parent=foreign, generator=generator, sample_index=0, **done)
    GenerationRequest.objects.create(
        parent=foreign, generator=generator, sample_index=1, state="failed", outcome="empty"
    )
    assert look(organizer)["generators"][0]["figures"] == IDLE


def test_nothing_that_waits_takes_no_time(organizer, generator) -> None:
    assert look(organizer)["seconds_left"] == 0


def test_requests_are_called_off_and_tried_again(organizer, generator, prompts) -> None:
    act(organizer)
    GenerationRequest.objects.filter(parent=prompts[0]).update(state="failed")
    assert act(organizer, "cancel/", generator=generator.pk + 1) == (200, {"requests": 0})
    assert act(organizer, "cancel/", generator=generator.pk) == (200, {"requests": 2})
    failed = GenerationRequest.objects.filter(state="failed").order_by("pk")
    assert act(organizer, "retry/", requests=[failed[0].pk]) == (200, {"requests": 1})
    assert act(organizer, "retry/") == (200, {"requests": 1})
    assert act(organizer, "retry/", cancelled=True) == (200, {"requests": 2})
    assert look(organizer)["generators"][0]["requests"] == {**NONE, "queued": 4}


@pytest.mark.parametrize("state", ["paused", "closed"])
def test_nothing_is_asked_for_a_campaign_that_does_not_run(organizer, campaign, generator, prompts, state) -> None:
    campaign.state = state
    campaign.save()
    for what in ("", "retry/"):
        status, answer = act(organizer, what)
        assert (status, answer["error"]["code"]) == (409, "campaign_not_open")


def test_a_campaign_without_generators_says_so(organizer, campaign, prompts) -> None:
    status, answer = act(organizer)
    assert (status, answer["error"]["code"]) == (409, "no_generator")


@pytest.mark.parametrize("what", ["", "cancel/", "retry/"])
def test_only_organizers_decide(campaign, generator, prompts, make_client, what) -> None:
    moderator = make_client("mo")
    Membership.objects.create(campaign=campaign, user=moderator.owner, role="moderator")
    assert (act(moderator, what)[0], moderator.get(f"{API}campaigns/birds/generation/").status_code) == (403, 200)


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("", {"parents": []}),
        ("", {"parents": ["1"]}),
        ("", {"parents": [0]}),
        ("", {"prompts": [1]}),
        ("cancel/", {"generator": "small"}),
        ("retry/", {"requests": [-1]}),
        ("retry/", {"cancelled": "yes"}),
    ],
)
def test_wrong_input_is_refused(organizer, generator, prompts, what, body) -> None:
    status, answer = act(organizer, what, **body)
    assert (status, answer["error"]["code"]) == (422, "invalid_input")
