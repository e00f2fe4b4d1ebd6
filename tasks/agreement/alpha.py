"""Krippendorff's alpha of labels, with a bootstrap interval.

Krippendorff (2011), "Computing Krippendorff's alpha-reliability". With c_u the counts of each value
in unit u (m_u >= 2 votes) and D the squared distance of two values,

    alpha = 1 - (N - 1) * sum_u [c_u' D c_u / (m_u - 1)] / (n' D n),    n = sum_u c_u, N = sum n.

Interval and ordinal distances are squared differences of positions (for ordinal, midpoints of the
cumulated counts), so their sums come from first and second moments, without a table of value by
value. Units of equal counts are one row of a histogram; the bootstrap draws units by drawing rows.

A vote that was not given says nothing: it is left out, never counted as a value.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.agreement.dice import throw_dice
from tasks.records.ballots import LabelVote
from tasks.records.quality import AgreementRecord
from tasks.vocabulary import Coefficient, Metric

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

METHOD_VERSION = "2"
RESAMPLES = 1000
DIGITS = 6
#: Numbers held at once while resampling, so that memory is bounded.
CHUNK = 1 << 22
#: Names that span at most so many times their count are numbered without sorting them.
DENSE = 4
#: So many values are looked at before all are.
SAMPLE = 4096

NO_UNIT = "not enough data: no unit was judged by two annotators"
ONE_VALUE = "not enough data: only one value was ever given"
ONE_UNIT = "not enough data for an interval: only one unit was judged by two annotators"
FEW_RESAMPLES = "not enough data for an interval: most resamples hold a single value"


def measure_label_agreement(
    votes: Iterable[LabelVote], *, metric: Metric, seed: int, resamples: int = RESAMPLES
) -> AgreementRecord:
    """Return alpha over the votes on one dimension, a unit being a subject.

    Of several votes of one annotator on one subject the last in `votes` counts. Raises ValueError
    when votes on different dimensions are mixed. Undefined is value None with a reason.
    """
    return measure_votes(tabulate_votes(votes), metric=metric, seed=seed, resamples=resamples)


@dataclass(frozen=True, slots=True)
class VoteTable:
    """Votes on one dimension in parallel columns, in the order in which they came. NaN: not given."""

    subjects: Integers
    annotators: Integers
    values: Floats

    def select(self, mask: npt.NDArray[np.bool_]) -> "VoteTable":
        """Return the votes that the mask (one for each vote) holds."""
        return VoteTable(self.subjects[mask], self.annotators[mask], self.values[mask])


def tabulate_votes(votes: Iterable[LabelVote]) -> VoteTable:
    """Return votes on one dimension as a table, its annotators numbered as they came."""
    numbers: dict[str, int] = {}
    dimensions = set()
    subjects, annotators, values = [], [], []
    for vote in votes:
        dimensions.add(vote.dimension)
        subjects.append(vote.subject)
        annotators.append(numbers.setdefault(vote.annotator, len(numbers)))
        values.append(np.nan if vote.value is None else vote.value)
    if len(dimensions) > 1:
        raise ValueError(
            f"These votes are on several dimensions ({', '.join(sorted(dimensions))}); measure one at a time."
        )
    return VoteTable(np.array(subjects, np.int64), np.array(annotators, np.int64), np.array(values, np.float64))


def measure_votes(table: VoteTable, *, metric: Metric, seed: int, resamples: int = RESAMPLES) -> AgreementRecord:
    """Return alpha over a table of votes on one dimension; see `measure_label_agreement`."""
    tally = count_units(table)
    alpha, low, high, reason = _alpha_with_interval(tally, metric=metric, seed=seed, resamples=resamples)
    return AgreementRecord(
        coefficient=Coefficient.KRIPPENDORFF_ALPHA,
        metric=metric,
        value=alpha,
        low=low,
        high=high,
        n_units=int(tally.frequencies.sum()),
        n_judgments=int(tally.frequencies @ tally.rows.sum(axis=1)),
        n_annotators=tally.annotators,
        reason=reason,
        resamples=resamples,
        seed=seed,
        method_version=METHOD_VERSION,
    )


@dataclass(frozen=True, slots=True)
class UnitTally:
    """The units that several annotators judged, those with equal counts as one row.

    rows         (H, V) how often each value was given
    frequencies  (H,) how many units have these counts
    values       (V,) ascending
    annotators   how many people judged them
    """

    rows: Floats
    frequencies: Integers
    values: Floats
    annotators: int


def count_units(table: VoteTable) -> UnitTally:
    """Count the votes of each unit, those that were given; a unit with one vote says nothing of agreement."""
    given = ~np.isnan(table.values)
    table = _keep_last(table if given.all() else table.select(given))
    if not len(table.values):
        return UnitTally(np.zeros((0, 0)), np.zeros(0, np.int64), table.values, 0)
    values, codes = _number_values(table.values)
    units = _number_integers(table.subjects)
    size = len(values)
    counts = np.bincount(units * size + codes, minlength=(int(units.max()) + 1) * size).reshape(-1, size)
    paired = counts.sum(axis=1) > 1
    seen = np.bincount(_number_integers(table.annotators)[paired[units]])
    counts = counts[paired]
    used = counts.any(axis=0)
    rows, frequencies = _unite_rows(counts[:, used])
    return UnitTally(rows.astype(np.float64), frequencies, values[used], int((seen > 0).sum()))


def _keep_last(table: VoteTable) -> VoteTable:
    """Of several votes of one annotator on one subject keep the last."""
    people = _number_integers(table.annotators)
    keys = _number_integers(table.subjects) * (int(people.max(initial=0)) + 1) + people
    ordered = np.sort(keys)
    if (ordered[1:] != ordered[:-1]).all():
        return table
    _, from_the_end = np.unique(keys[::-1], return_index=True)
    kept = np.zeros(len(keys), dtype=bool)
    kept[len(keys) - 1 - from_the_end] = True
    return table.select(kept)


def _number_integers(names: Integers) -> Integers:
    """Return numbers from 0 on, equal for equal names; without sorting where the names are dense already."""
    if not len(names):
        return names
    low = names.min()
    if int(names.max()) - int(low) < DENSE * len(names):
        dense: Integers = names - low
        return dense
    numbers: Integers = np.unique(names, return_inverse=True)[1]
    return numbers


def _number_values(values: Floats) -> tuple[Floats, Integers]:
    """Return the distinct values and the place of each among them: few values need no sort of all."""
    known = np.unique(values[:: max(1, len(values) // SAMPLE)])
    codes = np.minimum(np.searchsorted(known, values), max(len(known) - 1, 0))
    if not len(values) or (known[codes] == values).all():
        return known, codes
    found, inverse = np.unique(values, return_inverse=True)
    return found, inverse


def _unite_rows(counts: Integers) -> tuple[Integers, Integers]:
    """Return the distinct rows of counts and how often each is there."""
    base, width = int(counts.max(initial=0)) + 1, counts.shape[1]
    if base**width >= 1 << 62:
        return np.unique(counts, axis=0, return_counts=True)
    keys = counts @ np.array([base**place for place in range(width)], dtype=np.int64)
    _, firsts, frequencies = np.unique(keys, return_index=True, return_counts=True)
    return counts[firsts], frequencies


def _alpha_with_interval(
    tally: UnitTally, *, metric: Metric, seed: int, resamples: int
) -> tuple[float | None, float | None, float | None, str | None]:
    """Return alpha, low, high and what is missing."""
    rows, frequencies, values = tally.rows, tally.frequencies, tally.values
    if not len(rows):
        return None, None, None, NO_UNIT
    if metric is Metric.RATIO and values[0] < 0:
        raise ValueError("The ratio metric is for values of at least 0; use the interval metric.")
    alpha = float(_alphas(rows, frequencies[None, :], values, metric)[0])
    if np.isnan(alpha):
        return None, None, None, ONE_VALUE
    alpha = round(alpha, DIGITS)
    judged = int(frequencies.sum())
    if judged == 1:
        return alpha, None, None, ONE_UNIT
    dice = throw_dice(seed, len(rows))
    step = max(1, CHUNK // max(rows.shape))
    drawn = [
        _alphas(rows, dice.multinomial(judged, frequencies / judged, size), values, metric)
        for size in [step] * (resamples // step) + [resamples % step]
    ]
    low, high = interval_of(np.concatenate(drawn))
    return alpha, low, high, None if low is not None else FEW_RESAMPLES


def interval_of(drawn: Floats) -> tuple[float | None, float | None]:
    """Return the 95 % percentile interval of resampled values, NaN where one was undefined.

    (None, None) when fewer than half of them are defined.
    """
    defined = drawn[~np.isnan(drawn)]
    if len(defined) * 2 < max(len(drawn), 1):
        return None, None
    low, high = np.quantile(defined, [0.025, 0.975])
    return round(float(low), DIGITS), round(float(high), DIGITS)


def _alphas(rows: Floats, frequencies: Integers, values: Floats, metric: Metric) -> Floats:
    """Return (R,) alpha for each row of frequencies (R, H); NaN where one value is all there is."""
    votes = rows.sum(axis=1)
    weight = frequencies / (votes - 1.0)
    totals = frequencies @ rows
    n = totals.sum(axis=1)
    if metric is Metric.NOMINAL:
        observed = weight @ (votes**2 - (rows**2).sum(axis=1))
        expected = n**2 - (totals**2).sum(axis=1)
    elif metric is Metric.RATIO:
        sums = values[:, None] + values[None, :]
        distance = ((values[:, None] - values[None, :]) / np.where(sums == 0, 1.0, sums)) ** 2
        observed = weight @ ((rows @ distance) * rows).sum(axis=1)
        expected = ((totals @ distance) * totals).sum(axis=1)
    else:
        if metric is Metric.ORDINAL:
            positions = totals.cumsum(axis=1) - totals / 2
        else:
            positions = np.broadcast_to(values, totals.shape)
        # Differences are all that matters; around the mean their squares lose no digits.
        middle = (totals * positions).sum(axis=1) / np.where(n > 0, n, 1.0)
        positions = positions - middle[:, None]
        squares = positions**2
        within = (rows @ positions.T) ** 2
        observed = 2 * ((((weight * votes) @ rows) * squares).sum(axis=1) - (weight * within.T).sum(axis=1))
        expected = 2 * n * (totals * squares).sum(axis=1)
    several = (totals > 0).sum(axis=1) > 1
    alphas: Floats = np.full(len(totals), np.nan)
    alphas[several] = 1 - (n[several] - 1) * observed[several] / expected[several]
    return alphas
