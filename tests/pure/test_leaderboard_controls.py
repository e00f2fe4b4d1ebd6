"""The leaderboard with length, place and style held equal: it finds what was planted, and says how sure it is."""

import json
from math import exp, isfinite, log2
from random import Random

import numpy as np
import pytest

from tasks.agreement.board_slices import TOO_FEW, TOO_MANY, slice_generators
from tasks.agreement.controls import (
    MOST_GENERATORS,
    NO_COMPARISON,
    NOTHING_DIFFERS,
    TOO_FEW_DIFFER,
    control_generators,
)
from tasks.agreement.controls import TOO_MANY as TOO_MANY_GENERATORS
from tasks.agreement.encounters import list_encounters
from tasks.agreement.leaderboard import compare_generators
from tasks.agreement.places import find_leads
from tasks.records.ballots import Ballot
from tasks.records.leaderboard import FEWEST_BALLOTS, MOST_SLICES, Control, TextTraits
from tests.pure.crowd import draw_pair_outcome
from tests.pure.test_leaderboard_generators import ballot

STRENGTHS = (0.8, 0.3, -0.3, -0.8)
EFFECTS = {Control.PLACE: 0.3, Control.LENGTH: 0.5, Control.LISTS: 0.4}


def draw_swayed(
    rng: Random, *, prompts: int, each: int, annotators: int, taste: float = 0.0
) -> tuple[list[Ballot], dict[int, tuple[str, ...]], dict[int, TextTraits]]:
    """Comparisons of people swayed by place, length and lists; weaker generators write longer texts.

    `taste`: how much people and prompts differ in whom they like.
    """
    origins, traits = {}, {}
    for prompt in range(prompts):
        for number in range(4):
            text = 4 * prompt + number
            origins[text] = (f"g{number}",)
            traits[text] = TextTraits(
                round(400 * 2 ** (rng.gauss(0, 0.7) + number / 2)), 0, rng.choice([0, 0, 3, 6]), 0, 0
            )
    liking = {
        (kind, who): [rng.gauss(0, taste) for _ in STRENGTHS]
        for kind, count in (("person", annotators), ("prompt", prompts))
        for who in range(count)
    }
    ballots = []
    for prompt in range(prompts):
        for who in rng.sample(range(annotators), each):
            first, second = (4 * prompt + number for number in rng.sample(range(4), 2))
            one, other = traits[first], traits[second]
            difference = EFFECTS[Control.PLACE] + EFFECTS[Control.LENGTH] * log2(one.characters / other.characters)
            difference += EFFECTS[Control.LISTS] * (one.lists - other.lists) / max(one.lists + other.lists, 1)
            for sign, text in ((1, first), (-1, second)):
                number = text % 4
                difference += sign * (
                    STRENGTHS[number] + liking["person", who][number] + liking["prompt", prompt][number]
                )
            outcome = draw_pair_outcome(rng=rng, difference=difference, nu=0.4)
            tiers = {1: ((first,), (second,)), 0: ((first, second),), -1: ((second,), (first,))}[outcome]
            ballots.append(Ballot(f"a{who:03d}", prompt, tiers, None, (first, second)))
    return ballots, origins, traits


def effects_of(record) -> dict[Control, float | None]:
    return {one.control: one.effect for one in record.effects}


def test_what_sways_is_found_and_scores_are_those_without_it() -> None:
    ballots, origins, traits = draw_swayed(Random(1), prompts=1500, each=8, annotators=200)
    record = control_generators(ballots, origins, traits, seed=1)
    found = effects_of(record)
    assert [found[control] for control in EFFECTS] == pytest.approx(list(EFFECTS.values()), abs=0.07)
    assert [(s.generator, s.rank, s.worst_rank) for s in record.standings] == [
        (f"g{n}", n + 1, n + 1) for n in range(4)
    ]
    assert [s.score for s in record.standings] == pytest.approx(STRENGTHS, abs=0.1)
    raw = {s.generator: s.score for s in compare_generators(ballots, origins, seed=1).standings}
    # Longer texts helped the weaker ones: the plain leaderboard holds them for better than they are.
    assert raw["g3"] - raw["g0"] > -1.6 + 0.4
    assert (record.n_comparisons, record.reason) == (len(ballots), None)


def test_what_nobody_could_be_swayed_by_has_no_effect_and_says_why() -> None:
    ballots, origins, traits = draw_swayed(Random(2), prompts=100, each=5, annotators=30)
    record = control_generators(ballots, origins, traits, seed=1)
    missing = {one.control: (one.effect, one.low, one.n_differing, one.reason) for one in record.effects}
    for control in (Control.HEADINGS, Control.BOLD, Control.CODE):
        assert missing[control] == (None, None, 0, TOO_FEW_DIFFER)


def test_without_effects_the_controlled_scores_are_the_plain_ones() -> None:
    ballots, origins, traits = draw_swayed(Random(3), prompts=200, each=5, annotators=40)
    alike = {text: one._replace(characters=400, lists=0) for text, one in traits.items()}
    unknown = control_generators(ballots, origins, alike, seed=1, order_known=[False] * len(ballots))
    assert (unknown.standings, unknown.reason) == ((), NOTHING_DIFFERS)
    alike |= {text: one._replace(characters=404) for text, one in list(alike.items()) if text % 7 < 3}
    nearly = control_generators(ballots, origins, alike, seed=1, order_known=[False] * len(ballots))
    plain = compare_generators(ballots, origins, seed=1)
    assert [s.generator for s in nearly.standings] == [s.generator for s in plain.standings]
    assert [s.score for s in nearly.standings] == pytest.approx([s.score for s in plain.standings], abs=0.02)
    widths = [s.high - s.low for s in plain.standings]
    assert [s.high - s.low for s in nearly.standings] == pytest.approx(widths, rel=0.15)


def test_an_order_that_is_not_known_says_nothing_about_place() -> None:
    ballots, origins, traits = draw_swayed(Random(4), prompts=300, each=5, annotators=40)
    known = [number % 2 == 0 for number in range(len(ballots))]
    record = control_generators(ballots, origins, traits, seed=1, order_known=known)
    (place,) = (one for one in record.effects if one.control is Control.PLACE)
    assert (place.n_differing, place.effect > 0.1) == (sum(known), True)
    nothing = control_generators(ballots, origins, traits, seed=1, order_known=[False] * len(ballots))
    assert effects_of(nothing)[Control.PLACE] is None


def test_leads_are_parts_of_the_way_from_first_to_last() -> None:
    ballots = [
        Ballot("a", 1, ((3,), (1, 2)), None, (1, 2, 3)),
        Ballot("b", 2, ((5,), (4,)), None, (5, 4, 6)),
        Ballot("c", 3, ((8,), (7,)), None, (8, 7)),
    ]
    met = list_encounters(ballots, {text: (f"g{text}",) for text in range(1, 9)})
    leads = find_leads(ballots, met)
    found = {(int(a), int(b)): lead for a, b, lead in zip(met.above, met.below, leads, strict=True)}
    assert found == {(3, 1): -1.0, (3, 2): -0.5, (1, 2): 0.5, (5, 4): 0.5, (8, 7): 1.0}
    assert find_leads(ballots, met, order_known=[False, False, True]).tolist().count(0.0) == 4


def test_the_order_of_ballots_changes_no_bit_of_what_is_controlled() -> None:
    ballots, origins, traits = draw_swayed(Random(5), prompts=100, each=5, annotators=30)
    record = control_generators(ballots, origins, traits, seed=1)
    Random(6).shuffle(ballots)
    assert control_generators(ballots, origins, traits, seed=1) == record


def test_one_annotator_gives_effects_without_intervals() -> None:
    ballots, origins, traits = draw_swayed(Random(7), prompts=100, each=1, annotators=1)
    record = control_generators(ballots, origins, traits, seed=1)
    assert {(s.low, s.high, s.rank, s.worst_rank) for s in record.standings} == {(None,) * 4}
    assert {one.low for one in record.effects} == {None}
    assert effects_of(record)[Control.LENGTH] is not None


def test_whoever_always_takes_the_first_is_not_infinitely_swayed() -> None:
    ballots = [
        Ballot(f"a{n % 7}", n, ((2 * n + (n % 2),), (2 * n + 1 - (n % 2),)), None, (2 * n + (n % 2), 2 * n + 1 - (n % 2)))
        for n in range(80)
    ]  # fmt: skip
    origins = {text: (f"g{text % 2}",) for text in range(160)}
    traits = {text: TextTraits(0, 0, 0, 0, 0) for text in range(160)}
    record = control_generators(ballots, origins, traits, seed=1)
    (place,) = (one for one in record.effects if one.control is Control.PLACE)
    assert 2 < place.low < place.effect < place.high < 20
    assert all(abs(s.score) < 0.2 for s in record.standings)


@pytest.mark.parametrize(
    ("ballots", "origins", "reason"),
    [
        ([], {}, NO_COMPARISON),
        ([ballot([1], [2])], {1: ["x"], 2: ["x"]}, NO_COMPARISON),
        ([ballot([1], [2])], {n: [f"g{n}"] for n in range(MOST_GENERATORS + 1)}, TOO_MANY_GENERATORS),
        ([ballot([1], [2])], {1: ["x"], 2: ["y"]}, NOTHING_DIFFERS),
    ],
)
def test_what_cannot_be_controlled_says_why(ballots, origins, reason) -> None:
    traits = {1: TextTraits(10, 0, 0, 0, 0), 2: TextTraits(20, 0, 0, 0, 0)}
    record = control_generators(ballots, origins, traits, seed=1)
    assert (record.standings, record.reason) == ((), reason)
    json.dumps(record.as_result(), allow_nan=False)


def test_texts_that_were_not_measured_are_left_out() -> None:
    ballots, origins, traits = draw_swayed(Random(8), prompts=100, each=5, annotators=30)
    half = {text: one for text, one in traits.items() if text < 200}
    record = control_generators(ballots, origins, half, seed=1)
    assert record.n_comparisons == sum(one.parent < 50 for one in ballots)
    assert control_generators(ballots, origins, {}, seed=1).reason == NOTHING_DIFFERS


def test_controlled_figures_are_numbers_always() -> None:
    ballots, origins, traits = draw_swayed(Random(9), prompts=60, each=3, annotators=12)
    record = control_generators(ballots, origins, traits, seed=1)
    told = json.loads(json.dumps(record.as_result(), allow_nan=False))
    assert [one["generator"] for one in told["standings"]] == [s.generator for s in record.standings]
    assert all(isfinite(value) for s in record.standings for value in (s.score, s.low, s.high))


@pytest.mark.slow
def test_controlled_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """80 campaigns of 24 people on 60 prompts, whose tastes differ by person and by prompt.

    The truth is what a crowd comes to in which nobody and no prompt is met twice.
    """
    taste = 0.5
    crowd, origins, traits = draw_swayed(Random(10), prompts=20_000, each=1, annotators=20_000, taste=taste)
    effects = effects_of(control_generators(crowd, origins, traits, seed=1))
    held = dict.fromkeys(EFFECTS, 0)
    for campaign in range(80):
        ballots, origins, traits = draw_swayed(Random(100 + campaign), prompts=60, each=6, annotators=24, taste=taste)
        for one in control_generators(ballots, origins, traits, seed=campaign).effects:
            if one.control in held:
                held[one.control] += one.low <= effects[one.control] <= one.high
    assert all(70 <= count <= 80 for count in held.values()), held


@pytest.mark.slow
def test_both_ends_of_a_rank_hold_the_true_rank() -> None:
    """Twenty generators, close to one another: the rank interval may be wide, and misses the truth seldom."""
    rng, held, wide = Random(11), 0, []
    for campaign in range(15):
        strengths = sorted((rng.gauss(0, 0.5) for _ in range(20)), reverse=True)
        ballots = []
        for n in range(2500):
            i, j = rng.sample(range(20), 2)
            outcome = draw_pair_outcome(rng=rng, difference=strengths[i] - strengths[j], nu=0.3)
            tiers = {1: ([i], [j]), 0: ([i, j],), -1: ([j], [i])}[outcome]
            ballots.append(ballot(*tiers, who=f"a{n % 60}", parent=n % 200))
        record = compare_generators(ballots, {n: [f"{n:02d}"] for n in range(20)}, seed=campaign)
        for standing in record.standings:
            held += standing.rank <= int(standing.generator) + 1 <= standing.worst_rank
            wide.append(standing.worst_rank - standing.rank + 1)
    assert held >= 0.97 * 300
    assert np.mean(wide) < 15


def test_slices_are_leaderboards_of_their_ballots_alone() -> None:
    ballots, origins, _ = draw_swayed(Random(12), prompts=60, each=4, annotators=20)
    groups = {"en": ballots[:160], "de": ballots[160:], "sw": ballots[:5]}
    slices = {one.name: one for one in slice_generators(groups, origins, total=240, seed=1)}
    assert list(slices) == ["en", "de", "sw"]
    whole = compare_generators(groups["de"], {t: n for t, n in origins.items() if 160 <= t < 240}, seed=1)
    assert (slices["de"].standings, slices["de"].n_ballots) == (whole.standings, 80)
    assert (slices["sw"].standings, slices["sw"].n_ballots, slices["sw"].reason) == ((), 5, TOO_FEW)
    json.dumps([one.as_result() for one in slices.values()], allow_nan=False)


def test_a_single_language_has_no_slice_of_its_own() -> None:
    ballots, origins = [ballot([1], [2])], {1: ["x"], 2: ["y"]}
    assert slice_generators({"en": ballots}, origins, total=1, seed=1) == ()
    assert [one.name for one in slice_generators({"en": ballots}, origins, total=2, seed=1)] == ["en"]
    assert slice_generators({}, {}, total=0, seed=1) == ()


def test_slices_beyond_the_largest_are_told_and_not_computed() -> None:
    ballots = [ballot([1], [2], who=f"a{n % 3}", parent=n) for n in range(FEWEST_BALLOTS)]
    groups = {f"topic {n:02d}": ballots for n in range(MOST_SLICES + 2)}
    slices = slice_generators(groups, {1: ["x"], 2: ["y"]}, total=999, seed=1, resamples=4)
    assert [one.reason for one in slices] == [None] * MOST_SLICES + [TOO_MANY] * 2


def test_a_slice_names_those_of_its_own_texts_that_met_nobody() -> None:
    ballots = [ballot([1], [2], who=f"a{n % 3}", parent=n) for n in range(40)]
    alone = [ballot([3], [4], who=f"a{n % 3}", parent=n) for n in range(40)]
    origins = {1: ["x"], 2: ["y"], 3: ["z"], 4: ["z"]}
    one, other = slice_generators({"de": ballots, "en": alone}, origins, total=80, seed=1, resamples=4)
    assert ([s.generator for s in one.standings], one.not_compared) == (["x", "y"], ())
    assert (other.standings, other.not_compared) == ((), ("z",))
    assert other.reason.startswith("not enough data")


def test_the_share_of_an_effect_is_what_equals_would_choose() -> None:
    ballots, origins, traits = draw_swayed(Random(13), prompts=1500, each=8, annotators=200)
    (place,) = (
        one for one in control_generators(ballots, origins, traits, seed=1).effects if one.control is Control.PLACE
    )
    assert 1 / (1 + exp(-place.effect)) == pytest.approx(0.574, abs=0.02)
