"""Lets units follow what organizers changed of their campaigns."""

import logging
import time

from celery import shared_task
from django.utils import timezone

from annotate.services.campaign_units import follow_next_campaign
from annotate.wake import wake
from tasks.vocabulary import JobName

log = logging.getLogger(__name__)

#: A run that works longer than this wakes its successor and ends (seconds).
LONGEST_RUN_SECONDS = 120.0


@shared_task(name=str(JobName.FOLLOW_CAMPAIGNS))
def follow_campaigns_job() -> None:
    """Every campaign that is marked. One that was begun is finished: its lease is renewed on the way."""
    ends = time.monotonic() + LONGEST_RUN_SECONDS
    while (campaign_id := follow_next_campaign(clock=timezone.now)) is not None:
        log.info("units follow campaign %s", campaign_id)
        if time.monotonic() > ends:
            wake(JobName.FOLLOW_CAMPAIGNS)
            return
