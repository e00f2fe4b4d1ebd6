"""`manage.py simulate CAMPAIGN|FILE`: imagines a campaign with made-up volunteers, and compares policies and parameters."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotate.management.simulation_exact import run_exactly
from annotate.management.simulation_sources import find_source
from tasks.records.parameters import BOOLEAN
from tasks.records.simulations import SimulatedCampaign, SimulationPlan, find_plan_problems, plan_arms
from tasks.scheduling.simulation.comparing import compare_arms, measure_speed
from tasks.scheduling.simulation.report_page import END_TITLES, tell, write_page
from tasks.vocabulary import PolicyName

SHOWN = ("judgments", "coverage", "covered", "finished", "smallest", "longest_wait", "sameness", "tau")


class Command(BaseCommand):
    help = (
        "Imagine a campaign with volunteers that are made up (fitted to its past where there is one) under several policies "
        "and parameters, and compare them with intervals. Nothing of the campaign is changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "target", metavar="CAMPAIGN|FILE",
            help="a campaign's slug; a campaign's file as apply_campaign takes it (.toml), for which prompts are made up; or "
            "prompts as import_data takes them (JSON Lines)",
        )  # fmt: skip
        parser.add_argument(
            "values", metavar="NAME=VALUE", nargs="*",
            help="a parameter that is tried; with NAME=VALUE,VALUE each of them, with every policy",
        )  # fmt: skip
        parser.add_argument(
            "--policy", action="append", default=[], choices=[policy.value for policy in PolicyName],
            help="what decides what comes first (repeat it to compare); the campaign's own by default",
        )  # fmt: skip
        parser.add_argument("--annotators", type=int, default=100, metavar="N", help="volunteers")
        parser.add_argument("--days", type=int, default=14, metavar="N", help="days from now")
        parser.add_argument(
            "--runs", type=int, default=5, metavar="N", help="repetitions with other dice, for intervals"
        )
        parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the dice: the same gives the same")
        parser.add_argument("--prompts", type=int, default=1000, metavar="N", help="made up for a campaign's file")
        parser.add_argument(
            "--exact", action="store_true",
            help="through the product itself, in a database of its own that is removed again: slow, and nothing is left out "
            "but people",
        )  # fmt: skip
        parser.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")

    def handle(self, *, target: str, **options: Any) -> None:
        if not 1 <= options["prompts"] <= 2_000_000:
            raise CommandError("--prompts must be a whole number from 1 to 2000000.")
        campaign = find_source(target, prompts=options["prompts"], seed=options["seed"])
        if not campaign.units:
            raise CommandError("There is nothing to put in order: no prompt of this campaign has two candidates.")
        plan = make_plan(campaign, options)
        report = self.compare(campaign, plan, options)
        self.show(report)
        for name, text in (("html", write_page), ("json", json.dumps)):
            if options[name]:
                options[name].write_text(text(report), encoding="utf-8")
                self.stdout.write(f"The report is in {options[name]}.")

    def compare(self, campaign: SimulatedCampaign, plan: SimulationPlan, options: dict[str, Any]) -> dict[str, Any]:
        """Run the plan in memory, or through the services."""
        if options["exact"]:
            return run_exactly(campaign, plan, progress=Steps(self.stderr.write))
        return compare_arms(campaign, plan, clock=time.perf_counter, progress=Steps(self.stderr.write))

    def show(self, report: dict[str, Any]) -> None:
        """The figures of the end, a line each."""
        for arm in report["arms"]:
            self.stdout.write(self.style.MIGRATE_HEADING(arm["name"]))
            for name in SHOWN:
                told = tell(arm["end"][name], digits=0 if name == "judgments" else 3)
                self.stdout.write(f"  {END_TITLES[name]}: {told}")
        for level in report["reached"]:
            told = "; ".join(
                f"{arm['name']} {tell(found['judgments'], digits=0)}"
                for arm, found in zip(report["arms"], level["arms"], strict=True)
            )
            self.stdout.write(f"Judgments to a coverage of {level['coverage']:.3f}: {told}")
        self.stdout.write(measure_speed(report))


class Steps:
    """Says how far it is, once for each way of each run."""

    def __init__(self, say: Any) -> None:
        self.say, self.told = say, 0

    def __call__(self, done: int, of: int) -> None:
        if done > self.told:
            self.told = done
            self.say(f"{done} of {of}")


def make_plan(campaign: SimulatedCampaign, options: dict[str, Any]) -> SimulationPlan:
    """What is asked for, checked. Raises CommandError with every problem."""
    tried = dict(read_tried(text) for text in options["values"])
    arms = plan_arms(policies=options["policy"], tried=tried, parameters=campaign.parameters)
    plan = SimulationPlan(arms, options["annotators"], options["days"], options["runs"], options["seed"])
    problems = find_plan_problems(plan, parameters=campaign.parameters, limits=False)
    if problems:
        raise CommandError("\n".join(problems.values()))
    return plan


def read_tried(text: str) -> tuple[str, list[Any]]:
    """`NAME=VALUE,VALUE`: numbers where they are, true, false and none."""
    name, equals, values = text.partition("=")
    if not equals or not name or not values:
        raise CommandError(f'"{text}" is no parameter to try: write NAME=VALUE, or NAME=VALUE,VALUE.')
    return name, [read_value(name, value) for value in values.split(",")]


def read_value(name: str, text: str) -> Any:
    if text == "none":
        return None
    if name in BOOLEAN and text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
