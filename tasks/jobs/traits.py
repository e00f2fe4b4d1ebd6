"""What claims know of people, campaign by campaign: how reliable they are, and which group of people they count among."""

import time

from celery import shared_task
from django.utils import timezone

from annotate.queries.traits import measure_traits
from annotate.services.stale import Turn, end_turn, rest_hourly
from annotate.services.traits import store_traits
from annotate.wake import wake
from tasks.jobs.reliability import do_in_turn
from tasks.vocabulary import JobName, StaleKind

#: Longer than the hard limit of the job: whoever has a turn is alone, unless it is taken away.
LEASE_SECONDS = 330.0


@shared_task(name=str(JobName.REFRESH_TRAITS))
def refresh_traits_job() -> None:
    """Every campaign that does not rest."""
    if not do_in_turn(StaleKind.TURN_TRAITS, refresh_in_turn, lease=LEASE_SECONDS):
        wake(JobName.REFRESH_TRAITS)


def refresh_in_turn(turn: Turn) -> None:
    """One campaign."""
    started = time.monotonic()
    store_traits(turn=turn, people=measure_traits(campaign_id=turn.subject_id), now=timezone.now())
    end_turn(turn=turn, rest_until=timezone.now() + rest_hourly(time.monotonic() - started))
