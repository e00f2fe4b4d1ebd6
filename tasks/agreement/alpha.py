"""Krippendorff's alpha of labels, with a bootstrap interval.

Krippendorff (2011), "Computing Krippendorff's alpha-reliability". With c_u the counts of each value
in unit u (m_u >= 2 votes) and D the squared distance of two values,

    alpha = 1 - (N - 1) * sum_u [c_u' D c_u / (m_u - 1)] / (n' D n),    n = sum_u c_u, N = sum n.

Interval and ordinal distances are squared differences of positions (for ordinal, midpoints of the
cumulated counts), so their sums come from first and second moments, without a table of value by
value. Units of equal counts are one row of a histogram; the bootstrap draws units by drawing rows.

A vote that was not given says nothing: it is left out, never counted as a value.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from tasks.agreement.dice import throw_dice
from tasks.records.ballots import LabelVote
from tasks.records.quality import AgreementRecord
from tasks.vocabulary import Coefficient, Metric

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

METHOD_VERSION = "1"
RESAMPLES = 1000
DIGITS = 6
#: Numbers held at once while resampling, so that memory is bounded.
CHUNK = 1 << 22

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
    subjects: dict[int, dict[str, float]] = {}
    dimensions = set()
    for vote in votes:
        dimensions.add(vote.dimension)
        if vote.value is not None:
            subjects.setdefault(vote.subject, {})[vote.annotator] = vote.value
    if len(dimensions) > 1:
        raise ValueError(
            f"These votes are on several dimensions ({', '.join(sorted(dimensions))}); measure one at a time."
        )
    paired = [answers for answers in subjects.values() if len(answers) > 1]
    histogram = Counter(tuple(sorted(answers.values())) for answers in paired)
    alpha, low, high, reason = _alpha_with_interval(histogram, metric=metric, seed=seed, resamples=resamples)
    return AgreementRecord(
        coefficient=Coefficient.KRIPPENDORFF_ALPHA,
        metric=metric,
        value=alpha,
        low=low,
        high=high,
        n_units=len(paired),
        n_judgments=sum(map(len, paired)),
        n_annotators=len({annotator for answers in paired for annotator in answers}),
        reason=reason,
        resamples=resamples,
        seed=seed,
        method_version=METHOD_VERSION,
    )


def _alpha_with_interval(
    histogram: Counter[tuple[float, ...]], *, metric: Metric, seed: int, resamples: int
) -> tuple[float | None, float | None, float | None, str | None]:
    """Return alpha, low, high and what is missing, for units given as sorted votes."""
    if not histogram:
        return None, None, None, NO_UNIT
    units = sorted(histogram)
    frequencies = np.array([histogram[unit] for unit in units], dtype=np.int64)
    values, columns = np.unique(np.concatenate(units), return_inverse=True)
    if metric is Metric.RATIO and values[0] < 0:
        raise ValueError("The ratio metric is for values of at least 0; use the interval metric.")
    rows = np.zeros((len(units), len(values)))
    np.add.at(rows, (np.repeat(np.arange(len(units)), list(map(len, units))), columns), 1.0)
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
