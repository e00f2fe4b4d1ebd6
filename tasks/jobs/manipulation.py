"""Signs of manipulation in every campaign, hour by hour: from the ballots that stand, where anything has changed since."""

import logging
import time

from celery import shared_task
from django.utils import timezone

from annotate.queries.observations import load_observed, read_position
from annotate.services.findings import store_findings
from annotate.services.stale import Turn, end_turn, rest_hourly
from annotate.wake import wake
from tasks.agreement.manipulation import METHOD_VERSION, find_signs
from tasks.jobs.reliability import do_in_turn
from tasks.vocabulary import JobName, StaleKind

log = logging.getLogger(__name__)

#: Longer than the hard limit of the job: whoever has a turn is alone, unless it is taken away.
LEASE_SECONDS = 930.0


@shared_task(name=str(JobName.FIND_MANIPULATION))
def find_manipulation_job() -> None:
    """Every campaign that does not rest."""
    if not do_in_turn(StaleKind.TURN_FINDINGS, find_in_turn, lease=LEASE_SECONDS):
        wake(JobName.FIND_MANIPULATION)


def find_in_turn(turn: Turn) -> None:
    """One campaign. The turn's cursor says from which ballots the last run looked."""
    started, campaign_id = time.monotonic(), turn.subject_id
    position = read_position(campaign_id=campaign_id, method_version=METHOD_VERSION)
    if position != turn.cursor:
        signs = find_signs(load_observed(campaign_id=campaign_id))
        if new := store_findings(turn=turn, signs=signs, now=timezone.now()):
            log.info("campaign %s: %s new findings", campaign_id, new)
    end_turn(turn=turn, rest_until=timezone.now() + rest_hourly(time.monotonic() - started), cursor=position)
