"""`make bench BENCH=coverage`: judgments that a campaign needs to cover as much as one in which work is given at random.

A made-up campaign: topics and languages by Zipf's laws, three lengths, embeddings around their topic (100,000 prompts; one of
20,000; one language; no topics; three judgments a prompt; prompts that arrive day by day), and the real prompts of
`CHORUS_REAL_DATA` where it is set, with the encoder in the folder `CHORUS_ENCODER` (else the hashing one). The scheduler sees
the topics that the product finds in the embeddings, never the true ones. Bands are served as on the site: from the highest
down in each language, ties as they fall, planned anew every 500 judgments and with the embeddings every 2,500; people come
with one language each and stay for 20 judgments.

What is measured is none of the scheduler's own numbers: `cell2`, the mean over true cells (language, topic, length) of
min(1, judged / 2); `mass`, the same weighted by the root of the cell's prompts; `people`, cells × groups of people touched;
`facility`, the mean over prompts of the largest similarity to a judged one; `far`, its 5 % quantile.

`ratio`: judgments until `cell2` is what random reaches at 0.7, over random's, of the 100,000; `ratio_sparse`: at 0.4;
`ratio_facility`: the same for `facility` where random is after 5,000 judgments. `..._open_assistant`: over that policy's.
`worst`: over all scenarios, measures and budgets, the lowest of what the coverage policy has over what random has (each the mean
of three runs with other ties and people; of the 100,000 one); `worse`: how many of them are below by more than chance, three
standard errors of what runs of random work differ by (0: never worse). `smallest`: the share of its target (by the root of its prompts) that the topic that has least of it has, beside Open Assistant's; `wait_days`: the
longest that any unit waited where prompts arrive day by day; `sameness`: how often one person's next work is of the same topic.

QUICK=1: a fifth of the prompts, and no ratio at 0.7.
"""

from __future__ import annotations

import json
import os
from time import perf_counter

import numpy as np

from tasks.vocabulary import PolicyName
from tests.bench.coverage_real import load_real_world
from tests.bench.coverage_serving import Measures, Served
from tests.bench.coverage_worlds import World, make_world

QUICK = os.environ.get("QUICK") == "1"
NAMES = ("cell2", "mass", "people", "facility", "far")
POLICIES = (PolicyName.UNIFORM, PolicyName.OPEN_ASSISTANT, PolicyName.COVERAGE)
BUDGETS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
FACILITY_AT = 5_000
#: Standard errors below random's mean that are more than chance, of as many comparisons as there are here.
CHANCE = 3.0

Found = dict[PolicyName, list[Measures]]


def serve(
    world: World,
    policy: PolicyName,
    judgments: int,
    *,
    seed: int,
    tick: int = 500,
    full: int = 2_500,
    **scenario: object,
) -> Measures:
    started = perf_counter()
    served = Served(world, policy=policy, seed=seed, **scenario)  # type: ignore[arg-type]
    found = served.run(judgments, full_every=full, tick_every=tick, measure_every=max(20, judgments // 200))
    values = {name: round(found.at(name, judgments), 3) for name in NAMES}
    print(f"  {policy:15} {judgments:6} judgments in {perf_counter() - started:5.1f} s: {values}", flush=True)
    return found


def compare(name: str, world: World, judgments: int, *, seeds: int = 3, **scenario: object) -> Found:
    """All policies on a world, each with the same ties and people, as often as there are seeds."""
    print(f"{name}: {len(world)} prompts, {int(world.cell.max()) + 1} cells", flush=True)
    runs: Found = {policy: [] for policy in POLICIES}
    for seed in range(3, 3 + seeds):
        for policy in POLICIES:
            runs[policy].append(serve(world, policy, judgments, seed=seed, **scenario))  # type: ignore[arg-type]
    return runs


def list_differences(runs: Found) -> list[tuple[float, float, str]]:
    """Of each measure at each budget: what coverage has over what random has, by how many standard errors it differs, which."""
    found = []
    for name in NAMES:
        for share in BUDGETS:
            pairs = [
                (ours.at(name, share * ours.judgments[-1]), random.at(name, share * random.judgments[-1]))
                for ours, random in zip(runs[PolicyName.COVERAGE], runs[PolicyName.UNIFORM], strict=True)
            ]
            ours, random = (float(np.mean(column)) for column in zip(*pairs, strict=True))
            # What two runs of random work differ by, with other ties: at least a thousandth.
            apart = float(np.std([second for _, second in pairs], ddof=1)) if len(pairs) > 1 else 0.0
            error = max(apart, 0.001) * (2 / len(pairs)) ** 0.5
            found.append((ours / max(random, 1e-9), (ours - random) / error, f"{name} at {share:.0%}"))
    return found


def main() -> None:
    size = 20_000 if QUICK else 100_000
    budget = 7_000 if QUICK else 30_000
    figures: dict[str, object] = {"prompts": size, "quick": QUICK}
    # First, so that a folder without an encoder is told at once.
    real = load_real_world()
    worlds = {"many": compare("many", make_world(size, seed=1), budget, seeds=1)}
    worlds["few"] = compare("few", make_world(size // 5, seed=2), budget // 5, tick=100, full=500)
    one = make_world(size // 5, seed=3, languages=1)
    worlds["one language"] = compare("one language", one, 1_500, tick=100, full=500)
    plain = make_world(size // 5, seed=4)
    worlds["no topics"] = compare(
        "no topics", plain, budget // 5, tick=100, full=500, has_vectors=False, has_topics=False
    )
    worlds["three each"] = compare("three each", plain, budget // 5, tick=100, full=500, redundancy=3)
    days = np.random.default_rng(5).uniform(0, 30, 6_000)
    arriving = make_world(6_000, seed=6)
    worlds["arriving"] = compare("arriving", arriving, 6_600, tick=100, full=500, arrives=days, per_day=220.0)
    if real is not None:
        worlds[real.name] = compare(real.name, real.world, min(400, len(real.world) // 2), tick=20, full=100)
    else:
        print("real prompts: not run, CHORUS_REAL_DATA is not set")

    random, open_assistant, ours = (worlds["many"][policy][0] for policy in POLICIES)
    for name, mark in (("ratio", 0.7), ("ratio_sparse", 0.4)):
        if np.isfinite(random.reach("cell2", mark)):
            figures[name] = round(ours.reach("cell2", mark) / random.reach("cell2", mark), 3)
        if np.isfinite(open_assistant.reach("cell2", mark)):
            figures[f"{name}_open_assistant"] = round(
                ours.reach("cell2", mark) / open_assistant.reach("cell2", mark), 3
            )
    at = min(FACILITY_AT, budget // 4)
    figures["ratio_facility"] = round(ours.reach("facility", random.at("facility", at)) / at, 3)
    differences = [(*one[:2], f"{name}: {one[2]}") for name, runs in worlds.items() for one in list_differences(runs)]
    worst, _, figures["worst_of"] = min(differences)
    figures["worst"] = round(worst, 3)
    figures["worse"] = sum(errors < -CHANCE for _, errors, _ in differences)
    for name in ("smallest", "sameness"):
        figures[name] = round(getattr(ours, name), 3)
        figures[f"{name}_open_assistant"] = round(getattr(open_assistant, name), 3)
        figures[f"{name}_random"] = round(getattr(random, name), 3)
    for label, policy in zip(("random", "open_assistant", ""), POLICIES, strict=True):
        waits = [measured.longest_wait for measured in worlds["arriving"][policy]]
        figures["wait_days" + (f"_{label}" if label else "")] = round(float(np.mean(waits)), 1)
    for _, errors, which in sorted(differences)[:5]:
        print(f"least: {which}, {errors:.1f} standard errors from random")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
