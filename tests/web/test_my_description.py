"""The pages on which one says something of oneself, or nothing."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Annotator, Interest, SelfDescription
from annotate.services.people import create_user
from annotate.services.self_descriptions import describe_oneself
from tests.descriptions import make_topic
from tests.loop import make_campaign

pytestmark = pytest.mark.django_db
PAGE = "/me/description/"


@pytest.fixture
def ada(client: Client) -> Annotator:
    user = create_user(email="ada@example.org", now=timezone.now(), with_terms=True)
    client.force_login(user)
    return user.annotator


def said() -> dict[str, str]:
    return dict(SelfDescription.objects.values_list("question", "answer"))


def test_nothing_is_said_before_one_says_it(client: Client, ada: Annotator):
    shown = client.get(PAGE).content.decode()
    assert "I would rather not say" in shown
    assert "Delete all of it" not in shown


def test_what_is_chosen_is_kept_and_shown_again(client: Client, ada: Annotator):
    answer = client.post(PAGE, {"age": "under_25", "region": "", "first_language": "sw"}, follow=True)
    assert said() == {"age": "under_25", "first_language": "sw"}
    shown = answer.content.decode()
    assert '<option value="under_25" selected>' in shown
    assert "What you said is kept." in shown
    assert "Delete all of it" in shown


def test_an_answer_that_there_is_not_stands_with_its_refusal_and_nothing_is_lost(client: Client, ada: Annotator):
    answer = client.post(PAGE, {"age": "25_to_39", "first_language": "no such tag"})
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert "is no language tag" in shown
    assert 'value="no such tag"' in shown
    assert '<option value="25_to_39" selected>' in shown
    assert said() == {}


def test_all_of_it_is_deleted_at_once(client: Client, ada: Annotator):
    describe_oneself(annotator_id=ada.pk, answers={"age": "under_25", "gender": "woman"}, now=timezone.now())
    client.post(f"{PAGE}forget/")
    assert said() == {}


def test_languages_are_offered_by_their_own_names(client: Client, ada: Annotator):
    shown = client.get(PAGE).content.decode()
    assert '<option value="sw" lang="sw">Kiswahili</option>' in shown
    assert '<option value="ha" lang="ha">Hausa</option>' in shown


def test_nobody_else_finds_ones_answers(client: Client, ada: Annotator):
    describe_oneself(annotator_id=ada.pk, answers={"age": "60_or_more"}, now=timezone.now())
    client.force_login(create_user(email="bob@example.org", now=timezone.now(), with_terms=True))
    assert "selected>60" not in client.get(PAGE).content.decode().replace('"60_or_more" ', "")


def test_whoever_is_nobody_is_asked_to_sign_in(client: Client):
    assert client.get(PAGE).status_code == 302


def test_topics_are_chosen_and_the_choice_is_shown(client: Client, ada: Annotator):
    campaign = make_campaign()
    make_topic(campaign, 1, name="Birds")
    make_topic(campaign, 2, name="Cooking")
    assert "Birds" in client.get("/me/topics/birds/").content.decode()
    answer = client.post("/me/topics/birds/", {"topic-1": "yes", "topic-2": "no", "topic-9": "yes"}, follow=True)
    assert dict(Interest.objects.values_list("topic__number", "likes")) == {1: True, 2: False}
    assert 'name="topic-1" value="yes" checked' in answer.content.decode()


def test_a_topic_is_told_by_words_that_its_name_does_not_say(client: Client, ada: Annotator):
    campaign = make_campaign()
    make_topic(campaign, 1, name="bird")
    make_topic(campaign, 2, name="Singing")
    shown = client.get("/me/topics/birds/").content.decode()
    assert "<bdi>song</bdi>" in shown
    assert "<bdi>bird, song</bdi>" in shown


def test_a_campaign_without_topics_says_why(client: Client, ada: Annotator):
    make_campaign()
    assert "once there are enough prompts" in client.get("/me/topics/birds/").content.decode()


def test_topics_of_a_draft_are_nobodys(client: Client, ada: Annotator):
    make_topic(make_campaign(state="draft"), 1)
    assert client.get("/me/topics/birds/").status_code == 404


@pytest.mark.parametrize("topics", [1, 3])
def test_the_pages_take_the_same_statements_whatever_there_is(
    topics: int, client: Client, ada: Annotator, django_assert_num_queries
):
    campaign = make_campaign()
    for number in range(topics):
        make_topic(campaign, number)
    with django_assert_num_queries(3):
        client.get(PAGE)
    with django_assert_num_queries(4):
        client.get("/me/topics/birds/")
