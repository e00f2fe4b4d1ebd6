"""`make bench BENCH=redundancy`: how many rankings an order needs, asked adaptively and as a fixed number for each prompt.

Prompts of 5 and of 8 candidates, some clear and some contested: strengths are drawn from a normal distribution whose spread
differs by prompt. A crowd of mixed quality ranks all the candidates (Plackett-Luce): 65 % follow the strengths, 20 % weakly,
15 % not at all. What somebody would say of a prompt is the same, whichever way it is that asks for it:

fixed, ranked pairs   the first n people of each prompt, combined by Tideman's ranked pairs, as Open Assistant published
fixed, ours           the same rankings, combined by our consensus, at the sharpness that these rankings tell
adaptive              two of each prompt; then a prompt gets the next one as long as that is worth `least_gain`
                      (tasks.scheduling.redundancy), at the sharpness that the rankings so far tell; the bound is lowered in
                      steps. Whoever comes is given what is first in the queue
matched               the same, but that people are given prompts as the product's claims do (tests.bench.redundancy_claims)
bound                 the same, if it were known from the beginning how sharp everybody is

For each the mean rankings a prompt needs for a mean Kendall tau of 0.9 with the true order, and for the first to be the true
best in 0.9 of the prompts (between the steps by a straight line).

`ratio`, `ratio_own`  matched over fixed with ranked pairs, and over fixed with our consensus, the worse of 5 and 8 candidates;
                      every ranking counts. The mean of several crowds, with the ratios of each in `by_crowd`
`…_heard`             the same less the rankings of people whom the product knew to be careless when they gave them: they are
                      given what is nearly known, and the consensus hardly hears them
`…_adaptive`          of the adaptive way without matching, of all rankings
`…_bound`             the same, of the bound: what nobody can do much better, as long as a third of those who come hardly
                      follow the strengths and are asked like anybody else
`…_best`              the same for the best
`claimed`             what the matched way believed its mean tau to be where it was 0.9

`ratio_subsets`: where four of eight candidates are shown at once, the rankings of each prompt that a mean tau of 0.8 takes
when the subsets are chosen by doubt (tasks.scheduling.pick) over those it takes when they are balanced; of a fixed number of
rankings by the same crowd, without weights. QUICK=1: fewer prompts.
"""

from __future__ import annotations

import json
import statistics
import sys
from time import perf_counter

from tests.bench.redundancy_claims import combine, estimate, judge_adaptive
from tests.bench.redundancy_crowd import (
    BEST,
    CROWDS,
    MARK,
    PROMPTS,
    SAID,
    TAU,
    Crowd,
    Point,
    find_needed,
    interpolate,
    mean_confidence,
    read_scores,
    score,
)
from tests.bench.redundancy_subsets import measure_subsets

SIZES = (5, 8)
#: The fixed numbers that are tried.
STEPS = (2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 23, 26, 30, 35, 40, 50, 60)


def main() -> None:
    several = [[measure(size, number) for number in range(CROWDS)] for size in SIZES]
    found = [{name: round(statistics.mean(one[name] for one in each), 3) for name in each[0]} for each in several]
    ratios = [name for name in found[0] if "ratio" in name]
    result = {
        "bench": "redundancy",
        **{name: max(one[name] for one in found) for name in ratios},
        "ratio_subsets": measure_subsets(),
        "by_size": {str(size): one for size, one in zip(SIZES, found, strict=True)},
        "by_crowd": {
            str(size): {name: [one[name] for one in each] for name in ("ratio", "ratio_own")}
            for size, each in zip(SIZES, several, strict=True)
        },
        "prompts": PROMPTS,
        "crowds": CROWDS,
    }
    print(json.dumps(result, allow_nan=False), flush=True)


def measure(size: int, number: int) -> dict[str, float]:
    start = perf_counter()
    crowd = Crowd(size, number)
    pairs, own = judge_fixed(crowd)
    adaptive, _ = judge_adaptive(crowd, matches=False)
    matched, heard = judge_adaptive(crowd, matches=True)
    bound, bound_heard = judge_adaptive(crowd, matches=True, all_known=True)
    curves = {"ranked pairs": pairs, "fixed, ours": own, "adaptive": adaptive, "matched": matched, "heard": heard,
              "bound": bound, "bound, heard": bound_heard}  # fmt: skip
    for name, curve in curves.items():
        for given, tau, best, said in curve:
            print(
                f"{size} candidates  {name:13} {given:6.2f} rankings  tau {tau:.3f} (said {said:.3f})  best {best:.3f}",
                file=sys.stderr,
            )
    print(f"{size} candidates, crowd {number}: {perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    needed = {name: find_needed(curve, TAU) for name, curve in curves.items()}
    needed_best = {name: find_needed(curve, BEST) for name, curve in curves.items()}
    compared = {
        "": "matched",
        "_heard": "heard",
        "_adaptive": "adaptive",
        "_bound": "bound",
        "_heard_bound": "bound, heard",
    }
    return {
        "rankings_heard": round(needed["heard"], 2),
        "rankings": round(needed["matched"], 2),
        **{f"ratio{name}": round(needed[way] / needed["ranked pairs"], 3) for name, way in compared.items()},
        **{f"ratio_own{name}": round(needed[way] / needed["fixed, ours"], 3) for name, way in compared.items()},
        "ratio_best": round(needed_best["matched"] / needed_best["ranked pairs"], 3),
        "ratio_own_best": round(needed_best["matched"] / needed_best["fixed, ours"], 3),
        "claimed": round(interpolate(heard, needed["heard"], SAID), 3),
    }


def judge_fixed(crowd: Crowd) -> tuple[list[Point], list[Point]]:
    """Curves of ranked pairs and of our consensus over fixed numbers of rankings, as far as they matter."""
    pairs: list[Point] = []
    own: list[Point] = []
    for step in STEPS:
        ballots = [crowd.ask(prompt, person) for prompt, people in crowd.streams.items() for person in people[:step]]
        # Ranked pairs count every ballot alike.
        orders = {
            record.parent: {one: -float(place) for place, tier in enumerate(record.ranked_pairs) for one in tier}
            for record in combine(ballots, {})
        }
        records = combine(ballots, estimate(ballots))
        pairs.append((float(step), *score(orders, crowd.truth), 0.0))
        own.append((float(step), *score(read_scores(records), crowd.truth), mean_confidence(records)))
        if all(max(point[column] for point in curve) >= MARK for curve in (pairs, own) for column in (TAU, BEST)):
            break
    return pairs, own


if __name__ == "__main__":
    main()
