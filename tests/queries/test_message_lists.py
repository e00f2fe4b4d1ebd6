"""The newest messages of a language, and one's own: what stands, page by page, and no seal broken."""

from __future__ import annotations

import pytest

from annotate.models import Membership, Message, MessageTree
from annotate.queries import message_lists
from annotate.queries.message_lists import list_own, list_recent
from annotate.queries.reading import Reader
from tests.loop import NOW, make_annotator, make_campaign, make_prompt
from tests.trees import make_tree, rank_all, reader, reply_to

pytestmark = pytest.mark.django_db


def recent(who: Reader | None = None, **given) -> list[str]:
    return [message.text for message in list_recent(reader=who or Reader(), **given).messages]


def test_the_newest_are_first_page_by_page():
    campaign = make_campaign(kinds=["label"])
    for text in ("one", "two", "three"):
        make_tree(campaign, text)
    first = list_recent(reader=Reader(), limit=2)
    second = list_recent(reader=Reader(), limit=2, before=first.next_before)
    assert [[m.text for m in page.messages] for page in (first, second)] == [["three", "two"], ["one"]]
    assert second.next_before is None


def test_a_list_keeps_to_a_language_a_campaign_and_prompts():
    birds, bees = make_campaign(kinds=["label"]), make_campaign(slug="bees", kinds=["label"])
    make_tree(birds, "Hallo", language="de")
    reply_to(make_tree(bees, "Hello"), "Hi.")
    assert (recent(language="de"), recent(campaign="bees"), recent(prompts_only=True)) == (
        ["Hallo"],
        ["Hi.", "Hello"],
        ["Hello", "Hallo"],
    )


def test_a_list_breaks_no_seal():
    campaign = make_campaign()
    make_prompt(campaign, "Owls?", replies=2)
    ada = make_annotator()
    assert (recent(reader(ada)), recent()) == (["Owls?"], ["Owls?"])
    rank_all(ada, campaign)
    assert (len(recent(reader(ada))), recent()) == (3, ["Owls?"])
    Membership.objects.create(campaign=campaign, user=(mo := make_annotator("mo")).user, role="moderator")
    assert len(recent(reader(mo))) == 3
    MessageTree.objects.update(state="done")
    assert len(recent()) == 3


@pytest.mark.parametrize("gone", [{"removed_at": NOW}, {"withdrawn_at": NOW}, {"review_state": "rejected"}])
def test_what_does_not_stand_is_in_ones_own_list_alone(gone):
    ada = make_annotator()
    make_tree(make_campaign(kinds=["label"]), "Owls?")
    Message.objects.update(author=ada, **gone)
    assert recent() == []
    (mine,) = list_own(annotator_id=ada.pk).messages
    assert (mine.text, mine.is_mine, mine.is_removed, mine.is_withdrawn, mine.review) == (
        "Owls?",
        True,
        "removed_at" in gone,
        "withdrawn_at" in gone,
        gone.get("review_state", "none"),
    )


def test_ones_own_are_ones_own_alone():
    campaign = make_campaign(kinds=["label"])
    ada, bob = make_annotator("ada"), make_annotator("bob")
    prompt = make_tree(campaign)
    for number in range(3):
        reply_to(prompt, f"Ada {number}", author=ada)
        reply_to(prompt, f"Bob {number}", author=bob)
    first = list_own(annotator_id=ada.pk, limit=2)
    second = list_own(annotator_id=ada.pk, limit=2, before=first.next_before)
    assert [[m.text for m in page.messages] for page in (first, second)] == [["Ada 2", "Ada 1"], ["Ada 0"]]


def test_what_is_sealed_is_walked_past_a_part_at_a_time(monkeypatch):
    monkeypatch.setattr(message_lists, "MOST_LOOKED_AT", 4)
    monkeypatch.setattr(message_lists, "_RECENT_OF_ALL", message_lists._RECENT_OF_ALL.replace("LIMIT 1500", "LIMIT 4"))
    campaign = make_campaign()
    make_tree(campaign, "Older?")
    make_prompt(campaign, "Owls?", replies=5)
    pages, before = [], None
    while len(pages) < 9:
        page = list_recent(reader=Reader(), before=before)
        pages.append([message.text for message in page.messages])
        before = page.next_before
        if before is None:
            break
    assert pages == [[], ["Owls?", "Older?"]]


def test_the_time_of_a_reply_is_told_once_its_tree_has_ended():
    prompt = make_tree(make_campaign(kinds=["label"]))
    reply_to(prompt, "Because.")
    assert [m.created_at is None for m in list_recent(reader=Reader()).messages] == [True, False]
    MessageTree.objects.update(state="done")
    assert [m.created_at is None for m in list_recent(reader=Reader()).messages] == [False, False]


@pytest.mark.parametrize("messages", [1, 3])
def test_a_list_is_one_query(django_assert_num_queries, messages):
    campaign = make_campaign(kinds=["label"])
    ada = make_annotator()
    for number in range(messages):
        make_tree(campaign, f"Owl {number}")
    Message.objects.update(author=ada)
    with django_assert_num_queries(2):
        assert len(recent()) == len(list_own(annotator_id=ada.pk).messages) == messages
