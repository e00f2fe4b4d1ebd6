"""What the others make of the candidates that somebody ranked, their own ballots taken out again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.block_consensus import PRIOR_VARIANCE, fit_parents, nu_of_pairs
from tasks.agreement.cholesky import factorize, invert, solve
from tasks.agreement.pairs import LARGEST_SIZE, LARGEST_STEP, Comparisons, assemble, list_pairs, pull_items, weigh_rows
from tasks.agreement.tally import ParentBallots, compare_ballots, stack_tiers

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

#: Rows worked on at once: what fits a processor's cache.
CHUNK = 4096
#: Differences in strength smaller than this are ties.
TIE_WITHIN = 1e-6


@dataclass(slots=True)
class SharedParents:
    """P parents of k candidates that several people ranked; a row is what one annotator said of one of them.

    net, met    (pairs, R) of k + 1 items, the bar last
    won, lost   (pairs of candidates, R) weight of strict outcomes
    compared    (pairs of candidates, R) whether the row compares them, and somebody else placed both
    parent, annotator   (R,); firsts (P,) the first row of each parent
    strengths   (P, k + 1) where the next fit begins
    """

    net: Floats
    met: Floats
    won: Floats
    lost: Floats
    compared: Booleans
    parent: Integers
    annotator: Integers
    firsts: Integers
    strengths: Floats


class Expected(NamedTuple):
    """What the others say of the candidates of each row: differences (pairs of candidates, R), and their errors."""

    difference: Floats
    error: Floats


def share_rows(parents: list[ParentBallots], number: Mapping[str, int]) -> SharedParents:
    """Return parents of equal size as rows; `number` of each annotator."""
    stack = stack_tiers(parents)
    said = compare_ballots(stack)
    size = stack.tiers.shape[1]
    own = list_pairs(size + 1)[1] < size
    annotator = np.array([number[ballot.annotator] for parent in parents for ballot in parent.ballots])
    parent = np.repeat(np.arange(len(parents)), np.diff(np.append(stack.firsts, len(annotator))))
    # A parent's ballots are in the order of their annotators: those of one stand together.
    starts = np.flatnonzero(np.append(True, (np.diff(annotator) != 0) | (np.diff(parent) != 0)))
    placed = np.add.reduceat((stack.tiers.T >= 0).astype(np.int64), starts, axis=1) > 0
    row_parent = parent[starts]
    firsts = np.searchsorted(row_parent, np.arange(len(parents)))
    others = np.add.reduceat(placed.astype(np.int64), firsts, axis=1)[:, row_parent] - placed > 0
    first, second = list_pairs(size)
    met = np.logical_or.reduceat(said.met[own], starts, axis=1)
    net, all_met, won, lost = (
        np.add.reduceat(each * said.weight, starts, axis=1)
        for each in (said.net, said.met, said.net[own] > 0, said.net[own] < 0)
    )
    return SharedParents(
        net=net,
        met=all_met,
        won=won,
        lost=lost,
        compared=met & others[first] & others[second],
        parent=row_parent,
        annotator=annotator[starts],
        firsts=firsts,
        strengths=np.zeros((len(parents), size + 1)),
    )


def expect_without(shared: SharedParents, sharpness: Floats, nu: float) -> Expected:
    """Return what the others say, everybody's ballots being read at their sharpness (A,).

    The strengths are fitted to all; then each row's own part is taken out again by one step of Newton.
    """
    items = shared.strengths.shape[1]
    comparisons = Comparisons(shared.net, shared.met, sharpness[shared.annotator], shared.firsts)
    shared.strengths = fit_parents(comparisons, candidates=items - 1, nu=nu, start=shared.strengths).strengths
    nu_pairs = nu_of_pairs(nu, items - 1)
    at = np.ascontiguousarray(shared.strengths.T)
    slope, information = weigh_rows(at, comparisons, nu_pairs)
    total = np.add.reduceat(information, shared.firsts, axis=1)
    step = CHUNK if items <= LARGEST_SIZE else 64
    parts = []
    for start in range(0, len(shared.parent), step):
        part = slice(start, start + step)
        parent = shared.parent[part]
        left = np.maximum(total[:, parent] - information[:, part], 0.0)
        lower = factorize(assemble(left, items=items, precision=1 / PRIOR_VARIANCE))
        move = solve(lower, -pull_items(slope[:, part], items=items))
        move *= LARGEST_STEP / np.maximum(np.abs(move).max(axis=0), LARGEST_STEP)
        parts.append(_tell_differences(at[:, parent] + move, invert(lower)))
    return Expected(*(np.concatenate(each, axis=1) for each in zip(*parts, strict=True)))


def compare_orders(shared: SharedParents, expected: Expected) -> tuple[Floats, Booleans]:
    """Return (R,) Kendall's tau-b of each row with what the others say, and whether it is defined."""
    said = np.sign(shared.net[list_pairs(shared.strengths.shape[1])[1] < shared.strengths.shape[1] - 1])
    said = np.where(shared.compared, said, 0.0)
    known = np.where(shared.compared & (np.abs(expected.difference) > TIE_WITHIN), np.sign(expected.difference), 0.0)
    same, told, strict = (_add_up(each) for each in (said * known, said * said, known * known))
    defined = (told > 0) & (strict > 0)
    return np.where(defined, same / np.sqrt(np.where(defined, told * strict, 1.0)), 0.0), defined


def _tell_differences(strengths: Floats, covariance: Floats) -> Expected:
    """Return the differences between candidates, and their errors."""
    items = len(strengths)
    first, second = list_pairs(items - 1)
    own = covariance[np.arange(items), np.arange(items)]
    variance = own[first] + own[second] - 2 * covariance[first, second]
    return Expected(strengths[first] - strengths[second], np.sqrt(np.maximum(variance, 0.0)))


def _add_up(pairs: Floats) -> Floats:
    """Return (R,) the sum over pairs, in one order however many rows there are."""
    total = np.zeros(pairs.shape[1])
    for each in pairs:
        total += each
    return total
