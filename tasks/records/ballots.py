"""What annotators said, as the worker side reads it: ranking ballots and label votes."""

from dataclasses import dataclass

from tasks.vocabulary import Answer


@dataclass(frozen=True, slots=True)
class Ballot:
    """One annotator's ranking of candidates under one parent.

    annotator         whose ballot it is: an opaque key, equal for all ballots of one person
    parent            the message whose replies were ranked
    tiers             candidates best first; those in one tier are tied
    acceptable_tiers  how many leading tiers are acceptable: 0 = all are bad, None = no bar was given
    shown             every candidate that was shown, in the order in which it was shown
    rest_worse        the last tier is "the rest": worse than the tiers before it, and nothing is
                      said about the order inside it (no ties are counted there)

    A ballot may be partial: a candidate that was shown but stands in no tier was not judged.
    Raises ValueError when a candidate stands twice, was not shown, or a tier is empty.
    """

    annotator: str
    parent: int
    tiers: tuple[tuple[int, ...], ...]
    acceptable_tiers: int | None
    shown: tuple[int, ...]
    rest_worse: bool = False

    def __post_init__(self) -> None:
        placed = [candidate for tier in self.tiers for candidate in tier]
        shown = set(self.shown)
        if not all(self.tiers):
            raise ValueError("A tier of this ballot is empty; leave empty tiers out.")
        if len(set(placed)) != len(placed):
            raise ValueError("A candidate stands twice in this ballot; place each at most once.")
        if len(shown) != len(self.shown):
            raise ValueError("A candidate was shown twice in this ballot; show each at most once.")
        if not shown.issuperset(placed):
            raise ValueError("This ballot places a candidate that was not shown.")
        if self.acceptable_tiers is not None and not 0 <= self.acceptable_tiers <= len(self.tiers):
            raise ValueError(
                f"acceptable_tiers is {self.acceptable_tiers}, but the ballot has "
                f"{len(self.tiers)} tiers; give a number from 0 to that."
            )


@dataclass(frozen=True, slots=True)
class LabelVote:
    """One annotator's answer on one dimension of one subject.

    `value` is a number exactly when the answer was given; a skipped or inapplicable dimension has
    None, and is never counted as zero.
    """

    annotator: str
    subject: int
    dimension: str
    value: float | None
    answer: Answer = Answer.GIVEN

    def __post_init__(self) -> None:
        if (self.value is not None) != (self.answer is Answer.GIVEN):
            raise ValueError("A label vote has a value exactly when its answer was given.")
