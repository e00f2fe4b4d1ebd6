"""Bets against honest work: evidence that may be looked at after every ballot.

Each ballot gives a score whose mean is at most 0 for whoever works honestly. A bettor who begins with 1 and stakes the
share λ on every score has the product of 1 + λ·score: an e-process, whose mean is at most 1 under honest work whatever
the ballots before were. By Ville's inequality it ever reaches c with probability 1/c at most, so that looking again
and again costs nothing (Waudby-Smith & Ramdas 2024; Ramdas et al. 2023). The mean over several λ is one as well, and
finds strong and faint signs alike.

With m = people × kinds the k strongest are told of where each reaches m / (k × `ERROR_RATE`), for the largest such k (Wang &
Ramdas 2022, "e-BH"). Then at most `ERROR_RATE` of what is told is expected to be wrong, whatever depends on what: where many
cheat, less evidence against each is enough. And a campaign of honest people sees any finding at all with probability
`ERROR_RATE` at most, however often it is looked at: if k reach m / (k × `ERROR_RATE`), the mean of all m reaches
1 / `ERROR_RATE`, and that mean is an e-process.
"""

from collections.abc import Iterable
from math import log

import numpy as np
import numpy.typing as npt

from tasks.vocabulary import FindingKind

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: The share of wrong ones among what is told, and the probability that a campaign of honest people sees any.
ERROR_RATE = 0.05
#: The threshold is never that of fewer people: a campaign grows while it is looked at.
FEWEST_PEOPLE = 100
STAKES = (0.1, 0.2, 0.4, 0.6, 0.9)


#: The natural logarithm of the evidence below which nothing is told, however much else is.
LEAST_EVIDENCE = log(1 / ERROR_RATE)


def log_threshold(people: int, *, told: int = 1) -> float:
    """Return the natural logarithm of the evidence that each of so many signs must reach for all of them to be told."""
    return max(log(max(people, FEWEST_PEOPLE) * len(FindingKind) / (ERROR_RATE * max(told, 1))), LEAST_EVIDENCE)


def find_threshold(evidence: Iterable[float], *, people: int) -> float:
    """Return the natural logarithm of the evidence from which signs are told.

    evidence  natural logarithms, those of each person and kind that reach `LEAST_EVIDENCE`
    """
    ordered = sorted(evidence, reverse=True)
    told = max((k for k, each in enumerate(ordered, 1) if each >= log_threshold(people, told=k)), default=1)
    return log_threshold(people, told=told)


def bet(who: Integers, scores: Floats, *, people: int) -> Floats:
    """Return (people,) the natural logarithm of each one's evidence; 0 of whoever has no scores.

    who     (n,) whose score it is
    scores  (n,) none below -1, with a mean of at most 0 under honest work
    """
    logs: list[Floats] = [
        np.bincount(who, np.log1p(stake * scores), minlength=people).astype(np.float64) for stake in STAKES
    ]
    return mean_evidence(*logs)


def mean_evidence(*logs: Floats) -> Floats:
    """Return the logarithm of the mean of several sorts of evidence, each given by its logarithm."""
    table = np.stack(logs)
    highest = table.max(axis=0)
    mean: Floats = highest + np.log(np.exp(table - highest).mean(axis=0))
    return mean


def mean_by(who: Integers, values: Floats, *, people: int) -> tuple[Floats, Integers]:
    """Return (people,) each one's mean, 0 of whoever has none, and how many values they have."""
    count = np.bincount(who, minlength=people)
    total = np.bincount(who, values, minlength=people)
    return total / np.maximum(count, 1), count.astype(np.int64)
