"""The true labels and each annotator's confusions, found together by expectation and maximization.

Dawid and Skene (1979), "Maximum likelihood estimation of observer error-rates using the EM algorithm". With
votes y of annotators a on subjects t, and scores q for what is true, starting at the shares of votes:

    C_a[k, l] ∝ PRIOR + RIGHT·1[k = l] + Σ q_t[k] over a's votes y = l;    log q_t[k] = log π[k] + Σ log C_a[k, y]

in logarithms, so that nothing underflows. The counts added (none in the paper) take an annotator of few votes for
one who is mostly right. They do not depend on the order of votes.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.records.ballots import LabelVote
from tasks.records.reliability import LabellerRecord, LabelRecord

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

METHOD = "dawid_skene"
METHOD_VERSION = "1"
#: Counts added to each cell of a confusion, and to those on its diagonal besides.
PRIOR, RIGHT = 0.5, 2.0
MOST_ROUNDS = 100
#: It has come to rest when no score moves more than this.
TOLERANCE = 1e-6
DIGITS = 6


class _Fit(NamedTuple):
    """Shares (V,), scores (S, V) and their logarithms but for a constant, log-confusions (A, V, V), rounds it took."""

    shares: Floats
    scores: Floats
    log_scores: Floats
    log_confusion: Floats
    rounds: int


def read_labels(votes: Iterable[LabelVote], *, dimension: str) -> LabelRecord:
    """Return what the votes with a value on this dimension say together."""
    given = sorted(
        (vote.annotator, vote.subject, vote.value)
        for vote in votes
        if vote.dimension == dimension and vote.value is not None
    )
    names = sorted({name for name, _, _ in given})
    subjects = sorted({subject for _, subject, _ in given})
    values = sorted({value for _, _, value in given})
    annotator = _number([name for name, _, _ in given], names)
    subject = _number([subject for _, subject, _ in given], subjects)
    value = _number([value for _, _, value in given], values)
    sizes = (len(names), len(subjects), len(values))
    fit = fit_confusion(annotator, subject, value, sizes, prior=PRIOR, right=RIGHT)
    own = fit.log_confusion[annotator, :, value]
    cells, cell = np.unique(annotator * max(len(subjects), 1) + subject, return_inverse=True)
    own_of_cell = _sum_rows(own, cell, len(cells))
    without = _normalize(fit.log_scores[subject] - own_of_cell[cell])
    judges = np.bincount(cells % max(len(subjects), 1), minlength=len(subjects))
    shared = judges[subject] > 1
    n_votes = np.bincount(annotator, minlength=len(names))
    n_shared = np.bincount(annotator[shared], minlength=len(names))
    right = np.bincount(annotator[shared], without[np.arange(len(value)), value][shared], minlength=len(names))
    confusion = np.round(np.exp(fit.log_confusion), DIGITS)
    return LabelRecord(
        dimension=dimension,
        values=tuple(values),
        shares=tuple(np.round(fit.shares, DIGITS).tolist()),
        subjects=tuple(subjects),
        scores=tuple(map(tuple, np.round(fit.scores, DIGITS).tolist())),
        annotators=tuple(
            LabellerRecord(
                annotator=name,
                n_votes=int(n_votes[at]),
                n_shared=int(n_shared[at]),
                accuracy=round(float(right[at] / n_shared[at]), DIGITS) if n_shared[at] else None,
                confusion=tuple(map(tuple, confusion[at].tolist())),
            )
            for at, name in enumerate(names)
        ),
        rounds=fit.rounds,
        method=METHOD,
        method_version=METHOD_VERSION,
    )


def fit_confusion(
    annotator: Integers, subject: Integers, value: Integers, sizes: tuple[int, int, int], *, prior: float, right: float
) -> _Fit:
    """Return the fit of N votes, by number of annotator, subject and value; `sizes` is how many there are of each.

    Every subject has a vote. With `prior` and `right` 0 it is the paper's maximum likelihood; a confusion that was
    never seen then has the logarithm of 1e-300.
    """
    annotators, subjects, values = sizes
    cell = annotator * values + value
    scores = np.zeros((subjects, values))
    np.add.at(scores, (subject, value), 1.0)
    scores /= np.maximum(scores.sum(axis=1, keepdims=True), 1.0)
    added = prior + right * np.eye(values)
    shares, log_confusion = np.zeros(values), np.zeros((annotators, values, values))
    log_scores = np.log(np.maximum(scores, 1e-300))
    rounds, moved = 0, np.inf
    while moved >= TOLERANCE and rounds < MOST_ROUNDS:
        rounds += 1
        counts = _sum_rows(scores[subject], cell, annotators * values).reshape(annotators, values, values)
        counts = counts.transpose(0, 2, 1) + added
        total = counts.sum(axis=2, keepdims=True)
        log_confusion = np.log(np.maximum(counts / np.where(total > 0, total, 1.0), 1e-300))
        shares = scores.sum(axis=0) / max(subjects, 1)
        log_scores = np.log(np.maximum(shares, 1e-300)) + _sum_rows(
            log_confusion[annotator, :, value], subject, subjects
        )
        before, scores = scores, _normalize(log_scores)
        moved = float(np.abs(scores - before).max(initial=0.0))
    return _Fit(shares, scores, log_scores, log_confusion, rounds)


def _number(what: Sequence[Hashable], known: Sequence[Hashable]) -> Integers:
    """Return the place of each in what is known."""
    place = {one: at for at, one in enumerate(known)}
    return np.array([place[one] for one in what], dtype=np.int64)


def _sum_rows(rows: Floats, group: Integers, groups: int) -> Floats:
    """Return (groups, V) the sums of rows (N, V) by their group."""
    if not rows.size:
        return np.zeros((groups, rows.shape[1]))
    return np.stack([np.bincount(group, column, minlength=groups) for column in rows.T], axis=1).astype(np.float64)


def _normalize(log_scores: Floats) -> Floats:
    """Return the exponentials, each row adding up to 1."""
    scores: Floats = np.exp(log_scores - log_scores.max(axis=1, keepdims=True, initial=-np.inf))
    scores /= np.maximum(scores.sum(axis=1, keepdims=True), 1e-300)
    return scores
