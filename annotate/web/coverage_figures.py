"""What the page on coverage shows, made from what was measured: each figure with what it is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.formats import number_format

from annotate.queries.rows import Row
from annotate.web.coverage_words import (
    AXES,
    BEHIND,
    FIGURES,
    LENGTHS,
    PARTS,
    POLICIES,
    UNMET,
    say_difference,
    say_forecast,
    say_lag,
    say_pace,
    value_name,
)
from annotate.web.names import language_name
from annotate.web.plot_lines import place_points
from annotate.web.plots import SHADES, make_axis
from tasks.records.standing import CANNOT_BE_MET
from tasks.vocabulary import PromptLength, TargetAxis

#: What the map shows without `all=1` in the address.
MAP_ROWS, MAP_COLUMNS = 12, 8
#: Cells that are told with why they are behind.
MOST_BEHIND = 20
#: Points of the line.
MOST_POINTS = 90
#: Where the first and the last point stand, in per cent of the width: what the lines of the grid mean is written before.
ENDS = (8.0, 99.0)


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for, as far as there is such a thing. Empty: all."""

    language: str = ""
    difficulty: str = ""
    length: str = ""
    shows_all: bool = False


def describe_now(report: Row, languages: Sequence[Row]) -> dict[str, Any]:
    """The latest report: the number, its parts with their weights, and the languages, least covered first."""
    weights = report["result"].get("weights", {})
    parts = [
        {"name": words[0], "says": words[1], "value": report[name], "weight": weights.get(name)}
        for name, words in PARTS.items()
    ]
    return {
        "coverage": report["coverage"],
        "measured_at": report["measured_at"],
        "judgments": report["judgments"],
        "gain": _say_gain(report["result"].get("gain")),
        "parts": parts,
        "is_known": any(part["value"] is not None for part in parts),
        "languages": sorted(languages, key=lambda row: (row["coverage"], row["language"])),
    }


def describe_history(reports: Sequence[Row]) -> dict[str, Any] | None:
    """The line over time; None where there are not two moments to draw it between."""
    shown = list(reports)[-MOST_POINTS:]
    if len(shown) < 2:
        return None
    axis = make_axis([], low=0, high=1, step=0.5)
    span = shown[-1]["measured_at"] - shown[0]["measured_at"]
    shares = [(report["measured_at"] - shown[0]["measured_at"]) / span for report in shown]
    across = [ENDS[0] + (ENDS[1] - ENDS[0]) * share for share in shares]
    plot = place_points(axis, [(report["coverage"], None, None) for report in shown], across=across)
    rows = [{**report, "point": point} for report, point in zip(shown, plot.points, strict=True)]
    return {"plot": plot, "rows": rows, "first": rows[0], "last": rows[-1], "is_long": span > timedelta(days=2)}


def describe_map(cells: Sequence[Row], filters: Filters) -> dict[str, Any] | None:
    """Cells as a table: topics by languages; where no prompt has a topic, languages by lengths."""
    if not cells:
        return None
    chosen = [
        cell
        for cell in cells
        if filters.difficulty in ("", cell["difficulty"]) and filters.length in ("", cell["length"])
    ]
    has_topics = any(cell["topic"] is not None for cell in cells)
    row_of, column_of = ("topic", "language") if has_topics else ("language", "length")
    sums = _sum_cells(chosen, row_of, column_of)
    rows = _order({key[0] for key in sums}, sums, place=0)
    columns = _order({key[1] for key in sums}, sums, place=1)
    if column_of == "length":
        columns = [length.value for length in PromptLength if length.value in columns]
    shown, across = (rows, columns) if filters.shows_all else (rows[:MAP_ROWS], columns[:MAP_COLUMNS])
    names = {cell["topic"]: cell["topic_name"] for cell in cells}
    return {
        "has_topics": has_topics,
        "columns": [{"code": code, "name": value_name(column_of, code)} for code in across],
        "rows": [
            {
                "code": row if row_of == "language" else "",
                "name": language_name(row) if row_of == "language" else names.get(row, ""),
                "is_any": row is None and not any(of["prompts"] for key, of in sums.items() if key[0] is None),
                "cells": [_describe_cell(sums.get((row, column))) for column in across],
            }
            for row in shown
        ],
        "has_empty": any(not of["prompts"] for of in sums.values()),
        "more": len(rows) - len(shown) + len(columns) - len(across),
        "count": len(chosen),
        "difficulties": sorted({cell["difficulty"] for cell in cells if cell["difficulty"]}),
        "lengths": [(length.value, LENGTHS[length]) for length in PromptLength if _has(cells, length)],
    }


def describe_targets(targets: Sequence[Mapping[str, Any]], *, measured_at: datetime) -> dict[str, Any]:
    """Targets that are not reached, those that cannot be first, then those that are furthest; and how many are."""
    today = measured_at.astimezone(UTC).date()
    behind = [target for target in targets if target["done"] < target["target"]]
    behind.sort(
        key=lambda target: (
            target["can_be_met"],
            target["done"] / target["target"],
            target["language"],
            target["topic"],
        )
    )
    return {
        "count": len(targets),
        "met": len(targets) - len(behind),
        "impossible": sum(not target["can_be_met"] for target in behind),
        "has_dates": any(target["forecast"] for target in behind),
        "rows": [
            {
                **target,
                "missing": target["target"] - target["done"],
                "forecast": say_forecast(target["forecast"]) if target["forecast"] else "",
                "pace": say_pace(target, today=today),
                "says": [say_lag(lag, target) for lag in target["lags"]],
            }
            for target in behind
        ],
    }  # fmt: skip


def describe_split(split: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The two halves of a campaign that compares policies, figure by figure, each with its interval."""
    if split is None:
        return None
    first, second = split["arms"]
    return {
        "names": [POLICIES.get(arm["policy"], arm["policy"]) for arm in split["arms"]],
        "counts": [arm["prompts"] for arm in split["arms"]],
        "rows": [
            {
                "name": words[0],
                "says": words[1],
                "values": [first[name], second[name]],
                "difference": split["difference"].get(name),
                "verdict": say_difference(split["difference"].get(name) or overlap(first[name], second[name])),
            }
            for name, words in FIGURES.items()
        ],
    }


def overlap(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, float | None]:
    """A difference as far as two intervals tell it apart: the most and the least that lies between them."""
    if first["low"] is None or second["low"] is None:
        return {"low": None, "high": None}
    return {"low": first["low"] - second["high"], "high": first["high"] - second["low"]}


def describe_shares(compared: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Shares that are wanted beside those that are there."""
    return [
        {
            **row,
            "axis_title": AXES[row["axis"]],
            "title": value_name(row["axis"], row["value"], row["name"]),
            "language": row["value"] if row["axis"] == TargetAxis.LANGUAGE else "",
            "is_missing": row["prompts"] == 0,
            "why": UNMET.get(row["unmet"], ""),
        }
        for row in compared
    ]


def describe_behind(behind: Sequence[Mapping[str, Any]], cells: Sequence[Row]) -> list[dict[str, Any]]:
    """Cells that are behind, those that lack most first, each with why; cells that are gone since are left out."""
    by_id = {cell["id"]: cell for cell in cells}
    return [
        {
            **by_id[entry["cell"]],
            "length_name": LENGTHS.get(by_id[entry["cell"]]["length"], ""),
            "lacks": entry["lacks"],
            "why": BEHIND.get(entry["why"], ""),
            "is_stuck": entry["why"] in CANNOT_BE_MET,
        }
        for entry in behind[:MOST_BEHIND]
        if entry["cell"] in by_id
    ]


def _say_gain(gain: float | None) -> str:
    """To four decimals; nothing where there is none."""
    return "" if not gain else number_format(round(gain, 4), decimal_pos=4, use_l10n=True)


def _sum_cells(cells: Sequence[Row], row_of: str, column_of: str) -> dict[tuple[Any, Any], dict[str, Any]]:
    sums: defaultdict[tuple[Any, Any], dict[str, Any]] = defaultdict(
        lambda: {"share": 0.0, "covered": 0.0, "prompts": 0, "finished": 0.0}
    )
    for cell in cells:
        of = sums[cell[row_of], cell[column_of]]
        of["share"] += cell["share"]
        of["covered"] += cell["share"] * cell["coverage"]
        of["prompts"] += cell["prompts"]
        of["finished"] = None if cell["finished"] is None else of["finished"] + cell["finished"]
    return dict(sums)


def _order(names: set[Any], sums: Mapping[tuple[Any, Any], Mapping[str, Any]], *, place: int) -> list[Any]:
    """Names by how much of the target is still to be covered in them, the most first."""
    lacks: defaultdict[Any, float] = defaultdict(float)
    for key, of in sums.items():
        lacks[key[place]] += of["share"] - of["covered"]
    return sorted(names, key=lambda name: (-round(lacks[name], 9), str(name)))


def _describe_cell(of: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if of is None:
        return None
    coverage = of["covered"] / of["share"] if of["share"] else None
    return {
        **of,
        "coverage": coverage,
        "shade": None if coverage is None or not of["prompts"] else sum(coverage >= edge for edge in SHADES),
    }


def _has(cells: Sequence[Row], length: PromptLength) -> bool:
    return any(cell["length"] == length for cell in cells)
