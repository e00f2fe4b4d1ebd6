"""Holds before they are judged: drafts, leases, release, the sweep."""

from __future__ import annotations

from datetime import timedelta

import pytest

from annotate.exceptions import Conflict, NotFound, TooLarge
from annotate.models import Annotator, Assignment, Campaign, Message, Unit
from annotate.services.holds import expire_leases, release_holds, renew_lease, save_draft
from tests.loop import (
    NOW,
    ask,
    counters,
    find_drift,
    make_annotator,
    make_campaign,
    make_prompt,
    ranking_of,
    state_of,
    submit,
)

pytestmark = pytest.mark.django_db


def make_hold(**parameters):
    campaign = make_campaign(**parameters)
    make_prompt(campaign)
    ada = make_annotator()
    return campaign, ada, ask(ada, campaign)["assignment"]["id"]


def save(ada, hold, draft, version, *, now=NOW):
    return save_draft(annotator_id=ada.pk, assignment_id=hold, draft=draft, draft_version=version, now=now)


def test_a_draft_is_saved_by_version_and_renews_the_lease():
    campaign, ada, hold = make_hold()
    later = NOW + timedelta(minutes=20)
    assert save(ada, hold, {"rationale": "So"}, 0, now=later) == {
        "id": hold,
        "state": "live",
        "draft_version": 1,
        "lease_expires_at": "2026-05-04T12:50:00Z",
    }
    again = ask(ada, campaign, now=later)["assignment"]
    assert (again["draft"], again["draft_version"]) == ({"rationale": "So"}, 1)


def test_in_a_closed_campaign_a_draft_is_saved_and_the_hold_ends_when_it_would_have():
    _, ada, hold = make_hold()
    ends = Assignment.objects.get().lease_expires_at
    Campaign.objects.update(state="closed")
    later = NOW + timedelta(minutes=20)
    saved = save(ada, hold, {"rationale": "So"}, 0, now=later)
    renewed = renew_lease(annotator_id=ada.pk, assignment_id=hold, now=later + timedelta(minutes=1))
    assert (saved["state"], saved["draft_version"], renewed["state"]) == ("live", 1, "live")
    after = Assignment.objects.get()
    assert (after.lease_expires_at, after.draft) == (ends, {"rationale": "So"})


def test_in_a_closed_campaign_a_draft_of_an_ended_hold_is_kept_and_takes_nothing_up():
    _, ada, hold = make_hold()
    release_holds(annotator_id=ada.pk, now=NOW)
    Campaign.objects.update(state="closed")
    saved = save(ada, hold, {"rationale": "So"}, 0)
    assert saved == {"id": hold, "state": "released", "draft_version": 1, "lease_expires_at": None}


def test_a_second_device_gets_both_texts_and_overwrites_nothing():
    _, ada, hold = make_hold()
    save(ada, hold, {"rationale": "phone"}, 0)
    with pytest.raises(Conflict) as refused:
        save(ada, hold, {"rationale": "desk"}, 0)
    assert refused.value.code == "draft_conflict"
    assert refused.value.details == {
        "stored": {"rationale": "phone"},
        "yours": {"rationale": "desk"},
        "draft_version": 1,
    }
    assert Assignment.objects.get().draft == {"rationale": "phone"}


def test_the_same_draft_again_after_a_lost_answer_is_saved_already():
    _, ada, hold = make_hold()
    assert save(ada, hold, {"rationale": "So", "seconds": 1.0}, 0) == save(
        ada, hold, {"rationale": "So", "seconds": 1.0}, 0
    )
    assert save(ada, hold, {"rationale": "So it is"}, 1)["draft_version"] == 2


def test_a_draft_that_is_too_large_is_refused():
    _, ada, hold = make_hold()
    with pytest.raises(TooLarge):
        save(ada, hold, {"rationale": "x" * 400_001}, 0)


def test_a_draft_on_somebody_elses_hold_is_not_found():
    _, _, hold = make_hold()
    with pytest.raises(NotFound):
        save(make_annotator("bob"), hold, {}, 0)


def test_a_draft_after_submit_is_refused():
    campaign, ada, hold = make_hold()
    submit(ada, hold, ranking_of(ask(ada, campaign)["assignment"]))
    with pytest.raises(Conflict) as refused:
        save(ada, hold, {}, 0)
    assert refused.value.code == "already_submitted"


def test_a_draft_on_an_ended_hold_takes_it_up_again_where_a_place_is_free():
    _, ada, hold = make_hold()
    later = NOW + timedelta(hours=1)
    expire_leases(now=later)
    assert save(ada, hold, {"rationale": "back"}, 0, now=later)["state"] == "live"
    assert counters() == (3, 1, 0, 0)
    assert find_drift() == {}


def test_a_draft_on_an_ended_hold_is_kept_where_no_place_is_free():
    campaign, ada, hold = make_hold(redundancy=1)
    later = NOW + timedelta(hours=1)
    ask(make_annotator("bob"), campaign, now=later)
    saved = save(ada, hold, {"rationale": "late"}, 0, now=later)
    assert (saved["state"], saved["lease_expires_at"]) == ("expired", None)
    assert Assignment.objects.get(pk=hold).draft == {"rationale": "late"}


def test_paused_keeps_drafts_and_takes_no_hold_up_again():
    _, ada, hold = make_hold()
    later = NOW + timedelta(hours=1)
    expire_leases(now=later)
    Campaign.objects.update(state="paused")
    assert save(ada, hold, {"rationale": "kept"}, 0, now=later)["state"] == "expired"


def test_a_suspended_person_keeps_drafts_and_takes_no_place():
    _, ada, hold = make_hold()
    release_holds(annotator_id=ada.pk, now=NOW)
    Annotator.objects.update(suspended_at=NOW)
    assert save(ada, hold, {"rationale": "kept"}, 0)["state"] == "released"
    assert renew_lease(annotator_id=ada.pk, assignment_id=hold, now=NOW)["state"] == "released"
    assert counters() == (3, 0, 0, 0)


def test_old_pages_take_up_no_more_holds_than_one_person_may_have():
    campaign, ada, hold = make_hold(max_held=1)
    make_prompt(campaign, "Why do cats purr?")
    release_holds(annotator_id=ada.pk, now=NOW)
    Unit.objects.update(band=1)
    Unit.objects.exclude(assignments=hold).update(band=2)
    other = ask(ada, campaign)["assignment"]["id"]
    assert other != hold
    assert save(ada, hold, {"rationale": "old page"}, 0)["state"] == "released"
    assert Assignment.objects.get(pk=hold).draft == {"rationale": "old page"}


def test_a_draft_on_what_was_removed_is_kept_and_takes_no_place():
    _, ada, hold = make_hold()
    release_holds(annotator_id=ada.pk, now=NOW)
    Message.objects.filter(parent__isnull=False).update(removed_at=NOW)
    assert save(ada, hold, {"rationale": "kept"}, 0)["state"] == "released"


def test_a_hold_given_with_a_submit_is_short_until_the_first_sign_of_activity():
    campaign, ada, hold = make_hold()
    make_prompt(campaign, "Why do cats purr?")
    following = submit(ada, hold, ranking_of(ask(ada, campaign)["assignment"]))["next"]["assignment"]
    assert following["lease_expires_at"] == "2026-05-04T12:02:00Z"
    renewed = renew_lease(annotator_id=ada.pk, assignment_id=following["id"], now=NOW + timedelta(minutes=1))
    assert renewed["lease_expires_at"] == "2026-05-04T12:31:00Z"


def test_renewing_what_was_skipped_or_submitted_is_refused():
    campaign, ada, hold = make_hold()
    submit(ada, hold, ranking_of(ask(ada, campaign)["assignment"]))
    with pytest.raises(Conflict) as refused:
        renew_lease(annotator_id=ada.pk, assignment_id=hold, now=NOW)
    assert refused.value.code == "hold_ended"


def test_signing_out_returns_every_hold_and_keeps_drafts():
    campaign, ada, hold = make_hold(max_held=8)
    campaign.kinds = ["rank", "compare"]
    campaign.save()
    make_prompt(campaign, "Why do cats purr?")
    other = ask(ada, campaign, kinds=["compare"])["assignment"]["id"]
    save(ada, hold, {"rationale": "So"}, 0)
    assert release_holds(annotator_id=ada.pk, now=NOW) == 2
    assert (state_of(hold), state_of(other)) == ("released", "released")
    assert Assignment.objects.get(pk=hold).draft == {"rationale": "So"}
    assert sum(Unit.objects.values_list("held", flat=True)) == 0
    assert find_drift() == {}


def test_two_expired_holds_on_one_unit_free_two_places():
    campaign, _, _ = make_hold()
    ask(make_annotator("bob"), campaign)
    later = NOW + timedelta(hours=1)
    assert expire_leases(now=later) == 2
    assert counters() == (3, 0, 0, 0)
    assert expire_leases(now=later) == 0


def test_a_lease_that_has_not_ended_is_left_alone():
    _, _, hold = make_hold()
    assert expire_leases(now=NOW + timedelta(minutes=29)) == 0
    assert state_of(hold) == "live"
