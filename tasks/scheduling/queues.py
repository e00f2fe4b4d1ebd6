"""The order of a queue as it is served: bands, and places in it for whoever has waited too long, or is drawn by lot.

    band = 640 + 200 * log2(value), to the nearest 20, from 0 to 960

Twenty are 7 % of value: what differs by less is equal, and people who come at once are spread over it by its `tie`.
Every eighth place of a queue goes to the unit that has waited longest beyond the campaign's days, the first place of all
before everything else; every fiftieth to one that is drawn by lot. A lot is drawn once, by the unit's tie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.records.coverage import Floats, Integers, PlanSettings, Pool

HIGHEST_BAND, BAND_STEP = 1000, 20
#: The highest band that a value alone reaches, that of the value 1, and how many make twice the value.
HIGHEST_BY_VALUE, BAND_OF_ONE, BANDS_AN_OCTAVE = 960, 640, 200
#: What turns a tie into a lot that has nothing to do with it.
_LOT = 7919.137
#: Where the middle of the orders stands among writing and reviews, how many units of a queue are its front, and a step.
AMONG_OTHERS, FRONT_OF_QUEUE, RAISE_STEP = 650, 100, 100


def quantise(value: Floats) -> Integers:
    """The band of each value; 0 for nothing."""
    with np.errstate(divide="ignore"):
        raw = BAND_OF_ONE + BANDS_AN_OCTAVE * np.log2(np.maximum(value, 0.0))
    steps = np.rint(np.clip(raw, 0, HIGHEST_BY_VALUE) / BAND_STEP)
    band: Integers = (steps * BAND_STEP).astype(np.int64)
    return band


def give_places(pool: Pool, band: Integers, *, settings: PlanSettings) -> tuple[NDArray[np.int16], Integers]:
    """The bands after those who waited and those drawn by lot have their places; and what each was lifted by."""
    queue = pool.kind * (int(pool.language.max(initial=0)) + 1) + pool.language
    lifted = band.copy()
    is_late = pool.waiting >= settings.wait_days
    lot = np.modf(pool.tie * _LOT)[0]
    order = np.lexsort((pool.tie, -band, queue))
    _, starts = np.unique(queue[order], return_index=True)
    for members in np.split(order, starts[1:]) if len(order) else []:
        served = band[members]
        late = members[is_late[members]]
        late = late[np.lexsort((pool.tie[late], -np.floor(pool.waiting[late])))]
        _put(lifted, late, served, every=settings.waiting_share, first=HIGHEST_BAND, front=settings.front)
        drawn = members[np.argsort(lot[members], kind="stable")]
        _put(lifted, drawn, served, every=settings.lot_share, first=None, front=settings.front)
    return lifted.astype(np.int16), lifted - band


def raise_orders(band: NDArray[np.int16], pool: Pool, *, stood: NDArray[np.int64] | None = None) -> NDArray[np.int16]:
    """The bands of orders where trees grow, brought to where other work stands: writing and reviews have theirs from their tree.

    All are raised alike, until the middle one of the queues' fronts is at about `AMONG_OTHERS`; else hardly anybody would put in
    order what is written, since more to write and to review comes all the time. Highest first as before; none is lowered.
    In large steps, so that not all bands are others whenever a few are.

    stood   of some of all orders the bands that they have, -1 of those that no plan has looked at yet: these are raised as
            the others were, which are not among them and keep their bands
    """
    if not len(band):
        return band
    known = np.zeros(len(band), dtype=bool) if stood is None else stood >= 0
    if stood is not None and known.any():
        step = _find_step(float(np.median(stood[known] - band[known])))
    else:
        step = _find_step(AMONG_OTHERS - _find_middle(band, pool))
    raised: NDArray[np.int16] = np.minimum(band + step, HIGHEST_BAND).astype(np.int16)
    return raised


def _find_middle(band: NDArray[np.int16], pool: Pool) -> float:
    """The middle band of what is at the front of each queue."""
    queue = pool.kind * (int(pool.language.max(initial=0)) + 1) + pool.language
    order = np.lexsort((pool.tie, -band.astype(np.int64), queue))
    _, starts, counts = np.unique(queue[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(starts, counts)
    return float(np.median(band[order[place < FRONT_OF_QUEUE]]))


def _find_step(lacks: float) -> int:
    return round(max(0.0, lacks) / RAISE_STEP) * RAISE_STEP


def _put(lifted: Integers, units: Integers, served: Integers, *, every: float, first: int | None, front: int) -> None:
    """Give these units, in their order, every so many-th place of what is served."""
    if not every or not len(units):
        return
    turns = np.arange(0 if first is not None else 0.5, min(front, len(served)) * every) / every
    places = turns.astype(np.int64)[: len(units)]
    places = places[places < len(served)]
    bands = served[places].copy()
    if first is not None and len(bands):
        bands[0] = first
    chosen = units[: len(bands)]
    lifted[chosen] = np.maximum(lifted[chosen], bands)
