"""The job that lets units follow a campaign: what was marked is done, once, and a lost message loses nothing."""

from __future__ import annotations

import pytest
from django.utils import timezone

from annotate.models import Stale, Unit
from annotate.services.campaign_files import read_campaign
from annotate.services.campaigns import change_campaign
from tasks.jobs import campaigns as job
from tasks.jobs.campaigns import follow_campaigns_job
from tasks.jobs.policy import POLICIES
from tasks.vocabulary import JobName
from tests.loop import make_campaign, make_prompt

pytestmark = pytest.mark.django_db


def change(slug: str, redundancy: int) -> None:
    campaign = make_campaign(slug=slug)
    make_prompt(campaign)
    spec = read_campaign({"redundancy": redundancy})
    change_campaign(campaign=campaign, spec=spec, actor=None, now=timezone.now())


def needs() -> dict[str, int]:
    return dict(Unit.objects.values_list("queue__campaign__slug", "needed"))


def pending() -> int:
    return sum(stale.marked > stale.computed for stale in Stale.objects.filter(kind="campaign_units"))


def test_every_marked_campaign_is_followed():
    change("birds", 5)
    change("bees", 7)
    assert needs() == {"birds": 3, "bees": 3}
    follow_campaigns_job()
    assert (needs(), pending()) == ({"birds": 5, "bees": 7}, 0)


def test_running_twice_does_nothing_the_second_time(django_assert_num_queries):
    change("birds", 5)
    follow_campaigns_job()
    with django_assert_num_queries(1):  # nothing is marked
        follow_campaigns_job()
    assert needs() == {"birds": 5}


def test_a_lost_message_is_made_up_for_by_the_beat():
    change("birds", 5)  # nobody hears of it
    assert POLICIES[JobName.FOLLOW_CAMPAIGNS].every is not None
    follow_campaigns_job()
    assert needs() == {"birds": 5}


def test_a_run_that_is_long_wakes_its_successor(monkeypatch):
    change("birds", 5)
    change("bees", 7)
    woken = []
    monkeypatch.setattr(job, "wake", woken.append)
    monkeypatch.setattr(job, "LONGEST_RUN_SECONDS", -1)
    follow_campaigns_job()
    assert (woken, pending()) == ([JobName.FOLLOW_CAMPAIGNS], 1)
    follow_campaigns_job()
    assert (needs(), pending()) == ({"birds": 5, "bees": 7}, 0)
