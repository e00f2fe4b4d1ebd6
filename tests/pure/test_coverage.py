"""The coverage of a campaign: in [0, 1] whatever there is, growing with what is finished, and why a cell is behind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records.coverage import Surroundings
from tasks.records.standing import CANNOT_BE_MET, Behind
from tasks.scheduling.coverage import (
    OTHERS,
    WEIGHTS,
    Given,
    gain_per_prompt,
    measure_cells,
    measure_coverage,
    merge_groups,
)
from tasks.scheduling.explain import LanguagePeople, explain_cells
from tasks.scheduling.facility import measure_cover, measure_facility
from tasks.scheduling.gains import count_wanted, measure_gain, measure_value
from tasks.scheduling.pools import make_cells, make_pool


def cover(cells, *, met=None, sources=0, facility=None, which=None):
    return measure_coverage(cells, met=met or {}, sources=sources, facility=facility, which=which)


@st.composite
def any_cells(draw):
    count = draw(st.integers(0, 8))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    return make_cells(
        rng.random(count) * rng.integers(0, 2, count),
        language=rng.integers(0, 3, count),
        prompts=rng.integers(0, 6, count),
        finished=rng.random(count) * 4,
        groups=rng.integers(0, 3, (count, draw(st.integers(0, 3)))),
        is_targeted=rng.integers(0, 2, count).astype(bool),
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    any_cells(),
    st.none() | st.floats(-1, 2),
    st.integers(0, 4),
    st.dictionaries(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), st.integers(0, 30)),
)
def test_coverage_and_its_parts_are_shares_or_not_said(cells, facility, sources, met):
    found = cover(cells, facility=facility, sources=sources, met=met)
    assert 0 <= found.coverage <= 1
    for name in WEIGHTS:
        assert getattr(found, name) is None or 0 <= getattr(found, name) <= 1


@settings(max_examples=100, deadline=None, derandomize=True)
@given(any_cells(), st.integers(0, 7))
def test_one_more_finished_prompt_never_lowers_it(cells, place):
    if place >= len(cells):
        return
    before = cover(cells).coverage
    cells.finished[place] += 1
    assert cover(cells).coverage >= before - 1e-12


def test_a_campaign_without_prompts_covers_nothing():
    assert cover(make_cells([])).coverage == 0


def test_two_finished_prompts_cover_a_cell_and_shares_weigh_the_cells():
    cells = make_cells([3, 1], prompts=10, finished=[1.0, 2.0])
    assert measure_cells(cells).tolist() == [0.5, 1.0]
    assert cover(cells).prompts == pytest.approx(0.75 * 0.5 + 0.25)


def test_a_cell_without_a_target_wants_no_more_than_it_has_and_one_with_a_target_does():
    plain = make_cells([1, 1], prompts=[1, 10])
    assert count_wanted(plain).tolist() == [1, 2]
    asked = make_cells([1, 1], prompts=[1, 10], is_targeted=[True, False])
    assert count_wanted(asked).tolist() == [2, 2]


def test_a_cell_that_was_asked_for_and_has_no_prompt_lowers_the_coverage():
    cells = make_cells([1, 1], prompts=[5, 0], finished=[5.0, 0.0], is_targeted=[False, True])
    assert cover(cells).coverage == pytest.approx(0.5)


def test_what_cannot_be_said_leaves_its_weight_to_the_others():
    cells = make_cells([1], prompts=5, finished=1.0)
    assert cover(cells).coverage == pytest.approx(0.5)
    with_facility = cover(cells, facility=0.9)
    assert with_facility.coverage == pytest.approx((0.5 * 0.5 + 0.2 * 0.9) / 0.7)


def test_groups_of_fewer_people_than_are_published_are_one_group_or_none():
    def given(cell, group, people, *, language="en"):
        return Given(cell, language, group, judgments=cell + 1, people=people)

    large = [given(0, "opinion 1", 10), given(1, "opinion 1", 10)]
    few = [given(0, "said a", 1), given(1, "said b", 8)]
    assert merge_groups([*large, *few]) == {0: {"opinion 1": 1}, 1: {"opinion 1": 2}}
    more = [given(1, "said c", 1), given(0, "said a", 1, language="de")]
    assert merge_groups([*large, *few, *more]) == {
        0: {"opinion 1": 1, OTHERS: 1},
        1: {"opinion 1": 2, OTHERS: 4},
    }


def test_people_counts_the_groups_of_the_language_that_judged_in_each_cell():
    groups = [[3, 0], [1, 2], [5, 0]]
    cells = make_cells([1, 1, 2], language=[0, 0, 1], prompts=5, groups=groups)
    assert cover(cells).people == pytest.approx((0.5 + 1.0) / 2)  # of the other language there is one group alone


def test_candidates_count_pairs_of_sources_that_met():
    cells = make_cells([1], prompts=5)
    found = cover(cells, sources=3, met={("a", "b"): 10, ("a", "c"): 5})
    assert found.candidates == pytest.approx((1 + 0.5) / 3)
    assert cover(cells, sources=1).candidates is None


def test_the_gain_of_a_prompt_is_what_the_coverage_of_prompts_grows_by():
    cells = make_cells([1, 3], prompts=9, finished=[0.5, 2.0])
    before = cover(cells).prompts
    gains = gain_per_prompt(cells).tolist()
    cells.finished[0] += 1
    assert cover(cells).prompts - before == pytest.approx(gains[0])
    assert gains[1] == 0


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(0, 20), st.floats(0, 20), st.floats(0.05, 1), st.floats(1, 10))
def test_gains_diminish_and_are_never_negative(start, more, part, wanted):
    one = np.ones(1)
    early = measure_gain(one * start, one * part, wanted=one * wanted, weight=one)
    late = measure_gain(one * (start + more), one * part, wanted=one * wanted, weight=one)
    assert early[0] >= late[0] - 1e-9
    assert late[0] >= 0


def test_an_untouched_cell_is_worth_nothing_and_a_full_one_its_weight():
    assert measure_value(np.array([0.0, 1.0])).tolist() == [0.0, 1.0]


def test_the_cover_is_the_largest_similarity_and_none_is_below_nothing():
    axes = np.eye(3, dtype=np.float32)
    assert measure_cover(axes, axes[:1]).tolist() == [1, 0, 0]
    assert measure_cover(axes, -axes[:1]).tolist() == [0, 0, 0]
    assert measure_cover(axes, axes[:0]).tolist() == [0, 0, 0]


def test_facility_is_told_for_each_language_that_has_vectors_and_for_all():
    axes = np.eye(3, dtype=np.float32)
    pool = make_pool([1, 2, 3], language=[0, 0, 1], cell=[0, 0, 1], point=[0, 1, -1])
    cells = make_cells([1, 1], language=[0, 1], prompts=[4, 2], finished=[2.0, 0.0])
    found = measure_facility(pool, cells, Surroundings(axes[:2], axes[:1], np.array([0])))
    assert found[0] == pytest.approx((1 + 0 + 2) / 4)
    assert np.isnan(found[1])
    assert found[-1] == pytest.approx(found[0])


MANY = {0: LanguagePeople(people=9, with_work=9)}


@pytest.mark.parametrize(
    ("columns", "vacant", "people", "why"),
    [
        ({"prompts": 0, "is_targeted": True}, 0, MANY, Behind.NO_PROMPTS),
        ({"prompts": 1, "finished": 1.0, "is_targeted": True}, 0, MANY, Behind.FEW_PROMPTS),
        ({"prompts": 9}, 5, {}, Behind.NO_PEOPLE),
        ({"prompts": 9}, 5, {0: LanguagePeople(2, 2)}, Behind.FEW_PEOPLE),
        ({"prompts": 9}, 5, {0: LanguagePeople(9, 0)}, Behind.ALL_SEEN),
        ({"prompts": 9, "finished": 1.0, "held": 1.0}, 5, MANY, Behind.UNDER_WAY),
        ({"prompts": 9, "held": 0.5}, 0, MANY, Behind.UNDER_WAY),
        ({"prompts": 9}, 0, MANY, Behind.WAITING),
        ({"prompts": 9}, 5, MANY, Behind.ITS_TURN),
    ],
)
def test_why_a_cell_is_behind(columns, vacant, people, why):
    cells = make_cells([1], **columns)
    [reason] = explain_cells(cells, vacant=np.array([vacant], dtype=float), people=people, judgments_each=3)
    assert reason.why is why
    assert reason.lacks > 0


def test_what_lacks_most_is_told_first_and_what_is_covered_not_at_all():
    cells = make_cells([1, 4, 2], prompts=9, finished=[0.0, 1.0, 3.0])
    reasons = explain_cells(cells, vacant=np.ones(3), people=MANY, judgments_each=3)
    assert [reason.cell for reason in reasons] == [1, 0]
    assert Behind.ITS_TURN not in CANNOT_BE_MET
