"""Simulations as rows: asked for within bounds, one at a time, stopped by hand; and the campaign that they start from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotate.access import Actor
from annotate.exceptions import Conflict, InvalidInput, NotFound
from annotate.models import (
    Campaign,
    CoverageCell,
    Judgment,
    Message,
    MessageTree,
    PromptPlace,
    Simulation,
    Stratum,
    Unit,
)
from annotate.queries.simulations import load_simulated, tell_failure
from annotate.services.simulations import (
    LEASE_SECONDS,
    MOST_OF_ONE,
    MOST_OF_PERSON,
    claim_simulation,
    fail_simulation,
    finish_simulation,
    renew_simulation,
    request_simulation,
    stop_simulation,
)
from tasks.records.simulations import Arm, SimulationPlan, WorkUnit
from tests.loop import ask, make_annotator, make_campaign, make_prompt, ranking_of, submit

pytestmark = pytest.mark.django_db

PLAN = SimulationPlan((Arm("coverage"), Arm("uniform")), annotators=5, days=2, runs=1, seed=3)
NOW = timezone.now()


@pytest.fixture
def campaign() -> Campaign:
    campaign = make_campaign(languages=("en", "de"))
    make_prompt(campaign, "Why do birds sing?", replies=3, topic="birds")
    make_prompt(campaign, "x" * 500, replies=2, language="de")
    return campaign


def make_ordered(slug: str) -> Campaign:
    campaign = make_campaign(slug=slug)
    make_prompt(campaign, f"What of {slug}?", replies=2)
    return campaign


def request(campaign: Campaign, plan: SimulationPlan = PLAN) -> Simulation:
    return request_simulation(campaign=campaign, plan=plan, actor=None, now=NOW)


def test_a_simulation_starts_from_what_the_campaign_asks_for_now(campaign) -> None:
    Stratum.objects.filter(topic="birds").update(target=40)
    ada = make_annotator(languages=("en", "de"))
    given = ask(ada, campaign, languages=["en"])["assignment"]
    submit(ada, given["id"], ranking_of(given, active_seconds=50))
    now = Judgment.objects.get().created_at + timedelta(hours=1)
    loaded = load_simulated(campaign=campaign, now=now)
    assert (loaded.title, loaded.languages, loaded.targets) == ("Birds", ("en", "de"), {("en", "birds"): 40})
    units = sorted((replace(unit, waited=0.0) for unit in loaded.units), key=lambda unit: unit.language)
    assert units == [
        WorkUnit("de", 500, 2, target_topic=""),
        WorkUnit("en", 18, 3, topic="birds", done=1, target_topic="birds"),
    ]
    (person,) = loaded.past.people
    assert (person.languages, person.judgments, person.sharpness, person.is_spam) == (("de", "en"), (0.0,), None, False)
    assert (loaded.past.seconds, loaded.past.minutes) == ((50.0,), 60.0)


def test_what_a_campaign_starts_from_takes_as_many_queries_for_many_as_for_few(
    campaign, django_assert_num_queries
) -> None:
    with django_assert_num_queries(4):
        load_simulated(campaign=campaign, now=NOW)
    for number in range(5):
        make_prompt(campaign, f"Prompt {number}", language="en")
    with django_assert_num_queries(4):
        assert len(load_simulated(campaign=campaign, now=NOW).units) == 7


def test_it_waits_until_a_worker_takes_it_and_ends_with_its_report(campaign) -> None:
    asked = request(campaign)
    assert (asked.state, SimulationPlan.from_json(asked.asked)) == ("queued", PLAN)
    claimed = claim_simulation(now=NOW)
    assert claimed.pk == asked.pk
    assert renew_simulation(claimed=claimed, progress=(1, 2), now=NOW)
    asked.refresh_from_db()
    assert (asked.state, asked.report["progress"]) == ("running", [1, 2])
    assert finish_simulation(claimed=claimed, report={"version": 1}, now=NOW)
    asked.refresh_from_db()
    assert (asked.state, asked.report, asked.lease_expires_at) == ("done", {"version": 1}, None)


def test_one_runs_at_a_time_and_the_oldest_first(campaign) -> None:
    first, second = request(campaign), request(campaign)
    claimed = claim_simulation(now=NOW)
    assert claimed.pk == first.pk
    assert claim_simulation(now=NOW) is None
    finish_simulation(claimed=claimed, report={}, now=NOW)
    assert claim_simulation(now=NOW).pk == second.pk


def test_one_whose_worker_died_is_begun_anew_and_given_up_the_third_time(campaign) -> None:
    asked = request(campaign)
    later = NOW
    for _ in range(2):
        assert claim_simulation(now=later).pk == asked.pk
        later += timedelta(seconds=LEASE_SECONDS + 1)
    assert claim_simulation(now=later) is None
    asked.refresh_from_db()
    assert (asked.state, asked.reason) == ("failed", "worker_lost")


def test_whoever_lost_the_lease_stores_nothing(campaign) -> None:
    request(campaign)
    slow = claim_simulation(now=NOW)
    quick = claim_simulation(now=NOW + timedelta(seconds=LEASE_SECONDS + 1))
    assert not renew_simulation(claimed=slow, progress=(1, 2), now=NOW)
    assert not finish_simulation(claimed=slow, report={"whose": "slow"}, now=NOW)
    assert finish_simulation(claimed=quick, report={"whose": "quick"}, now=NOW)
    assert Simulation.objects.get().report == {"whose": "quick"}


def test_one_that_waits_or_runs_can_be_stopped_once(campaign) -> None:
    asked = request(campaign)
    claimed = claim_simulation(now=NOW)
    assert stop_simulation(campaign=campaign, simulation_id=asked.pk, now=NOW).state == "failed"
    assert not renew_simulation(claimed=claimed, progress=(1, 2), now=NOW)
    assert not fail_simulation(claimed=claimed, reason="broken", now=NOW)
    with pytest.raises(Conflict) as refusal:
        stop_simulation(campaign=campaign, simulation_id=asked.pk, now=NOW)
    assert refusal.value.code == "simulation_ended"
    assert tell_failure(Simulation.objects.get().reason).startswith("It was stopped.")


def test_one_of_another_campaign_is_not_there_to_be_stopped(campaign) -> None:
    asked = request(campaign)
    with pytest.raises(NotFound) as refusal:
        stop_simulation(campaign=make_campaign(slug="cats"), simulation_id=asked.pk, now=NOW)
    assert refusal.value.code == "simulation_not_found"
    assert Simulation.objects.get().state == "queued"


def test_few_may_wait_at_once(campaign) -> None:
    for _ in range(MOST_OF_ONE):
        request(campaign)
    with pytest.raises(Conflict) as refusal:
        request(campaign)
    assert refusal.value.code == "too_many_simulations"


def test_whoever_waits_for_many_keeps_nobody_else_waiting(campaign) -> None:
    ada, ben = (Actor(user=make_annotator(name).user, scopes=None) for name in ("ada", "ben"))
    campaigns = [campaign, *(make_ordered(slug) for slug in ("cats", "dogs", "hens"))]

    def ask(where: Campaign, who: Actor) -> Simulation:
        return request_simulation(campaign=where, plan=PLAN, actor=who, now=NOW)

    for number in range(MOST_OF_PERSON):
        ask(campaigns[number % 3], ada)
    with pytest.raises(Conflict) as refusal:
        ask(campaigns[3], ada)
    assert refusal.value.code == "too_many_simulations"
    assert refusal.value.message.startswith("Simulations of yours")
    assert ask(campaigns[3], ben).state == "queued"
    # However many wait of others.
    Simulation.objects.bulk_create(
        Simulation(campaign=make_campaign(slug=f"c{number}"), asked=PLAN.as_json()) for number in range(25)
    )
    assert ask(campaigns[3], ben).state == "queued"


def test_open_work_is_looked_at_once_and_before_the_campaign_is_locked(campaign) -> None:
    with CaptureQueriesContext(connection) as seen:
        request(campaign)
    statements = [query["sql"] for query in seen.captured_queries]
    looks = next(place for place, sql in enumerate(statements) if "annotate_unit u" in sql)
    locks = next(place for place, sql in enumerate(statements) if "FOR NO KEY UPDATE" in sql)
    assert "LIMIT 1)" in statements[looks]
    assert looks < locks


def test_nothing_to_put_in_order_is_said_at_once() -> None:
    with pytest.raises(Conflict) as refusal:
        request(make_campaign())
    assert refusal.value.code == "nothing_to_rank"


def test_what_cannot_be_imagined_is_refused_at_its_place(campaign) -> None:
    with pytest.raises(InvalidInput) as refusal:
        request(campaign, replace(PLAN, annotators=0, arms=(Arm("coverage", {"redundancy": 0}),)))
    assert refusal.value.code == "simulation_invalid"
    assert set(refusal.value.details) == {"annotators", "parameters.redundancy"}
    with pytest.raises(InvalidInput) as refusal:
        request(campaign, replace(PLAN, annotators=2000, days=90, runs=10))
    assert "more than the 3000000" in refusal.value.details["annotators"][0]
    assert not Simulation.objects.exists()


def test_old_ones_are_forgotten(campaign, monkeypatch) -> None:
    monkeypatch.setattr("annotate.services.simulations.MOST_KEPT", 2)
    for _ in range(4):
        request(campaign)
        finish_simulation(claimed=claim_simulation(now=NOW), report={}, now=NOW)
    assert Simulation.objects.count() == 2


def test_a_simulation_touches_nothing_of_the_campaign(campaign) -> None:
    before = list(Unit.objects.order_by("pk").values())
    request(campaign)
    claim_simulation(now=NOW)
    assert list(Unit.objects.order_by("pk").values()) == before


def test_prompts_lie_where_the_coverage_has_them_and_shares_are_those_of_its_cells(campaign) -> None:
    trees = {tree.language: tree for tree in MessageTree.objects.all()}
    for language, share in (("en", 0.75), ("de", 0.25)):
        cell = CoverageCell.objects.create(campaign=campaign, language=language, length="short", share=share, prompts=1)
        prompt = Message.objects.get(tree=trees[language], parent=None)
        PromptPlace.objects.create(message=prompt, campaign=campaign, tree=trees[language], cell=cell, placed_at=NOW)
    loaded = load_simulated(campaign=campaign, now=NOW)
    assert loaded.shares == {("en", "", "", "short"): 0.75, ("de", "", "", "short"): 0.25}
    assert {(unit.language, unit.topic, unit.target_topic) for unit in loaded.units} == {
        ("en", "", "birds"),
        ("de", "", ""),
    }
