"""The process that reads a Parquet file: rows out as JSON lines, for `tasks.formats.parquet_reader`.

A file made to harm can end the process that reads it (Arrow aborts on some contradictions) or ask for
all memory and time; here that costs nothing but this process, which has limits of its own. Repeated
values are read as dictionaries and measured before they are copied out, so that a small file whose every
row repeats one huge text stays small.

The first line is `{"rows": 17}`, how many there are by the footer; then `{"row": {…}}` or `{"bad": "sentence"}`
for each; the last is `{"end": true}` or `{"refused": "sentence"}`.
"""

import json
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.formats.refusals import BadRecord, RefusedFile, show
from tasks.formats.tables import check_columns
from tasks.records.imports import ImportLimits

BATCH_ROWS = 256
BUFFER_BYTES = 1024 * 1024
MAX_COLUMNS = 1_000
MAX_MEMORY_BYTES = 4 * 2**30
#: What a row holds at least once it is written out as a record. The footer may say less: equal texts are stored once.
ROW_BYTES = 16
#: For one batch of rows; a process that takes longer is ended by its alarm.
BATCH_SECONDS = 120


def main(arguments: list[str], output: BinaryIO) -> None:
    """Write the rows of the file `arguments[0]` to `output`; `arguments[1]`: the limits as JSON."""
    _limit_process()
    path, limits = Path(arguments[0]), ImportLimits(**json.loads(arguments[1]))
    last: dict[str, object] = {"end": True}
    try:
        for value in read_rows(path, limits):
            if isinstance(value, int):
                _write(output, {"rows": value})
                output.flush()
            else:
                _write(output, {"bad": str(value)} if isinstance(value, BadRecord) else {"row": value})
    except RefusedFile as refusal:
        last = {"refused": str(refusal)}
    _write(output, last)
    output.flush()


def read_rows(path: Path, limits: ImportLimits) -> Iterator[int | dict[str, object] | BadRecord]:
    """Yield how many rows there are, then each as Python values, or why it cannot be used. Raises `RefusedFile`."""
    file_bytes = path.stat().st_size
    try:
        yield from _read_batches(path, file_bytes, limits)
    except RefusedFile:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        # Arrow tells of damage in several ways; a name that is no UTF-8 is a ValueError, for one.
        reason = show(str(error).splitlines()[0] if str(error) else type(error).__name__, max_chars=160)
        raise RefusedFile(
            f"The Parquet file is damaged or of a kind that is not read: {reason}. Write it again."
        ) from error


def _limit_process() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or hard > MAX_MEMORY_BYTES:
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, hard))


def _write(output: BinaryIO, line: dict[str, object]) -> None:
    output.write(json.dumps(line).encode() + b"\n")


def _read_batches(path: Path, file_bytes: int, limits: ImportLimits) -> Iterator[int | dict[str, object] | BadRecord]:
    signal.alarm(BATCH_SECONDS)
    with pq.ParquetFile(path) as probe:
        leaves = _check_schema(probe)
        _check_sizes(probe.metadata, file_bytes, limits)
        rows = int(probe.metadata.num_rows)
    signal.alarm(0)
    yield rows
    signal.alarm(BATCH_SECONDS)
    with pq.ParquetFile(path, read_dictionary=leaves, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
        batches = file.iter_batches(batch_size=BATCH_ROWS)
        while (batch := next(batches, None)) is not None:
            values = list(_iter_values(batch, limits))
            # Whoever takes the rows may take their time.
            signal.alarm(0)
            yield from values
            signal.alarm(BATCH_SECONDS)
    signal.alarm(0)


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
        unpacked += max(group.total_byte_size, group.num_rows * ROW_BYTES)
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


if __name__ == "__main__":
    main(sys.argv[1:], sys.stdout.buffer)
