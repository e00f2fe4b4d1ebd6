"""`manage.py simulate CAMPAIGN|FILE`: imagines a campaign with made-up volunteers, and compares policies and parameters."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotate.management.simulation_exact import run_exactly
from annotate.management.simulation_shown import show_report
from annotate.management.simulation_sources import find_growing, find_source
from tasks.records.growing_simulations import GrowingCampaign
from tasks.records.parameters import BOOLEAN
from tasks.records.simulations import SimulatedCampaign, SimulationPlan, find_plan_problems, plan_arms
from tasks.scheduling.simulation.comparing import compare_arms
from tasks.scheduling.simulation.grove import compare_in_memory
from tasks.scheduling.simulation.growing_page import write_growing_page
from tasks.scheduling.simulation.report_page import write_page
from tasks.vocabulary import PolicyName

#: Said before it runs.
GROWS = "This campaign grows trees. It is imagined from nothing: as its organizers decided it, without the texts that are there."


class Command(BaseCommand):
    help = (
        "Imagine a campaign with volunteers that are made up (fitted to its past where there is one) under several policies "
        "and parameters, and compare them with intervals. Nothing of the campaign is changed. Where trees grow, volunteers write, "
        "reply, review and rank, from nothing; elsewhere they rank and compare the prompts that are there."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """NAME=VALUE may stand behind options too."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        vars(parser)["parse_args"] = parser.parse_intermixed_args
        return parser

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
            "--policy", action="append", default=[], metavar="NAME",
            help=f"what decides what comes first (repeat it to compare): {', '.join(PolicyName)}; the campaign's own by default",
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
            help="through the product itself, its services and jobs, in a database of its own that is removed again: slow",
        )  # fmt: skip
        parser.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")

    def handle(self, *, target: str, **options: Any) -> None:
        check_options(options)
        campaign = find_growing(target) or find_source(target, prompts=options["prompts"], seed=options["seed"])
        if isinstance(campaign, GrowingCampaign):
            self.stdout.write(GROWS)
        elif not campaign.units:
            raise CommandError("There is nothing to put in order: no prompt of this campaign has two candidates.")
        plan = make_plan(campaign.parameters, options)
        report = self.compare(campaign, plan, is_exact=options["exact"])
        show_report(report, say=self.stdout.write, head=self.style.MIGRATE_HEADING)
        page = write_growing_page if report.get("grows") else write_page
        for name, write in (("html", page), ("json", json.dumps)):
            if options[name]:
                options[name].write_text(write(report), encoding="utf-8")
                self.stdout.write(f"The report is in {options[name]}.")

    def compare(
        self, campaign: SimulatedCampaign | GrowingCampaign, plan: SimulationPlan, *, is_exact: bool
    ) -> dict[str, Any]:
        """Run the plan in memory, or through the services."""
        progress = Steps(self.stderr.write)
        if is_exact:
            return run_exactly(campaign, plan, progress=progress)
        if isinstance(campaign, GrowingCampaign):
            return compare_in_memory(campaign, plan, clock=time.perf_counter, progress=progress)
        return compare_arms(campaign, plan, clock=time.perf_counter, progress=progress)


class Steps:
    """Says how far it is, once for each way of each run."""

    def __init__(self, say: Any) -> None:
        self.say, self.told = say, 0

    def __call__(self, done: int, of: int) -> None:
        if done > self.told:
            self.told = done
            self.say(f"{done} of {of}")


def check_options(options: dict[str, Any]) -> None:
    """What can be refused before anything is read, and long before a report would be lost."""
    if not 1 <= options["prompts"] <= 2_000_000:
        raise CommandError("--prompts must be a whole number from 1 to 2000000.")
    for name in ("html", "json"):
        path = options[name]
        if path and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise CommandError(f"--{name}: no report can be written to {path}. Name a file in a folder that is there.")


def make_plan(parameters: Mapping[str, Any], options: dict[str, Any]) -> SimulationPlan:
    """What is asked for, checked. Raises CommandError with every problem."""
    tried = dict(read_tried(text) for text in options["values"])
    arms = plan_arms(policies=options["policy"], tried=tried, parameters=parameters)
    plan = SimulationPlan(arms, options["annotators"], options["days"], options["runs"], options["seed"])
    problems = find_plan_problems(plan, parameters=parameters, limits=False)
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
