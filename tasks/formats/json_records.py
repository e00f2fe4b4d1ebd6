"""Records of a JSON file: one a line (JSONL), or the elements of one list. Streamed either way."""

import io
from collections.abc import Iterator

from tasks.formats.json_text import JsonCursor, parse_json
from tasks.formats.refusals import BadRecord, RefusedFile
from tasks.formats.sources import CHUNK_BYTES, iter_lines
from tasks.records.imports import ImportLimits


def iter_json_records(stream: io.BufferedReader, limits: ImportLimits) -> Iterator[tuple[int, object | BadRecord]]:
    """Yield (number from 1, parsed value, or why it is none). Blank lines are passed over.

    The number is the line, or the place in the list when the file is one list.
    """
    if _starts_with_list(stream):
        numbered: Iterator[tuple[int, bytes | None]] = enumerate(_iter_list(stream, limits), start=1)
    else:
        numbered = iter_lines(stream, max_line_bytes=limits.max_record_bytes)
    for number, data in numbered:
        if data is None or data.strip():
            yield number, _parse(data, limits)


def _starts_with_list(stream: io.BufferedReader) -> bool:
    """Look past leading white space, as far as the buffer goes, without taking anything."""
    return stream.peek(CHUNK_BYTES).lstrip().startswith(b"[")


def _iter_list(stream: io.BufferedReader, limits: ImportLimits) -> Iterator[bytes | None]:
    cursor = JsonCursor(stream, limits)
    yield from cursor.iter_list(where="the list")
    if cursor.peek():
        raise RefusedFile(
            "There is more after the list that the file starts with. Keep one list, or one record a line."
        )


def _parse(data: bytes | None, limits: ImportLimits) -> object | BadRecord:
    if data is None:
        return BadRecord(f"The record is longer than {limits.max_record_bytes:,} bytes. Split or shorten it.")
    try:
        return parse_json(data, limits)
    except BadRecord as bad:
        return bad
