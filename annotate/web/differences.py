"""Changes as people read them: a field, what it was, what it is; longer values line by line."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from annotate.figures import percent, whole
from annotate.queries.generator_terms import TERMS
from annotate.web.campaign_words import ASKED_ABOUT, FIELDS, PRESETS, SCHEDULES, WIDGETS, field_title, role_name
from annotate.web.coverage_words import AXES
from annotate.web.field_words import Words
from annotate.web.names import kind_name, language_name, state_name
from annotate.web.target_words import name_value
from tasks.records.campaigns import Change
from tasks.vocabulary import OutputTerms, Preset, ReleaseSchedule

#: Beyond this many lines a difference is told as its size alone.
MOST_LINES = 2_000
#: Unchanged lines that are shown around changed ones.
AROUND = 1
MOST_CHARS = 2_000
LONG = frozenset(
    {"guideline", "label_schema", "targets", "shares", "generators", "purpose", "text", "examples", "dimensions"}
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference: `sign` is + for new, - for gone, empty for what stays, … for what is left out."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One field that differs. `lines` instead of `before` and `after` where the value is long."""

    title: str
    before: str | None
    after: str | None
    lines: tuple[Line, ...] = ()
    effect: Words = ""


def show_changes(changes: Iterable[Change], *, is_new: bool = False) -> list[ShownChange]:
    """Changes in their order; of a campaign that is new what it has, without what it had."""
    return [_show(change.field, None if is_new else change.before, change.after, is_new=is_new) for change in changes]


def show_difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[ShownChange]:
    """Two sides of an event of the audit, field by field; fields that are the same are left out."""
    names = list(dict.fromkeys([*(before or {}), *(after or {})]))
    sides = [(name, (before or {}).get(name), (after or {}).get(name)) for name in names]
    return [_show(name, old, new) for name, old, new in sides if old != new]


def _show(name: str, before: Any, after: Any, *, is_new: bool = False) -> ShownChange:
    effect = "" if is_new or name not in FIELDS else FIELDS[name].effect
    if name in LONG and not (is_new and after in (None, [], "")):
        lines = compare_lines(write_lines(name, before), write_lines(name, after))
        return ShownChange(field_title(name), None, None, lines, effect)
    old = None if before is None and (is_new or name not in FIELDS) else write_value(name, before)
    return ShownChange(field_title(name), old, write_value(name, after), (), effect)


def write_value(name: str, value: Any) -> str:
    """A value on one line."""
    if value is None or value in ("", []):
        return _("none")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        return str(number_format(value, use_l10n=True, force_grouping=isinstance(value, int)))
    text = _write_word(name, value) if isinstance(value, str) else _write_named(name, value)
    return text if len(text) <= MOST_CHARS else text[:MOST_CHARS] + "…"


def _write_word(name: str, value: str) -> str:
    if name == "state":
        return state_name(value)
    if name == "preset":
        return str(PRESETS[Preset(value)].title) if value in set(Preset) else value
    return role_name(value) if name == "role" else value


def _write_named(name: str, value: Any) -> str:
    if name == "languages" and isinstance(value, list):
        return _(", ").join(language_name(str(code)) for code in value)
    if name == "kinds" and isinstance(value, list):
        return _(", ").join(kind_name(str(kind)) for kind in value)
    if name == "output_terms" and isinstance(value, list):
        return _(", ").join(str(TERMS[OutputTerms(terms)]) for terms in value)
    if name == "model_licences" and isinstance(value, list):
        return _(", ").join(value)
    if name == "release" and isinstance(value, dict):
        return _write_schedule(value)
    return json.dumps(value, ensure_ascii=False)


def write_lines(name: str, value: Any) -> list[str]:
    """A long value as lines."""
    if value is None:
        return []
    if isinstance(value, str):
        return value.splitlines()
    writer = _WRITERS.get(name)
    return writer(value) if writer else json.dumps(value, ensure_ascii=False, indent=1).splitlines()


def compare_lines(before: Sequence[str], after: Sequence[str]) -> tuple[Line, ...]:
    """What is gone and what is new, with a line around."""
    if max(len(before), len(after)) > MOST_LINES:
        told = _("%(before)s lines became %(after)s: too many to show here.")
        return (Line("…", told % {"before": len(before), "after": len(after)}),)
    lines: list[Line] = []
    for mark in difflib.unified_diff(before, after, lineterm="", n=AROUND):
        if mark.startswith(("---", "+++")) and not lines:
            continue
        if mark.startswith("@@"):
            lines.append(Line("…", ""))
        else:
            lines.append(Line(mark[0].strip(), mark[1:]))
    return tuple(lines[1:] if lines and lines[0].sign == "…" else lines)


def _write_schedule(value: Mapping[str, Any]) -> str:
    schedule = value.get("schedule")
    return str(SCHEDULES.get(ReleaseSchedule(schedule) if schedule else None, schedule))


def _write_guideline(value: Mapping[str, Any]) -> list[str]:
    return [*value["text"].splitlines(), *_write_examples(value["examples"])]


def _write_examples(examples: Sequence[Mapping[str, str]]) -> list[str]:
    return [
        line
        for number, example in enumerate(examples, start=1)
        for line in (
            _("Example %(number)s") % {"number": number},
            *(f"  {name}: {part}" for name, text in example.items() for part in text.splitlines()),
        )
    ]


def _write_schema(value: Mapping[str, Any]) -> list[str]:
    return _write_dimensions(value["dimensions"])


def _write_dimensions(dimensions: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for dimension in dimensions:
        told = [
            str(WIDGETS.get(dimension["widget"], dimension["widget"])),
            _(", ").join(str(ASKED_ABOUT.get(role, role)) for role in dimension["applies_to"]),
        ]
        told += [_("must be answered")] if dimension["mandatory"] else []
        told += [_("in the simple form")] if dimension.get("simple") else []
        lines.append(f"{dimension['name']}: {dimension['title']} ({'; '.join(told)})")
        lines += [f"  {anchor['value']:g} {anchor['title']}" for anchor in dimension["anchors"]]
    return lines


def _write_targets(targets: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{language_name(row['language'])}, {row['topic'] or _('any topic')}: {whole(row['judgments'])}"
        for row in targets
    ]


def _write_shares(shares: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{AXES[row['axis']]}: {name_value(row['axis'], row['value'])}: {percent(row['share'])}" for row in shares]


def _write_generators(uses: Sequence[Mapping[str, Any]]) -> list[str]:
    variety = _("for variety")
    return [f"{use['name']} x {use['samples']}{f', {variety}' if use.get('for_variety') else ''}" for use in uses]


_WRITERS: Mapping[str, Callable[[Any], list[str]]] = {
    "guideline": _write_guideline,
    "examples": _write_examples,
    "label_schema": _write_schema,
    "dimensions": _write_dimensions,
    "targets": _write_targets,
    "shares": _write_shares,
    "generators": _write_generators,
}
