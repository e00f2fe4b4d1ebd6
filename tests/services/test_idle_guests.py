"""Guests who never gave anything are removed, and nobody else is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotate.models import Annotator, Assignment, AssignmentCandidate, Consent, LanguageSkill, Message
from annotate.services.guests import create_guest, merge_guest
from annotate.services.holds import release_holds
from annotate.services.idle_guests import remove_idle_guests
from annotate.services.judgments import skip_assignment
from annotate.services.people import create_user
from annotate.services.terms import CURRENT_TERMS
from annotate.services.undo import withdraw_judgment
from tasks.jobs import operations
from tasks.jobs.operations import remove_guests_job
from tests.loop import ask, counters, find_drift, make_campaign, make_prompt, ranking_of, submit

pytestmark = pytest.mark.django_db
NOW = timezone.now()
LONG_AGO = NOW - timedelta(days=40)
BEFORE = NOW - timedelta(days=30)


@pytest.fixture
def campaign():
    campaign = make_campaign(guests=True)
    make_prompt(campaign)
    return campaign


def come(*, at=LONG_AGO):
    guest, _token = create_guest(languages=["en"], terms_version=CURRENT_TERMS, now=at)
    return guest


def remove(limit=100):
    return remove_idle_guests(before=BEFORE, limit=limit)


def is_there(guest):
    return Annotator.objects.filter(pk=guest.pk).exists()


def test_a_guest_who_gave_nothing_goes_with_all_that_is_theirs(campaign):
    guest, recent = come(), come(at=BEFORE + timedelta(seconds=1))
    assert (remove(), is_there(guest), is_there(recent)) == (1, False, True)
    assert set(Consent.objects.values_list("annotator", flat=True)) == {recent.pk}
    assert set(LanguageSkill.objects.values_list("annotator", flat=True)) == {recent.pk}
    assert remove() == 0


@pytest.mark.parametrize("state", ["released", "expired"])
def test_holds_that_ended_by_themselves_go_along_and_the_unit_stays_as_it_was(campaign, state):
    guest = come()
    ask(guest, campaign, now=LONG_AGO)
    release_holds(annotator_id=guest.pk, now=LONG_AGO)
    Assignment.objects.update(state=state)
    before = counters(Assignment.objects.get().unit_id)
    unit = Assignment.objects.get().unit
    assert AssignmentCandidate.objects.exists()
    assert (remove(), is_there(guest)) == (1, False)
    assert (Assignment.objects.count(), AssignmentCandidate.objects.count()) == (0, 0)
    assert (counters(unit.pk), find_drift()) == (before, {})


def judge(guest, campaign):
    hold = ask(guest, campaign, now=LONG_AGO)["assignment"]
    return submit(guest, hold["id"], ranking_of(hold), now=LONG_AGO)["judgment"]["id"]


def take_judgment_back(guest, campaign):
    withdraw_judgment(annotator_id=guest.pk, judgment_id=judge(guest, campaign), now=LONG_AGO)


def hold_work(guest, campaign):
    ask(guest, campaign, now=LONG_AGO)


def leave_work(guest, campaign, **with_what):
    ask(guest, campaign, now=LONG_AGO)
    release_holds(annotator_id=guest.pk, now=LONG_AGO)
    Assignment.objects.filter(annotator=guest).update(**with_what)


def skip(guest, campaign):
    hold = ask(guest, campaign, now=LONG_AGO)["assignment"]
    skip_assignment(annotator_id=guest.pk, assignment_id=hold["id"], skip_reason="too_long", now=LONG_AGO, rng=None)


TRACES = {
    "a judgment": judge,
    "a judgment that was taken back": take_judgment_back,
    "work that is held": hold_work,
    "a draft": lambda guest, campaign: leave_work(guest, campaign, draft={"tiers": []}),
    "a hold that ended lately": lambda guest, campaign: leave_work(guest, campaign, closed_at=NOW),
    "a skip": skip,
    "a text": lambda guest, _: Message.objects.filter(role="assistant").update(author=guest),
    "a suspension": lambda guest, _: Annotator.objects.filter(pk=guest.pk).update(suspended_at=LONG_AGO),
}


@pytest.mark.parametrize("trace", TRACES)
def test_a_guest_who_left_a_trace_stays(campaign, trace):
    guest, idle = come(), come()
    TRACES[trace](guest, campaign)
    assert (remove(), is_there(guest), is_there(idle)) == (1, True, False)


def test_every_table_that_points_to_annotators_keeps_them():
    """Also one that comes later: whatever is not a guest's own is a trace."""
    with CaptureQueriesContext(connection) as queries:
        remove()
    sql = queries.captured_queries[-1]["sql"] if len(queries) == 1 else " ".join(q["sql"] for q in queries)
    pointing = {
        field.related_model._meta.db_table
        for field in Annotator._meta.get_fields(include_hidden=True)
        if field.auto_created and not field.concrete
    }
    own = {
        "annotate_consent",
        "annotate_languageskill",
        "annotate_selfdescription",
        "annotate_interest",
        "annotate_annotatortraits",
    }
    assert {table for table in pointing if f"FROM {table} " not in sql} == own
    assert {"annotate_judgment", "annotate_message", "annotate_report", "annotate_exclusion"} <= pointing


def test_accounts_and_merged_guests_stay(campaign):
    user = create_user(email="ada@example.org", now=LONG_AGO, with_terms=True)
    Annotator.objects.filter(user=user).update(created_at=LONG_AGO)
    guest, token = create_guest(languages=["en"], terms_version=CURRENT_TERMS, now=LONG_AGO)
    merge_guest(annotator_id=user.annotator.pk, device_token=token, now=LONG_AGO)
    assert (remove(), is_there(guest), is_there(user.annotator)) == (0, True, True)


def test_a_run_is_bounded_and_the_next_one_goes_on(campaign, monkeypatch, settings):
    monkeypatch.setattr(operations, "GUESTS_AT_ONCE", 2)
    monkeypatch.setattr(operations, "MOST_TURNS", 2)
    guests = [come() for _ in range(7)]
    keeper = come()
    judge(keeper, campaign)
    counts = []
    for _ in range(3):
        remove_guests_job()
        counts.append(sum(map(is_there, guests)))
    assert (counts, is_there(keeper)) == ([3, 0, 0], True)


def test_zero_days_keep_everybody(campaign, settings):
    guest = come()
    settings.GUEST_DAYS = 0
    remove_guests_job()
    assert is_there(guest)
    settings.GUEST_DAYS = 41
    remove_guests_job()
    assert is_there(guest)
    settings.GUEST_DAYS = 30
    remove_guests_job()
    assert not is_there(guest)
