"""Open Assistant's trees come into a campaign that grows trees at the state they are in, with their rankings, and go on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from annotate.models import (
    Annotator,
    AssignmentCandidate,
    Campaign,
    Judgment,
    Message,
    MessageTree,
    RankedCandidate,
    Stale,
    Unit,
)
from annotate.queries.integrity import find_broken_rules
from annotate.queries.judgments import load_ballots
from annotate.services.tree_states import StateChange, write_states
from tasks.vocabulary import TreeReason, TreeState
from tests.loop import NOW, find_drift
from tests.services.imports import import_bytes, import_file, lines, make_campaign, outcome

pytestmark = pytest.mark.django_db


def make_growing(**parameters: Any) -> Campaign:
    campaign = make_campaign(kinds=["write_prompt", "write_assistant_reply", "write_prompter_reply", "label", "rank"])
    campaign.parameters = {"grow_trees": True, "redundancy": 2, "goal_tree_size": 9, **parameters}
    campaign.save()
    return campaign


def message(name: str, *replies: dict[str, Any], role: str = "prompter", **more: Any) -> dict[str, Any]:
    return {"message_id": name, "text": f"Text of {name}.", "role": role, "replies": list(replies), **more}


def reply(name: str, **more: Any) -> dict[str, Any]:
    return message(name, role="assistant", **more)


def ranking(*ranked: str, user: str | None = "u-1", **more: Any) -> dict[str, Any]:
    return {"type": "ranking", "user_id": user, "ranked_message_ids": list(ranked), **more}


def tree(state: str | None, prompt: dict[str, Any]) -> dict[str, Any]:
    return {"message_tree_id": prompt["message_id"], "tree_state": state, "prompt": prompt}


def ranked_tree(*rankings: dict[str, Any], state: str = "ranking", name: str = "p") -> dict[str, Any]:
    replies = [reply(f"{name}{letter}") for letter in "abc"]
    replies[0]["events"] = {"ranking": list(rankings)}
    return tree(state, message(name, *replies))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("initial_prompt_review", "prompt_review"),
        ("prompt_lottery_waiting", "waiting"),
        ("growing", "growing"),
        ("ranking", "ranking"),
        ("ready_for_export", "ranking"),
        ("backlog_ranking", "ranking"),
        ("aborted_low_grade", "low_grade"),
        ("halted_by_moderator", "halted"),
        (None, "waiting"),
        ("a state of later", "waiting"),
    ],
)
def test_a_tree_goes_on_from_where_it_was(theirs, ours) -> None:
    campaign = make_growing()
    run = import_bytes(campaign, lines([tree(theirs, message("p", reply("a")))]), name="trees.jsonl")
    assert outcome(run) == ("done", 1, 1, 0, 0)
    stored = MessageTree.objects.get()
    assert (stored.state, stored.goal_size) == (ours, 9)
    assert (stored.drawn_at is not None) == (ours in ("growing", "ranking"))


def test_elsewhere_every_tree_is_ranked() -> None:
    campaign = make_campaign()
    import_bytes(campaign, lines([tree("prompt_lottery_waiting", message("p", review_result=None))]), name="t.jsonl")
    assert [(t.state, t.goal_size, t.drawn_at) for t in MessageTree.objects.all()] == [("ranking", None, None)]
    assert Message.objects.get().review_state == "none"


def test_a_review_that_is_open_at_the_source_is_open_here() -> None:
    campaign = make_growing()
    prompt = message(
        "p",
        reply("waits", review_result=None),
        reply("stands", review_result=True),
        reply("generated", review_result=None, synthetic=True, model_name="m"),
        reply("fails", review_result=False),
        reply("unknown"),
    )
    import_bytes(campaign, lines([tree("growing", prompt)]), name="trees.jsonl")
    states = dict(Message.objects.values_list("external_id", "review_state"))
    assert states == {"p": "none", "waits": "pending", "stands": "none", "generated": "none", "unknown": "none"}


def test_sizes_are_drawn_once_between_the_bounds() -> None:
    campaign = make_growing(min_goal_tree_size=3)
    content = lines(tree("growing", message(f"p{number}")) for number in range(40))
    import_bytes(campaign, content, name="trees.jsonl")
    first = dict(MessageTree.objects.values_list("external_id", "goal_size"))
    assert set(first.values()) <= set(range(3, 10))
    assert len(set(first.values())) > 3
    import_bytes(campaign, content, name="trees.jsonl")
    assert dict(MessageTree.objects.values_list("external_id", "goal_size")) == first


def test_rankings_come_along_as_ballots_of_people_whom_the_source_knows() -> None:
    campaign = make_growing()
    first, second = ranking("pb", "pa", "pc"), ranking("pa", "pb", "pc", user="u-2", not_rankable=True)
    import_bytes(campaign, lines([ranked_tree(first, second, first)]), name="trees.jsonl")
    unit = Unit.objects.get(kind="rank")
    assert (unit.done, unit.held, unit.needed, unit.surplus) == (2, 0, 2, 0)
    names = dict(Message.objects.values_list("pk", "external_id"))
    told = [
        ([[names[candidate] for candidate in tier] for tier in ballot.tiers], ballot.acceptable_tiers)
        for ballot in load_ballots(parent_ids=[unit.subject_id])
    ]
    assert told == [([["pb"], ["pa"], ["pc"]], None), ([["pa"], ["pb"], ["pc"]], 0)]
    judgments = Judgment.objects.values_list("terms_version", "annotator__user", "annotator__consents__terms_version")
    assert list(judgments) == [("imported", None, "imported")] * 2
    assert (AssignmentCandidate.objects.count(), RankedCandidate.objects.count()) == (6, 6)


@pytest.mark.parametrize("grows", [True, False])
@pytest.mark.parametrize("state", ["done", "halted"])
def test_rankings_that_come_late_open_nothing_in_a_tree_that_has_ended(state, grows) -> None:
    campaign = make_growing() if grows else make_campaign(kinds=["rank"])
    import_bytes(campaign, lines([ranked_tree(ranking("pb", "pa", "pc"))]), name="trees.jsonl")
    write_states(changes=[StateChange(MessageTree.objects.get().pk, TreeState(state), TreeReason.RANKED)], now=NOW)
    late = [
        ranked_tree(ranking("pb", "pa", "pc"), ranking("pa", "pb", user="u-2")),
        ranked_tree(state="halted", name="q"),
    ]
    import_bytes(campaign, lines(late), name="trees.jsonl")
    units = Unit.objects.filter(kind="rank", subject__external_id="p").values_list("is_open", "done")
    assert (list(units), Judgment.objects.count()) == ([(False, 2)], 2)
    assert (find_drift(), find_broken_rules()) == ({}, [])


def test_rankings_alone_let_their_tree_be_decided_again() -> None:
    campaign = make_growing()
    import_bytes(campaign, lines([ranked_tree(ranking("pb", "pa", "pc"))]), name="trees.jsonl")
    Stale.objects.filter(kind="tree").delete()
    second = ranking("pa", "pb", user="u-2")
    import_bytes(campaign, lines([ranked_tree(ranking("pb", "pa", "pc"), second)]), name="trees.jsonl")
    assert list(Stale.objects.filter(kind="tree").values_list("subject_id", flat=True)) == [
        MessageTree.objects.get().pk
    ]


def test_the_same_person_is_one_annotator_across_trees_and_imports() -> None:
    campaign = make_growing()
    records = [ranked_tree(ranking(f"{name}b", f"{name}a"), name=name) for name in ("p", "q")]
    for _ in range(2):
        import_bytes(campaign, lines(records), name="trees.jsonl")
    assert (Annotator.objects.count(), Judgment.objects.count()) == (1, 2)


def test_unnamed_people_are_told_apart() -> None:
    campaign = make_growing()
    rankings = [ranking("pa", "pb", user=None), ranking("pb", "pa", user=None)]
    import_bytes(campaign, lines([ranked_tree(*rankings)]), name="trees.jsonl")
    assert (Annotator.objects.count(), Judgment.objects.count()) == (2, 2)


@pytest.mark.parametrize(
    "ranked",
    [("pa",), ("pa", "nowhere"), ("p", "pa"), ("nowhere", "neither")],
    ids=["one", "one-known", "two-levels", "unknown"],
)
def test_rankings_of_fewer_than_two_siblings_are_left_out(ranked) -> None:
    campaign = make_growing()
    run = import_bytes(campaign, lines([ranked_tree(ranking(*ranked))]), name="trees.jsonl")
    assert (outcome(run), Judgment.objects.count()) == (("done", 1, 1, 0, 0), 0)


def test_of_equal_texts_the_better_place_stands() -> None:
    campaign = make_growing()
    record = ranked_tree(ranking("pa", "pb", "pc"))
    record["prompt"]["replies"][2]["text"] = record["prompt"]["replies"][0]["text"]
    import_bytes(campaign, lines([record]), name="trees.jsonl")
    texts = dict(Message.objects.values_list("pk", "text"))
    (ballot,) = load_ballots(parent_ids=[Unit.objects.get(kind="rank").subject_id])
    assert [[texts[one] for one in tier] for tier in ballot.tiers] == [["Text of pa."], ["Text of pb."]]


@pytest.mark.parametrize(
    ("events", "word"),
    [
        ({"ranking": {}}, "events.ranking"),
        ({"ranking": [1]}, "must be an object"),
        ({"ranking": [{}]}, "ranked_message_ids"),
        ({"ranking": [{"ranked_message_ids": ["pa", "pa"]}]}, "once"),
        ({"ranking": [{"ranked_message_ids": ["pa", None]}]}, "once"),
    ],
)
def test_a_ranking_that_cannot_be_read_is_a_bad_line_that_says_so(events, word) -> None:
    campaign = make_growing()
    record = tree("ranking", message("p", reply("pa"), reply("pb"), events=events))
    run = import_bytes(campaign, lines([record]), name="trees.jsonl")
    assert run.state == "failed"
    assert word in run.errors.get().reason


def test_rankings_join_a_unit_that_is_open_where_no_trees_grow() -> None:
    campaign = make_campaign()
    import_bytes(campaign, lines([ranked_tree(ranking("pb", "pa", "pc"))]), name="trees.jsonl")
    unit = Unit.objects.get(kind="rank")
    assert (unit.done, unit.needed, unit.is_open) == (1, 3, True)


def test_a_campaign_without_rankings_takes_none() -> None:
    campaign = make_campaign(kinds=["label"])
    import_bytes(campaign, lines([ranked_tree(ranking("pb", "pa"))]), name="trees.jsonl")
    assert (Judgment.objects.count(), Annotator.objects.count()) == (0, 0)


@pytest.mark.real_data
def test_the_seed_data_become_trees_that_wait_for_their_turn() -> None:
    folder = Path(os.environ["CHORUS_REAL_DATA"]) / "open-assistant"
    campaign = make_growing()
    run = import_file(campaign, folder / "realistic_seed_data.json")
    assert (run.state, run.bad) == ("done", 2)  # two trees in which an assistant answers an assistant
    assert MessageTree.objects.count() == run.prompts_added
    told = json.loads((folder / "realistic_seed_data.json").read_text())
    states = {one["user_message_id"]: one["tree_state"] for one in told if one.get("tree_state")}
    assert set(states.values()) == {"ranking"}
    ours = dict(MessageTree.objects.values_list("external_id", "state"))
    ranked = {name: state for name, state in ours.items() if state != "waiting"}
    assert ranked == {name: state for name, state in states.items() if name in ours}
