"""Fields of forms as data: one template draws them all, with hint, bounds and what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.functional import Promise

from annotate.exceptions import ChorusError, InvalidInput

Words = str | Promise
#: What is wrong, by place: `languages[1]` → sentences.
Problems = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a field."""

    value: str
    title: Words
    note: Words = ""
    is_chosen: bool = False
    language: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field as `components/entry.html` draws it. `place`: what problems call it; `name` where that is the same."""

    name: str
    title: Words
    kind: str = "text"  # text, area, number, check, select, chips, choice, choices, file
    value: str = ""
    hint: Words = ""
    bounds: Words = ""
    low: str = ""
    high: str = ""
    step: str = ""
    rows: int = 4
    options: tuple[Option, ...] = ()
    is_checked: bool = False
    is_needed: bool = False
    most: int = 0
    place: str = ""
    suggestions: tuple[str, ...] = ()
    #: What may be written, each with what it means: only of text.
    offers: tuple[Option, ...] = ()
    errors: tuple[str, ...] = ()
    autofocus: bool = False
    hides_title: bool = False

    @property
    def id(self) -> str:
        return "f-" + self.name.replace(".", "-").replace("[", "-").replace("]", "")

    @property
    def described_by(self) -> str:
        """Ids of what says more about the field, for `aria-describedby`."""
        said = [("hint", self.hint or self.bounds), ("error", self.errors)]
        return " ".join(f"{self.id}-{part}" for part, is_there in said if is_there)


def add_errors(field: Field, problems: Problems) -> Field:
    """The field with what is wrong at its place and under it."""
    place = field.place or field.name
    found = [s for at, sentences in problems.items() if is_under(at, place) for s in sentences]
    return replace(field, errors=tuple(found)) if found else field


def is_under(at: str, place: str) -> bool:
    """Whether a problem stands at a place or within it."""
    return at == place or at.startswith((f"{place}[", f"{place}."))


def find_rest(problems: Problems, fields: Iterable[Field]) -> list[str]:
    """What is wrong at places that no field shows, with the place before it."""
    places = [field.place or field.name for field in fields]
    return [
        f"{at}: {sentence}" if at else sentence
        for at, sentences in problems.items()
        if not any(is_under(at, place) for place in places)
        for sentence in sentences
    ]


def check_fields(fields: Iterable[Field], problems: Problems) -> list[Field]:
    """The fields, each with what is wrong with it."""
    return [add_errors(field, problems) for field in fields]


def check_groups(
    groups: Iterable[tuple[Words, Sequence[Field]]], problems: Problems
) -> list[tuple[Words, list[Field]]]:
    """Groups of fields with their titles, each field with what is wrong with it."""
    return [(title, check_fields(fields, problems)) for title, fields in groups]


def tell_wrong(fields: Sequence[Field], problems: Problems) -> dict[str, object]:
    """What `components/wrong.html` shows at the top of a form."""
    rest = find_rest(problems, fields)
    return {"wrong": [field for field in fields if field.errors], "rest": rest, "rest_count": len(rest)}


def problems_of(error: ChorusError, places: Mapping[str, str] | None = None) -> Problems:
    """What a refusal says, by place. `places`: for a code the field that is at fault. What none is at fault for goes on."""
    if error.code in (places or {}):
        return {(places or {})[error.code]: [error.message]}
    if not isinstance(error, InvalidInput):
        raise error
    return {place: list(told) for place, told in error.details.items()} or {"": [error.message]}
