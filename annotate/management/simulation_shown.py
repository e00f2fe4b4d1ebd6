"""A simulation's report as lines on a terminal: what was taken for granted stands in its page and its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tasks.scheduling.simulation.comparing import measure_speed
from tasks.scheduling.simulation.growing_page import END_TITLES as GROWN_TITLES
from tasks.scheduling.simulation.growing_page import KIND_TITLES, write_digits
from tasks.scheduling.simulation.report_page import END_TITLES, tell

SHOWN = ("judgments", "coverage", "covered", "finished", "smallest", "longest_wait", "sameness", "tau")

Say = Callable[[str], Any]


def show_report(report: Mapping[str, Any], *, say: Say, head: Callable[[str], str]) -> None:
    """The figures of the end, a line each; then judgments to levels of coverage, what is left out, and the speed."""
    for arm in report["arms"]:
        say(head(arm["name"]))
        if report.get("grows"):
            show_grown(arm, say)
        else:
            for name in SHOWN:
                say(f"  {END_TITLES[name]}: {tell(arm['end'][name], digits=0 if name == 'judgments' else 3)}")
    what = "Pieces of work" if report.get("grows") else "Judgments"
    for level in report["reached"]:
        told = "; ".join(
            f"{arm['name']} {tell(found['judgments'], digits=0)}"
            for arm, found in zip(report["arms"], level["arms"], strict=True)
        )
        say(f"{what} to a coverage of {level['coverage']:.3f}: {told}")
    say("What this leaves out:")
    for one in report["left_out"]:
        say(f"  {one}")
    say(measure_speed(report))


def show_grown(arm: Mapping[str, Any], say: Say) -> None:
    """One way of a growing campaign: its figures, and how much was done of each kind."""
    for name, title in GROWN_TITLES.items():
        say(f"  {title}: {tell(arm['end'][name], digits=write_digits(name))}")
    for kind, done in arm["kinds"].items():
        say(f"  {KIND_TITLES[kind]}: {tell(done, digits=0)}")
    for code, times in arm["refused"].items():
        say(f"  Submits that were refused ({code}): {tell(times, digits=1)}")
