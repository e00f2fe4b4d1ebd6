"""Simulations through the product itself: volunteers claim and submit by the services, and the jobs run in between.

    python -m tasks.jobs.exact_simulations < {"campaign": …, "plan": …}

Run by `manage.py simulate --exact` as a process of its own on a database of its own, which it fills: it must never be
pointed at one with anything in it. It tells how far it is on standard error, and the report on standard output.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace


def main() -> None:
    """Migrate, run the plan, print the report."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotate.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from annotate.models import User
    from tasks.jobs.exact_world import run_exactly
    from tasks.records.simulations import SimulatedCampaign, SimulationPlan
    from tasks.scheduling.simulation.comparing import compare_arms

    told = json.load(sys.stdin)
    call_command("migrate", verbosity=0)
    if User.objects.exists():
        raise SystemExit("This database has people in it. An exact simulation fills an empty one.")
    campaign = SimulatedCampaign.from_json(told["campaign"])
    # Nobody has judged anything there yet, and everything that is judged is ranked.
    units = tuple(replace(unit, done=0, confidence=None, waited=0.0, kind="rank") for unit in campaign.units)
    report = compare_arms(
        replace(campaign, units=units),
        SimulationPlan.from_json(told["plan"]),
        clock=time.perf_counter,
        progress=tell,
        run_way=run_exactly,
    )
    sys.stdout.write(json.dumps({**report, "is_exact": True}, allow_nan=False))


def tell(done: int, of: int) -> None:
    """How far it is, a line each."""
    sys.stderr.write(f"{done} {of}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
