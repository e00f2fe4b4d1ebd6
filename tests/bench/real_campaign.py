"""A campaign of real prompts and replies, judged by simulated volunteers of known quality: what it costs, who is found.

    CHORUS_REAL_DATA=<folder> python -m tests.bench.real_campaign      80 volunteers on 214 parents (QUICK=1: 30 on 60)
    PEOPLE=120 SEED=2 CHORUS_REAL_DATA=… python -m tests.bench.real_campaign
    DATABASE_URL=… SECRET_KEY=… REDIS_URL=… CHORUS_REAL_DATA=… python -m tests.bench.real_campaign

The last one fills a database that is there (of `manage.py up`, say), so that the pages can be looked at: findings wait, and
nothing is compared. The data are Open Assistant's (the folder `open-assistant`): a hundred trees with all their replies by
people, and to the same hundred prompts four answers of three models. What a candidate is worth is planted: who wrote it, and chance. The volunteers
(`tests.bench.volunteers`) ask for work and submit it through the services, on a clock of their own; jobs run in between,
redundancy is adaptive and consensus weighed by reliability. At the end everything is measured as the product would.

`rankings`, `saving`       what it took, and the share that it is below the fixed number of rankings each, by the same people,
                           at which our consensus is as right (mean Kendall tau with what is planted); `ranked_pairs_…`: at
                           which ranked pairs are; `told`: what the product tells of it, which does not know what is right
`tau`                      `weighed` as stored, `honest` an oracle that is given the honest ballots alone, `alike` without weights,
                           `upheld` when every right finding is upheld
`findings`, `reliability`  who was found, by kind, with how many rankings they had given: findings that wait for a moderator, and
                           annotators whose interval of sharpness lies wholly below 1/2; precision and recall of both,
                           and of either
"""

from __future__ import annotations

import heapq
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tasks.agreement.consensus import combine_rankings
from tasks.agreement.davidson import DEFAULT_NU
from tasks.agreement.reliability import estimate_reliability
from tasks.records.ballots import Ballot
from tests.bench.volunteers import HONEST, Volunteer, World, make_volunteers

if TYPE_CHECKING:
    from tests.bench.real_campaign_jobs import RealCampaign, Stored

QUICK = os.environ.get("QUICK") == "1"
PEOPLE = int(os.environ.get("PEOPLE") or (30 if QUICK else 80))
PARENTS = 60 if QUICK else 10_000
SEED = int(os.environ.get("SEED") or 1)
MODELS = ("1b", "3b", "12b")
#: Of each model's samples these are taken, one of each.
SAMPLINGS = {"1b": ("greedy",), "3b": ("greedy",), "12b": ("greedy", "k50")}
WORTH = {"human": 1.4, "12b": 0.7, "3b": 0.0, "1b": -0.9}
PARAMETERS = {
    "redundancy": 3,
    "min_judgments": 3,
    "max_judgments": 30,
    "least_gain": 0.006,
    "candidates_shown": 8,
    "weigh_reliability": True,
}
#: Submits between two rounds of the jobs that run every few seconds, and of those that run every hour.
OFTEN, HOURLY = 20, 200
#: How often the same parents are given a fixed number of rankings anew.
DRAWS = 2 if QUICK else 3
FIXED = (4, 6, 8, 10, 12, 14, 16, 18, 20, 23, 26, 30, 35, 40)

Truth = Mapping[int, Mapping[int, float]]


def main() -> None:
    folder = os.environ.get("CHORUS_REAL_DATA", "")
    if not (Path(folder) / "open-assistant").is_dir():
        raise SystemExit("CHORUS_REAL_DATA must name the folder of real data, with open-assistant in it.")
    if os.environ.get("DATABASE_URL"):
        run(Path(folder) / "open-assistant", stays="--own-database" not in sys.argv)
        return
    from annotate.embedded.engines import start_engines
    from tests.bench.serving import Bench

    with tempfile.TemporaryDirectory(prefix="chorus-bench-", dir="/tmp") as home:
        Path(home).chmod(0o711)
        bench = Bench(Path(home))
        engines = start_engines(bench.places, unsafe=True)
        try:
            bench.create("real")
            environment = bench.environment("real", CHORUS_REAL_DATA=folder)
            command = [sys.executable, "-m", "tests.bench.real_campaign", "--own-database"]
            done = subprocess.run(command, env=environment, check=False)
        finally:
            engines.stop()
    raise SystemExit(done.returncode)


def run(folder: Path, *, stays: bool) -> None:
    """The whole of it. `stays`: what is left is looked at, so that findings wait and nothing else is tried."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotate.settings")
    import django

    django.setup()
    from tests.bench.real_campaign_jobs import RealCampaign

    started = perf_counter()
    with tempfile.TemporaryDirectory() as place:
        campaign = RealCampaign(write_files(folder, Path(place)), parameters=PARAMETERS, most=PARENTS)
    world, truth = plant(campaign)
    say(f"{len(truth)} parents with {sum(map(len, truth.values()))} candidates, {PEOPLE} volunteers", started)
    people = make_volunteers(PEOPLE, seed=SEED)
    campaign.sign_up(people)
    ended = work(campaign, people, world)
    say(f"worked: {dict(ended)}", started)
    campaign.finish()
    say("measured", started)
    stored = campaign.read()
    kinds = {name: people[number].kind for name, number in stored.numbers.items()}
    answer = report(stored, truth, kinds)
    if not stays:
        answer |= compare(stored, truth, world, people)
        say("compared", started)
        campaign.uphold({name for name in stored.findings if kinds[name] not in HONEST})
        answer["tau"]["upheld"] = round(measure_tau(campaign.read().scores, truth), 4)
    answer |= {"skipped": ended["skipped"], "seconds": round(perf_counter() - started)}
    print(json.dumps(answer, allow_nan=False), flush=True)


def say(what: str, started: float) -> None:
    print(f"{perf_counter() - started:6.0f} s  {what}", file=sys.stderr, flush=True)


def write_files(folder: Path, place: Path) -> list[Path]:
    """The trees as they are, and of the reports a few samples."""
    trees = place / "trees.jsonl"
    trees.write_bytes((folder / "en_100_tree.jsonl").read_bytes())
    files = [trees]
    for model in MODELS:
        report = json.loads((folder / f"sampling_pythia-{model}-sft.json").read_text(encoding="utf-8"))
        for prompt in report["prompts"]:
            some = [one for one in prompt["results"] if one["sampling_config"] in SAMPLINGS[model]]
            prompt["results"] = [{**one, "outputs": one["outputs"][:1]} for one in some]
        files.append(place / f"{model}.json")
        files[-1].write_text(json.dumps(report), encoding="utf-8")
    return files


def plant(campaign: RealCampaign) -> tuple[World, Truth]:
    """What every candidate is worth. Some parents are clear, others are contested."""
    rng = Random(f"worth/{SEED}")
    worth: dict[int, float] = {}
    for candidates in campaign.parents.values():
        spread = rng.uniform(0.5, 2.5)
        for one in candidates:
            model = next((name for name in MODELS if f"-{name}-" in campaign.authors[one]), "human")
            worth[one] = spread * (WORTH[model] + rng.gauss(0, 0.9))
    world = World(worth, campaign.words, {one: rng.random() for one in worth})
    return world, {parent: {one: worth[one] for one in some} for parent, some in campaign.parents.items()}


def work(campaign: RealCampaign, people: Sequence[Volunteer], world: World) -> Counter[str]:
    """Let everybody work on their own clock until nothing is asked for any more; how often what came of it."""
    waiting = [(person.now, number) for number, person in enumerate(people)]
    heapq.heapify(waiting)
    ended: Counter[str] = Counter()
    idle = 0
    while idle < 3 * len(people):
        _, number = heapq.heappop(waiting)
        came = campaign.give_work(number, people[number], world)
        ended[came] += 1
        idle = idle + 1 if came == "nothing" else 0
        if came == "ranked" and ended["ranked"] % OFTEN == 0:
            campaign.run_often()
        if (came == "ranked" and ended["ranked"] % HOURLY == 0) or idle in (len(people), 2 * len(people)):
            campaign.run_hourly()
        heapq.heappush(waiting, (people[number].now, number))
    return ended


def report(stored: Stored, truth: Truth, kinds: Mapping[str, str]) -> dict[str, Any]:
    honest = [one for one in stored.ballots if kinds[one.annotator] in HONEST]
    tau = {
        "weighed": measure_tau(stored.scores, truth),
        "honest": measure_tau(combine(honest, weigh=True), truth),
        "alike": measure_tau(combine(stored.ballots, weigh=False), truth),
    }
    given = Counter(ballot.annotator for ballot in stored.ballots)
    return {
        "bench": "real_campaign",
        "people": PEOPLE,
        "parents": len(truth),
        "tau": {name: round(value, 4) for name, value in tau.items()},
        "findings": tell_found(stored.findings, given, kinds),
        "reliability": tell_found(stored.unreliable, given, kinds),
        "either": tell_found(stored.findings | stored.unreliable, given, kinds),
        "signs": stored.signs,
        "consensus_different": stored.different,
    }


def compare(stored: Stored, truth: Truth, world: World, people: Sequence[Volunteer]) -> dict[str, Any]:
    """What it took, beside what a fixed number of each would have taken."""
    each = len(stored.ballots) / len(stored.scores)
    tau = measure_tau(stored.scores, truth)
    ours, pairs = judge_fixed(stored, truth, world, people, until=tau)
    fixed, fixed_pairs = find_needed(ours, tau), find_needed(pairs, tau)
    return {
        "rankings": len(stored.ballots),
        "each": round(each, 2),
        "fixed_each": fixed and round(fixed, 2),
        "saving": fixed and round(1 - each / fixed, 3),
        "ranked_pairs_each": fixed_pairs and round(fixed_pairs, 2),
        "ranked_pairs_saving": fixed_pairs and round(1 - each / fixed_pairs, 3),
        "told": {name: stored.saving[name] for name in ("given", "decided", "confidence", "fixed_each", "reasons")},
    }


def tell_found(found: set[str], given: Mapping[str, int], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Of each kind how many people there are, how many were found, and how many rankings those had given who were missed."""
    right = {name for name in found if kinds[name] not in HONEST}
    planted = {name for name in given if kinds[name] not in HONEST}
    by_kind: defaultdict[str, list[str]] = defaultdict(list)
    for name in given:
        by_kind[kinds[name]].append(name)
    return {
        "precision": round(len(right) / len(found), 3) if found else None,
        "recall": round(len(right) / len(planted), 3),
        "kinds": {
            kind: {
                "people": len(names),
                "found": len(found & set(names)),
                "rankings": statistics.median(given[name] for name in names),
                **({} if kind in HONEST else {"missed": sorted(given[name] for name in names if name not in found)}),
            }
            for kind, names in sorted(by_kind.items())
        },
    }


def judge_fixed(
    stored: Stored, truth: Truth, world: World, people: Sequence[Volunteer], *, until: float
) -> tuple[dict[int, float], dict[int, float]]:
    """Mean tau by rankings of each parent, of our consensus and of ranked pairs, as far as one is below `until`.

    The same people in the same shares; what they have not ranked they would have ranked so.
    """
    draws = [draw_streams(stored, truth, world, people, draw=draw) for draw in range(DRAWS)]
    ours: dict[int, float] = {}
    pairs: dict[int, float] = {}
    for n in FIXED:
        some = [[ballot for stream in streams for ballot in stream[:n]] for streams in draws]
        ours[n] = statistics.mean(measure_tau(combine(ballots, weigh=True), truth) for ballots in some)
        pairs[n] = statistics.mean(measure_tau(order_by_pairs(ballots), truth) for ballots in some)
        print(f"         {n:3} each: tau {ours[n]:.4f}, by ranked pairs {pairs[n]:.4f}", file=sys.stderr, flush=True)
        if min(ours[n], pairs[n]) >= until:
            break
    return ours, pairs


def draw_streams(
    stored: Stored, truth: Truth, world: World, people: Sequence[Volunteer], *, draw: int
) -> list[list[Ballot]]:
    """Rankings of every parent by people drawn in the shares in which they worked."""
    rng = Random(f"fixed/{SEED}/{draw}")
    given = Counter(ballot.annotator for ballot in stored.ballots)
    real = {(ballot.annotator, ballot.parent): ballot for ballot in stored.ballots}
    streams: list[list[Ballot]] = []
    for parent, known in truth.items():
        order = sorted(given, key=lambda name: rng.expovariate(1.0) / given[name])[: FIXED[-1]]
        streams.append(
            [
                real.get((name, parent)) or imagine(people[stored.numbers[name]], name, parent, known, world)
                for name in order
            ]
        )
    return streams


def find_needed(curve: Mapping[int, float], tau: float) -> float | None:
    """Rankings of each at which a curve first reaches this tau, by a straight line between; None: not within it."""
    before: tuple[float, float] | None = None
    for n, reached in curve.items():
        if reached >= tau:
            return (
                float(n) if before is None else before[0] + (n - before[0]) * (tau - before[1]) / (reached - before[1])
            )
        before = (float(n), reached)
    return None


def imagine(person: Volunteer, name: str, parent: int, candidates: Iterable[int], world: World) -> Ballot:
    """What somebody who did not rank a parent would have said."""
    order = person.imagine(parent, sorted(candidates), world)
    return Ballot(name, parent, tuple((one,) for one in order), None, tuple(order))


def combine(ballots: Sequence[Ballot], *, weigh: bool) -> dict[int, dict[int, float]]:
    """The scores of every parent by our consensus."""
    sharpness = estimate_reliability(ballots, seed=1, nu=DEFAULT_NU).as_weights() if weigh else {}
    records = combine_rankings(ballots, seed=1, sharpness=sharpness)
    return {record.parent: dict(zip(record.candidates, record.scores, strict=True)) for record in records}


def order_by_pairs(ballots: Sequence[Ballot]) -> dict[int, dict[int, float]]:
    """The places of every parent's candidates by ranked pairs, which count all alike."""
    return {
        record.parent: {one: -float(place) for place, tier in enumerate(record.ranked_pairs) for one in tier}
        for record in combine_rankings(ballots, seed=1)
    }


def measure_tau(scores: Mapping[int, Mapping[int, float]], truth: Truth) -> float:
    """Mean Kendall tau with what is planted, over the parents that have a score."""
    taus = []
    for parent, score in scores.items():
        known = truth[parent]
        signs = [(score[i] - score[j]) * (known[i] - known[j]) for i, j in combinations(sorted(score), 2)]
        if signs:
            taus.append(statistics.mean((sign > 0) - (sign < 0) for sign in signs))
    return statistics.mean(taus)


if __name__ == "__main__":
    main()
