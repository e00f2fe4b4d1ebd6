"""Which pairs of people and which items agree least: found, counted, in an order that small numbers do not decide."""

from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement import least
from tasks.agreement.alpha import tabulate_votes
from tasks.agreement.least import (
    MOST,
    find_least_labelling,
    find_least_pairs,
    find_least_parents,
    find_least_subjects,
)
from tasks.agreement.ranking_units import collect_ballots
from tasks.records.ballots import LabelVote
from tests.pure.crowd import draw_ballots
from tests.pure.test_agreement_rankings import ballot, many_ballots
from tests.pure.test_agreement_ranks import tau_b


def vote(who, subject, value, dimension="quality"):
    return LabelVote(who, subject, dimension, value)


def tables_of(votes):
    found = {}
    for dimension in {each.dimension for each in votes}:
        mine = [each for each in votes if each.dimension == dimension]
        found[dimension] = (tabulate_votes(mine), list(dict.fromkeys(each.annotator for each in mine)))
    return found


def test_the_pair_that_orders_the_other_way_comes_first():
    ballots = []
    for parent in range(6):
        ballots += [ballot([1], [2], [3], who=who, parent=parent) for who in ("ada", "bert", "cleo")]
        ballots.append(ballot([3], [2], [1], who="dora", parent=parent))
    found = find_least_pairs(collect_ballots(ballots))
    assert [(each["one"], each["other"], each["n"], each["value"]) for each in found] == [
        ("ada", "dora", 6, -1.0),
        ("bert", "dora", 6, -1.0),
        ("cleo", "dora", 6, -1.0),
        ("ada", "bert", 6, 1.0),
        ("ada", "cleo", 6, 1.0),
        ("bert", "cleo", 6, 1.0),
    ]
    assert [(each["low"], each["high"]) for each in found[:1]] == [(-1.0, -1.0)]


def test_pairs_that_met_on_two_parents_are_left_out():
    ballots = [ballot([1], [2], who=who, parent=parent) for who in "ab" for parent in range(2)]
    assert find_least_pairs(collect_ballots(ballots)) == []


def test_a_pair_that_met_often_comes_before_one_that_met_three_times():
    """Three times wholly against each other says less than thirty times nearly so."""
    ballots = []
    for parent in range(30):
        ballots.append(ballot([1], [2], [3], who="a", parent=parent))
        ballots.append(ballot([3], [2], [1], who="b", parent=parent))
    for parent in range(30, 33):
        ballots.append(ballot([1], [2], [3], who="c", parent=parent))
        ballots.append(ballot([3], [2], [1], who="d", parent=parent))
    for parent in range(33, 120):
        ballots.extend(ballot([1], [2], [3], who=who, parent=parent) for who in "ef")
    found = find_least_pairs(collect_ballots(ballots))
    assert [(each["one"], each["other"], each["n"]) for each in found] == [
        ("a", "b", 30),
        ("c", "d", 3),
        ("e", "f", 87),
    ]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(many_ballots())
def test_figures_of_pairs_are_means_over_the_parents_both_judged(ballots):
    taus = {}
    last = {(each.parent, each.annotator): each for each in ballots}
    for (parent, one), (other_parent, other) in combinations(sorted(last), 2):
        if parent == other_parent:
            tau = tau_b(last[parent, one], last[parent, other])
            if tau is not None:
                taus.setdefault((one, other), []).append(tau)
    found = find_least_pairs(collect_ballots(ballots))
    assert {(each["one"], each["other"]): (each["n"], pytest.approx(each["value"], abs=1e-5)) for each in found} == {
        pair: (len(some), sum(some) / len(some)) for pair, some in taus.items() if len(some) >= 3
    }
    assert all(-1 <= each["low"] <= each["value"] <= each["high"] <= 1 for each in found)


def test_adding_up_in_between_changes_nothing(monkeypatch):
    ballots, _ = draw_ballots(rng=Random(3), parents=40, ballots=5, candidates=4, annotators=9)
    whole = find_least_pairs(collect_ballots(ballots))
    monkeypatch.setattr(least, "WAITING", 7)
    assert find_least_pairs(collect_ballots(ballots)) == whole


def test_the_parent_on_which_nobody_agrees_comes_first_and_few_ballots_are_left_out():
    orders = [([1], [2], [3]), ([3], [2], [1]), ([2], [1], [3]), ([3], [1], [2])]
    ballots = [ballot(*order, who=f"a{i}", parent=1) for i, order in enumerate(orders)]
    ballots += [ballot([1], [2], [3], who=f"a{i}", parent=2) for i in range(4)]
    ballots += [ballot(*order, who=f"a{i}", parent=3) for i, order in enumerate(orders[:2])]
    found = find_least_parents(collect_ballots(ballots))
    assert [(each["parent"], each["n"]) for each in found] == [(1, 4), (2, 4)]
    taus = [tau_b(*pair) for pair in combinations(ballots[:4], 2)]
    assert found[0]["value"] == pytest.approx(sum(taus) / 6, abs=1e-6)


def test_lists_end_somewhere():
    ballots, _ = draw_ballots(rng=Random(3), parents=80, ballots=5, candidates=4, annotators=12)
    collected = collect_ballots(ballots)
    assert len(find_least_parents(collected)) == MOST
    assert len(find_least_pairs(collected)) == MOST


def test_labels_that_differ_name_the_subject_and_the_pair():
    votes = [vote(who, subject, float(subject % 2)) for who in ("ada", "bert", "cleo") for subject in range(8)]
    votes += [vote("dora", subject, 1.0 - subject % 2) for subject in range(4)]
    pairs = find_least_labelling(tables_of(votes))
    assert [(each["one"], each["other"], each["n"], each["value"]) for each in pairs[:3]] == [
        ("ada", "dora", 4, 0.0),
        ("bert", "dora", 4, 0.0),
        ("cleo", "dora", 4, 0.0),
    ]
    subjects = find_least_subjects(tables_of(votes))
    assert [(each["subject"], each["n"], each["value"]) for each in subjects[:4]] == [
        (subject, 4, 0.5) for subject in range(4)
    ]
    assert {each["value"] for each in subjects[4:]} == {1.0}


def test_questions_are_compared_with_themselves():
    """Where a question is always answered in two ways, that is no news; where never, once is."""
    rng = Random(1)
    votes = [vote(f"a{i}", subject, float(rng.random() < 0.5), "funny") for i in range(4) for subject in range(40)]
    votes += [vote(f"a{i}", subject, 0.0, "spam") for i in range(4) for subject in range(40)]
    votes += [vote(f"a{i}", 99, float(i % 2), "spam") for i in range(4)]
    first = find_least_subjects(tables_of(votes))[0]
    assert (first["dimension"], first["subject"], first["n"]) == ("spam", 99, 4)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 4), st.sampled_from([0.0, 0.5, 1.0])), max_size=30))
def test_shares_of_labels_are_those_that_one_counts(rows):
    votes = [vote(*row) for row in rows]
    last = {(subject, who): value for who, subject, value in rows}
    expected_subjects, pairs = {}, {}
    for subject in {each.subject for each in votes}:
        answers = sorted((who, value) for (at, who), value in last.items() if at == subject)
        for (one, a), (other, b) in combinations(answers, 2):
            pairs.setdefault((one, other), []).append(a == b)
        if len(answers) >= 3:
            expected_subjects[subject] = np.mean([a == b for (_, a), (_, b) in combinations(answers, 2)])
    tables = tables_of(votes)
    assert {each["subject"]: each["value"] for each in find_least_subjects(tables)} == {
        subject: pytest.approx(share, abs=1e-6) for subject, share in expected_subjects.items()
    }
    assert {(each["one"], each["other"]): each["value"] for each in find_least_labelling(tables)} == {
        pair: pytest.approx(np.mean(same), abs=1e-6) for pair, same in pairs.items() if len(same) >= 3
    }


def test_nothing_agrees_least_where_nothing_is():
    assert (find_least_pairs([]), find_least_parents([]), find_least_labelling({}), find_least_subjects({})) == (
        [], [], [], [],
    )  # fmt: skip
