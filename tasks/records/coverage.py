"""What the scheduler plans with: open units and cells of the target space, column by column, and the plan that comes out.

Nothing here imports numpy, so that the web process may read the words: `tasks.scheduling.pools` builds these with checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.vocabulary import Kind, PolicyName, PromptLength

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

#: Characters up to which a prompt is short, and up to which it is of middle length.
SHORT_CHARS, MIDDLE_CHARS = 80, 400
#: Vectors of open prompts, and of finished ones, that a plan holds in memory at once: 100,000 of 384 numbers are 150 MB.
MOST_OPEN_VECTORS, MOST_FINISHED_VECTORS = 100_000, 50_000
#: Codes of kinds in a pool.
KIND_CODES: Mapping[Kind, int] = {kind: code for code, kind in enumerate(Kind)}
KINDS_BY_CODE = tuple(Kind)


def length_of(chars: int) -> PromptLength:
    """How long a prompt of so many characters is called."""
    if chars <= SHORT_CHARS:
        return PromptLength.SHORT
    return PromptLength.MIDDLE if chars <= MIDDLE_CHARS else PromptLength.LONG


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a campaign's target space, one entry each.

    share        of the campaign's target, summing to 1
    language     code; the same codes as in the pool
    topic        code; -1 where the prompts have no topic. Cells of one topic, or of one language without, are near each other
    prompts      how many there are
    finished     of them, how many are known as surely as wanted; a part of one counts as a part
    held         judgments under way, as parts of prompts
    judgments    that stand
    groups       judgments of each group of people, one column a group
    is_targeted  whether an organizer set a share that says how much should be here, so that missing prompts count as missing
    """

    share: Floats
    language: Integers
    topic: Integers
    prompts: Integers
    finished: Floats
    held: Floats
    judgments: Integers
    groups: Floats
    is_targeted: Flags

    def __len__(self) -> int:
        return len(self.share)


@dataclass(frozen=True, slots=True)
class Pool:
    """Open units that may be planned, one entry each.

    unit         id
    kind         code, see KIND_CODES
    language     code
    cell         index into the cells; -1 where the prompt has no place yet
    done, held   judgments that stand, and that are under way
    wanted       judgments the unit should have
    uncertainty  of what is known of it, in [0, 1]; 1 while nothing is
    gain         expected rise of the certainty by one more judgment; nan where it is not known
    deficit      share of its target that the organizer's stratum of the unit lacks, in [0, 1]
    reach        what the last plan with vectors said of how much of its surroundings one more here would reach, in [0, 1];
                 nan where it is not known
    waiting      days since it was made, or last judged
    minutes      that one judgment takes
    part         of its prompt that the unit makes: 1 shared among the prompt's units
    tie          in [0, 1), fixed for ever: the order among equals, as it is served
    author       code of who wrote the prompt; -1 nobody known
    point        row of its prompt in the vectors; -1 none
    """

    unit: Integers
    kind: Integers
    language: Integers
    cell: Integers
    done: Integers
    held: Integers
    wanted: Integers
    uncertainty: Floats
    gain: Floats
    deficit: Floats
    reach: Floats
    waiting: Floats
    minutes: Floats
    part: Floats
    tie: Floats
    author: Integers
    point: Integers

    def __len__(self) -> int:
        return len(self.unit)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Embeddings of prompts, of unit length: row `point` of the pool.

    vectors  of the prompts of the pool
    covered  of prompts that are finished already, and the topics those belong to
    """

    vectors: NDArray[np.float32]
    covered: NDArray[np.float32]
    covered_topic: Integers


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """What a plan goes by, beside its policy.

    wait_days   days after which a unit that waits goes before others
    front       units of each queue (kind and language) whose order is decided one by one; behind them it is approximate
    waiting_share, lot_share
                shares of a queue's order that go to those who have waited too long, and to units drawn by lot
    candidates  units of one topic at most whose surroundings are looked at
    references  prompts of one topic at most that stand for all of it
    """

    wait_days: float = 14.0
    front: int = 2000
    waiting_share: float = 0.125
    lot_share: float = 0.02
    candidates: int = 4000
    references: int = 192


@dataclass(frozen=True, slots=True)
class Plan:
    """The band of every unit of a pool, and the terms that it came from: name → one number a unit."""

    policy: PolicyName
    band: NDArray[np.int16]
    terms: Mapping[str, NDArray[np.float32]]
