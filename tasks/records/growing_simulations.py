"""What a simulation of a growing campaign starts from: what its organizers decided, and its people's past. No text of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tasks.records.simulations import Past, read_past

#: What organizers decide that makes a difference to made-up volunteers, by the names of a campaign's file.
DECIDED = ("preset", "kinds", "languages", "label_schema", "targets", "shares")


@dataclass(frozen=True, slots=True)
class GrowingCampaign:
    """A campaign whose trees grow, as a simulation makes one like it.

    title, languages, parameters   as they hold
    description  everything else that its organizers decide, as a campaign's file has it
    briefs       open briefs of its organizers
    past         how its people worked, at whatever they were asked for
    minutes      that a piece of work of each kind took, where the past tells enough
    """

    title: str
    languages: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    description: Mapping[str, Any] = field(default_factory=dict)
    briefs: tuple[Mapping[str, Any], ...] = ()
    past: Past = field(default_factory=Past)
    minutes: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return what `json.dumps` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "GrowingCampaign":
        """Return the campaign that `as_json` made this of."""
        return cls(
            title=told["title"],
            languages=tuple(told["languages"]),
            parameters=told["parameters"],
            description=told["description"],
            briefs=tuple(told["briefs"]),
            past=read_past(told["past"]),
            minutes=told["minutes"],
        )
