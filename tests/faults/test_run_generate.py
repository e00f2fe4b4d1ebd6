"""`manage.py up --model`: a run that generates, and what a model that cannot be loaded does to it: nothing."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.conftest import find_free_port
from tests.faults.runs import Run, manage, wait_until
from tests.tiny_models import build_model

pytestmark = pytest.mark.slow

CANDIDATES = """
import json
from annotate.models import Generator, MessageOrigin
texts = MessageOrigin.objects.filter(kind='generated', generator__engine='transformers').count()
print(json.dumps([texts, *Generator.objects.filter(engine='transformers').values_list('name', 'problem')]))
"""


@pytest.mark.torch
def test_a_run_with_a_model_gains_candidates_by_itself_and_starts_the_worker_again(tmp_path: Path) -> None:
    folder = build_model(tmp_path / "tiny")
    run = Run(tmp_path / "data", find_free_port(), CHORUS_DEMO="1", CHORUS_MODEL=str(folder))
    try:
        run.await_up()

        def count() -> int:
            told = manage(run.places.data, "shell", "-v0", "-c", CANDIDATES)
            return int(json.loads(told.stdout)[0]) if told.returncode == 0 else 0

        wait_until(lambda: count() >= 1, f"a candidate; {run.places.logs / 'generate.log'}")
        first = run.child("generate")
        first.send_signal(signal.SIGKILL)
        wait_until(lambda: (now := run.child("generate")) is not None and now.pid != first.pid, "another worker")
        assert "generate has ended (signal 9) and starts again" in run.output
        assert run.is_ready()
    finally:
        run.end()
    ends = [line for line in run.lines if line.endswith(" has ended.")]
    assert ends[:3] == ["web has ended.", "generate has ended.", "worker has ended."]


def test_a_run_whose_model_is_not_there_serves_all_the_same_and_says_why(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "model"
    run = Run(tmp_path / "data", find_free_port(), CHORUS_MODEL=str(missing))
    try:
        run.await_up().await_line("generate has ended (exit code 1) and starts again")
        [line] = [line for line in run.lines if line.startswith("generate has ended")][:1]
        assert "Its last words: CommandError: " in line
        assert run.is_ready()
    finally:
        run.end()
