"""The target space over HTTP: read, topics changed, shares learned and set."""

from __future__ import annotations

import pytest

from annotate.models import Campaign, PromptPlace, Topic
from tests.api.conftest import API
from tests.api.test_campaigns import error, make
from tests.subjects import write_prompts
from tests.targets import find_places, make_prompts

pytestmark = pytest.mark.django_db

HERE = f"{API}campaigns/birds/"


@pytest.fixture
def ada(client_of_ada):
    make(client_of_ada, preset="rank", languages=["en", "de"], parameters={"topics": 4})
    Campaign.objects.update(state="open")
    return client_of_ada


@pytest.fixture
def campaign(ada):
    campaign = Campaign.objects.get()
    make_prompts(campaign)
    find_places(campaign)
    return campaign


def test_the_target_space_says_shares_vectors_and_topics(ada, campaign):
    shares = [{"axis": "language", "value": "de", "share": 0.25}]
    assert ada.patch(HERE, {"shares": shares}).status_code == 200
    told = ada.get(f"{HERE}target-space/").json()
    assert (told["shares"], told["embedder"], told["prompts"], told["embedded"], told["problem"]) == (
        shares, "hashing", 80, 80, None,
    )  # fmt: skip
    assert {name: told["fit"][name] for name in ("version", "topics", "prompts", "drift")} == {
        "version": 1, "topics": 4, "prompts": 80, "drift": None,
    }  # fmt: skip
    assert sorted(topic["number"] for topic in told["topics"]) == [1, 2, 3, 4]
    assert {topic["is_retired"] for topic in told["topics"]} == {False}


def test_shares_that_cannot_be_are_refused_at_their_place(ada):
    answer = ada.patch(HERE, {"shares": [{"axis": "topic", "value": "9", "share": 0.5}]})
    assert answer.status_code == 422
    assert "shares[0].value" in answer.json()["error"]["details"]


def test_a_topic_is_named_and_merged(ada, campaign):
    assert ada.patch(f"{HERE}topics/1/", {"name": "Sky"}).json()["name"] == "Sky"
    merged = ada.patch(f"{HERE}topics/2/", {"merged_into": 1, "reason": "The same."})
    assert (merged.status_code, merged.json()["merged_into"]) == (200, 1)
    find_places(campaign)
    assert set(PromptPlace.objects.values_list("topic__number", flat=True)) == {1, 3, 4}
    assert ada.patch(f"{HERE}topics/1/", {"merged_into": 2}).status_code == 422
    assert error(ada.patch(f"{HERE}topics/77/", {"name": "x"})) == (404, "topic_not_found")
    assert ada.patch(f"{HERE}topics/1/", {"colour": "red"}).status_code == 422


def test_shares_are_learned_and_can_be_sent_back(ada, campaign):
    prompts = "\n".join(write_prompts("boats", 20, seed=4))
    learned = ada.post(f"{HERE}target-space/learn/", {"prompts": prompts}).json()
    assert learned["prompts"] == 20
    topics = [share for share in learned["shares"] if share["axis"] == "topic"]
    assert max(share["share"] for share in topics) >= 0.7
    assert ada.patch(HERE, {"shares": learned["shares"]}).status_code == 200
    assert error(ada.post(f"{HERE}target-space/learn/", {})) == (422, "bad_reference")
    assert ada.post(f"{HERE}target-space/learn/", {"campaign": "nowhere"}).status_code == 404
    assert ada.post(f"{HERE}target-space/learn/", {"campaign": "birds"}).json()["prompts"] == 80


def test_topics_are_looked_for_again_when_asked(ada, campaign):
    assert ada.post(f"{HERE}topics/find/").status_code == 202
    find_places(campaign)
    assert ada.get(f"{HERE}target-space/").json()["fit"]["version"] == 2


def test_whoever_does_not_run_the_campaign_is_refused(ada, campaign, make_client):
    client_of_bob = make_client("bob")
    assert client_of_bob.get(f"{HERE}target-space/").status_code == 403
    for method, path in (("patch", "topics/1/"), ("post", "topics/find/"), ("post", "target-space/learn/")):
        assert getattr(client_of_bob, method)(HERE + path, {}).status_code == 403
    assert Topic.objects.filter(is_named=True).count() == 0
