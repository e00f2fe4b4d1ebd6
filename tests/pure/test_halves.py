"""Two halves of a campaign compared: what differs is told apart, what does not is not, and intervals hold."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.agreement.dice import throw_dice
from tasks.scheduling.halves import FEWEST, FIGURES, ArmPrompts, compare_arms

SHARE, WANTED = np.array([0.5, 0.3, 0.2]), np.array([4.0, 4.0, 4.0])


def make(arm, cell, finished, certainty=None, judgments=None) -> ArmPrompts:
    size = len(arm)
    return ArmPrompts(
        arm=np.array(arm, dtype=np.int64),
        cell=np.array(cell, dtype=np.int64),
        finished=np.array(finished, dtype=float),
        certainty=np.full(size, np.nan) if certainty is None else np.array(certainty, dtype=float),
        judgments=np.zeros(size) if judgments is None else np.array(judgments, dtype=float),
    )


def compare(prompts: ArmPrompts, **more):
    given = {"share": SHARE, "wanted": WANTED, "dice": throw_dice(1, 7), "resamples": 200, **more}
    return compare_arms(prompts, **given)


def test_each_half_is_measured_by_half_of_what_is_wanted_where_both_have_prompts() -> None:
    prompts = make(
        arm=[0, 0, 0, 1, 1, 1], cell=[0, 0, 1, 0, 0, 2], finished=[1, 0.5, 1, 0.5, 0, 1], judgments=[3, 2, 3, 1, 0, 3]
    )
    found = compare(prompts)
    first, second = found["arms"]
    assert found["cells"] == 1  # only the first cell has prompts of both
    assert (first["prompts"], second["prompts"]) == (3, 3)
    assert (first["coverage"]["value"], second["coverage"]["value"]) == (0.75, 0.25)
    assert first["finished"]["value"] == pytest.approx(0.8333)
    assert found["difference"]["coverage"]["value"] == 0.5
    assert (first["judgments"]["value"], second["judgments"]["value"]) == (pytest.approx(2.6667), pytest.approx(1.3333))


def test_few_prompts_have_no_interval_and_what_nobody_knows_has_no_value() -> None:
    found = compare(make([0, 1], [0, 0], [1, 0]))
    assert found["arms"][0]["coverage"] == {"value": 0.5, "low": None, "high": None}
    assert (
        found["arms"][0]["certainty"] == found["difference"]["certainty"] == {"value": None, "low": None, "high": None}
    )


@pytest.mark.parametrize("arm", [0, 1])
def test_a_half_without_prompts_says_nothing(arm) -> None:
    found = compare(make([arm] * 20, [0] * 20, [1] * 20))
    assert found["arms"][1 - arm]["prompts"] == 0
    assert all(found["arms"][1 - arm][name]["value"] is None for name in FIGURES)
    assert all(found["difference"][name]["value"] is None for name in FIGURES)
    assert found["cells"] == 0


def test_a_real_difference_is_told_and_the_same_dice_give_the_same_interval() -> None:
    rng = np.random.RandomState(3)
    arm = np.repeat([0, 1], 300)
    finished = np.where(arm == 0, rng.uniform(0.4, 1, 600), rng.uniform(0, 0.6, 600))
    prompts = make(arm, rng.randint(0, 3, 600), finished, certainty=finished, judgments=3 * finished)
    found = compare(prompts, wanted=np.array([300.0, 300.0, 300.0]))
    for name in FIGURES:
        assert found["difference"][name]["low"] > 0
        assert found["arms"][0][name]["low"] < found["arms"][0][name]["value"] < found["arms"][0][name]["high"]
    assert compare(prompts, wanted=np.array([300.0, 300.0, 300.0])) == found


def test_halves_that_are_alike_are_told_apart_no_more_often_than_the_interval_says() -> None:
    wrong = 0
    for seed in range(60):
        rng = np.random.RandomState(seed)
        prompts = make(rng.randint(0, 2, 120), rng.randint(0, 3, 120), rng.uniform(0, 1, 120))
        difference = compare(prompts, dice=throw_dice(seed, 7))["difference"]["finished"]
        wrong += not difference["low"] <= 0 <= difference["high"]
    assert wrong <= 8  # 3 are expected; more than 8 come about once in a hundred times


def test_a_certainty_that_few_prompts_have_is_the_mean_of_those() -> None:
    count = 2 * FEWEST
    known = [0.5 if number % 2 else float("nan") for number in range(count)]
    found = compare(make([0] * count + [1] * count, [0] * 2 * count, [0] * 2 * count, certainty=known + known))
    assert found["arms"][0]["certainty"]["value"] == 0.5
