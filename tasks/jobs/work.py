"""Sweeps over holds and queues."""

from celery import shared_task
from django.utils import timezone

from annotate.services.holds import expire_leases
from tasks.vocabulary import JobName

#: Holds ended in one statement; short, so that it never keeps a unit from whoever asks for it.
HOLDS_AT_ONCE = 200


@shared_task(name=str(JobName.SWEEP_LEASES))
def sweep_leases_job() -> None:
    """Return the places of holds that ran out. A unit that somebody works on is passed over until next time."""
    while expire_leases(now=timezone.now(), limit=HOLDS_AT_ONCE) == HOLDS_AT_ONCE:
        pass
