"""What is told of a unit: why this work, and where its stratum stands. Bands themselves come from `tasks.scheduling.plan`.

The reason is made of the kind of work, of whether a first judgment stands, and of the stratum. It
never depends on the uncertainty or on the number of judgments wanted, which follows from it: "asked
again because opinions differ" would tell an annotator what others thought.
"""

from collections.abc import Mapping

from tasks.records.scheduling import StratumState
from tasks.vocabulary import WRITING_KINDS, Kind, ReasonCode

#: A stratum that lacks this share of its target is called thin.
THIN_DEFICIT = 0.5


def measure_deficit(stratum: StratumState) -> float:
    """Return the share of its target that a stratum lacks, in [0, 1], work under way counted as done; 0 without a target."""
    if not stratum.target:
        return 0.0
    missing = (stratum.target - stratum.done - stratum.held) / stratum.target
    return min(max(missing, 0.0), 1.0)


def give_reason(*, kind: Kind, done: int, stratum: StratumState | None) -> tuple[ReasonCode, Mapping[str, str]]:
    """Return why this work, for annotators: nothing here may depend on what others thought.

    The reason of a thin stratum says which, and how far it is: counts of a stratum, never of a unit.
    """
    if kind in WRITING_KINDS:
        return ReasonCode.REPLY_WANTED, {}
    if stratum is not None and measure_deficit(stratum) >= THIN_DEFICIT:
        where = {"where": stratum.label or "", "done": str(stratum.done), "target": str(stratum.target)}
        return ReasonCode.STRATUM_THIN, where
    return (ReasonCode.FIRST_JUDGMENT if done == 0 else ReasonCode.MORE_VOICES), {}
