"""Prompts in Parquet: the columns of an item, nested `candidates` or flat ones.

The file is read by a process of its own (`tasks.formats.parquet_child`); what comes out of it is checked
here like any other item. If that process dies, the file is refused and this one goes on.
"""

import io
import json
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

from tasks.formats.items import read_item
from tasks.formats.refusals import BadRecord, RefusedFile
from tasks.formats.sources import iter_lines
from tasks.formats.tables import make_item
from tasks.records.imports import BadLine, ImportedPrompt, ImportLimits

_CHILD = "tasks.formats.parquet_child"
#: Where `tasks` is found; the child starts there.
_ROOT = Path(__file__).resolve().parents[2]
#: Room for the escapes and names that JSON adds to a row.
_LINE_FACTOR = 8
_DAMAGED = "The Parquet file is damaged: reading it failed. Write it again, or send JSONL."


def read_parquet(path: Path, limits: ImportLimits) -> Iterator[ImportedPrompt | BadLine]:
    """Yield one record for each row; `line` is the row's number, from 1."""
    with closing(_iter_messages(path, limits)) as messages:
        next(messages)
        for row, message in enumerate(messages, start=1):
            yield _read_row(message, row, limits)


def count_rows(path: Path, limits: ImportLimits) -> int:
    """Return how many rows the footer of a file promises. Raises `RefusedFile`."""
    with closing(_iter_messages(path, limits)) as messages:
        return cast("int", next(messages)["rows"])


def _iter_messages(path: Path, limits: ImportLimits) -> Generator[dict[str, object]]:
    """Yield what the child says, up to its end; the child does not outlive the iteration."""
    command = [sys.executable, "-m", _CHILD, str(path.resolve(strict=True)), _format_limits(limits)]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        try:
            stream = cast("io.BufferedReader", child.stdout)
            for _, data in iter_lines(stream, max_line_bytes=_LINE_FACTOR * limits.max_record_bytes):
                message = _read_message(data)
                if "end" in message:
                    return
                yield message
            raise RefusedFile(_DAMAGED)
        finally:
            child.kill()


def _format_limits(limits: ImportLimits) -> str:
    return json.dumps({name: getattr(limits, name) for name in limits.__slots__})


def _read_message(data: bytes | None) -> dict[str, object]:
    """Return what the child says. A line cut by its death is no message, and no rows follow it."""
    if data is None:
        return {"bad": "The row is too long. Split or shorten it."}
    try:
        message = json.loads(data)
    except ValueError:
        raise RefusedFile(_DAMAGED) from None
    if "refused" in message:
        raise RefusedFile(message["refused"])
    return cast("dict[str, object]", message)


def _read_row(message: dict[str, object], row: int, limits: ImportLimits) -> ImportedPrompt | BadLine:
    try:
        if "bad" in message:
            return BadLine(ordinal=row, line=row, reason=str(message["bad"]))
        return read_item(make_item(cast("dict[str, object]", message["row"])), row, limits)
    except BadRecord as bad:
        return BadLine(ordinal=row, line=row, reason=str(bad))
