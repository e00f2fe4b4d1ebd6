"""The form of target shares: a field for each value of each axis, in per cent, and what each has now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotate.models import Campaign
from annotate.queries.rows import Row
from annotate.web.coverage_words import AXES
from annotate.web.fields import Field, Problems, add_errors
from annotate.web.rows import to_number
from annotate.web.target_words import name_value
from tasks.vocabulary import PromptLength, TargetAxis

PREFIX = "share"
#: Values that one axis has fields for; a file or the API takes more.
MOST_FIELDS = 60
#: Values without a share that are seen before one asks for all.
FIRST_SEEN = 8
#: Axes whose values are words of the organizer's: a new one may be written.
OPEN_AXES = (TargetAxis.DIFFICULTY, TargetAxis.TAG)

Shares = Mapping[TargetAxis, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class ValueLine:
    """A value with its field; `prompts` it has, `has`: their share of all, `given`: of the target as it is put upon the cells."""

    field: Field
    title: str
    prompts: int
    has: float | None
    given: float | None
    language: str = ""


@dataclass(frozen=True, slots=True)
class AxisForm:
    axis: TargetAxis
    title: str
    lines: tuple[ValueLine, ...]
    added: tuple[Field, ...]
    left: float | None

    @property
    def first(self) -> list[ValueLine]:
        """What is seen at once: lines that say something, and the first of the others."""
        return [line for line, is_first in self._sorted() if is_first]

    @property
    def rest(self) -> list[ValueLine]:
        """What is folded away where there are many."""
        return [line for line, is_first in self._sorted() if not is_first]

    def _sorted(self) -> list[tuple[ValueLine, bool]]:
        silent = [line for line in self.lines if not line.field.value and not line.field.errors]
        folded = {id(line) for line in (silent[FIRST_SEEN:] if len(silent) > FIRST_SEEN + 2 else [])}
        return [(line, id(line) not in folded) for line in self.lines]


def draw_axes(
    campaign: Campaign,
    *,
    axes: Mapping[TargetAxis, Sequence[Row]],
    topics: Sequence[Row],
    said: Mapping[str, str],
    problems: Problems,
) -> list[AxisForm]:
    """The form. `said`: what stands in each field, by its name."""
    names = {str(topic["number"]): topic["name"] for topic in topics}
    forms = []
    for axis in TargetAxis:
        rows = {row["value"]: row for row in axes[axis]}
        values = list_values(campaign, axis, rows, topics=topics, said=said)
        total = sum(row["prompts"] for row in rows.values()) if axis is not TargetAxis.TAG else _count(axes)
        lines = tuple(
            _draw_line(axis, value, rows.get(value), total=total, names=names, said=said, problems=problems)
            for value in values
        )
        forms.append(AxisForm(axis, str(AXES[axis]), lines, tuple(_draw_new(axis, said)), _left(lines, axis)))
    return forms


def list_values(
    campaign: Campaign, axis: TargetAxis, rows: Mapping[str, Row], *, topics: Sequence[Row], said: Mapping[str, str]
) -> list[str]:
    """Every value that may have a share here: those that there are, and those that have one."""
    start = f"{PREFIX}.{axis}."
    with_share = [name.removeprefix(start) for name, text in said.items() if name.startswith(start) and text.strip()]
    if axis is TargetAxis.LANGUAGE:
        there = list(campaign.languages)
    elif axis is TargetAxis.LENGTH:
        there = [str(length) for length in PromptLength]
    elif axis is TargetAxis.TOPIC:
        there = [str(topic["number"]) for topic in topics if not topic["retired_at"] and not topic["merged_into"]]
    else:
        there = [value for value in rows if value]
    return list(dict.fromkeys([*with_share, *there]))[:MOST_FIELDS] if axis in OPEN_AXES else there[:MOST_FIELDS]


def read_form(post: Mapping[str, str]) -> list[dict[str, Any]]:
    """The shares that a form says, as `services.target_shares` reads them; a number that is none goes on as it is."""
    shares: list[dict[str, Any]] = []
    for name, text in post.items():
        prefix, _dot, rest = name.partition(".")
        axis, _dot, value = rest.partition(".")
        if prefix == PREFIX and value and text.strip():
            shares.append({"axis": axis, "value": value, "share": _read_percent(text)})
    for axis in OPEN_AXES:
        value, text = post.get(f"new.{axis}", "").strip(), post.get(f"new_share.{axis}", "").strip()
        if value and text:
            shares.append({"axis": str(axis), "value": value, "share": _read_percent(text)})
    return shares


def say_shares(shares: Shares) -> dict[str, str]:
    """Stored or learned shares as the fields' texts."""
    return {
        f"{PREFIX}.{axis}.{value}": f"{100 * share:.4g}"
        for axis, values in shares.items()
        for value, share in values.items()
    }


def place_problems(problems: Problems, shares: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What is wrong by the names of the fields: `shares[3].share` is that of the fourth share that was said."""
    placed: dict[str, list[str]] = {}
    for at, told in problems.items():
        number = at.partition("[")[2].partition("]")[0]
        if number.isdigit() and int(number) < len(shares):
            share = shares[int(number)]
            placed.setdefault(f"{PREFIX}.{share['axis']}.{share['value']}", []).extend(told)
        else:
            placed.setdefault("", []).extend(told)
    return placed


def _draw_line(
    axis: TargetAxis,
    value: str,
    row: Row | None,
    *,
    total: int,
    names: Mapping[str, str],
    said: Mapping[str, str],
    problems: Problems,
) -> ValueLine:
    name, title = f"{PREFIX}.{axis}.{value}", name_value(axis, value, topics=names)
    label = _("Share of %(value)s, in per cent") % {"value": title}
    field = Field(name, label, "number", said.get(name, ""), low="0", high="100", step="any", hides_title=True)
    prompts = row["prompts"] if row else 0
    return ValueLine(
        add_errors(field, problems),
        title,
        prompts,
        prompts / total if total else None,
        row["share"] if row else None,
        value if axis is TargetAxis.LANGUAGE else "",
    )


def _draw_new(axis: TargetAxis, said: Mapping[str, str]) -> list[Field]:
    if axis not in OPEN_AXES:
        return []
    title = _("Another difficulty") if axis is TargetAxis.DIFFICULTY else _("Another tag")
    return [
        Field(f"new.{axis}", title, value=said.get(f"new.{axis}", ""), most=40 if axis is TargetAxis.DIFFICULTY else 80),
        Field(f"new_share.{axis}", _("Its share, in per cent"), "number", said.get(f"new_share.{axis}", ""), low="0", high="100", step="any"),
    ]  # fmt: skip


def _left(lines: Sequence[ValueLine], axis: TargetAxis) -> float | None:
    """What is left to the values that no share is set for; None where none is set, or tags lie across."""
    numbers = [
        share for line in lines if line.field.value and isinstance(share := _read_percent(line.field.value), float)
    ]
    return max(0.0, 1 - sum(numbers)) if numbers and axis is not TargetAxis.TAG else None


def _read_percent(text: str) -> float | str:
    number = to_number(text.strip().replace(",", "."), float)
    return number / 100 if isinstance(number, int | float) else text


def _count(axes: Mapping[TargetAxis, Sequence[Row]]) -> int:
    return sum(row["prompts"] for row in axes[TargetAxis.LANGUAGE])
