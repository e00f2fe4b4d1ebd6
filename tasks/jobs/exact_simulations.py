"""Simulations through the product itself: volunteers claim and submit by the services, and the jobs run in between.

    python -m tasks.jobs.exact_simulations < {"campaign" or "growing": …, "plan": …}

Run by `manage.py simulate --exact` as a process of its own on a database of its own, which it fills: it must never be
pointed at one with anything in it. It tells how far it is on standard error, and the report on standard output.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from functools import partial
from typing import Any


def main() -> None:
    """Migrate, run the plan, print the report."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotate.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from annotate.models import User

    told = json.load(sys.stdin)
    call_command("migrate", verbosity=0)
    if User.objects.exists():
        raise SystemExit("This database has people in it. An exact simulation fills an empty one.")
    report = compare_growing(told) if "growing" in told else compare_orders(told)
    sys.stdout.write(json.dumps({**report, "is_exact": True}, allow_nan=False))


def compare_orders(told: dict[str, Any]) -> dict[str, Any]:
    """A campaign of which orders are asked."""
    from tasks.jobs.exact_clock import Clock
    from tasks.jobs.exact_world import run_exactly
    from tasks.records.simulations import SimulatedCampaign, SimulationPlan
    from tasks.scheduling.simulation.assumptions import EXACT_ASSUMPTIONS, EXACT_LEFT_OUT
    from tasks.scheduling.simulation.comparing import compare_arms

    campaign = SimulatedCampaign.from_json(told["campaign"])
    # Nobody has judged anything there yet, and everything that is judged is ranked.
    units = tuple(replace(unit, done=0, confidence=None, waited=0.0, kind="rank") for unit in campaign.units)
    report = compare_arms(
        replace(campaign, units=units, parameters={**campaign.parameters, **HERE}),
        SimulationPlan.from_json(told["plan"]),
        clock=time.perf_counter,
        progress=tell,
        run_way=partial(run_exactly, Clock.install()),
    )
    return {**report, "assumed": list(EXACT_ASSUMPTIONS), "left_out": list(EXACT_LEFT_OUT)}


def compare_growing(told: dict[str, Any]) -> dict[str, Any]:
    """A campaign that grows trees."""
    from tasks.jobs.exact_clock import Clock
    from tasks.jobs.exact_growing import run_growing
    from tasks.records.growing_simulations import GrowingCampaign
    from tasks.records.simulations import SimulationPlan
    from tasks.scheduling.simulation import growing
    from tasks.scheduling.simulation.assumptions import EXACT_GROWING_ASSUMPTIONS, EXACT_GROWING_LEFT_OUT

    campaign = GrowingCampaign.from_json(told["growing"])
    report = growing.compare_growing(
        replace(campaign, parameters={**campaign.parameters, **HERE}),
        SimulationPlan.from_json(told["plan"]),
        clock=time.perf_counter,
        progress=tell,
        run_way=partial(run_growing, Clock.install()),
    )
    return {**report, "assumed": list(EXACT_GROWING_ASSUMPTIONS), "left_out": list(EXACT_GROWING_LEFT_OUT)}


#: Parameters that ask for what is not there: another site's encoder, gold items, generators.
HERE = {"embedder": "hashing", "gold_share": 0.0, "training_judgments": 0, "ask_variety": False}


def tell(done: int, of: int) -> None:
    """How far it is, a line each."""
    sys.stderr.write(f"{done} {of}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
