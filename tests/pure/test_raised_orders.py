"""Where trees grow, orders stand among writing and reviews: all raised alike, so that their own order stays."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.scheduling.pools import make_pool
from tasks.scheduling.queues import AMONG_OTHERS, HIGHEST_BAND, RAISE_STEP, raise_orders


def raise_bands(*bands: int, **columns) -> list[int]:
    pool = make_pool(np.arange(len(bands)), tie=np.arange(len(bands)) / max(len(bands), 1), **columns)
    return raise_orders(np.array(bands, dtype=np.int16), pool).tolist()


def test_the_middle_of_what_is_low_is_raised_to_where_other_work_stands() -> None:
    raised = raise_bands(100, 140, 200, 240, 300)
    assert abs(raised[2] - AMONG_OTHERS) <= RAISE_STEP / 2
    assert np.diff(raised).tolist() == [40, 60, 40, 60]


def test_what_stands_high_already_is_not_lowered() -> None:
    assert raise_bands(680, 900, 940) == [680, 900, 940]


def test_nothing_stands_above_the_highest() -> None:
    assert max(raise_bands(0, 0, 0, 0, 960)) == HIGHEST_BAND


def test_the_tail_of_a_long_queue_does_not_count_and_each_queue_has_a_front() -> None:
    bands = [640] * 100 + [0] * 900 + [640]
    assert raise_bands(*bands, language=[0] * 1000 + [1]) == bands


@pytest.mark.parametrize("more", [0, 20, 40])
def test_small_changes_do_not_move_all_of_them(more: int) -> None:
    assert raise_bands(300, 320 + more, 340 + more)[0] == 600


def test_some_of_all_are_raised_as_the_others_were() -> None:
    pool = make_pool(np.arange(4), tie=np.arange(4) / 4)
    whole = raise_orders(np.array([580, 580, 580, 560], dtype=np.int16), pool)
    assert whole.tolist() == [680, 680, 680, 660]
    now, stood = np.array([600, 580, 600, 620], dtype=np.int16), np.array([680, 680, 680, -1])
    assert raise_orders(now, pool, stood=stood).tolist() == [700, 680, 700, 720]
    assert raise_orders(now, pool, stood=np.full(4, -1)).tolist() == raise_orders(now, pool).tolist() == now.tolist()


def test_without_orders_there_is_nothing_to_raise() -> None:
    assert raise_bands() == []
