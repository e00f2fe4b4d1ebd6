"""The consensus of parents with equally many candidates, all at once; the method is told in `tasks.agreement.consensus`."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.agreement.best import share_of_best
from tasks.agreement.borda import Counts, borda_shares, pair_margins
from tasks.agreement.gain import expect_gain
from tasks.agreement.normal import normal_cdf
from tasks.agreement.pairs import Comparisons, Strengths, fit_comparisons, list_pairs
from tasks.agreement.ranked_pairs import rank_by_pairs
from tasks.agreement.tally import Block, ParentBallots
from tasks.agreement.tiers import count_acceptable, cut_tiers, name_tiers, shared_ranks
from tasks.records.quality import ConsensusRecord

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

METHOD = "davidson_bar"
METHOD_VERSION = "2"
PRIOR_VARIANCE = 1.5**2
TIE_BELOW = 2 / 3
#: Digits after the point of everything published, and of everything decided upon.
DIGITS = 6
#: Votes are weighed by numbers that may not add up exactly: what is equal to this many digits is equal.
VOTE_DIGITS = 9

_GET_ANNOTATOR = attrgetter("annotator")


@dataclass(frozen=True, slots=True)
class Settings:
    """What `combine_rankings` was asked for."""

    seed: int
    nu: float
    weights: Mapping[str, float]
    sharpness: Mapping[str, float]
    with_gain: bool

    def as_json(self) -> str:
        """Return the first line of what is hashed."""
        return json.dumps([METHOD, METHOD_VERSION, self.seed, self.nu, *(["gain"] if self.with_gain else [])])


def nu_of_pairs(nu: float, candidates: int) -> Floats:
    """Return (pairs, 1) of k + 1 items, the bar last: nu between candidates, 0 against the bar."""
    _, second = list_pairs(candidates + 1)
    return np.where(second < candidates, nu, 0.0)[:, None]


def fit_parents(comparisons: Comparisons, *, candidates: int, nu: float, start: Floats | None = None) -> Strengths:
    """Return the strengths of the candidates of parents, and of the bar, the last of the k + 1 items."""
    return fit_comparisons(
        comparisons,
        items=candidates + 1,
        nu=nu_of_pairs(nu, candidates),
        prior_variance=PRIOR_VARIANCE,
        start=start,
    )


def combine_block(block: Block, settings: Settings) -> Iterator[ConsensusRecord]:
    """Yield the records of parents with k candidates each."""
    size = block.placements.shape[1]
    fit = fit_parents(block.comparisons, candidates=size, nu=settings.nu)
    # Scores are measured from the mean of the candidates: the prior's own zero means nothing.
    # (Adding 0.0 turns -0.0 into 0.0.)
    scores = np.round(fit.strengths - _mean_of(fit.strengths, size)[:, None], DIGITS) + 0.0
    errors = np.round(_errors_from_mean(fit.covariance[:, :size, :size]), DIGITS)
    p_above, p_acceptable, confidence = _tell_order(fit)
    if size > 2:
        p_best = share_of_best(scores[:, :size], errors, fit.covariance[:, :size, :size], seed=settings.seed)
    else:  # Nothing to draw: the only one is the best, and of two the one above.
        p_best = p_above[:, [0, 1], [1, 0]] if size == 2 else np.ones_like(p_acceptable)
    candidates = [parent.candidates for parent in block.parents]
    tiers = cut_tiers(scores[:, :size], p_above, tie_below=TIE_BELOW)
    columns = zip(
        block.parents,
        block.bar_given.tolist(),
        name_tiers(tiers, candidates),
        shared_ranks(tiers).tolist(),
        count_acceptable(tiers, scores[:, :size], scores[:, size]).tolist(),
        block.placements.tolist(),
        scores.tolist(),
        errors.tolist(),
        p_above.tolist(),
        p_acceptable.tolist(),
        p_best.tolist(),
        confidence.tolist(),
        _are_connected(block.comparisons, size).tolist(),
        name_tiers(_rank_by_votes(block.counts), candidates),
        _without_nan(borda_shares(block.counts)),
        _list_margins(block.counts),
        _expect_gains(block, fit, settings.nu) if settings.with_gain else repeat(None, len(block.parents)),
        strict=True,
    )
    first_line = settings.as_json()
    for (
        parent, bar, tier, rank, good, placed, score, error, above,
        acceptable, best, sure, joined, by_pairs, borda, margins, gain,
    ) in columns:  # fmt: skip
        bar_score = score.pop()
        yield ConsensusRecord(
            parent=parent.parent,
            tiers=tier,
            acceptable_tiers=good if bar else None,
            candidates=parent.candidates,
            unplaced=parent.unplaced,
            ranks=tuple(rank),
            scores=tuple(score),
            standard_errors=tuple(error),
            bar_score=bar_score if bar else None,
            p_acceptable=tuple(acceptable) if bar else None,
            p_best=tuple(best),
            p_above=tuple(map(tuple, above)),
            placements=tuple(placed),
            ranked_pairs=by_pairs,
            borda=tuple(borda),
            margins=tuple(map(tuple, margins)),
            confidence=sure if size > 1 else None,
            connected=joined,
            n_ballots=len(parent.ballots),
            n_annotators=len(set(map(_GET_ANNOTATOR, parent.ballots))),
            nu=settings.nu,
            method=METHOD,
            method_version=METHOD_VERSION,
            seed=settings.seed,
            input_hash=_hash_inputs(parent, first_line, settings),
            gain=gain,
        )


def _mean_of(strengths: Floats, size: int) -> Floats:
    """Return (P,) the mean strength of the candidates, added up in one order however many parents there are."""
    total = np.zeros(len(strengths))
    for column in range(size):
        total += strengths[:, column]
    return total / size


def _tell_order(fit: Strengths) -> tuple[Floats, Floats, Floats]:
    """Return P(i above j) (P, k, k), 0.5 on the diagonal; P(i above the bar) (P, k); the confidence (P,)."""
    problems, items = fit.strengths.shape
    first, second = list_pairs(items)
    own = fit.covariance[:, np.arange(items), np.arange(items)]
    variance = own[:, first] + own[:, second] - 2 * fit.covariance[:, first, second]
    difference = fit.strengths[:, first] - fit.strengths[:, second]
    share = np.round(normal_cdf(difference / np.sqrt(variance)), DIGITS)
    p_above = np.full((problems, items, items), 0.5)
    p_above[:, first, second] = share
    p_above[:, second, first] = np.round(1.0 - share, DIGITS)
    certain = np.zeros(problems)
    own_pairs = np.flatnonzero(second < items - 1)
    for pair in own_pairs:
        certain += np.abs(2 * share[:, pair] - 1)
    confidence = np.round(certain / max(len(own_pairs), 1), DIGITS)
    return p_above[:, :-1, :-1], p_above[:, :-1, -1], confidence


def _errors_from_mean(covariance: Floats) -> Floats:
    """Return (P, k) the standard error of each strength less the mean of them all."""
    problems, size, _ = covariance.shape
    with_mean = np.zeros((problems, size))
    for column in range(size):
        with_mean += covariance[:, :, column]
    with_mean /= size
    own = covariance[:, np.arange(size), np.arange(size)]
    variance = own - 2 * with_mean + _mean_of(with_mean, size)[:, None]
    errors: Floats = np.sqrt(np.maximum(variance, 0.0))
    return errors


def _are_connected(comparisons: Comparisons, size: int) -> Booleans:
    """Return (P,) whether comparisons, those with the bar included, link all the candidates."""
    met = comparisons.met > 0
    if comparisons.firsts is not None:
        met = np.logical_or.reduceat(met, comparisons.firsts, axis=1)
    first, second = list_pairs(size + 1)
    linked = np.zeros((size + 1, size + 1, met.shape[1]), dtype=bool)
    linked[first, second] = linked[second, first] = met
    reached = np.zeros((size + 1, met.shape[1]), dtype=bool)
    reached[0] = True
    for _ in range(size):
        before = reached.copy()
        for item in range(size + 1):
            reached |= linked[item] & reached[item]
        if (before == reached).all():
            break
    connected: Booleans = np.logical_and.reduce(reached[:size], axis=0)
    return connected


def _expect_gains(block: Block, fit: Strengths, nu: float) -> list[float | None]:
    """Return what one more ballot is worth, for each parent, of as many candidates as ballots placed there before."""
    size = block.placements.shape[1]
    if size < 2:
        return [None] * len(block.parents)
    first, second = list_pairs(size + 1)
    table = np.zeros((size + 1, size + 1))
    table[first, second] = table[second, first] = nu_of_pairs(nu, size)[:, 0]
    given = np.array([len(parent.ballots) for parent in block.parents])
    gains = expect_gain(
        fit.strengths,
        fit.covariance,
        nu=table,
        placed=block.placements.sum(axis=1) / given,
        bar_given=block.bar_given,
    )
    rounded: list[float | None] = np.round(gains, DIGITS).tolist()
    return rounded


def _rank_by_votes(counts: Counts) -> Integers:
    """Return (P, k) the tier of each candidate by ranked pairs."""
    size, problems = counts.points.shape
    first, second = list_pairs(size)
    majorities = np.zeros((size, size, problems))
    majorities[first, second] = np.round(counts.net, VOTE_DIGITS)
    majorities[second, first] = -majorities[first, second]
    return rank_by_pairs(majorities)


def _list_margins(counts: Counts) -> list[list[list[float | None]]]:
    """Return the margins of each parent, i by j."""
    size, problems = counts.points.shape
    first, second = list_pairs(size)
    margins = np.zeros((problems, size, size))
    margins[:, first, second] = pair_margins(counts).T
    margins[:, second, first] = 0.0 - margins[:, first, second]
    return _without_nan(margins)


def _without_nan(numbers: Floats) -> list[Any]:
    """Return nested lists with None where a number is NaN."""
    missing = np.isnan(numbers)
    listed: list[Any]
    if missing.any():
        told = numbers.astype(object)
        told[missing] = None
        listed = told.tolist()
    else:
        listed = numbers.tolist()
    return listed


def _hash_inputs(parent: ParentBallots, first_line: str, settings: Settings) -> str:
    """Return the SHA-256 of lines of JSON: the settings; `["weights", [[annotator, weight], …]]` and the same of the
    sharpness, of those heard here who have another than 1, where there are any; the ballots.
    """
    lines = [first_line]
    for name, given in (("weights", settings.weights), ("sharpness", settings.sharpness)):
        if given:
            heard = sorted({ballot.annotator for ballot in parent.ballots}.intersection(given))
            told = [[annotator, given[annotator]] for annotator in heard if given[annotator] != 1]
            if told:
                lines.append(json.dumps([name, told]))
    lines += parent.inputs
    return hashlib.sha256("\n".join(lines).encode("ascii")).hexdigest()
