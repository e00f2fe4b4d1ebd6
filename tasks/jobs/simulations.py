"""Simulations that were asked for from a page or over the API, one at a time, behind all other work.

The arithmetic runs in a thread that gives way to everything else on the machine; this process keeps its lease, says how far it
is, and lets go when the simulation is stopped or takes too long.

It holds one of the worker's processes meanwhile, and these do all other work too: so one simulation runs at a time in all
of them, and briefly. After two minutes no further repetition is begun, and the report is of those that were made; one whose
first repetition does not end in four is ended. The next one waits for the next round of beat, so that what came meanwhile
goes first. (To go on at a later turn would mean to begin from other data than the repetitions before.)
"""

import logging
import os
import threading
import time
from contextlib import suppress
from typing import Any

from celery import shared_task
from django.utils import timezone

from annotate.models import Simulation
from annotate.queries.simulations import load_imagined
from annotate.services.simulations import (
    claim_simulation,
    fail_simulation,
    finish_simulation,
    renew_simulation,
)
from tasks.records.growing_simulations import GrowingCampaign
from tasks.records.simulations import SimulatedCampaign, SimulationPlan
from tasks.scheduling.simulation.comparing import compare_arms
from tasks.scheduling.simulation.grove import compare_in_memory
from tasks.vocabulary import JobName

log = logging.getLogger(__name__)

#: After this no repetition is begun; a simulation that takes longer than that is ended (seconds).
ENOUGH_SECONDS, LONGEST_SECONDS = 120.0, 240.0
SECONDS_BETWEEN_SIGNS = 2.0
#: How far the arithmetic stands behind other work.
NICENESS = 15


class Stopped(Exception):
    """Somebody wants no report any more."""


@shared_task(name=str(JobName.RUN_SIMULATIONS))
def run_simulations_job() -> None:
    """Run the first simulation that waits, also one whose worker died."""
    claimed = claim_simulation(now=timezone.now())
    if claimed is not None:
        run_claimed(claimed)


def run_claimed(claimed: Simulation) -> None:
    """Run one simulation; what goes wrong is told on its row, and others go on."""
    campaign = load_imagined(campaign=claimed.campaign, now=timezone.now())
    if isinstance(campaign, SimulatedCampaign) and not campaign.units:
        fail_simulation(claimed=claimed, reason="nothing_to_rank", now=timezone.now())
        return
    work = Work(campaign, SimulationPlan.from_json(claimed.asked))
    work.thread.start()
    try:
        reason = watch(claimed, work)
    finally:  # also when the database is away, or time is: the lease ends, and another worker begins anew
        work.is_wanted = False
        work.thread.join()
    if reason is not None:
        fail_simulation(claimed=claimed, reason=reason, now=timezone.now())
    elif work.report is not None:
        finish_simulation(claimed=claimed, report=work.report, now=timezone.now())


def watch(claimed: Simulation, work: "Work") -> str | None:
    """Wait for the thread and renew the lease; returns why there will be no report, None when there is, or nobody wants it."""
    ends = time.monotonic() + LONGEST_SECONDS
    while True:
        work.thread.join(SECONDS_BETWEEN_SIGNS)
        if not work.thread.is_alive():
            return "broken" if work.report is None else None
        if time.monotonic() > ends:
            return "took_too_long"
        if not renew_simulation(claimed=claimed, progress=work.progress, now=timezone.now()):
            return None


class Work:
    """The arithmetic, in a thread of low priority. It touches no database."""

    def __init__(self, campaign: SimulatedCampaign | GrowingCampaign, plan: SimulationPlan) -> None:
        self.campaign, self.plan = campaign, plan
        self.progress = (0, len(plan.arms) * plan.runs)
        self.is_wanted = True
        self.report: dict[str, Any] | None = None
        self.thread = threading.Thread(target=self._run, name="simulation", daemon=True)

    def _run(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        try:
            self.report = self._compare(time.monotonic() + ENOUGH_SECONDS)
        except Stopped:
            pass
        except Exception:
            log.exception("a simulation broke off")

    def _compare(self, enough: float) -> dict[str, Any]:
        """Return the report; after `enough` no repetition is begun."""

        def is_over() -> bool:
            return time.monotonic() > enough

        if isinstance(self.campaign, GrowingCampaign):
            return compare_in_memory(
                self.campaign, self.plan, clock=time.monotonic, progress=self._tell, is_over=is_over
            )
        return compare_arms(self.campaign, self.plan, clock=time.monotonic, progress=self._tell, is_over=is_over)

    def _tell(self, done: int, of: int) -> None:
        self.progress = (done, of)
        if not self.is_wanted:
            raise Stopped
