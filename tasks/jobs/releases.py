"""Releases: what is due is asked for, and what was asked for is built, one after the other."""

import logging

from celery import shared_task
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from annotate.management.release_tools import list_release_tools
from annotate.models import Release
from annotate.services.release_building import build_release, explain_failure
from annotate.services.release_planning import plan_releases
from annotate.services.releases import LeaseLost, claim_release, stop_release
from tasks.vocabulary import JobName

log = logging.getLogger(__name__)


@shared_task(name=str(JobName.PLAN_RELEASES))
def plan_releases_job() -> None:
    """Ask for every release whose date has come, or whose number of judgments is reached."""
    for release in plan_releases(now=timezone.now()):
        log.info("release %s of campaign %s is due", release.number, release.campaign_id)


@shared_task(name=str(JobName.BUILD_RELEASES))
def build_releases_job() -> None:
    """Build every release that waits, also those whose builder died."""
    while (claimed := claim_release(now=timezone.now())) is not None:
        build_claimed(claimed)


def build_claimed(claimed: Release) -> None:
    """Build one release; what goes wrong is told on its row, and others go on."""
    try:
        build_release(claimed=claimed, tools=list_release_tools(), clock=timezone.now)
    except LeaseLost:
        log.warning("release %s of campaign %s was taken over", claimed.number, claimed.campaign_id)
    except (OperationalError, InterfaceError):
        raise  # the database is away: the lease ends, and another one goes on
    except Exception as error:
        log.exception("could not build release %s of campaign %s", claimed.number, claimed.campaign_id)
        stop_release(claimed=claimed, reason=explain_failure(error), now=timezone.now())
