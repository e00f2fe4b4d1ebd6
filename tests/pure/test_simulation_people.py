"""Imagined volunteers: from the past where it tells enough, from assumptions elsewhere; and plans that can be run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.records.simulations import Arm, Past, SimulationPlan, find_plan_problems, plan_arms
from tasks.scheduling.simulation.fitting import fit_profile
from tasks.scheduling.simulation.sessions import draw_sessions
from tasks.scheduling.simulation.volunteers import make_crowd
from tests.pure.simulated import make_campaign, make_past, make_plan


def test_the_past_tells_who_comes_when_and_how_they_judge() -> None:
    profile = fit_profile(replace(make_campaign(), past=make_past()))
    assert profile.fitted == {
        "languages", "hours", "judgments", "days_between", "leave", "seconds", "sharpness", "opinions", "spam", "late",
    }  # fmt: skip
    assert profile.languages == ((("en",), 20.0), (("en", "de"), 10.0))
    assert profile.is_utc
    assert profile.hours[9] > 0.9
    assert (profile.judgments, profile.days_between, profile.seconds) == (6.0, 2.0, 50.0)
    assert profile.spam == pytest.approx(1 / 30, abs=1e-4)
    assert len(profile.sharpness) == 29


def test_a_short_past_tells_nothing_and_what_is_assumed_is_told_as_assumed() -> None:
    profile = fit_profile(replace(make_campaign(), past=make_past(people=2, visits=1)))
    assert profile.fitted == {"late", "seconds"}
    assert {language for some, _ in profile.languages for language in some} == {"en", "de", "sw"}
    assert fit_profile(make_campaign()).fitted == frozenset()


def test_whoever_was_not_seen_for_long_has_left() -> None:
    past = make_past()
    gone = replace(past, minutes=past.minutes + 60 * 1440)
    there, left = (fit_profile(replace(make_campaign(), past=one)).leave for one in (past, gone))
    assert (there, left) == (0.001, 0.2)


def test_visits_follow_the_hours_and_how_often_people_come() -> None:
    profile = fit_profile(replace(make_campaign(), past=make_past()))
    rng = np.random.default_rng(1)
    crowd = make_crowd(profile, languages=("en", "de", "sw"), topics=3, count=200, days=20, rng=rng)
    sessions = draw_sessions(crowd, profile, days=20, start_hour=0.0, rng=rng)
    assert (np.diff(sessions.start) >= 0).all()
    assert sessions.start.max() < 20 * 1440
    hours = (sessions.start / 60 % 24).astype(int)
    assert (hours == 9).mean() > 0.9
    assert len(sessions.start) / 200 == pytest.approx(10, rel=0.3)
    assert sessions.judgments.mean() == pytest.approx(6, rel=0.3)


def test_everybody_speaks_a_language_of_the_campaign() -> None:
    profile = fit_profile(make_campaign())
    crowd = make_crowd(profile, languages=("en", "de", "sw"), topics=3, count=300, days=5, rng=np.random.default_rng(2))
    assert crowd.speaks.any(axis=1).all()
    assert crowd.speaks.any(axis=0).all()
    assert (crowd.sharpness[crowd.is_spam] == 0).all()


def test_what_is_tried_makes_a_way_of_every_policy_and_value() -> None:
    arms = plan_arms(
        policies=["coverage", "uniform", "coverage"], tried={"redundancy": [3, 5], "wait_days": [7]}, parameters={}
    )
    assert [arm.name for arm in arms] == [
        "coverage, redundancy=3, wait_days=7", "coverage, redundancy=5, wait_days=7",
        "uniform, redundancy=3, wait_days=7", "uniform, redundancy=5, wait_days=7",
    ]  # fmt: skip
    assert plan_arms(policies=[], tried={}, parameters={"policy": "round_robin"}) == (Arm("round_robin"),)
    assert plan_arms(policies=[], tried={}, parameters={}) == (Arm("coverage"),)


def test_a_plan_survives_being_stored() -> None:
    plan = SimulationPlan((Arm("coverage", {"stop_best": None, "redundancy": 4}), Arm("uniform")), 10, 5, 2, 7)
    assert SimulationPlan.from_json(plan.as_json()) == plan
    assert plan.arms[0].name == "coverage, redundancy=4, stop_best=none"


@pytest.mark.parametrize(
    ("plan", "at", "words"),
    [
        (make_plan(annotators=0), "annotators", "from 1 to 2000"),
        (make_plan(days=91), "days", "from 1 to 90"),
        (make_plan(runs=11), "runs", "from 1 to 10"),
        (make_plan(seed=-1), "seed", "from 0"),
        (make_plan("best"), "policy", '"coverage"'),
        (SimulationPlan((Arm("coverage"),) * 9), "arms", "At most 8"),
        (SimulationPlan((Arm("coverage", {"redundanci": 3}),)), "parameters.redundanci", "no parameter"),
        (SimulationPlan((Arm("coverage", {"redundancy": 0}),)), "parameters.redundancy", "from 1 to 100"),
        (SimulationPlan((Arm("coverage", {"policy": "uniform"}),)), "parameters.policy", "name the policies"),
        (SimulationPlan((Arm("coverage", {"min_judgments": 9, "max_judgments": 4}),)), "parameters.max_judgments", "min_judgments"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_run_says_why(plan, at, words) -> None:
    problems = find_plan_problems(plan, parameters={}, limits=True)
    assert list(problems) == [at]
    assert words in problems[at]


def test_a_command_may_ask_for_more_than_a_page() -> None:
    plan = make_plan(annotators=5000, days=200, runs=20)
    assert find_plan_problems(plan, parameters={}, limits=False) == {}
    assert set(find_plan_problems(plan, parameters={}, limits=True)) == {"annotators", "days", "runs"}


def test_a_rival_of_the_campaign_hinders_no_plan() -> None:
    assert (
        find_plan_problems(
            make_plan("uniform"), parameters={"policy": "coverage", "rival_policy": "uniform"}, limits=True
        )
        == {}
    )
    assert Past() == Past(people=())
