"""`make bench BENCH=million`: what the jobs and pages of a campaign with a million open units cost, beside one of 20,000.

A fresh PostgreSQL from the wheels holds two campaigns, a small and a large one, that differ in size alone: 250,000 prompts in
eight languages with their vectors, four open units each, judgments of four weeks (`million_data`). Each job then runs in a
process of its own as the worker would run it (`million_parts`), in the order of a campaign's life: the first tick, topics and
places, the first full plan (which writes a band for every unit), a tick after 1,000 judgments, another one with nothing new,
the full plan again, 1,000 new prompts embedded and placed, briefs, asks for variety, traits, standing, summaries, the prompts
near one that somebody writes; claims, alone and while the full plan writes; and six pages.

A line for each: seconds of the processor that the job took and those of PostgreSQL meanwhile, for both campaigns; `growth`, how
many times more of both together the large one took (the large one is 50 times the small one; what is bounded stays near 1);
seconds by the clock, the megabytes by which the process grew, and the slowest statement. The last line is JSON: `units`,
`tick_growth` and `tick_cpu` (goal: a tick costs what changed, so far below 50), `most_mb` (goal: below 1,000), `near_ms` (goal:
below 50), `claims_growth`, `claims_p99_ms` and `beside_p99_ms` (a hundredth of claims takes longer: alone, and while the full plan
reads and writes), `slowest_ms` of all statements, `slowest_page_ms`.

QUICK=1: 50,000 units beside 5,000. KEEP=FOLDER keeps the servers' data there, filled once.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from annotate.embedded.engines import start_engines
from annotate.embedded.places import Places
from tests.bench.serving import Bench

QUICK = os.environ.get("QUICK") == "1"
SIZES = {"small": 5_000, "large": 50_000} if QUICK else {"small": 20_000, "large": 1_000_000}
#: The parts in their order; `judge`: judgments come in. The same part a second time has another name in what is printed.
PARTS = (
    ("first tick", "tick"),
    ("topics", "topics"),
    ("first full plan", "plan"),
    ("judgments", "judge"),
    ("tick", "tick"),
    ("tick again", "tick"),
    ("full plan", "plan"),
    ("embed 1,000", "embed"),
    ("place 1,000", "place"),
    ("briefs", "briefs"),
    ("variety", "variety"),
    ("traits", "traits"),
    ("standing", "standing"),
    ("summaries", "summaries"),
    ("near prompts", "near"),
    ("claims", "claims"),
    ("pages", "pages"),
)
SECONDS_BESIDE = 15

Figures = dict[str, Any]


def main() -> None:
    kept = os.environ.get("KEEP")
    home = Path(kept or tempfile.mkdtemp(prefix="chorus-bench-", dir="/tmp"))
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o711)  # the engines' account must reach its folder
    bench = Bench(home)
    bench.places = Places(data=home / "data", run=home / "run")
    engines = start_engines(bench.places)
    try:
        found = {name: measure(bench, name, units) for name, units in SIZES.items()}
    finally:
        engines.stop()
        if not kept:
            shutil.rmtree(home, ignore_errors=True)
    report(found)


def measure(bench: Bench, name: str, units: int) -> dict[str, Figures]:
    """All parts of one campaign, on a fresh copy of what was filled in."""
    fill(bench, name, units)
    bench.create(name, template=f"{name}_filled")
    found: dict[str, Figures] = {}
    for title, part in PARTS:
        found[title] = run_part(bench, name, part)
        print(f"{name:6} {title:16} {json.dumps({k: v for k, v in found[title].items() if k != 'pages'})}", flush=True)
    run_part(bench, name, "disturb")
    plan = start_part(bench, name, "plan")
    found["claims beside"] = run_part(bench, name, "claims", CLAIM_SECONDS=str(SECONDS_BESIDE))
    finish_part(plan)
    print(f"{name:6} claims beside    {json.dumps(found['claims beside'])}", flush=True)
    return found


def fill(bench: Bench, name: str, units: int) -> None:
    import psycopg

    database = f"{name}_filled"
    with psycopg.connect(bench.url("postgres"), autocommit=True) as connection:
        is_there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
    if is_there:
        return
    begun = time.perf_counter()
    bench.create("filling")
    command = [sys.executable, "-m", "tests.bench.million_data", str(units)]
    done = subprocess.run(command, env=bench.environment("filling"), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    with psycopg.connect(bench.url("postgres"), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE filling RENAME TO "{database}"')
    print(f"filled {name} with {units:,} open units in {time.perf_counter() - begun:.0f} s", flush=True)


def start_part(bench: Bench, name: str, part: str, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.bench.million_parts", part]
    environment = bench.environment(name, CHORUS_PROCESS="web" if part in {"pages", "claims"} else "worker", **more)
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish_part(process: subprocess.Popen[str]) -> Figures:
    said, told = process.communicate()
    if process.returncode:
        raise SystemExit(told[-3000:])
    answer: Figures = json.loads(said.splitlines()[-1])
    return answer


def run_part(bench: Bench, name: str, part: str, **more: str) -> Figures:
    return finish_part(start_part(bench, name, part, **more))


def growth(small: Figures, large: Figures, *names: str) -> float:
    """How many times more the large campaign took; what is below what can be measured counts as that."""
    few, many = (max(sum(found[name] for name in names), 0.02) for found in (small, large))
    return round(many / few, 1)


def report(found: dict[str, dict[str, Figures]]) -> None:
    small, large = found["small"], found["large"]
    print(
        f"\n{'':18}{'cpu':>8}{'server':>8}   {'large':>6}{'server':>8}{'growth':>8}{'clock':>8}{'MB':>6}  slowest statement"
    )
    for title, many in large.items():
        few = small[title]
        print(
            f"{title:18}{few['cpu']:>8}{few['server_cpu']:>8}   {many['cpu']:>6}{many['server_cpu']:>8}"
            f"{growth(few, many, 'cpu', 'server_cpu'):>8}{many['seconds']:>8}{many['grew_mb']:>6}"
            f"  {many['slowest_ms']} ms {many['slowest'][:60]}"
        )
    for page, many in large["pages"]["pages"].items():
        few = small["pages"]["pages"][page]
        print(
            f"page {page:13}{few['cpu']:>8}{few['server_cpu']:>8}   {many['cpu']:>6}{many['server_cpu']:>8}"
            f"{growth(few, many, 'cpu', 'server_cpu'):>8}{many['seconds']:>8}{'':>6}"
            f"  {many['statements']} statements, {many['slowest_ms']} ms {many['slowest'][:60]}"
        )
    pages = large["pages"]["pages"].values()
    print(json.dumps({
        "units": SIZES["large"],
        "tick_growth": growth(small["tick"], large["tick"], "cpu", "server_cpu"),
        "tick_cpu": round(large["tick"]["cpu"] + large["tick"]["server_cpu"], 2),
        "most_mb": max(figures["grew_mb"] for figures in large.values()),
        "near_ms": large["near prompts"]["p50_ms"],
        "claims_growth": growth(small["claims"], large["claims"], "cpu", "server_cpu"),
        "claims_p99_ms": large["claims"]["p99_ms"],
        "beside_p99_ms": large["claims beside"]["p99_ms"],
        "slowest_ms": max(figures["slowest_ms"] for figures in large.values()),
        "slowest_page_ms": round(max(page["seconds"] for page in pages) * 1000),
        "quick": QUICK,
    }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
