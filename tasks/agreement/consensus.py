"""Consensus per parent: tier ballots combined into a ranking with uncertainty.

The method, `davidson_bar`:
1. Ballots become paired comparisons of weight 2/m (tasks.agreement.tally), the acceptable bar being
   one more item.
2. Strengths are the most probable ones under Davidson's model of ties with independent
   N(0, 1.5²) priors; their covariance is Laplace's (tasks.agreement.davidson). The tie parameter
   nu holds between candidates; against the bar it is 0, since nothing can tie with the bar.
3. P(i above j) and P(i acceptable) follow from the normal posterior; P(best) from 512 seeded draws.
4. Tiers. Going down the scores, the next candidate joins the tier above it unless some member of
   that tier is above it with probability `TIE_BELOW` (2/3: odds of two to one) or more. So no two
   members of a tier can be told apart at these odds, every two neighbouring tiers hold a pair that
   can, and no tier contradicts a score. Candidates of equal score always share a tier: an id
   breaks no tie.
5. The bar. A tier is acceptable when the mean score of its members is above the bar's.

Nothing here depends on which other parents are in the call. nu is an input for that reason: by
default `DEFAULT_NU`; `fit_nu` estimates one for a campaign, which the caller keeps and passes to
every call, so that marked parents can be recomputed alone. Whatever the result depends on is in
`input_hash`: the same hash means the same result, bit for bit.
"""

import gc
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.best import share_of_best
from tasks.agreement.borda import Counts, borda_shares, pair_margins
from tasks.agreement.davidson import DEFAULT_NU, Strengths, fit_strengths, outcome_probabilities
from tasks.agreement.gain import expect_gain
from tasks.agreement.normal import normal_cdf
from tasks.agreement.ranked_pairs import rank_by_pairs
from tasks.agreement.tally import Block, ParentBallots, count_blocks
from tasks.records.ballots import Ballot
from tasks.records.quality import ConsensusRecord

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

METHOD = "davidson_bar"
METHOD_VERSION = "2"
PRIOR_VARIANCE = 1.5**2
TIE_BELOW = 2 / 3
#: Digits after the point of everything published, and of everything decided upon.
DIGITS = 6
#: fit_nu stays within these: with no ties, or nothing else, there is no finite estimate.
SMALLEST_NU, LARGEST_NU = 0.01, 20.0


def combine_rankings(
    ballots: Sequence[Ballot],
    *,
    seed: int,
    nu: float = DEFAULT_NU,
    weights: Mapping[str, float] | None = None,
    with_gain: bool = False,
) -> list[ConsensusRecord]:
    """Return the consensus of every parent on which a candidate was placed, by parent id.

    seed       of the draws behind `p_best`; nothing else is random
    nu         tie parameter, >= 0 (see `fit_nu`); one value for a campaign
    weights    factor > 0 of each annotator's ballots, 1 where missing
    with_gain  whether `gain` is asked for; nothing else depends on it

    Raises ValueError when nu or a weight is out of range.
    """
    weights = {} if weights is None else weights
    if not 0 <= nu < float("inf"):
        raise ValueError(f"nu must be a finite number of at least 0, not {nu}.")
    if not all(0 < weight < float("inf") for weight in weights.values()):
        raise ValueError("Every annotator's weight must be finite and above 0.")
    with collector_paused():
        records = [
            record
            for block in count_blocks(ballots, weights=weights)
            for record in _combine_block(block, seed=seed, nu=nu, weights=weights, with_gain=with_gain)
        ]
    return sorted(records, key=lambda record: record.parent)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Within this block no garbage is looked for: millions of small records are made, none of which point in a circle.

    Otherwise all that is there already is walked through again and again, for a third of the time.
    """
    was_running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_running:
            gc.enable()


def fit_nu(ballots: Sequence[Ballot], *, weights: Mapping[str, float] | None = None) -> float:
    """Return the tie parameter of a campaign, rounded to 4 digits, within [0.01, 20].

    Davidson's fixed point nu ← nu · (ties seen) / (ties expected), strengths fitted anew each time.
    `DEFAULT_NU` when no two candidates were ever compared.
    """
    blocks = list(count_blocks(ballots, weights={} if weights is None else weights))
    # Without the bar: a verdict on acceptability says nothing about ties.
    tables = [(block.wins[:, :-1, :-1], block.ties[:, :-1, :-1]) for block in blocks]
    seen = sum(float(ties.sum()) for _, ties in tables)
    if seen + sum(float(wins.sum()) for wins, _ in tables) == 0:
        return DEFAULT_NU
    nu = DEFAULT_NU
    for _ in range(100):
        expected = 0.0
        for block, (wins, ties) in zip(blocks, tables, strict=True):
            fit = fit_strengths(
                block.wins,
                block.ties,
                nu=_nu_of_pairs(nu, wins.shape[1]),
                prior_variance=PRIOR_VARIANCE,
            )
            met = wins + wins.transpose(0, 2, 1) + ties
            _, p_tie = outcome_probabilities(fit.strengths[:, :-1], np.array([[nu]]))
            expected += float((met * p_tie).sum())
        before, nu = nu, min(max(nu * seen / expected, SMALLEST_NU), LARGEST_NU)
        if abs(nu - before) < 1e-5 * before:
            break
    return round(nu, 4)


def _nu_of_pairs(nu: float, candidates: int) -> Floats:
    """Return (k + 1, k + 1): nu between candidates, 0 against the bar."""
    table = np.full((candidates + 1, candidates + 1), nu)
    table[-1, :] = table[:, -1] = 0.0
    return table


def _combine_block(
    block: Block, *, seed: int, nu: float, weights: Mapping[str, float], with_gain: bool
) -> list[ConsensusRecord]:
    """Return the records of parents with k candidates each."""
    size = block.placements.shape[1]
    fit = fit_strengths(block.wins, block.ties, nu=_nu_of_pairs(nu, size), prior_variance=PRIOR_VARIANCE)
    # Scores are measured from the mean of the candidates: the prior's own zero means nothing.
    # (Adding 0.0 turns -0.0 into 0.0.)
    mean = fit.strengths[:, :size].mean(axis=1, keepdims=True)
    scores = np.round(fit.strengths - mean, DIGITS) + 0.0
    errors = np.round(_errors_from_mean(fit.covariance[:, :size, :size]), DIGITS)
    p_above, p_acceptable = _p_above(fit.strengths, fit.covariance)
    if size > 2:
        p_best = share_of_best(scores[:, :size], errors, fit.covariance[:, :size, :size], seed=seed)
    else:  # Nothing to draw: the only one is the best, and of two the one above.
        p_best = p_above[:, [0, 1], [1, 0]] if size == 2 else np.ones_like(p_acceptable)
    first, second = np.triu_indices(size, 1)
    certain = np.abs(2 * p_above[:, first, second] - 1)
    confidence = np.round(certain.sum(axis=1) / max(len(first), 1), DIGITS)
    columns = zip(
        block.parents,
        block.bar_given.tolist(),
        block.placements.tolist(),
        scores.tolist(),
        errors.tolist(),
        p_above.tolist(),
        p_acceptable.tolist(),
        p_best.tolist(),
        confidence.tolist(),
        _are_connected(block).tolist(),
        _tell_counts(block.counts),
        _expect_gains(block, fit, nu=nu) if with_gain else repeat(None, len(block.parents)),
        strict=True,
    )
    parameters = json.dumps([METHOD, METHOD_VERSION, seed, nu])
    records = []
    for parent, bar, placed, score, error, above, acceptable, best, sure, joined, told, gain in columns:
        *own, bar_score = score
        tiers = _cut_tiers(own, above)
        records.append(
            ConsensusRecord(
                parent=parent.parent,
                tiers=tuple(tuple(parent.candidates[i] for i in tier) for tier in tiers),
                acceptable_tiers=_count_acceptable(tiers, own, bar_score) if bar else None,
                candidates=parent.candidates,
                unplaced=parent.unplaced,
                ranks=_shared_ranks(tiers, size),
                scores=tuple(own),
                standard_errors=tuple(error),
                bar_score=bar_score if bar else None,
                p_acceptable=tuple(acceptable) if bar else None,
                p_best=tuple(best),
                p_above=tuple(map(tuple, above)),
                placements=tuple(placed),
                ranked_pairs=_name_tiers(told.pair_tiers, parent.candidates),
                borda=tuple(told.borda),
                margins=tuple(map(tuple, told.margins)),
                confidence=sure if size > 1 else None,
                connected=joined,
                n_ballots=len(parent.ballots),
                n_annotators=len({ballot.annotator for ballot in parent.ballots}),
                nu=nu,
                method=METHOD,
                method_version=METHOD_VERSION,
                seed=seed,
                input_hash=_hash_inputs(parent, parameters, weights),
                gain=gain,
            )
        )
    return records


def _expect_gains(block: Block, fit: Strengths, *, nu: float) -> list[float | None]:
    """Return what one more ballot is worth, for each parent, of as many candidates as ballots placed there before."""
    size = block.placements.shape[1]
    if size < 2:
        return [None] * len(block.parents)
    given = np.array([len(parent.ballots) for parent in block.parents])
    gains = expect_gain(
        fit.strengths,
        fit.covariance,
        nu=_nu_of_pairs(nu, size),
        placed=block.placements.sum(axis=1) / given,
        bar_given=block.bar_given,
    )
    rounded: list[float | None] = np.round(gains, DIGITS).tolist()
    return rounded


class _Told(NamedTuple):
    """What counting says of one parent: the tier of each candidate by ranked pairs, Borda's shares, margins."""

    pair_tiers: list[int]
    borda: list[float | None]
    margins: list[list[float | None]]


def _tell_counts(counts: Counts) -> Iterator[_Told]:
    """Yield for each parent of a block what the methods say that count votes."""
    # Weights may not add up exactly: what differs by less than a billionth of a vote is equal.
    majorities = np.round(counts.above - counts.above.transpose(0, 2, 1), 9)
    columns = (_without_nan(borda_shares(counts)), _without_nan(pair_margins(counts)))
    for tiers, borda, margins in zip(rank_by_pairs(majorities).tolist(), *columns, strict=True):
        yield _Told(tiers, borda, margins)


def _without_nan(numbers: Floats) -> list[Any]:
    """Return nested lists with None where a number is NaN."""
    missing = np.isnan(numbers)
    listed: list[Any] = (np.where(missing, None, numbers) if missing.any() else numbers).tolist()
    return listed


def _name_tiers(tier_of: Sequence[int], candidates: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Return candidates in tiers, best first, from the tier of each; within a tier by id."""
    tiers: list[list[int]] = [[] for _ in range(max(tier_of) + 1)]
    for candidate, tier in zip(candidates, tier_of, strict=True):
        tiers[tier].append(candidate)
    return tuple(map(tuple, tiers))


def _p_above(strengths: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Return P(i above j) (P, k, k), 0.5 on the diagonal, and P(i above the bar) (P, k)."""
    size = strengths.shape[1] - 1
    first, second = np.triu_indices(size + 1, 1)
    variance = covariance[:, first, first] + covariance[:, second, second] - 2 * covariance[:, first, second]
    difference = strengths[:, first] - strengths[:, second]
    share = np.round(normal_cdf(difference / np.sqrt(variance)), DIGITS)
    p_above = np.full(covariance.shape, 0.5)
    p_above[:, first, second] = share
    p_above[:, second, first] = np.round(1.0 - share, DIGITS)
    return p_above[:, :size, :size], p_above[:, :size, size]


def _errors_from_mean(covariance: Floats) -> Floats:
    """Return (P, k) the standard error of each strength less the mean of them all."""
    with_mean = covariance.mean(axis=2)
    variance = np.diagonal(covariance, axis1=1, axis2=2) - 2 * with_mean + with_mean.mean(axis=1, keepdims=True)
    errors: Floats = np.sqrt(np.maximum(variance, 0.0))
    return errors


def _are_connected(block: Block) -> Booleans:
    """Return (P,) whether comparisons, those with the bar included, link all the candidates."""
    size = block.placements.shape[1]
    met = block.wins + block.ties
    reach = ((met + met.transpose(0, 2, 1)) > 0) | np.eye(size + 1, dtype=bool)
    for _ in range((size + 1).bit_length()):
        reach = (reach.astype(np.float32) @ reach.astype(np.float32)) > 0
    connected: Booleans = np.logical_and.reduce(reach[:, 0, :size], axis=1)
    return connected


def _cut_tiers(scores: Sequence[float], p_above: Sequence[Sequence[float]]) -> list[list[int]]:
    """Return positions in tiers, best first, by the rule in this module's docstring."""
    going_down = sorted(range(len(scores)), key=lambda i: -scores[i])
    tiers: list[list[int]] = []
    at = 0
    while at < len(going_down):
        group = [going_down[at]]
        while (at := at + 1) < len(going_down) and scores[going_down[at]] == scores[group[0]]:
            group.append(going_down[at])
        if tiers and all(p_above[i][j] < TIE_BELOW for i in tiers[-1] for j in group):
            tiers[-1].extend(group)
        else:
            tiers.append(group)
    return [sorted(tier) for tier in tiers]


def _count_acceptable(tiers: list[list[int]], scores: Sequence[float], bar: float) -> int:
    """Return how many leading tiers have a mean score above the bar."""
    return sum(sum(scores[i] for i in tier) / len(tier) > bar for tier in tiers)


def _shared_ranks(tiers: list[list[int]], size: int) -> tuple[int, ...]:
    """Return each position's rank: 1 + how many stand in better tiers."""
    ranks = [0] * size
    better = 0
    for tier in tiers:
        for position in tier:
            ranks[position] = better + 1
        better += len(tier)
    return tuple(ranks)


def _hash_inputs(parent: ParentBallots, parameters: str, weights: Mapping[str, float]) -> str:
    """Return the SHA-256 of a line with the parameters, one with the weights that differ from 1
    (if any), and a line for each ballot; the lines are JSON.
    """
    lines = [parameters, *parent.inputs]
    if weights:
        heard = sorted({ballot.annotator for ballot in parent.ballots}.intersection(weights))
        lines.insert(1, json.dumps([[name, weights[name]] for name in heard]))
    return hashlib.sha256("\n".join(lines).encode("ascii")).hexdigest()
