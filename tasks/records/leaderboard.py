"""The leaderboard beside the plain one: with length, place and style held equal, and of one language or topic alone."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import NamedTuple

from tasks.records.quality import GeneratorStanding

#: A language or topic of fewer ballots says nothing by itself.
FEWEST_BALLOTS = 30
#: Languages, or topics, beyond these by number of ballots are not computed; of each this many standings are kept.
MOST_SLICES, MOST_STANDINGS = 24, 100


class Control(StrEnum):
    """What may sway whoever compares two texts, whoever wrote them. A unit of each is what `ControlEffect` says."""

    PLACE = "place"
    LENGTH = "length"
    HEADINGS = "headings"
    LISTS = "lists"
    BOLD = "bold"
    CODE = "code"


class SliceKind(StrEnum):
    """By what the ballots of a campaign are taken apart."""

    LANGUAGE = "language"
    TOPIC = "topic"


class TextTraits(NamedTuple):
    """What can be counted in a text: its characters, and its marks of Markdown."""

    characters: int
    headings: int
    lists: int
    bold: int
    code: int


@dataclass(frozen=True, slots=True)
class ControlEffect:
    """How much one control sways a comparison of two texts that are equally good.

    effect       log-odds of being preferred, for a unit: shown first rather than last; twice as long; having all of the
                 two texts' headings (items of lists, bold words, pieces of code), the other none. None: see `reason`
    low, high    95 % interval; None when all comparisons are one annotator's
    n_differing  comparisons whose texts differ in it
    """

    control: Control
    effect: float | None
    low: float | None
    high: float | None
    n_differing: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ControlledStanding:
    """One generator with what sways held equal; the fields are those of `GeneratorStanding`."""

    generator: str
    component: int
    score: float
    low: float | None
    high: float | None
    rank: int | None
    worst_rank: int | None


@dataclass(frozen=True, slots=True)
class ControlledRecord:
    """The leaderboard with length, place and style held equal.

    standings      by component, then by score; empty where it could not be computed, see `reason`
    n_comparisons  comparisons of two texts that entered
    """

    standings: tuple[ControlledStanding, ...]
    effects: tuple[ControlEffect, ...]
    n_comparisons: int
    reason: str | None

    def as_result(self) -> dict[str, object]:
        """Return the record as a mapping that `json.dumps` takes."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class BoardSlice:
    """The leaderboard of the ballots of one language or topic.

    standings   the first hundred; empty where there is too little, see `reason`
    components  groups that never met
    reason      None, or what the figures cannot say
    """

    name: str
    n_ballots: int
    n_annotators: int
    n_parents: int
    components: int
    standings: tuple[GeneratorStanding, ...]
    not_compared: tuple[str, ...]
    reason: str | None

    def as_result(self) -> dict[str, object]:
        """Return the record as a mapping that `json.dumps` takes."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LeaderboardSlices:
    """All that stands beside the plain leaderboard; slices by number of ballots, the most first."""

    controlled: ControlledRecord
    languages: tuple[BoardSlice, ...]
    topics: tuple[BoardSlice, ...]

    def as_result(self) -> dict[str, object]:
        """Return the record as a mapping that `json.dumps` takes."""
        return {
            "controlled": self.controlled.as_result(),
            SliceKind.LANGUAGE.value: [one.as_result() for one in self.languages],
            SliceKind.TOPIC.value: [one.as_result() for one in self.topics],
        }
