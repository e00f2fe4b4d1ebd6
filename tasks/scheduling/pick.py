"""The choice made while somebody waits: which candidates to show.

Standard library only: this module is imported by the web process.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from random import Random

#: How often each candidate is shown before doubt decides; of how many choices one is balanced all the same.
SHOWN_FIRST, EVEN_SHARE = 2, 8
#: Doubts that differ by less count alike.
DOUBT_STEP = 0.05


def choose_subset(
    candidates: Sequence[int], *, shown: Sequence[Sequence[int]], size: int, rng: Random
) -> tuple[int, ...]:
    """Return up to `size` of the candidates to show next, in the order in which to show them.

    candidates  those under the parent now, each once, in any order
    shown       the subsets shown before, pending ones included; candidates that are gone since are
                ignored
    size        how many are shown at once, at least 2

    1. Balance: those shown least often come first, so that times shown differ by at most one, and a
       candidate added later catches up.
    2. Connection: among those shown equally often, from different components of the graph of
       candidates shown together, so that it is connected as soon as can be: after
       ceil((n - 1) / (size - 1)) subsets from the first. While it is not connected, a subset that
       would stay inside one component gives one of its places to another (this is the one exception
       to 1, and happens only when candidates were added late).
    3. Variety: then those that were shown least often together with the ones already chosen.
    4. What is still equal is decided by `rng`, and so is the order of presentation.

    Raises ValueError when `size` is below 2 or a candidate is listed twice.
    """
    if size < 2:
        raise ValueError(f"A subset shows at least 2 candidates, not {size}.")
    pool = sorted(candidates)
    if len(set(pool)) < len(pool):
        raise ValueError("A candidate is listed twice; list each once.")
    present = set(pool)
    subsets = [sorted(present.intersection(subset)) for subset in shown]
    times = Counter(candidate for subset in subsets for candidate in subset)
    component = _find_components(pool, subsets)
    rng.shuffle(pool)
    chosen: list[int] = []
    used: set[int] = set()
    met: Counter[int] = Counter()
    waiting = sorted(pool, key=times.__getitem__)  # keeps the order of the dice among equals
    while waiting and len(chosen) < size:
        found = _find_best(waiting, times, component, used, met)
        waiting.remove(found)
        chosen.append(found)
        used.add(component[found])
        met.update(other for subset in subsets if found in subset for other in subset)
    _reach_out(chosen, pool, times, component)
    rng.shuffle(chosen)
    return tuple(chosen)


def choose_doubtful(
    candidates: Sequence[int],
    *,
    shown: Sequence[Sequence[int]],
    doubt: Mapping[tuple[int, int], float],
    size: int,
    rng: Random,
) -> tuple[int, ...]:
    """Return up to `size` of the candidates of whose order among each other least is known, in the order to show them.

    doubt  of a pair, the lower id first: the chance that its order is taken the wrong way round

    1. What was shown before comes first: until each candidate was shown `SHOWN_FIRST` times and all are connected, and where
       nothing is known of one of them, the choice is `choose_subset`'s.
    2. So it is once in `EVEN_SHARE` times, by lot: what is chosen by doubt alone would tell of contested pairs alone.
    3. Else it begins with the pair of most doubt, and takes the candidate of most doubt against those already chosen. Doubts
       count within a twentieth, so that those who are asked at once are not all shown the same.

    Nothing in it can be told from a balanced choice by whoever is shown it. Raises ValueError as `choose_subset` does.
    """
    even = choose_subset(candidates, shown=shown, size=size, rng=rng)
    times = Counter(candidate for subset in shown for candidate in subset)
    known = {candidate for pair in doubt for candidate in pair}
    present = set(candidates)
    component = _find_components(sorted(present), [sorted(present.intersection(subset)) for subset in shown])
    is_early = any(times[candidate] < SHOWN_FIRST for candidate in candidates) or len(set(component.values())) > 1
    if is_early or not known.issuperset(candidates) or len(even) == len(candidates) or rng.randrange(EVEN_SHARE) == 0:
        return even
    rated = {pair: doubt.get(pair, 0.0) + rng.random() * DOUBT_STEP for pair in combinations(sorted(candidates), 2)}
    most = max(rated, key=lambda pair: rated[pair])
    chosen = [*most]
    waiting = sorted(present.difference(chosen))
    while len(chosen) < size:
        following = max(waiting, key=lambda one: sum(rated[min(one, other), max(one, other)] for other in chosen))
        chosen.append(following)
        waiting.remove(following)
    rng.shuffle(chosen)
    return tuple(chosen)


def _find_best(
    waiting: Sequence[int], times: Counter[int], component: dict[int, int], used: set[int], met: Counter[int]
) -> int:
    """Return the first of those shown least often that is from a new component and least met, in that order.

    One pass at most, and mostly the first candidate: this is what keeps large parents cheap.
    """
    least = times[waiting[0]]
    best, lowest = waiting[0], (True, sum(met.values()) + 1)
    for candidate in waiting:
        if times[candidate] > least:
            break
        rank = (component[candidate] in used, met[candidate])
        if rank < lowest:
            best, lowest = candidate, rank
        if lowest == (False, 0):
            break
    return best


def _find_components(pool: Sequence[int], subsets: Sequence[Sequence[int]]) -> dict[int, int]:
    """Return for each candidate the one that stands for its component."""
    parent = {candidate: candidate for candidate in pool}

    def find(candidate: int) -> int:
        while parent[candidate] != candidate:
            parent[candidate] = parent[parent[candidate]]
            candidate = parent[candidate]
        return candidate

    for subset in subsets:
        for candidate in subset[1:]:
            parent[find(candidate)] = find(subset[0])
    return {candidate: find(candidate) for candidate in pool}


def _reach_out(chosen: list[int], pool: Sequence[int], times: Counter[int], component: dict[int, int]) -> None:
    """Let a subset that lies inside one of several components reach into another, in place."""
    inside = {component[candidate] for candidate in chosen}
    outside = [candidate for candidate in pool if component[candidate] not in inside]
    if len(inside) == 1 and outside:
        chosen.sort(key=lambda candidate: times[candidate])
        chosen[-1] = min(outside, key=lambda candidate: times[candidate])
