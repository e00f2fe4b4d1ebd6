"""A guest is merged while others work, and into one account only, whoever comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from annotate.exceptions import ChorusError
from annotate.models import Annotator, Judgment
from annotate.services.guests import Merge, create_guest, merge_guest
from annotate.services.people import create_user
from annotate.services.terms import CURRENT_TERMS
from tests.loop import ask, find_drift, make_campaign, make_prompt, ranking_of, submit

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 6


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returned, or the code of its refusal; all start together, each with its own connection."""
    start, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place: int, call: Callable[[], Any]) -> None:
        start.wait()
        try:
            results[place] = call()
        except ChorusError as refused:
            results[place] = refused.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def make_guest() -> tuple[Annotator, str]:
    return create_guest(languages=[], terms_version=CURRENT_TERMS, now=timezone.now())


def make_account(name: str) -> Annotator:
    return create_user(email=f"{name}@example.org", now=timezone.now(), with_terms=True).annotator


def give(annotator: Annotator, assignment: dict[str, Any]) -> Any:
    return submit(annotator, assignment["id"], ranking_of(assignment), now=timezone.now())["judgment"]


def test_two_accounts_that_merge_one_guest_at_once_leave_one_with_it():
    make_campaign(guests=True)
    accounts = [make_account("ada"), make_account("bob")]
    for _ in range(ROUNDS):
        _, token = make_guest()
        results = at_once(
            *(lambda a=a, t=token: merge_guest(annotator_id=a.pk, device_token=t, now=timezone.now()) for a in accounts)
        )
        assert sorted(results, key=str) == [Merge(0, 0, 0), "guest_merged"]


def test_one_merge_sent_twice_at_once_is_one():
    campaign = make_campaign(guests=True)
    make_prompt(campaign)
    account, (guest, token) = make_account("ada"), make_guest()
    give(guest, ask(guest, campaign, now=timezone.now())["assignment"])

    def merge() -> Merge:
        return merge_guest(annotator_id=account.pk, device_token=token, now=timezone.now())

    assert sorted(at_once(merge, merge), key=lambda merged: merged.moved) == [Merge(0, 0, 0), Merge(1, 0, 0)]
    assert find_drift() == {}


def test_a_guest_who_submits_during_the_merge_loses_nothing_and_doubles_nothing():
    campaign = make_campaign(guests=True, redundancy=2)
    account = make_account("ada")
    for place in range(ROUNDS):
        make_prompt(campaign, f"Prompt {place}?")
        guest, token = make_guest()
        held = ask(guest, campaign, now=timezone.now())["assignment"]
        mine = ask(account, campaign, now=timezone.now())["assignment"]
        merged, given, own = at_once(
            lambda token=token: merge_guest(annotator_id=account.pk, device_token=token, now=timezone.now()),
            lambda guest=guest, held=held: give(guest, held),
            lambda mine=mine: give(account, mine),
        )
        assert isinstance(merged, Merge)
        assert isinstance(given, dict) or given == "assignment_not_found"
        assert isinstance(own, dict) or own in {"already_judged", "assignment_not_found"}
        assert find_drift() == {}
        units = Judgment.objects.filter(annotator=account, is_current=True).values_list("unit_id", flat=True)
        assert len(units) == len(set(units))
