"""What was known of orders after each ranking, and what other rules of when to stop would have made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from tasks.vocabulary import StopReason


@dataclass(frozen=True, slots=True)
class Step:
    """What was known of one parent after some of its rankings.

    confidence, p_best, gain  as a consensus of those rankings has them (see tasks.records.quality)
    tau                       Kendall's tau of that consensus with the one of all rankings, in [-1, 1]: pairs in the same
                              order (or tied in both) less pairs in the other one, over all pairs
    best_kept                 whether the first was the first of all rankings too; a share where several are first
    """

    confidence: float
    p_best: float
    gain: float
    tau: float
    best_kept: float


@dataclass(frozen=True, slots=True)
class Trace:
    """The rankings of one parent in the order in which they came: steps[n - 1] is after n of them.

    ahead[m - 1]  what the confidence can be expected to be with m more rankings than there are
    """

    parent: int
    steps: tuple[Step, ...]
    ahead: tuple[float, ...] = ()

    def as_row(self) -> list[Any]:
        """Return parent and steps as lists that `json.dumps` takes: a list for each figure of a step."""
        return [self.parent, *([getattr(step, field.name) for step in self.steps] for field in fields(Step))]

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> "Trace":
        """Return the trace that `as_row` made this of."""
        parent, *columns = row
        return cls(parent, tuple(Step(*figures) for figures in zip(*columns, strict=True)))


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """What a rule would have asked for, of rankings that were given.

    parents      how many were looked at
    given        rankings that they have
    asked        of these, the ones that the rule would have asked for
    stopped      parents that the rule would have stopped before their last ranking
    ran_out      parents at whose last ranking the rule would have asked for more: what it would have made of more is not known
    tau          mean over all parents of the tau between the consensus at the stop and that of all rankings; None of none
    tau_stopped  the same over `stopped` alone; None of none
    best_kept    share of parents whose first would have been the same; None of none
    confidence   mean confidence at the stop; None of none
    reasons      parents by what stopped them
    per_parent   parents by how many rankings they would have had
    """

    parents: int
    given: int
    asked: int
    stopped: int
    ran_out: int
    tau: float | None
    tau_stopped: float | None
    best_kept: float | None
    confidence: float | None
    reasons: Mapping[StopReason, int]
    per_parent: Mapping[int, int]

    @property
    def saved(self) -> float | None:
        """Share of the rankings given that would not have been asked for; None where there are none."""
        return round(1 - self.asked / self.given, 6) if self.given else None
