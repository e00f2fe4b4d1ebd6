"""The demo's own model: a toy, built and trained for seconds on this machine, so that nothing has to be downloaded.

It shows candidates being made. Its texts mean nothing, and its card and its generator's name say so.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import uuid4

from tasks.records.local_models import ModelRefused

#: What stands in place of a model's name.
DEMO = "demo"
GENERATOR_NAME = "demo (a toy: its texts mean nothing)"
CARD = """\
---
license: apache-2.0
---
# demo

A toy language model, trained for seconds on this machine on the texts of the demo campaign of Chorus. It shows
candidates being made where nothing can be downloaded. Its texts mean nothing: judge the page, not the model.
"""


def prepare_demo_model(folder: Path, *, texts: Sequence[str], say: Callable[[str], None]) -> Path:
    """The folder of the model; it is built when it is not there. What breaks off leaves no half a model behind.

    Raises ModelRefused where it cannot be built.
    """
    if (folder / "README.md").is_file():
        return folder
    say(f"Building the demo's model in {folder}: some seconds.")
    new = folder.with_name(f"{folder.name}.{uuid4().hex}.new")
    try:
        from tasks.generation.transformers_engine import build_demo_model

        new.mkdir(parents=True)
        build_demo_model(new, list(texts))
        (new / "README.md").write_text(CARD, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    except (OSError, ImportError) as error:
        raise ModelRefused(f"The demo's model cannot be built in {folder}: {error}.") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return folder


def read_texts(lines: str) -> list[str]:
    """Prompts and candidates of a file of JSON Lines, as conversations to learn from."""
    records = [json.loads(line) for line in lines.splitlines() if line.strip()]
    return [
        text
        for record in records
        for text in (record["prompt"], *(candidate["text"] for candidate in record.get("candidates", ())))
    ]
