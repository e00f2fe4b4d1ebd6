"""The product's Celery application with a model that waits at the gate of the folder in `GATE`; see gated_generate.py."""

import os
from pathlib import Path
from typing import Any

from celery.signals import worker_init

from annotate.celery import app
from tests.faults.gated_generate import put_gate

__all__ = ["app"]


@worker_init.connect(weak=False)
def begin(**_: Any) -> None:
    put_gate(Path(os.environ["GATE"]))
