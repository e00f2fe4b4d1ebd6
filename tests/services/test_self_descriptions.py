"""What people say of themselves, and which topics they like."""

from __future__ import annotations

import pytest
from django.utils import timezone

from annotate.exceptions import InvalidInput
from annotate.models import Annotator, AnnotatorTraits, Campaign, Interest, SelfDescription
from annotate.queries.self_descriptions import (
    list_own_answers,
    list_topics_of_campaigns,
    list_topics_to_like,
    load_answers,
)
from annotate.services.guests import create_guest, merge_guest
from annotate.services.idle_guests import remove_idle_guests
from annotate.services.self_descriptions import choose_topics, describe_oneself
from annotate.services.terms import CURRENT_TERMS, withdraw_consent
from tests.descriptions import make_topic
from tests.loop import ask, make_annotator, make_campaign, make_prompt, ranking_of, submit

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def say(annotator: Annotator, **answers: str | None) -> dict[str, str]:
    return describe_oneself(annotator_id=annotator.pk, answers=answers, now=NOW)


def like(annotator: Annotator, campaign: Campaign, likes: dict[int, bool | None]) -> dict[int, bool]:
    return choose_topics(annotator_id=annotator.pk, campaign=campaign, likes=likes, now=NOW)


def test_answers_are_kept_changed_and_taken_back_one_by_one():
    ada = make_annotator("ada")
    assert say(ada, region="europe", age="under_25") == {"age": "under_25", "region": "europe"}
    assert say(ada, age="25_to_39") == {"age": "25_to_39", "region": "europe"}
    assert say(ada, region=None, first_language="pt_br") == {"age": "25_to_39", "first_language": "pt-BR"}
    assert list_own_answers(annotator_id=ada.pk) == {"age": "25_to_39", "first_language": "pt-BR"}


def test_an_answer_that_is_said_again_is_not_written_again():
    ada = make_annotator("ada")
    say(ada, age="under_25")
    before = SelfDescription.objects.get().pk
    say(ada, age="under_25")
    assert SelfDescription.objects.get().pk == before


@pytest.mark.parametrize(
    ("name", "answer", "told"),
    [
        ("height", "tall", 'no question "height"'),
        ("age", "19", 'no answer "19"'),
        ("first_language", "not a tag", "no language tag"),
    ],
)
def test_an_answer_that_there_is_not_is_refused_and_nothing_is_changed(name: str, answer: str, told: str):
    ada = make_annotator("ada")
    say(ada, region="europe")
    with pytest.raises(InvalidInput, match=told) as refused:
        say(ada, region="africa", **{name: answer})
    assert list(refused.value.details) == [name]
    assert list_own_answers(annotator_id=ada.pk) == {"region": "europe"}


def test_whoever_withdraws_consent_takes_back_what_they_said_of_themselves():
    campaign, ada = make_campaign(), make_annotator("ada")
    make_topic(campaign, 3)
    say(ada, age="under_25")
    like(ada, campaign, {3: True})
    AnnotatorTraits.objects.create(campaign=campaign, annotator=ada, group="said age under_25", computed_at=NOW)
    withdraw_consent(annotator_id=ada.pk, now=NOW)
    assert not SelfDescription.objects.exists()
    assert not Interest.objects.exists()
    assert not AnnotatorTraits.objects.exists()


@pytest.mark.parametrize(("group", "left"), [("said age under_25", ""), ("opinion 2", "opinion 2")])
def test_whoever_takes_an_answer_back_counts_among_nobody_by_it(group: str, left: str):
    campaign, ada = make_campaign(), make_annotator("ada")
    say(ada, age="under_25")
    AnnotatorTraits.objects.create(campaign=campaign, annotator=ada, group=group, sharpness=1.5, computed_at=NOW)
    say(ada, age=None)
    traits = AnnotatorTraits.objects.get()
    assert (traits.group, traits.sharpness) == (left, 1.5)


def test_topics_are_liked_or_not_and_left_open_again():
    campaign, ada = make_campaign(), make_annotator("ada")
    for number in (1, 2, 3):
        make_topic(campaign, number)
    assert like(ada, campaign, {1: True, 2: False}) == {1: True, 2: False}
    assert like(ada, campaign, {1: None, 3: True}) == {2: False, 3: True}
    shown = list_topics_to_like(annotator_id=ada.pk, campaign=campaign)
    assert [(topic["number"], topic["likes"]) for topic in shown] == [(1, None), (2, False), (3, True)]


def test_a_topic_that_is_not_there_any_more_is_refused_and_nothing_is_changed():
    campaign, ada = make_campaign(), make_annotator("ada")
    make_topic(campaign, 1)
    make_topic(campaign, 2, retired_at=NOW)
    like(ada, campaign, {1: True})
    with pytest.raises(InvalidInput, match="no topic 2"):
        like(ada, campaign, {1: None, 2: True})
    assert Interest.objects.get().topic.number == 1


def test_topics_of_another_campaign_are_none_of_this_one():
    campaign, other, ada = make_campaign(), make_campaign(slug="other"), make_annotator("ada")
    make_topic(other, 1)
    with pytest.raises(InvalidInput, match="no topic 1"):
        like(ada, campaign, {1: True})
    assert [one["slug"] for one in list_topics_of_campaigns(annotator_id=ada.pk)] == ["other"]


def test_a_guest_who_becomes_an_account_brings_what_the_account_had_not_said():
    campaign = make_campaign(guests=True)
    make_topic(campaign, 1)
    guest, token = create_guest(languages=["en"], terms_version=CURRENT_TERMS, now=NOW)
    say(guest, age="under_25", region="europe")
    like(guest, campaign, {1: True})
    ada = make_annotator("ada")
    say(ada, age="40_to_59")
    merge_guest(annotator_id=ada.pk, device_token=token, now=NOW)
    assert list_own_answers(annotator_id=ada.pk) == {"age": "40_to_59", "region": "europe"}
    assert Interest.objects.get().annotator_id == ada.pk
    assert not SelfDescription.objects.filter(annotator=guest).exists()


def test_a_guest_who_gave_nothing_but_a_description_is_removed_with_it():
    make_campaign(guests=True)
    guest, _ = create_guest(languages=["en"], terms_version=CURRENT_TERMS, now=NOW)
    say(guest, age="under_25")
    assert remove_idle_guests(before=timezone.now(), limit=10) == 1
    assert not SelfDescription.objects.exists()


def test_the_job_reads_the_answers_of_those_who_judged_in_the_campaign():
    campaign = make_campaign()
    make_prompt(campaign)
    ada, bob = make_annotator("ada"), make_annotator("bob")
    for one in (ada, bob):
        say(one, age="under_25")
    work = ask(ada, campaign)["assignment"]
    submit(ada, work["id"], ranking_of(work))
    assert load_answers(campaign_id=campaign.pk) == {"age": {str(ada.pk): "under_25"}}
