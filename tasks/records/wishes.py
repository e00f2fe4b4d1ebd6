"""Prompts that a campaign lacks, as the scheduler asks for them by briefs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class WishCell:
    """A cell of the target space: what lies there, and what share of the target should. `topic`: its number."""

    id: int
    language: str
    topic: int | None
    topic_name: str
    difficulty: str
    length: str
    share: float
    prompts: int


@dataclass(frozen=True, slots=True)
class Wish:
    """A part of the target space that may lack prompts: cells that differ only in what nobody set shares of.

    key     stays the same while the data grows: language, topic's number, difficulty, length
    cell    the cell in it with the largest share
    prompts that there are, and that `wanted` would make its share of all
    weight  of the campaign's target that is missing here, in [0, 1]
    """

    key: str
    cell: int
    language: str
    topic: int | None
    topic_name: str
    difficulty: str
    length: str
    share: float
    prompts: int
    wanted: int
    weight: float

    @property
    def missing(self) -> int:
        return max(0, self.wanted - self.prompts)

    def as_why(self) -> Mapping[str, Any]:
        """Why it is asked for, as plain JSON."""
        return {
            "key": self.key,
            "length": self.length,
            "prompts": self.prompts,
            "wanted": self.wanted,
            "share": round(self.share, 6),
        }


@dataclass(frozen=True, slots=True)
class StandingWish:
    """A brief of the scheduler. `standing`: prompts by it that stand; `wanted` of it."""

    brief: int
    key: str
    language: str
    is_open: bool
    is_vetoed: bool
    standing: int
    wanted: int | None


@dataclass(frozen=True, slots=True)
class WishDecision:
    """Briefs to close, each with whether it was filled, and wishes to open briefs for, the most wanted first."""

    close: Mapping[int, bool]
    open: tuple[Wish, ...]
