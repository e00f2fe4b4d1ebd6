"""Who answers what: balanced, connected soon, fair to newcomers and to whoever was there before them."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import ceil
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement.leaderboard import compare_generators
from tasks.scheduling.comparison_design import Entrant, Prompt, Tally, plan_prompt
from tests.bench.comparison_design import choose_by_design, choose_by_lot, measure_tau, rank

GENERATORS = st.integers(min_value=2, max_value=14)
SEEDS = st.integers(min_value=0, max_value=10**6)


class Campaign:
    """Prompts of one campaign, asked one after the other."""

    def __init__(self, *, wanted: int | None, seed: int = 0) -> None:
        self.wanted, self.seed = wanted, seed
        self.whole = Tally()
        self.strata: dict[str, Tally] = {}
        self.blocks: list[tuple[int, ...]] = []

    def ask(
        self,
        entrants: list[Entrant],
        *,
        prompts: int = 1,
        stratum: str = "en",
        prompt: Prompt | None = None,
        fills_up: bool = False,
    ) -> list[tuple[tuple[int, int], ...]]:
        planned = []
        tally = self.strata.setdefault(stratum, Tally())
        for _ in range(prompts):
            asks = plan_prompt(
                prompt or Prompt(len(self.blocks)),
                entrants,
                wanted=self.wanted,
                fills_up=fills_up,
                tallies=(tally, self.whole),
                rng=Random(f"{self.seed}/{len(self.blocks)}"),
            )
            self.blocks.append(tuple(generator for generator, _ in asks))
            planned.append(asks)
        return planned


def name(count: int, **more) -> list[Entrant]:
    return [Entrant(generator, **more) for generator in range(1, count + 1)]


def meetings(tally: Tally, count: int) -> list[int]:
    return [tally.beside.get(one, {}).get(other, 0) for one, other in combinations(range(1, count + 1), 2)]


def spread(counts) -> float:
    counts = list(counts)
    return max(counts) - min(counts)


@given(count=GENERATORS, wanted=st.integers(1, 8), prompts=st.integers(1, 60), seed=SEEDS)
@settings(max_examples=60)
def test_no_two_generators_are_ever_more_than_one_prompt_apart(count, wanted, prompts, seed) -> None:
    campaign = Campaign(wanted=wanted, seed=seed)
    entrants = name(count)
    for _ in range(prompts):
        campaign.ask(entrants)
        assert spread(campaign.whole.prompts.get(entrant.generator, 0) for entrant in entrants) <= 1
    assert {len(set(block)) for block in campaign.blocks} == {min(wanted, count)}
    assert not any(campaign.whole.credit.values())


@given(count=GENERATORS, wanted=st.integers(2, 8), seed=SEEDS)
@settings(max_examples=60)
def test_all_are_linked_after_the_fewest_prompts_that_can_link_them(count, wanted, seed) -> None:
    campaign = Campaign(wanted=wanted, seed=seed)
    generators = [entrant.generator for entrant in name(count)]
    fewest = ceil((count - 1) / (min(wanted, count) - 1))
    campaign.ask(name(count), prompts=fewest - 1)
    assert not campaign.whole.is_connected(generators)
    campaign.ask(name(count))
    assert campaign.whole.is_connected(generators)


@pytest.mark.parametrize(("count", "wanted", "prompts", "each"), [(4, 2, 6, 1), (9, 3, 12, 1), (9, 3, 120, 10)])
def test_designs_that_the_order_allows_are_met_exactly(count, wanted, prompts, each) -> None:
    for seed in range(5):
        campaign = Campaign(wanted=wanted, seed=seed)
        campaign.ask(name(count), prompts=prompts)
        assert set(meetings(campaign.whole, count)) == {each}


@pytest.mark.parametrize(
    ("count", "wanted", "prompts", "each"), [(7, 3, 7, 1), (7, 3, 70, 10), (13, 4, 130, 10), (6, 3, 100, 20)]
)
def test_other_designs_are_met_within_one(count, wanted, prompts, each) -> None:
    """Of seven lines of the Fano plane any two share a point, so that the second would ask one twice, another never."""
    for seed in range(3):
        campaign = Campaign(wanted=wanted, seed=seed)
        campaign.ask(name(count), prompts=prompts)
        assert max(abs(met - each) for met in meetings(campaign.whole, count)) <= (1 if wanted == 3 else 2)


@given(count=st.integers(4, 10), wanted=st.integers(2, 4), seed=SEEDS)
@settings(max_examples=20)
def test_meetings_stay_as_even_as_replications_over_many_prompts(count, wanted, seed) -> None:
    campaign = Campaign(wanted=wanted, seed=seed)
    campaign.ask(name(count), prompts=120)
    assert spread(meetings(campaign.whole, count)) <= 4


def test_many_strata_of_a_few_prompts_are_balanced_together() -> None:
    campaign, dice = Campaign(wanted=3), Random(1)
    for stratum in range(100):
        campaign.ask(name(7), prompts=dice.randint(1, 2), stratum=str(stratum))
    assert spread(campaign.whole.prompts.values()) <= 1
    assert spread(meetings(campaign.whole, 7)) <= 3
    assert all(spread(tally.prompts.get(one, 0) for one in range(1, 8)) <= 1 for tally in campaign.strata.values())


@given(old=st.integers(2, 8), new=st.integers(1, 6), wanted=st.integers(1, 5), seed=SEEDS)
@settings(max_examples=60)
def test_who_joins_catches_up_at_twice_the_pace_and_nobody_starves(old, new, wanted, seed) -> None:
    campaign = Campaign(wanted=wanted, seed=seed)
    campaign.ask(name(old), prompts=100)
    before = Counter(campaign.whole.prompts)
    entrants = name(old + new)
    share = wanted / (old + 2 * new)
    for prompts in range(1, 61):
        campaign.ask(entrants)
        asked = {entrant.generator: campaign.whole.prompts.get(entrant.generator, 0) for entrant in entrants}
        got = [asked[generator] - before[generator] for generator in asked]
        # Who joins is the first to be asked, and then at its pace.
        assert max(got[old:]) <= min(prompts, 2 * min(got[:old]) + 3)
        assert max(got[old:]) <= min(1, 2 * share) * prompts + 3
        assert min(got[:old]) >= min(1, share) * prompts - 2


def test_who_joined_is_level_in_the_end_and_then_asked_like_the_others() -> None:
    campaign = Campaign(wanted=2)
    campaign.ask(name(6), prompts=60)
    campaign.ask(name(7), prompts=160)
    assert spread(campaign.whole.prompts.values()) <= 1
    assert not any(campaign.whole.credit.values())
    assert spread(campaign.whole.beside[7].values()) <= 3


def test_who_joins_where_every_stratum_is_new_catches_up_at_the_same_pace() -> None:
    campaign = Campaign(wanted=2)
    for number in range(300):
        campaign.ask(name(6 if number < 150 else 7), stratum=str(number))
        if number == 249:
            assert campaign.whole.prompts[7] == 50
            assert [campaign.whole.prompts[old] for old in range(1, 7)] == [75] * 6


def test_who_left_is_not_asked_and_comes_back_like_somebody_new() -> None:
    campaign = Campaign(wanted=2)
    campaign.ask(name(4), prompts=10)
    campaign.ask(name(3), prompts=30)
    assert campaign.whole.prompts[4] == 5
    campaign.ask(name(4), prompts=10)
    assert campaign.whole.prompts[4] == 5 + 8


def test_one_model_under_two_names_is_not_put_beside_itself_while_others_are_there() -> None:
    campaign = Campaign(wanted=3)
    entrants = [Entrant(1, model="a"), Entrant(2, model="a"), Entrant(3, model="b"), Entrant(4)]
    campaign.ask(entrants, prompts=40)
    assert {len({1, 2} & set(block)) for block in campaign.blocks} == {1}
    assert spread(campaign.whole.prompts[twin] for twin in (1, 2)) <= 1
    few = Campaign(wanted=3)
    assert sorted(ask for (ask, _) in few.ask(entrants[:3])[0]) == [1, 2, 3]


def test_a_stand_in_is_another_one_that_was_not_asked_and_does_not_repeat_a_model() -> None:
    campaign = Campaign(wanted=2)
    entrants = [Entrant(1, model="a"), Entrant(2, model="b"), Entrant(3, model="a"), Entrant(4)]
    failed = Prompt(9, asked={1: {0}, 2: {0}}, standing={1: 1, 2: 0})
    assert campaign.ask(entrants, prompt=failed) == [((4, 0),)]
    assert (campaign.whole.beside[4], campaign.whole.prompts) == ({1: 1, 2: 1}, {4: 1})
    gone = Prompt(9, asked={one: {0} for one in (1, 2, 3, 4)}, standing={1: 1})
    assert campaign.ask(entrants, prompt=gone) == [()]


def test_a_prompt_that_has_all_it_wants_asks_nobody() -> None:
    campaign = Campaign(wanted=2)
    full = Prompt(9, asked={1: {0, 1}}, standing={1: 2})
    assert campaign.ask(name(4), prompt=full) == [()]
    assert campaign.whole.list_changes() == []


def test_samples_fill_what_too_few_generators_leave_turn_by_turn() -> None:
    entrants = [Entrant(1, samples=3), Entrant(2, samples=1), Entrant(3, samples=2)]
    assert sorted(Campaign(wanted=5).ask(entrants, fills_up=True)[0]) == [(1, 0), (1, 1), (2, 0), (3, 0), (3, 1)]
    assert sorted(Campaign(wanted=9).ask(entrants, fills_up=True)[0]) == [
        (1, 0), (1, 1), (1, 2), (2, 0), (3, 0), (3, 1),
    ]  # fmt: skip
    assert sorted(Campaign(wanted=5).ask(entrants)[0]) == [(1, 0), (2, 0), (3, 0)]


def test_without_a_number_everybody_is_asked_for_everything_that_was_not_asked_before() -> None:
    campaign = Campaign(wanted=None)
    entrants = [Entrant(1, samples=2), Entrant(2)]
    assert campaign.ask(entrants, prompt=Prompt(1, asked={1: {0}}, standing={1: 0})) == [((1, 1), (2, 0))]
    assert campaign.whole.list_changes() == [(1, 2, 1, 0.0), (2, 2, 1, 0.0)]


@given(count=GENERATORS, wanted=st.integers(1, 6), seed=SEEDS)
@settings(max_examples=20)
def test_the_same_lot_gives_the_same_design(count, wanted, seed) -> None:
    one, other = Campaign(wanted=wanted, seed=seed), Campaign(wanted=wanted, seed=seed)
    assert one.ask(name(count), prompts=20) == other.ask(name(count), prompts=20)


def test_a_leaderboard_of_few_ballots_holds_everybody_and_their_order_better_than_by_lot() -> None:
    taus: dict[str, list[float]] = {"design": [], "lot": []}
    for seed in range(40):
        dice = Random(f"strengths/{seed}")
        strengths = [dice.gauss(0, 1) for _ in range(12)]
        for way, choose in (("design", choose_by_design), ("lot", choose_by_lot)):
            blocks = choose(12, 3, prompts=6, seed=seed)
            ballots = [rank(block, parent, strengths, seed=seed) for parent, block in enumerate(blocks)]
            record = compare_generators(ballots, {one: (str(one),) for one in range(12)}, seed=1)
            taus[way].append(measure_tau(record, strengths))
            if way == "design":
                assert (record.components, record.not_compared) == (1, ())
    assert sum(taus["design"]) > 1.1 * sum(taus["lot"])
