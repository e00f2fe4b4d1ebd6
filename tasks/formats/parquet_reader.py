"""Prompts in Parquet, in batches of rows: the columns of an item, nested `candidates` or flat ones.

Repeated values are read as dictionaries and measured before they are copied out, so that a small file
whose every row repeats one huge text cannot fill the memory.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.formats.items import read_item
from tasks.formats.refusals import BadRecord, RefusedFile, show
from tasks.formats.tables import check_columns, make_item
from tasks.records.imports import BadLine, ImportedPrompt, ImportLimits

BATCH_ROWS = 256
BUFFER_BYTES = 1024 * 1024
MAX_COLUMNS = 1_000


def read_parquet(path: Path, limits: ImportLimits) -> Iterator[ImportedPrompt | BadLine]:
    """Yield one record for each row; `line` is the row's number, from 1."""
    try:
        yield from _read_rows(path, limits)
    except (pa.ArrowException, OSError) as error:
        reason = show(str(error).splitlines()[0] if str(error) else type(error).__name__, max_chars=160)
        raise RefusedFile(
            f"The Parquet file is damaged or of a kind that is not read: {reason}. Write it again."
        ) from error


def _read_rows(path: Path, limits: ImportLimits) -> Iterator[ImportedPrompt | BadLine]:
    with pq.ParquetFile(path) as probe:
        leaves = _check_schema(probe)
        _check_sizes(probe.metadata, path.stat().st_size, limits)
    with pq.ParquetFile(path, read_dictionary=leaves, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
        row = 0
        for batch in file.iter_batches(batch_size=BATCH_ROWS):
            for values in _iter_values(batch, limits):
                row += 1
                yield _read_row(values, row, limits)


def _check_schema(file: Any) -> list[str]:
    """Refuse columns that are no part of an item; return the paths of those that hold text."""
    if len(file.schema) > MAX_COLUMNS:
        raise RefusedFile(f"The file has more than {MAX_COLUMNS:,} columns. Keep those that are imported.")
    schema = file.schema_arrow
    check_columns(schema.names)
    for field in schema:
        if field.name == "candidates":
            _check_candidates(field.type)
        elif not _is_text(field.type):
            raise RefusedFile(f"The column {show(field.name)} must hold text, not {field.type}.")
    columns = [file.schema.column(index) for index in range(len(file.schema))]
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]


def _check_candidates(kind: Any) -> None:
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_struct(kind.value_type):
        raise RefusedFile('The column "candidates" must be a list of structs such as {"text": …, "generator": …}.')
    struct = kind.value_type
    for index in range(struct.num_fields):
        field = struct.field(index)
        wanted = {"text": _is_text, "generator": _is_text, "external_id": _is_text, "human": pa.types.is_boolean}
        if field.name not in wanted:
            raise RefusedFile(
                f"A candidate has an unknown field {show(field.name)}. Known fields: {', '.join(wanted)}."
            )
        if not wanted[field.name](field.type):
            raise RefusedFile(f"The field {show(field.name)} of a candidate cannot be {field.type}.")


def _is_text(kind: Any) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_null(value))


def _check_sizes(metadata: Any, file_bytes: int, limits: ImportLimits) -> None:
    """Refuse by what the footer says: unpacked size, its ratio to the file, values per row."""
    unpacked = 0
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        unpacked += group.total_byte_size
        most = group.num_rows * max(1, limits.max_candidates)
        if any(group.column(column).num_values > most for column in range(group.num_columns)):
            raise RefusedFile(
                f"Row group {index + 1} has more than {limits.max_candidates} candidates a row. Split them."
            )
    if unpacked > limits.max_bytes:
        raise RefusedFile(f"The file holds more than {limits.max_bytes:,} bytes. Split it into smaller files.")
    if unpacked > limits.ratio_from_bytes and unpacked / max(1, file_bytes) > limits.max_ratio:
        raise RefusedFile(
            f"The file unpacks to more than {limits.max_ratio:,.0f} times its size. Write it uncompressed."
        )


def _iter_values(batch: Any, limits: ImportLimits) -> Iterator[dict[str, object] | BadRecord]:
    """Yield each row as Python values; a row with a text that is far too long is refused before it is copied."""
    # Four bytes a character at most, and no shorter text can be too long.
    max_bytes = 4 * limits.max_text_chars
    if _longest(batch) <= max_bytes:
        try:
            yield from batch.to_pylist()
        except UnicodeDecodeError:
            pass
        else:
            return
    for index in range(batch.num_rows):
        one = batch.slice(index, 1)
        if _longest(one) > max_bytes:
            yield BadRecord(f"A text has more than {limits.max_text_chars:,} characters. Shorten it.")
            continue
        try:
            yield one.to_pylist()[0]
        except UnicodeDecodeError:
            yield BadRecord("A text is not valid UTF-8. Write it again as UTF-8.")


def _longest(batch: Any) -> int:
    """Return the bytes of the longest text that the rows refer to."""
    return max((_longest_in(column) for column in batch.columns), default=0)


def _longest_in(array: Any) -> int:
    kind = array.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _longest_in(array.flatten())
    if pa.types.is_struct(kind):
        return max((_longest_in(child) for child in array.flatten()), default=0)
    if pa.types.is_dictionary(kind):
        used = pc.take(pc.binary_length(array.dictionary), array.indices)
        return int(pc.max(used).as_py() or 0)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return int(pc.max(pc.binary_length(array)).as_py() or 0)
    return 0


def _read_row(values: dict[str, object] | BadRecord, row: int, limits: ImportLimits) -> ImportedPrompt | BadLine:
    try:
        if isinstance(values, BadRecord):
            raise values
        return read_item(make_item(values), row, limits)
    except BadRecord as bad:
        return BadLine(ordinal=row, line=row, reason=str(bad))
