"""Candidates from a server that is none of ours: `transformers serve` with a tiny model, over HTTP, whole path."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from django.utils import timezone

from annotate.access import Actor
from annotate.models import CampaignGenerator, GenerationRequest, Generator, GeneratorTrial, MessageOrigin, User
from annotate.services.generation import ask_missing
from annotate.services.trials import start_trial
from tasks.jobs.generation import generate_batch, try_generators_job
from tests.conftest import find_free_port
from tests.opinions import NOW, make_campaign, make_prompt
from tests.tiny_models import build_model

pytestmark = [pytest.mark.torch, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SECONDS_TO_START = 300
#: Random weights end no text by themselves; one of these letters comes soon.
STOP = ["e", "a", "o", "t"]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return build_model(tmp_path_factory.mktemp("serve") / "tiny", architecture="llama")


@pytest.fixture(scope="module")
def endpoint(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    port = find_free_port()
    command = [Path(sys.executable).with_name("transformers"), "serve", str(model)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, *options], env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        await_health(port, process, folder / "log")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def await_health(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(log.read_text(errors="replace"))


def make_generator(endpoint: str, model: Path, **given) -> Generator:
    sampling = {"temperature": 0.9, "top_k": 100, "max_tokens": 64, "stop": STOP, "presence_penalty": 1.0}
    given = {"name": "served", "model": str(model), "sampling": sampling, **given}
    return Generator.objects.create(
        engine="openai", endpoint=endpoint, server_kind="transformers", max_concurrent=2, timeout_seconds=60, **given
    )


@pytest.mark.parametrize("prompt_format", ["", "transcript/1"])
def test_a_campaign_gains_candidates_from_it(endpoint, model, prompt_format) -> None:
    campaign = make_campaign(redraws=6, near_duplicate_similarity=1.0)
    prompt = make_prompt(campaign, "What is this?")
    generator = make_generator(endpoint, model, prompt_format=prompt_format)
    CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=4)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    until = time.monotonic() + 120
    while GenerationRequest.objects.filter(state__in=["queued", "running"]).exists() and time.monotonic() < until:
        generate_batch(generator.pk)
        GenerationRequest.objects.filter(state="queued").update(not_before=None)
    stored = list(GenerationRequest.objects.filter(state="done"))
    # An answer may begin with one of the letters and be empty, or a loop; not every time, and not seven times.
    assert len(stored) >= 2, list(GenerationRequest.objects.values_list("state", "outcome", "reason"))
    assert all(request.prompt_tokens and request.completion_tokens and request.compute_seconds for request in stored)
    origins = MessageOrigin.objects.filter(message__parent=prompt)
    assert len({origin.message.text for origin in origins}) >= 2
    provenance = origins[0].provenance
    assert (provenance["server_kind"], provenance["dropped_sampling"]) == ("transformers", ["presence_penalty"])
    assert provenance["effective_sampling"]["top_k"] == 100
    assert provenance["prompt_format"] == (prompt_format or None)


def test_a_trial_says_what_it_serves(endpoint, model) -> None:
    administrator = Actor(user=User.objects.create(email="ada@example.org", is_superuser=True), scopes=None)
    greedy = {"temperature": 0, "max_tokens": 8}
    generator = make_generator(endpoint, model, sampling=greedy)
    trials = [
        start_trial(generator_id=generator.pk, prompt="What is this?", actor=administrator, now=timezone.now())
        for _ in range(2)
    ]
    try_generators_job()
    first, second = GeneratorTrial.objects.filter(pk__in=[trial.pk for trial in trials])
    assert first.provenance["models"] == [str(model)]
    assert (first.outcome, first.completion_tokens) == ("truncated", 8)
    # Greedy: another seed is the same text.
    assert first.text == second.text != ""
