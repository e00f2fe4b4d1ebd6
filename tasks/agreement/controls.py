"""The leaderboard with length, place and style held equal.

Davidson's model with covariates: of two texts i and j, d = t_i - t_j + x b, where x says how they differ:

    place    how much earlier i was shown, 1 when it came first and j last, 0 where the order is not known
    length   the logarithm to base 2 of the ratio of their characters: 1 when i is twice as long
    marks    (a - b) / (a + b) of their headings (items of lists, bold words, pieces of code): 1 when only i has any

Strengths, b and nu are the most probable ones under the leaderboard's priors and N(0, 2²) on b, by Newton's method on
all encounters. Intervals are by the sandwich of cluster sums (annotators + parents - independent, as in
tasks.agreement.leaderboard): with so many numbers per comparison, refitting resamples would cost minutes and say the same.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.davidson import DEFAULT_NU, LOG_NU_VARIANCE
from tasks.agreement.dice import throw_dice
from tasks.agreement.encounters import Encounters, list_encounters
from tasks.agreement.meetings import FARTHEST, add_up, centre, find_components, foresee
from tasks.agreement.normal import Z_95
from tasks.agreement.pairs import LARGEST_STEP, MOST_ROUNDS
from tasks.agreement.places import find_leads
from tasks.agreement.resampling import deal
from tasks.agreement.standings import DIGITS, find_ranks, order_standings
from tasks.records.ballots import Ballot
from tasks.records.leaderboard import Control, ControlEffect, ControlledRecord, ControlledStanding, TextTraits

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

PRIOR_VARIANCE, EFFECT_VARIANCE = 3.0**2, 2.0**2
TOLERANCE = 1e-8
#: A control that fewer comparisons differ in is not fitted.
FEWEST_DIFFERING = 30
#: Beyond this many generators the curvature is not held in memory.
MOST_GENERATORS = 1000

NO_COMPARISON = "not enough data: no ballot compares two generators"
NOTHING_DIFFERS = f"not enough data: in nothing that can be counted do {FEWEST_DIFFERING} comparisons differ"
TOO_MANY = f"not computed for more than {MOST_GENERATORS} generators"
TOO_FEW_DIFFER = f"not enough data: fewer than {FEWEST_DIFFERING} comparisons differ in it"


class Design(NamedTuple):
    """Encounters in an order of their own, so that no sum depends on the order of ballots.

    generators  M
    winner, loser, tie, weight   (E,), see Encounters
    annotator, parent            (E,)
    differs     (E, K) x, as seen from the winner
    """

    generators: int
    winner: Integers
    loser: Integers
    tie: npt.NDArray[np.bool_]
    weight: Floats
    annotator: Integers
    parent: Integers
    differs: Floats


class State(NamedTuple):
    """At (strengths, b, log nu), one vector: what is left of each encounter, and the curvature."""

    surprise: Floats
    tie_surprise: Floats
    curvature: Floats


def control_generators(
    ballots: Sequence[Ballot],
    origins: Mapping[int, Sequence[str]],
    traits: Mapping[int, TextTraits],
    *,
    seed: int,
    order_known: Sequence[bool] | None = None,
) -> ControlledRecord:
    """Return the generators with what sways held equal, and how much each thing sways.

    traits       what can be counted in each candidate; encounters of others are left out
    order_known  of each ballot, whether `shown` is the order in which it was shown; None: of all
    """
    met = list_encounters(ballots, origins)
    if not len(met.ballot):
        return ControlledRecord((), (), 0, NO_COMPARISON)
    if len(met.generators) > MOST_GENERATORS:
        return ControlledRecord((), (), len(met.ballot), TOO_MANY)
    leads = find_leads(ballots, met, order_known=order_known)
    measured, differs = _measure(met, traits, leads)
    design = _arrange(met, measured, differs)
    counts = (design.differs != 0).sum(axis=0).tolist()
    used = [place for place, count in enumerate(counts) if count >= FEWEST_DIFFERING]
    if not used:
        effects = _list_effects(counts, used, None, None)
        return ControlledRecord((), effects, len(design.weight), NOTHING_DIFFERS)
    design = design._replace(differs=np.ascontiguousarray(design.differs[:, used]))
    at, state = _fit(design)
    covariances = _estimate_covariances(design, state, seed=seed)
    size, many = design.generators, len(np.unique(design.annotator)) > 1
    effect_errors = _combine([np.diagonal(each)[size:-1] for each in covariances]) if many else None
    return ControlledRecord(
        _list_standings(met, at[:size], [each[:size, :size] for each in covariances] if many else None),
        _list_effects(counts, used, at[size:-1], effect_errors),
        len(design.weight),
        None,
    )


def _measure(met: Encounters, traits: Mapping[int, TextTraits], leads: Floats) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Return (E,) whether both texts were measured, and (E, 6) how they differ as the winner sees it."""
    known = np.array(sorted(traits), dtype=np.int64)
    if not len(known):
        return np.zeros(len(met.ballot), dtype=bool), np.zeros((len(met.ballot), len(Control)))
    table = np.array([traits[candidate] for candidate in known.tolist()], dtype=np.float64)
    above, below = (np.minimum(np.searchsorted(known, each), len(known) - 1) for each in (met.above, met.below))
    measured = (known[above] == met.above) & (known[below] == met.below)
    one, other = table[above], table[below]
    length = np.log2(np.maximum(one[:, 0], 1.0)) - np.log2(np.maximum(other[:, 0], 1.0))
    marks = (one[:, 1:] - other[:, 1:]) / np.maximum(one[:, 1:] + other[:, 1:], 1.0)
    return measured, np.column_stack([leads, length, marks])


def _arrange(met: Encounters, measured: npt.NDArray[np.bool_], differs: Floats) -> Design:
    """Return the measured encounters, sorted by all that tells them apart."""
    annotator, parent = met.annotator[met.ballot], met.parent[met.ballot]
    keys = (differs[:, 0], met.tie, met.loser, met.winner, met.below, met.above, parent, annotator)
    order = np.lexsort(keys)
    order = order[measured[order]]
    return Design(
        generators=len(met.generators),
        winner=met.winner[order],
        loser=met.loser[order],
        tie=met.tie[order],
        weight=met.weight[order],
        annotator=annotator[order],
        parent=parent[order],
        differs=differs[order],
    )


def _fit(design: Design) -> tuple[Floats, State]:
    """Return the most probable (M + K + 1,) strengths, b and log nu, and the state there."""
    size = design.generators
    precision = np.full(size + design.differs.shape[1] + 1, 1 / PRIOR_VARIANCE)
    precision[size:-1], precision[-1] = 1 / EFFECT_VARIANCE, 1 / LOG_NU_VARIANCE
    home = np.zeros(len(precision))
    home[-1] = math.log(DEFAULT_NU)
    at = home.copy()
    value = _log_posterior(design, at, home, precision)
    for _ in range(MOST_ROUNDS):
        state = _look(design, at, precision)
        gradient = _collect(design, state, np.zeros(len(design.weight), dtype=np.int64), 1)[0] - precision * (at - home)
        step = np.linalg.solve(state.curvature, gradient)
        reach = float(np.abs(step).max())
        if reach <= TOLERANCE:
            return at, state
        step *= LARGEST_STEP / max(reach, LARGEST_STEP)
        moved = _log_posterior(design, at + step, home, precision)
        while moved < value - 1e-9 * (1 + abs(value)):
            step /= 2
            moved = _log_posterior(design, at + step, home, precision)
        at, value = at + step, moved
    raise ArithmeticError("The controlled scores do not converge; check that every weight and length is finite.")


def _differences(design: Design, at: Floats) -> Floats:
    """Return (E,) by how much the winner was ahead, all things taken together."""
    size = design.generators
    ahead: Floats = at[design.winner] - at[design.loser] + design.differs @ at[size:-1]
    return ahead


def _look(design: Design, at: Floats, precision: Floats) -> State:
    """Return the state at these values."""
    size, x, weight = design.generators, design.differs, design.weight
    seen = foresee(_differences(design, at), math.exp(at[-1]))
    variance = weight * seen.variance
    mixed = weight * seen.tie * (0.5 - seen.expected)
    curvature = np.zeros((len(at), len(at)))
    between = np.bincount(design.winner * size + design.loser, variance, size * size).reshape(size, size)
    between = between + between.T
    curvature[:size, :size] = np.diag(between.sum(axis=1)) - between
    for place, column in enumerate([*(variance[:, None] * x).T, mixed], start=size):
        by_strength = np.bincount(design.winner, column, size) - np.bincount(design.loser, column, size)
        curvature[:size, place] = curvature[place, :size] = by_strength
    curvature[size:-1, size:-1] = (variance[:, None] * x).T @ x
    curvature[size:-1, -1] = curvature[-1, size:-1] = mixed @ x
    curvature[-1, -1] = (weight * seen.tie * (1 - seen.tie)).sum()
    curvature[np.diag_indices(len(at))] += precision
    surprise = weight * (np.where(design.tie, 0.5, 1.0) - seen.expected)
    return State(surprise, weight * (design.tie - seen.tie), curvature)


def _collect(design: Design, state: State, group: Integers, groups: int) -> Floats:
    """Return (G, M + K + 1) the gradient of each group's encounters, without the priors."""
    size = design.generators
    strengths = np.bincount(group * size + design.winner, state.surprise, groups * size).astype(np.float64)
    strengths -= np.bincount(group * size + design.loser, state.surprise, groups * size)
    more = [*(state.surprise[:, None] * design.differs).T, state.tie_surprise]
    others = [np.bincount(group, column, groups) for column in more]
    return np.column_stack([strengths.reshape(groups, size), *others])


def _estimate_covariances(design: Design, state: State, *, seed: int) -> list[Floats]:
    """Return the covariances of independent ballots, by annotators, and by parents."""
    inverse: Floats = np.asarray(np.linalg.inv(state.curvature), dtype=np.float64)
    found = [inverse]
    for purpose, clusters in enumerate((design.annotator, design.parent)):
        group = deal(np.unique(clusters, return_inverse=True)[1].reshape(-1), throw_dice(seed, 2 + purpose))
        groups = int(group.max()) + 1
        if groups > 1:
            scores = _collect(design, state, group, groups)
            scores -= scores.mean(axis=0)
            found.append(inverse @ (scores.T @ scores * groups / (groups - 1)) @ inverse)
    return found


def _combine(variances: Sequence[Floats]) -> Floats:
    """Return standard errors as the leaderboard has them."""
    alone, clustered = variances[0], variances[1:]
    total = sum(clustered, np.zeros_like(alone)) - (len(clustered) - 1) * alone
    errors: Floats = np.sqrt(np.maximum.reduce([*variances, total]))
    return errors


def _list_standings(
    met: Encounters, strengths: Floats, covariances: Sequence[Floats] | None
) -> tuple[ControlledStanding, ...]:
    """Return the standings of all that were compared; components are those of the plain leaderboard."""
    component = find_components(add_up(met))
    scores = np.round(centre(strengths, component), DIGITS) + 0.0
    if covariances is not None:
        variances = [np.diagonal(centre(centre(each, component).T, component)) for each in covariances]
        half = Z_95 * _combine(variances)
        low, high = np.round(scores - half, DIGITS), np.round(scores + half, DIGITS)
        best, worst = find_ranks(component, low, high)
    return tuple(
        ControlledStanding(
            generator=met.generators[i],
            component=int(component[i]),
            score=float(scores[i]),
            low=None if covariances is None else float(low[i]),
            high=None if covariances is None else float(high[i]),
            rank=None if covariances is None else int(best[i]),
            worst_rank=None if covariances is None else int(worst[i]),
        )
        for i in order_standings(met.generators, component, scores)
    )


def _list_effects(
    counts: Sequence[int], used: Sequence[int], effects: Floats | None, errors: Floats | None
) -> tuple[ControlEffect, ...]:
    """Return what is known of each control, in the order of the vocabulary."""
    found = []
    for place, control in enumerate(Control):
        if place not in used or effects is None:
            found.append(ControlEffect(control, None, None, None, counts[place], TOO_FEW_DIFFER))
            continue
        at = used.index(place)
        value, half = float(effects[at]), None if errors is None else Z_95 * float(errors[at])
        low, high = (None, None) if half is None else (round(value - half, DIGITS), round(value + half, DIGITS))
        found.append(ControlEffect(control, round(value, DIGITS) + 0.0, low, high, counts[place]))
    return tuple(found)


def _log_posterior(design: Design, at: Floats, home: Floats, precision: Floats) -> float:
    """Return the log posterior less terms that depend on nothing."""
    ahead = _differences(design, at)
    far = np.minimum(np.abs(ahead), FARTHEST)
    log_total = far / 2 + np.log(1.0 + np.exp(-far) + math.exp(at[-1]) * np.exp(-far / 2))
    value = float((design.weight * (np.where(design.tie, at[-1], ahead / 2) - log_total)).sum())
    away = at - home
    return value - float((precision * away * away).sum()) / 2
