"""Looks after the site: what must be true of the rows is checked all day, told in the log, and never repaired silently.

What has ended and is of no use to anybody is cleared away.
"""

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from annotate.queries.integrity import find_broken_rules
from annotate.services.idle_guests import remove_idle_guests
from annotate.services.sessions import clear_sessions
from tasks.vocabulary import JobName

log = logging.getLogger(__name__)

#: Sessions deleted in one statement.
SESSIONS_AT_ONCE = 1000
#: Guests removed in one transaction, and how many such one run has; the next run goes on.
GUESTS_AT_ONCE = 500
MOST_TURNS = 20


@shared_task(name=str(JobName.CHECK_INTEGRITY))
def check_integrity_job() -> None:
    """One line of the log for each rule that does not hold."""
    found = find_broken_rules()
    for finding in found:
        log.error("integrity: %s", finding, extra={"rule": finding.rule, "count": finding.count})
    if not found:
        log.info("integrity: every rule holds")


@shared_task(name=str(JobName.CLEAR_SESSIONS))
def clear_sessions_job() -> None:
    """Delete the sessions that have ended, a thousand at a time."""
    while clear_sessions(now=timezone.now(), limit=SESSIONS_AT_ONCE) == SESSIONS_AT_ONCE:
        pass


@shared_task(name=str(JobName.REMOVE_GUESTS))
def remove_guests_job() -> None:
    """Remove guests who gave nothing in CHORUS_GUEST_DAYS days, ten thousand an hour at most."""
    if not settings.GUEST_DAYS:
        return
    before = timezone.now() - timedelta(days=settings.GUEST_DAYS)
    for _ in range(MOST_TURNS):
        if remove_idle_guests(before=before, limit=GUESTS_AT_ONCE) < GUESTS_AT_ONCE:
            return
