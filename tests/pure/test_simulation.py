"""Imagined campaigns: the same dice give the same report, nothing is lost or counted twice, and all ways meet the same people."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tasks.records.simulations import SimulatedCampaign, SimulationPlan, WorkUnit
from tasks.scheduling.simulation.comparing import (
    Run,
    compare_arms,
    draw_run,
    find_judgments,
    settle,
    start_evidence,
    tell_mean,
    tell_share,
)
from tasks.scheduling.simulation.fitting import fit_profile
from tasks.scheduling.simulation.layout import lay_out
from tasks.scheduling.simulation.world import Outcome, World
from tasks.vocabulary import PolicyName
from tests.pure.simulated import make_campaign, make_past, make_plan

EVERY_POLICY = tuple(policy.value for policy in PolicyName)


def compare(campaign: SimulatedCampaign, plan: SimulationPlan) -> dict:
    report = compare_arms(campaign, plan, clock=lambda: 0.0, progress=lambda _done, _of: None)
    json.dumps(report, allow_nan=False)
    return report


def run_world(campaign: SimulatedCampaign, plan: SimulationPlan, *, arm: int = 0) -> Outcome:
    run = draw(campaign, plan)
    settings = settle(campaign.parameters, plan.arms[arm])
    evidence = start_evidence(run, settings)
    return World(run.layout, run.crowd, run.profile, run.sessions, evidence, settings, run.seed).run()


def draw(campaign: SimulatedCampaign, plan: SimulationPlan) -> Run:
    return draw_run(campaign, lay_out(campaign), fit_profile(campaign), plan, seed=plan.seed)


def test_the_same_seed_gives_the_same_report_and_another_one_another() -> None:
    campaign = make_campaign(60)
    first, again = (compare(campaign, make_plan("coverage", "uniform")) for _ in range(2))
    assert first == again
    other = compare(campaign, make_plan("coverage", "uniform", seed=2))
    assert first["arms"][0]["curve"] != other["arms"][0]["curve"]


@pytest.mark.parametrize("policy", EVERY_POLICY)
@pytest.mark.parametrize("matches", [True, False])
def test_every_judgment_is_counted_once(policy, matches) -> None:
    outcome = run_world(make_campaign(match_people=matches), make_plan(policy))
    tally, state = outcome.tally, outcome.state
    assert tally.submitted > 50
    assert tally.claims == tally.submitted + tally.skipped + tally.run_out + tally.under_way
    assert tally.submitted == len(outcome.units) == state.done.sum()
    assert Counter(outcome.units.tolist()) == {unit: done for unit, done in enumerate(state.done.tolist()) if done}
    assert (state.held >= 0).all()
    assert (state.done + state.held <= state.wanted).all()
    assert state.groups.sum() == tally.submitted


def test_nobody_judges_anything_twice_or_in_a_language_that_is_not_theirs() -> None:
    campaign, plan = make_campaign(), make_plan("coverage")
    outcome = run_world(campaign, plan)
    run = draw(campaign, plan)
    layout, crowd = run.layout, run.crowd
    pairs = set(zip(outcome.people.tolist(), outcome.units.tolist(), strict=True))
    assert len(pairs) == len(outcome.units)
    assert crowd.speaks[outcome.people, layout.language[outcome.units]].all()


def test_all_ways_of_a_run_meet_the_same_people_who_say_the_same() -> None:
    campaign, plan = make_campaign(), make_plan("coverage", "uniform")
    first, second = (run_world(campaign, plan, arm=arm) for arm in (0, 1))
    both = set(zip(first.people.tolist(), first.units.tolist(), strict=True)) & set(
        zip(second.people.tolist(), second.units.tolist(), strict=True)
    )
    people, units = (np.array(each) for each in zip(*sorted(both), strict=True))
    assert (first.evidence.rank(units, people)[0] == second.evidence.rank(units, people)[0]).all()


def test_ways_differ_by_their_policy_alone_and_are_told_against_the_first() -> None:
    report = compare(make_campaign(200), make_plan("uniform", "coverage", runs=3))
    uniform, coverage = report["arms"]
    assert [arm["name"] for arm in report["arms"]] == ["uniform", "coverage"]
    assert uniform["against_first"] is None
    difference = coverage["against_first"]["covered"]
    assert difference["mean"] == pytest.approx(
        coverage["end"]["covered"]["mean"] - uniform["end"]["covered"]["mean"], abs=1e-4
    )
    assert difference["low"] <= difference["mean"] <= difference["high"]
    assert [level["arms"][0]["ratio"]["mean"] for level in report["reached"]] == [1.0, 1.0, 1.0]


def test_covering_takes_fewer_judgments_by_coverage_than_by_chance() -> None:
    report = compare(make_campaign(400), make_plan("uniform", "coverage", annotators=40, runs=3))
    assert report["reached"][2]["arms"][1]["ratio"]["high"] < 1


def test_policies_get_the_same_work_done_where_there_is_time_for_all_of_it() -> None:
    campaign = make_campaign(10, languages=("en",))
    report = compare(campaign, make_plan(*EVERY_POLICY, annotators=60, days=10))
    assert [arm["end"]["finished"]["mean"] for arm in report["arms"]] == [1.0] * 5
    assert [arm["end"]["covered"]["mean"] for arm in report["arms"]] == [
        report["arms"][0]["end"]["covered"]["mean"]
    ] * 5


def test_certainty_ends_clear_orders_early_as_the_rule_says() -> None:
    fixed, adaptive = (
        run_world(make_campaign(40, redundancy=6, **more), make_plan("coverage", annotators=80, days=10))
        for more in ({}, {"stop_best": 0.8, "min_judgments": 2, "max_judgments": 6})
    )
    assert set(fixed.state.wanted.tolist()) == {6}
    assert min(adaptive.state.wanted.tolist()) < 6
    assert adaptive.tally.submitted < fixed.tally.submitted


def test_whoever_answers_by_dice_is_not_heard_where_people_are_weighed() -> None:
    campaign = make_campaign(40, languages=("en",))
    plan = make_plan("uniform", annotators=60, days=8)
    past = replace(make_past(), people=tuple(replace(one, is_spam=n < 15) for n, one in enumerate(make_past().people)))
    weighed, alike = (
        run_world(replace(campaign, past=past, parameters={**campaign.parameters, "weigh_reliability": weighs}), plan)
        for weighs in (True, False)
    )

    def tell_tau(outcome: Outcome) -> float:
        return float(outcome.evidence.measure_tau(np.flatnonzero(outcome.state.done >= 3)).mean())

    assert tell_tau(weighed) > tell_tau(alike)


def test_judgments_that_stand_are_counted_from_the_beginning() -> None:
    campaign = make_campaign(30)
    units = tuple(replace(unit, done=2, confidence=0.4, waited=3.0) for unit in campaign.units)
    outcome = run_world(replace(campaign, units=units), make_plan("coverage", annotators=3, days=1))
    assert outcome.state.done.sum() == 60 + outcome.tally.submitted
    assert not np.isnan(outcome.evidence.confidence).any()


def test_a_daily_cap_holds() -> None:
    outcome = run_world(make_campaign(daily_cap=3), make_plan("uniform"))
    days = Counter(zip(outcome.people.tolist(), (outcome.minutes // 1440).tolist(), strict=True))
    assert max(days.values()) == 3


def test_a_campaign_with_nothing_to_put_in_order_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to put in order"):
        compare(replace(make_campaign(), units=()), make_plan())


def test_a_target_nobody_can_reach_is_the_smallest_and_hinders_nothing() -> None:
    campaign = make_campaign(60, languages=("en",))
    units = (*campaign.units, WorkUnit("yo", 50, 3))
    past = make_past()
    report = compare(
        replace(campaign, languages=("en", "yo"), units=units, targets={("en", ""): 30, ("yo", ""): 10}, past=past),
        make_plan("coverage"),
    )
    end = report["arms"][0]["end"]
    assert end["smallest"]["mean"] == 0.0
    assert end["finished"]["mean"] > 0.1


def test_a_cell_that_is_wanted_and_has_no_prompt_lowers_what_is_covered() -> None:
    campaign = make_campaign(6, languages=("en",))
    cells = {(unit.language, unit.topic, "", "short"): 0.1 for unit in campaign.units}
    report = compare(
        replace(campaign, shares={**cells, ("en", "missing", "", "long"): 0.4}), make_plan(annotators=60, days=10)
    )
    assert report["arms"][0]["end"]["covered"]["mean"] < 0.75


def test_progress_is_told_after_each_way_of_each_run_and_may_stop_it() -> None:
    told: list[tuple[int, int]] = []
    compare_arms(
        make_campaign(12),
        make_plan("coverage", "uniform", runs=2),
        clock=lambda: 0.0,
        progress=lambda *at: told.append(at),
    )
    assert list(dict.fromkeys(told)) == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]

    def stop(_done: int, _of: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        compare_arms(make_campaign(12), make_plan(), clock=lambda: 0.0, progress=stop)


def test_an_interval_is_students() -> None:
    assert tell_mean([1.0, 2.0, 3.0]) == {
        "mean": 2.0,
        "low": pytest.approx(-0.4843, abs=1e-3),
        "high": pytest.approx(4.4843, abs=1e-3),
        "n": 3,
    }
    assert tell_mean([2.0, None]) == {"mean": 2.0, "low": None, "high": None, "n": 1}
    assert tell_mean([None]) == {"mean": None, "low": None, "high": None, "n": 0}


def test_judgments_to_a_level_lie_on_the_line_between_two_readings() -> None:
    curve = [
        {"judgments": 0, "coverage": 0.0},
        {"judgments": 100, "coverage": 0.5},
        {"judgments": 200, "coverage": 0.5},
    ]
    assert [find_judgments(curve, level) for level in (0.0, 0.25, 0.5, 0.6)] == [0, 50.0, 100.0, None]


def test_shares_of_another_time_count_for_nothing() -> None:
    campaign = replace(make_campaign(20, languages=("en",)), shares={("de", "", "", "short"): 1.0})
    layout = lay_out(campaign)
    assert layout.cell_share[layout.cell_prompts > 0].sum() == pytest.approx(1.0)


def test_no_interval_of_a_share_reaches_beyond_what_is_possible() -> None:
    assert tell_share([0.9, 1.0]) == {"mean": 0.95, "low": pytest.approx(0.3147, abs=1e-3), "high": 1.0, "n": 2}


def test_targets_count_prompts_by_the_topic_that_they_were_given() -> None:
    units = (WorkUnit("en", 50, 2, topic="found", target_topic="birds"), WorkUnit("en", 50, 2), WorkUnit("de", 50, 2))
    campaign = replace(make_campaign(), units=units, targets={("en", "birds"): 4, ("en", ""): 9})
    layout = lay_out(campaign)
    assert [None if at < 0 else layout.target_names[at] for at in layout.stratum.tolist()] == [
        ("en", "birds"),
        ("en", ""),
        None,
    ]


def test_figures_are_taken_where_there_is_work() -> None:
    report = compare(make_campaign(10, languages=("en",)), make_plan(annotators=60, days=10))
    assert report["arms"][0]["curve"][-1]["judgments"]["mean"] == 30
    assert report["arms"][0]["end"]["judgments"]["mean"] == 30
