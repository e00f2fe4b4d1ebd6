"""What the page of a simulation shows, made from its report: each plot with the same figures as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from annotate.figures import percent, two, whole
from annotate.web.campaign_words import FIELDS, PARAMETER
from annotate.web.names import isolated, language_name
from annotate.web.plots import Axis, make_axis
from annotate.web.simulation_words import (
    ASSUMPTIONS,
    CURVES,
    ENDS,
    GROWN_ASSUMPTIONS,
    GROWN_CURVES,
    GROWN_ENDS,
    POLICIES,
    VOLUNTEERS,
)

HEIGHT = 170
#: What the top of a plot may mean: the least that all of it lies below, so that small differences are seen.
TOPS = (0.1, 0.2, 0.5, 1.0)
#: Per cent of the width that the names of the levels take.
MARGIN = 7.0
#: Combinations of languages that are shown.
MOST_COMBINED = 6
#: Of a kind of which nothing was done.
NOTHING: Mapping[str, Any] = {"mean": 0.0, "low": None, "high": None}
WRITERS = {"whole": whole, "two": two, "percent": percent}


def describe_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """The context of a report."""
    arms = report["arms"]
    most = max((point["judgments"]["mean"] for arm in arms for point in arm["curve"]), default=0) or 1
    axis = make_axis([], low=0, high=most, step=most / 4)
    shared = {
        "ways": [name_way(arm, number) for number, arm in enumerate(arms)],
        "changes": describe_changes(arms),
        "asked": report["asked"],
        "runs": report.get("runs", report["asked"]["runs"]),
        "judgments": report["judgments"],
        "volunteers": describe_volunteers(report["volunteers"]),
    }
    if report.get("grows"):
        return {**shared, **describe_grown(report, axis)}
    return {
        **shared,
        "prompts": report["prompts"],
        "cells": report["cells"],
        "assumptions": ASSUMPTIONS,
        "curves": [
            {"name": name, "title": title, "hint": hint, **draw_curve(arms, name, axis)}
            for name, (title, hint) in CURVES.items()
        ],
        "levels": describe_levels(report),
        "ends": [describe_end(arms, name, title, how) for name, (title, how) in ENDS.items()],
        "languages": describe_languages(arms),
    }


def describe_grown(report: Mapping[str, Any], axis: Axis) -> dict[str, Any]:
    """What is told otherwise of a campaign whose trees grow."""
    arms = report["arms"]
    kinds = [kind for kind in report["minutes"] if any(kind in arm["kinds"] for arm in arms)]
    return {
        "grows": True,
        "assumptions": GROWN_ASSUMPTIONS,
        "curves": [
            {"name": name, "title": title, "hint": hint, **draw_curve(arms, name, axis, how=how)}
            for name, (title, hint, how) in GROWN_CURVES.items()
        ],
        "ends": [describe_end(arms, name, title, how) for name, (title, how) in GROWN_ENDS.items()],
        "kinds": [
            {"kind": kind, "ways": [tell(arm["kinds"].get(kind, NOTHING), "whole") for arm in arms]} for kind in kinds
        ],
        "minutes": [{"kind": kind, **told} for kind, told in report["minutes"].items() if kind in kinds],
    }


def name_way(arm: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A way by its policy; `number` is its line in every plot."""
    policy = str(POLICIES.get(arm["policy"], arm["policy"]))
    name = _("%(policy)s, changed") % {"policy": policy} if arm["parameters"] else policy
    return {"name": name, "number": number}


def describe_changes(arms: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The parameters that the changed ways have, by the names that the form gives them."""
    changed: dict[str, Any] = next((arm["parameters"] for arm in arms if arm["parameters"]), {})
    return [
        {"title": FIELDS[f"{PARAMETER}{name}"].title, "value": write_parameter(value)}
        for name, value in changed.items()
    ]


def write_parameter(value: Any) -> str:
    if value is None:
        return _("no limit")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return f"{value:g}" if isinstance(value, float) else str(value)


def draw_curve(arms: Sequence[Mapping[str, Any]], name: str, axis: Axis, *, how: str = "two") -> dict[str, Any]:
    """The lines of every way with their intervals, and the rows of the table. What is no share is told in whole numbers."""

    def place(judgments: float) -> float:
        return round(MARGIN + (98 - MARGIN) * axis.place(judgments) / 100, 2)

    most = max((one[name]["high"] or one[name]["mean"] or 0.0 for arm in arms for one in arm["curve"]), default=0.0)
    top = max(most, 1.0) if how == "whole" else next((top for top in TOPS if most <= top), 1.0)
    lines = []
    for number, arm in enumerate(arms):
        points = [(place(one["judgments"]["mean"]), one[name]) for one in arm["curve"] if one[name]["mean"] is not None]
        lines.append(
            {
                "number": number,
                "line": " ".join(f"{x:g},{place_height(one['mean'], top):g}" for x, one in points),
                "spans": "".join(
                    f"M{x:g} {place_height(one['low'], top):g}V{place_height(one['high'], top):g}"
                    for x, one in points
                    if one["low"] is not None and one["low"] != one["high"]
                ),
                "end": tell(arm["end"][name], how),
            }
        )
    marks = min(len(arm["curve"]) for arm in arms)
    return {
        "lines": lines,
        "height": HEIGHT,
        "levels": [{"y": place_height(level, 1.0), "label": WRITERS[how](level * top)} for level in (0.0, 0.5, 1.0)],
        "ticks": [{"x": place(tick.value), "value": tick.value} for tick in axis.ticks],
        "rows": [
            {
                "judgments": arms[0]["curve"][mark]["judgments"]["mean"],
                "figures": [tell(arm["curve"][mark][name], how) for arm in arms],
            }
            for mark in range(marks)
        ],
    }


def place_height(share: float, top: float) -> float:
    """How far below the plot's top, which means `top`, a share stands, in pixels."""
    return round(HEIGHT * (1 - min(max(share / top, 0.0), 1.0)), 1)


def tell(figure: Mapping[str, Any], how: str) -> dict[str, str]:
    """A mean with its interval, written."""
    write = WRITERS[how]
    has_interval = figure["low"] is not None and figure["low"] != figure["high"]
    interval = {"low": write(figure["low"]), "high": write(figure["high"])} if has_interval else {}
    return {"mean": write(figure["mean"]), **interval}


def describe_levels(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Judgments to levels of coverage, a row a level, and the share of what the first way takes; not what was there before."""
    return [
        {
            "coverage": level["coverage"],
            "ways": [
                {
                    "judgments": tell(way["judgments"], "whole"),
                    "ratio": tell(way["ratio"], "two") if number and way["ratio"]["n"] else None,
                }
                for number, way in enumerate(level["arms"])
            ],
        }
        for level in report["reached"]
        if any(way["judgments"]["mean"] for way in level["arms"])
    ]


def describe_end(arms: Sequence[Mapping[str, Any]], name: str, title: Any, how: str) -> dict[str, Any]:
    """A figure of the end, for each way; whether it differs from the first way beyond chance."""
    ways = []
    for arm in arms:
        against = (arm["against_first"] or {}).get(name)
        is_other = bool(against and against["low"] is not None and against["low"] * against["high"] > 0)
        ways.append({**tell(arm["end"][name], how), "is_other": is_other})
    return {"title": title, "ways": ways}


def describe_languages(arms: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is covered of each language at the end, for each way."""
    return [
        {
            "code": row["language"],
            "name": language_name(row["language"]),
            "share": row["share"],
            "prompts": row["prompts"],
            "ways": [arm["languages"][number]["covered"] for arm in arms],
        }
        for number, row in enumerate(arms[0]["languages"])
    ]


def describe_volunteers(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Who was imagined, and whether that comes from the campaign's past."""
    return [
        {"title": title, "value": write_trait(told[name], how, told), "is_fitted": name in told["fitted"]}
        for name, (title, how) in VOLUNTEERS.items()
        if told.get(name) is not None and (name != "hours" or told["is_utc"])
    ]


def write_trait(value: Any, how: str, told: Mapping[str, Any]) -> str:
    if how == "languages":
        shown = "; ".join(
            f"{isolated(', '.join(language_name(one) for one in some))} {percent(share)}"
            for some, share in value[:MOST_COMBINED]
        )
        return f"{shown}; …" if len(value) > MOST_COMBINED else shown
    if how == "numbers":
        return ", ".join(two(one) for one in value)
    if how == "shares":
        return ", ".join(percent(one / sum(value)) for one in value)
    if how == "hour":
        return str(value.index(max(value)))
    return WRITERS[how](value)
