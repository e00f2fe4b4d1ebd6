"""Figures of agreement as the page of results draws them: rows with a place on an axis, a line over months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from annotate.figures import percent
from annotate.web.agreement_words import FIGURES
from annotate.web.campaign_figures import FEW, MAIN, WIDE
from annotate.web.plot_lines import place_points
from annotate.web.plots import Axis, make_axis, place_whisker
from tasks.vocabulary import Coefficient, Kind

Report = Mapping[str, Any]


def describe_figures(reports: Sequence[Report]) -> dict[str, Any] | None:
    """A row for each figure of one scope: every coefficient of rankings, or every question of labels."""
    order = {coefficient: place for place, coefficient in enumerate(FIGURES)}
    rows = sorted(reports, key=lambda report: (order[Coefficient(report["coefficient"])], report["dimension"] or ""))
    names = [report["dimension"] or str(FIGURES[Coefficient(report["coefficient"])].name) for report in rows]
    return draw_rows(rows, names, is_user_text=bool(rows and rows[0]["dimension"]))


def describe_parts(reports: Sequence[Report], names: Sequence[str]) -> dict[str, Any] | None:
    """A row for each part, of one figure; nothing where there is but one part."""
    return draw_rows(reports, names) if len(reports) > 1 else None


def describe_months(reports: Sequence[Report]) -> dict[str, Any] | None:
    """One figure over months; nothing where it is known of fewer than two."""
    known = [report for report in reports if report["value"] is not None]
    if len(known) < 2:
        return None
    axis = find_axis(reports)
    plot = place_points(axis, [(report["value"], report["low"], report["high"]) for report in reports])
    rows = [{**report, "point": point} for report, point in zip(reports, plot.points, strict=True)]
    return {"plot": plot, "rows": rows, "first": rows[0], "last": rows[-1]}


def draw_rows(reports: Sequence[Report], names: Sequence[str], *, is_user_text: bool = False) -> dict[str, Any] | None:
    """Rows with dots and intervals on one axis; None without any."""
    if not reports:
        return None
    axis = find_axis(reports)
    rows = [
        {
            **report,
            "name": name,
            "whisker": None
            if report["value"] is None
            else place_whisker(axis, value=report["value"], low=report["low"], high=report["high"]),
            "is_thin": is_thin(report),
        }
        for report, name in zip(reports, names, strict=True)
    ]
    return {"axis": axis, "rows": rows, "is_user_text": is_user_text}


def choose_main(reports: Sequence[Report], *, kind: str, dimension: str | None) -> list[Report]:
    """Of these reports the figure that stands for the kind of work; of labels that of one question."""
    main = MAIN[Kind(kind)]
    return [report for report in reports if report["coefficient"] == main and report["dimension"] == dimension]


def say_meaning(reports: Sequence[Report], *, kind: str) -> str:
    """What the figures of one scope mean for whoever has never heard of them."""
    if kind == Kind.LABEL:
        if not any(report["value"] is not None for report in reports):
            return _("Not enough data yet: nothing was labelled by several people.")
        return _(
            "α is 0 where people answer as alike as chance would, and 1 where they always give the same answer. "
            "A question that many read differently can be worded better; one of taste stays low."
        )
    tau = next((report for report in reports if report["coefficient"] == Coefficient.KENDALL_TAU), None)
    if tau is None or tau["value"] is None:
        return _("Not enough data yet: it takes replies that several people put in order.")
    said = {name: percent((1 + tau[name]) / 2) for name in ("value", "low", "high") if tau[name] is not None}
    if "low" not in said:
        sentence = _(
            "Two people who rank the same two replies agree %(value)s of the time; by chance it would be 50 %%."
        )
    else:
        sentence = _(
            "Of two people who order the same two replies, %(value)s agree (%(low)s to %(high)s); by chance it would be "
            "50 %%. A tie counts half."
        )
    return sentence % said


def find_axis(reports: Sequence[Report]) -> Axis:
    known = [report[name] for report in reports for name in ("value", "low", "high") if report[name] is not None]
    return make_axis(known, low=0, high=1, step=0.5)


def is_thin(report: Report) -> bool:
    """Whether little is known: a wide interval, or few units."""
    return report["low"] is None or report["high"] - report["low"] > WIDE or report["n_units"] < FEW
