"""Sixteen processes on units that need three: late, doubled, skipped, undone and withdrawn work, leases of
milliseconds, needs that rise and fall. Never more counted than needed, counters equal to their rows, no
deadlock, no false "nothing for you"."""

from __future__ import annotations

import collections
import json
import os
import subprocess
import sys
import time

import psycopg
import pytest

from tests.loop import INTEGRITY

PROCESSES = 16
PEOPLE = 64
UNITS = 60
SECONDS = 12

pytestmark = pytest.mark.slow

SETUP = f"""
from tests.loop import *
from annotate.models import *
campaign = make_campaign(redundancy=3)
Campaign.objects.update(parameters={{"redundancy": 3, "lease_seconds": 0.08, "offered_lease_seconds": 0.04, "max_held": 8}})
for number in range({UNITS}):
    make_prompt(campaign, f"Question {{number}}?", replies=6 if number % 3 == 0 else 4)
for number in range({PEOPLE}):
    make_annotator(f"p{{number}}")
"""


def start(role: str, seed: int, environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.faults.annotators", str(seed), str(SECONDS), role]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def count_drift(url: str) -> dict[str, int]:
    """Rows for which a counter is not true, seen by one snapshot."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        found = {name: len(connection.execute(sql).fetchall()) for name, sql in INTEGRITY.items()}
        found["over"] = len(connection.execute("SELECT 1 FROM annotate_unit WHERE done + held > needed").fetchall())
    return {name: count for name, count in found.items() if count}


def test_counters_stay_true_while_sixteen_processes_do_their_worst(clone_database):
    url = clone_database()
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "annotate.settings"}
    prepare = "import django; django.setup()\n" + SETUP
    subprocess.run([sys.executable, "-c", prepare], env=environment, check=True)
    processes = [start("annotators", seed, environment) for seed in range(PROCESSES)]
    processes += [
        start("scheduler", 100, environment),
        start("sweeper", 101, environment),
        start("sweeper", 102, environment),
    ]
    drift: list[dict[str, int]] = []
    while any(process.poll() is None for process in processes):
        drift.append(count_drift(url))
        time.sleep(0.5)
    met: collections.Counter[str] = collections.Counter()
    for process in processes:
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        met.update(json.loads(output))
    print(dict(met))
    assert [found for found in drift if found] == []
    assert count_drift(url) == {}
    assert {key: value for key, value in met.items() if key.startswith("error")} == {}
    # The run met what it is about; otherwise it shows nothing.
    for wanted in ("submitted", "surplus", "skipped", "undone", "withdrawn", "swept", "needs changed"):
        assert met[wanted] > 0, (wanted, dict(met))
    assert met["submitted"] > 50
