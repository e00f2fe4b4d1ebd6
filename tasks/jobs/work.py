"""Sweeps over holds and queues."""

from celery import shared_task
from django.utils import timezone

from annotate.queries.backlog import list_counted_campaigns
from annotate.services.holds import expire_leases
from tasks.jobs.summaries import summarize_in_turn
from tasks.vocabulary import JobName

#: Holds ended in one statement; short, so that it never keeps a unit from whoever asks for it.
HOLDS_AT_ONCE = 200


@shared_task(name=str(JobName.SWEEP_LEASES))
def sweep_leases_job() -> None:
    """Return the places of holds that ran out. A unit that somebody works on is passed over until next time."""
    while expire_leases(now=timezone.now(), limit=HOLDS_AT_ONCE) == HOLDS_AT_ONCE:
        pass


@shared_task(name=str(JobName.SUMMARIZE_QUEUES))
def summarize_queues_job() -> None:
    """Count the progress of every campaign in which something may still change, queue by queue."""
    for campaign_id in list_counted_campaigns():
        summarize_in_turn(campaign_id)
