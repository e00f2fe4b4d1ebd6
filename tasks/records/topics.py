"""Topics of a campaign's prompts, as a fit finds them and as prompts are placed by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Fewer prompts are in no topics.
FEWEST_PROMPTS = 50


@dataclass(frozen=True, slots=True)
class KnownTopic:
    """A topic that is there already: its number, where its middle is, what an organizer said of it.

    `number` is what it keeps for ever. `merged_into`: the number of the one that takes its prompts. `is_retired`: it takes none.
    """

    number: int
    centroid: Sequence[float]
    merged_into: int | None = None
    is_retired: bool = False


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic of a fit. `is_new`: its number was never given before. `x`, `y`: its place on the plane, in [-1, 1]."""

    number: int
    centroid: Sequence[float]
    terms: tuple[str, ...]
    prompts: int
    x: float
    y: float
    is_new: bool


@dataclass(frozen=True, slots=True)
class Fit:
    """One run of the clustering.

    `means`: what texts of a language have in common, taken away before anything is compared; "" for all others. `axes`: two
    directions by which prompts of one topic are set apart on the plane. `spread`: how far. `typical`: the nearness of a
    typical prompt to the others, for densities. `drift`: the share of prompts that changed their topic since the fit before;
    None for the first.
    """

    topics: tuple[FoundTopic, ...]
    means: Mapping[str, Sequence[float]]
    axes: Sequence[Sequence[float]]
    spread: Mapping[int, float]
    typical: float
    prompts: int
    drift: float | None
    tightness: float
    seed: int

    def as_result(self) -> dict[str, Any]:
        """The fit as JSON, without what stands in rows of its own."""
        return {
            "topics": {
                str(topic.number): {
                    "x": round(topic.x, 4),
                    "y": round(topic.y, 4),
                    "spread": round(self.spread[topic.number], 4),
                }
                for topic in self.topics
            },
            "means": {language: _round(mean) for language, mean in self.means.items()},
            "axes": [_round(axis) for axis in self.axes],
            "typical": round(self.typical, 5),
            "tightness": round(self.tightness, 4),
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where one prompt lies: the number of its topic, its place on the plane, and its density (1: a typical prompt's)."""

    topic: int
    x: float
    y: float
    density: float


def _round(values: Sequence[float]) -> list[float]:
    return [round(float(value), 4) for value in values]
