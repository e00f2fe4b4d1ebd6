"""Briefs over HTTP: made, read and changed, with the refusals of the service."""

from __future__ import annotations

import pytest
from django.utils import timezone

from annotate.models import Brief, Campaign, LanguageSupply, Membership
from tests.api.conftest import API
from tests.api.test_campaigns import error, make
from tests.services.test_briefs import last_event, write_by

pytestmark = pytest.mark.django_db

HERE = f"{API}campaigns/birds/briefs/"


@pytest.fixture
def ada(client_of_ada):
    make(client_of_ada, preset="trees", languages=["en", "de"])
    return client_of_ada


def test_a_brief_is_made_read_changed_and_closed(ada):
    made = ada.post(HERE, {"language": "en", "topic": "song", "words": "Why?", "wanted": 5, "reason": "Few."})
    brief = Brief.objects.get()
    assert made.status_code == 201
    assert made.json().pop("created_at").endswith("Z")
    assert {name: value for name, value in made.json().items() if name != "created_at"} == {
        "id": brief.pk,
        "language": "en",
        "topic": "song",
        "difficulty": "",
        "words": "Why?",
        "wanted": 5,
        "is_open": True,
        "is_own": False,
        "origin": "organizer",
        "vetoed_at": None,
        "why": {},
        "examples": [],
        "written": 0,
        "standing": 0,
        "asked": 0,
    }
    assert (last_event().reason, last_event().actor.email) == ("Few.", "ada@example.org")
    changed = ada.patch(f"{HERE}{brief.pk}/", {"wanted": None, "is_open": False})
    assert (changed.status_code, changed.json()["wanted"], changed.json()["is_open"]) == (200, None, False)
    assert ada.get(f"{HERE}{brief.pk}/").json() == changed.json()
    assert ada.get(HERE).json() == {"results": [changed.json()]}


def test_what_is_wrong_is_told_by_field(ada):
    answer = ada.post(HERE, {"language": "fr", "wanted": 0, "colour": "red"})
    assert error(answer) == (422, "invalid_input")
    assert sorted(answer.json()["error"]["details"]) == ["colour", "language", "wanted"]
    assert error(ada.post(HERE, {"words": "Why?"})) == (422, "invalid_input")
    assert error(ada.post(HERE, ["en"])) == (422, "invalid_input")
    assert error(ada.post(HERE, {"language": "en", "reason": 3})) == (422, "invalid_input")
    assert Brief.objects.count() == 0


def test_refusals_have_their_codes(ada):
    brief = ada.post(HERE, {"language": "en"}).json()["id"]
    assert error(ada.post(HERE, {"language": "en"})) == (409, "brief_taken")
    write_by(Brief.objects.get())
    assert error(ada.patch(f"{HERE}{brief}/", {"words": "How?"})) == (409, "brief_in_use")
    assert error(ada.get(f"{HERE}999999/")) == (404, "brief_not_found")
    assert error(ada.patch(f"{HERE}99999999999999999999/", {"wanted": 3})) == (404, "brief_not_found")


def test_supply_is_told_by_language_to_whoever_may_see_the_campaign(ada, make_client):
    campaign = Campaign.objects.get()
    now = timezone.now()
    LanguageSupply.objects.create(
        campaign=campaign, language="en", reviewers=3, growing=2, prompts_wanted=5, counted_at=now
    )
    (told,) = ada.get(f"{API}campaigns/birds/supply/").json()["results"]
    assert told.pop("counted_at").endswith("Z")
    assert told == {
        "language": "en",
        "reviewers": 3,
        "in_review": 0,
        "waiting": 0,
        "growing": 2,
        "ranking": 0,
        "done": 0,
        "prompts_wanted": 5,
    }
    other = make_client("otto")
    assert error(other.get(f"{API}campaigns/birds/supply/")) == (404, "campaign_not_found")
    Campaign.objects.update(state="open")
    assert other.get(f"{API}campaigns/birds/supply/").json()["results"][0]["growing"] == 2


def test_moderators_read_and_organizers_write(ada, make_client):
    ada.post(HERE, {"language": "en"})
    brief = Brief.objects.get()
    other = make_client("otto")
    for call in (
        other.get(HERE),
        other.post(HERE, {"language": "de"}),
        other.patch(f"{HERE}{brief.pk}/", {"wanted": 3}),
    ):
        assert error(call)[0] in {403, 404}
    Membership.objects.create(campaign=brief.campaign, user=other.owner, role="moderator")
    assert other.get(HERE).status_code == 200
    assert error(other.post(HERE, {"language": "de"})) == (403, "role_missing")
    assert error(other.patch(f"{HERE}{brief.pk}/", {"wanted": 3})) == (403, "role_missing")
    assert (Brief.objects.count(), Brief.objects.get().wanted) == (1, None)
