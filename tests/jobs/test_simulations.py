"""Simulations that wait are run by a worker, behind other work; what goes wrong stands on their row."""

from __future__ import annotations

import pytest
from django.utils import timezone

from annotate.models import Campaign, Simulation, Unit
from annotate.services.simulations import request_simulation, stop_simulation
from tasks.jobs import simulations
from tasks.jobs.policy import POLICIES
from tasks.jobs.simulations import run_simulations_job
from tasks.records.simulations import Arm, SimulationPlan
from tasks.vocabulary import JobName
from tests.growing import make_growing
from tests.loop import make_campaign, make_prompt

pytestmark = pytest.mark.django_db

PLAN = SimulationPlan((Arm("coverage"), Arm("uniform")), annotators=5, days=2, runs=2, seed=3)


@pytest.fixture
def campaign(monkeypatch) -> Campaign:
    monkeypatch.setattr(simulations, "SECONDS_BETWEEN_SIGNS", 0.05)
    campaign = make_campaign()
    for number in range(6):
        make_prompt(campaign, f"Prompt {number}")
    return campaign


def request(campaign: Campaign) -> Simulation:
    return request_simulation(campaign=campaign, plan=PLAN, actor=None, now=timezone.now())


def test_what_waits_is_run_and_changes_nothing_of_the_campaign(campaign) -> None:
    before = list(Unit.objects.order_by("pk").values())
    asked = request(campaign)
    run_simulations_job()
    asked.refresh_from_db()
    assert (asked.state, asked.reason) == ("done", "")
    assert [arm["name"] for arm in asked.report["arms"]] == ["coverage", "uniform"]
    assert asked.report["prompts"] == 6
    assert list(Unit.objects.order_by("pk").values()) == before


def test_the_same_is_found_when_it_is_run_again_and_a_doubled_message_finds_nothing(campaign) -> None:
    first, second = request(campaign), request(campaign)
    run_simulations_job()
    run_simulations_job()
    run_simulations_job()
    found = [Simulation.objects.get(pk=one.pk) for one in (first, second)]
    assert [one.state for one in found] == ["done", "done"]
    # How long prompts wait goes on meanwhile; how the volunteers come does not depend on it.
    assert found[0].report["volunteers"] == found[1].report["volunteers"]
    assert found[0].report["arms"][1]["curve"][-1]["covered"] == found[1].report["arms"][1]["curve"][-1]["covered"]


def test_what_breaks_off_says_so_and_the_next_one_runs(campaign, monkeypatch) -> None:
    first, second = request(campaign), request(campaign)
    compare = simulations.compare_arms

    def break_off(*given, **named):
        raise ArithmeticError("no")

    monkeypatch.setattr(simulations, "compare_arms", break_off)
    run_simulations_job()
    monkeypatch.setattr(simulations, "compare_arms", compare)
    run_simulations_job()
    assert list(Simulation.objects.order_by("pk").values_list("pk", "state", "reason")) == [
        (first.pk, "failed", "broken"),
        (second.pk, "done", ""),
    ]


def test_one_that_takes_too_long_is_ended(campaign, monkeypatch) -> None:
    asked = request(campaign)
    monkeypatch.setattr(simulations, "LONGEST_SECONDS", -1.0)
    monkeypatch.setattr(simulations, "SECONDS_BETWEEN_SIGNS", 0.0)
    run_simulations_job()
    asked.refresh_from_db()
    assert (asked.state, asked.reason, asked.report) == ("failed", "took_too_long", None)


def test_when_time_is_over_the_report_is_of_the_repetitions_that_were_made(campaign, monkeypatch) -> None:
    asked = request(campaign)
    monkeypatch.setattr(simulations, "ENOUGH_SECONDS", -1.0)
    run_simulations_job()
    asked.refresh_from_db()
    assert (asked.state, asked.report["asked"]["runs"], asked.report["runs"]) == ("done", 2, 1)
    assert {arm["end"]["judgments"]["n"] for arm in asked.report["arms"]} == {1}


def test_one_holds_a_process_of_the_worker_for_minutes_at_most() -> None:
    policy = POLICIES[JobName.RUN_SIMULATIONS]
    assert simulations.ENOUGH_SECONDS < simulations.LONGEST_SECONDS < policy.soft_limit <= 300


def test_one_that_is_stopped_while_it_runs_lets_go(campaign, monkeypatch) -> None:
    asked = request(campaign)
    monkeypatch.setattr(simulations, "SECONDS_BETWEEN_SIGNS", 0.0)
    renew = simulations.renew_simulation

    def stop_and_renew(**given):
        Simulation.objects.filter(state="running").exists() and stop_simulation(
            campaign=campaign, simulation_id=asked.pk, now=timezone.now()
        )
        return renew(**given)

    monkeypatch.setattr(simulations, "renew_simulation", stop_and_renew)
    run_simulations_job()
    asked.refresh_from_db()
    assert (asked.state, asked.reason) == ("failed", "stopped")


def test_a_campaign_that_lost_its_prompts_meanwhile_is_told(campaign) -> None:
    asked = request(campaign)
    Unit.objects.update(is_open=False)
    run_simulations_job()
    asked.refresh_from_db()
    assert (asked.state, asked.reason) == ("failed", "nothing_to_rank")


def test_where_trees_grow_it_is_imagined_from_nothing(monkeypatch) -> None:
    monkeypatch.setattr(simulations, "SECONDS_BETWEEN_SIGNS", 0.05)
    asked = request(make_growing())
    run_simulations_job()
    asked.refresh_from_db()
    assert (asked.state, asked.reason) == ("done", "")
    assert asked.report["grows"]
    assert asked.report["runs"] == 2
    assert asked.report["arms"][0]["kinds"]["write_prompt"]["mean"] > 0


def test_a_growing_campaign_stops_beginning_repetitions_when_time_is_over(monkeypatch) -> None:
    monkeypatch.setattr(simulations, "SECONDS_BETWEEN_SIGNS", 0.05)
    monkeypatch.setattr(simulations, "ENOUGH_SECONDS", -1.0)
    asked = request(make_growing())
    run_simulations_job()
    asked.refresh_from_db()
    assert (asked.state, asked.report["runs"]) == ("done", 1)
