"""Pages of long lists: each is one query, whatever lies before it, and its address says where it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")

PAGE_SIZE = 30
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Part(Generic[Item]):
    """Some rows of a list, newest first; `older` leads on, `newest` back to the start, each None where it leads nowhere."""

    rows: Sequence[Item]
    older: str | None = None
    newest: str | None = None


def take_part(request: HttpRequest, rows: QuerySet[Row], *, size: int = PAGE_SIZE) -> Part[Row]:
    """The rows before the id that the address names as `before`, or the newest ones."""
    last = read_whole(request.GET.get("before"), high=MAX_ID)
    if last is not None:
        rows = rows.filter(pk__lt=last)
    found = list(rows.order_by("-pk")[: size + 1])
    return Part(
        found[:size],
        change_query(request, before=found[size - 1].pk) if len(found) > size else None,
        change_query(request, before=None) if last is not None else None,
    )


def take_slice(request: HttpRequest, rows: Sequence[Item], *, size: int = PAGE_SIZE) -> Part[Item]:
    """A part of a list that is short by nature; the address counts its parts as `part`, from 1."""
    part = read_whole(request.GET.get("part"), high=10_000) or 1
    start = (part - 1) * size
    return Part(
        rows[start : start + size],
        change_query(request, part=part + 1) if len(rows) > start + size else None,
        change_query(request, part=None) if part > 1 else None,
    )


def take_stretch(
    request: HttpRequest, read: Callable[[int, int], Sequence[Item]], *, size: int = PAGE_SIZE
) -> Part[Item]:
    """A part of a list that the database puts in order; `read` takes an offset and a limit. The address counts its parts."""
    part = read_whole(request.GET.get("part"), high=10_000) or 1
    rows = read((part - 1) * size, size + 1)
    return Part(
        rows[:size],
        change_query(request, part=part + 1) if len(rows) > size else None,
        change_query(request, part=None) if part > 1 else None,
    )


def change_query(request: HttpRequest, **changes: Any) -> str:
    """The query string of this address with some names changed; None takes a name out."""
    query = request.GET.copy()
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else "?"


def read_whole(text: str | None, *, low: int = 1, high: int) -> int | None:
    """A whole number within bounds, or None for whatever else an address may hold."""
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > 19:
        return None
    number = int(text)
    return number if low <= number <= high else None
