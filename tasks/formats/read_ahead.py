"""Read on in a thread while whoever takes the items waits for something else, a database say.

What is read ahead is bounded by weight, so memory stays flat. Everything about the source happens in the one
thread; the consumer is called back in its own.
"""

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")

#: Parcels that wait at most, and what one may weigh.
PARCELS = 2
PARCEL_ITEMS = 128
PARCEL_WEIGHT = 1_000_000
#: How often a consumer that waits is called back, and a reader that waits looks whether it is still wanted.
SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(slots=True)
class _Parcel(Generic[Item]):
    items: list[Item]
    is_last: bool = False
    failure: BaseException | None = None


def read_ahead(
    source: Iterable[Item],
    *,
    weigh: Callable[[Item], int],
    watch: Callable[[], None] = lambda: None,
    abandon: Callable[[], None] = lambda: None,
) -> Generator[Item]:
    """Yield the items of `source`, which is read in a thread of its own; what it raises is raised here.

    `watch` is called in this thread before each parcel and now and then while none is there; what it raises
    ends the reading. So does closing this generator. `abandon` is called when the reading ends early or late,
    to make a source that takes long to come to its next item stop before it.
    """
    parcels: queue.Queue[_Parcel[Item]] = queue.Queue(maxsize=PARCELS)
    stop = threading.Event()
    reader = threading.Thread(target=_read, args=(source, weigh, parcels, stop), name="read-ahead", daemon=True)
    reader.start()
    try:
        while True:
            watch()
            try:
                parcel = parcels.get(timeout=SECONDS_BETWEEN_LOOKS)
            except queue.Empty:
                continue
            yield from parcel.items
            if parcel.failure is not None:
                raise parcel.failure
            if parcel.is_last:
                return
    finally:
        stop.set()
        abandon()
        reader.join()


def _read(
    source: Iterable[Item], weigh: Callable[[Item], int], parcels: "queue.Queue[_Parcel[Item]]", stop: threading.Event
) -> None:
    items: list[Item] = []
    try:
        weight = 0
        for item in source:
            items.append(item)
            weight += weigh(item)
            if len(items) >= PARCEL_ITEMS or weight >= PARCEL_WEIGHT:
                if not _put(parcels, _Parcel(items), stop):
                    return
                items, weight = [], 0
            elif stop.is_set():
                return
        _put(parcels, _Parcel(items, is_last=True), stop)
    except BaseException as failure:  # noqa: BLE001  (the consumer raises it)
        _put(parcels, _Parcel(items, failure=failure), stop)
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()


def _put(parcels: "queue.Queue[_Parcel[Item]]", parcel: "_Parcel[Item]", stop: threading.Event) -> bool:
    """Hand a parcel over; False when nobody wants it any more."""
    while not stop.is_set():
        try:
            parcels.put(parcel, timeout=SECONDS_BETWEEN_LOOKS)
        except queue.Full:
            continue
        return True
    return False
