"""Wakes a job by its name when the transaction commits.

A wake-up can neither fail nor slow whoever asks for it: it is put into a small set in memory, and a
thread of this process publishes it. With the broker dead or hung only that thread waits, half a
second at a time; what it could not send it keeps and tries again after a pause, up to a bound. What
is lost all the same (this process was killed, the set was full) is found by the job's next sweep.

The same job with the same ids is published at most once in `COALESCE_SECONDS`: at once the first
time, then once more at the end of that time if it was asked for again meanwhile, so that rows
written after the first message are looked at too.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.db import transaction
from kombu import Connection

from annotate.celery import app
from tasks.vocabulary import JobName

log = logging.getLogger(__name__)

COALESCE_SECONDS = 0.2
TIMEOUT_SECONDS = 0.5
PAUSE_SECONDS = 3.0
MOST_WAITING = 1000

Wake = tuple[str, tuple[Any, ...]]
Send = Callable[[str, tuple[Any, ...]], None]


def wake(job: JobName, *ids: int | str) -> None:
    """Publish a message for `job` once the current transaction commits (at once when there is none)."""
    transaction.on_commit(lambda: publisher.put(str(job), ids))


def flush(timeout: float = 1.0) -> bool:
    """Wait until nothing is left to publish; False when that took longer than `timeout` seconds."""
    return publisher.flush(timeout)


class Publisher:
    """The set of wake-ups to send and the one thread that sends them.

    `due` holds, for each wake-up still to send, when; `sent` when it was sent last. Both belong to
    `changed`'s lock. `send` raises whatever it likes when the broker does not take a message.
    """

    def __init__(self, send: Send, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.send = send
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Start anew, also in a forked child, where the parent's thread does not exist."""
        self.changed = threading.Condition()
        self.due: dict[Wake, float] = {}
        self.sent: dict[Wake, float] = {}
        self.sending = False
        self.pause_until = 0.0
        self.thread: threading.Thread | None = None

    def put(self, job: str, ids: tuple[Any, ...]) -> None:
        """Ask for one message. Takes microseconds, whatever the broker does."""
        wanted = (job, ids)
        with self.changed:
            if wanted in self.due:
                return
            if len(self.due) >= MOST_WAITING:
                return  # the sweep will find it
            last = self.sent.get(wanted)
            self.due[wanted] = self.clock() if last is None else max(self.clock(), last + COALESCE_SECONDS)
            self._ensure_thread()
            self.changed.notify_all()

    def flush(self, timeout: float) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: not self.due and not self.sending, timeout)

    def _ensure_thread(self) -> None:
        if self.thread is None or not self.thread.is_alive():
            self.thread = threading.Thread(target=self._run, name="wake", daemon=True)
            self.thread.start()

    def _run(self) -> None:
        while True:
            wanted = self._take()
            try:
                self.send(*wanted)
            except Exception as error:  # noqa: BLE001  (whatever the transport raises: nobody waits for this answer)
                log.warning("broker away, wake-ups wait: %s", error, extra={"job": wanted[0]})
                self._put_back(wanted)
            else:
                with self.changed:
                    self.sending = False
                    self.changed.notify_all()

    def _take(self) -> Wake:
        """The next wake-up that is due; waits for one. It counts as sent from before it is sent, so
        that a row written while the message is on its way asks for another one."""
        with self.changed:
            while True:
                now = self.clock()
                ready = max(min(self.due.values(), default=float("inf")), self.pause_until)
                if ready <= now:
                    wanted = min(self.due, key=self.due.__getitem__)
                    del self.due[wanted]
                    self.sending = True
                    self._forget_old(now)
                    self.sent[wanted] = now
                    return wanted
                self.changed.wait(None if ready == float("inf") else ready - now)

    def _put_back(self, wanted: Wake) -> None:
        with self.changed:
            self.sending = False
            self.pause_until = self.clock() + PAUSE_SECONDS
            self.due.setdefault(wanted, self.pause_until)

    def _forget_old(self, now: float) -> None:
        if len(self.sent) > MOST_WAITING:
            self.sent = {key: when for key, when in self.sent.items() if when > now - COALESCE_SECONDS}


class BrokerSender:
    """Sends through one connection of its own, with short time-outs, made anew after every failure."""

    def __init__(self, url: str | None = None) -> None:
        self.url = url
        self.connection: Connection | None = None
        self.producer: Any = None

    def __call__(self, job: str, ids: tuple[Any, ...]) -> None:
        try:
            if self.producer is None:
                self._connect()
            app.send_task(job, args=list(ids), producer=self.producer, retry=False, ignore_result=True)
        except Exception:
            self._drop()
            raise

    def _connect(self) -> None:
        options = {
            **app.conf.broker_transport_options,
            "socket_timeout": TIMEOUT_SECONDS,
            "socket_connect_timeout": TIMEOUT_SECONDS,
            "retry_on_timeout": False,
            "health_check_interval": 0,
        }
        self.connection = app.connection_for_write(self.url, connect_timeout=TIMEOUT_SECONDS, transport_options=options)
        self.producer = app.amqp.Producer(self.connection, auto_declare=False)

    def _drop(self) -> None:
        connection, self.connection, self.producer = self.connection, None, None
        if connection is not None:
            with suppress(Exception):
                connection.release()


publisher = Publisher(BrokerSender())
os.register_at_fork(after_in_child=lambda: publisher.__init__(BrokerSender()))  # type: ignore[misc]
atexit.register(flush)
