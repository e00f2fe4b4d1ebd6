"""Prompts in CSV: a header, cells quoted by RFC 4180 (line ends and separators inside quotes), UTF-8.

The separator (comma, semicolon, tab) is the one that makes known columns of the header. A quote that is
never closed costs its own row only: reading goes on at the line after it.
"""

import csv
import io
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from tasks.formats.items import read_item
from tasks.formats.refusals import BadRecord, RefusedFile
from tasks.formats.sources import iter_lines, open_bytes
from tasks.formats.tables import check_columns, make_item
from tasks.records.imports import BadLine, ImportedPrompt, ImportLimits

SEPARATORS = (",", ";", "\t")

_Row = tuple[int, "bytes | BadRecord"]


def read_csv(path: Path, limits: ImportLimits) -> Iterator[ImportedPrompt | BadLine]:
    """Yield one record for each row that is not blank; `line` is where the row starts."""
    with open_bytes(path, limits) as stream:
        rows = _iter_rows(stream, limits)
        separator, columns = _read_header(next(rows, None))
        for line, data in rows:
            try:
                if isinstance(data, BadRecord):
                    raise data
                cells = _split_cells(data, separator)
                if any(cell.strip() for cell in cells):
                    yield read_item(make_item(_name_cells(columns, cells)), line, limits)
            except BadRecord as bad:
                yield BadLine(ordinal=line, line=line, reason=str(bad))


def find_separator(header: str) -> tuple[str, list[str]] | None:
    """Return the separator that finds a column `prompt` in a header, and the columns; None when none does."""
    for separator in SEPARATORS:
        try:
            columns = [
                cell.strip().lower() for cell in next(csv.reader([header], delimiter=separator, strict=True), [])
            ]
        except csv.Error:
            continue
        if "prompt" in columns:
            return separator, columns
    return None


def _read_header(row: _Row | None) -> tuple[str, list[str]]:
    if row is None:
        raise RefusedFile("The file is empty. Its first row names the columns, prompt among them.")
    data = row[1]
    if isinstance(data, BadRecord):
        raise RefusedFile(f"The header cannot be read. {data}")
    try:
        found = find_separator(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise RefusedFile("The header is not valid UTF-8. Save the file in UTF-8.") from None
    if found is None:
        raise RefusedFile('There is no column "prompt". Name the columns in the first row.')
    separator, columns = found
    check_columns(columns)
    return separator, columns


def _iter_rows(stream: io.BufferedReader, limits: ImportLimits) -> Iterator[_Row]:
    """Yield (line where the row starts, its bytes). A row goes on while its quotes are open.

    Lines taken for a row that never closes are read again as rows of their own. Two such rows are at
    least `max_record_bytes` apart, so the whole stays linear.
    """
    lines = iter_lines(stream, max_line_bytes=limits.max_record_bytes)
    again: deque[tuple[int, bytes | None]] = deque()
    while True:
        first = again.popleft() if again else next(lines, None)
        if first is None:
            return
        start, data = first
        if data is None:
            yield start, BadRecord(f"The line is longer than {limits.max_record_bytes:,} bytes. Shorten it.")
            continue
        parts, taken = [data], []
        quotes, size = data.count(b'"'), len(data)
        while quotes % 2:
            line = again.popleft() if again else next(lines, None)
            if line is not None:
                taken.append(line)
            if line is None or line[1] is None or size + len(line[1]) > limits.max_record_bytes:
                again.extendleft(reversed(taken))
                yield (
                    start,
                    BadRecord(
                        "A quote opens in this row and does not close. Close it, or write it twice inside a cell."
                    ),
                )
                break
            parts.append(line[1])
            size += len(line[1]) + 1
            quotes += line[1].count(b'"')
        else:
            row = b"\n".join(parts)
            if row.strip():
                yield start, row


def _split_cells(data: bytes, separator: str) -> list[str]:
    try:
        return next(csv.reader([data.decode("utf-8")], delimiter=separator, strict=True), [])
    except UnicodeDecodeError as error:
        raise BadRecord(f"Not valid UTF-8 at byte {error.start + 1} of the row. Save the file in UTF-8.") from None
    except csv.Error as error:
        if "field limit" in str(error):
            raise BadRecord(f"A cell is longer than {csv.field_size_limit():,} characters. Shorten it.") from None
        raise BadRecord(
            f"Not valid CSV: {error}. Quote cells that hold separators, and write a quote inside twice."
        ) from None


def _name_cells(columns: list[str], cells: list[str]) -> dict[str, object]:
    if len(cells) != len(columns):
        raise BadRecord(
            f"The row has {len(cells)} cells and the header {len(columns)}. Quote cells that hold the separator or a line end."
        )
    return dict(zip(columns, cells, strict=True))
