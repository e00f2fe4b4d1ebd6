"""`make bench BENCH=redundancy`: how many rankings an order needs, asked adaptively and as a fixed number for each prompt.

Prompts of 5 and of 8 candidates, some clear and some contested: strengths are drawn from a normal distribution whose spread
differs by prompt. A crowd of mixed quality ranks all the candidates (Plackett-Luce): 65 % follow the strengths, 20 % weakly,
15 % not at all. Each prompt has one stream of rankings, by people in an order of its own, and every way reads the same
streams from their beginnings:

fixed, ranked pairs   the first n of each prompt, combined by Tideman's ranked pairs, as Open Assistant published
fixed, ours           the first n of each prompt, combined by our consensus, at the sharpness that these rankings tell
adaptive              two of each prompt; then a prompt gets the next one as long as that is worth `least_gain`
                      (tasks.scheduling.redundancy), at the sharpness that the rankings so far tell; the bound is lowered in steps
adaptive, by whom     the same, but that people who are known to be less than half as sharp as others are passed over

For each the mean rankings a prompt needs for a mean Kendall tau of 0.9 with the true order, and for the first to be the true
best in 0.9 of the prompts (between the steps by a straight line). `ratio`: adaptive over fixed with ranked pairs, the worse
of 5 and 8 candidates; `ratio_own`: over fixed with our consensus; `_best`: the same for the best; `_by_whom`: the same of the
last way, which claims do not follow: nobody is matched to work by how sharp they are. `claimed`: what the adaptive way
believed its mean tau to be where it was 0.9.

`ratio_subsets`: where four of eight candidates are shown at once, the rankings of each prompt that a mean tau of 0.8 takes
when the subsets are chosen by doubt (tasks.scheduling.pick) over those it takes when they are balanced; of a fixed number of
rankings by the same crowd, without weights. QUICK=1: fewer prompts.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise
from math import exp
from random import Random
from time import perf_counter

from tasks.agreement.consensus import combine_rankings
from tasks.agreement.davidson import DEFAULT_NU
from tasks.agreement.reliability import estimate_reliability
from tasks.records.ballots import Ballot
from tasks.records.quality import ConsensusRecord
from tasks.records.scheduling import Redundancy
from tasks.scheduling.pick import choose_doubtful
from tasks.scheduling.redundancy import Certainty, find_stop

QUICK = os.environ.get("QUICK") == "1"
PROMPTS = 120 if QUICK else 400
SIZES = (5, 8)
MARK = 0.9
#: Rankings that a prompt can have; the fixed numbers that are tried.
MOST = 60
STEPS = (2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 23, 26, 30, 35, 40, 50, 60)
GAINS = (
    0.05,
    0.035,
    0.025,
    0.018,
    0.013,
    0.0095,
    0.007,
    0.005,
    0.0035,
    0.0025,
    0.0018,
    0.0013,
    0.001,
    0.0007,
    0.0005,
    0.0003,
)
PEOPLE = 150
#: The spread of the strengths of a prompt lies between these: from contested to clear.
SPREADS = (1.0, 5.0)
#: Sharpness is estimated anew when there are so many more rankings.
ESTIMATE_EVERY = 1.1
#: Who has given so many rankings and is less sharp than this is passed over, in the last way.
KNOWN_AFTER, LEAST_SHARPNESS = 5, 0.5

#: Where parts of the candidates are shown: the mark, and rankings that are tried.
SUBSET_MARK, MOST_SUBSETS = 0.8, 60

Truth = dict[int, dict[int, float]]
Streams = dict[int, list[Ballot]]
#: Mean rankings, mean tau, share of prompts whose first is the true best, mean confidence.
Point = tuple[float, float, float, float]
TAU, BEST, SAID = 1, 2, 3


def main() -> None:
    found = [measure(size) for size in SIZES]
    ratios = [name for name in found[0] if name.startswith("ratio")]
    result = {
        "bench": "redundancy",
        **{name: max(one[name] for one in found) for name in ratios},
        "ratio_subsets": measure_subsets(),
        "by_size": {str(size): one for size, one in zip(SIZES, found, strict=True)},
        "prompts": PROMPTS,
    }
    print(json.dumps(result, allow_nan=False), flush=True)


def measure(size: int) -> dict[str, float]:
    start = perf_counter()
    streams, truth = draw_streams(size, rng=Random(f"streams/{size}"))
    pairs, ours = judge_fixed(streams, truth)
    adaptive, chosen = (judge_adaptive(streams, truth, chooses=chooses) for chooses in (False, True))
    named = {"ranked pairs": pairs, "fixed, ours": ours, "adaptive": adaptive, "adaptive, by whom": chosen}
    for name, curve in named.items():
        for given, tau, best, said in curve:
            print(
                f"{size} candidates  {name:17} {given:6.2f} rankings  tau {tau:.3f} (said {said:.3f})  best {best:.3f}",
                file=sys.stderr,
            )
    needed = {name: [find_needed(curve, column) for column in (TAU, BEST)] for name, curve in named.items()}
    print(f"{size} candidates: {needed}, {perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    (pairs_tau, pairs_best), (own_tau, own_best), (tau, best), (whom_tau, whom_best) = needed.values()
    return {
        "rankings": round(tau, 2),
        "ratio": round(tau / pairs_tau, 3),
        "ratio_own": round(tau / own_tau, 3),
        "ratio_best": round(best / pairs_best, 3),
        "ratio_own_best": round(best / own_best, 3),
        "ratio_by_whom": round(whom_tau / pairs_tau, 3),
        "ratio_own_by_whom": round(whom_tau / own_tau, 3),
        "ratio_best_by_whom": round(whom_best / pairs_best, 3),
        "claimed": round(interpolate(adaptive, tau, SAID), 3),
    }


def draw_streams(size: int, *, rng: Random, rankings: int = MOST) -> tuple[Streams, Truth]:
    """The rankings of each prompt in the order in which they would come, and the true strengths."""
    sharpness = [draw_sharpness(number, rng) for number in range(PEOPLE)]
    truth: Truth = {}
    streams: Streams = {}
    for prompt in range(PROMPTS):
        spread = rng.uniform(*SPREADS)
        truth[prompt] = {prompt * 100 + place: rng.gauss(0, spread) for place in range(size)}
        streams[prompt] = [
            rank(prompt, f"person {person}", truth[prompt], sharpness[person], rng)
            for person in rng.sample(range(PEOPLE), rankings)
        ]
    return streams, truth


def measure_subsets() -> float:
    """Rankings that a mark takes with subsets by doubt, over those with balanced ones."""
    needed = []
    for by_doubt in (False, True):
        _, truth = draw_streams(8, rng=Random("subsets"), rankings=0)
        curve = judge_subsets(truth, by_doubt=by_doubt, rng=Random("people"))
        for given, tau, best, _ in curve:
            print(
                f"4 of 8, {'by doubt' if by_doubt else 'balanced'}  {given:4.0f} rankings  tau {tau:.3f}  best {best:.3f}",
                file=sys.stderr,
            )
        needed.append(find_needed(curve, TAU, mark=SUBSET_MARK))
    return round(needed[1] / needed[0], 3)


def judge_subsets(truth: Truth, *, by_doubt: bool, rng: Random) -> list[Point]:
    """The curve over fixed numbers of rankings of four of eight candidates."""
    sharpness = [draw_sharpness(number, rng) for number in range(PEOPLE)]
    given: Streams = {prompt: [] for prompt in truth}
    known: dict[int, dict[tuple[int, int], float]] = {prompt: {} for prompt in truth}
    curve: list[Point] = []
    for number in range(1, MOST_SUBSETS + 1):
        for prompt, strengths in truth.items():
            shown = [ballot.shown for ballot in given[prompt]]
            some = choose_doubtful(list(strengths), shown=shown, doubt=known[prompt], size=4, rng=rng)
            person = rng.randrange(PEOPLE)
            part = {one: strengths[one] for one in some}
            given[prompt].append(rank(prompt, f"person {person}", part, sharpness[person], rng))
        records = combine_rankings([ballot for ballots in given.values() for ballot in ballots], seed=1)
        curve.append((float(number), *score(read_scores(records), truth), 0.0))
        if curve[-1][TAU] >= SUBSET_MARK:
            break
        if by_doubt:
            known = {record.parent: read_doubt(record) for record in records}
    return curve


def read_doubt(record: ConsensusRecord) -> dict[tuple[int, int], float]:
    """As `annotate.queries.doubt` reads it."""
    return {
        (one, other): min(record.p_above[first][second], record.p_above[second][first])
        for (first, one), (second, other) in combinations(enumerate(record.candidates), 2)
    }


def draw_sharpness(number: int, rng: Random) -> float:
    """Of every twenty people thirteen follow the strengths, four weakly, three not at all."""
    place = number % 20
    return rng.uniform(0.8, 1.3) if place < 13 else rng.uniform(0.2, 0.5) if place < 17 else 0.0


def rank(prompt: int, person: str, strengths: dict[int, float], sharpness: float, rng: Random) -> Ballot:
    late = {one: rng.expovariate(1.0) / exp(sharpness * strength) for one, strength in strengths.items()}
    order = sorted(late, key=late.__getitem__)
    return Ballot(person, prompt, tuple((one,) for one in order), None, tuple(order))


def estimate(ballots: Sequence[Ballot]) -> dict[str, float]:
    return estimate_reliability(ballots, seed=1, nu=DEFAULT_NU).as_weights()


def combine(ballots: Sequence[Ballot], sharpness: dict[str, float]) -> list[ConsensusRecord]:
    return combine_rankings(ballots, seed=1, sharpness=sharpness, with_gain=True)


def judge_fixed(streams: Streams, truth: Truth) -> tuple[list[Point], list[Point]]:
    """Curves of ranked pairs and of our consensus over fixed numbers of rankings, as far as they matter."""
    pairs: list[Point] = []
    ours: list[Point] = []
    for step in STEPS:
        ballots = [ballot for stream in streams.values() for ballot in stream[:step]]
        # Ranked pairs count every ballot alike.
        orders = {
            record.parent: {one: -float(place) for place, tier in enumerate(record.ranked_pairs) for one in tier}
            for record in combine(ballots, {})
        }
        records = combine(ballots, estimate(ballots))
        pairs.append((float(step), *score(orders, truth), 0.0))
        ours.append((float(step), *score(read_scores(records), truth), mean_confidence(records)))
        if all(max(point[column] for point in curve) >= MARK for curve in (pairs, ours) for column in (TAU, BEST)):
            break
    return pairs, ours


class Asking:
    """The rankings of each prompt that were asked for so far, what they tell, and how far each stream is read."""

    def __init__(self, streams: Streams, *, chooses: bool) -> None:
        self.streams, self.chooses = streams, chooses
        self.given: Streams = {prompt: [] for prompt in streams}
        self.read = dict.fromkeys(streams, 0)
        self.count: Counter[str] = Counter()
        self.sharpness: dict[str, float] = {}
        self.estimated_at = 0
        self.records: dict[int, ConsensusRecord] = {}
        for prompt in [*streams, *streams]:
            self.ask(prompt)

    def ask(self, prompt: int) -> None:
        """Take the next ranking of a prompt, of whoever comes next or of the next one who is not passed over."""
        for ballot in self.streams[prompt][self.read[prompt] :]:
            self.read[prompt] += 1
            if self.chooses and self.is_passed_over(ballot.annotator):
                continue
            self.given[prompt].append(ballot)
            self.count[ballot.annotator] += 1
            return

    def is_passed_over(self, person: str) -> bool:
        return self.count[person] >= KNOWN_AFTER and self.sharpness.get(person, 1.0) < LEAST_SHARPNESS

    def learn(self, prompts: Sequence[int], *, anew: bool = False) -> None:
        """Combine the rankings of these prompts; of all, where sharpness is estimated anew."""
        total = self.count.total()
        if anew or total >= ESTIMATE_EVERY * self.estimated_at:
            self.sharpness = estimate([ballot for given in self.given.values() for ballot in given])
            self.estimated_at = total
            prompts = list(self.streams)
        ballots = [ballot for prompt in prompts for ballot in self.given[prompt]]
        self.records |= {record.parent: record for record in combine(ballots, self.sharpness)}

    def list_asking(self, rule: Redundancy) -> list[int]:
        """The prompts that the rule has not stopped, as far as their streams go."""
        return [
            prompt
            for prompt, record in self.records.items()
            if self.read[prompt] < MOST
            and not find_stop(len(self.given[prompt]), read_certainty(record), redundancy=rule)
        ]


def judge_adaptive(streams: Streams, truth: Truth, *, chooses: bool) -> list[Point]:
    """One point for each `least_gain`, each going on where the one before stopped, as far as they matter."""
    asking = Asking(streams, chooses=chooses)
    asking.learn(list(streams), anew=True)
    curve: list[Point] = []
    for least_gain in GAINS:
        rule = Redundancy(base=2, minimum=2, maximum=MOST, least_gain=least_gain)
        while prompts := asking.list_asking(rule):
            for prompt in prompts:
                asking.ask(prompt)
            asking.learn(prompts)
        asking.learn([], anew=True)
        records = list(asking.records.values())
        given = asking.count.total() / len(streams)
        curve.append((given, *score(read_scores(records), truth), mean_confidence(records)))
        if all(max(point[column] for point in curve) >= MARK for column in (TAU, BEST)):
            break
    return curve


def read_certainty(record: ConsensusRecord) -> Certainty:
    return Certainty(record.confidence, max(record.p_best), record.gain)


def read_scores(records: Sequence[ConsensusRecord]) -> dict[int, dict[int, float]]:
    return {record.parent: dict(zip(record.candidates, record.scores, strict=True)) for record in records}


def mean_confidence(records: Sequence[ConsensusRecord]) -> float:
    return statistics.mean(record.confidence or 0.0 for record in records)


def score(orders: dict[int, dict[int, float]], truth: Truth) -> tuple[float, float]:
    """Mean Kendall tau with the true order, and how often the first is the true best; of several firsts a share."""
    taus, bests = [], []
    for prompt, order in orders.items():
        known = truth[prompt]
        signs = [(order[one] - order[other]) * (known[one] - known[other]) for one, other in combinations(order, 2)]
        taus.append(statistics.mean((sign > 0) - (sign < 0) for sign in signs))
        firsts = [one for one in order if order[one] == max(order.values())]
        bests.append((max(known, key=known.__getitem__) in firsts) / len(firsts))
    return statistics.mean(taus), statistics.mean(bests)


def find_needed(curve: Sequence[Point], column: int, mark: float = MARK) -> float:
    """Mean rankings at which a curve first reaches the mark."""
    before = curve[0]
    for point in curve:
        if point[column] >= mark:
            if point is before:
                return point[0]
            share = (mark - before[column]) / (point[column] - before[column])
            return before[0] + (point[0] - before[0]) * share
        before = point
    raise SystemExit(f"{mark} was not reached with {curve[-1][0]:.1f} rankings: {curve[-1][column]:.3f}.")


def interpolate(curve: Sequence[Point], given: float, column: int) -> float:
    for before, after in pairwise(curve):
        if before[0] <= given <= after[0]:
            return before[column] + (after[column] - before[column]) * (given - before[0]) / (after[0] - before[0])
    return curve[0][column]


if __name__ == "__main__":
    main()
