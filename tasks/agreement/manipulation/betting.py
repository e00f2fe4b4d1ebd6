"""Bets against honest work: evidence that may be looked at after every ballot.

Each ballot gives a score whose mean is at most 0 for whoever works honestly. A bettor who begins with 1 and stakes the
share λ on every score has the product of 1 + λ·score: an e-process, whose mean is at most 1 under honest work whatever
the ballots before were. By Ville's inequality it ever reaches c with probability 1/c at most, so that looking again
and again costs nothing (Waudby-Smith & Ramdas 2024; Ramdas et al. 2023). The mean over several λ is one as well, and
finds strong and faint signs alike.

Somebody is told of where the product reaches `log_threshold`: people × kinds / `ERROR_RATE`. By the union bound a campaign
of honest people sees any finding at all with probability `ERROR_RATE` at most.
"""

from math import log

import numpy as np
import numpy.typing as npt

from tasks.vocabulary import FindingKind

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: The probability that a campaign of honest people sees any finding.
ERROR_RATE = 0.05
#: The threshold is never that of fewer people: a campaign grows while it is looked at.
FEWEST_PEOPLE = 100
STAKES = (0.1, 0.2, 0.4, 0.6, 0.9)


def log_threshold(people: int) -> float:
    """Return the natural logarithm of the evidence from which somebody is told of."""
    return log(max(people, FEWEST_PEOPLE) * len(FindingKind) / ERROR_RATE)


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
