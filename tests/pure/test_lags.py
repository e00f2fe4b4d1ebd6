"""Why a target is behind: what makes it impossible is told before what slows it, and nothing is said without data."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tasks.records.standing import CampaignFacts, Lag, TargetFacts
from tasks.scheduling.lags import count_pace, explain_lag, forecast_target

TODAY = date(2026, 5, 10)
OPEN = CampaignFacts(is_open=True, languages=("en", "sw"))
GROWING = CampaignFacts(is_open=True, languages=("en", "sw"), grows=True, asks=True)
FINE = TargetFacts("sw", "birds", target=100, done=20, room=500, prompts=50, people=9, able=20)


def daily(count: int) -> dict[date, int]:
    return {TODAY - timedelta(days=back): count for back in range(1, 8)}


def explain(facts: TargetFacts, campaign: CampaignFacts = OPEN, *others: TargetFacts) -> list[Lag]:
    return explain_lag(facts, campaign=campaign, everything=[facts, *others], today=TODAY)


def test_a_target_that_is_reached_has_no_reason_to_be_behind() -> None:
    assert explain(replace(FINE, done=100)) == []
    assert explain(replace(FINE, done=140), CampaignFacts(is_open=False, languages=())) == []


def test_one_that_goes_as_it_should_is_on_its_way() -> None:
    assert explain(replace(FINE, days=daily(10))) == [Lag.ON_THE_WAY]


@pytest.mark.parametrize(
    ("facts", "campaign", "lag"),
    [
        ({}, CampaignFacts(is_open=False, languages=("sw",)), Lag.NOT_OPEN),
        ({}, CampaignFacts(is_open=True, languages=("en",)), Lag.NO_LANGUAGE),
        ({"prompts": 0, "room": 0}, OPEN, Lag.NO_PROMPTS),
        ({"prompts": 0, "room": 0}, replace(GROWING, asks=False), Lag.NO_PROMPTS),
        ({"bare": 50, "room": 0}, OPEN, Lag.NO_CANDIDATES),
        ({"room": 79}, OPEN, Lag.NO_ROOM),
        ({"able": 0}, OPEN, Lag.NOBODY),
        ({"fresh": 0}, OPEN, Lag.ALL_SEEN),
    ],
)
def test_what_makes_it_impossible_is_said_and_nothing_beside_it(facts, campaign, lag) -> None:
    assert explain(replace(FINE, **facts), campaign) == [lag]


def test_two_things_that_make_it_impossible_are_both_said() -> None:
    assert explain(replace(FINE, prompts=0, room=0, able=0)) == [Lag.NO_PROMPTS, Lag.NOBODY]


def test_exactly_as_much_room_as_is_missing_is_enough() -> None:
    assert explain(replace(FINE, room=80, days=daily(10))) == [Lag.ON_THE_WAY]


def test_where_trees_grow_more_room_comes() -> None:
    assert explain(replace(FINE, room=1, days=daily(10)), GROWING) == [Lag.ON_THE_WAY]
    assert explain(replace(FINE, prompts=0, room=0), GROWING) == [Lag.PROMPTS_WANTED]


def test_people_of_whom_nobody_looked_whether_anything_is_left_for_them_are_no_reason() -> None:
    assert explain(replace(FINE, fresh=None, days=daily(10))) == [Lag.ON_THE_WAY]


def test_what_is_slow_is_told_with_all_that_slows_it() -> None:
    assert explain(FINE) == [Lag.NO_PACE]
    assert explain(replace(FINE, people=2, days=daily(10))) == [Lag.FEW_PEOPLE]
    assert explain(replace(FINE, target=100_000, room=10**6, days=daily(10))) == [Lag.FAR]


def test_a_target_that_had_less_than_half_of_its_share_of_the_work_is_told_so() -> None:
    other = replace(FINE, topic="bees", days=daily(12))
    assert explain(replace(FINE, days=daily(3)), OPEN, other) == [Lag.OTHERS_FIRST]
    assert explain(replace(FINE, days=daily(5)), OPEN, other) == [Lag.ON_THE_WAY]


def test_of_a_handful_of_judgments_nothing_is_made() -> None:
    other = replace(FINE, topic="bees", days={TODAY - timedelta(days=1): 19})
    assert explain(FINE, OPEN, other) == [Lag.NO_PACE]


def test_the_pace_is_of_whole_days_and_so_is_the_date() -> None:
    facts = replace(FINE, days={**daily(10), TODAY: 500})
    assert count_pace(facts, today=TODAY) == 70
    forecast = forecast_target(facts, today=TODAY)
    assert forecast is not None
    assert forecast.on == TODAY + timedelta(days=8)
    assert forecast_target(replace(facts, done=100), today=TODAY) is None
