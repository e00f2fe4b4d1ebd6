"""Benchmark: opinion groups and what all of them accept, on crowds with planted groups.

    python -m tests.bench.perspectives          up to 1,000,000 votes
    QUICK=1 python -m tests.bench.perspectives  a fifth of it

Seconds are of one processor, so that a busy machine does not count. `bridging_s` is the factorisation of the most
votes; `groups_s` map and groups of 48,000 votes, as Polis makes them; `all_s` everything that the job computes of them,
the test against noise included. `adjusted_rand` says how well planted groups were found (1: all, 0: as dice would);
`made_up` in how many of the crowds of one opinion groups were seen.
"""

import json
import os
from collections.abc import Callable
from time import process_time
from typing import TypeVar

import numpy as np

from tasks.agreement.bridging import fit_bridging
from tasks.agreement.opinions import group_people, place_people, take_out_levels
from tasks.agreement.perspectives import find_perspectives
from tasks.agreement.votes import Votes, collect_votes
from tests.pure.opinion_crowds import adjusted_rand, draw_crowd

T = TypeVar("T")
TIMES = 3


def draw_votes(votes: int, *, people: int, items: int, groups: int = 2, seed: int = 1) -> tuple[Votes, list[int]]:
    """Votes of planted groups in columns at once, five candidates a prompt; with everybody's group."""
    dice = np.random.RandomState(seed)
    pair = np.unique(dice.randint(0, people * items, int(votes * 1.02)))
    pair = np.sort(dice.permutation(pair)[:votes])
    person, item = pair // items, pair % items
    group = np.arange(people) % groups
    liked = dice.choice([-0.35, 0.35], (groups, items)) * (dice.rand(items) < 0.5)
    chance = np.clip(dice.beta(2, 2, items)[item] + liked[group[person], item], 0.03, 0.97)
    value = np.where(dice.rand(len(pair)) < chance, 1.0, -1.0)
    names = tuple(f"{number:06d}" for number in range(people))
    return Votes(names, np.arange(items), np.arange(items) // 5, person, item, value), group.tolist()


def measure(what: str, work: Callable[[], T]) -> tuple[T, float]:
    """Run `work` a few times, say how long the quickest took, and return its result with the seconds."""
    quickest = float("inf")
    for _ in range(TIMES):
        start = process_time()
        result = work()
        quickest = min(quickest, process_time() - start)
    print(f"{what:<64} {quickest:8.3f} s", flush=True)
    return result, quickest


def measure_speed(most: int) -> dict[str, float]:
    figures = {}
    for votes in (most // 10, most):
        drawn, _group = draw_votes(votes, people=votes // 50, items=votes // 25)
        _, figures["bridging_s"] = measure(
            f"bridging, {votes:,} votes", lambda drawn=drawn: fit_bridging(drawn, seed=1)
        )
    for votes, people, items in ((5_000, 100, 100), (48_000, 1_000, 500), (most // 4, 2_500, 1_000)):
        drawn, _group = draw_votes(votes, people=people, items=items)

        def group(drawn: Votes = drawn) -> None:
            group_people(place_people(drawn, take_out_levels(drawn), seed=1), seed=1)

        _, seconds = measure(f"map and groups, {votes:,} votes of {people:,} people", group)
        if votes == 48_000:
            figures["groups_s"] = seconds
            _, figures["all_s"] = measure(
                f"everything, {votes:,} votes of {people:,} people",
                lambda drawn=drawn: find_perspectives(drawn, seed=1),
            )
    return figures


def measure_quality(seeds: int) -> dict[str, float]:
    figures: dict[str, float] = {}
    for groups, people, each in ((2, 40, 15), (2, 100, 15), (3, 60, 30), (4, 100, 60)):
        found = []
        for seed in range(seeds):
            ballots, truth = draw_crowd(people=people, groups=groups, parents=60, each=each, strength=0.35, seed=seed)
            record, members = find_perspectives(collect_votes(ballots), seed=1)
            labels = [member.group or 0 for member in members]
            score = adjusted_rand(labels, [truth[member.annotator] for member in members])
            found.append((score, len(record.groups) == groups))
        score, counted = (sum(column) / seeds for column in zip(*found, strict=True))
        print(
            f"{groups} groups, {people} people, {each} ballots a prompt: adjusted Rand {score:.2f}, number right {counted:.0%}"
        )
        figures[f"adjusted_rand_{groups}_{people}"] = round(score, 3)
    made_up = 0
    for seed in range(4 * seeds):
        ballots, _truth = draw_crowd(people=60, groups=1, parents=60, each=15, leniency=0.15, seed=seed)
        made_up += find_perspectives(collect_votes(ballots), seed=1)[0].state == "found"
    print(f"one opinion: groups made up in {made_up} of {4 * seeds} crowds")
    figures["made_up"] = made_up / (4 * seeds)
    return figures


def main() -> None:
    quick = bool(os.environ.get("QUICK"))
    figures = measure_speed(200_000 if quick else 1_000_000) | measure_quality(3 if quick else 10)
    print(json.dumps({"bench": "perspectives", **{name: round(value, 4) for name, value in figures.items()}}))


if __name__ == "__main__":
    main()
