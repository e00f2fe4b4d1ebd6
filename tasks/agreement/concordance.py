"""Agreement of rankings: pairwise tau, Kendall's W and the alpha of pairwise preferences.

kendall_tau     For two annotators, the mean over the pairs of candidates that both compared of
                +1 (same order), -1 (opposite order), 0 (a tie by either): Kendall's tau-a. Over a
                parent, the mean over all pairs of annotators and candidates; over the campaign, the
                mean of its parents. Pair agreement is (1 + tau) / 2.
kendall_w       Kendall's W with the correction for ties, for each set of candidates under a parent
                that two or more annotators placed in full ("the rest" counts as a tie there); the
                mean of those sets. By chance alone W is 1/m for m annotators, not 0.
pairwise_alpha  Krippendorff's nominal alpha of the outcomes above, tie, below, a unit being a pair of
                candidates under a parent. Each pair enters in both orientations, so that the result
                does not depend on which of the two has the smaller id.

Intervals resample parents (for W: sets), since pairs of one parent are not independent. "The rest"
of a ballot says nothing about its inner order, so pairs inside it are not counted as compared.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.alpha import (
    CHUNK,
    DIGITS,
    FEW_RESAMPLES,
    METHOD_VERSION,
    NO_UNIT,
    ONE_UNIT,
    ONE_VALUE,
    RESAMPLES,
    interval_of,
)
from tasks.agreement.dice import throw_dice
from tasks.agreement.tally import ParentBallots, collect_parent, group_by_size, stack_tiers
from tasks.records.ballots import Ballot
from tasks.records.quality import AgreementRecord
from tasks.vocabulary import Coefficient, Metric

Floats = npt.NDArray[np.float64]

NO_SET = "not enough data: no set of candidates was placed in full, and told apart, by two annotators"


class _Units(NamedTuple):
    """What enters one coefficient: sums (U, d) that add up over units, and the ballots behind."""

    sums: Floats
    ballots: int
    annotators: int


def measure_ranking_agreement(
    ballots: Iterable[Ballot], *, seed: int, resamples: int = RESAMPLES
) -> tuple[AgreementRecord, AgreementRecord, AgreementRecord]:
    """Return Kendall's tau, Kendall's W and the alpha of pairwise preferences, in this order.

    Of several ballots of one annotator on one parent the last in `ballots` counts. An undefined
    coefficient has value None and a reason.
    """
    parents: defaultdict[int, dict[str, Ballot]] = defaultdict(dict)
    for ballot in ballots:
        parents[ballot.parent][ballot.annotator] = ballot
    collected = [collect_parent(list(parents[parent].values())) for parent in sorted(parents)]
    tau, preferences = _compare_pairs(collected)
    concordance = _compare_sets(collected)
    return (
        _measure(Coefficient.KENDALL_TAU, tau, seed=seed, resamples=resamples),
        _measure(Coefficient.KENDALL_W, concordance, seed=seed, resamples=resamples),
        _measure(Coefficient.PAIRWISE_ALPHA, preferences, seed=seed, resamples=resamples),
    )


def _measure(coefficient: Coefficient, units: _Units, *, seed: int, resamples: int) -> AgreementRecord:
    """Return the record of one coefficient with its interval."""
    count = len(units.sums)
    estimate = _pairwise_alphas if coefficient is Coefficient.PAIRWISE_ALPHA else _means
    value, low, high = None, None, None
    reason: str | None = NO_SET if coefficient is Coefficient.KENDALL_W else NO_UNIT
    if count:
        point = float(estimate(units.sums.sum(axis=0, keepdims=True))[0])
        if np.isnan(point):
            reason = ONE_VALUE
        else:
            value, reason = round(point, DIGITS), ONE_UNIT
        if value is not None and count > 1:
            low, high = interval_of(estimate(_resample(units.sums, seed, resamples)))
            reason = None if low is not None else FEW_RESAMPLES
    return AgreementRecord(
        coefficient=coefficient,
        metric=Metric.NOMINAL if coefficient is Coefficient.PAIRWISE_ALPHA else None,
        value=value,
        low=low,
        high=high,
        n_units=count,
        n_judgments=units.ballots,
        n_annotators=units.annotators,
        reason=reason,
        resamples=resamples,
        seed=seed,
        method_version=METHOD_VERSION,
    )


def _resample(sums: Floats, seed: int, resamples: int) -> Floats:
    """Return (R, d) the sums over units drawn with replacement."""
    rows, frequencies = np.unique(sums, axis=0, return_counts=True)
    dice = throw_dice(seed, len(rows))
    step = max(1, CHUNK // len(rows))
    shares = frequencies / len(sums)
    return np.concatenate(
        [dice.multinomial(len(sums), shares, size) @ rows for size in [step] * (resamples // step) + [resamples % step]]
    )


def _means(sums: Floats) -> Floats:
    """Return (R,) the mean over units from sums (R, 2) of values and of ones."""
    means: Floats = sums[:, 0] / sums[:, 1]
    return means


def _pairwise_alphas(sums: Floats) -> Floats:
    """Return (R,) alpha from sums (R, 3): disagreement, strict outcomes, ties; NaN if all tie."""
    observed, strict, ties = sums.T
    n = 2 * (strict + ties)
    expected = n**2 - 2 * strict**2 - (2 * ties) ** 2
    alphas: Floats = np.full(len(sums), np.nan)
    some = strict > 0
    alphas[some] = 1 - (n[some] - 1) * observed[some] / expected[some]
    return alphas


def _compare_pairs(collected: list[ParentBallots]) -> tuple[_Units, _Units]:
    """Return the units of tau, sums (tau, 1), and of the alpha, sums as in `_pairwise_alphas`."""
    taus, preferences = [np.zeros((0, 2))], [np.zeros((0, 3))]
    ballots = 0
    annotators: set[str] = set()
    comparing = (p for p in collected if len(p.candidates) > 1 and len(p.ballots) > 1)
    for parents in group_by_size(comparing):
        stack = stack_tiers(parents)
        first, second = np.triu_indices(stack.tiers.shape[1], 1)
        above = stack.above()
        up, down = above[:, first, second], above[:, second, first]
        tied = stack.tied()[:, first, second]
        a, b, t = (np.add.reduceat(each.astype(np.float64), stack.firsts, axis=0) for each in (up, down, tied))
        votes = a + b + t
        twice = votes > 1
        a, b, t, votes = (np.where(twice, each, 0.0) for each in (a, b, t, votes))
        used = np.logical_or.reduce(twice, axis=1)
        same = (a - b) ** 2 - (a + b)
        tau = same.sum(axis=1)[used] / (votes * (votes - 1)).sum(axis=1)[used]
        taus.append(np.stack([tau, np.ones_like(tau)], axis=1))
        disagreement = 2 * (votes**2 - a**2 - b**2 - t**2) / np.where(twice, votes - 1, 1.0)
        summed = [each.sum(axis=1) for each in (disagreement, a + b, t)]
        preferences.append(np.stack(summed, axis=1)[used])
        for parent, counts in zip(parents, used.tolist(), strict=True):
            if counts:
                ballots += len(parent.ballots)
                annotators.update(ballot.annotator for ballot in parent.ballots)
    return (
        _Units(np.concatenate(taus), ballots, len(annotators)),
        _Units(np.concatenate(preferences), ballots, len(annotators)),
    )


def _find_sets(collected: list[ParentBallots]) -> Iterator[ParentBallots]:
    """Yield the sets of candidates under each parent that two or more annotators placed in full."""
    for parent in collected:
        sets: defaultdict[tuple[int, ...], list[Ballot]] = defaultdict(list)
        for ballot in parent.ballots:
            sets[tuple(sorted(c for tier in ballot.tiers for c in tier))].append(ballot)
        for placed, group in sorted(sets.items()):
            if len(placed) > 1 and len(group) > 1:
                yield collect_parent(group)


def _compare_sets(collected: list[ParentBallots]) -> _Units:
    """Return the units of W, sums (W, 1); a set on which everybody tied everything has none."""
    values = [np.zeros((0, 2))]
    ballots = 0
    annotators: set[str] = set()
    for parents in group_by_size(_find_sets(collected)):
        stack = stack_tiers(parents)
        size = stack.tiers.shape[1]
        better = (stack.tiers[:, None, :] < stack.tiers[:, :, None]).sum(axis=2)
        alike = (stack.tiers[:, None, :] == stack.tiers[:, :, None]).sum(axis=2)
        ranks = better + (alike + 1) / 2
        # A group of t tied candidates adds t³ - t: each of its t members adds t² - 1.
        ties = np.add.reduceat((alike**2 - 1).sum(axis=1), stack.firsts)
        m = np.diff(np.append(stack.firsts, len(stack.tiers)))
        spread = np.add.reduceat(ranks, stack.firsts, axis=0) - (m * (size + 1) / 2)[:, None]
        most = m**2 * (size**3 - size) - m * ties
        defined = most > 0
        w = 12 * (spread**2).sum(axis=1)[defined] / most[defined]
        values.append(np.stack([w, np.ones_like(w)], axis=1))
        for parent, counts in zip(parents, defined.tolist(), strict=True):
            if counts:
                ballots += len(parent.ballots)
                annotators.update(ballot.annotator for ballot in parent.ballots)
    return _Units(np.concatenate(values), ballots, len(annotators))
