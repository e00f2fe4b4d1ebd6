"""Which of the units at the front somebody is given: by what they bring to each, by lot, and never the same for long."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.scheduling.matching import (
    LONGEST_RUN,
    NEIGHBOURING,
    UNBEGUN_STAKE,
    Choice,
    Traits,
    draw_order,
    measure_stakes,
)

TYPICAL = Traits(judgments=50)
SHARP = Traits(sharpness=1.3, judgments=50)
CARELESS = Traits(sharpness=0.1, judgments=50)
DRAWS = 600


def choice(unit: int, **more) -> Choice:
    return Choice(**{"unit": unit, "kind": "rank", "band": 500, "needed": 6, "done": 3, **more})


def count_first(person: Traits, choices: list[Choice], *, past=()) -> Counter[int]:
    """How often each is drawn first."""
    rng = Random(1)
    return Counter(draw_order(person, choices, past=past, rng=rng)[0] for _ in range(DRAWS))


CONTESTED, SETTLED = choice(1, gain=0.05), choice(2, gain=0.001)


def test_who_is_sharp_gets_what_is_contested_and_who_is_careless_what_is_nearly_known() -> None:
    first = {person: count_first(person, [CONTESTED, SETTLED])[1] / DRAWS for person in (SHARP, TYPICAL, CARELESS)}
    assert first[SHARP] > 0.85
    assert first[TYPICAL] == pytest.approx(0.5, abs=0.08)
    assert first[CARELESS] < 0.1


def test_nobody_is_kept_from_anything_for_good() -> None:
    half = [CONTESTED, choice(2, gain=0.02)]
    assert set(count_first(CARELESS, half)) == {1, 2}
    assert set(count_first(SHARP, half)) == {1, 2}


def test_few_judgments_say_nothing_of_somebody() -> None:
    unknown = Traits(sharpness=0.1, judgments=3)
    assert count_first(unknown, [CONTESTED, SETTLED])[1] / DRAWS == pytest.approx(0.5, abs=0.08)


def test_newcomers_are_heard_where_others_have_judged() -> None:
    first = count_first(Traits(), [choice(1, done=5), choice(2, done=0)])
    assert first[1] > 0.8 * DRAWS


def test_sharpness_says_nothing_about_labels_and_texts() -> None:
    for kind in ("label", "write_assistant_reply"):
        first = count_first(CARELESS, [choice(1, gain=0.05, kind=kind), choice(2, gain=0.001, kind=kind)])
        assert first[1] / DRAWS == pytest.approx(0.5, abs=0.08)


def test_without_a_gain_much_is_at_stake_where_the_order_is_unsure_and_ballots_are_to_come() -> None:
    stakes = measure_stakes(
        [
            choice(1, uncertainty=0.8, needed=6, done=3),
            choice(2, uncertainty=0.8, needed=6, done=5),
            choice(3, uncertainty=0.2, needed=6, done=3),
            choice(4, done=0),
        ]
    )
    assert stakes[1] == 1.0
    assert 0 < stakes[2] < 0.5
    assert stakes[3] == pytest.approx(0.25)
    assert stakes[4] == UNBEGUN_STAKE
    assert measure_stakes([choice(1, gain=0.0)]) == {1: 0.0}
    assert measure_stakes([]) == {}


def test_others_than_those_who_judged_are_asked() -> None:
    person = Traits(group="opinion 1", judgments=50)
    units = [choice(1, groups=("opinion 1", "opinion 1")), choice(2, groups=("opinion 2", "opinion 2"))]
    assert count_first(person, units)[2] > 0.75 * DRAWS
    assert count_first(TYPICAL, units)[2] / DRAWS == pytest.approx(0.5, abs=0.08)


def test_what_somebody_likes_comes_more_often_and_what_they_do_not_like_less() -> None:
    first = count_first(TYPICAL, [choice(1, likes=True), choice(2), choice(3, likes=False)])
    assert first[1] > 1.8 * first[2] > 3 * first[3] > 0


def test_work_of_another_kind_or_topic_comes_after_much_of_the_same() -> None:
    past = [("rank", 7)] * (LONGEST_RUN - 1)
    first = count_first(TYPICAL, [choice(1, about=7), choice(2, about=8)], past=past)
    assert first[2] > 0.65 * DRAWS


@pytest.mark.parametrize("other", [{"about": 8}, {"about": 7, "kind": "label"}, {"about": None}])
def test_nobody_is_given_twenty_alike_in_a_row_where_there_is_something_else(other) -> None:
    past = [("rank", 7)] * LONGEST_RUN
    units = [*(choice(unit, about=7, gain=0.05) for unit in range(1, 16)), choice(16, **{"gain": 0.0, **other})]
    assert set(count_first(SHARP, units, past=past)) == {16}


def test_more_of_the_same_is_given_where_there_is_nothing_else() -> None:
    past = [("rank", 7)] * 20
    assert sorted(draw_order(TYPICAL, [choice(1, about=7), choice(2, about=7)], past=past, rng=Random(1))) == [1, 2]


def test_what_is_wanted_much_less_comes_last_whatever_fits() -> None:
    units = [
        choice(1, band=500, likes=False), choice(2, band=500 - NEIGHBOURING, likes=True),
        choice(3, band=480 - NEIGHBOURING, likes=True, gain=0.5), choice(4, band=0, likes=True),
    ]  # fmt: skip
    for seed in range(50):
        assert draw_order(SHARP, units, past=(), rng=Random(seed))[2:] == [3, 4]


@given(
    st.lists(
        st.builds(
            Choice,
            unit=st.integers(1, 10**9),
            kind=st.sampled_from(["rank", "compare", "label", "write_prompt"]),
            band=st.integers(0, 1000),
            needed=st.integers(1, 100),
            done=st.integers(0, 100),
            held=st.integers(0, 100),
            uncertainty=st.none() | st.floats(0, 1),
            gain=st.none() | st.floats(0, 1),
            groups=st.lists(st.sampled_from(["a", "b"]), max_size=4).map(tuple),
            about=st.none() | st.integers(1, 3),
            likes=st.none() | st.booleans(),
        ),
        max_size=16,
        unique_by=lambda one: one.unit,
    ),
    st.builds(
        Traits, sharpness=st.floats(0, 3), group=st.sampled_from(["", "a", "b"]), judgments=st.integers(0, 10**6)
    ),
    st.lists(st.tuples(st.sampled_from(["rank", "label"]), st.none() | st.integers(1, 3)), max_size=20),
    st.integers(),
)
def test_every_unit_is_drawn_once_and_the_same_dice_draw_the_same(choices, person, past, seed) -> None:
    drawn = draw_order(person, choices, past=past, rng=Random(seed))
    assert sorted(drawn) == sorted(one.unit for one in choices)
    assert drawn == draw_order(person, choices, past=past, rng=Random(seed))
