"""Consensus per parent: tier ballots combined into a ranking with uncertainty.

The method, `davidson_bar`:
1. Ballots become paired comparisons of weight 2/m (tasks.agreement.tally), the acceptable bar being
   one more item.
2. Strengths are the most probable ones under Davidson's model of ties with independent
   N(0, 1.5²) priors; their covariance is Laplace's (tasks.agreement.pairs). The tie parameter
   nu holds between candidates; against the bar it is 0, since nothing can tie with the bar. The
   comparisons of an annotator of sharpness s are read as drawn at s times the differences in
   strength: who is known to be careless counts little, who is known to be careful counts more.
3. P(i above j) and P(i acceptable) follow from the normal posterior; P(best) from 512 seeded draws.
4. Tiers. Going down the scores, the next candidate joins the tier above it unless some member of
   that tier is above it with probability `TIE_BELOW` (2/3: odds of two to one) or more. So no two
   members of a tier can be told apart at these odds, every two neighbouring tiers hold a pair that
   can, and no tier contradicts a score. Candidates of equal score always share a tier: an id
   breaks no tie.
5. The bar. A tier is acceptable when the mean score of its members is above the bar's.

Beside it stand what counting gives: ranked pairs (tasks.agreement.ranked_pairs), Borda's shares and the
margins of pairs (tasks.agreement.borda). There every ballot counts once, whatever its annotator's
sharpness, unless it is 0.

Nothing here depends on which other parents are in the call. nu is an input for that reason: by
default `DEFAULT_NU`; `fit_nu` estimates one for a campaign, which the caller keeps and passes to
every call, so that marked parents can be recomputed alone. Whatever the result depends on is in
`input_hash`: the same hash means the same result, bit for bit.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from tasks.agreement.block_consensus import METHOD, METHOD_VERSION, Settings, combine_block, fit_parents
from tasks.agreement.davidson import DEFAULT_NU, outcome_probabilities
from tasks.agreement.pairs import list_pairs
from tasks.agreement.tally import count_blocks
from tasks.records.ballots import Ballot
from tasks.records.quality import ConsensusRecord

__all__ = ["METHOD", "METHOD_VERSION", "check_nu", "collector_paused", "combine_rankings", "fit_nu"]

#: fit_nu stays within these: with no ties, or nothing else, there is no finite estimate.
SMALLEST_NU, LARGEST_NU = 0.01, 20.0


def combine_rankings(
    ballots: Sequence[Ballot],
    *,
    seed: int,
    nu: float = DEFAULT_NU,
    weights: Mapping[str, float] | None = None,
    sharpness: Mapping[str, float] | None = None,
    with_gain: bool = False,
) -> list[ConsensusRecord]:
    """Return the consensus of every parent on which a candidate was placed, by parent id.

    seed       of the draws behind `p_best`; nothing else is random
    nu         tie parameter, >= 0 (see `fit_nu`); one value for a campaign
    weights    factor > 0 of each annotator's ballots, 1 where missing
    sharpness  of each annotator, >= 0, 1 where missing. Who has 0 says nothing: their ballots are
               left out, as if they had never been given.
    with_gain  also compute the column `gain`

    Raises ValueError when nu, a weight or a sharpness is out of range.
    """
    check_nu(nu)
    weights = {} if weights is None else weights
    sharpness = {} if sharpness is None else sharpness
    if not all(0 < weight < float("inf") for weight in weights.values()):
        raise ValueError("Every annotator's weight must be finite and above 0.")
    if not all(0 <= value < float("inf") for value in sharpness.values()):
        raise ValueError("Every annotator's sharpness must be finite and at least 0.")
    settings = Settings(seed, nu, weights, sharpness, with_gain)
    with collector_paused():
        records = [
            record
            for block in count_blocks(ballots, weights=weights, sharpness=sharpness)
            for record in combine_block(block, settings)
        ]
    return sorted(records, key=lambda record: record.parent)


def check_nu(nu: float) -> None:
    """Raise ValueError unless nu is finite and at least 0."""
    if not 0 <= nu < float("inf"):
        raise ValueError(f"nu must be a finite number of at least 0, not {nu}.")


@contextmanager
def collector_paused() -> Iterator[None]:
    """Within this block no garbage is looked for: millions of small records are made, none of which point in a circle.

    Otherwise all that is there already is walked through again and again, for a third of the time. What was made
    lives on: it is taken for old at once, as freezing and unfreezing does, unless somebody keeps things frozen.
    """
    was_running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_running:
            if gc.get_freeze_count() == 0:
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def fit_nu(ballots: Sequence[Ballot], *, weights: Mapping[str, float] | None = None) -> float:
    """Return the tie parameter of a campaign, rounded to 4 digits, within [0.01, 20].

    Davidson's fixed point nu ← nu · (ties seen) / (ties expected), strengths fitted anew each time.
    `DEFAULT_NU` when no two candidates were ever compared.
    """
    blocks = list(count_blocks(ballots, weights={} if weights is None else weights, sharpness={}))
    # Without the bar: a verdict on acceptability says nothing about ties.
    sizes = [block.placements.shape[1] for block in blocks]
    own_pairs = [list_pairs(size + 1)[1] < size for size in sizes]
    met = [block.comparisons.met[own] for block, own in zip(blocks, own_pairs, strict=True)]
    if sum(float(each.sum()) for each in met) == 0:
        return DEFAULT_NU
    seen = sum(float(block.ties.sum()) for block in blocks)
    starts = [np.zeros((len(block.parents), size + 1)) for block, size in zip(blocks, sizes, strict=True)]
    nu = DEFAULT_NU
    for _ in range(100):
        expected = 0.0
        for at, (block, size) in enumerate(zip(blocks, sizes, strict=True)):
            starts[at] = fit_parents(block.comparisons, candidates=size, nu=nu, start=starts[at]).strengths
            first, second = list_pairs(size)
            _, p_tie = outcome_probabilities(starts[at][:, :-1], np.array([[nu]]))
            expected += float((met[at] * p_tie[:, first, second].T).sum())
        before, nu = nu, min(max(nu * seen / expected, SMALLEST_NU), LARGEST_NU)
        if abs(nu - before) < 1e-5 * before:
            break
    return round(nu, 4)
