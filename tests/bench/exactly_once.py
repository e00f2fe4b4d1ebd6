"""`make bench BENCH=exactly_once`: a thousand requests while workers are killed every few seconds; none lost, none twice.

A fresh PostgreSQL, a tiny real model (LLaMA, built and saved here), a thousand prompts with one request each. Two workers
(`manage.py generate`, processes of their own) answer them; a few seconds after one has begun to work it is killed with
SIGKILL, and another one starts in its place. What was set aside because two workers died over it is tried again at the
end, as its organizer would. While this goes on, the sweep runs as beat wakes it.

Ends with one line of JSON: `lost` (requests that have no answer in the end, good or bad) and `doubled` (requests with more than one
candidate, or candidates that no request asked for), both 0; how many kills there were, how many requests were under way
when one happened, and `ratio`: the time that the same took with nobody killed, over the time that it took. QUICK=1: two
hundred.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from annotate.embedded.engines import start_engines
from annotate.embedded.places import Places

set_up_django = import_module("tests.bench.import").set_up_django

QUICK = os.environ.get("QUICK") == "1"
REQUESTS = 200 if QUICK else 1_000
WORKERS = 2
#: Large enough that a worker is at it when it is killed.
SIZE = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 5, "num_attention_heads": 8}
LIFE_SECONDS = (1.0, 4.0)
SWEEP_SECONDS = 5.0
PATIENCE_SECONDS = 1_500.0


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="chorus-bench-", dir="/tmp"))
    home.chmod(0o711)  # the engines' account must reach its folder
    places = Places(data=home / "data", run=home / "run")
    engines = start_engines(places)
    try:
        set_up_django(places, home)
        result = measure(home)
    finally:
        engines.stop()
        shutil.rmtree(home, ignore_errors=True)
    print(json.dumps(result), flush=True)


def measure(home: Path) -> dict[str, Any]:
    from tests.tiny_models import build_model

    folder = build_model(home / "model", **SIZE)
    calm = Rounds(folder, home, slug="calm", kills=False).run()
    print(f"with nobody killed: {calm['seconds']} s", file=sys.stderr)
    wild = Rounds(folder, home, slug="wild", kills=True).run()
    return {
        "bench": "exactly_once",
        "requests": REQUESTS,
        **wild,
        "calm_seconds": calm["seconds"],
        "calm_lost": calm["lost"],
        "calm_doubled": calm["doubled"],
        "calm_outcomes": calm["outcomes"],
        "ratio": round(calm["seconds"] / wild["seconds"], 3),
    }


class Rounds:
    """One campaign of requests, and the workers that answer them."""

    def __init__(self, folder: Path, home: Path, *, slug: str, kills: bool) -> None:
        from annotate.models import CampaignGenerator, Generator
        from annotate.services.generation import request_candidates
        from tests.loop import make_campaign, make_prompt

        self.kills = kills
        self.home = home
        self.rng = random.Random(20261126)
        self.campaign = make_campaign(slug=slug, near_duplicate_similarity=1.0, redraws=0)
        self.generator = Generator.objects.create(
            name=slug, engine="transformers", model=str(folder), sampling={"temperature": 1.0, "max_tokens": 48},
            loading={"max_batch": 16},
        )  # fmt: skip
        CampaignGenerator.objects.create(campaign=self.campaign, generator=self.generator, samples=1)
        parents = [make_prompt(self.campaign, f"{slug}: what is {n}?", replies=0).pk for n in range(REQUESTS)]
        for at in range(0, REQUESTS, 500):
            request_candidates(
                campaign=self.campaign, actor=None, now=datetime.now(UTC), parent_ids=parents[at : at + 500]
            )
        self.seen_kills = self.under_way = self.tried_again = 0
        self.workers: dict[subprocess.Popen[bytes], float | None] = {}

    def run(self) -> dict[str, Any]:
        """Until every request has ended, and what was set aside too."""
        started = time.monotonic()
        swept = started
        try:
            while not self.is_done():
                if time.monotonic() - started > PATIENCE_SECONDS:
                    break
                self.keep_up()
                if time.monotonic() - swept > SWEEP_SECONDS:
                    self.sweep()
                    swept = time.monotonic()
                time.sleep(0.05)
        finally:
            for process in self.workers:
                process.kill()
                process.wait()
        return {
            **self.count(),
            "kills": self.seen_kills,
            "under_way_at_kills": self.under_way,
            "tried_again": self.tried_again,
            "seconds": round(time.monotonic() - started, 1),
        }

    def keep_up(self) -> None:
        """Start workers that are missing; kill those whose life is over."""
        for process, dies_at in list(self.workers.items()):
            if process.poll() is not None:
                del self.workers[process]
            elif not self.kills:
                continue
            elif dies_at is None:
                if has_begun(process):
                    self.workers[process] = time.monotonic() + self.rng.uniform(*LIFE_SECONDS)
            elif time.monotonic() >= dies_at:
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.seen_kills += 1
                self.under_way += self.count_running()
                del self.workers[process]
        while len(self.workers) < WORKERS:
            command = [sys.executable, "manage.py", "generate", "--model", self.generator.model]
            with (self.home / "worker.log").open("ab") as log:
                process = subprocess.Popen(command, stdout=log, stderr=log)
            self.workers[process] = None

    def count_running(self) -> int:
        """Requests that somebody answered when it was killed, or answers now."""
        from annotate.models import GenerationRequest

        return GenerationRequest.objects.filter(generator=self.generator, state="running").count()

    def sweep(self) -> None:
        from annotate.services.generation_queue import sweep_lost_requests

        sweep_lost_requests(now=datetime.now(UTC))

    def is_done(self) -> bool:
        from annotate.models import GenerationRequest
        from annotate.services.generation import retry_requests

        states = GenerationRequest.objects.filter(generator=self.generator)
        if states.filter(state__in=("queued", "running")).exists():
            return False
        if states.filter(state="set_aside").exists():
            self.tried_again += retry_requests(campaign=self.campaign, actor=None)
            return False
        return True

    def count(self) -> dict[str, Any]:
        from django.db.models import Count

        from annotate.models import GenerationRequest, Message, MessageOrigin

        requests = GenerationRequest.objects.filter(generator=self.generator)
        origins = MessageOrigin.objects.filter(request__generator=self.generator)
        answers = Message.objects.filter(tree__campaign=self.campaign, parent__isnull=False)
        doubled = requests.annotate(n=Count("origin")).filter(n__gt=1).count()
        crowded = answers.values("parent").annotate(n=Count("pk")).filter(n__gt=1).count()
        orphans = answers.annotate(n=Count("origins")).filter(n=0).count()
        ended = dict(requests.values_list("state").annotate(n=Count("pk")))
        outcomes = dict(requests.values_list("outcome").annotate(n=Count("pk")))
        # What its own text failed (a tiny model says nothing, or the same again) has its answer; what a death failed has none.
        answered = ended.get("done", 0) + ended.get("failed", 0) - outcomes.get("worker_lost", 0)
        return {
            "lost": REQUESTS - answered,
            "doubled": doubled + crowded + orphans,
            "states": ended,
            "outcomes": outcomes,
            "candidates": origins.count(),
        }


def has_begun(process: subprocess.Popen[bytes]) -> bool:
    """Whether the worker in this process has its model."""
    from annotate.models import GenerateWorker

    name = f"{socket.gethostname()}/{process.pid}"
    return GenerateWorker.objects.filter(name=name, state__in=("working", "waiting")).exists()


if __name__ == "__main__":
    main()
