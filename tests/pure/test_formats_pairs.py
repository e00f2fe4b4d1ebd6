"""Preference pairs from consensus and from ballots."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.formats.pairs import count_votes, pairs_from_ballots, pairs_from_consensus
from tasks.records.ballots import Ballot
from tasks.records.generation import Turn
from tasks.records.quality import ConsensusRecord
from tasks.records.releases import PairCandidate, PairSubject
from tasks.vocabulary import MessageRole

SUBJECT = PairSubject(
    message_tree_id="tree-1",
    parent_id="message-0",
    thread=(Turn(MessageRole.PROMPTER, "Why?"),),
    candidates={
        number: PairCandidate(f"message-{number}", f"Text {number}", f"model-{number}") for number in (1, 2, 3, 4)
    },
    language="en",
    topic="science",
)


def ballot(*tiers, annotator="a", rest_worse=False, shown=(1, 2, 3, 4)):
    return Ballot(annotator, 0, tuple(tuple(tier) for tier in tiers), None, shown, rest_worse)


def consensus(tiers, scores):
    candidates = tuple(sorted(scores))
    ahead = {name: index for index, tier in enumerate(tiers) for name in tier}
    above = tuple(
        tuple(0.5 if a == b or ahead[a] == ahead[b] else 0.9 if ahead[a] < ahead[b] else 0.1 for b in candidates)
        for a in candidates
    )
    return ConsensusRecord(
        parent=0,
        tiers=tiers,
        acceptable_tiers=None,
        candidates=candidates,
        unplaced=(),
        ranks=tuple(ahead[name] + 1 for name in candidates),
        scores=tuple(scores[name] for name in candidates),
        standard_errors=(0.5,) * len(candidates),
        bar_score=None,
        p_acceptable=None,
        p_best=(1 / len(candidates),) * len(candidates),
        p_above=above,
        placements=(1,) * len(candidates),
        ranked_pairs=tiers,
        borda=(0.5,) * len(candidates),
        margins=tuple((0.0,) * len(candidates) for _ in candidates),
        confidence=0.8,
        connected=True,
        n_ballots=1,
        n_annotators=1,
        nu=1.0,
        method="davidson",
        method_version="1",
        seed=0,
        input_hash="",
    )


def outline(pairs):
    return [(p.chosen.message_id, p.rejected.message_id, p.votes_chosen, p.votes_rejected, p.votes_tied) for p in pairs]


def test_votes_are_counted_pair_by_pair():
    ballots = [ballot([2], [1, 3]), ballot([1], [2], [3])]
    assert count_votes(ballots) == {(1, 2): (1, 1, 0), (1, 3): (1, 0, 1), (2, 3): (2, 0, 0)}


def test_nothing_is_said_inside_the_rest():
    assert count_votes([ballot([1], [2, 3], rest_worse=True)]) == {(1, 2): (1, 0, 0), (1, 3): (1, 0, 0)}


def test_a_majority_of_ballots_makes_a_pair_and_a_draw_does_not():
    ballots = [ballot([2], [1], [3]), ballot([2], [1], [3]), ballot([1], [2, 3]), ballot([3], [1])]
    pairs = list(pairs_from_ballots(ballots, SUBJECT))
    assert outline(pairs) == [
        ("message-2", "message-1", 2, 1, 0),
        ("message-1", "message-3", 3, 1, 0),
        ("message-2", "message-3", 2, 0, 1),
    ]
    assert {(pair.source, pair.confidence, pair.score_chosen) for pair in pairs} == {("ballots", None, None)}
    assert outline(pairs_from_ballots([ballot([1], [2]), ballot([2], [1])], SUBJECT)) == []


def test_a_pair_needs_as_many_votes_as_asked_for():
    assert outline(pairs_from_ballots([ballot([1], [2])], SUBJECT, min_votes=2)) == []


def test_tiers_of_a_consensus_make_pairs_and_ties_do_not():
    record = consensus(((3,), (1, 2)), {1: -0.4, 2: -0.5, 3: 0.9})
    pairs = list(pairs_from_consensus(record, SUBJECT, ballots=[ballot([3], [1]), ballot([1], [3])]))
    assert outline(pairs) == [("message-3", "message-1", 1, 1, 0), ("message-3", "message-2", 0, 0, 0)]
    assert [(pair.source, pair.confidence, pair.score_chosen, pair.score_rejected) for pair in pairs] == [
        ("consensus", 0.9, 0.9, -0.4),
        ("consensus", 0.9, 0.9, -0.5),
    ]
    assert [(pair.thread, pair.language, pair.topic) for pair in pairs] == [(SUBJECT.thread, "en", "science")] * 2


def test_less_confident_pairs_are_left_out_when_asked():
    record = consensus(((3,), (1,)), {1: -0.4, 3: 0.9})
    assert outline(pairs_from_consensus(record, SUBJECT, min_confidence=0.95)) == []


def test_a_candidate_that_was_withdrawn_is_in_no_pair():
    record = consensus(((9,), (1,), (2,)), {1: 0.0, 2: -1.0, 9: 1.0})
    assert outline(pairs_from_consensus(record, SUBJECT)) == [("message-1", "message-2", 0, 0, 0)]
    assert outline(pairs_from_ballots([ballot([9], [1], shown=(1, 9))], SUBJECT)) == []


tiers = st.permutations([1, 2, 3, 4]).flatmap(
    lambda order: st.lists(st.booleans(), min_size=3, max_size=3).map(
        lambda cuts: tuple(
            tuple(order[start:end]) for start, end in spans([index + 1 for index, cut in enumerate(cuts) if cut])
        )
    )
)


def spans(cuts):
    edges = [0, *cuts, 4]
    return list(pairwise(edges))


@given(st.lists(tiers, max_size=6))
def test_every_vote_is_counted_once_for_each_pair(orders):
    votes = count_votes([ballot(*order) for order in orders])
    assert all(sum(counts) == len(orders) for counts in votes.values())
    assert set(votes) == (set(combinations([1, 2, 3, 4], 2)) if orders else set())


@given(tiers)
def test_one_ballot_gives_the_pairs_of_its_own_tiers(order):
    expected = {(a, b) for upper, lower in combinations(order, 2) for a in upper for b in lower}
    pairs = pairs_from_ballots([ballot(*order)], SUBJECT)
    assert {(int(p.chosen.message_id[-1]), int(p.rejected.message_id[-1])) for p in pairs} == expected


@pytest.mark.parametrize("order", [[3, 1], [1, 3]])
def test_votes_speak_of_the_chosen_whatever_its_id(order):
    (pair,) = pairs_from_ballots([ballot([order[0]], [order[1]])], SUBJECT)
    assert (pair.votes_chosen, pair.votes_rejected) == (1, 0)
