"""Agreement of rankings: pairwise tau, tau-b, Kendall's W, and alphas of preferences and of ranks.

kendall_tau     For two annotators, the mean over the pairs of candidates that both compared of
                +1 (same order), -1 (opposite order), 0 (a tie by either): Kendall's tau-a. Over a
                parent, the mean over all pairs of annotators and candidates; over the campaign, the
                mean of its parents. Pair agreement is (1 + tau) / 2.
kendall_tau_b   The same with the correction for ties: the sum of those products over the root of
                n_a n_b, where n_a of these pairs the one does not tie and n_b the other does not.
                Over a parent, the mean over the pairs of annotators in which neither tied all; over
                the campaign, the mean of its parents.
kendall_w       Kendall's W with the correction for ties, for each set of candidates under a parent
                that two or more annotators placed in full ("the rest" counts as a tie there); the
                mean of those sets. By chance alone W is 1/m for m annotators, not 0.
pairwise_alpha  Krippendorff's nominal alpha of the outcomes above, tie, below, a unit being a pair of
                candidates under a parent. Each pair enters in both orientations, so that the result
                does not depend on which of the two has the smaller id.
rank_alpha_…    Krippendorff's ordinal and interval alpha of the ranks in the sets that W takes, a
                unit being a candidate. A rank r (a tie has the mean of its ranks) among k candidates
                is the value (r - 1/2) / k, so that sets of different sizes may stand together; of
                sets of one size it is alpha of the ranks themselves. Ordinal distances are those of
                all ranks that enter, in the figure and in its resamples.

Intervals resample parents (for what takes sets: sets), since pairs of one parent are not
independent; of many, the sums are drawn from the normal law that they then follow. "The rest" of a ballot says nothing about its inner order, so pairs inside it are not
counted as compared.
"""

from collections.abc import Iterable
from itertools import chain
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from tasks.agreement.alpha import (
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
from tasks.agreement.ranking_units import RankingTable, Ranks, Units, collect_ballots, tabulate_rankings
from tasks.records.ballots import Ballot
from tasks.records.quality import AgreementRecord
from tasks.vocabulary import Coefficient, Metric

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NO_SET = "not enough data: no set of candidates was placed in full, and told apart, by two annotators"
#: The sums of more units than these follow the normal law closely enough to be drawn from it instead of one by one.
MOST_UNITS = 256

METRICS = {
    Coefficient.PAIRWISE_ALPHA: Metric.NOMINAL,
    Coefficient.RANK_ALPHA_ORDINAL: Metric.ORDINAL,
    Coefficient.RANK_ALPHA_INTERVAL: Metric.INTERVAL,
}
OF_SETS = {Coefficient.KENDALL_W, Coefficient.RANK_ALPHA_ORDINAL, Coefficient.RANK_ALPHA_INTERVAL}


def measure_ranking_agreement(
    ballots: Iterable[Ballot], *, seed: int, resamples: int = RESAMPLES
) -> tuple[AgreementRecord, ...]:
    """Return Kendall's tau, W, the alpha of pairwise preferences, tau-b, and both alphas of ranks, in this order.

    Of several ballots of one annotator on one parent the last in `ballots` counts. An undefined
    coefficient has value None and a reason.
    """
    return measure_table(tabulate_rankings(collect_ballots(ballots)), seed=seed, resamples=resamples)


def measure_table(table: RankingTable, *, seed: int, resamples: int = RESAMPLES) -> tuple[AgreementRecord, ...]:
    """Return the figures of `measure_ranking_agreement` from a table."""
    units = dict(table.units)
    units[Coefficient.RANK_ALPHA_ORDINAL] = _add_up_ranks(table.ranks, _find_positions(table.ranks.values))
    units[Coefficient.RANK_ALPHA_INTERVAL] = _add_up_ranks(table.ranks, table.ranks.values)
    return tuple(_measure(coefficient, each, seed=seed, resamples=resamples) for coefficient, each in units.items())


def _measure(coefficient: Coefficient, units: Units, *, seed: int, resamples: int) -> AgreementRecord:
    """Return the record of one coefficient with its interval."""
    count = len(units.sums)
    estimate = ESTIMATES.get(coefficient, _means)
    value, low, high = None, None, None
    reason: str | None = NO_SET if coefficient in OF_SETS else NO_UNIT
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
        metric=METRICS.get(coefficient),
        value=value,
        low=low,
        high=high,
        n_units=count,
        n_judgments=sum(map(len, units.ballots)),
        n_annotators=len(set(map(attrgetter("annotator"), chain.from_iterable(units.ballots)))),
        reason=reason,
        resamples=resamples,
        seed=seed,
        method_version=METHOD_VERSION,
    )


def _resample(sums: Floats, seed: int, resamples: int) -> Floats:
    """Return (R, d) the sums over units drawn with replacement; the order of the units does not matter."""
    units = len(sums)
    rows, frequencies = np.unique(sums.round(12), axis=0, return_counts=True)
    dice = throw_dice(seed, len(rows))
    ordered = np.repeat(rows, frequencies, axis=0)
    if units > MOST_UNITS:
        return _draw_sums(ordered, dice, resamples)
    places = dice.randint(0, units, (resamples, units)) + np.arange(resamples)[:, None] * units
    counts = np.bincount(places.ravel(), minlength=resamples * units).reshape(resamples, units)
    drawn: Floats = counts.astype(np.float64) @ ordered
    return drawn


def _draw_sums(sums: Floats, dice: np.random.RandomState, resamples: int) -> Floats:
    """Return (R, d) such sums by the normal law of their mean and covariance."""
    covariance = np.atleast_2d(np.cov(sums, rowvar=False, bias=True)) * len(sums)
    variances, axes = np.linalg.eigh(covariance)
    spread = axes * np.sqrt(np.maximum(variances, 0.0))
    drawn: Floats = sums.sum(axis=0) + dice.standard_normal((resamples, sums.shape[1])) @ spread.T
    return drawn


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


def _rank_alphas(sums: Floats) -> Floats:
    """Return (R,) alpha from sums (R, 4): disagreement, votes, their values and the squares; NaN if all are one value."""
    observed, n, total, squares = sums.T
    expected = 2 * (n * squares - total**2)
    alphas: Floats = np.full(len(sums), np.nan)
    some = expected > 1e-9 * n**2
    alphas[some] = 1 - (n[some] - 1) * observed[some] / expected[some]
    return alphas


ESTIMATES = {
    Coefficient.PAIRWISE_ALPHA: _pairwise_alphas,
    Coefficient.RANK_ALPHA_ORDINAL: _rank_alphas,
    Coefficient.RANK_ALPHA_INTERVAL: _rank_alphas,
}


def _find_positions(values: Floats) -> Floats:
    """Return for each value the share of all that lies below it, plus half of its equals: ordinal distances are theirs."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    middles: Floats = (counts.cumsum() - counts / 2)[codes] / max(len(values), 1)
    return middles


def _add_up_ranks(ranks: Ranks, values: Floats) -> Units:
    """Return a unit a set, sums as in `_rank_alphas`."""
    if not len(ranks.sizes):
        return Units(np.zeros((0, 4)), ranks.parents, ranks.ballots)
    candidates = _firsts(ranks.votes)
    total, squares = (np.add.reduceat(each, candidates) for each in (values, values**2))
    disagreement = 2 * (ranks.votes * squares - total**2) / (ranks.votes - 1)
    columns = (disagreement, ranks.votes.astype(np.float64), total, squares)
    sums = np.add.reduceat(np.stack(columns, axis=1), _firsts(ranks.sizes), axis=0)
    return Units(sums, ranks.parents, ranks.ballots)


def _firsts(lengths: Integers) -> Integers:
    """Return where each run of these lengths begins."""
    firsts: Integers = np.concatenate([[0], lengths.cumsum()[:-1]]).astype(np.int64)
    return firsts
