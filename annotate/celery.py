"""The Celery application: the policy of `tasks.jobs.policy`, and how the broker is reached.

`celery -A annotate.celery worker` and `… beat` start from here; `annotate.wake` publishes with it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from celery import Celery
from celery.beat import Scheduler
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotate.settings")


def broker_options() -> dict[str, Any]:
    """Where the broker is. Beat only sends, so a hung broker may hold it for seconds, not for ever."""
    from django.conf import settings

    from annotate.environment import celery_broker_url

    transport: dict[str, Any] = {
        # A message that a worker took and never started comes back after this many seconds.
        "visibility_timeout": 300,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "queue_order_strategy": "round_robin",
    }
    if settings.PROCESS == "beat":
        transport["socket_timeout"] = 5
    return {
        "broker_url": celery_broker_url(settings.REDIS_URL),
        "broker_transport_options": transport,
        "beat_scheduler": "annotate.celery:MemoryScheduler",
        "beat_max_loop_interval": 5,
    }


app = Celery("annotate")
app.config_from_object("tasks.jobs.policy:OPTIONS")
app.add_defaults(broker_options)


#: A queue that holds so many messages is one that nobody reads (no worker with a model runs here, say).
MOST_UNREAD = 100


class MemoryScheduler(Scheduler):
    """Beat's schedule in memory: nothing on disk can be stale, and every sweep runs once at the start.

    What must happen on a date (a weekly release) is a row with its next time; beat only wakes the
    job that looks at it.
    """

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **more: Any) -> Any:  # noqa: FBT001, FBT002
        """Send one, unless its queue is full of those before it: then nobody reads it here, and it would grow for ever."""
        if is_unread(entry.task, producer):
            return None
        return super().apply_async(entry, producer=producer, advance=advance, **more)

    def setup_schedule(self) -> None:
        self.install_default_entries(self.schedule)
        self.merge_inplace(self.app.conf.beat_schedule)
        for entry in self.schedule.values():
            entry.last_run_at = entry.last_run_at.replace(year=2000)


def is_unread(job: str, producer: Any) -> bool:
    """Whether so much waits in a job's queue that one more message changes nothing. Where it cannot be told: no."""
    if producer is None:
        return False
    queue = app.conf.task_routes.get(job, {}).get("queue", app.conf.task_default_queue)
    with suppress(Exception):  # the broker is away, or its queue is empty and therefore not there
        return bool(producer.channel.queue_declare(queue, passive=True).message_count >= MOST_UNREAD)
    return False


@setup_logging.connect(weak=False)
def use_django_logging(**_: object) -> None:
    """Celery would replace Django's handlers; the log lines of every process look the same."""
    from logging.config import dictConfig

    from django.conf import settings

    dictConfig(settings.LOGGING)
