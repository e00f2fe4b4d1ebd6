"""Keep a lease alive while something long runs: a thread of its own with a connection of its own."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

from django.db import Error, connections

log = logging.getLogger(__name__)


@contextlib.contextmanager
def keep_leases(renew: Callable[[], object], *, every_seconds: float) -> Iterator[None]:
    """Within this block `renew` is called every so often. A renewal that fails is tried again at the next turn."""
    ended = threading.Event()

    def keep() -> None:
        try:
            while not ended.wait(every_seconds):
                try:
                    renew()
                except Error as error:
                    log.warning("could not renew a lease: %s", error)
                    connections.close_all()
        finally:
            connections.close_all()

    keeper = threading.Thread(target=keep, name="keep-leases", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
