"""What others said is told once one's own answer cannot be undone any more: nobody reads it, undoes theirs, and says the same."""

from __future__ import annotations

import pytest

from annotate.exceptions import Conflict
from annotate.models import Consensus, Message, MessageTree
from annotate.queries.undoable import UNDO_DEPTH
from annotate.services.undo import list_undoable, undo_judgment, withdraw_judgment
from tests.loop import NOW, ask, make_annotator, make_campaign, make_prompt, ranking_of, submit
from tests.trees import find, label, make_tree, open_work, rank_all, read

pytestmark = pytest.mark.django_db


def settle(prompt):
    """An order of its replies, as the job stores it."""
    replies = list(prompt.replies.order_by("pk").values_list("pk", flat=True))
    consensus = Consensus.objects.create(
        parent=prompt, method="davidson", method_version=1, input_hash=b"x", n=1, seed=1, computed_at=NOW,
        result={"candidates": replies, "tiers": [[reply] for reply in replies], "unplaced": []},
    )  # fmt: skip
    Message.objects.filter(pk=prompt.pk).update(current_consensus=consensus)


def rank_others(person, campaign, *, first, count):
    """So many further prompts, each ranked by this person; the judgments."""
    judgments = []
    for number in range(first, first + count):
        make_prompt(campaign, f"Question {number}?", replies=2)
        judgments.append(rank_all(person, campaign))
    return judgments


def told(prompt, person):
    return [find(read(prompt.tree, person), reply).rank for reply in prompt.replies.order_by("pk")]


def make_ranked():
    campaign, ada = make_campaign(redundancy=2), make_annotator()
    prompt = make_prompt(campaign, replies=2)
    judgment = rank_all(ada, campaign)
    rank_all(make_annotator("bob"), campaign)
    settle(prompt)
    return campaign, ada, prompt, judgment


def test_an_order_is_told_once_ten_more_judgments_were_given():
    campaign, ada, prompt, judgment = make_ranked()
    rank_others(ada, campaign, first=0, count=UNDO_DEPTH - 1)
    assert told(prompt, ada) == [None, None]
    assert {find(read(prompt.tree, ada), reply).is_told_later for reply in prompt.replies.all()} == {True}
    assert judgment["id"] in {row["id"] for row in list_undoable(annotator_id=ada.pk)}
    rank_others(ada, campaign, first=20, count=1)
    assert told(prompt, ada) == [1, 2]
    assert {find(read(prompt.tree, ada), reply).is_told_later for reply in prompt.replies.all()} == {False}


def test_undoing_later_ones_does_not_bring_an_earlier_one_back():
    campaign, ada, prompt, judgment = make_ranked()
    later = rank_others(ada, campaign, first=0, count=UNDO_DEPTH)
    assert told(prompt, ada) == [1, 2]
    undo_judgment(annotator_id=ada.pk, judgment_id=later[-1]["id"], now=NOW)
    withdraw_judgment(annotator_id=ada.pk, judgment_id=later[-2]["id"], now=NOW)
    with pytest.raises(Conflict) as refused:
        undo_judgment(annotator_id=ada.pk, judgment_id=judgment["id"], now=NOW)
    assert refused.value.code == "too_old"
    assert told(prompt, ada) == [1, 2]


def test_what_was_undone_is_no_judgment_by_which_one_reads_an_order():
    _, ada, prompt, judgment = make_ranked()
    undo_judgment(annotator_id=ada.pk, judgment_id=judgment["id"], now=NOW)
    assert len(read(prompt.tree, ada).messages) == 1


def test_labels_reviews_and_authors_are_told_as_late():
    campaign, ada = make_campaign(kinds=("label", "rank")), make_annotator()
    prompt = make_tree(campaign)
    Message.objects.update(review_state="pending", author=make_annotator("bob"))
    open_work(campaign, prompt)
    label(make_annotator("cyd"), campaign, quality=1.0)
    label(ada, campaign, quality=0.0)
    shown = find(read(prompt.tree, ada), prompt)
    assert (shown.labels, shown.review, shown.authorship, shown.created_at, shown.is_told_later) == (
        None, None, None, None, True,
    )  # fmt: skip
    assert shown.my_label == ada.judgments.get().pk
    rank_others(ada, campaign, first=0, count=UNDO_DEPTH)
    shown = find(read(prompt.tree, ada), prompt)
    assert (shown.review, shown.authorship and shown.authorship.kind, shown.is_told_later) == (
        "pending",
        "volunteer",
        False,
    )
    assert shown.labels is not None


def test_nobody_undoes_what_everybody_can_read_now():
    _, ada, prompt, judgment = make_ranked()
    MessageTree.objects.filter(pk=prompt.tree_id).update(state="done")
    assert told(prompt, ada) == [1, 2]
    with pytest.raises(Conflict) as refused:
        undo_judgment(annotator_id=ada.pk, judgment_id=judgment["id"], now=NOW)
    assert refused.value.code == "tree_ended"
    withdraw_judgment(annotator_id=ada.pk, judgment_id=judgment["id"], now=NOW)


def test_an_answer_that_is_given_again_is_a_judgment_of_its_own():
    campaign, ada, prompt, judgment = make_ranked()
    rank_others(ada, campaign, first=0, count=UNDO_DEPTH - 1)
    newest = list_undoable(annotator_id=ada.pk)[0]["id"]
    again = undo_judgment(annotator_id=ada.pk, judgment_id=newest, now=NOW)
    submit(ada, again["id"], ranking_of(again))
    assert told(prompt, ada) == [1, 2]
    with pytest.raises(Conflict):
        undo_judgment(annotator_id=ada.pk, judgment_id=judgment["id"], now=NOW)
    assert ask(ada, campaign)["assignment"] is None
