"""Crowds made up for tests and benchmarks: strengths drawn, then ballots drawn from them."""

from math import exp, log
from random import Random

from tasks.records.ballots import Ballot


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
