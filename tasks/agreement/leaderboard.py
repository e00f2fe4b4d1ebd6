"""Leaderboard: the generators of a campaign compared through the candidates they wrote.

1. Ballots become encounters of generators (tasks.agreement.encounters: pair weight 2/m, a
   candidate with several origins stands for each of them by an equal share). The acceptable bar is
   no opponent; it gives `acceptable_share`.
2. Strengths and nu: Davidson's model under N(0, 3²) priors (tasks.agreement.davidson, of more than
   `FEW` generators many_davidson), wide enough to matter only where a generator won or lost everything.
3. Generators fall into components, groups linked by comparisons. Nothing can be said across them:
   scores are centred and ranks given within each, and the record says so in words.
4. Intervals. Ballots of one annotator are alike, and so are those on one parent: 200 resamples of
   annotators and 200 of parents give two covariances, the curvature of the likelihood a third (of
   independent ballots). Variances add up as annotators + parents - independent, and never fall
   below the largest of the three (after Cameron, Gelbach and Miller 2011, "Robust inference with
   multiway clustering"). 95 % is score ± 1.96 errors.
5. Ranks are intervals too (tasks.agreement.standings): shared wherever intervals overlap, and no
   name ever decides.

A table of all pairs is kept for the first `MOST_PAIRED` alone: of ten thousand generators it would
hold a hundred million numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.davidson import DEFAULT_NU, fit_davidson
from tasks.agreement.dice import throw_dice
from tasks.agreement.encounters import Encounters, list_encounters
from tasks.agreement.many_davidson import fit_many
from tasks.agreement.meetings import Meetings, add_up, centre, find_components, foresee, sum_over_both, unfold
from tasks.agreement.normal import normal_cdf
from tasks.agreement.resampling import FEW, Fit, draw_strengths
from tasks.agreement.standings import DIGITS, list_standings, order_standings
from tasks.records.ballots import Ballot
from tasks.records.quality import LeaderboardRecord, ModelStanding

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

METHOD = "davidson_generators"
METHOD_VERSION = "2"
PRIOR_VARIANCE = 3.0**2
RESAMPLES = 200
#: How many of the listed are compared pair by pair.
MOST_PAIRED = 100

NO_COMPARISON = "not enough data: no ballot compares two generators"
ONE_ANNOTATOR = "not enough data for intervals and ranks: all comparisons are one annotator's"


class Spread(NamedTuple):
    """How uncertain the scores are by one source: variances (M,), and the covariance (k, k) of the first listed."""

    variance: Floats
    covariance: Floats


def compare_generators(
    ballots: Iterable[Ballot],
    origins: Mapping[int, Sequence[str]],
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> LeaderboardRecord:
    """Return the leaderboard of all generators named in `origins`.

    origins  the names of the generators behind each candidate (its id)
    """
    return compare_encounters(list_encounters(ballots, origins), seed=seed, resamples=resamples)


def compare_encounters(met: Encounters, *, seed: int, resamples: int = RESAMPLES) -> LeaderboardRecord:
    """Return the leaderboard of generators by their encounters."""
    pairs = add_up(met)
    component = find_components(pairs)
    counts = [int((np.bincount(each) > 0).sum()) for each in (met.ballot, *_clusters(met))]
    fit, independent = Fit(np.zeros(pairs.size), DEFAULT_NU, 1.0 / PRIOR_VARIANCE), np.zeros((0, 0))
    if len(met.ballot):
        fit, independent = _fit(pairs)
    scores = np.round(centre(fit.strengths, component), DIGITS) + 0.0
    order = order_standings(met.generators, component, scores)
    first = np.array(order[:MOST_PAIRED], dtype=np.int64)
    errors, paired = None, None
    if counts[1] > 1:
        spreads = [_spread_alone(independent, component, first)]
        for purpose, clusters in enumerate((met.annotator, met.parent)):
            if counts[1 + purpose] > 1:
                dice = throw_dice(seed, purpose)
                drawn = draw_strengths(met, pairs, clusters, fit=fit, dice=dice, resamples=resamples)
                spreads.append(_spread_drawn(centre(drawn, component), first))
        errors = _combine([spread.variance for spread in spreads])
        paired = _combine([_differences(spread.covariance) for spread in spreads])
    return LeaderboardRecord(
        standings=list_standings(met, pairs, component=component, scores=scores, errors=errors, order=order),
        not_compared=tuple(met.generators[i] for i in np.flatnonzero(component < 0)),
        p_above=_list_p_above(scores[first], component[first], paired),
        components=int(component.max(initial=-1)) + 1,
        n_ballots=counts[0],
        n_annotators=counts[1],
        n_parents=counts[2],
        nu=round(fit.nu, DIGITS),
        resamples=resamples,
        seed=seed,
        method=METHOD,
        method_version=METHOD_VERSION,
        reason=_say_what_is_missing(len(met.ballot), counts[1], int(component.max(initial=-1)) + 1),
    )


def pool_models(
    ballots: Sequence[Ballot],
    origins: Mapping[int, Sequence[str]],
    models: Mapping[str, Sequence[str]],
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> tuple[ModelStanding, ...]:
    """Return how each model stands when the generators that are that one under different names count as one.

    models  the names of the generators by the key of their model, two or more; keys are no names of generators
    """
    if not models:
        return ()
    key_of = {name: key for key, names in models.items() for name in names}
    pooled = {candidate: [key_of.get(name, name) for name in names] for candidate, names in origins.items()}
    board = compare_generators(ballots, pooled, seed=seed, resamples=resamples)
    standings = {standing.generator: standing for standing in board.standings}
    return tuple(ModelStanding(key, tuple(names), standings.get(key)) for key, names in sorted(models.items()))


def _clusters(met: Encounters) -> tuple[Integers, Integers]:
    """Return (E,) whose each encounter is, and (E,) on which parent."""
    return met.annotator[met.ballot], met.parent[met.ballot]


def _fit(pairs: Meetings) -> tuple[Fit, Floats]:
    """Return the fit, and the covariance of strengths whose ballots are independent.

    Of many generators its diagonal alone (M, 1), without what they share: a little too small.
    """
    if pairs.size <= FEW:
        found = fit_davidson(*unfold(pairs), prior_variance=PRIOR_VARIANCE)
        covariance = found.covariance[: pairs.size, : pairs.size]
        return Fit(found.strengths, found.nu, 1.0 / PRIOR_VARIANCE), covariance
    strengths, nu = fit_many(pairs, prior_variance=PRIOR_VARIANCE)
    seen = foresee(strengths[pairs.left] - strengths[pairs.right], nu)
    curvature = sum_over_both(pairs, pairs.met * seen.variance) + 1.0 / PRIOR_VARIANCE
    return Fit(strengths, nu, 1.0 / PRIOR_VARIANCE), 1.0 / curvature[:, None]


def _spread_alone(independent: Floats, component: Integers, first: Integers) -> Spread:
    """Return the spread of independent ballots."""
    if independent.shape[1] == 1:
        return Spread(independent[:, 0], np.diag(independent[first, 0]))
    covariance = centre(centre(independent, component).T, component)
    return Spread(np.diagonal(covariance).copy(), covariance[np.ix_(first, first)])


def _spread_drawn(drawn: Floats, first: Integers) -> Spread:
    """Return the spread of drawn scores (R, M)."""
    return Spread(drawn.var(axis=0, ddof=1), np.cov(drawn[:, first], rowvar=False))


def _differences(covariance: Floats) -> Floats:
    """Return (k, k) the variances of the differences of scores."""
    own = np.diagonal(covariance)
    table: Floats = own[:, None] + own[None, :] - 2 * covariance
    return table


def _combine(variances: list[Floats]) -> Floats:
    """Return standard errors from the variances of independent ballots, by annotators and by parents."""
    alone, clustered = variances[0], variances[1:]
    total = sum(clustered, np.zeros_like(alone)) - (len(clustered) - 1) * alone
    errors: Floats = np.sqrt(np.maximum.reduce([*variances, total]))
    return errors


def _list_p_above(scores: Floats, component: Integers, errors: Floats | None) -> tuple[tuple[float | None, ...], ...]:
    """Return P(i stronger than j) of the first listed, None across components or without errors."""
    if errors is None:
        return tuple((None,) * len(scores) for _ in scores)
    share = np.round(normal_cdf((scores[:, None] - scores[None, :]) / np.where(errors > 0, errors, 1.0)), DIGITS)
    together = component[:, None] == component[None, :]
    return tuple(
        tuple(p if known else None for p, known in zip(row, knows, strict=True))
        for row, knows in zip(share.tolist(), together.tolist(), strict=True)
    )


def _say_what_is_missing(encounters: int, annotators: int, components: int) -> str | None:
    """Return a sentence on what the figures cannot say, or None."""
    if not encounters:
        return NO_COMPARISON
    missing = [ONE_ANNOTATOR] if annotators < 2 else []
    if components > 1:
        missing.append(
            f"the comparisons fall into {components} groups that never met: scores and ranks hold "
            "within a group, and nothing is known across them"
        )
    return "; ".join(missing) or None
