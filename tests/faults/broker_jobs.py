"""The product's Celery application with one more job, which notes that it ran; for test_run_broker.py."""

import os
from pathlib import Path

from celery import shared_task

from annotate.celery import app

app.conf.update(beat_schedule={"note": {"task": "tests.note", "schedule": 0.5, "args": ["beat"]}})


@shared_task(name="tests.note")
def note_job(word: str) -> None:
    with Path(os.environ["NOTES"]).open("a") as notes:
        notes.write(f"{word}\n")
