"""Prompts: one a line of text, or JSON items (one a line, or one list)."""

from collections.abc import Iterator
from pathlib import Path

from tasks.formats.items import parse_item
from tasks.formats.json_records import iter_json_records
from tasks.formats.refusals import BadRecord
from tasks.formats.sources import iter_lines, open_bytes
from tasks.records.imports import BadLine, ImportedPrompt, ImportLimits


def read_prompt_lines(path: Path, limits: ImportLimits) -> Iterator[ImportedPrompt | BadLine]:
    """Yield one prompt for each line that is not blank."""
    with open_bytes(path, limits) as stream:
        for number, data in iter_lines(stream, max_line_bytes=limits.max_record_bytes):
            if data is None:
                reason = f"The line is longer than {limits.max_record_bytes:,} bytes. Shorten it."
                yield BadLine(ordinal=number, line=number, reason=reason)
            elif data.strip():
                yield _parse_line(data, number, limits)


def read_json_items(path: Path, limits: ImportLimits) -> Iterator[ImportedPrompt | BadLine]:
    """Yield one record for each item, in the shape that the API takes."""
    with open_bytes(path, limits) as stream:
        for number, item in iter_json_records(stream, limits):
            if isinstance(item, BadRecord):
                yield BadLine(ordinal=number, line=number, reason=str(item))
            else:
                yield parse_item(item, number, limits)


def _parse_line(data: bytes, number: int, limits: ImportLimits) -> ImportedPrompt | BadLine:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"Not valid UTF-8 at byte {error.start + 1}. Save the file in UTF-8."
        return BadLine(ordinal=number, line=number, reason=reason)
    return parse_item(text.strip(), number, limits)
