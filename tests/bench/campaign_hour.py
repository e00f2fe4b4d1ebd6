"""Trees grown by scripted volunteers over HTTP: from nothing to done, with server, worker and beat running.

python -m tests.bench.campaign_hour     (QUICK=1: half a minute instead of ten; SECONDS=n: n seconds)

PostgreSQL with fsync, granian with two processes of four threads, a Celery worker with two processes, beat: all on this
machine, and so are the volunteers (two processes of their own). People of uneven languages sit down one after the
other, write prompts, turns and replies, review and rank; four in a hundred texts are spam, two in a hundred pieces of
work are skipped. Then the worker gets time to settle, and the trees are looked at.

`per_second`                 pieces of work submitted, by all people together
`ratio`                      that over units/s of a bare Django exchange on the same server, measured just before
`hours_for_open_assistant`   161,443 messages and 461,292 ratings at that rate
`refused_after_offer`        work that was offered and then refused, but for what was removed meanwhile
`stuck_trees`                trees that have not ended and ask nobody for anything
"""

from __future__ import annotations

import collections
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from annotate.embedded.engines import start_engines
from annotate.embedded.run import QUEUES
from tests.bench.serving import Bench

QUICK = bool(os.environ.get("QUICK"))
SECONDS = float(os.environ.get("SECONDS") or (30 if QUICK else 600))
PEOPLE = 60 if QUICK else 600
PROCESSES, SITTINGS = 2, 8
#: How long the worker may take after the last submit until nothing is marked any more.
SETTLE_SECONDS = 60.0
OPEN_ASSISTANT = 161_443 + 461_292
OPEN_LIMITS = {"CHORUS_LIMIT_ADDRESS": "0", "CHORUS_LIMIT_PERSON": "0", "CHORUS_LIMIT_GUESTS": "0"}


class Hour(Bench):
    """The servers of `Bench`, and a worker with its beat."""

    def environment(self, database: str, **more: str) -> dict[str, str]:
        return super().environment(database, **OPEN_LIMITS, **more)

    def run_data(self, *arguments: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "tests.bench.campaign_data", *arguments]
        done = subprocess.run(command, env=self.environment("hour"), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    @contextmanager
    def work(self) -> Any:
        """A worker and beat, as `make run` starts them."""
        celery = [sys.executable, "-m", "celery", "-A", "annotate.celery"]
        worker = [*celery, "worker", "--queues", QUEUES, "--concurrency", "2", "--without-gossip", "--without-mingle",
                  "--without-heartbeat", "--hostname", "worker@bench", "--loglevel", "WARNING"]  # fmt: skip
        beat = [*celery, "beat", "--pidfile=", "--loglevel", "WARNING"]
        with ExitStack() as stack:
            for command in (worker, beat):
                stack.enter_context(self.child(command))
            yield

    @contextmanager
    def child(self, command: list[str]) -> Any:
        log = (self.home / "worker.log").open("ab")
        environment = self.environment("hour", CHORUS_PROCESS="worker")
        process = subprocess.Popen(command, env=environment, start_new_session=True, stdout=log, stderr=log)
        try:
            yield
        finally:
            log.close()
            os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def volunteers(self, plan: dict[str, Any]) -> list[dict[str, Any]]:
        processes = []
        for number in range(PROCESSES):
            file = self.home / f"people-{number}.json"
            file.write_text(json.dumps({**plan, "people": plan["people"][number::PROCESSES], "sittings": SITTINGS}))
            command = [sys.executable, "-m", "tests.bench.campaign_people", str(self.port), str(file), str(SECONDS)]
            processes.append(subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, text=True))
        told = [process.communicate()[0] for process in processes]
        if any(process.returncode for process in processes):
            raise SystemExit("A process of volunteers failed; see above.")
        return [json.loads(lines.splitlines()[-1]) for lines in told]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="chorus-bench-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        hour = Hour(Path(folder))
        engines = start_engines(hour.places, unsafe=False)
        try:
            measure(hour)
        finally:
            engines.stop()


def measure(hour: Hour) -> None:
    bare = measure_bare(hour)
    hour.create("hour")
    plan = hour.run_data("fill", str(PEOPLE))
    print(f"filled; {PEOPLE} people, {SECONDS:.0f} s of work", flush=True)
    with hour.serve("product", "hour"), hour.work():
        time.sleep(3)  # beat's first round: what prompts are wanted
        told = hour.volunteers(plan)
        looked = settle(hour)
    report(told, looked, bare)


def measure_bare(hour: Hour) -> float:
    hour.create("bare")
    plan = {"kind": "limit", **hour.prepare("bare", "limit")}
    with hour.serve("limit", "bare"):
        rate: float = hour.load(plan, seconds=3.0 if QUICK else 10.0)["units_per_s"]
    print(f"bare exchange: {rate} units/s", flush=True)
    return rate


def settle(hour: Hour) -> dict[str, Any]:
    """What is there once nothing about trees is marked any more."""
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        looked = hour.run_data("look")
        if not looked["behind"].get("tree") or time.monotonic() > until:
            return looked
        time.sleep(2)


def report(told: list[dict[str, Any]], looked: dict[str, Any], bare: float) -> None:
    counts = {
        name: dict(sum((collections.Counter(one[name]) for one in told), collections.Counter()).most_common())
        for name in ("kinds", "refused", "gone", "nothing")
    }
    per_second = sum(counts["kinds"].values()) / SECONDS
    done = sum(states.get("done", 0) for states in looked["states"].values())
    print(
        json.dumps(
            {
                "bench": "campaign_hour",
                "quick": QUICK,
                "per_second": round(per_second, 1),
                "ratio": round(per_second / bare, 3),
                "hours_for_open_assistant": round(OPEN_ASSISTANT / per_second / 3600, 2) if per_second else None,
                "refused_after_offer": sum(n for what, n in counts["refused"].items() if not what.startswith("next")),
                "stuck_trees": len(looked["stuck"]),
                "trees_done": done,
                "next_ms": percentiles([second for one in told for second in one["next_seconds"]]),
                "submit_ms": percentiles([second for one in told for second in one["submit_seconds"]]),
                **counts,
                **looked,
            }
        )
    )


def percentiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    if not ordered:
        return {}
    return {f"p{share}": round(ordered[int(len(ordered) * share / 100)] * 1e3, 1) for share in (50, 99)}


if __name__ == "__main__":
    main()
