"""A campaign as its organizers write it: in a TOML file, in a request, in a form.

Every field of a `CampaignSpec` but the slug may be left out (`None`): when a campaign is made, the preset
fills it; when one is changed, it stays as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.vocabulary import CampaignState, Kind, MessageRole, OutputTerms, Preset, ReleaseSchedule, TargetAxis, Widget


@dataclass(frozen=True, slots=True)
class Anchor:
    """A point of a scale: `value` in [0, 1], and what it means in words."""

    value: float
    title: str


@dataclass(frozen=True, slots=True)
class DimensionSpec:
    """One question of a label schema: for prompts (`prompter`), replies (`assistant`) or both.

    A scale has two anchors or more, ascending; other widgets have none. `simple`: asked in the simple form of
    a review too; what is mandatory is in every form.
    """

    name: str
    title: str
    widget: Widget
    applies_to: tuple[MessageRole, ...] = (MessageRole.PROMPTER, MessageRole.ASSISTANT)
    anchors: tuple[Anchor, ...] = ()
    mandatory: bool = False
    simple: bool = False

    def as_values(self) -> dict[str, Any]:
        """The dimension as plain JSON, as the file and the API write it."""
        return {
            "name": self.name,
            "title": self.title,
            "widget": str(self.widget),
            "applies_to": [str(role) for role in self.applies_to],
            "anchors": [{"value": anchor.value, "title": anchor.title} for anchor in self.anchors],
            "mandatory": self.mandatory,
            "simple": self.simple,
        }


@dataclass(frozen=True, slots=True)
class GuidelineSpec:
    """Instructions in Markdown. An example maps `title`, `prompt`, `better`, `worse`, `text`, `why` to words."""

    text: str
    examples: tuple[Mapping[str, str], ...] = ()

    def as_values(self) -> dict[str, Any]:
        return {"text": self.text, "examples": [dict(example) for example in self.examples]}


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """How many judgments one cell of the target space should have. An empty topic means any."""

    language: str
    topic: str
    judgments: int

    def as_values(self) -> dict[str, Any]:
        return {"language": self.language, "topic": self.topic, "judgments": self.judgments}


@dataclass(frozen=True, slots=True)
class ShareSpec:
    """How much of what is collected should be of one value of one axis of the target space. A topic is named by its number."""

    axis: TargetAxis
    value: str
    share: float

    def as_values(self) -> dict[str, Any]:
        return {"axis": str(self.axis), "value": self.value, "share": self.share}


@dataclass(frozen=True, slots=True)
class GeneratorUse:
    """A generator of the site by its name, and how many candidates it writes for each prompt.

    `for_variety`: it is asked only where the candidates of the others are too much alike.
    """

    name: str
    samples: int = 1
    for_variety: bool = False

    def as_values(self) -> dict[str, Any]:
        values: dict[str, Any] = {"name": self.name, "samples": self.samples}
        return {**values, "for_variety": True} if self.for_variety else values


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """When releases are made by themselves; `schedule` None: only on demand."""

    schedule: ReleaseSchedule | None = None

    def as_values(self) -> dict[str, Any]:
        return {"schedule": None if self.schedule is None else str(self.schedule)}


@dataclass(frozen=True, slots=True)
class CampaignSpec:
    """What was said of a campaign. `None` and a parameter that is not there: nothing was said.

    `output_terms`, `model_licences`: of generators only those whose outputs come under one of these terms, and whose
    model has one of these licences; empty: any. They hold for what is asked for and for every release.
    """

    slug: str | None = None
    title: str | None = None
    purpose: str | None = None
    licence: str | None = None
    preset: Preset | None = None
    languages: tuple[str, ...] | None = None
    kinds: tuple[Kind, ...] | None = None
    allow_guests: bool | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    guideline: GuidelineSpec | None = None
    label_schema: tuple[DimensionSpec, ...] | None = None
    targets: tuple[TargetSpec, ...] | None = None
    shares: tuple[ShareSpec, ...] | None = None
    generators: tuple[GeneratorUse, ...] | None = None
    output_terms: tuple[OutputTerms, ...] | None = None
    model_licences: tuple[str, ...] | None = None
    release: ReleasePlan | None = None
    state: CampaignState | None = None

    def as_values(self) -> dict[str, Any]:
        """What was said as plain JSON, field by field, as `queries.campaigns.describe_campaign` writes it.

        Targets and generators are sets, so they come in one order whatever the file's; parameters are
        those that were named.
        """
        values: dict[str, Any] = {
            "title": self.title,
            "purpose": self.purpose,
            "licence": self.licence,
            "preset": self.preset and str(self.preset),
            "languages": None if self.languages is None else list(self.languages),
            "kinds": None if self.kinds is None else [str(kind) for kind in self.kinds],
            "allow_guests": self.allow_guests,
            "guideline": self.guideline and self.guideline.as_values(),
            "label_schema": None
            if self.label_schema is None
            else {"dimensions": [dimension.as_values() for dimension in self.label_schema]},
            "targets": _sorted(self.targets, "language", "topic"),
            "shares": _sorted(self.shares, "axis", "value"),
            "generators": _sorted(self.generators, "name"),
            "output_terms": None if self.output_terms is None else [str(terms) for terms in self.output_terms],
            "model_licences": None if self.model_licences is None else list(self.model_licences),
            "release": self.release and self.release.as_values(),
            "state": self.state and str(self.state),
        }
        said = {name: value for name, value in values.items() if value is not None}
        return said | {f"parameters.{name}": value for name, value in self.parameters.items()}


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs, as plain JSON on both sides; `before` is None for a campaign that is new."""

    field: str
    before: Any
    after: Any


def find_changes(*, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """The fields of `after` that `before` has otherwise, in the order of `after`."""
    return tuple(
        Change(name, before.get(name), value)
        for name, value in after.items()
        if name not in before or before[name] != value
    )


def _sorted(
    records: tuple[TargetSpec, ...] | tuple[ShareSpec, ...] | tuple[GeneratorUse, ...] | None, *keys: str
) -> list[dict[str, Any]] | None:
    if records is None:
        return None
    return sorted((record.as_values() for record in records), key=lambda values: [values[key] for key in keys])
