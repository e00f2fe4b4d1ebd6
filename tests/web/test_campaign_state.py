"""A campaign is opened, paused and closed by pages that say what it means."""

from __future__ import annotations

import pytest

from annotate.models import AuditEvent, Campaign
from tests.loop import ask, make_annotator, make_campaign, make_prompt
from tests.web.organizing import make_person, make_run, sign_in

pytestmark = pytest.mark.django_db

HERE = "/campaigns/birds/state/"


@pytest.fixture
def ines():
    return sign_in("ines")


def state():
    return Campaign.objects.get(slug="birds").state


def test_draft_without_prompts_is_told_that_it_has_nothing_to_offer(ines):
    make_run()
    page = ines.get(HERE).text
    assert "opened like this, it has nothing to offer" in page
    assert "/campaigns/birds/imports/" in page


def test_each_state_offers_where_it_can_go(ines):
    campaign = make_run()
    ways = {}
    for now in ("draft", "open", "paused", "closed"):
        Campaign.objects.filter(pk=campaign.pk).update(state=now)
        ways[now] = [way["state"] for way in ines.get(HERE).context["ways"]]
    assert ways == {
        "draft": ["open", "closed"],
        "open": ["paused", "closed"],
        "paused": ["open", "closed"],
        "closed": ["open"],
    }


def test_state_is_changed_with_its_reason_in_the_audit(ines):
    make_run(state="open")
    answer = ines.post(HERE, {"state": "paused", "reason": "The guideline is unclear."})
    event = AuditEvent.objects.order_by("-pk").first()
    assert (answer.status_code, answer["Location"], state()) == (302, "/campaigns/birds/", "paused")
    assert (event.action, event.after, event.reason) == (
        "campaign.state_changed",
        {"state": "paused"},
        "The guideline is unclear.",
    )


def test_closing_asks_once_more_and_says_what_is_held(ines):
    campaign = make_campaign(lease_seconds=900)
    campaign.memberships.create(user=make_person("ines"), role="organizer")
    make_prompt(campaign)
    ask(make_annotator("otto"), campaign)
    asked = ines.post(HERE, {"state": "closed", "reason": "Enough."})
    assert (asked.status_code, state()) == (200, "open")
    assert "1 piece of work is held now." in asked.text
    assert "within 15 minutes" in asked.text
    assert 'value="Enough."' in asked.text
    sure = ines.post(HERE, {"state": "closed", "reason": "Enough.", "sure": "1"})
    assert (sure.status_code, state()) == (302, "closed")


def test_campaign_that_is_not_ready_says_what_it_lacks(ines):
    campaign = make_run()
    Campaign.objects.filter(pk=campaign.pk).update(guideline=None)
    answer = ines.post(HERE, {"state": "open"})
    assert (answer.status_code, state()) == (409, "draft")
    assert "It has no guideline" in answer.text


def test_state_that_cannot_be_reached_is_refused_with_what_to_do(ines):
    make_run(state="open")
    answer = ines.post(HERE, {"state": "draft"})
    assert (answer.status_code, state()) == (409, "open")
    assert "Pause it instead." in answer.text


@pytest.mark.parametrize("wanted", ["", "nonsense"])
def test_state_that_is_none_is_refused(ines, wanted):
    make_run(state="open")
    assert (ines.post(HERE, {"state": wanted}).status_code, state()) == (422, "open")


def test_same_state_again_changes_nothing(ines):
    make_run(state="open")
    events = AuditEvent.objects.count()
    assert (ines.post(HERE, {"state": "open"}).status_code, AuditEvent.objects.count()) == (302, events)


def test_open_campaign_without_work_says_so(ines):
    make_run(state="open")
    assert "There is nothing to work on yet." in ines.get(HERE).text
