"""Briefs: what prompts are asked for, by whom it is changed, and what stays once people wrote by it."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from annotate.exceptions import ChorusError
from annotate.models import AuditEvent, Brief, MessageTree, Stale, Stratum
from annotate.queries.briefs import list_briefs, list_topics
from annotate.services import briefs as services
from annotate.services.briefs import change_brief, create_brief
from tests.opinions import make_campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return make_campaign(languages=("en", "de"))


def add(campaign, **values):
    return create_brief(campaign=campaign, values={"language": "en", **values}, actor=None)


def change(campaign, brief, **values):
    return change_brief(campaign=campaign, brief_id=brief.pk, values=values, actor=None)


def write_by(brief):
    stratum, _ = Stratum.objects.get_or_create(campaign=brief.campaign, language=brief.language, topic="")
    number = MessageTree.objects.count()
    return MessageTree.objects.create(
        campaign=brief.campaign, stratum=stratum, brief=brief, language=brief.language, key=str(number)
    )


def is_marked(campaign):
    return Stale.objects.filter(kind="supply", subject_id=campaign.pk).exists()


def last_event():
    return AuditEvent.objects.order_by("-pk").first()


def refusal(act, *args, **values):
    with pytest.raises(ChorusError) as refused:
        act(*args, **values)
    return refused.value.code, refused.value.details


def test_a_brief_is_asked_by_from_now_on_and_told_to_the_audit(campaign):
    brief = add(campaign, topic="birds", difficulty="easy", words=" Why do they sing? ", wanted=12)
    stored = Brief.objects.get()
    assert (stored.language, stored.topic, stored.difficulty, stored.words, stored.wanted, stored.is_open) == (
        "en",
        "birds",
        "easy",
        "Why do they sing?",
        12,
        True,
    )
    assert (last_event().action, last_event().object_kind, last_event().object_id, last_event().before) == (
        "brief.changed",
        "brief",
        str(brief.pk),
        None,
    )
    assert last_event().after["words"] == "Why do they sing?"
    assert is_marked(campaign)


@pytest.mark.parametrize(
    ("values", "at"),
    [
        ({"language": "fr"}, "language"),
        ({"language": None}, "language"),
        ({"language": 3}, "language"),
        ({"topic": "x" * 81}, "topic"),
        ({"topic": "two\nlines"}, "topic"),
        ({"difficulty": "x" * 41}, "difficulty"),
        ({"words": "x" * 501}, "words"),
        ({"words": "a\0b"}, "words"),
        ({"wanted": 0}, "wanted"),
        ({"wanted": "many"}, "wanted"),
        ({"wanted": True}, "wanted"),
        ({"is_open": "yes"}, "is_open"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_a_brief_cannot_be_is_told_at_its_field(campaign, values, at):
    code, details = refusal(add, campaign, **values)
    assert (code, list(details), Brief.objects.count()) == ("invalid_input", [at], 0)


def test_the_longest_brief_in_any_script_can_be_kept(campaign):
    add(campaign, topic="鳥" * 80, difficulty="難" * 40, words="🐦" * 500)
    assert len(Brief.objects.get().words) == 500


def test_the_same_is_not_asked_by_two_open_briefs(campaign):
    first = add(campaign, words="Why?")
    assert refusal(add, campaign, words="Why?")[0] == "brief_taken"
    with pytest.raises(IntegrityError), transaction.atomic():
        Brief.objects.create(campaign=campaign, language="en", words="Why?")
    change(campaign, first, is_open=False)
    again = add(campaign, words="Why?")
    assert refusal(change, campaign, first, is_open=True)[0] == "brief_taken"
    assert [brief.is_open for brief in Brief.objects.order_by("pk")] == [False, True]
    assert again.pk != first.pk


def test_another_language_asks_for_something_else(campaign):
    add(campaign, words="Why?")
    add(campaign, language="de", words="Why?")
    assert Brief.objects.count() == 2


def test_what_changes_is_told_and_the_same_again_changes_nothing(campaign):
    brief = add(campaign, wanted=5)
    Stale.objects.all().delete()
    change(campaign, brief, wanted=7, topic="birds")
    assert (last_event().before, last_event().after) == ({"topic": "", "wanted": 5}, {"topic": "birds", "wanted": 7})
    assert is_marked(campaign)
    events = AuditEvent.objects.count()
    change(campaign, brief, wanted=7, topic="birds")
    assert AuditEvent.objects.count() == events


def test_words_by_which_somebody_wrote_stay(campaign):
    brief = add(campaign, words="Why?", wanted=5)
    write_by(brief)
    assert refusal(change, campaign, brief, words="How?", wanted=9)[0] == "brief_in_use"
    brief.refresh_from_db()
    assert (brief.words, brief.wanted) == ("Why?", 5)
    change(campaign, brief, words="Why?", wanted=9)
    change(campaign, brief, is_open=False)
    brief.refresh_from_db()
    assert (brief.wanted, brief.is_open) == (9, False)


def test_a_brief_of_another_campaign_is_not_found(campaign):
    brief = add(make_campaign("fish"))
    assert refusal(change, campaign, brief, is_open=False)[0] == "brief_not_found"
    brief.refresh_from_db()
    assert brief.is_open


def test_a_language_that_was_taken_out_is_refused_and_its_brief_can_still_be_closed(campaign):
    brief = add(campaign, language="de")
    campaign.languages = ["en"]
    campaign.save()
    assert refusal(add, campaign, language="de")[1].keys() == {"language"}
    assert not change(campaign, brief, is_open=False).is_open


def test_no_program_opens_briefs_without_end(campaign, monkeypatch):
    monkeypatch.setattr(services, "MOST_OPEN", 2)
    add(campaign, words="one")
    add(campaign, words="two")
    assert refusal(add, campaign, words="three")[0] == "too_many_briefs"


def test_the_list_says_how_far_each_is_open_ones_first(campaign, django_assert_num_queries):
    closed = add(campaign, words="closed")
    change(campaign, closed, is_open=False)
    brief = add(campaign, words="Why?")
    for _ in range(3):
        tree = write_by(brief)
    tree.state = "low_grade"
    tree.save()
    with django_assert_num_queries(1):
        rows = list_briefs(campaign_id=campaign.pk, limit=10)
    told = ("words", "is_open", "written", "standing", "asked", "is_own")
    assert [tuple(row[name] for name in told) for row in rows] == [
        ("Why?", True, 3, 2, 0, True),
        ("closed", False, 0, 0, 0, True),
    ]
    assert list_briefs(campaign_id=make_campaign("fish").pk, limit=10) == []


def test_topics_to_choose_from_are_those_of_the_target_space(campaign):
    for language, topic in (("en", "birds"), ("de", "birds"), ("en", ""), ("en", "art")):
        Stratum.objects.create(campaign=campaign, language=language, topic=topic)
    assert list_topics(campaign_id=campaign.pk) == ["art", "birds"]
