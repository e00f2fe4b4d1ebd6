"""The simulator's pages: a form before a parameter is changed, a list, and a report whose plots have tables."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from annotate.models import Campaign, Simulation
from annotate.web.plots import make_axis
from annotate.web.simulation_figures import draw_curve
from tasks.jobs import simulations
from tasks.jobs.simulations import run_simulations_job
from tests.loop import make_campaign, make_prompt
from tests.web.organizing import HTMX, come_as, read_form

pytestmark = pytest.mark.django_db

PAGE = "/campaigns/birds/coverage/simulations/"


@pytest.fixture
def campaign(monkeypatch) -> Campaign:
    monkeypatch.setattr(simulations, "SECONDS_BETWEEN_SIGNS", 0.05)
    campaign = make_campaign(languages=("en", "de"))
    for number in range(6):
        make_prompt(campaign, f"Prompt {number}", language="de" if number == 5 else "en")
    return campaign


@pytest.fixture
def olga(campaign) -> Client:
    return come_as("organizer", campaign)


def read(response) -> str:
    main = response.content.decode().split("<main", 1)[1]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main)))


def fill(olga: Client, **more: object) -> dict[str, object]:
    """The form as it comes, small, with some fields changed."""
    response = olga.get(PAGE)
    response.text = response.content.decode()
    return {**read_form(response), "annotators": "5", "days": "2", "runs": "2", **more}


def ask(olga: Client, **more: object) -> Simulation:
    response = olga.post(PAGE, fill(olga, **more))
    assert response.status_code == 302, read(response)
    found = Simulation.objects.latest("pk")
    assert response["Location"] == f"{PAGE}{found.pk}/"
    return found


@pytest.mark.parametrize("who", ["nobody", "annotator"])
def test_nobody_else_sees_it(campaign, who) -> None:
    response = come_as(who, campaign).get(PAGE)
    assert response.status_code in (302, 403)


def test_a_moderator_reads_and_does_not_ask(campaign, olga) -> None:
    ask(olga)
    mia = come_as("moderator", campaign)
    text = read(mia.get(PAGE))
    assert "Organizers ask for simulations." in text
    assert "waits its turn" in text
    assert mia.post(PAGE, {"policies": ["uniform"]}).status_code == 403
    assert Simulation.objects.count() == 1


def test_the_form_begins_with_the_campaign_as_it_is(olga) -> None:
    form = fill(olga)
    assert form["policies"] == ["coverage", "uniform"]
    assert form["parameters.redundancy"] == ["3"]
    assert form["parameters.match_people"] == ["on"]
    assert "On 6 prompts." in read(olga.get(PAGE))


def test_what_is_left_as_it_is_is_compared_alone(olga) -> None:
    asked = ask(olga).asked
    assert asked["arms"] == [{"policy": "coverage", "parameters": {}}, {"policy": "uniform", "parameters": {}}]
    assert (asked["annotators"], asked["days"], asked["runs"]) == (5, 2, 2)


def test_what_is_changed_is_imagined_beside_what_holds(olga, campaign) -> None:
    form = fill(olga, policies=["coverage"], **{"parameters.redundancy": "5", "parameters.stop_best": "0.9"})
    form.pop("parameters.match_people")
    olga.post(PAGE, form)
    assert Simulation.objects.get().asked["arms"] == [
        {"policy": "coverage", "parameters": {}},
        {"policy": "coverage", "parameters": {"redundancy": 5, "stop_best": 0.9, "match_people": False}},
    ]
    before = campaign.parameters
    campaign.refresh_from_db()
    assert campaign.parameters == before


def test_a_report_tells_every_figure_in_a_plot_and_in_a_table(olga) -> None:
    asked = ask(olga, **{"parameters.redundancy": "2"})
    run_simulations_job()
    response = olga.get(f"{PAGE}{asked.pk}/")
    html, text = response.content.decode(), read(response)
    assert "5 volunteers worked on 6 prompts" in text
    assert "Coverage, changed" in text
    assert "Changed: Judgments" in text or "Changed:" in text
    for title in (
        "How much is covered",
        "How sure the orders are",
        "The one furthest behind",
        "Who was asked",
        "At the end",
    ):
        assert title in text
    assert html.count('role="img"') == 6
    assert html.count("<details") >= 5
    report = Simulation.objects.get().report
    figure = report["arms"][1]["curve"][-1]["covered"]["mean"]
    assert f"{round(figure, 2):.2f}" in html.split('id="covered-t"', 1)[1].split("</table>", 1)[0]
    assert "The volunteers are made up." in text
    assert "assumed" in text


def test_while_it_waits_the_page_looks_again_and_stops_when_it_has_ended(olga) -> None:
    asked = ask(olga)
    page = f"{PAGE}{asked.pk}/"
    response = olga.get(page, headers={**HTMX, "HX-Target": "simulation"})
    assert (response.status_code, 'hx-trigger="every 3s"' in response.content.decode()) == (200, True)
    Simulation.objects.update(state="running", report={"progress": [1, 4], "attempts": 1})
    assert "It runs: 1 of 4 done." in read(olga.get(page))
    run_now = Simulation.objects.get()
    run_now.state, run_now.report = "queued", None
    run_now.save()
    run_simulations_job()
    response = olga.get(page, headers={**HTMX, "HX-Target": "simulation"})
    assert (response.status_code, "hx-get" in response.content.decode()) == (286, False)


def test_one_that_failed_says_why(olga) -> None:
    asked = ask(olga)
    Simulation.objects.update(state="failed", reason="took_too_long")
    assert "It took longer than a simulation may." in read(olga.get(f"{PAGE}{asked.pk}/"))


def test_one_that_waits_can_be_stopped(olga) -> None:
    asked = ask(olga)
    response = olga.post(f"{PAGE}{asked.pk}/stop/", follow=True)
    assert "The simulation is stopped." in response.content.decode()
    assert Simulation.objects.get().state == "failed"
    assert olga.post(f"{PAGE}{asked.pk}/stop/").status_code == 409


def test_one_that_is_not_there_is_said(olga) -> None:
    assert olga.get(f"{PAGE}999/").status_code == 404


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"annotators": "0"}, "Write a whole number from 1 to 2,000."),
        ({"annotators": "many"}, "Write a whole number from 1 to 2,000."),
        ({"days": "91"}, "Write a whole number from 1 to 90."),
        ({"parameters.redundancy": "0"}, "Write a whole number from 1 to 100."),
        ({"parameters.min_judgments": "9", "parameters.max_judgments": "4"}, "This must be at least as many"),
        ({"annotators": "2000", "days": "90", "runs": "10"}, "That is too much for one simulation"),
        (
            {
                "policies": ["coverage", "uniform", "uncertainty", "round_robin", "open_assistant"],
                "parameters.redundancy": "4",
            },
            "At most 8 ways are compared at once.",
        ),
    ],
)
def test_what_cannot_be_imagined_is_refused_at_its_field_and_the_rest_is_kept(olga, more, sentence) -> None:
    response = olga.post(PAGE, fill(olga, **more))
    text = read(response)
    assert (response.status_code, sentence in text) == (422, True), text
    assert not Simulation.objects.exists()
    response.text = response.content.decode()
    assert read_form(response)["runs"] == [str(more.get("runs", "2"))]


def test_too_many_at_once_are_refused_on_the_page(olga) -> None:
    for _ in range(3):
        ask(olga)
    response = olga.post(PAGE, fill(olga))
    assert response.status_code == 409
    assert "Other simulations are still waiting." in read(response)


def test_a_campaign_without_candidates_is_told_what_to_do() -> None:
    campaign = make_campaign()
    text = read(come_as("organizer", campaign).get(PAGE))
    assert "There is nothing to put in order yet" in text
    assert "Bring some in" in text


@pytest.mark.parametrize("many", [1, 3])
def test_the_list_takes_as_many_queries_for_many_as_for_few(olga, django_assert_num_queries, many) -> None:
    for _ in range(many):
        ask(olga)
    with django_assert_num_queries(4):
        assert read(olga.get(PAGE)).count("waits its turn") == many


def test_where_trees_grow_the_form_says_that_it_begins_with_nothing_and_tries_how_they_grow(campaign, olga) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(
        kinds=["write_prompt", "write_assistant_reply", "label", "rank"],
        parameters={**campaign.parameters, "grow_trees": True},
    )
    text = read(olga.get(PAGE))
    assert "They begin with nothing but your briefs" in text
    assert "On 6 prompts." not in text
    asked = ask(olga, policies=["coverage"], **{"parameters.goal_tree_size": "4"})
    assert [arm["parameters"] for arm in asked.asked["arms"]] == [{}, {"goal_tree_size": 4}]


def test_a_report_on_growing_trees_tells_what_was_done_and_what_it_takes(campaign, olga) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(
        kinds=["write_prompt", "write_assistant_reply", "label", "rank"],
        parameters={**campaign.parameters, "grow_trees": True, "active_trees": 2, "waiting_prompts": 1},
    )
    asked = ask(olga, annotators="20", days="3", policies=["coverage", "uniform"])
    run_simulations_job()
    response = olga.get(f"{PAGE}{asked.pk}/")
    html, text = response.content.decode(), read(response)
    assert "20 volunteers let trees grow from nothing for 3 days, 2 times with other dice" in text
    for words in (
        "Trees that are done",
        "Accepted messages",
        "What was done",
        "Across: pieces of work.",
        "It begins with nothing",
    ):
        assert words in text
    assert html.count('role="img"') == 5
    report = Simulation.objects.get().report
    done = round(report["arms"][0]["kinds"]["label"]["mean"])
    assert f"{done:,}" in html.split('aria-labelledby="kinds-h"', 1)[1].split("</table>", 1)[0]
    assert "0.75" in html.split('aria-labelledby="minutes-h"', 1)[1]


def test_more_than_can_be_grown_at_once_is_refused_with_a_sentence(campaign, olga) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(
        kinds=["write_prompt", "label"], parameters={**campaign.parameters, "grow_trees": True}
    )
    response = olga.post(PAGE, fill(olga, annotators="2000", days="30"))
    assert response.status_code == 422
    assert "150,000 pieces of work in each repetition where trees grow" in read(response)
    assert not Simulation.objects.exists()


@pytest.mark.parametrize(("most", "labels"), [(0.13, ["0.00", "0.10", "0.20"]), (0.6, ["0.00", "0.50", "1.00"])])
def test_a_plot_begins_at_nothing_and_ends_just_above_what_it_shows(most, labels) -> None:
    def figure(mean: float, high: float | None = None) -> dict[str, float | None]:
        return {"mean": mean, "low": None if high is None else 0.0, "high": high}

    curve = [
        {"judgments": figure(0.0), "covered": figure(0.0)},
        {"judgments": figure(9.0), "covered": figure(0.1, most)},
    ]
    arms = [{"curve": curve, "end": {"covered": figure(0.1, most)}}]
    drawn = draw_curve(arms, "covered", make_axis([], low=0, high=9, step=3))
    assert [level["label"] for level in drawn["levels"]] == labels
    first, last = (float(point.partition(",")[2]) for point in drawn["lines"][0]["line"].split())
    assert (first, drawn["levels"][0]["y"], drawn["levels"][-1]["y"]) == (drawn["height"], drawn["height"], 0)
    assert last == pytest.approx(drawn["height"] * (1 - 0.1 / float(labels[-1])), abs=0.1)
    assert drawn["lines"][0]["spans"].count("M") == 1
