"""A simulation's report as one page of HTML: plots as SVG, the same figures as tables, no script, nothing to fetch."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 240, 44, 28
#: By colour and by dashes, so that nothing is told by colour alone; good on paper and on screens for all eyes.
STYLES = (
    ("#0b6e69", ""), ("#a0461b", "6 3"), ("#4b4fa3", "2 3"), ("#7a5c00", "8 3 2 3"),
    ("#8a2f6b", "1 4"), ("#3a6b1f", "10 4"), ("#555555", "4 2 1 2"), ("#1f5f8b", "3 6"),
)  # fmt: skip
CURVE_TITLES: Mapping[str, str] = {
    "coverage": "Coverage",
    "covered": "Coverage: prompts",
    "finished": "Prompts that have all they want",
    "confidence": "Mean certainty of the orders",
    "smallest": "The least reached target, or language",
    "people": "Cells in which each group of people has judged",
}
END_TITLES: Mapping[str, str] = {
    "judgments": "Judgments given",
    "coverage": "Coverage",
    "covered": "Coverage: prompts",
    "finished": "Prompts that have all they want",
    "confidence": "Mean certainty",
    "smallest": "Least reached target or language",
    "people": "Cells × groups of people reached",
    "longest_wait": "Longest wait for a first judgment (days)",
    "usual_wait": "Median wait for a first judgment (days)",
    "never_judged": "Prompts never judged",
    "sameness": "Next piece from the same cell as the one before",
    "tau": "Agreement of the orders with the true ones (tau)",
}

#: What did not happen.
NONE: Mapping[str, Any] = {"mean": 0.0, "low": None, "high": None, "n": 0}

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;background:#fbfaf7;color:#1d1c1a}
h1{font-size:1.75rem} h2{font-size:1.15rem;margin-top:2.5rem} table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid #d8d4cc;padding:.3rem .8rem .3rem 0;text-align:left;vertical-align:top} td{text-align:right}
.scroll{overflow-x:auto} .soft{color:#5c5850} svg{max-width:100%;height:auto} svg text{font-size:12px;fill:#5c5850}
@media (prefers-color-scheme:dark){body{background:#161513;color:#ebe8e2} th,td{border-color:#3a3732} .soft,svg text{color:#b0aaa0;fill:#b0aaa0}}
"""


def write_page(report: Mapping[str, Any]) -> str:
    """Return the whole page."""
    arms = report["arms"]
    parts = [
        *write_head(report["campaign"]),
        f"<p>{_tell_size(report)}</p>",
        *(draw_curve(arms, name, title) for name, title in CURVE_TITLES.items()),
        "<h2>Judgments to reach what all of them reach</h2>",
        write_levels(report),
        "<h2>At the end</h2>",
        write_figures(
            arms, {name: (title, 0 if name == "judgments" else 3) for name, title in END_TITLES.items()}, part="end"
        ),
        "<h2>Languages at the end</h2>",
        _write_languages(arms),
        *write_foot(report),
    ]
    return "\n".join(parts)


def write_head(campaign: str) -> list[str]:
    """Return the beginning of a page."""
    return [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>Simulation: {escape(campaign)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>Simulation: {escape(campaign)}</h1>",
    ]


def write_foot(report: Mapping[str, Any], *, more: str = "") -> list[str]:
    """Return what is assumed and left out, who was imagined, and how fast: the end of a page."""
    way = (
        "Through the product itself, which has dice of its own: another time the figures differ a little."
        if report.get("is_exact")
        else f"Seed {report['asked']['seed']}: the same seed on the same campaign gives the same figures."
    )
    return [
        "<h2>What is assumed</h2>",
        f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in report['assumed'])}</ul>",
        _write_volunteers(report["volunteers"]),
        more,
        "<h2>What this leaves out</h2>",
        f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in report['left_out'])}</ul>",
        (
            f'<p class="soft">{report["judgments"]:,} pieces of work in {report["seconds"]:,} s, {report["per_second"]:,} a second. '
            f"{way}</p>"
        ),
        "</body></html>",
    ]


def tell(figure: Mapping[str, Any], *, digits: int = 3) -> str:
    """Return a mean with its interval."""
    if figure["mean"] is None:
        return "not reached"
    mean = f"{figure['mean']:,.{digits}f}"
    return mean if figure["low"] is None else f"{mean} ({figure['low']:,.{digits}f} to {figure['high']:,.{digits}f})"


def tell_runs(report: Mapping[str, Any]) -> str:
    """Return how often everything was repeated."""
    runs = report["runs"]
    return "once" if runs == 1 else f"{runs} times with other dice"


def _tell_size(report: Mapping[str, Any]) -> str:
    asked = report["asked"]
    languages = ", ".join(map(escape, report["languages"]))
    return (
        f"{report['prompts']:,} prompts in {len(report['languages'])} languages ({languages}) and {report['cells']:,} cells; "
        f"{asked['annotators']:,} volunteers for {asked['days']} days, {tell_runs(report)}."
    )


def draw_curve(
    arms: Sequence[Mapping[str, Any]],
    name: str,
    title: str,
    *,
    top: float = 1.0,
    digits: int = 3,
    along: str = "Judgments",
) -> str:
    """Return a figure over the work done, with the same as a table. `top`: the highest value that is drawn."""
    most = max((point["judgments"]["mean"] for arm in arms for point in arm["curve"]), default=1) or 1
    lines = [_draw_grid(most, top)]
    for number, arm in enumerate(arms):
        colour, dashes = STYLES[number % len(STYLES)]
        points = [(point["judgments"]["mean"] / most, point[name]) for point in arm["curve"]]
        if points and points[0][1]["low"] is not None:
            edge = [(x, y["low"] / top) for x, y in points] + [(x, y["high"] / top) for x, y in reversed(points)]
            lines.append(f'<polygon points="{_place(edge)}" fill="{colour}" opacity=".13"/>')
        lines.append(
            f'<polyline points="{_place([(x, y["mean"] / top) for x, y in points])}" fill="none" stroke="{colour}" '
            f'stroke-width="2" stroke-dasharray="{dashes}"/>'
        )
    legend = "".join(
        f'<tr><th scope="row"><svg width="36" height="10" aria-hidden="true"><line x1="0" x2="36" y1="5" y2="5" '
        f'stroke="{STYLES[number % len(STYLES)][0]}" stroke-width="2" stroke-dasharray="{STYLES[number % len(STYLES)][1]}"/>'
        f"</svg> {escape(arm['name'])}</th><td>{tell(arm['end'][name], digits=digits)}</td></tr>"
        for number, arm in enumerate(arms)
    )
    heads = "".join(f'<th scope="col">{escape(arm["name"])}</th>' for arm in arms)
    rows = "".join(
        f'<tr><th scope="row">{arms[0]["curve"][mark]["judgments"]["mean"]:,.0f}</th>'
        + "".join(f"<td>{tell(arm['curve'][mark][name], digits=digits)}</td>" for arm in arms)
        + "</tr>"
        for mark in range(min(len(arm["curve"]) for arm in arms))
    )
    return (
        f"<h2>{escape(title)}</h2><figure><svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' "
        f'aria-label="{escape(title)}, by {along.lower()}">{"".join(lines)}</svg>'
        f'<table><thead><tr><th scope="col">Way</th><th scope="col">At the end</th></tr></thead><tbody>{legend}</tbody></table>'
        f'<details><summary>The same as a table</summary><div class="scroll"><table><thead><tr>'
        f'<th scope="col">{along}</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div></details></figure>'
    )


def _draw_grid(most: float, top: float) -> str:
    levels = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{_y(level)}" y2="{_y(level)}" stroke="currentColor" opacity=".15"/>'
        f'<text x="0" y="{_y(level) + 4}">{level * top:,.{2 if top <= 1 else 0}f}</text>'
        for level in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    marks = "".join(
        f'<text x="{LEFT + share * (WIDTH - LEFT)}" y="{HEIGHT - 6}" text-anchor="{anchor}">{share * most:,.0f}</text>'
        for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    )
    return levels + marks


def _place(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{LEFT + x * (WIDTH - LEFT):.1f},{_y(y)}" for x, y in points)


def _y(share: float) -> float:
    return round(8 + (1 - min(max(share, 0.0), 1.0)) * (HEIGHT - BOTTOM - 12), 1)


def write_levels(report: Mapping[str, Any]) -> str:
    heads = "".join(f'<th scope="col">Coverage {level["coverage"]:.3f}</th>' for level in report["reached"])
    rows = "".join(
        f'<tr><th scope="row">{escape(arm["name"])}</th>'
        + "".join(
            f"<td>{tell(level['arms'][number]['judgments'], digits=0)}<br>"
            f'<span class="soft">× {tell(level["arms"][number]["ratio"], digits=2)}</span></td>'
            for level in report["reached"]
        )
        + "</tr>"
        for number, arm in enumerate(report["arms"])
    )
    return (
        f'<p class="soft">Below each number its ratio to the first way’s.</p><div class="scroll"><table><thead><tr>'
        f'<th scope="col">Way</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def write_figures(
    arms: Sequence[Mapping[str, Any]], titles: Mapping[str, tuple[str, int]], *, part: str, first: str = "Figure"
) -> str:
    """Return a table of one part of every way's figures: a row a title, with the digits that are told."""
    heads = "".join(f'<th scope="col">{escape(arm["name"])}</th>' for arm in arms)
    rows = "".join(
        f'<tr><th scope="row">{escape(title)}</th>'
        + "".join(f"<td>{tell(arm[part].get(name, NONE), digits=digits)}</td>" for arm in arms)
        + "</tr>"
        for name, (title, digits) in titles.items()
    )
    return (
        f'<div class="scroll"><table><thead><tr><th scope="col">{first}</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _write_languages(arms: Sequence[Mapping[str, Any]]) -> str:
    heads = "".join(f'<th scope="col">{escape(arm["name"])}</th>' for arm in arms)
    rows = "".join(
        f'<tr><th scope="row">{escape(row["language"])}</th><td>{row["share"]:.3f}</td>'
        + "".join(f"<td>{arm['languages'][number]['covered']:.3f}</td>" for arm in arms)
        + "</tr>"
        for number, row in enumerate(arms[0]["languages"])
    )
    return (
        f'<div class="scroll"><table><thead><tr><th scope="col">Language</th><th scope="col">Share of the target</th>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _write_volunteers(told: Mapping[str, Any]) -> str:
    fitted = set(told["fitted"])
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(str(value))}</td>'
        f"<td>{'from the past' if name in fitted else 'assumed'}</td></tr>"
        for name, value in told.items()
        if name not in ("fitted", "is_utc")
    )
    return f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>'
