"""As Open Assistant chose: a lottery over authors, then the kind of work by fixed weights, then at random within it.

There, somebody who asked for work got a kind drawn with these weights among those that had any, and a unit of it uniformly;
which prompts had units at all was drawn before, an author first and then one of their prompts. As an order of units that
is a race: unit i finishes at Exponential(1) / w_i with

    w_i = weight of its kind / authors of its kind and language / units of its author there

so that whoever is next is, at each moment, drawn with just those chances. The exponential is made of the unit's tie, so
that the order stays. What is left out: the prize of authors whose replies were ranked first, and the bound of ten trees
at once in a language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.records.coverage import KINDS_BY_CODE
from tasks.vocabulary import ORDERING_KINDS, Kind

if TYPE_CHECKING:
    from tasks.records.coverage import Cells, Floats, Integers, PlanSettings, Pool, Surroundings

RANKING_WEIGHT, LABEL_WEIGHT, REPLY_WEIGHT, PROMPT_WEIGHT = 10.0, 5.0, 2.0, 0.01
#: What turns a tie into a number that has nothing to do with it.
_DRAW = 6841.713
#: The order is told in so many equal parts.
PARTS = 48


def score_open_assistant(
    pool: Pool,
    cells: Cells,
    *,
    settings: PlanSettings,
    rng: np.random.Generator,
    surroundings: Surroundings | None = None,
) -> tuple[Floats, dict[str, Floats]]:
    """A value that falls with the place in the race, the first units told apart best."""
    if not len(pool):
        return np.zeros(0), {}
    weight = np.array([weigh_kind(kind) for kind in KINDS_BY_CODE])[pool.kind]
    queue = pool.kind * (int(pool.language.max()) + 1) + pool.language
    # Whoever wrote a prompt that came without an author counts as somebody who wrote that one alone.
    author = np.where(pool.author >= 0, pool.author, int(pool.author.max()) + 1 + np.arange(len(pool)))
    alone = queue * (int(author.max()) + 1) + author
    groups, of_group, units = np.unique(alone, return_inverse=True, return_counts=True)
    queues, of_queue = np.unique(queue, return_inverse=True)
    authors = np.bincount(of_queue[_first_of(of_group, len(groups))], minlength=len(queues))
    chance = weight / authors[of_queue] / units[of_group]
    drawn = np.clip(np.modf(pool.tie * _DRAW)[0], 1e-12, 1 - 1e-12)
    finish = -np.log1p(-drawn) / chance
    place = np.empty(len(pool))
    place[np.argsort(finish, kind="stable")] = np.arange(len(pool))
    octaves = 8.0 * np.log2(place + 1.0) / max(np.log2(len(pool) + 1.0), 1.0)
    return 2.0 ** (3.0 - octaves), {"weight": chance}


def weigh_kind(kind: Kind) -> float:
    """How likely this kind of work was, of those that there is some of."""
    if kind in ORDERING_KINDS:
        return RANKING_WEIGHT
    if kind in (Kind.WRITE_ASSISTANT_REPLY, Kind.WRITE_PROMPTER_REPLY):
        return REPLY_WEIGHT
    return PROMPT_WEIGHT if kind is Kind.WRITE_PROMPT else LABEL_WEIGHT


def _first_of(of_group: Integers, groups: int) -> Integers:
    """The index of one unit of each group."""
    first = np.empty(groups, dtype=np.int64)
    first[of_group] = np.arange(len(of_group))
    return first
