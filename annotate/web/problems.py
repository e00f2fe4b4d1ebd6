"""One thing that needs somebody, as the page of a campaign tells it."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

#: Of one sort of problem at most so many are told one by one.
MOST_ALIKE = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to act on. `address` is empty where there is no page for it."""

    code: str
    sentence: str
    detail: str
    action: str
    address: str


def make_link(name: str, *args: object, at: str = "") -> str:
    """The address of a page, with a place on it; empty where there is no such page."""
    try:
        return reverse(name, args=args) + (f"#{at}" if at else "")
    except NoReverseMatch:
        return ""
