"""Releases by themselves: on a date, or when enough judgments stand.

A date is a row (`Campaign.next_release_at`). Whoever moves it first makes the release of that date; it moves to the
next date after now, so that after weeks of downtime there is one release and not one for each week. While a release
is being made the date stays, and is looked at again. When nothing changed since the last one, none is made.
"""

import logging
from datetime import datetime

from django.db import transaction

from annotate.exceptions import Conflict
from annotate.models import Campaign, Release
from annotate.queries.releases import (
    find_last_sealed,
    has_release_of_target,
    is_target_reached,
    list_due_campaigns,
    list_waiting_campaigns,
)
from annotate.queries.rows import run
from annotate.services.release_freezing import differs_from
from annotate.services.release_terms import LIMITS, limit_filters
from annotate.services.releases import request_release
from tasks.scheduling.release_dates import next_release_at
from tasks.vocabulary import ReleaseSchedule

log = logging.getLogger(__name__)

#: Others may have moved the date first, or changed the schedule: then no row answers.
_MOVE_DATE = """
UPDATE annotate_campaign SET next_release_at = %(next)s
WHERE id = %(campaign)s AND next_release_at = %(seen)s AND release_schedule = %(schedule)s AND state <> 'draft'"""


def plan_releases(*, now: datetime) -> list[Release]:
    """Ask for every release that is due, by date or by number of judgments; returns them."""
    made = [plan_dated(campaign=campaign, now=now) for campaign in list_due_campaigns(now=now)]
    made += [plan_target(campaign=campaign, now=now) for campaign in list_waiting_campaigns()]
    return [release for release in made if release is not None]


def plan_dated(*, campaign: Campaign, now: datetime) -> Release | None:
    """The release of a date that has come, or None: another one plans it, one is being made, or nothing changed.

    `campaign` may have been read before others moved its date.
    """
    schedule = ReleaseSchedule(campaign.release_schedule or "")
    moved = {
        "campaign": campaign.pk,
        "seen": campaign.next_release_at,
        "schedule": schedule,
        "next": next_release_at(schedule=schedule, after=now),
    }
    try:
        with transaction.atomic():
            if not run(_MOVE_DATE, moved) or not has_changed(campaign=campaign):
                return None
            return request_release(campaign=campaign, actor=None, now=now, trigger=schedule)
    except Conflict as refusal:
        if refusal.code == "nothing_to_release":
            run(_MOVE_DATE, moved)
        log.info("no release of campaign %s now: %s", campaign.slug, refusal.code)
        return None


def plan_target(*, campaign: Campaign, now: datetime) -> Release | None:
    """The release that a number of judgments asks for, once for each number; None when it is not reached or was made."""
    target = int(campaign.parameters["release_target"])
    if not is_target_reached(campaign_id=campaign.pk, target=target):
        return None
    try:
        with transaction.atomic():
            Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
            if has_release_of_target(campaign_id=campaign.pk, target=target):
                return None
            filters = {"target": target}
            return request_release(
                campaign=campaign, actor=None, now=now, trigger=ReleaseSchedule.TARGET, filters=filters
            )
    except Conflict as refusal:
        log.info("no release of campaign %s now: %s", campaign.slug, refusal.code)
        return None


def has_changed(*, campaign: Campaign) -> bool:
    """Whether a release made now would differ from the last one that holds everything."""
    last, filters = find_last_sealed(campaign_id=campaign.pk), limit_filters(campaign=campaign, filters={})
    if last is None or any(last.filters.get(name) != filters.get(name) for name in LIMITS):
        return True
    return differs_from(release_id=last.pk, campaign_id=campaign.pk, filters=filters)
