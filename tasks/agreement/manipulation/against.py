"""Ballots that go with nobody's, or against everybody's.

`random`: honest work is that of somebody whose ballots follow the taste that they share with others (or the opposite of
theirs) at least `SHARE_OF_USUAL` as well as the others' ballots on the same parents do. More is at stake where those are at one,
and where there are more candidates: of two, dice are right every other time.
`contrary`: honest work does not go against what all others say together, on average. Whoever does is told of only
where hardly anybody judges like them: an opinion that a tenth of the people share is an opinion.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from tasks.agreement.manipulation.betting import bet, mean_by
from tasks.agreement.manipulation.likes import Scores
from tasks.agreement.manipulation.orders import iterate_people, pick_examples
from tasks.records.manipulation import Sign
from tasks.vocabulary import FindingKind

Floats = npt.NDArray[np.float64]

#: Of what is usual, so much is asked of honest work.
SHARE_OF_USUAL = 0.5
#: Whoever does no better than a coin reaches less than this share.
LIKE_A_COIN = 0.25
#: Where the others' ballots go together as well as this, all is at stake.
FULL_STAKE = 0.4
#: Where a random order is more scattered than this, less is at stake: that of five candidates and more is not.
FULL_STAKE_NOISE = 0.2
#: Whoever goes against the others does so by this share of what is usual.
CLEARLY_AGAINST = 1 / 3
#: Where people agree less than this, a coin cannot be told from honest work.
LEAST_AGREEMENT = 0.15
FEWEST_PEOPLE = 5
#: As many judge alike where it is an opinion.
OPINION_SHARE = 0.1
ALIKE = 0.6
EXAMPLES = 8


def find_random(
    scores: Scores, *, names: list[str], judgment: Callable[[int], int], threshold: float
) -> Iterator[Sign]:
    """Yield whose ballots are no better than a coin."""
    usual, own, count = _describe(scores, len(names))
    if usual < LEAST_AGREEMENT:
        return
    asked = SHARE_OF_USUAL * scores.expected
    stake = np.clip(scores.expected / FULL_STAKE, 0.0, 1.0) * np.minimum(FULL_STAKE_NOISE / scores.noise, 1.0)
    evidence = bet(scores.annotator, stake * (asked - scores.own) / (1.0 - asked), people=len(names))
    expected, _ = mean_by(scores.annotator, scores.expected, people=len(names))
    evidence = np.where(own < LIKE_A_COIN * expected, evidence, 0.0)
    for person, strength in iterate_people(evidence, above=threshold):
        rows = pick_examples(scores.annotator, scores.row, asked - scores.own, person=person, most=EXAMPLES)
        figures = {
            "n": int(count[person]),
            "observed": round(float(own[person]), 4),
            "expected": round(float(expected[person]), 4),
            "judgments": [judgment(row) for row in rows],
        }
        yield Sign(names[person], FindingKind.RANDOM, strength, figures)


def find_contrary(
    scores: Scores, *, taste: Floats, names: list[str], judgment: Callable[[int], int], threshold: float
) -> Iterator[Sign]:
    """Yield who goes against all others time and again, and with hardly anybody."""
    usual, own, _ = _describe(scores, len(names))
    if usual < LEAST_AGREEMENT:
        return
    common, count = mean_by(scores.annotator, scores.common, people=len(names))
    expected = float(np.median(common[count > 0]))
    evidence = bet(scores.annotator, -scores.common, people=len(names))
    clearly = common <= -CLEARLY_AGAINST * usual
    known = (count > 0) & (own >= CLEARLY_AGAINST * usual)
    for person, strength in iterate_people(np.where(clearly, evidence, 0.0), above=threshold):
        share = _share_alike(taste, known, person)
        if share >= OPINION_SHARE:
            continue
        rows = pick_examples(scores.annotator, scores.row, -scores.common, person=person, most=EXAMPLES)
        figures = {
            "n": int(count[person]),
            "observed": round(float(common[person]), 4),
            "expected": round(expected, 4),
            "alike": round(share, 4),
            "judgments": [judgment(row) for row in rows],
        }
        yield Sign(names[person], FindingKind.CONTRARY, strength, figures)


def _describe(scores: Scores, people: int) -> tuple[float, Floats, Floats]:
    """Return how well ballots usually follow their authors' taste, each one's mean, and how many ballots they have."""
    own, count = mean_by(scores.annotator, scores.own, people=people)
    if (count > 0).sum() < FEWEST_PEOPLE:
        return 0.0, own, count.astype(np.float64)
    return float(np.median(own[count > 0])), own, count.astype(np.float64)


def _share_alike(taste: Floats, known: npt.NDArray[np.bool_], person: int) -> float:
    """Return the share of the others, of those whose ballots follow any taste, who stand where this person stands."""
    mine = taste[person]
    length = np.sqrt((taste * taste).sum(axis=1))
    cosine = taste @ mine / np.where(length > 0, length * max(length[person], 1e-300), 1.0)
    others = known.copy()
    others[person] = False
    return float((cosine[others] >= ALIKE).mean()) if others.any() else 0.0
