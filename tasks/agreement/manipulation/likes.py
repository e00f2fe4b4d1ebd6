"""Who judges like whom: a few directions of taste, found from the ballots, and how well each one's ballots follow theirs.

Ballots on one parent agree by the cosine of their signs, s. The directions are the leading eigenvectors of the sum of s
over all parents that two people share (divided by how many others each met), found by power iteration without ever holding the
pairs of people. The first is what all have in common; an opinion group gets a direction of its own.

Somebody's ballot is predicted from the others' ballots on that parent, each weighed by how alike the two are, and
how alike they are is told from its author's earlier ballots, beginning with what is usual: leaving out that one ballot alone
would turn chance into the opposite of what it was. So whoever judges by any taste that some others share is predicted,
also where they are few, or against the many; whoever throws dice is not.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.manipulation.orders import Orders

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

DIRECTIONS = 6
ROUNDS = 30
#: As many ballots of a usual taste somebody begins with.
USUAL_BALLOTS = 5.0
#: Fewer others on a parent say too little of what is common there.
FEWEST_OTHERS = 2


class Scores(NamedTuple):
    """For each ballot that can be compared, in [-1, 1].

    own       cosine with what those who judge like its author say
    common    cosine with what all others say together
    expected  mean of `own` of the others' ballots on that parent
    noise     variance of the cosine of a random order with any: of two candidates 1, of five a sixth
    """

    row: Integers
    annotator: Integers
    own: Floats
    common: Floats
    expected: Floats
    noise: Floats


def find_directions(blocks: Sequence[Orders], people: int) -> Floats:
    """Return (people, DIRECTIONS) where each person stands; zeros of whoever shares no parent."""
    met = np.zeros(people)
    for block in blocks:
        met += np.bincount(block.annotator, block.count_rows() - 1.0, minlength=people)
    scale = 1.0 / np.sqrt(np.maximum(met, 1.0))
    dice = np.random.default_rng(1)
    vectors = dice.standard_normal((people, DIRECTIONS))
    vectors[:, 0] = 1.0
    for _ in range(ROUNDS if people >= DIRECTIONS else 0):
        spread = scale[:, None] * vectors
        total = vectors.copy()  # the shift by one lets no negative eigenvalue win
        for block in blocks:
            told = _tell(block, spread)
            for at in range(DIRECTIONS):
                total[:, at] += scale * np.bincount(block.annotator, told[:, at], minlength=people)
        vectors = np.linalg.qr(total)[0]
    return np.where(met[:, None] > 0, vectors * scale[:, None], 0.0)


class Taste(NamedTuple):
    """Where people stand, the stronger directions weighing more.

    of      (people, DIRECTIONS) by all their ballots
    before  for each block (n, DIRECTIONS): of each ballot's author, by their ballots on all other parents
    """

    of: Floats
    before: list[Floats]


def score_ballots(blocks: Sequence[Orders], people: int) -> tuple[Scores, Taste]:
    """Return how every ballot goes with the others on its parent, where there are at least two; and what it is told by."""
    spread = find_directions(blocks, people)
    told = [_tell(block, spread) for block in blocks]
    taste = np.zeros((people, spread.shape[1]))
    for block, one in zip(blocks, told, strict=True):
        for at in range(spread.shape[1]):
            taste[:, at] += np.bincount(block.annotator, one[:, at], minlength=people)
    before = [taste[block.annotator] - one for block, one in zip(blocks, told, strict=True)]
    strength = np.sqrt((taste * taste).sum(axis=0))  # faint directions are mostly noise
    weighed = spread * strength / max(strength.max(initial=0.0), 1e-300)
    earlier = _learn(blocks, told, taste)
    parts = [_score(block, weighed, one) for block, one in zip(blocks, earlier, strict=True)]
    if not parts:
        nothing, none = np.zeros(0), np.zeros(0, dtype=np.int64)
        return Scores(none, none, nothing, nothing, nothing, nothing), Taste(taste, before)
    return Scores(*(np.concatenate(each) for each in zip(*parts, strict=True))), Taste(taste, before)


def _learn(blocks: Sequence[Orders], told: Sequence[Floats], taste: Floats) -> list[Floats]:
    """Return for each block (n, DIRECTIONS) what was known of each ballot's author before it. Rows are in order of time."""
    if not blocks:
        return []
    who = np.concatenate([block.annotator for block in blocks])
    row = np.concatenate([block.row for block in blocks])
    gain = np.concatenate(told)
    order = np.lexsort((row, who))
    total = np.cumsum(gain[order], axis=0) - gain[order]
    starts = np.flatnonzero(np.diff(who[order], prepend=-1))
    total -= np.repeat(total[starts], np.diff(np.append(starts, len(who))), axis=0)
    known = np.empty_like(gain)
    known[order] = total + USUAL_BALLOTS * taste.sum(axis=0) / len(who)
    return np.split(known, np.cumsum([len(block.row) for block in blocks])[:-1])


def _tell(block: Orders, spread: Floats) -> Floats:
    """Return (n, DIRECTIONS) the sum over the others on a parent of s times where they stand."""
    total = np.zeros((len(block.row), spread.shape[1]))
    for at in range(spread.shape[1]):
        mine = spread[block.annotator, at]
        sums = block.add_up(mine[:, None] * block.signs)
        total[:, at] = np.einsum("np,np->n", sums[block.parent], block.signs)
        total[:, at] -= mine * (block.signs * block.signs).sum(axis=1)
    return total


def _score(block: Orders, spread: Floats, before: Floats) -> Scores:
    predicted = np.zeros_like(block.signs)
    for at in range(spread.shape[1]):
        given = spread[block.annotator, at][:, None] * block.signs
        predicted += before[:, at : at + 1] * (block.add_up(given)[block.parent] - given)
    own = _cosine(block.signs, predicted)
    common = _cosine(block.signs, block.add_up(block.signs)[block.parent] - block.signs)
    counts = block.count_rows()
    says = (np.abs(block.signs).sum(axis=1) > 0) & (counts > FEWEST_OTHERS)
    expected = (block.add_up(own[:, None])[block.parent, 0] - own) / np.maximum(counts - 1, 1)
    noise = np.full(int(says.sum()), measure_noise(block.signs.shape[1]))
    return Scores(block.row[says], block.annotator[says], own[says], common[says], expected[says], noise)


def measure_noise(pairs: int) -> float:
    """Return the variance of Kendall's tau of two random orders, by the number of pairs that they hold (Kendall 1938)."""
    size = (1 + sqrt(1 + 8 * pairs)) / 2
    return 2 * (2 * size + 5) / (9 * size * (size - 1))


def _cosine(one: Floats, other: Floats) -> Floats:
    length = np.sqrt((one * one).sum(axis=1) * (other * other).sum(axis=1))
    cosine: Floats = np.einsum("np,np->n", one, other) / np.where(length > 0, length, 1.0)
    return np.clip(np.where(length > 0, cosine, 0.0), -1.0, 1.0)
