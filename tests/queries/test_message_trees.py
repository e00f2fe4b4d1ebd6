"""The whole tree for a reader: blind until judged, whole for those who moderate, the same queries for any size."""

from __future__ import annotations

import pytest

from annotate.exceptions import NotFound
from annotate.models import Campaign, Consensus, Generator, Membership, Message, MessageOrigin, MessageTree, Reaction
from annotate.queries.message_trees import find_tree_of, get_tree
from annotate.queries.reading import Reader
from annotate.queries.tree_shapes import Authorship, Reactions
from tests.loop import NOW, ask, make_annotator, make_campaign, make_prompt, submit
from tests.trees import find, label, leave_window, make_tree, open_work, rank_all, read, reader, reply_to, texts

pytestmark = pytest.mark.django_db


def make_moderator(campaign: Campaign):
    moderator = make_annotator("mo")
    Membership.objects.create(campaign=campaign, user=moderator.user, role="moderator")
    return moderator


def test_a_tree_is_shown_depth_first_with_its_texts():
    campaign = make_campaign(kinds=["label"])
    prompt = make_tree(campaign)
    first, second = reply_to(prompt, "To find a mate."), reply_to(prompt, "To defend a place.")
    turn = reply_to(first, "All of them?", role="prompter")
    shown = read(prompt.tree)
    assert [(m.id, m.parent_id, m.depth, m.role) for m in shown.messages] == [
        (prompt.pk, None, 0, "prompter"),
        (first.pk, prompt.pk, 1, "assistant"),
        (turn.pk, first.pk, 2, "prompter"),
        (second.pk, prompt.pk, 1, "assistant"),
    ]
    assert texts(shown) == ["Why do birds sing?", "To find a mate.", "All of them?", "To defend a place."]
    assert (shown.message_count, shown.sealed, shown.next_after, shown.state) == (4, 0, None, "ranking")


def test_replies_that_somebody_may_still_order_are_sealed_and_counted():
    campaign = make_campaign()
    prompt = make_prompt(campaign, replies=3)
    shown = read(prompt.tree, make_annotator())
    assert texts(shown) == [prompt.text]
    assert (shown.sealed, shown.messages[0].sealed_replies, shown.message_count) == (3, 3, 4)


def test_nobody_who_is_not_signed_in_reads_past_a_seal():
    prompt = make_prompt(make_campaign(), replies=2)
    assert texts(read(prompt.tree)) == [prompt.text]


def test_whoever_ordered_the_replies_reads_them():
    campaign = make_campaign()
    prompt = make_prompt(campaign, replies=3)
    ada = make_annotator()
    rank_all(ada, campaign)
    assert (len(read(prompt.tree, ada).messages), read(prompt.tree, ada).sealed) == (4, 0)


def test_a_skip_breaks_no_seal():
    campaign = make_campaign()
    prompt = make_prompt(campaign, replies=2)
    ada = make_annotator()
    held = ask(ada, campaign)["assignment"]["id"]
    assert texts(read(prompt.tree, ada)) == [prompt.text]
    ada.assignments.filter(pk=held).update(state="skipped", lease_expires_at=None)
    assert texts(read(prompt.tree, ada)) == [prompt.text]


def test_a_hold_keeps_the_seal_though_nobody_else_is_asked_any_more():
    campaign = make_campaign(redundancy=1)
    prompt = make_prompt(campaign, replies=2)
    ada, bob = make_annotator("ada"), make_annotator("bob")
    ask(ada, campaign)
    prompt.units.update(is_open=False)
    assert texts(read(prompt.tree, ada)) == [prompt.text]
    assert len(read(prompt.tree, bob).messages) == 3


def test_replies_are_sealed_while_one_could_write_another():
    campaign = make_campaign(kinds=["write_assistant_reply"], replies_wanted=2)
    prompt = make_tree(campaign)
    reply_to(prompt, "To find a mate.")
    open_work(campaign, prompt)
    ada = make_annotator()
    assert texts(read(prompt.tree, ada)) == [prompt.text]
    held = ask(ada, campaign)["assignment"]["id"]
    submit(ada, held, {"text": "Because they can."})
    assert texts(read(prompt.tree, ada)) == [prompt.text, "To find a mate.", "Because they can."]


def test_what_answers_a_sealed_reply_is_sealed_with_it():
    campaign = make_campaign()
    prompt = make_prompt(campaign, replies=2)
    reply_to(prompt.replies.first(), "Go on.", role="prompter")
    shown = read(prompt.tree, make_annotator())
    assert (texts(shown), shown.sealed, shown.messages[0].sealed_replies) == ([prompt.text], 3, 2)


def test_what_was_shown_at_work_stays_readable():
    campaign = make_campaign(kinds=["rank", "label"])
    prompt = make_prompt(campaign, replies=2)
    ada = make_annotator()
    seen = {label(ada, campaign) for _ in range(3)}
    shown = read(prompt.tree, ada)
    assert {message.id for message in shown.messages} == seen | {prompt.pk}
    assert all(message.authorship is None for message in shown.messages if message.parent_id)


def test_a_tree_that_ended_knows_no_seals():
    prompt = make_prompt(make_campaign(), replies=2)
    MessageTree.objects.update(state="done")
    shown = read(prompt.tree)
    assert len(shown.messages) == 3
    assert all(message.authorship == Authorship("import") for message in shown.messages)
    assert all((message.review, message.labels) == ("none", ()) for message in shown.messages)


def test_moderators_organizers_and_administrators_see_all_of_it():
    campaign = make_campaign()
    prompt = make_prompt(campaign, replies=2)
    moderator, bob = make_moderator(campaign), make_annotator("bob")
    reply_to(prompt, "Mine.", author=bob)
    shown = read(prompt.tree, moderator)
    assert (len(shown.messages), shown.is_insider) == (4, True)
    assert shown.messages[-1].authorship == Authorship("volunteer", annotator_id=bob.pk)
    Membership.objects.update(role="organizer")
    assert read(prompt.tree, moderator).is_insider
    Membership.objects.update(role="annotator")
    assert len(read(prompt.tree, moderator).messages) == 1
    assert len(get_tree(tree_id=prompt.tree_id, reader=reader(administrator=True)).messages) == 4


def test_a_moderator_of_another_campaign_is_a_reader_like_others():
    prompt = make_prompt(make_campaign(), replies=2)
    moderator = make_moderator(make_campaign(slug="bees"))
    assert (texts(read(prompt.tree, moderator)), read(prompt.tree, moderator).is_insider) == ([prompt.text], False)


def test_what_wrote_a_reply_is_told_once_nothing_is_ahead_that_it_could_colour():
    campaign = make_campaign(kinds=["rank", "label"])
    prompt = make_prompt(campaign, replies=2)
    generator = Generator.objects.create(name="parrot-7b", engine="label")
    for reply in prompt.replies.all():
        MessageOrigin.objects.create(message=reply, kind="generated", generator=generator, key="g")
    ada = make_annotator()
    rank_all(ada, campaign)
    replies = [m for m in read(prompt.tree, ada).messages if m.parent_id]
    assert [m.authorship for m in replies] == [None, None]
    for _ in range(3):
        label(ada, campaign)
    leave_window(ada)
    replies = [m for m in read(prompt.tree, ada).messages if m.parent_id]
    assert [m.authorship for m in replies] == [Authorship("generator", ("parrot-7b",))] * 2


@pytest.mark.parametrize(("state", "told"), [("growing", None), ("ranking", "volunteer"), ("done", "volunteer")])
def test_who_wrote_a_reply_is_told_to_nobody_who_may_be_asked_to_order_it_once_the_tree_has_grown(state, told):
    campaign = make_campaign(kinds=["label"])
    prompt = make_tree(campaign)
    reply = reply_to(prompt, "Because.", author=make_annotator("bob"))
    open_work(campaign, prompt)
    ada = make_annotator()
    while label(ada, campaign) != reply.pk:
        pass
    leave_window(ada)
    MessageTree.objects.update(state=state)
    authorship = find(read(prompt.tree, ada), reply).authorship
    assert (authorship and authorship.kind) == told


def test_labels_and_reviews_are_told_to_those_who_labelled():
    campaign = make_campaign(kinds=["label"])
    prompt = make_tree(campaign)
    Message.objects.update(review_state="pending")
    open_work(campaign, prompt)
    ada, bob = make_annotator("ada"), make_annotator("bob")
    label(ada, campaign, quality=0.5)
    label(make_annotator("cyd"), campaign, quality=1.0)
    leave_window(ada)
    before, after = find(read(prompt.tree, bob), prompt), find(read(prompt.tree, ada), prompt)
    assert (before.labels, before.review, before.my_label) == (None, None, None)
    assert (after.review, after.my_label) == ("pending", ada.judgments.get(is_current=True).pk)
    by_name = {average.name: (average.mean, average.n, average.not_applicable) for average in after.labels}
    assert by_name == {"spam": (0.0, 2, 0), "quality": (0.75, 2, 0), "pii": (None, 0, 0)}


def test_ranks_are_told_to_those_who_ordered():
    campaign = make_campaign(redundancy=2)
    prompt = make_prompt(campaign, replies=3)
    ada, bob = make_annotator("ada"), make_annotator("bob")
    rank_all(ada, campaign)
    one, two, three = prompt.replies.order_by("pk")
    result = {"candidates": [one.pk, two.pk, three.pk], "tiers": [[two.pk], [one.pk, three.pk]], "unplaced": []}
    Message.objects.filter(pk=prompt.pk).update(
        current_consensus=Consensus.objects.create(
            parent=prompt,
            method="davidson",
            method_version=1,
            input_hash=b"x",
            n=1,
            seed=1,
            result=result,
            computed_at=NOW,
        )
    )
    leave_window(ada)
    assert [find(read(prompt.tree, ada), reply).rank for reply in (one, two, three)] == [None, None, None]
    prompt.units.update(needed=1)
    assert [find(read(prompt.tree, ada), reply).rank for reply in (one, two, three)] == [None, None, None]
    prompt.units.update(needed=2, done=2)
    assert [find(read(prompt.tree, ada), reply).rank for reply in (one, two, three)] == [2, 1, 2]
    assert [find(read(prompt.tree, bob), reply).rank for reply in (one, two, three)] == [None, None, None]


def test_reactions_are_counted_for_those_who_reacted_wrote_or_moderate():
    campaign = make_campaign(kinds=["label"])
    ada, bob = make_annotator("ada"), make_annotator("bob")
    prompt = make_tree(campaign)
    Message.objects.update(author=ada)
    moderator = make_moderator(campaign)
    Reaction.objects.create(message=prompt, annotator=make_annotator("cyd"), code="heart")
    assert find(read(prompt.tree, bob), prompt).reactions == Reactions()
    assert find(read(prompt.tree, ada), prompt).reactions == Reactions((), {"heart": 1})
    assert find(read(prompt.tree, moderator), prompt).reactions == Reactions((), {"heart": 1})
    Reaction.objects.create(message=prompt, annotator=bob, code="clap")
    assert find(read(prompt.tree, bob), prompt).reactions == Reactions(("clap",), {"heart": 1, "clap": 1})


def test_what_was_removed_is_read_by_its_author_and_moderators_and_what_was_withdrawn_by_nobody():
    campaign = make_campaign(kinds=["label"])
    ada, bob = make_annotator("ada"), make_annotator("bob")
    prompt = make_tree(campaign)
    reply = reply_to(prompt, "Spam.", author=ada, removed_at=NOW, removed_reason="Spam.")
    moderator = make_moderator(campaign)
    seen = {name: find(read(prompt.tree, who), reply) for name, who in [("ada", ada), ("bob", bob), ("mo", moderator)]}
    assert {name: (m.text, m.removed_reason) for name, m in seen.items()} == {
        "ada": ("Spam.", "Spam."),
        "bob": (None, ""),
        "mo": ("Spam.", "Spam."),
    }
    Message.objects.filter(pk=reply.pk).update(withdrawn_at=NOW, removed_at=None)
    assert {find(read(prompt.tree, who), reply).text for who in (ada, bob, moderator)} == {None}


def test_one_may_fix_ones_own_text_until_others_have_begun():
    campaign = make_campaign(kinds=["label"])
    ada, bob = make_annotator("ada"), make_annotator("bob")
    prompt = make_tree(campaign)
    Message.objects.update(author=ada)
    open_work(campaign, prompt)
    assert (find(read(prompt.tree, ada), prompt).may_fix, find(read(prompt.tree, bob), prompt).may_fix) == (True, False)
    ask(bob, campaign)
    assert find(read(prompt.tree, ada), prompt).may_fix is False


def test_a_draft_is_there_for_its_members_alone():
    campaign = make_campaign(state="draft")
    prompt = make_tree(campaign)
    moderator = make_moderator(campaign)
    with pytest.raises(NotFound) as refused:
        read(prompt.tree, make_annotator())
    assert refused.value.code == "tree_not_found"
    assert texts(read(prompt.tree, moderator)) == [prompt.text]
    assert find_tree_of(message_id=prompt.pk, reader=Reader()) is None
    assert find_tree_of(message_id=prompt.pk, reader=reader(moderator)) == prompt.tree_id
    with pytest.raises(NotFound):
        get_tree(tree_id=0, reader=Reader())


def test_a_large_tree_is_read_in_parts():
    campaign = make_campaign(kinds=["label"])
    prompt = make_tree(campaign)
    for place in range(5):
        reply_to(prompt, f"Reply {place}")
    first = read(prompt.tree, limit=4)
    second = read(prompt.tree, after=first.next_after, limit=4)
    assert (texts(first), texts(second)) == (
        [prompt.text, "Reply 0", "Reply 1", "Reply 2"],
        ["Reply 3", "Reply 4"],
    )
    assert (first.next_after, second.next_after) == (first.messages[-1].id, None)


@pytest.mark.parametrize("replies", [1, 3])
def test_a_tree_takes_the_same_queries_whatever_its_size(django_assert_num_queries, replies):
    campaign = make_campaign(kinds=["rank", "label"])
    prompt = make_prompt(campaign, replies=replies)
    MessageTree.objects.update(state="done")
    ada = make_annotator()
    with django_assert_num_queries(8):
        assert len(read(prompt.tree, ada).messages) == replies + 1
