"""States of a campaign: every way between two of them is in the table, or refused with a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from annotate.access import Actor
from annotate.exceptions import Conflict
from annotate.models import AuditEvent, Campaign, User
from annotate.services.campaign_states import REFUSALS, TRANSITIONS, change_state
from tasks.vocabulary import AuditAction, CampaignState
from tests.loop import make_campaign

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
DRAFT, OPEN, PAUSED, CLOSED = CampaignState.DRAFT, CampaignState.OPEN, CampaignState.PAUSED, CampaignState.CLOSED

pytestmark = pytest.mark.django_db


def test_every_pair_of_states_is_a_transition_or_a_refusal():
    pairs = {(before, after) for before, after in product(CampaignState, repeat=2) if before != after}
    assert (TRANSITIONS.keys() | REFUSALS.keys(), TRANSITIONS.keys() & REFUSALS.keys()) == (pairs, set())
    assert all(sentence.endswith(".") for sentence in [*TRANSITIONS.values(), *REFUSALS.values()])


@pytest.mark.parametrize(("before", "after"), list(TRANSITIONS))
def test_a_transition_of_the_table_happens_is_dated_and_told(before, after):
    campaign = make_campaign(state=str(before))
    user = User.objects.create(email="olga@example.org")
    actor = Actor(user=user, scopes=None)
    assert change_state(campaign=campaign, state=after, actor=actor, now=LATER, reason="It is time.") is True
    campaign = Campaign.objects.get()
    assert (campaign.state, campaign.state_changed_at) == (after, LATER)
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.before, event.after, event.reason) == (
        AuditAction.CAMPAIGN_STATE_CHANGED,
        user,
        {"state": before},
        {"state": after},
        "It is time.",
    )


@pytest.mark.parametrize(("before", "after"), list(REFUSALS))
def test_any_other_change_is_refused_and_changes_nothing(before, after):
    campaign = make_campaign(state=str(before))
    with pytest.raises(Conflict) as refused:
        change_state(campaign=campaign, state=after, actor=None, now=LATER)
    assert (refused.value.code, refused.value.message, refused.value.details) == (
        "state_not_reachable",
        REFUSALS[before, after],
        {"state": before, "wanted": after},
    )
    assert (Campaign.objects.get().state, AuditEvent.objects.count()) == (before, 0)


@pytest.mark.parametrize("state", list(CampaignState))
def test_staying_in_a_state_is_no_change(state):
    campaign = make_campaign(state=str(state))
    changed_at = Campaign.objects.get().state_changed_at
    assert change_state(campaign=campaign, state=state, actor=None, now=LATER) is False
    assert (Campaign.objects.get().state_changed_at, AuditEvent.objects.count()) == (changed_at, 0)


@pytest.mark.parametrize("before", [DRAFT, PAUSED, CLOSED])
def test_a_campaign_without_a_guideline_does_not_open(before):
    campaign = make_campaign(state=str(before))
    campaign.guideline = None
    with pytest.raises(Conflict) as refused:
        change_state(campaign=campaign, state=OPEN, actor=None, now=LATER)
    assert (refused.value.code, list(refused.value.details)) == ("campaign_not_ready", ["guideline"])


def test_a_campaign_that_asks_for_labels_needs_questions():
    campaign = make_campaign(state="draft", kinds=("rank", "label"))
    campaign.label_schema.dimensions.all().delete()
    with pytest.raises(Conflict) as refused:
        change_state(campaign=campaign, state=OPEN, actor=None, now=LATER)
    assert (refused.value.code, list(refused.value.details)) == ("campaign_not_ready", ["label_schema"])


def test_everything_that_is_missing_is_told_at_once():
    campaign = make_campaign(state="draft", kinds=("label",))
    campaign.guideline = campaign.label_schema = None
    with pytest.raises(Conflict) as refused:
        change_state(campaign=campaign, state=OPEN, actor=None, now=LATER)
    assert list(refused.value.details) == ["guideline", "label_schema"]


def test_opening_again_keeps_the_date_of_the_next_release():
    campaign = make_campaign(state="paused")
    campaign.release_schedule, campaign.next_release_at = "weekly", NOW
    campaign.save()
    change_state(campaign=campaign, state=OPEN, actor=None, now=LATER)
    assert Campaign.objects.get().next_release_at == NOW
