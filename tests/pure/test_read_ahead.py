"""Reading ahead: the same items in the same order, bounded, and ended from either side."""

from __future__ import annotations

import threading
import time

import pytest

from tasks.formats import read_ahead as module
from tasks.formats.read_ahead import PARCEL_ITEMS, PARCEL_WEIGHT, PARCELS, read_ahead


def weigh_one(_item: object) -> int:
    return 1


@pytest.mark.parametrize("count", [0, 1, PARCEL_ITEMS, PARCEL_ITEMS + 1, 10 * PARCEL_ITEMS + 7])
def test_every_item_comes_once_and_in_order(count) -> None:
    assert list(read_ahead(iter(range(count)), weigh=weigh_one)) == list(range(count))


def wait_until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(("weight", "held"), [(1, PARCEL_ITEMS), (PARCEL_WEIGHT, 1), (PARCEL_WEIGHT // 10, 10)])
def test_no_more_is_read_ahead_than_the_bound(weight, held) -> None:
    taken = []

    def source():
        for number in range(100_000):
            taken.append(number)
            yield number

    items = read_ahead(source(), weigh=lambda _: weight)
    assert next(items) == 0
    # One parcel with the consumer, some that wait, and one in the reader's hands.
    bound = held * (PARCELS + 2)
    wait_until(lambda: len(taken) == bound)
    time.sleep(0.1)
    assert len(taken) == bound
    items.close()


def test_what_the_source_raises_is_raised_after_what_came_before() -> None:
    def source():
        yield from range(5)
        raise ValueError("Line 6 is damaged.")

    seen = []

    def collect() -> None:
        for number in read_ahead(source(), weigh=weigh_one):
            seen.append(number)  # noqa: PERF402  (what came before the failure must be seen)

    with pytest.raises(ValueError, match="Line 6"):
        collect()
    assert seen == [0, 1, 2, 3, 4]


def test_closing_ends_the_thread_and_the_source() -> None:
    closed = threading.Event()

    def source():
        try:
            while True:
                yield 1
        finally:
            closed.set()

    items = read_ahead(source(), weigh=weigh_one)
    next(items)
    items.close()
    assert closed.is_set()
    assert [thread.name for thread in threading.enumerate() if thread.name == "read-ahead"] == []


def test_a_source_that_takes_long_is_told_to_stop() -> None:
    told = threading.Event()

    def source():
        yield from [1] * PARCEL_ITEMS
        told.wait(10)  # a long way to the next item
        if not told.is_set():
            raise AssertionError

    items = read_ahead(source(), weigh=weigh_one, abandon=told.set)
    next(items)
    items.close()
    assert told.is_set()


def test_the_watch_is_called_while_no_item_comes_and_may_end_it(monkeypatch) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LOOKS", 0.01)
    gate = threading.Event()
    calls = []

    def source():
        gate.wait(10)
        yield 1

    def watch():
        calls.append(threading.current_thread())
        if len(calls) == 5:
            gate.set()
            raise TimeoutError

    with pytest.raises(TimeoutError):
        list(read_ahead(source(), weigh=weigh_one, watch=watch))
    assert calls == [threading.current_thread()] * 5
