"""The benchmark for GPUs, on a processor: it takes its whole way, and says of what is missing that it is."""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile

import pytest

from tests.bench import gpu, gpu_vllm
from tests.bench.gpu_parts import NOT_MEASURED, SHAPES, TINY, CannotMeasure, Figures, read_idle

SMALL = dataclasses.replace(TINY, requests=(3,), steps=(2, 10))


@pytest.mark.torch
@pytest.mark.django_db(transaction=True)
def test_with_a_tiny_model_all_is_measured_but_what_takes_a_gpu(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpu_vllm, "PYTHON", None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    [model] = gpu.measure([SMALL], device="cpu", rounds=1)["models"]

    figures, why = model["figures"], model["why"]
    assert set(figures) == set(gpu.name_figures(SMALL))
    missing = {name for name, value in figures.items() if value == NOT_MEASURED}
    assert missing == set(why)
    assert missing == {name for name in figures if name.startswith(("idle_", "vllm_"))}, why
    assert all(figures[name] > 0 for name in figures if name not in missing)
    assert model["parameters"] > 0
    assert figures["auto_3"] == figures[f"{model['auto_is']}_3"], "one round measures a way once"
    told = capsys.readouterr().err.splitlines()
    assert all(any(line.startswith(f"tiny {name} {value}") for line in told) for name, value in figures.items())
    assert not list(tmp_path.glob("chorus-bench-*")), "the folder of the model stays"


@pytest.mark.torch
def test_without_a_cuda_device_it_says_so_and_ends_well(capsys, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("GPU_BENCH_DEVICE", raising=False)
    monkeypatch.delenv("GPU_BENCH_SHAPE", raising=False)

    gpu.main()

    said = capsys.readouterr()
    assert "no CUDA device" in said.err
    models = json.loads(said.out.splitlines()[-1])["models"]
    assert [model["shape"] for model in models] == ["llama-1b", "llama-7b"]
    for model in models:
        assert set(model["figures"]) == set(gpu.name_figures(SHAPES[model["shape"]])) == set(model["why"])
        assert set(model["figures"].values()) == {NOT_MEASURED}


def test_a_figure_that_breaks_costs_no_other(capsys):
    figures = Figures()
    figures.measure("one", lambda: 1 / 0)
    figures.measure("two", lambda: 2)
    figures.miss(["two", "three"], "nobody asked")
    assert figures.values == {"one": NOT_MEASURED, "two": 2, "three": NOT_MEASURED}
    assert figures.why == {"one": "ZeroDivisionError: division by zero", "three": "nobody asked"}
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_idle_is_what_samples_after_the_first_second_leave():
    samples = [(0.5, "0"), *((2 + at / 10, "75") for at in range(10)), (4.5, "0")]
    assert read_idle(samples, started=0.0, ended=4.0) == 0.25


@pytest.mark.parametrize(
    ("samples", "words"),
    [([(2.0, "50")], "too short"), ([(2.0, "[N/A]")], "[N/A]"), ([(0.1, "No devices were found")], "No devices")],
)
def test_idle_is_not_guessed(samples, words):
    with pytest.raises(CannotMeasure) as problem:
        read_idle(samples, started=0.0, ended=4.0)
    assert words in str(problem.value)


@pytest.fixture
def python_with_vllm(tmp_path, monkeypatch):
    """A Python with a module that is called as vLLM is, and answers with as many tokens as it may."""
    (tmp_path / "vllm.py").write_text(
        "from types import SimpleNamespace as Thing\n"
        "SamplingParams = lambda **given: Thing(**given)\n"
        "class LLM:\n"
        "    def __init__(self, *, model, **given):\n"
        "        if model.endswith('broken'):\n"
        "            raise SystemExit('no room on the GPU')\n"
        "        print('INFO loading')\n"
        "    def generate(self, prompts, limits, use_tqdm):\n"
        "        assert all(prompt['prompt_token_ids'] for prompt in prompts)\n"
        "        return [Thing(outputs=[Thing(token_ids=[0] * limit.max_tokens)]) for limit in limits]\n"
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(gpu_vllm, "PYTHON", str(python))
    return tmp_path


def test_vllm_is_asked_in_its_own_environment(python_with_vllm):
    batches = {1: [[([5, 6], 8)]], 2: [[([5], 8), ([6], 4)]]}
    found = gpu_vllm.ask_vllm(python_with_vllm / "model", context=64, batches=batches)
    assert set(found) == {1, 2}
    assert all(speed > 0 for speed in found.values())


def test_what_keeps_vllm_from_it_is_said(python_with_vllm, monkeypatch):
    def why(folder="model"):
        with pytest.raises(CannotMeasure) as problem:
            gpu_vllm.ask_vllm(python_with_vllm / folder, context=64, batches={1: [[([5], 8)]]})
        return str(problem.value)

    assert "no room on the GPU" in why("broken")
    (python_with_vllm / "vllm.py").write_text("raise ImportError('no such thing')")
    assert "cannot import vllm" in why()
    monkeypatch.setattr(gpu_vllm, "PYTHON", "/nowhere/python")
    assert "cannot be run" in why()
