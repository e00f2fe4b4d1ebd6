"""Simulations over the API: who may ask for them, what is refused, and what is told."""

from __future__ import annotations

import pytest

from annotate.models import Campaign, Membership, Simulation
from tasks.jobs import simulations
from tasks.jobs.simulations import run_simulations_job
from tests.api.conftest import API
from tests.api.helpers import details, refusal
from tests.loop import make_campaign, make_prompt

pytestmark = pytest.mark.django_db

LIST = f"{API}campaigns/birds/simulations/"
SMALL = {"policies": ["coverage", "uniform"], "annotators": 5, "days": 2, "runs": 2}


@pytest.fixture
def campaign() -> Campaign:
    campaign = make_campaign()
    for number in range(5):
        make_prompt(campaign, f"Prompt {number}")
    return campaign


@pytest.fixture
def organizer(campaign, make_client):
    client = make_client("olga", scopes=("organize",))
    Membership.objects.create(campaign=campaign, user=client.owner, role="organizer")
    return client


@pytest.fixture
def moderator(campaign, make_client):
    client = make_client("mia", scopes=("organize",))
    Membership.objects.create(campaign=campaign, user=client.owner, role="moderator")
    return client


def start(client, **body) -> dict:
    answer = client.post(LIST, {**SMALL, **body}, format="json")
    assert answer.status_code == 202, answer.content
    return answer.json()


def test_it_is_asked_for_and_read_when_it_is_done(organizer, monkeypatch) -> None:
    monkeypatch.setattr(simulations, "SECONDS_BETWEEN_SIGNS", 0.05)
    asked = start(organizer, parameters={"redundancy": [2]})
    assert (asked["state"], asked["report"], asked["progress"], asked["reason"]) == ("queued", None, None, "")
    assert asked["asked"]["arms"] == [
        {"policy": "coverage", "parameters": {"redundancy": 2}},
        {"policy": "uniform", "parameters": {"redundancy": 2}},
    ]
    run_simulations_job()
    done = organizer.get(f"{LIST}{asked['id']}/").json()
    assert (done["state"], done["progress"], done["report"]["prompts"]) == ("done", None, 5)
    assert [arm["name"] for arm in done["report"]["arms"]] == ["coverage, redundancy=2", "uniform, redundancy=2"]


def test_the_list_has_the_newest_first_and_no_reports(organizer) -> None:
    first, second = start(organizer), start(organizer)
    Simulation.objects.filter(pk=first["id"]).update(state="failed", reason="took_too_long")
    rows = organizer.get(LIST).json()["results"]
    assert [(row["id"], row["state"], row["reason"]) for row in rows] == [
        (second["id"], "queued", ""),
        (first["id"], "failed", "took_too_long"),
    ]
    assert rows[1]["explanation"].startswith("It took longer")
    assert "report" not in rows[0]


@pytest.mark.parametrize("many", [1, 3])
def test_the_list_takes_as_many_queries_for_many_as_for_few(organizer, django_assert_num_queries, many) -> None:
    for _ in range(many):
        start(organizer)
    with django_assert_num_queries(3):
        assert len(organizer.get(LIST).json()["results"]) == many


def test_one_that_waits_can_be_stopped_once(organizer) -> None:
    asked = start(organizer)
    assert organizer.post(f"{LIST}{asked['id']}/stop/").json()["reason"] == "stopped"
    assert refusal(organizer.post(f"{LIST}{asked['id']}/stop/")) == (409, "simulation_ended")


def test_one_that_runs_tells_how_far_it_is(organizer) -> None:
    asked = start(organizer)
    Simulation.objects.filter(pk=asked["id"]).update(state="running", report={"progress": [1, 4], "attempts": 1})
    told = organizer.get(f"{LIST}{asked['id']}/").json()
    assert (told["progress"], told["report"]) == ([1, 4], None)


def test_moderators_read_and_do_not_ask(organizer, moderator) -> None:
    asked = start(organizer)
    assert moderator.get(LIST).status_code == 200
    assert moderator.get(f"{LIST}{asked['id']}/").status_code == 200
    assert refusal(moderator.post(LIST, SMALL, format="json"))[0] == 403
    assert refusal(moderator.post(f"{LIST}{asked['id']}/stop/"))[0] == 403


def test_nobody_else_sees_any_of_it(organizer, make_client) -> None:
    asked = start(organizer)
    ada = make_client("ada", scopes=("organize",))
    for answer in (ada.get(LIST), ada.get(f"{LIST}{asked['id']}/"), ada.post(LIST, SMALL, format="json")):
        assert refusal(answer)[0] == 403


def test_one_of_another_campaign_is_not_found(organizer) -> None:
    other = make_campaign(slug="cats")
    make_prompt(other, "Why do cats purr?")
    strange = Simulation.objects.create(campaign=other, asked={})
    assert refusal(organizer.get(f"{LIST}{strange.pk}/")) == (404, "simulation_not_found")
    assert refusal(organizer.post(f"{LIST}{strange.pk}/stop/")) == (404, "simulation_not_found")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"annotators": 2001}, "annotators"),
        ({"policies": ["best"]}, "policies"),
        ({"parameters": {"redundancy": [0]}}, "parameters.redundancy"),
        ({"parameters": {"redundancy": [[1], {"a": 1}]}}, "parameters.redundancy"),
        ({"parameters": {"colour": [1]}}, "parameters.colour"),
        ({"parameters": {"redundancy": []}}, "arms"),
        ({"parameters": {"redundancy": [1, 2, 3], "wait_days": [1, 2, 3]}}, "arms"),
        ({"annotators": 2000, "days": 90, "runs": 10}, "annotators"),
    ],
)
def test_what_cannot_be_imagined_is_refused_at_its_place(organizer, body, place) -> None:
    answer = organizer.post(LIST, {**SMALL, **body}, format="json")
    assert answer.status_code == 422
    assert place in details(answer)
    assert not Simulation.objects.exists()


def test_a_campaign_without_anything_to_put_in_order_says_so(campaign, organizer) -> None:
    empty = make_campaign(slug="cats")
    Membership.objects.create(campaign=empty, user=organizer.owner, role="organizer")
    assert refusal(organizer.post(f"{API}campaigns/cats/simulations/", SMALL, format="json")) == (
        409,
        "nothing_to_rank",
    )
