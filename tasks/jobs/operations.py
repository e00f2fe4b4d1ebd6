"""Looks after the site: what must be true of the rows is checked all day, told in the log, and never repaired silently."""

import logging

from celery import shared_task

from annotate.queries.integrity import find_broken_rules
from tasks.vocabulary import JobName

log = logging.getLogger(__name__)


@shared_task(name=str(JobName.CHECK_INTEGRITY))
def check_integrity_job() -> None:
    """One line of the log for each rule that does not hold."""
    found = find_broken_rules()
    for finding in found:
        log.error("integrity: %s", finding, extra={"rule": finding.rule, "count": finding.count})
    if not found:
        log.info("integrity: every rule holds")
