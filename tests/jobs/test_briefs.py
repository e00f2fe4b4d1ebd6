"""Briefs that open where prompts are missing and close when they are there: told to writers, and to the audit."""

from __future__ import annotations

import pytest
from django.utils import timezone

from annotate.models import AuditEvent, Brief, Campaign, MessageTree, PromptPlace, Stale, TargetShare, Unit
from annotate.queries.presentation import present_brief
from annotate.services.briefs import change_brief, create_brief
from tasks.jobs.briefs import open_briefs_job
from tests.coverage_world import add_cell, add_topic
from tests.growing import grow
from tests.kinds import make_growing, make_tree
from tests.loop import ask, make_annotator

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return make_growing(languages=("en", "sw"), kinds=("write_prompt", "rank", "label"), open_briefs=True)


@pytest.fixture
def lacking(campaign):
    """Much about birds, nothing about bees."""
    add_cell(campaign, topic=add_topic(campaign, "bird, wing"), share=0.5, prompts=40)
    return add_cell(campaign, topic=add_topic(campaign, "bee, honey"), share=0.5, prompts=0)


def follow() -> list[Brief]:
    Stale.objects.filter(kind="turn_briefs").update(lease_expires_at=None)
    open_briefs_job()
    return list(Brief.objects.filter(origin="scheduler").order_by("pk"))


def test_where_prompts_are_missing_a_brief_opens_and_says_why(campaign, lacking) -> None:
    [brief] = follow()
    assert (brief.language, brief.topic, brief.difficulty, brief.words, brief.wanted, brief.is_open, brief.cell) == (
        "en", "bee, honey", "", "", 20, True, lacking,
    )  # fmt: skip
    assert brief.why == {"key": "en/2//", "length": "", "prompts": 0, "wanted": 20, "share": 0.5}
    event = AuditEvent.objects.get(action="brief.changed")
    assert (event.actor, event.after["topic"], event.after["wanted"]) == (None, "bee, honey", 20)
    assert Stale.objects.filter(kind="supply", subject_id=campaign.pk).exists()


def test_it_asks_for_places_until_they_are_filled_and_then_closes(campaign, lacking) -> None:
    [brief] = follow()
    grow()
    assert brief.units.filter(is_open=True, kind="write_prompt").count() == 20
    lacking.prompts = 40
    lacking.save()
    [brief] = follow()
    assert not brief.is_open
    assert brief.vetoed_at is None
    event = AuditEvent.objects.order_by("-pk").first()
    assert (event.before, event.after) == ({"is_open": True}, {"is_open": False})
    assert event.reason == "The prompts that were missing are there."


def test_running_twice_opens_nothing_twice(campaign, lacking) -> None:
    assert follow() == follow()
    open_briefs_job()
    assert AuditEvent.objects.filter(action="brief.changed").count() == 1


def test_a_length_that_a_share_was_set_for_is_asked_for_in_words_that_writers_read(campaign) -> None:
    TargetShare.objects.create(campaign=campaign, axis="length", value="long", share=0.5)
    add_cell(campaign, language="sw", share=0.5, prompts=40)
    add_cell(campaign, language="sw", length="long", share=0.5, prompts=0)
    [brief] = follow()
    assert (brief.language, brief.topic, brief.words) == ("sw", "", "Make it long: over 400 characters.")


def test_a_language_that_lacks_prompts_is_asked_for_beside_the_campaigns_own_brief(campaign) -> None:
    grow()
    add_cell(campaign, share=0.5, prompts=40)
    add_cell(campaign, language="sw", share=0.5, prompts=0)
    [brief] = follow()
    assert (brief.language, brief.words) == (
        "sw", "Whatever you would like to ask. There are few prompts in this language.",
    )  # fmt: skip


def test_examples_are_of_what_is_there_and_what_was_taken_away_is_none(campaign, lacking) -> None:
    lacking.prompts = 3
    lacking.save()
    for number, text in enumerate(
        [
            "Do bees dream?",
            "Taken away.",
            "Rejected.",
            "Not reviewed.",
            "How is honey made?",
            "What stings?",
            "One too many",
        ]
    ):
        [prompt] = make_tree(campaign, text)
        PromptPlace.objects.create(
            message=prompt,
            campaign=campaign,
            tree=prompt.tree,
            cell=lacking,
            density=9.0 - number,
            placed_at=timezone.now(),
        )
        prompt.review_state = {"Rejected.": "rejected", "Not reviewed.": "pending"}.get(text, "accepted")
        prompt.removed_at = timezone.now() if text == "Taken away." else None
        prompt.save()
    [brief] = follow()
    texts = [MessageTree.objects.get(messages=message).messages.get().text for message in brief.examples]
    assert texts == ["Do bees dream?", "How is honey made?", "What stings?"]


def test_writers_are_shown_the_brief_with_its_examples_but_none_that_was_taken_away_since(campaign, lacking) -> None:
    prompts = [make_tree(campaign, text)[0] for text in ("Do **bees** dream?", "How is honey made?")]
    for prompt in prompts:
        prompt.review_state = "accepted"
        prompt.save()
    [brief] = follow()
    Brief.objects.filter(pk=brief.pk).update(examples=[prompts[1].pk, prompts[0].pk])
    grow()
    Unit.objects.filter(brief=brief.pk).update(band=1000)  # before the place for any prompt at all
    ada = make_annotator()
    hold = ask(ada, campaign, kinds=["write_prompt"], languages=["en"])["assignment"]
    assert hold["subject"]["brief"] == {
        "language": "en", "topic": "bee, honey", "difficulty": None, "words": None,
        "examples": ["How is honey made?", "Do bees dream?"],
    }  # fmt: skip
    prompts[1].removed_at = timezone.now()
    prompts[1].save()
    again = ask(ada, campaign, kinds=["write_prompt"], languages=["en"])["assignment"]
    assert again["subject"]["brief"]["examples"] == ["Do bees dream?"]


def test_long_examples_are_cut() -> None:
    assert len(present_brief("en", "", "", "", ["word " * 400])["examples"][0]) <= 301


def test_what_an_organizer_closes_is_not_asked_for_again_until_they_open_it(campaign, lacking) -> None:
    [brief] = follow()
    change_brief(campaign=campaign, brief_id=brief.pk, values={"is_open": False}, actor=None)
    [brief] = follow()
    assert (brief.is_open, brief.vetoed_at is not None) == (False, True)
    event = AuditEvent.objects.order_by("-pk").first()
    assert event.after == {"is_open": False, "is_vetoed": True}
    change_brief(campaign=campaign, brief_id=brief.pk, values={"is_open": True}, actor=None)
    [brief] = follow()
    assert (brief.is_open, brief.vetoed_at) == (True, None)


def test_a_brief_whose_words_an_organizer_changes_is_theirs_and_stays(campaign, lacking) -> None:
    [brief] = follow()
    change_brief(campaign=campaign, brief_id=brief.pk, values={"words": "Ask about hives."}, actor=None)
    lacking.prompts = 40
    lacking.save()
    assert follow() == []
    brief.refresh_from_db()
    assert (brief.origin, brief.is_open, brief.vetoed_at) == ("organizer", True, None)


def test_what_an_organizer_asks_for_is_not_asked_for_beside_it(campaign, lacking) -> None:
    create_brief(campaign=campaign, values={"language": "en", "topic": "bee, honey", "words": "Mine."}, actor=None)
    assert follow() == []


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {"grow_trees": True, "open_briefs": False}},
        {"parameters": {"open_briefs": True}},
        {"kinds": ["rank"]},
    ],
)
def test_where_nobody_is_to_be_asked_what_is_open_closes(campaign, lacking, change) -> None:
    follow()
    Campaign.objects.update(**change)
    [brief] = follow()
    assert (brief.is_open, brief.vetoed_at) == (False, None)


def test_a_campaign_that_did_not_ask_for_it_is_left_alone(lacking) -> None:
    Campaign.objects.update(parameters={"grow_trees": True})
    assert follow() == []
    assert not Stale.objects.filter(kind="turn_briefs").exists()


def test_while_a_campaign_rests_nothing_changes(campaign, lacking) -> None:
    follow()
    Campaign.objects.update(state="paused")
    lacking.prompts = 40
    lacking.save()
    [brief] = follow()
    assert brief.is_open
