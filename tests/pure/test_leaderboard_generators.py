"""Leaderboard: what counts as a comparison, how sure it is, and what it will not say."""

import json
from dataclasses import replace
from random import Random

import pytest

from tasks.agreement.leaderboard import NO_COMPARISON, ONE_ANNOTATOR, compare_generators, pool_models
from tasks.records.ballots import Ballot
from tasks.records.quality import ModelStanding
from tests.pure.crowd import draw_pair_outcome
from tests.pure.test_consensus_davidson import PUDDINGS


def ballot(*tiers, who="ann", parent=1, bar=None, rest_worse=False):
    placed = tuple(c for tier in tiers for c in tier)
    return Ballot(who, parent, tuple(map(tuple, tiers)), bar, placed, rest_worse)


def pudding_ballots():
    """One ballot on two candidates for every comparison that Davidson published."""
    ballots = []
    for first, second, wins, losses, ties in PUDDINGS:
        outcomes = [[[first], [second]]] * wins + [[[second], [first]]] * losses
        for tiers in outcomes + [[[first, second]]] * ties:
            number = len(ballots)
            ballots.append(ballot(*tiers, who=f"taster {number}", parent=number))
    return ballots, {brand: (f"brand {brand}",) for brand in range(1, 7)}


def standing_of(record, generator):
    [found] = [s for s in record.standings if s.generator == generator]
    return found


def test_puddings_stand_as_davidson_found_them():
    record = compare_generators(*pudding_ballots(), seed=1)
    published = {2: 0.2202, 3: 0.1530, 4: 0.1751, 5: 0.1339, 6: 0.3771}
    first = standing_of(record, "brand 1").score
    found = {b: standing_of(record, f"brand {b}").score - first for b in published}
    assert found == pytest.approx(published, abs=0.01)
    assert record.nu == pytest.approx(0.746823, abs=0.01)
    assert [s.generator for s in record.standings][:2] == ["brand 6", "brand 2"]
    assert (record.n_ballots, record.n_annotators, record.components) == (745, 745, 1)
    assert record.reason is None


def test_interval_of_independent_tastings_is_about_two_published_errors():
    record = compare_generators(*pudding_ballots(), seed=1)
    widths = [(s.high - s.low) / 2 / 1.96 for s in record.standings]
    # The published errors (0.19) are of differences from brand 1; from the mean of six they are
    # sqrt(5 / 12) of that.
    assert widths == pytest.approx([0.1235] * 6, rel=0.25)


def test_ranks_are_shared_where_intervals_overlap():
    record = compare_generators(*pudding_ballots(), seed=1)
    for standing in record.standings:
        assert standing.rank == 1 + sum(other.low > standing.high for other in record.standings)
    assert record.standings[0].rank == record.standings[1].rank == 1


def test_clear_order_has_distinct_ranks():
    ballots = [ballot([1], [2], [3], who=f"a{i}", parent=i) for i in range(200)]
    record = compare_generators(ballots, {1: ["x"], 2: ["y"], 3: ["z"]}, seed=1)
    assert [(s.generator, s.rank) for s in record.standings] == [("x", 1), ("y", 2), ("z", 3)]
    assert [s.win_share for s in record.standings] == [1.0, 0.5, 0.0]
    assert all(s.high > s.low for s in record.standings)


def test_candidate_with_two_origins_counts_half_for_each():
    ballots = [ballot([1], [2], who=f"a{i}", parent=i) for i in range(4)]
    record = compare_generators(ballots, {1: ["x", "y", "x"], 2: ["z"]}, seed=1)
    assert {s.generator: s.comparisons for s in record.standings} == {"x": 2.0, "y": 2.0, "z": 4.0}
    assert {s.generator: s.n_ballots for s in record.standings} == {"x": 4, "y": 4, "z": 4}


def test_share_in_common_is_no_comparison():
    ballots = [ballot([1], [2], who=f"a{i}", parent=i) for i in range(4)]
    record = compare_generators(ballots, {1: ["x", "y"], 2: ["x"]}, seed=1)
    assert {s.generator: s.comparisons for s in record.standings} == {"x": 2.0, "y": 2.0}
    assert standing_of(record, "y").win_share == 1.0


def test_ballot_weighs_m_minus_one_also_where_some_origins_are_unknown():
    full = compare_generators([ballot([1], [2], [3])], {1: ["x"], 2: ["y"], 3: ["z"]}, seed=1)
    part = compare_generators([ballot([1], [2], [3])], {1: ["x"], 2: ["y"]}, seed=1)
    assert sum(s.comparisons for s in full.standings) / 2 == pytest.approx(2.0, abs=1e-5)
    assert sum(s.comparisons for s in part.standings) / 2 == pytest.approx(2 / 3, abs=1e-5)


def test_two_texts_of_one_generator_say_nothing_about_it():
    record = compare_generators([ballot([1], [2])], {1: ["x"], 2: ["x"]}, seed=1)
    assert (record.standings, record.not_compared, record.components) == ((), ("x",), 0)
    assert record.reason == NO_COMPARISON


def test_no_ballots_is_not_enough_data():
    record = compare_generators([], {1: ["x"]}, seed=1)
    assert (record.standings, record.not_compared, record.p_above) == ((), ("x",), ())
    assert record.reason == NO_COMPARISON
    assert compare_generators([], {}, seed=1).reason == NO_COMPARISON


def test_order_inside_the_rest_is_no_comparison():
    origins = {1: ["x"], 2: ["y"], 3: ["z"]}
    record = compare_generators([ballot([1], [2, 3], rest_worse=True)], origins, seed=1)
    assert {s.generator: s.win_share for s in record.standings} == {"x": 1.0, "y": 0.0, "z": 0.0}
    tied = compare_generators([ballot([1], [2, 3])], origins, seed=1)
    assert standing_of(tied, "y").win_share == 0.25


def test_groups_that_never_met_are_said_and_ranked_apart():
    ballots = [
        *(ballot([1], [2], [3], who=f"a{i}", parent=i) for i in range(60)),
        *(ballot([4], [5], who=f"b{i}", parent=100 + i) for i in range(60)),
    ]
    origins = {1: ["x"], 2: ["y"], 3: ["z"], 4: ["p"], 5: ["q"], 6: ["idle"]}
    record = compare_generators(ballots, origins, seed=1)
    assert [(s.generator, s.component, s.rank) for s in record.standings] == [
        ("x", 0, 1),
        ("y", 0, 2),
        ("z", 0, 3),
        ("p", 1, 1),
        ("q", 1, 2),
    ]
    assert (record.components, record.not_compared) == (2, ("idle",))
    assert record.p_above[0][3] is None
    assert record.p_above[3][4] > 0.99
    assert record.reason.startswith("the comparisons fall into 2 groups that never met")
    assert sum(s.score for s in record.standings[3:]) == pytest.approx(0.0, abs=1e-5)


def test_one_annotator_gives_an_order_without_intervals():
    ballots = [ballot([1], [2], parent=p) for p in range(30)]
    record = compare_generators(ballots, {1: ["x"], 2: ["y"]}, seed=1)
    assert [(s.generator, s.low, s.high, s.rank) for s in record.standings] == [
        ("x", None, None, None),
        ("y", None, None, None),
    ]
    assert record.p_above == ((None, None), (None, None))
    assert record.reason == ONE_ANNOTATOR


def test_unanimous_annotators_are_not_infinitely_sure():
    ballots = [ballot([1], [2], who=who) for who in ("a", "b", "c")]
    record = compare_generators(ballots, {1: ["x"], 2: ["y"]}, seed=1)
    assert record.standings[0].high - record.standings[0].low > 1
    assert record.p_above[0][1] < 0.999


def test_alike_annotators_and_parents_widen_the_interval():
    """The same 400 votes, by 400 people on 400 parents, by 8 people, and on 8 parents."""
    rng = Random(5)
    taste = [rng.random() < 0.5 for _ in range(8)]

    def width(person, prompt):
        ballots = [
            ballot(*([[1], [2]] if taste[i % 8] else [[2], [1]]), who=person(i), parent=prompt(i)) for i in range(400)
        ]
        top = compare_generators(ballots, {1: ["x"], 2: ["y"]}, seed=1).standings[0]
        return top.high - top.low

    apart = width(lambda i: f"a{i}", lambda i: i)
    assert width(lambda i: f"a{i % 8}", lambda i: i) > 3 * apart
    assert width(lambda i: f"a{i}", lambda i: i % 8) > 3 * apart


def test_share_above_the_bar_counts_ballots_that_gave_it():
    ballots = [
        ballot([1], [2], who="a", bar=1),
        ballot([1, 2], who="b", bar=1),
        ballot([2], [1], who="c"),
    ]
    record = compare_generators(ballots, {1: ["x"], 2: ["y", "z"]}, seed=1)
    assert {s.generator: s.acceptable_share for s in record.standings} == {"x": 1, "y": 0.5, "z": 0.5}
    silent = compare_generators([ballot([1], [2])], {1: ["x"], 2: ["y"]}, seed=1)
    assert [s.acceptable_share for s in silent.standings] == [None, None]


def test_order_of_ballots_changes_nothing_and_the_seed_only_the_intervals():
    ballots, origins = pudding_ballots()
    record = compare_generators(ballots, origins, seed=3)
    assert compare_generators(ballots[::-1], origins, seed=3) == record
    other = compare_generators(ballots, origins, seed=4)
    assert [s.score for s in other.standings] == [s.score for s in record.standings]
    assert [s.low for s in other.standings] != [s.low for s in record.standings]


def test_names_decide_nothing_but_the_listing_of_equals():
    ballots, origins = pudding_ballots()
    renamed = {brand: (f"brand {9 - brand}",) for brand in origins}
    record = compare_generators(ballots, origins, seed=3)
    mirrored = compare_generators(ballots, renamed, seed=3)
    for standing in record.standings:
        other = standing_of(mirrored, f"brand {9 - int(standing.generator[-1])}")
        assert replace(other, generator=standing.generator, score=0, low=0, high=0) == replace(
            standing, score=0, low=0, high=0
        )
        assert (other.score, other.low, other.high) == pytest.approx(
            (standing.score, standing.low, standing.high), abs=1e-5
        )


def test_record_is_json_and_chances_fit_together():
    record = compare_generators(*pudding_ballots(), seed=1)
    result = json.loads(json.dumps(record.as_result()))
    assert [s["generator"] for s in result["standings"]] == [s.generator for s in record.standings]
    for i, row in enumerate(record.p_above):
        for j, p in enumerate(row):
            assert p + record.p_above[j][i] == pytest.approx(1.0, abs=1e-5)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Simulation: 60 campaigns of 16 people on 40 prompts; tastes differ by person and by prompt.

    The truth is what a crowd comes to in which nobody and no prompt is met twice. A person's six
    to twenty ballots lean alike, and so do the ballots on one prompt.
    """
    rng = Random(17)
    strengths, nu, taste = (0.6, 0.2, -0.2, -0.6), 0.4, 0.6
    origins = {i: [f"g{i}"] for i in range(4)}

    def tastes():
        return [rng.gauss(0, taste) for _ in strengths]

    def vote(who, person, parent, prompt):
        i, j = rng.sample(range(4), 2)
        liking = [sum(each) for each in zip(strengths, person, prompt, strict=True)]
        outcome = draw_pair_outcome(rng=rng, difference=liking[i] - liking[j], nu=nu)
        tiers = {1: ([i], [j]), 0: ([i, j],), -1: ([j], [i])}[outcome]
        return ballot(*tiers, who=f"a{who}", parent=parent)

    crowd = [vote(n, tastes(), n, tastes()) for n in range(30000)]
    truth = {s.generator: s.score for s in compare_generators(crowd, origins, seed=1, resamples=2).standings}
    held = dict.fromkeys(truth, 0)
    for campaign in range(60):
        people, prompts = [tastes() for _ in range(16)], [tastes() for _ in range(40)]
        ballots = [
            vote(who, people[who], parent, prompt)
            for parent, prompt in enumerate(prompts)
            for who in rng.sample(range(16), 5)
        ]
        for s in compare_generators(ballots, origins, seed=campaign).standings:
            held[s.generator] += s.low <= truth[s.generator] <= s.high
    assert all(52 <= count <= 60 for count in held.values()), held


def test_generators_that_are_one_model_stand_as_one_with_all_their_comparisons():
    ballots, origins = pudding_ballots()
    models = {"pudding": ["brand 2", "brand 6"]}
    (pooled,) = pool_models(ballots, origins, models, seed=1)
    one_name = {brand: ("both",) if brand in {2, 6} else names for brand, names in origins.items()}
    together = standing_of(compare_generators(ballots, one_name, seed=1), "both")
    assert pooled == ModelStanding("pudding", ("brand 2", "brand 6"), replace(together, generator="pudding"))
    apart = compare_generators(ballots, origins, seed=1)
    assert pooled.standing.comparisons < sum(standing_of(apart, name).comparisons for name in models["pudding"])
    assert standing_of(apart, "brand 2").low < pooled.standing.score < standing_of(apart, "brand 6").high


def test_a_model_that_met_only_itself_was_not_compared():
    ballots = [ballot([1], [2], who=who) for who in ("ann", "bob")]
    assert pool_models(ballots, {1: ("a",), 2: ("b",)}, {"m": ["a", "b"]}, seed=1) == (
        ModelStanding("m", ("a", "b"), None),
    )
    assert pool_models(ballots, {1: ("a",), 2: ("b",)}, {}, seed=1) == ()


def test_a_record_with_models_is_json():
    ballots, origins = pudding_ballots()
    models = pool_models(ballots, origins, {"pudding": ["brand 2", "brand 6"]}, seed=1)
    told = json.loads(json.dumps(replace(compare_generators(ballots, origins, seed=1), models=models).as_result()))
    (model,) = told["models"]
    assert (model["model_key"], model["generators"]) == ("pudding", ["brand 2", "brand 6"])
    assert model["standing"]["score"] == models[0].standing.score
