"""Candidates from the site's servers without Celery: what `generation.generate_candidates` does, one after the other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.db import Error, connections
from django.utils import timezone

from annotate.queries.generation import list_due_generators
from tasks.jobs.generation import NETWORK_ENGINES, generate_batch
from tasks.jobs.generation_stopping import Stop

log = logging.getLogger(__name__)

FIRST_LOOK, LAST_LOOK = 0.1, 1.0


def work(*, stop: Stop, is_over: Callable[[bool], bool]) -> None:
    """Ask servers what their generators are due, until told to end or `is_over(is_idle)` says so."""
    pause = FIRST_LOOK
    while not stop.is_asked():
        if ask_each(stop=stop):
            pause = FIRST_LOOK
            if is_over(False):
                return
            continue
        if is_over(True):
            return
        time.sleep(pause)
        pause = min(2 * pause, LAST_LOOK)


def ask_each(*, stop: Stop) -> bool:
    """One batch of each generator that is due; False when there was nothing to do, or the database is away."""
    try:
        due = list_due_generators(engines=NETWORK_ENGINES, now=timezone.now())
        done = [generate_batch(generator_id, stop=stop) for generator_id in due if not stop.is_asked()]
    except Error as error:
        log.warning("the database is away: %s", error)
        connections.close_all()
        return False
    return any(done)
