"""Opinion groups: planted ones are found, others are not made up, and nobody's group of few can be read from a record."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.agreement.opinions import number_groups, split_people, turn_map
from tasks.agreement.perspectives import LEAST_PEOPLE, LEAST_VOTES, MOST_LISTED, find_perspectives
from tasks.agreement.votes import collect_votes, hash_people, read_ballot
from tasks.records.ballots import Ballot
from tasks.records.perspectives import OpinionMember, PerspectivesRecord
from tests.pure.opinion_crowds import adjusted_rand, draw_crowd, make_ballot


def find(ballots, *, last=None, seed=1) -> tuple[PerspectivesRecord, dict[str, OpinionMember]]:
    record, members = find_perspectives(collect_votes(ballots), seed=seed, last=last)
    json.dumps(record.as_result(), allow_nan=False)
    return record, {member.annotator: member for member in members}


def compare(members: dict[str, OpinionMember], truth: dict[str, int]) -> float:
    return adjusted_rand([member.group or 0 for member in members.values()], [truth[name] for name in members])


def test_a_ballot_with_a_bar_votes_by_the_bar() -> None:
    assert read_ballot(Ballot("a", 1, ((1, 2), (3,)), 1, (1, 2, 3))) == [(1, 1), (2, 1), (3, -1)]
    assert read_ballot(Ballot("a", 1, ((1,), (2,)), 0, (1, 2))) == [(1, -1), (2, -1)]
    assert read_ballot(Ballot("a", 1, ((1,), (2,)), 2, (1, 2, 3))) == [(1, 1), (2, 1)]


def test_a_ballot_without_a_bar_votes_by_the_middle_of_its_tiers() -> None:
    assert read_ballot(Ballot("a", 1, ((1,), (2,)), None, (1, 2))) == [(1, 1), (2, -1)]
    assert read_ballot(Ballot("a", 1, ((1,), (2,), (3, 4)), None, (1, 2, 3, 4))) == [(1, 1), (3, -1), (4, -1)]
    assert read_ballot(Ballot("a", 1, ((1, 2),), None, (1, 2))) == []


def test_ballots_that_contradict_each_other_are_no_vote() -> None:
    better = Ballot("a", 1, ((1,), (2,), (3,)), 2, (1, 2, 3))
    worse = Ballot("a", 1, ((3,), (2,), (1,)), 2, (1, 2, 3))
    votes = collect_votes([better, worse])
    assert (votes.candidates.tolist(), votes.value.tolist()) == ([2], [1.0])


@given(st.permutations(list(range(12))))
def test_votes_do_not_depend_on_the_order_of_ballots(order: list[int]) -> None:
    ballots, _truth = draw_crowd(people=4, parents=3, each=4)
    straight, mixed = collect_votes(ballots), collect_votes([ballots[place] for place in order])
    assert straight.people == mixed.people
    for column in ("candidates", "parents", "person", "item", "value"):
        assert getattr(straight, column).tolist() == getattr(mixed, column).tolist()


@pytest.mark.parametrize(("groups", "people"), [(2, 40), (3, 60)])
def test_planted_groups_are_found(groups: int, people: int) -> None:
    ballots, truth = draw_crowd(people=people, groups=groups)
    record, members = find(ballots)
    assert (record.state, len(record.groups), record.n_people) == ("found", groups, people)
    assert compare(members, truth) > 0.8
    assert record.division.p_value <= 0.0025
    assert record.division.low > record.division.by_chance / 10
    assert record.division.low < record.division.share < record.division.high


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("leniency", [0.0, 0.2])
def test_of_one_opinion_no_groups_are_made_however_lenient_some_are(seed: int, leniency: float) -> None:
    ballots, _truth = draw_crowd(people=50, groups=1, leniency=leniency, seed=seed)
    record, members = find(ballots)
    assert (record.state, record.groups, record.map, record.division, record.divided) == ("none", (), (), None, ())
    assert {member.group for member in members.values()} == {None}
    assert record.common


@pytest.mark.parametrize("seed", range(4))
def test_neither_are_they_where_lenient_and_strict_people_scatter_unlike(seed: int) -> None:
    """People whose votes hardly scatter on one side, and people who waver on the other."""
    dice = np.random.RandomState(seed)
    levels, liked = dice.normal(0, 1.5, 100), dice.normal(0, 1, (30, 4))
    chance = 1 / (1 + np.exp(-(levels[:, None, None] + liked)))
    ballots = [
        make_ballot(f"{person:05d}", parent, (dice.rand(4) < chance[person, parent]).tolist())
        for parent in range(30)
        for person in np.sort(dice.permutation(100)[:30]).tolist()
    ]
    assert find(ballots)[0].state == "none"


def test_who_accepts_everything_and_who_nothing_are_no_opinion_groups() -> None:
    ballots = [
        make_ballot(f"{person:05d}", parent, [person % 2 == 0] * 4) for person in range(40) for parent in range(10)
    ]
    assert find(ballots)[0].state == "none"


@pytest.mark.parametrize("seed", range(4))
def test_careless_people_are_no_opinion_group(seed: int) -> None:
    """Whoever votes by a coin has in common with others like that only what they do not say."""
    ballots, _truth = draw_crowd(people=60, groups=1, seed=seed)
    dice = np.random.RandomState(seed)
    mixed = [
        make_ballot(one.annotator, one.parent, (dice.rand(4) < 0.5).tolist()) if int(one.annotator) % 3 == 0 else one
        for one in ballots
    ]
    assert find(mixed)[0].state == "none"


def test_a_group_of_fewer_than_ten_is_none() -> None:
    ballots, truth = draw_crowd(people=40, sizes=(0.85, 0.15), strength=0.5, seed=3)
    few = sum(group == 1 for group in truth.values())
    assert 0 < few < LEAST_PEOPLE
    record, _members = find(ballots)
    assert all(group.people >= LEAST_PEOPLE for group in record.groups)
    assert sum(group.people for group in record.groups) in {0, record.n_people}


def test_groups_together_are_everybody_on_the_map() -> None:
    ballots, _truth = draw_crowd(people=60, groups=3)
    record, members = find(ballots)
    assert sum(group.people for group in record.groups) == record.n_people == len(members)
    for group in record.groups:
        on_map = [cell.people for cell in record.map if cell.group == group.number]
        mine = [member for member in members.values() if member.group == group.number]
        assert (sum(on_map), len(mine)) == (group.people, group.people)
        assert len(on_map) == 1 or group.people >= 20


def test_figures_of_a_group_are_told_where_ten_of_each_group_judged() -> None:
    ballots, _truth = draw_crowd(people=40)
    record, members = find(ballots)
    assert record.by_groups
    votes = collect_votes(ballots)
    assert record.common
    assert record.divided
    for opinion in (*record.common, *record.divided):
        place = votes.candidates.tolist().index(opinion.candidate)
        for told in opinion.groups:
            mine = [
                value
                for person, item, value in zip(votes.person, votes.item, votes.value, strict=True)
                if item == place and members[votes.people[person]].group == told.group
            ]
            assert told.judged == len(mine) >= LEAST_PEOPLE
            assert told.accepted == sum(value > 0 for value in mine)
    assert all(told.accepted > told.judged / 2 for opinion in record.common for told in opinion.groups)
    assert max(len(record.common), len(record.divided)) <= MOST_LISTED


def test_where_too_few_judged_the_same_no_figures_of_groups_are_told() -> None:
    ballots, _truth = draw_crowd(people=60, each=16, parents=80)
    record, _members = find(ballots)
    assert (record.state, record.by_groups) == ("found", False)
    told = [*record.common, *record.divided]
    assert told
    assert {(one.groups, one.consensus, one.between, one.p_value) for one in told} == {((), None, None, None)}
    assert all(one.bridging - one.polarity / 2 >= 0.5 for one in record.common)


def test_what_divides_was_planted_to_divide() -> None:
    ballots, truth = draw_crowd(people=60, each=50, seed=5)
    record, _members = find(ballots)
    votes = collect_votes(ballots)
    shares = {}
    for opinion in record.divided:
        place = votes.candidates.tolist().index(opinion.candidate)
        by_group = [
            np.mean([value > 0 for person, item, value in zip(votes.person, votes.item, votes.value, strict=True)
                     if item == place and truth[votes.people[person]] == group])
            for group in (0, 1)
        ]  # fmt: skip
        shares[opinion.candidate] = abs(by_group[0] - by_group[1])
    assert len(shares) > 3
    assert min(shares.values()) > 0.3
    assert all(one.between >= other.between for one, other in pairwise(record.divided))


def test_the_same_again_whatever_the_order_of_ballots() -> None:
    ballots, _truth = draw_crowd()
    assert find(ballots) == find(ballots[::-1])
    assert find(ballots)[0].input_hash != find(ballots[1:])[0].input_hash != find(ballots, seed=2)[0].input_hash


def test_groups_keep_their_numbers_and_the_map_its_direction_when_ballots_come() -> None:
    ballots, _truth = draw_crowd(people=60, groups=3, parents=50)
    before, stood = find(ballots[: len(ballots) * 4 // 5])
    swapped = {
        name: OpinionMember(name, {1: 4, 2: 1, 3: 2}[member.group], member.y, -member.x, member.votes_hash)
        for name, member in stood.items()
    }
    after, stand = find(ballots, last=swapped)
    assert (len(before.groups), sorted(group.number for group in after.groups)) == (3, [1, 2, 4])
    same = [swapped[name].group == stand[name].group for name in stand]
    assert sum(same) / len(same) > 0.9
    then = np.array([(swapped[name].x, swapped[name].y) for name in stand])
    now = np.array([(member.x, member.y) for member in stand.values()])
    assert np.corrcoef(then.ravel(), now.ravel())[0, 1] > 0.9


def test_turning_leaves_distances_as_they_are_and_undoes_a_mirror() -> None:
    places = np.array([[0.0, 1.0], [2.0, 0.5], [-1.0, -3.0], [0.3, 0.4]])
    people = ["a", "b", "c", "d"]
    mirrored = {name: (-y, -x) for name, (x, y) in zip("abc", places.tolist(), strict=False)}
    turned = turn_map(places, people, mirrored)
    assert turned[:3] == pytest.approx(np.array([mirrored[name] for name in "abc"]))
    assert np.linalg.norm(turned[3]) == pytest.approx(0.5)


def test_numbers_follow_the_people_and_new_groups_take_the_lowest_free() -> None:
    labels, people = np.array([0, 0, 0, 1, 1, 2]), list("abcdef")
    assert number_groups(labels, 3, people, {}) == [1, 2, 3]
    assert number_groups(labels, 3, people, {"d": 1, "e": 1, "a": 4}) == [4, 1, 2]
    assert number_groups(labels, 3, people, {"a": None}) == [1, 2, 3]


def test_people_of_a_group_that_is_too_small_go_to_the_nearest_other() -> None:
    places = np.array([[0.0, 0.0]] * 12 + [[10.0, 0.0]] * 12 + [[9.0, 3.0]] * 4) + np.arange(28)[:, None] * 1e-3
    labels = split_people(places, 3, seed=1)
    assert np.bincount(labels).tolist() == [16, 12]
    assert len(set(labels[12:].tolist())) == 1


def all_alike(people: int = 30, parents: int = 5) -> list[Ballot]:
    return [make_ballot(f"{person:05d}", parent, [True] * 3) for person in range(people) for parent in range(parents)]


@pytest.mark.parametrize(
    ("ballots", "state"),
    [
        ([], "too_few"),
        (draw_crowd(people=1, each=1)[0], "too_few"),
        (draw_crowd(people=19, each=19)[0], "too_few"),
        (draw_crowd(people=40, parents=1, each=40, candidates=8)[0], "too_few"),
        (draw_crowd(people=40, parents=2, each=40, candidates=1)[0], "too_few"),
        (all_alike(), "none"),
        (all_alike(parents=3), "none"),
    ],
    ids=["nothing", "one person", "too few people", "one prompt", "too few votes", "all the same", "all the same, few"],
)
def test_of_little_or_of_one_mind_nothing_is_made_up(ballots: list[Ballot], state: str) -> None:
    record, members = find(ballots)
    assert (record.state, record.groups, record.map, record.divided) == (state, (), (), ())
    assert {member.group for member in members.values()} <= {None}
    assert all(np.isfinite([member.x, member.y]).all() for member in members.values())


@given(
    st.lists(
        st.tuples(st.integers(0, 25), st.integers(0, 4), st.lists(st.booleans(), min_size=1, max_size=5)), max_size=150
    )
)
def test_whatever_was_voted_every_figure_is_a_number(rows: list[tuple[int, int, list[bool]]]) -> None:
    record, members = find([make_ballot(f"{person:02d}", parent, accepts) for person, parent, accepts in rows])
    assert all(np.isfinite([member.x, member.y]).all() for member in members.values())
    assert all(group.people >= LEAST_PEOPLE for group in record.groups)


def test_who_gave_few_votes_is_not_on_the_map() -> None:
    ballots, _truth = draw_crowd(people=30, each=30)
    late = [make_ballot("late", parent, [True] * (LEAST_VOTES - 1)) for parent in (0,)]
    record, members = find([*ballots, *late])
    assert "late" not in members
    assert record.n_people == 30


def test_whose_votes_changed_is_known_by_their_hash() -> None:
    ballots, _truth = draw_crowd(people=5, parents=3, each=5)
    before, after = collect_votes(ballots), collect_votes(ballots[1:])
    then = dict(zip(before.people, hash_people(before), strict=True))
    now = dict(zip(after.people, hash_people(after), strict=True))
    assert {name for name in then if then[name] != now.get(name)} == {ballots[0].annotator}


def test_people_left_out_have_no_votes() -> None:
    ballots, _truth = draw_crowd(people=5, parents=3, each=5)
    assert collect_votes(ballots, without=["00001", "unknown"]).people == ("00000", "00002", "00003", "00004")
