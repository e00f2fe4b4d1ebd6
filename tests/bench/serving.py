"""Submit-and-next as one exchange over HTTP, against a bare Django application on the same server and machine.

python -m tests.bench.serving     (QUICK=1: a minute, with 50,000 units instead of a million)

Sixteen signed-in annotators in a closed loop, session, CSRF, rate limits and every check on; PostgreSQL with fsync,
granian with two processes of four threads. Interleaved rounds: the bare application, the product on 1,000 open units,
the product on many; medians. Each round of the bare application and of the small campaign begins with a fresh copy.
Then, alone on the large campaign: somebody typical, somebody who has done the thousand most wanted units, somebody
with 25,000 past units. Then the large campaign alone and with the scheduler at work beside it: ticks every second, and the
full plan with its counts every minute. The counters of both campaigns are checked at the end.

`ratio`  units/s of the product (1,000 units) over the bare application's
`flat`   units/s on many units over units/s on 1,000
`beside` units/s on many units beside the scheduler over units/s without it. Its first full plan, which writes the bands of
         all units, takes longer than the minute here: it is at work all the time, and `full_plans_s` stays empty
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from annotate.embedded.engines import start_engines
from annotate.embedded.places import Places
from tests.conftest import find_free_port

QUICK = bool(os.environ.get("QUICK"))
SMALL, LARGE = 1_000, 50_000 if QUICK else 1_000_000
ROUNDS, SECONDS, WARMUP = (2, 3.0, 1.0) if QUICK else (5, 4.0, 1.5)
#: The whole of a minute, so that ticks and a full plan are in it.
BESIDE_SECONDS = 15.0 if QUICK else 60.0
APPLICATIONS = {"product": "annotate.wsgi:application", "limit": "tests.bench.limitapp:application"}


class Bench:
    """Servers and databases of one run, under one temporary folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.places = Places(data=home / "data", run=home / "run")
        self.port = find_free_port()

    def url(self, database: str) -> str:
        return self.places.database_url.replace("/chorus?", f"/{database}?")

    def environment(self, database: str, **more: str) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")},
            "DATABASE_URL": self.url(database),
            "REDIS_URL": self.places.redis_url,
            "SECRET_KEY": "bench-" + "x" * 50,
            "CHORUS_DATA": str(self.home / "files"),
            "CHORUS_STATIC_FILES": "live",
            "CHORUS_LOG_LEVEL": "WARNING",
            **more,
        }

    def create(self, database: str, *, template: str = "template1") -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            # A worker of autovacuum that is in it is the superuser's: it may not be ended, and soon ends by itself.
            for left in reversed(range(20)):
                try:
                    connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
                    break
                except psycopg.errors.InsufficientPrivilege:
                    if not left:
                        raise
                    time.sleep(0.5)
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')

    def prepare(self, database: str, *arguments: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "tests.bench.serving_data", *arguments]
        done = subprocess.run(command, env=self.environment(database), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    @contextmanager
    def serve(self, application: str, database: str) -> Any:
        settings = "annotate.settings" if application == "product" else "tests.bench.limitapp"
        command = [
            str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1",
            "--port", str(self.port), "--workers", "2", "--blocking-threads", "4", "--no-access-log",
            "--log-level", "error", APPLICATIONS[application],
        ]  # fmt: skip
        environment = self.environment(database, DJANGO_SETTINGS_MODULE=settings, CHORUS_PROCESS="web")
        server = subprocess.Popen(command, env=environment, start_new_session=True)
        try:
            wait_for(f"http://127.0.0.1:{self.port}/healthz")
            yield
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                server.wait(10)
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)

    @contextmanager
    def schedule(self, database: str) -> Iterator[list[str]]:
        """The scheduler at work beside; what it printed stands in the list at the end."""
        told: list[str] = []
        command = [sys.executable, "-m", "tests.bench.serving_data", "schedule"]
        worker = subprocess.Popen(command, env=self.environment(database), stdout=subprocess.PIPE, text=True)
        try:
            yield told
        finally:
            worker.terminate()
            told += (worker.communicate()[0] or "").splitlines()

    def load(self, plan: dict[str, Any], *, seconds: float = SECONDS) -> dict[str, Any]:
        file = self.home / "plan.json"
        file.write_text(json.dumps(plan))
        command = [sys.executable, "-m", "tests.bench.load", str(self.port), str(file), str(seconds), str(WARMUP)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer


def wait_for(url: str) -> None:
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"{url} did not answer within 30 s.")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="chorus-bench-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        bench = Bench(Path(folder))
        engines = start_engines(bench.places, unsafe=False)
        try:
            measure(bench)
        finally:
            engines.stop()


def measure(bench: Bench) -> None:
    plans = {}
    for name, arguments in {
        "small": ("product", str(SMALL)),
        "large": ("product", str(LARGE)),
        "limit": ("limit",),
    }.items():
        begun = time.perf_counter()
        bench.create(f"{name}_full")
        plans[name] = {"kind": arguments[0], **bench.prepare(f"{name}_full", *arguments)}
        print(f"filled {name} ({' '.join(arguments)}) in {time.perf_counter() - begun:.0f} s", flush=True)
    results: dict[str, list[dict[str, Any]]] = {"limit": [], "small": [], "large": []}
    for number in range(ROUNDS):
        for name in ("limit", "small", "large") if number % 2 == 0 else ("large", "small", "limit"):
            result = run_round(bench, name, plans[name])
            results[name].append(result)
            print(f"round {number + 1} {name:6} {result}", flush=True)
    special = measure_special(bench, plans["large"])
    beside = measure_beside(bench, plans["large"])
    drift = {
        name: bench.prepare(database, "drift") for name, database in {"small": "small", "large": "large_full"}.items()
    }
    report(results, special, beside, drift)


def run_round(bench: Bench, name: str, plan: dict[str, Any]) -> dict[str, Any]:
    database = "large_full"
    if name != "large":
        database = name
        bench.create(name, template=f"{name}_full")
    with bench.serve(plan["kind"], database):
        return bench.load(plan)


def measure_special(bench: Bench, plan: dict[str, Any]) -> dict[str, float]:
    """Median milliseconds of an exchange for one person alone, interleaved."""
    found: dict[str, list[float]] = {name: [] for name in plan["special"]}
    with bench.serve("product", "large_full"):
        for _ in range(2 if QUICK else 3):
            for name, session in plan["special"].items():
                result = bench.load({**plan, "sessions": [session]}, seconds=1.5)
                print(f"alone, {name:8} {result}", flush=True)
                found[name].append(result["p50_ms"])
    return {name: statistics.median(values) for name, values in found.items()}


def measure_beside(bench: Bench, plan: dict[str, Any]) -> dict[str, Any]:
    """The large campaign before, beside and after the scheduler's work."""
    with bench.serve("product", "large_full"):
        alone = [bench.load(plan, seconds=BESIDE_SECONDS / 3)]
        with bench.schedule("large_full") as told:
            beside = bench.load(plan, seconds=BESIDE_SECONDS)
        alone.append(bench.load(plan, seconds=BESIDE_SECONDS / 3))
    print(f"alone {alone}, beside {beside}, full plans {told}", flush=True)
    without = statistics.mean(each["units_per_s"] for each in alone)
    return {
        "beside": round(beside["units_per_s"] / without, 3),
        "beside_p99_ms": beside["p99_ms"],
        "alone_p99_ms": statistics.mean(each["p99_ms"] for each in alone),
        "full_plans_s": [json.loads(line)["planned_s"] for line in told],
    }


def report(
    results: dict[str, list[dict[str, Any]]], special: dict[str, float], beside: dict[str, Any], drift: dict[str, Any]
) -> None:
    rate = {name: statistics.median(result["units_per_s"] for result in runs) for name, runs in results.items()}
    errors = {name: merged for name, runs in results.items() if (merged := [r["errors"] for r in runs if r["errors"]])}
    print(
        json.dumps(
            {
                "bench": "serving",
                "quick": QUICK,
                "units": {"small": SMALL, "large": LARGE},
                "units_per_s": rate,
                "p99_ms": {name: statistics.median(r["p99_ms"] for r in runs) for name, runs in results.items()},
                "ratio": round(rate["small"] / rate["limit"], 3),
                "flat": round(rate["large"] / rate["small"], 3),
                **beside,
                "alone_p50_ms": special,
                "alone_flat": {name: round(special["typical"] / special[name], 3) for name in ("front", "past")},
                "drift": drift,
                "errors": errors,
            }
        )
    )


if __name__ == "__main__":
    main()
