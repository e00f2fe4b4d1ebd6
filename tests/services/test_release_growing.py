"""What a release says of trees that grew: who asked, what reviewers said, what was improved, where it ended."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from annotate.management.release_tools import list_release_tools
from annotate.models import Brief, Message, MessageTree, Unit
from annotate.services.judgments import skip_assignment
from annotate.services.release_building import find_folder
from annotate.services.release_writing import write_release
from annotate.services.revisions import write_text
from annotate.services.terms import withdraw_consent
from annotate.services.undo import withdraw_judgment
from tests.kinds import make_brief, make_growing, make_tree, open_unit
from tests.loop import NOW, ask, make_annotator, submit
from tests.releases import build, make_giver, read_lines

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def release_dir(settings, tmp_path):
    settings.RELEASE_DIR = tmp_path / "releases"


def write(annotator, campaign, body, *, kind):
    """What this person gives to the work of one kind; returns the judgment's id."""
    hold = ask(annotator, campaign, kinds=[kind])["assignment"]
    return submit(annotator, hold["id"], body)["judgment"]["id"]


def make_written_tree(**parameters):
    """A prompt to a brief by ada, a reply by bob that ends the conversation, an improvement by cy, and reviews by dee."""
    campaign = make_growing(**parameters)
    ada, bob, cy, dee = (make_giver(name) for name in ("ada", "bob", "cy", "dee"))
    open_unit(campaign, "write_prompt", brief=make_brief(campaign, topic="Birds", words="Ask."))
    write(ada, campaign, {"text": "Why do birds sing?", "rationale": "I wonder."}, kind="write_prompt")
    prompt = Message.objects.get()
    open_unit(campaign, "write_assistant_reply", subject=prompt)
    write(bob, campaign, {"text": "Becuase.", "rationale": "Short."}, kind="write_assistant_reply")
    reply = Message.objects.get(parent=prompt)
    open_unit(campaign, "improve_reply", subject=reply)
    write(cy, campaign, {"text": "Because.", "rationale": "Spelling."}, kind="improve_reply")
    open_unit(campaign, "write_prompter_reply", subject=reply)
    write(ada, campaign, {"ends_thread": True}, kind="write_prompter_reply")
    open_unit(campaign, "label", subject=prompt, is_simple=True)
    write(dee, campaign, {"labels": {"spam": False}}, kind="label")
    return campaign, (ada, bob, cy, dee), prompt, reply, Message.objects.get(parent=prompt, author=cy)


def only_tree(release):
    (tree,) = read_lines(release, "trees.jsonl.gz")
    return tree


def test_a_tree_says_its_brief_its_reviews_its_end_and_what_was_improved():
    campaign, _, prompt, reply, _edit = make_written_tree()
    Message.objects.filter(pk__in=[prompt.pk, reply.pk]).update(review_state="accepted")
    release = build(campaign)
    tree = only_tree(release)
    assert (tree["tree_state"], tree["topic"]) == ("prompt_review", "Birds")
    assert tree["brief"] == {"topic": "Birds", "difficulty": None, "words": "Ask."}
    root = tree["prompt"]
    replies = {row["text"]: row for row in root["replies"]}
    names = ("review_state", "review_result", "review_count", "ends_thread", "improved_from", "rationale")
    assert {name: root[name] for name in names} == {
        "review_state": "accepted", "review_result": True, "review_count": 1, "ends_thread": 0, "improved_from": None,
        "rationale": "I wonder.",
    }  # fmt: skip
    assert {name: replies["Becuase."][name] for name in names} == {
        "review_state": "accepted", "review_result": True, "review_count": 0, "ends_thread": 1, "improved_from": None,
        "rationale": "Short.",
    }  # fmt: skip
    assert {name: replies["Because."][name] for name in names} == {
        "review_state": "pending", "review_result": None, "review_count": 0, "ends_thread": 0,
        "improved_from": replies["Becuase."]["message_id"], "rationale": None,
    }  # fmt: skip
    assert (replies["Because."]["origins"], replies["Because."]["synthetic"]) == (
        [{"kind": "improved", "generator": None, "human": True, "generation": None}], False,
    )  # fmt: skip
    frame = pd.read_parquet(find_folder(release) / "trees.parquet").set_index("text")
    assert frame.loc["Because.", "improved_from"] == replies["Becuase."]["message_id"]
    assert frame.loc["Becuase.", "ends_thread"] == 1
    assert list(frame["review_state"]) == [row["review_state"] for row in (root, *root["replies"])]
    assert {brief["words"] for brief in frame["brief"]} == {"Ask."}


def test_an_improvement_is_a_ballot_and_a_pair_with_both_texts():
    campaign, *_ = make_written_tree()
    release = build(campaign)
    replies = {row["text"]: row["message_id"] for row in only_tree(release)["prompt"]["replies"]}
    (ballot,) = read_lines(release, "ballots.jsonl.gz")
    assert (ballot["kind"], ballot["rationale"], ballot["counted"]) == ("improve_reply", "Spelling.", True)
    assert ballot["tiers"] == [[replies["Because."]], [replies["Becuase."]]]
    assert ballot["shown"] == [replies["Becuase."], replies["Because."]]
    assert ballot["parent_id"] == only_tree(release)["prompt"]["message_id"]
    (pair,) = read_lines(release, "preference_pairs.jsonl.gz")
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"], pair["is_improvement"], pair["votes_chosen"]) == (
        "Because.", "Becuase.", True, 1,
    )  # fmt: skip
    assert only_tree(release)["prompt"]["consensus"]["n_ballots"] == 1
    assert release.counts["texts_written"] == 3
    assert (release.counts["ballots"], release.counts["label_sets"], release.counts["annotators"]) == (1, 1, 4)


def test_an_improvement_that_reviewers_rejected_is_preferred_to_nothing():
    campaign, _, _, _, edit = make_written_tree()
    Message.objects.filter(pk=edit.pk).update(review_state="rejected")
    release = build(campaign)
    assert read_lines(release, "preference_pairs.jsonl.gz") == []
    rejected = [row for row in only_tree(release)["prompt"]["replies"] if row["review_result"] is False]
    assert [row["text"] for row in rejected] == ["Because."]


def test_questions_that_the_simple_form_does_not_ask_are_null():
    campaign, *_ = make_written_tree()
    rows = read_lines(build(campaign), "labels.jsonl.gz")
    assert {row["dimension"]: (row["answer"], row["value"], row["is_simple"]) for row in rows} == {
        "spam": ("given", 0.0, True),
        "quality": ("skipped", None, True),
        "pii": ("skipped", None, True),
    }


def test_a_rebuild_is_the_same_whatever_reviewers_and_organizers_did_since(tmp_path):
    campaign, *_ = make_written_tree()
    release = build(campaign)
    Message.objects.update(review_state="accepted")
    MessageTree.objects.update(state="growing", state_reason="drawn")
    Brief.objects.update(words="Other.", topic="Cats")
    Unit.objects.update(is_open=False)
    again = write_release(release=release, folder=tmp_path / "again", tools=list_release_tools(), beat=lambda: None)
    assert {file.name: file.sha256 for file in again.files} == dict(release.files.values_list("name", "sha256"))


@pytest.mark.parametrize(
    "state", ["prompt_review", "waiting", "growing", "ranking", "done", "low_grade", "halted", "retired"]
)
def test_trees_are_released_in_whichever_state_they_are(state):
    campaign, *_ = make_written_tree()
    MessageTree.objects.update(state=state)
    assert only_tree(build(campaign))["tree_state"] == state


def make_pair():
    campaign = make_growing(min_reviews=1)
    open_unit(campaign, "write_pair", brief=make_brief(campaign))
    ada, bob = make_giver("ada"), make_giver("bob")
    judgment = write(ada, campaign, {"prompt": "Why?", "reply": "Because."}, kind="write_pair")
    for message in Message.objects.order_by("id"):
        open_unit(campaign, "label", subject=message)
        write(bob, campaign, {"labels": {"spam": False}}, kind="label")
    return campaign, ada, judgment


def test_both_halves_of_a_pair_are_given_by_one_judgment():
    campaign, _, _ = make_pair()
    release = build(campaign)
    root = only_tree(release)["prompt"]
    assert (root["text"], [reply["text"] for reply in root["replies"]]) == ("Why?", ["Because."])
    assert {root["user_id"], root["replies"][0]["user_id"]} - {None} == {root["user_id"]}
    assert release.counts["texts_written"] == 2


def test_a_pair_withdrawn_is_withdrawn_with_both_halves():
    campaign, ada, judgment = make_pair()
    first = build(campaign)
    tree = only_tree(first)
    withdraw_judgment(annotator_id=ada.pk, judgment_id=judgment, now=NOW)
    open_unit(campaign, "label", subject=make_tree(campaign, "Else?")[0])
    write(make_giver("cy"), campaign, {"labels": {"spam": False}}, kind="label")
    second = build(campaign)
    assert [row["prompt"]["text"] for row in read_lines(second, "trees.jsonl.gz")] == ["Else?"]
    gone = {row["id"] for row in read_lines(second, "withdrawn.jsonl") if row["kind"] == "message"}
    assert gone == {tree["prompt"]["message_id"], tree["prompt"]["replies"][0]["message_id"]}


def test_without_its_authors_consent_no_half_of_a_pair_is_released():
    campaign, ada, _ = make_pair()
    open_unit(campaign, "label", subject=make_tree(campaign, "Else?")[0])
    write(make_giver("cy"), campaign, {"labels": {"spam": False}}, kind="label")
    withdraw_consent(annotator_id=ada.pk, now=NOW)
    assert [row["prompt"]["text"] for row in read_lines(build(campaign), "trees.jsonl.gz")] == ["Else?"]


def test_the_consent_of_a_pairs_author_speaks_for_nobody_elses_reply():
    campaign, _, _ = make_pair()
    open_unit(campaign, "write_assistant_reply", subject=Message.objects.get(parent=None))
    eve = make_giver("eve")
    write(eve, campaign, {"text": "For joy."}, kind="write_assistant_reply")
    withdraw_consent(annotator_id=eve.pk, now=NOW)
    assert [reply["text"] for reply in only_tree(build(campaign))["prompt"]["replies"]] == ["Because."]


def test_the_words_of_one_who_proposed_them_and_consents_no_more_are_not_released():
    campaign, _, _, reply, _ = make_written_tree()
    eve, moderator = make_giver("eve"), make_annotator("mo", terms="")
    write_text(message=reply, text="Because of spring.", author_id=eve.pk, reason="Clearer.", now=NOW)
    write_text(message=reply, text="Because of the spring.", author_id=moderator.pk, reason="Grammar.", now=NOW)
    assert "Because of the spring." in {row["text"] for row in only_tree(build(campaign))["prompt"]["replies"]}
    withdraw_consent(annotator_id=eve.pk, now=NOW)
    assert [row["text"] for row in only_tree(build(campaign))["prompt"]["replies"]] == ["Because."]


def test_orders_of_prompts_are_released_with_no_tree_of_their_own():
    campaign, *_ = make_written_tree()
    prompts = [make_tree(campaign, f"Prompt {n}?", state="waiting")[0] for n in range(3)]
    open_unit(campaign, "rank", brief=Brief.objects.get(), candidates=prompts, needed=3)
    eve, fay = make_giver("eve"), make_giver("fay")
    hold = ask(eve, campaign, kinds=["rank"])["assignment"]
    submit(eve, hold["id"], {"tiers": [["b"], ["a", "c"]], "rationale": "Clear."})
    other = ask(fay, campaign, kinds=["rank"])["assignment"]
    skip_assignment(
        annotator_id=fay.pk, assignment_id=other["id"], skip_reason="not_my_topic", now=NOW, rng=random.Random(1)
    )
    release = build(campaign)
    ranked = [row for row in read_lines(release, "ballots.jsonl.gz") if row["kind"] == "rank"]
    assert [(row["outcome"], row["parent_id"], row["message_tree_id"], row["topic"]) for row in ranked] == [
        ("judged", None, None, "Birds"),
        ("skipped", None, None, "Birds"),
    ]
    assert [len(tier) for tier in ranked[0]["tiers"]] == [1, 2]
    assert len(pd.read_parquet(find_folder(release) / "ballots.parquet")) == 3
    assert only_tree(release)["prompt"]["text"] == "Why do birds sing?"
