"""The report on a growing campaign as one page of HTML, in the parts of every simulation's page."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from tasks.scheduling.simulation.report_page import (
    draw_curve,
    tell_runs,
    write_figures,
    write_foot,
    write_head,
    write_levels,
)
from tasks.vocabulary import Kind, TreeState

ALONG = "Pieces of work"
CURVE_TITLES: Mapping[str, str] = {
    "coverage": "Coverage",
    "covered": "Coverage: prompts",
    "smallest": "Coverage of the least covered language",
}
COUNT_TITLES: Mapping[str, str] = {"trees": "Trees that are done", "messages": "Messages that reviewers accepted"}
END_TITLES: Mapping[str, str] = {
    "judgments": "Pieces of work",
    "hours": "Hours of volunteers at work",
    "begun": "Trees begun",
    "trees": "Trees done",
    "low_grade": "Trees whose prompt was rejected",
    "messages": "Messages accepted",
    "rejected": "Messages rejected",
    "coverage": "Coverage",
    "covered": "Coverage: prompts",
    "smallest": "Coverage of the least covered language",
    "longest_wait": "Longest wait for a first answer (days)",
    "usual_wait": "Median wait for a first answer (days)",
    "sameness": "Next piece of the same kind and language as the one before",
    "found_nothing": "Visits that ended because nothing was there",
    "stuck": "Trees that ask nobody for anything",
}
KIND_TITLES: Mapping[str, str] = {
    Kind.WRITE_PROMPT: "Prompts written",
    Kind.WRITE_PAIR: "Pairs written",
    Kind.WRITE_PROMPTER_REPLY: "Turns of prompters",
    Kind.WRITE_ASSISTANT_REPLY: "Replies of the assistant",
    Kind.IMPROVE_REPLY: "Improvements",
    Kind.LABEL: "Reviews",
    Kind.RANK: "Rankings",
    Kind.COMPARE: "Comparisons",
}
STATE_TITLES: Mapping[str, str] = {
    TreeState.PROMPT_REVIEW: "The prompt is reviewed",
    TreeState.WAITING: "Waits for its turn",
    TreeState.GROWING: "Grows",
    TreeState.RANKING: "Is ranked",
    TreeState.DONE: "Done",
    TreeState.LOW_GRADE: "Rejected",
    TreeState.HALTED: "Halted",
    TreeState.RETIRED: "Retired",
}
_FINE = frozenset({"coverage", "covered", "smallest", "longest_wait", "usual_wait", "sameness"})


def write_digits(name: str) -> int:
    """Return the digits that a figure of the end is told with."""
    return 3 if name in _FINE else 1


def write_growing_page(report: Mapping[str, Any]) -> str:
    """Return the whole page."""
    arms = report["arms"]
    kinds = {kind: title for kind, title in KIND_TITLES.items() if any(kind in arm["kinds"] for arm in arms)}
    states = {state: title for state, title in STATE_TITLES.items() if any(state in arm["states"] for arm in arms)}
    return "\n".join(
        [
            *write_head(report["campaign"]),
            f"<p>{_tell_size(report)}</p>",
            *(draw_curve(arms, name, title, along=ALONG) for name, title in CURVE_TITLES.items()),
            *(
                draw_curve(arms, name, title, along=ALONG, top=_find_top(arms, name), digits=1)
                for name, title in COUNT_TITLES.items()
            ),
            "<h2>Pieces of work to cover what all of them cover</h2>",
            write_levels(report),
            "<h2>At the end</h2>",
            write_figures(arms, {name: (title, write_digits(name)) for name, title in END_TITLES.items()}, part="end"),
            "<h2>What was done</h2>",
            write_figures(arms, {name: (title, 1) for name, title in kinds.items()}, part="kinds", first="Kind"),
            "<h2>Where trees stand</h2>",
            write_figures(arms, {name: (title, 1) for name, title in states.items()}, part="states", first="State"),
            *write_foot(report, more=_write_minutes(report["minutes"])),
        ]
    )


def _tell_size(report: Mapping[str, Any]) -> str:
    asked = report["asked"]
    languages = ", ".join(map(escape, report["languages"]))
    return (
        f"A campaign that grows trees from nothing in {len(report['languages'])} languages ({languages}), with "
        f"{report['briefs']:,} briefs of its organizers; {asked['annotators']:,} volunteers for {asked['days']} days, "
        f"{tell_runs(report)}."
    )


def _find_top(arms: Sequence[Mapping[str, Any]], name: str) -> float:
    return max((one[name]["high"] or one[name]["mean"] for arm in arms for one in arm["curve"]), default=0.0) or 1.0


def _write_minutes(minutes: Mapping[str, Mapping[str, Any]]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(KIND_TITLES[kind])}</th><td>{told["minutes"]:.2f}</td>'
        f"<td>{'from the past' if told['is_fitted'] else 'assumed'}</td></tr>"
        for kind, told in minutes.items()
    )
    return (
        '<h3>Minutes of a piece of work, half take longer</h3><div class="scroll"><table><tbody>'
        f"{rows}</tbody></table></div>"
    )
