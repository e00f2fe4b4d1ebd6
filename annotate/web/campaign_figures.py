"""What the page of a campaign shows, made from its numbers: each figure with its n, and with the table behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from annotate.queries.campaign_page import Numbers
from annotate.queries.overview import DAYS
from annotate.web.leaderboard_figures import describe_short
from annotate.web.plots import make_axis, place_cells, place_days, place_whisker
from tasks.scheduling.forecast import Forecast, forecast_end
from tasks.vocabulary import Coefficient, Kind

#: The figure that stands for a kind of work; labels have one for each question.
MAIN = {
    Kind.RANK: Coefficient.PAIRWISE_ALPHA,
    Kind.COMPARE: Coefficient.PAIRWISE_ALPHA,
    Kind.LABEL: Coefficient.KRIPPENDORFF_ALPHA,
}
#: What the map and the lists show at most; the API tells all.
MAP_ROWS, MAP_COLUMNS, MISSING, MOST_ROWS = 14, 12, 5, 40
#: A figure with a wider interval than this, or of fewer units, is drawn hollow.
WIDE, FEW = 0.25, 10


def describe_figures(numbers: Numbers, *, now: datetime) -> dict[str, Any]:
    """The context of the fragment: everything but the problems."""
    if not numbers.progress:
        return {"is_counted": False, "agreement": [], "leaderboard": None}
    today = now.astimezone(UTC).date()
    agreement = describe_agreement(numbers.agreement)
    return {
        "is_counted": True,
        "facts": describe_facts(numbers, agreement),
        "kinds": sum_kinds(numbers.progress["queues"]),
        "queues": describe_queues(numbers.progress["queues"]),
        "cells": describe_cells(numbers.progress["strata"]),
        "missing": list_missing(numbers.progress["strata"]),
        "agreement": agreement,
        "leaderboard": None if numbers.leaderboard is None else describe_short(numbers.leaderboard),
        "flow": describe_flow(numbers, today=today),
    }


def describe_facts(numbers: Numbers, agreement: Sequence[dict[str, Any]]) -> dict[str, Any]:
    progress, units = numbers.progress, numbers.progress["units"]
    first = next((row for group in agreement for row in group["rows"] if row["is_whole"]), None)
    return {
        "done": units["done"],
        "needed": units["needed"],
        "surplus": units["surplus"],
        "people": progress["annotators"],
        "people_week": numbers.overview.get("people_week"),
        "coverage": progress["coverage"],
        "covered": (numbers.overview.get("covered") or {}).get("now"),
        "alpha": first,
        "complete": units["complete"],
        "open": units["open"],
        "removed": numbers.overview.get("removed"),
    }


def sum_kinds(queues: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Progress by kind of work, in the order of the vocabulary."""
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for queue in queues:
        for place, name in enumerate(("done", "needed", "units")):
            sums[queue["kind"]][place] += queue[name]
    order = {kind.value: place for place, kind in enumerate(Kind)}
    return [
        {"kind": kind, "done": done, "needed": needed, "units": units, "share": done / needed if needed else None}
        for kind, (done, needed, units) in sorted(sums.items(), key=lambda item: order.get(item[0], len(order)))
        if units
    ]


def describe_queues(queues: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same by kind and language, what is least complete first; empty where there is but one."""
    rows = [
        {**queue, "share": queue["done"] / queue["needed"] if queue["needed"] else None}
        for queue in queues
        if queue["units"]
    ]
    rows.sort(key=lambda row: (row["share"] is None, row["share"], row["kind"], row["language"]))
    return rows[:MOST_ROWS] if len(rows) > 1 else []


def describe_cells(strata: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The map of languages by topics where there are topics, its table, and what it adds up to. None without targets."""
    wanted = [cell for cell in strata if cell["target"]]
    if not wanted:
        return None
    topics = _rank_names((cell["topic"], cell["target"]) for cell in wanted)
    languages = _rank_names((cell["language"], cell["target"]) for cell in wanted)
    shown, rows = topics[:MAP_COLUMNS], languages[:MAP_ROWS]
    counts = {(cell["language"], cell["topic"]): (cell["done"], cell["target"]) for cell in strata}
    table = [
        {"language": language, "cells": [counts.get((language, topic), (None, None)) for topic in shown]}
        for language in rows
    ]
    return {
        "map": place_cells(counts, rows=rows, columns=shown) if any(shown) else None,
        "topics": shown,
        "table": table,
        "more_topics": len(topics) - len(shown),
        "more_languages": len(languages) - len(rows),
        "done": sum(min(cell["done"], cell["target"]) for cell in wanted),
        "target": sum(cell["target"] for cell in wanted),
        "met": sum(cell["done"] >= cell["target"] for cell in wanted),
        "count": len(wanted),
    }


def list_missing(strata: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The cells that are furthest behind: by the share of their target that is missing, then by how much that is."""
    behind = [
        {**cell, "lacks": cell["target"] - cell["done"], "share": cell["done"] / cell["target"]}
        for cell in strata
        if cell["target"] and cell["done"] < cell["target"]
    ]
    behind.sort(key=lambda cell: (cell["share"], -cell["lacks"], cell["language"], cell["topic"]))
    return behind[:MISSING]


def describe_agreement(reports: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A plot for each kind of work: rankings by language, labels by question. All languages together come first."""
    groups: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for report in reports:
        is_label = report["dimension"] is not None
        is_main = MAIN.get(report["kind"]) == report["coefficient"]
        if is_main and not (is_label and report["language"] is not None):
            groups[report["kind"]].append(report)
    return [_describe_group(kind, groups[kind.value]) for kind in Kind if groups[kind.value]]


def describe_flow(numbers: Numbers, *, today: date) -> dict[str, Any] | None:
    """Judgments a day, with what they lead to. None where the sweep has not counted days yet."""
    if "days" not in numbers.overview:
        return None
    counts = {date.fromisoformat(day): count for day, count in numbers.overview["days"]}
    units = numbers.progress["units"]
    remaining = units["needed"] - units["done"]
    forecast: Forecast | None = None
    if numbers.state == "open":
        forecast = forecast_end(counts, remaining=remaining, today=today)
    return {
        "plot": place_days(counts, last=today, days=DAYS),
        "days": DAYS,
        "total": sum(counts.values()),
        "remaining": remaining,
        "forecast": forecast,
    }


def _describe_group(kind: Kind, reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    known = [number for report in reports for number in (report["value"], report["low"], report["high"])]
    axis = make_axis([number for number in known if number is not None], low=0, high=1, step=0.5)
    rows = [
        {
            "dimension": report["dimension"],
            "language": report["language"],
            "is_whole": report["language"] is None,
            "whisker": None
            if report["value"] is None
            else place_whisker(axis, value=report["value"], low=report["low"], high=report["high"]),
            "is_thin": report["low"] is None or report["high"] - report["low"] > WIDE or report["n_units"] < FEW,
            **{name: report[name] for name in ("value", "low", "high", "n_units", "n_judgments", "n_annotators")},
        }
        for report in reports
    ]
    if kind is not Kind.LABEL and len(rows) == 2:  # one language alone says nothing that all do not
        rows = rows[:1]
    return {
        "kind": kind.value,
        "is_label": kind is Kind.LABEL,
        "axis": axis,
        "rows": rows[:MOST_ROWS],
        "computed_at": max(report["computed_at"] for report in reports),
    }


def _rank_names(weights: Iterable[tuple[str, int]]) -> list[str]:
    """Names by what they weigh in all, the heaviest first."""
    sums: defaultdict[str, int] = defaultdict(int)
    for name, weight in weights:
        sums[name] += weight
    return sorted(sums, key=lambda name: (-sums[name], name))
