"""Standings: each generator's score with its interval, and the ranks that the intervals leave open.

Those of a component whose interval lies wholly above one's own are better, those whose interval lies wholly below are
worse; of all others nothing is known. So a rank is an interval: from 1 + the number of the better to the size of the
component less the number of the worse.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tasks.agreement.encounters import Encounters
from tasks.agreement.meetings import Meetings, sum_over_both
from tasks.agreement.normal import Z_95
from tasks.records.quality import GeneratorStanding

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

DIGITS = 6


def order_standings(generators: Sequence[str], component: Integers, scores: Floats) -> list[int]:
    """Return positions of the compared, by component, then score; names order only the listing."""
    compared = np.flatnonzero(component >= 0).tolist()
    groups, values = component.tolist(), scores.tolist()
    return sorted(compared, key=lambda i: (groups[i], -values[i], generators[i]))


def list_standings(
    met: Encounters,
    pairs: Meetings,
    *,
    component: Integers,
    scores: Floats,
    errors: Floats | None,
    order: list[int],
) -> tuple[GeneratorStanding, ...]:
    """Return the standings in `order`."""
    comparisons = sum_over_both(pairs, pairs.met)
    points = np.bincount(pairs.left, pairs.points, pairs.size)
    points = points + np.bincount(pairs.right, pairs.met - pairs.points, pairs.size)
    n_ballots = _count_ballots(met)
    if errors is not None:
        low, high = (np.round(scores + sign * Z_95 * errors, DIGITS) for sign in (-1, 1))
        best, worst = find_ranks(component, low, high)
    return tuple(
        GeneratorStanding(
            generator=met.generators[i],
            component=int(component[i]),
            score=float(scores[i]),
            low=None if errors is None else float(low[i]),
            high=None if errors is None else float(high[i]),
            rank=None if errors is None else int(best[i]),
            worst_rank=None if errors is None else int(worst[i]),
            comparisons=round(float(comparisons[i]), DIGITS),
            win_share=round(float(points[i] / comparisons[i]), DIGITS),
            acceptable_share=round(float(met.acceptable[i] / met.judged[i]), DIGITS) if met.judged[i] > 0 else None,
            n_ballots=int(n_ballots[i]),
        )
        for i in order
    )


def find_ranks(component: Integers, low: Floats, high: Floats) -> tuple[Integers, Integers]:
    """Return (M,) the best and the worst rank of each within its component; 0 where nobody was met."""
    best, worst = np.zeros(len(component), dtype=np.int64), np.zeros(len(component), dtype=np.int64)
    compared = np.flatnonzero(component >= 0)
    ordered = compared[np.argsort(component[compared], kind="stable")]
    for members in np.split(ordered, np.flatnonzero(np.diff(component[ordered])) + 1):
        lows, highs = np.sort(low[members]), np.sort(high[members])
        best[members] = 1 + len(members) - np.searchsorted(lows, high[members], side="right")
        worst[members] = len(members) - np.searchsorted(highs, low[members], side="left")
    return best, worst


def _count_ballots(met: Encounters) -> Integers:
    """Return (M,) how many ballots compared each generator with another."""
    size = max(len(met.generators), 1)
    alone = np.bincount(met.ballot)[met.ballot] == 1 if len(met.ballot) else np.zeros(0, dtype=bool)
    both = np.concatenate([met.ballot * size + met.winner, met.ballot * size + met.loser])
    several = np.unique(both[~np.concatenate([alone, alone])]) % size
    named = np.concatenate([met.winner[alone], met.loser[alone], several])
    return np.bincount(named, minlength=len(met.generators))
