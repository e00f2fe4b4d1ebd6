"""Rows of a form that grow, shrink and move by its own buttons, with or without scripts.

A row's fields are named `<prefix>.<number>.<name>`; a button sends `step` as `add`, `remove-2`, `up-2` or `down-2`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.http import QueryDict

Row = dict[str, Any]
_STEP = re.compile(r"(remove|up|down)-(\d{1,4})")
ADD = "add"


def read_rows(
    post: QueryDict, prefix: str, names: Sequence[str], *, lists: Sequence[str] = (), most: int = 5_000
) -> list[Row]:
    """The rows that were sent, by number: each name is a text, each of `lists` a list of texts."""
    pattern = re.compile(rf"{re.escape(prefix)}\.(\d{{1,4}})\.")
    numbers = sorted({int(found[1]) for key in post if (found := pattern.match(key))})[:most]
    return [
        {name: post.get(f"{prefix}.{number}.{name}", "") for name in names}
        | {name: post.getlist(f"{prefix}.{number}.{name}") for name in lists}
        for number in numbers
    ]


def is_row_step(step: str) -> bool:
    """Whether a button that was pressed is about rows."""
    return step == ADD or _STEP.fullmatch(step) is not None


def take_row_step(rows: Sequence[Row], step: str, *, empty: Callable[[], Row]) -> tuple[list[Row], int | None]:
    """The rows after the button, and which of them has the focus. A number that is not there changes nothing."""
    found, rows = _STEP.fullmatch(step), list(rows)
    if step == ADD:
        return [*rows, empty()], len(rows)
    number = int(found[2]) if found else len(rows)
    if found is None or number >= len(rows):
        return rows, None
    if found[1] == "remove":
        return rows[:number] + rows[number + 1 :], max(0, number - 1) if len(rows) > 1 else None
    other = number + (-1 if found[1] == "up" else 1)
    if 0 <= other < len(rows):
        rows[number], rows[other] = rows[other], rows[number]
        number = other
    return rows, number


def drop_empty(rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
    """Rows in which something was written."""
    return [row for row in rows if any(str(row[name]).strip() for name in names)]


def to_number(text: str, kind: Callable[[str], Any]) -> Any:
    """A number where the text is one, else the text, which whoever reads it refuses with its bounds."""
    try:
        return kind(text.strip().replace(",", ".") if kind is float else text.strip())
    except ValueError:
        return text


def without_empty(row: Mapping[str, Any]) -> Row:
    """What was written in a row."""
    return {name: value for name, value in row.items() if value not in ("", [])}
