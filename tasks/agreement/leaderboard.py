"""Leaderboard: the generators of a campaign compared through the candidates they wrote.

1. Ballots become encounters of generators (tasks.agreement.encounters: pair weight 2/m, a
   candidate with several origins stands for each of them by an equal share). The acceptable bar is
   no opponent; it gives `acceptable_share`.
2. Strengths and nu: Davidson's model under N(0, 3²) priors (tasks.agreement.davidson), wide enough
   to matter only where a generator won or lost everything.
3. Generators fall into components, groups linked by comparisons. Nothing can be said across them:
   scores are centred and ranks given within each, and the record says so in words.
4. Intervals. Ballots of one annotator are alike, and so are those on one parent: 200 resamples of
   annotators and 200 of parents give two covariances, the curvature of the likelihood a third (of
   independent ballots). Variances add up as annotators + parents - independent, and never fall
   below the largest of the three (after Cameron, Gelbach and Miller 2011, "Robust inference with
   multiway clustering"). 95 % is score ± 1.96 errors.
5. Ranks: 1 + the number of generators of the component whose interval lies wholly above one's own.
   A rank is shared wherever intervals overlap, and no name ever decides.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tasks.agreement.davidson import DEFAULT_NU, fit_davidson, fit_strengths
from tasks.agreement.dice import throw_dice
from tasks.agreement.encounters import Encounters, list_encounters
from tasks.agreement.normal import Z_95, normal_cdf
from tasks.records.ballots import Ballot
from tasks.records.quality import GeneratorStanding, LeaderboardRecord, ModelStanding

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

METHOD = "davidson_generators"
METHOD_VERSION = "1"
PRIOR_VARIANCE = 3.0**2
RESAMPLES = 200
DIGITS = 6
#: Clusters are added up in one table while it holds no more numbers than this.
LARGEST_TABLE = 1 << 24

NO_COMPARISON = "not enough data: no ballot compares two generators"
ONE_ANNOTATOR = "not enough data for intervals and ranks: all comparisons are one annotator's"


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
    met = list_encounters(ballots, origins)
    size = len(met.generators)
    wins, ties = (table[0] for table in _unfold(*_count_all(met), size))
    component = _find_components(wins + ties)
    together = (component[:, None] == component[None, :]) & (component >= 0)[:, None]
    annotators = len(np.unique(met.annotator[met.ballot]))
    scores, nu, errors = np.zeros(size), DEFAULT_NU, None
    if len(met.ballot):
        fit = fit_davidson(wins, ties, prior_variance=PRIOR_VARIANCE)
        centre = np.eye(size) - together / np.maximum(together.sum(axis=1, keepdims=True), 1)
        scores, nu = np.round(centre @ fit.strengths, DIGITS) + 0.0, fit.nu
        if annotators > 1:
            independent = centre @ fit.covariance[:size, :size] @ centre.T
            errors = _estimate_errors(met, centre, independent, nu=nu, seed=seed, resamples=resamples)
    order = _order_standings(met.generators, component, scores)
    return LeaderboardRecord(
        standings=_list_standings(met, wins, ties, component=component, scores=scores, errors=errors, order=order),
        not_compared=tuple(met.generators[i] for i in np.flatnonzero(component < 0)),
        p_above=_list_p_above(together, scores, errors, order),
        components=int(component.max(initial=-1)) + 1,
        n_ballots=len(np.unique(met.ballot)),
        n_annotators=annotators,
        n_parents=len(np.unique(met.parent[met.ballot])),
        nu=round(nu, DIGITS),
        resamples=resamples,
        seed=seed,
        method=METHOD,
        method_version=METHOD_VERSION,
        reason=_say_what_is_missing(len(met.ballot), annotators, int(component.max(initial=-1)) + 1),
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


def _count_all(met: Encounters) -> tuple[Floats, Integers]:
    """Return (1, C) the summed weights of the C cells in use, and (C,) which they are."""
    cells, column = np.unique(_cells(met), return_inverse=True)
    sums: Floats = np.bincount(column.reshape(-1), met.weight, len(cells)).astype(np.float64)
    return sums[None, :], cells


def _cells(met: Encounters) -> Integers:
    """Return (E,) each encounter's place in the flat tables: wins (M, M), then ties (M, M)."""
    size = len(met.generators)
    return (met.tie * size + met.winner) * size + met.loser


def _unfold(sums: Floats, cells: Integers, size: int) -> tuple[Floats, Floats]:
    """Return wins and ties, each (R, M, M), from sums (R, C) over the cells in use."""
    flat = np.zeros((len(sums), 2 * size * size))
    flat[:, cells] = sums
    wins, ties = flat.reshape(len(sums), 2, size, size).transpose(1, 0, 2, 3)
    return np.ascontiguousarray(wins), ties + ties.transpose(0, 2, 1)


def _find_components(met: Floats) -> Integers:
    """Return (M,) the component of each generator, the largest being 0; -1 where nobody was met."""
    size = len(met)
    reach = ((met + met.T) > 0) | np.eye(size, dtype=bool)
    for _ in range(size.bit_length()):
        reach = (reach.astype(np.float32) @ reach.astype(np.float32)) > 0
    # Equal rows of `reach` are one component; the first member stands for it.
    first = reach.argmax(axis=1) if size else np.zeros(0, dtype=np.int64)
    members = reach.sum(axis=1)
    heads = [i for i in range(size) if first[i] == i and members[i] > 1]
    heads.sort(key=lambda i: -int(members[i]))
    numbers = {head: number for number, head in enumerate(heads)}
    return np.array([numbers.get(int(head), -1) for head in first], dtype=np.int64)


def _estimate_errors(
    met: Encounters,
    centre: Floats,
    independent: Floats,
    *,
    nu: float,
    seed: int,
    resamples: int,
) -> Floats:
    """Return (M, M) standard errors of the differences of scores, on the diagonal of each score."""
    variances = [_variances(independent)]
    for purpose, clusters in enumerate((met.annotator, met.parent)):
        of_encounter = np.unique(clusters[met.ballot], return_inverse=True)[1].reshape(-1)
        if of_encounter.max() > 0:
            dice = throw_dice(seed, purpose)
            drawn = _refit(met, of_encounter, nu=nu, dice=dice, resamples=resamples) @ centre.T
            variances.append(_variances(np.atleast_2d(np.cov(drawn, rowvar=False))))
    total = sum(variances[1:], np.zeros_like(independent)) - (len(variances) - 2) * variances[0]
    errors: Floats = np.sqrt(np.maximum.reduce([*variances, total]))
    return errors


def _variances(covariance: Floats) -> Floats:
    """Return (M, M) the variances of the differences, on the diagonal those of the scores."""
    own = np.diagonal(covariance)
    table: Floats = own[:, None] + own[None, :] - 2 * covariance
    np.fill_diagonal(table, own)
    return table


def _refit(
    met: Encounters,
    cluster: Integers,
    *,
    nu: float,
    dice: np.random.RandomState,
    resamples: int,
) -> Floats:
    """Return (R, M) strengths fitted to clusters drawn with replacement; cluster is (E,)."""
    size, clusters = len(met.generators), int(cluster.max()) + 1
    cells, column = np.unique(_cells(met), return_inverse=True)
    column = column.reshape(-1)
    fits_table = clusters * len(cells) <= LARGEST_TABLE
    table = np.zeros((0, len(cells)))
    if fits_table:
        flat = np.bincount(cluster * len(cells) + column, met.weight, clusters * len(cells))
        table = flat.astype(np.float64).reshape(clusters, len(cells))
    sums = np.zeros((resamples, len(cells)))
    for number in range(resamples):
        times = np.bincount(dice.randint(0, clusters, clusters), minlength=clusters)
        if fits_table:
            sums[number] = times @ table
        else:
            sums[number] = np.bincount(column, met.weight * times[cluster], len(cells))
    wins, ties = _unfold(sums, cells, size)
    fit = fit_strengths(wins, ties, nu=np.full((size, size), nu), prior_variance=PRIOR_VARIANCE)
    return fit.strengths


def _order_standings(generators: Sequence[str], component: Integers, scores: Floats) -> list[int]:
    """Return positions of the compared, by component, then score; names order only the listing."""
    compared = np.flatnonzero(component >= 0).tolist()
    return sorted(compared, key=lambda i: (component[i], -scores[i], generators[i]))


def _list_standings(
    met: Encounters,
    wins: Floats,
    ties: Floats,
    *,
    component: Integers,
    scores: Floats,
    errors: Floats | None,
    order: list[int],
) -> tuple[GeneratorStanding, ...]:
    """Return the standings in `order`."""
    size = len(met.generators)
    comparisons = (wins + wins.T + ties).sum(axis=1)
    points = (wins + ties / 2).sum(axis=1)
    pairs = np.concatenate([met.ballot * size + met.winner, met.ballot * size + met.loser])
    n_ballots = np.bincount(np.unique(pairs) % size, minlength=size)
    half = None if errors is None else Z_95 * np.diagonal(errors)
    low = None if half is None else np.round(scores - half, DIGITS)
    high = None if half is None else np.round(scores + half, DIGITS)
    standings = []
    for i in order:
        rank = None
        if low is not None and high is not None:
            rank = 1 + int(((component == component[i]) & (low > high[i])).sum())
        standings.append(
            GeneratorStanding(
                generator=met.generators[i],
                component=int(component[i]),
                score=float(scores[i]),
                low=None if low is None else float(low[i]),
                high=None if high is None else float(high[i]),
                rank=rank,
                comparisons=round(float(comparisons[i]), DIGITS),
                win_share=round(float(points[i] / comparisons[i]), DIGITS),
                acceptable_share=(
                    round(float(met.acceptable[i] / met.judged[i]), DIGITS) if met.judged[i] > 0 else None
                ),
                n_ballots=int(n_ballots[i]),
            )
        )
    return tuple(standings)


def _list_p_above(
    together: npt.NDArray[np.bool_], scores: Floats, errors: Floats | None, order: list[int]
) -> tuple[tuple[float | None, ...], ...]:
    """Return P(i stronger than j) in `order`, None across components or without errors."""
    if errors is None:
        return tuple((None,) * len(order) for _ in order)
    share = normal_cdf((scores[:, None] - scores[None, :]) / np.where(errors > 0, errors, 1.0))
    return tuple(tuple(round(float(share[i, j]), DIGITS) if together[i, j] else None for j in order) for i in order)


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
