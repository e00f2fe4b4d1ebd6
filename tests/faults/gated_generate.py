"""`manage.py generate` in a process of its own, with a model that waits at a gate in the midst of a batch.

    python -m tests.faults.gated_generate FOLDER [arguments of generate]

What lies in FOLDER decides: `begun` is written when a batch begins; while `open` is not there, the batch waits. `kill`
and `overflow` hold a text: a batch with it in a prompt kills the process, or does not fit in memory. With `real` the
model is the one that --model names; else one that needs no torch.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import django

from tasks.records.local_models import OutOfMemory, Row, RowOutput


class GatedModel:
    """A model behind the gate."""

    def __init__(self, model: Any, folder: Path) -> None:
        self.model = model
        self.folder = folder
        self.facts = replace(model.facts, can_continue=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def generate_padded(self, rows: Sequence[Row], *, is_cut: Callable[[int], bool]) -> list[RowOutput]:
        texts = [self.model.decode(row.prompt) for row in rows]
        if self._names("kill", texts):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._names("overflow", texts):
            raise OutOfMemory(f"{len(rows)} rows")
        (self.folder / "begun").write_text(str(len(rows)))
        while not (self.folder / "open").exists() and not any(is_cut(row.key) for row in rows):
            time.sleep(0.02)
        return list(self.model.generate_padded(rows, is_cut=is_cut))

    def _names(self, what: str, texts: Sequence[str]) -> bool:
        path = self.folder / what
        return path.exists() and any(path.read_text() in text for text in texts)


def put_gate(folder: Path) -> None:
    """Have this process load its models behind the gate."""
    from tasks.jobs import generation_worker
    from tests.fake_model import FakeModel

    load = generation_worker.load

    def load_gated(key: Any, *, say: Callable[[str], None]) -> GatedModel:
        return GatedModel(load(key, say=say) if (folder / "real").exists() else FakeModel(), folder)

    generation_worker.load = load_gated


def main(folder: Path, arguments: Sequence[str]) -> None:
    django.setup()
    from django.core.management import ManagementUtility

    put_gate(folder)
    ManagementUtility(["manage.py", "generate", *arguments]).execute()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
