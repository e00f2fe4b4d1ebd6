"""`make bench BENCH=comparison_design`: how many ballots a leaderboard needs, by the design and by lot.

Generators of known strengths (a normal distribution) write candidates for prompts of ten strata; each prompt is ranked
once, by somebody who draws from the strengths of its candidates (Plackett-Luce). Who answers which prompt is chosen by
`tasks.scheduling.comparison_design`, and beside it by lot: so many different generators, all equally likely. From the
same numbers of ballots `tasks.agreement.leaderboard` fits both, and the order is compared with the true one (Kendall's
tau; generators that no comparison links are no pair in order).

For each size: tau by number of ballots, and how many ballots each way needs for a mean tau of 0.5 and of 0.7 (between
the numbers of ballots by a straight line). `ratio` is the mean over sizes and marks of the design's ballots over the
lot's: below 1 the design needs fewer. `linked`: the share of leaderboards that held all generators at as many ballots
as there are generators. `us_per_prompt`: what choosing costs. QUICK=1: fewer repetitions.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from math import exp
from random import Random
from time import perf_counter

from tasks.agreement.leaderboard import compare_generators
from tasks.records.ballots import Ballot
from tasks.records.quality import LeaderboardRecord
from tasks.scheduling.comparison_design import Entrant, Prompt, Tally, plan_prompt

QUICK = os.environ.get("QUICK") == "1"
REPETITIONS = 40 if QUICK else 200
#: Generators, and how many of them answer a prompt.
SIZES = ((7, 3), (12, 3), (20, 4), (12, 2))
STRATA = 10
MARKS = (0.5, 0.7)
#: Ballots for each generator, at which the order is looked at.
STEPS = (0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16)

Blocks = list[tuple[int, ...]]


def main() -> None:
    found = [measure(count, wanted) for count, wanted in SIZES]
    ratios = [ratio for size in found for ratio in size["ratios"]]
    result = {
        "bench": "comparison_design",
        "ratio": round(statistics.mean(ratios), 3),
        "worst_ratio": round(max(ratios), 3),
        "linked": round(statistics.mean(size["linked"][0] for size in found), 3),
        "linked_by_lot": round(statistics.mean(size["linked"][1] for size in found), 3),
        "us_per_prompt": round(max(size["us_per_prompt"] for size in found)),
        "repetitions": REPETITIONS,
    }
    print(json.dumps(result), flush=True)


def measure(count: int, wanted: int) -> dict:
    steps = [max(1, round(step * count)) for step in STEPS]
    curves: list[dict[int, list[float]]] = [defaultdict(list), defaultdict(list)]
    linked = [Counter[bool](), Counter[bool]()]
    seconds = 0.0
    for seed in range(REPETITIONS):
        dice = Random(f"strengths/{seed}")
        strengths = [dice.gauss(0, 1) for _ in range(count)]
        start = perf_counter()
        designed = choose_by_design(count, wanted, prompts=steps[-1], seed=seed)
        seconds += perf_counter() - start
        for way, blocks in enumerate((designed, choose_by_lot(count, wanted, prompts=steps[-1], seed=seed))):
            ballots = [rank(block, parent, strengths, seed=seed) for parent, block in enumerate(blocks)]
            for step in steps:
                record = compare_generators(ballots[:step], {one: (str(one),) for one in range(count)}, seed=1)
                curves[way][step].append(measure_tau(record, strengths))
                if step == count:
                    linked[way][record.components == 1 and not record.not_compared] += 1
    means = [{step: statistics.mean(taus) for step, taus in curve.items()} for curve in curves]
    needed = [[find_step(curve, mark) for mark in MARKS] for curve in means]
    for step in steps:
        print(
            f"{count:3} by {wanted}: {step:4} ballots  tau {means[0][step]:.3f}  by lot {means[1][step]:.3f}",
            file=sys.stderr,
        )
    print(f"{count:3} by {wanted}: for {MARKS} {needed[0]}, by lot {needed[1]}", file=sys.stderr)
    return {
        "ratios": [one / other for one, other in zip(*needed, strict=True)],
        "linked": [counts[True] / REPETITIONS for counts in linked],
        "us_per_prompt": seconds / REPETITIONS / steps[-1] * 1e6,
    }


def choose_by_design(count: int, wanted: int, *, prompts: int, seed: int) -> Blocks:
    entrants = [Entrant(one) for one in range(count)]
    whole, strata = Tally(), [Tally() for _ in range(STRATA)]
    return [
        tuple(
            one
            for one, _ in plan_prompt(
                Prompt(number),
                entrants,
                wanted=wanted,
                fills_up=False,
                tallies=(strata[number % STRATA], whole),
                rng=Random(f"{seed}/{number}"),
            )
        )
        for number in range(prompts)
    ]


def choose_by_lot(count: int, wanted: int, *, prompts: int, seed: int) -> Blocks:
    dice = Random(f"lot/{seed}")
    return [tuple(dice.sample(range(count), wanted)) for _ in range(prompts)]


def rank(block: Sequence[int], parent: int, strengths: Sequence[float], *, seed: int) -> Ballot:
    dice = Random(f"ballot/{seed}/{parent}")
    beats = {one: dice.expovariate(exp(strengths[one])) for one in block}
    order = sorted(block, key=beats.__getitem__)
    # One annotator: intervals are not what is measured here.
    return Ballot("ann", parent, tuple((one,) for one in order), None, tuple(block))


def measure_tau(record: LeaderboardRecord, strengths: Sequence[float]) -> float:
    score = {int(row.generator): (row.component, row.score) for row in record.standings}
    signs = []
    for one, other in combinations(range(len(strengths)), 2):
        if one not in score or other not in score or score[one][0] != score[other][0]:
            signs.append(0.0)
            continue
        agree = (score[one][1] - score[other][1]) * (strengths[one] - strengths[other])
        signs.append(0.0 if agree == 0 else 1.0 if agree > 0 else -1.0)
    return statistics.mean(signs)


def find_step(curve: dict[int, float], mark: float) -> float:
    """Ballots at which a curve first reaches a mark."""
    before: tuple[int, float] = (0, 0.0)
    for step, tau in curve.items():
        if tau >= mark:
            return before[0] + (step - before[0]) * (mark - before[1]) / (tau - before[1])
        before = (step, tau)
    raise SystemExit(f"A mean tau of {mark} was not reached with {before[0]} ballots: {before[1]:.3f}.")


if __name__ == "__main__":
    main()
