"""Plans: what adds most goes first, gains diminish, nothing waits for ever, and each policy orders as it says."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records.coverage import KIND_CODES, PlanSettings, Pool, Surroundings, length_of
from tasks.scheduling.arms import match_bands
from tasks.scheduling.plan import POLICIES, plan
from tasks.scheduling.pools import make_cells, make_pool, take_units
from tasks.scheduling.queues import give_places, quantise
from tasks.scheduling.split import arm_of
from tasks.vocabulary import Kind, PolicyName, PromptLength

PLAIN = PlanSettings(lot_share=0.0)


def plan_it(pool, cells, *, policy=PolicyName.COVERAGE, settings=PLAIN, **rest):
    return plan(pool, cells, policy=policy, settings=settings, rng=np.random.default_rng(1), **rest)


def serve(pool, made, *, queue=None):
    """Units in the order in which they are given out."""
    order = np.lexsort((pool.tie, -made.band.astype(int)))
    return pool.unit[order].tolist()


@st.composite
def campaigns(draw):
    """Any pool on any cells."""
    cells = draw(st.integers(0, 6))
    units = draw(st.integers(0, 25))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    made = make_cells(
        rng.random(cells) * rng.integers(0, 2, cells),
        language=rng.integers(0, 3, cells),
        topic=rng.integers(-1, 3, cells),
        prompts=rng.integers(0, 9, cells),
        finished=rng.random(cells) * 5,
        held=rng.random(cells),
        is_targeted=rng.integers(0, 2, cells).astype(bool),
    )
    wanted = rng.integers(0, 5, units)
    pool = make_pool(
        np.arange(units) + 1,
        kind=rng.integers(0, len(Kind), units),
        language=rng.integers(0, 3, units),
        cell=rng.integers(-1, cells, units) if cells else -1,
        done=rng.integers(0, 4, units),
        held=rng.integers(0, 2, units),
        wanted=wanted,
        uncertainty=rng.random(units),
        gain=np.where(rng.random(units) < 0.5, np.nan, rng.random(units)),
        deficit=rng.random(units),
        reach=np.where(rng.random(units) < 0.5, np.nan, rng.random(units)),
        waiting=rng.random(units) * 30,
        minutes=rng.random(units) * 5,
        tie=rng.random(units),
        author=rng.integers(-1, 4, units),
        point=rng.integers(-1, 5, units),
    )
    vectors = rng.standard_normal((5, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    around = Surroundings(vectors, vectors[:2], np.array([0, 1])) if draw(st.booleans()) else None
    return pool, made, around


@settings(max_examples=120, deadline=None, derandomize=True)
@given(campaigns(), st.sampled_from(list(PolicyName)))
def test_bands_are_steps_between_0_and_1000_and_terms_are_numbers(campaign, policy):
    pool, cells, around = campaign
    made = plan_it(pool, cells, policy=policy, settings=PlanSettings(), surroundings=around)
    assert len(made.band) == len(pool)
    assert all(band in range(0, 1001, 20) for band in made.band.tolist())
    assert made.policy is policy
    for name, values in made.terms.items():
        assert len(values) == len(pool), name
        assert np.isfinite(values).all(), name


@settings(max_examples=60, deadline=None, derandomize=True)
@given(campaigns(), st.sampled_from(list(PolicyName)))
def test_the_same_state_makes_the_same_plan_in_whatever_order_its_units_come(campaign, policy):
    pool, cells, _ = campaign
    pool = replace(pool, tie=np.linspace(0.05, 0.95, len(pool)))
    shuffled = np.random.default_rng(3).permutation(len(pool))
    first = plan_it(pool, cells, policy=policy, settings=PlanSettings())
    second = plan_it(take_units(pool, shuffled), cells, policy=policy, settings=PlanSettings())
    if policy is not PolicyName.OPEN_ASSISTANT:  # there, those without an author are numbered as they come
        assert first.band[shuffled].tolist() == second.band.tolist()


def test_every_policy_has_its_function():
    assert set(POLICIES) == set(PolicyName)


def test_the_front_goes_through_the_cells_before_it_comes_back_to_one():
    pool = make_pool(np.arange(40), cell=np.repeat(np.arange(4), 10), tie=np.random.default_rng(2).random(40))
    cells = make_cells([1, 1, 1, 1], prompts=10)
    served = serve(pool, plan_it(pool, cells))
    for turn in range(2):
        assert {unit // 10 for unit in served[4 * turn : 4 * turn + 4]} == {0, 1, 2, 3}


def test_what_is_under_way_counts_as_done():
    pool = make_pool([1, 2], cell=[0, 1], tie=[0.1, 0.2])
    cells = make_cells([1, 1], prompts=5, held=[1.0, 0.0])
    assert serve(pool, plan_it(pool, cells)) == [2, 1]


def test_a_thin_stratum_goes_before_a_full_one():
    pool = make_pool([1, 2], deficit=[0.2, 0.9])
    assert serve(pool, plan_it(pool, make_cells([]))) == [2, 1]


def test_first_judgments_go_before_second_ones_and_unsure_before_sure():
    pool = make_pool([1, 2, 3], done=[1, 0, 1], wanted=3, uncertainty=[0.2, 1.0, 0.9], tie=[0.1, 0.2, 0.3])
    assert serve(pool, plan_it(pool, make_cells([]))) == [2, 3, 1]


def test_where_the_gain_is_known_it_counts_instead_of_the_uncertainty():
    pool = make_pool([1, 2], done=2, wanted=5, uncertainty=[0.9, 0.3], gain=[0.001, 0.2])
    assert serve(pool, plan_it(pool, make_cells([]))) == [2, 1]


def test_of_two_alike_the_quicker_one_goes_first():
    pool = make_pool([1, 2, 3], minutes=[4.0, 1.0, 2.0], tie=[0.1, 0.2, 0.3])
    assert serve(pool, plan_it(pool, make_cells([]))) == [2, 3, 1]


def test_what_has_all_that_it_wants_is_in_the_lowest_band():
    pool = make_pool([1, 2], done=[3, 1], held=[0, 2], wanted=3)
    assert plan_it(pool, make_cells([])).band.tolist() == [0, 0]


def test_a_language_that_is_behind_its_share_is_lifted():
    pool = make_pool([1, 2], cell=[0, 1], language=[0, 1])
    cells = make_cells([1, 1], language=[0, 1], prompts=50, finished=[40.0, 2.0])
    terms = plan_it(pool, cells).terms
    assert terms["language"][0] == 1.0
    assert 1.0 < terms["language"][1] <= 2.0


def test_a_new_direction_goes_before_more_of_the_same():
    vectors = np.eye(4, dtype=np.float32)
    near = (vectors[0] + 0.1 * vectors[1]) / np.linalg.norm(vectors[0] + 0.1 * vectors[1])
    around = Surroundings(np.stack([near, vectors[2]]), vectors[:1], np.array([0]))
    pool = make_pool([1, 2], cell=0, point=[0, 1], tie=[0.1, 0.9])
    made = plan_it(pool, make_cells([1], topic=0, prompts=9), surroundings=around)
    assert serve(pool, made) == [2, 1]
    assert made.terms["reach"][1] > made.terms["reach"][0]


def test_without_vectors_the_reach_is_what_it_was_known_to_be():
    pool = make_pool([1, 2, 3], cell=0, reach=[0.1, 0.8, np.nan], tie=[0.1, 0.2, 0.3])
    made = plan_it(pool, make_cells([1], prompts=9))
    assert made.terms["reach"].tolist() == pytest.approx([0.1, 0.8, 0.0])
    assert serve(pool, made)[0] == 2


def test_whoever_waited_too_long_longest_first_has_the_first_place_and_every_eighth():
    rng = np.random.default_rng(5)
    pool = make_pool(np.arange(64), waiting=np.where(np.arange(64) >= 60, 100 + np.arange(64), 0), tie=rng.random(64),
                     done=np.where(np.arange(64) >= 60, 2, np.arange(64) % 2), wanted=3, uncertainty=0.5)  # fmt: skip
    served = serve(pool, plan_it(pool, make_cells([])))
    assert served[0] == 63
    assert set(served[:40]) >= {60, 61, 62, 63}


def test_if_all_have_waited_too_long_the_rest_keeps_its_order():
    pool = make_pool(
        np.arange(80), cell=np.repeat(np.arange(8), 10), waiting=200.0, tie=np.random.default_rng(4).random(80)
    )
    served = serve(pool, plan_it(pool, make_cells(np.ones(8), prompts=10)))
    assert len({unit // 10 for unit in served[1:10]}) >= 6


def test_some_places_go_to_units_drawn_by_lot_always_the_same():
    rng = np.random.default_rng(6)
    pool = make_pool(
        np.arange(200), done=np.where(np.arange(200) < 100, 0, 2), wanted=3, uncertainty=0.5, tie=rng.random(200)
    )
    band = quantise(np.where(pool.done == 0, 1.0, 0.1))
    first, lifted = give_places(pool, band, settings=PlanSettings(lot_share=0.1))
    again, _ = give_places(pool, band, settings=PlanSettings(lot_share=0.1))
    assert first.tolist() == again.tolist()
    assert 1 <= (lifted > 0).sum() <= 20


def test_round_robin_gives_each_cell_its_turn():
    pool = make_pool(np.arange(12), cell=np.repeat([0, 1, 2], [8, 2, 2]), tie=np.random.default_rng(1).random(12))
    cells = make_cells([8, 1, 1], prompts=[8, 2, 2], finished=[0, 1, 0])
    served = serve(pool, plan_it(pool, cells, policy=PolicyName.ROUND_ROBIN))
    assert {pool.cell[unit] for unit in served[:2]} == {0, 2}


def test_uncertainty_alone_goes_by_what_is_known_least():
    pool = make_pool([1, 2, 3], uncertainty=[0.2, 0.9, 0.5], wanted=2)
    assert serve(pool, plan_it(pool, make_cells([]), policy=PolicyName.UNCERTAINTY)) == [2, 3, 1]


def test_uniform_makes_no_difference():
    pool = make_pool(np.arange(9), deficit=np.arange(9) / 9, wanted=2)
    assert len(set(plan_it(pool, make_cells([]), policy=PolicyName.UNIFORM).band.tolist())) == 1


def test_open_assistant_draws_rankings_five_times_as_often_as_replies():
    rng = np.random.default_rng(9)
    kinds = np.where(np.arange(4000) % 2 == 0, KIND_CODES[Kind.RANK], KIND_CODES[Kind.WRITE_ASSISTANT_REPLY])
    first = {"rank": 0, "reply": 0}
    for _ in range(60):
        pool = make_pool(np.arange(4000), kind=kinds, tie=rng.random(4000))
        for unit in serve(pool, plan_it(pool, make_cells([]), policy=PolicyName.OPEN_ASSISTANT))[:10]:
            first["rank" if unit % 2 == 0 else "reply"] += 1
    assert first["rank"] / first["reply"] == pytest.approx(5, rel=0.35)


def test_open_assistant_draws_authors_not_their_prompts():
    rng = np.random.default_rng(10)
    author = np.where(np.arange(1000) < 900, 0, np.arange(1000))
    shares = []
    for _ in range(60):
        pool = make_pool(np.arange(1000), author=author, tie=rng.random(1000))
        served = serve(pool, plan_it(pool, make_cells([]), policy=PolicyName.OPEN_ASSISTANT))[:20]
        shares.append(np.mean([unit < 900 for unit in served]))
    assert np.mean(shares) < 0.1


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 1), st.integers(0, 2)), max_size=40))
def test_both_halves_of_a_split_are_served_alike_and_each_in_its_order(units):
    band = np.array([20 * value for value, _, _ in units], dtype=np.int16)
    arm = np.array([number for _, number, _ in units], dtype=np.int64)
    queue = np.array([number for _, _, number in units], dtype=np.int64)
    tie = np.linspace(0, 1, len(units))
    matched = match_bands(band, arm=arm, queue=queue, tie=tie)
    assert (matched[arm == 0] == band[arm == 0]).all()
    for number in set(queue.tolist()):
        mine, theirs = (np.flatnonzero((queue == number) & (arm == half)) for half in (0, 1))
        if len(mine) and len(theirs):
            assert matched[theirs].max() == matched[mine].max()
            for one in theirs:
                for other in theirs:
                    assert matched[one] >= matched[other] or band[one] <= band[other]


def test_halves_are_halves_and_stay():
    arms = [arm_of(tree) for tree in range(1, 2001)]
    assert 900 < sum(arms) < 1100
    assert arms == [arm_of(tree) for tree in range(1, 2001)]


@pytest.mark.parametrize(
    ("chars", "length"), [(0, "short"), (80, "short"), (81, "middle"), (400, "middle"), (401, "long")]
)
def test_the_length_of_a_prompt_goes_by_its_characters(chars, length):
    assert length_of(chars) is PromptLength(length)


@pytest.mark.parametrize("columns", [{"colour": [1]}, {"done": [1, 2]}])
def test_a_pool_of_other_columns_or_lengths_is_refused(columns):
    with pytest.raises(ValueError, match="column"):
        make_pool([1], **columns)


@pytest.mark.parametrize("share", [[-0.1], [float("nan")]])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        make_cells(share)


def test_shares_are_brought_to_one_and_where_none_counts_all_count_alike():
    assert make_cells([1, 3]).share.tolist() == [0.25, 0.75]
    assert make_cells([0, 0]).share.tolist() == [0.5, 0.5]


def test_a_part_of_a_pool_has_all_columns():
    part = take_units(make_pool([1, 2, 3], done=[0, 1, 2]), [2, 0])
    assert (part.unit.tolist(), part.done.tolist()) == ([3, 1], [2, 0])
    assert all(len(getattr(part, field.name)) == 2 for field in fields(Pool))
