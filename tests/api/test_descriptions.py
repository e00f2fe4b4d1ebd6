"""What I say of myself, and the topics I like, over the API."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from annotate.models import Interest
from tests.api.helpers import details
from tests.descriptions import make_topic
from tests.loop import make_campaign

pytestmark = pytest.mark.django_db
ME = "/api/v1/me/description/"
TOPICS = "/api/v1/me/topics/birds/"


def test_i_say_something_of_myself_and_take_it_back(client_of_ada):
    assert client_of_ada.get(ME).json() == {}
    assert client_of_ada.patch(ME, {"age": "under_25", "region": "africa"}, format="json").json() == {
        "age": "under_25",
        "region": "africa",
    }
    assert client_of_ada.patch(ME, {"age": None}, format="json").json() == {"region": "africa"}
    assert client_of_ada.get(ME).json() == {"region": "africa"}


@pytest.mark.parametrize("body", [{"age": "19"}, {"first_language": "no such tag"}, {"height": "tall"}])
def test_an_answer_that_there_is_not_is_refused_at_its_question(client_of_ada, body):
    answer = client_of_ada.patch(ME, body, format="json")
    assert answer.status_code == 422
    assert list(details(answer)) == list(body)
    assert client_of_ada.get(ME).json() == {}


def test_i_choose_topics(client_of_ada):
    campaign = make_campaign()
    make_topic(campaign, 1)
    make_topic(campaign, 2)
    body = {"topics": [{"number": 1, "likes": True}, {"number": 2, "likes": None}]}
    shown = client_of_ada.patch(TOPICS, body, format="json").json()["topics"]
    assert [(topic["number"], topic["likes"]) for topic in shown] == [(1, True), (2, None)]
    assert client_of_ada.get(TOPICS).json()["topics"] == shown


def test_a_topic_that_is_not_there_is_refused(client_of_ada):
    make_campaign()
    answer = client_of_ada.patch(TOPICS, {"topics": [{"number": 7, "likes": True}]}, format="json")
    assert answer.status_code == 422
    assert not Interest.objects.exists()


def test_a_campaign_that_is_not_there_has_no_topics(client_of_ada):
    assert client_of_ada.get(TOPICS).status_code == 404


def test_nobody_says_nothing(db):
    anonymous = APIClient()
    assert anonymous.get(ME).status_code == 401
    assert anonymous.get(TOPICS).status_code in (401, 404)
