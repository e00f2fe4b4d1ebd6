"""Crowds made up for tests and benchmarks: strengths drawn, then ballots drawn from them."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from math import exp, log
from random import Random

from tasks.records.ballots import Ballot
from tasks.records.quality import ConsensusRecord


def draw_ballots(
    *,
    rng: Random,
    parents: int,
    ballots: int,
    candidates: int,
    shown: int | None = None,
    spread: float = 1.5,
    tie_within: float = 0.3,
    bar: float | None = 0.3,
    annotators: int = 50,
) -> tuple[list[Ballot], dict[int, dict[int, float]]]:
    """Return ballots, and the true strength of each candidate by parent.

    Plackett-Luce utilities (strength plus Gumbel noise); neighbours closer than `tie_within` tie;
    tiers whose first member is above the annotator's own bar are acceptable (no bar: None).
    """
    drawn: list[Ballot] = []
    truth: dict[int, dict[int, float]] = {}
    for parent in range(parents):
        ids = [parent * 100 + i for i in range(candidates)]
        truth[parent] = {candidate: rng.gauss(0, spread) for candidate in ids}
        for annotator in rng.sample(range(annotators), ballots):
            subset = rng.sample(ids, shown or candidates)
            utility = {c: truth[parent][c] - log(rng.expovariate(1.0)) for c in subset}
            tiers: list[list[int]] = []
            for candidate in sorted(subset, key=lambda c: -utility[c]):
                if tiers and utility[tiers[-1][-1]] - utility[candidate] < tie_within:
                    tiers[-1].append(candidate)
                else:
                    tiers.append([candidate])
            acceptable = None
            if bar is not None:
                own_bar = bar + 0.577 + rng.gauss(0, 0.5)
                acceptable = sum(utility[tier[0]] > own_bar for tier in tiers)
            drawn.append(
                Ballot(
                    annotator=f"annotator {annotator}",
                    parent=parent,
                    tiers=tuple(map(tuple, tiers)),
                    acceptable_tiers=acceptable,
                    shown=tuple(subset),
                )
            )
    return drawn, truth


def draw_pair_outcome(*, rng: Random, difference: float, nu: float) -> int:
    """Return 1, 0 or -1 for a win, a tie or a loss under Davidson's model."""
    win, loss = exp(difference / 2), exp(-difference / 2)
    at = rng.random() * (win + loss + nu)
    return 1 if at < win else -1 if at < win + loss else 0


@dataclass(frozen=True)
class MixedCrowd:
    """Ballots of a crowd in which some are careless and some collude, and what is true of it.

    truth      the strength of each candidate by parent
    kinds      `honest`, `random` or `colluding`, by annotator
    sharpness  by annotator; 0 of those who are not honest
    """

    ballots: list[Ballot]
    truth: dict[int, dict[int, float]]
    kinds: dict[str, str]
    sharpness: dict[str, float]

    def mean_tau(self, records: Iterable[ConsensusRecord], *, by_pairs: bool = False) -> float:
        """Mean Kendall tau of the scores (or of the ranking by ranked pairs) with the true order."""
        signs = []
        for record in records:
            place = {candidate: -at for at, tier in enumerate(record.ranked_pairs) for candidate in tier}
            scores = place if by_pairs else dict(zip(record.candidates, record.scores, strict=True))
            true = self.truth[record.parent]
            for i, j in combinations(record.candidates, 2):
                agree = (scores[i] - scores[j]) * (true[i] - true[j])
                signs.append((agree > 0) - (agree < 0))
        return sum(signs) / len(signs)


def draw_mixed_crowd(
    *,
    rng: Random,
    parents: int,
    ballots: int,
    annotators: int,
    candidates: int = 5,
    random: float = 0.0,
    colluding: float = 0.0,
    spread: float = 1.5,
    sharpness_spread: float = 0.25,
) -> MixedCrowd:
    """Return full rankings without ties. The honest draw Plackett-Luce utilities at a sharpness of their own, log-normal
    around 1; random ones shuffle; the colluding give one arbitrary order of each parent, nearly the same every time.
    Some annotators give four times as many ballots as others.
    """
    names = [f"annotator {number:04d}" for number in range(annotators)]
    odd = ["random"] * round(random * annotators) + ["colluding"] * round(colluding * annotators)
    mixed = rng.sample([*odd, *["honest"] * (annotators - len(odd))], annotators)
    kinds = dict(zip(names, mixed, strict=True))
    sharpness = {n: rng.lognormvariate(0, sharpness_spread) if kinds[n] == "honest" else 0.0 for n in names}
    diligence = {name: rng.uniform(20, 80) for name in names}
    drawn: list[Ballot] = []
    truth: dict[int, dict[int, float]] = {}
    for parent in range(parents):
        ids = [parent * 100 + i for i in range(candidates)]
        known = truth[parent] = {candidate: rng.gauss(0, spread) for candidate in ids}
        agreed = {candidate: rng.random() for candidate in ids}
        for name in sorted(names, key=lambda n: rng.expovariate(1.0) / diligence[n])[:ballots]:
            if kinds[name] == "honest":
                utility = {c: sharpness[name] * known[c] - log(rng.expovariate(1.0)) for c in ids}
            elif kinds[name] == "random":
                utility = {c: rng.random() for c in ids}
            else:
                utility = {c: agreed[c] + 0.05 * rng.random() for c in ids}
            order = sorted(ids, key=utility.__getitem__, reverse=True)
            drawn.append(Ballot(name, parent, tuple((c,) for c in order), None, tuple(ids)))
    return MixedCrowd(drawn, truth, kinds, sharpness)
