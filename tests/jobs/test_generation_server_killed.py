"""A server that is killed in the middle of a batch and comes back: every request is answered, each once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from urllib.request import urlopen

import pytest

from annotate.models import (
    CampaignGenerator,
    GenerationRequest,
    Generator,
    Message,
    MessageOrigin,
    Server,
)
from annotate.services.generation import ask_missing
from tasks.jobs.generation import generate_batch
from tests.opinions import NOW, make_campaign, make_prompt

pytestmark = pytest.mark.django_db(transaction=True)

PROMPTS, SAMPLES = 8, 3
#: Long enough to be in the middle of four requests at any moment, also for whoever looks late on a busy machine.
ANSWER_SECONDS = 0.8


class ServerProcess:
    """The fake server as a process of its own, which can be killed and started again at the same address."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "tests.fake_openai",
            "--port",
            str(self.port),
            "--seconds",
            str(ANSWER_SECONDS),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == f"http://127.0.0.1:{self.port}/v1"

    def kill(self) -> None:
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def count_requests(self) -> int:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{self.port}/requests", timeout=60) as response:
            return len(json.load(response))
        return 0


@pytest.fixture
def server(free_port):
    process = ServerProcess(free_port)
    process.start()
    yield process
    process.kill()


def let_time_pass() -> None:
    """What waits for a moment, or for a server that is left alone, may go on at once."""
    GenerationRequest.objects.filter(state="queued").update(not_before=None)
    Server.objects.update(open_until=None, failures=0)


def test_a_server_killed_in_the_middle_of_a_batch_costs_no_request_and_doubles_none(server) -> None:
    campaign = make_campaign(redraws=0, near_duplicate_similarity=1.0)
    for number in range(PROMPTS):
        make_prompt(campaign, f"Question {number}?")
    generator = Generator.objects.create(
        name="small",
        engine="openai",
        endpoint=f"http://127.0.0.1:{server.port}/v1",
        model="m",
        max_concurrent=4,
        timeout_seconds=60,
    )
    CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=SAMPLES)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    deaths = 0

    def kill_twice() -> None:
        nonlocal deaths
        while deaths < 2:
            if server.count_requests() >= 6:
                server.kill()
                deaths += 1
                time.sleep(0.3)
                server.start()
            time.sleep(0.02)

    killer = threading.Thread(target=kill_twice, daemon=True)
    killer.start()
    until = time.monotonic() + 120
    while GenerationRequest.objects.exclude(state="done").exists():
        assert time.monotonic() < until, list(GenerationRequest.objects.values_list("state", "outcome", "reason"))
        generate_batch(generator.pk)
        let_time_pass()
    killer.join(timeout=60)

    assert deaths == 2
    wanted = PROMPTS * SAMPLES
    assert GenerationRequest.objects.filter(state="done").count() == wanted
    assert MessageOrigin.objects.filter(kind="generated").values("request").distinct().count() == wanted
    assert MessageOrigin.objects.filter(kind="generated").count() == wanted
    assert Message.objects.filter(role="assistant").count() == wanted
