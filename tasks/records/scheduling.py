"""What the scheduler reads of units and strata, and what it says of each."""

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.vocabulary import Kind, ReasonCode


@dataclass(frozen=True, slots=True)
class UnitState:
    """One open unit as it stands.

    needed       judgments it asks for now (in the row; never below done + held)
    wanted       judgments that the last scheduling wanted
    band         its band now, None when it was never scored
    uncertainty  of the consensus on its subject, in [0, 1]; None while there is none
    """

    unit: int
    kind: Kind
    stratum: str
    done: int
    held: int
    needed: int
    wanted: int
    band: int | None = None
    uncertainty: float | None = None


@dataclass(frozen=True, slots=True)
class StratumState:
    """One cell of the campaign's target space, e.g. a language and topic.

    target  judgments the campaign wants there, None when no target was set
    done    judgments that stand there
    held    judgments under way there
    label   how the stratum is named to annotators; None leaves it unnamed
    """

    stratum: str
    target: int | None
    done: int
    held: int = 0
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Redundancy:
    """How many judgments a unit of this campaign and kind gets.

    base             what every unit asks for at first
    minimum, maximum bounds of what uncertainty may lower and raise it to
    stop_confidence  confidence (1 - uncertainty) at which a unit stops asking, in (0, 1];
                     None: every unit gets `base`, whatever is known
    """

    base: int
    minimum: int
    maximum: int
    stop_confidence: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.base <= self.maximum:
            raise ValueError(
                f"Redundancy needs 1 <= minimum <= base <= maximum, not {self.minimum}, {self.base}, {self.maximum}."
            )
        if self.stop_confidence is not None and not 0 < self.stop_confidence <= 1:
            raise ValueError("stop_confidence is a probability above 0 and at most 1, or None.")


@dataclass(frozen=True, slots=True)
class Band:
    """What the scheduler says of one unit.

    band         0 to 1000, higher is wanted more
    wanted       judgments the unit should have
    reason_code  and reason_args: why this work, in terms that tell nothing about the opinions
                 of others (they never depend on `uncertainty`)
    terms        how the band came about, for organizers: name → number
    """

    unit: int
    band: int
    wanted: int
    reason_code: ReasonCode
    reason_args: Mapping[str, str]
    terms: Mapping[str, float | None]
