"""What the scheduler reads of units and strata, and what it says of each."""

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.vocabulary import Kind, ReasonCode

#: Minutes that a piece of work of each kind is taken to need before enough people say so.
GUESSED_MINUTES: Mapping[Kind, float] = {
    Kind.RANK: 2.0,
    Kind.COMPARE: 1.0,
    Kind.LABEL: 0.75,
    Kind.WRITE_ASSISTANT_REPLY: 6.0,
    Kind.WRITE_PROMPTER_REPLY: 2.0,
    Kind.WRITE_PROMPT: 3.0,
    Kind.WRITE_PAIR: 8.0,
    Kind.IMPROVE_REPLY: 5.0,
}


@dataclass(frozen=True, slots=True)
class UnitState:
    """One open unit as it stands.

    needed       judgments it asks for now (in the row; never below done + held)
    wanted       judgments that the last scheduling wanted
    band         its band now, None when it was never scored
    uncertainty  of the consensus on its subject, in [0, 1]; None while there is none
    p_best       P(the first of that consensus is the strongest); None while it is not known, or nothing asks for it
    gain         expected rise of its confidence by one more judgment; None likewise
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
    p_best: float | None = None
    gain: float | None = None


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
    stop_confidence  confidence (1 - uncertainty) at which a unit stops asking, in (0, 1]
    stop_best        probability at which it stops that the first of its order is the best, in (0, 1]
    least_gain       expected rise of the confidence by one more judgment below which it stops, in (0, 1)

    A rule that is None stops nothing. Without any, every unit gets `base`, whatever is known.
    """

    base: int
    minimum: int
    maximum: int
    stop_confidence: float | None = None
    stop_best: float | None = None
    least_gain: float | None = None

    @property
    def is_adaptive(self) -> bool:
        """Whether what is known of a unit decides how many judgments it gets."""
        return not (self.stop_confidence is None and self.stop_best is None and self.least_gain is None)

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.base <= self.maximum:
            raise ValueError(
                f"Redundancy needs 1 <= minimum <= base <= maximum, not {self.minimum}, {self.base}, {self.maximum}."
            )
        for name, probability in (("stop_confidence", self.stop_confidence), ("stop_best", self.stop_best)):
            if probability is not None and not 0 < probability <= 1:
                raise ValueError(f"{name} is a probability above 0 and at most 1, or None.")
        if self.least_gain is not None and not 0 < self.least_gain < 1:
            raise ValueError("least_gain is a number above 0 and below 1, or None.")


@dataclass(frozen=True, slots=True)
class Band:
    """What the scheduler says of one unit.

    band         0 to 1000, higher is wanted more; None leaves it as it is
    wanted       judgments the unit should have
    reason_code  and reason_args: why this work, in terms that tell nothing about the opinions
                 of others (they never depend on `uncertainty`)
    terms        how the band came about, for organizers: name → number; None leaves them, and when it was scored
    policy       what scored it
    """

    unit: int
    band: int | None
    wanted: int
    reason_code: ReasonCode
    reason_args: Mapping[str, str]
    terms: Mapping[str, float] | None = None
    policy: str = ""
