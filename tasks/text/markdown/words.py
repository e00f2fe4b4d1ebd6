"""The few words of the interface that stand inside a rendered text; the caller gives them in its language."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """Labels read out by screen readers, and notes in place of what is not shown."""

    code: str = "Code"
    table: str = "Table"
    formula: str = "Formula"
    picture: str = "picture, not loaded"
    picture_at: str = "picture at {host}, not loaded"
    done: str = "done"
    to_do: str = "to do"


ENGLISH = Words()
