"""Write a release: records in, one by one, and for each table a JSONL and a Parquet file out.

The same records in the same order give the same bytes: no time of writing, no file name inside, row
groups cut by content alone. (Another version of zlib or of Arrow may pack the same rows differently; the
manifest names the versions.) A file appears under its name only once it is whole.
"""

import gzip
import hashlib
import json
import os
import platform
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.formats.generator_rows import generator_rows
from tasks.formats.parquet_schemas import SCHEMAS
from tasks.formats.rows import Row, ballot_rows, format_time, label_rows, message_rows, nested_tree, pair_rows
from tasks.records.released_generators import ReleasedGenerator
from tasks.records.releases import (
    PreferencePair,
    ReleasedBallot,
    ReleasedLabelSet,
    ReleasedTree,
    ReleaseRecord,
    WrittenFile,
)
from tasks.vocabulary import ReleaseTable

ROW_GROUP_ROWS = 10_000
ROW_GROUP_CHARS = 32 * 2**20
GZIP_LEVEL = 6
#: Characters that some readers take for the end of a line; JSON allows them in a string either way.
_LINE_ENDS = {ord(character): f"\\u{ord(character):04x}" for character in "\x85\u2028\u2029"}

_RECORDS: dict[ReleaseTable, type] = {
    ReleaseTable.BALLOTS: ReleasedBallot,
    ReleaseTable.LABELS: ReleasedLabelSet,
    ReleaseTable.TREES: ReleasedTree,
    ReleaseTable.PREFERENCE_PAIRS: PreferencePair,
    ReleaseTable.GENERATORS: ReleasedGenerator,
}


def list_writer_versions() -> dict[str, str]:
    """Return what decides the bytes beside the records; part of a manifest's methods."""
    return {"python": platform.python_version(), "pyarrow": pa.__version__}


def write_file(folder: Path, name: str, content: bytes) -> WrittenFile:
    """Write a file that is no table (the card, the manifest) in one piece."""
    with _HashedFile(folder / name) as file:
        file.write(content)
    return WrittenFile(name=name, rows=None, bytes=file.bytes_written, sha256=file.sha256)


class TableWriter:
    """Writes one table of a release to `folder`: `ballots.jsonl.gz` and `ballots.parquet`.

    A context manager: `write` takes the records of the table one by one; afterwards `files` holds what
    was written. When the block fails, neither file is left behind. Memory is that of one row group.
    """

    def __init__(self, folder: Path, table: ReleaseTable) -> None:
        self.table = table
        self.files: tuple[WrittenFile, ...] = ()
        self._jsonl = _JsonlFile(folder / f"{table}.jsonl.gz")
        self._parquet = _ParquetFile(folder / f"{table}.parquet", SCHEMAS[table])

    def __enter__(self) -> Self:
        self._jsonl.open()
        try:
            self._parquet.open()
        except BaseException:
            self._jsonl.discard()
            raise
        return self

    def write(self, record: ReleaseRecord) -> None:
        """Write one record; one of another table is refused with TypeError."""
        if not isinstance(record, _RECORDS[self.table]):
            raise TypeError(
                f"The table {self.table} takes {_RECORDS[self.table].__name__}, not {type(record).__name__}."
            )
        if isinstance(record, ReleasedTree):
            chars = self._jsonl.add(nested_tree(record))
            rows = list(message_rows(record))
            for row in rows:
                self._parquet.add(row, chars=chars // len(rows))
            return
        for row in _make_rows(record):
            chars = self._jsonl.add(row)
            self._parquet.add(row, chars=chars)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            self._jsonl.finish()
            self._parquet.finish()
            # Both are whole; only now does either get its name.
            self.files = (self._jsonl.publish(self.table), self._parquet.publish(self.table))
        except BaseException:
            self._discard()
            raise

    def _discard(self) -> None:
        self._jsonl.discard()
        self._parquet.discard()


def _make_rows(record: ReleasedBallot | ReleasedLabelSet | PreferencePair | ReleasedGenerator) -> Iterator[Row]:
    if isinstance(record, ReleasedBallot):
        return ballot_rows(record)
    if isinstance(record, ReleasedLabelSet):
        return label_rows(record)
    if isinstance(record, ReleasedGenerator):
        return generator_rows(record)
    return pair_rows(record)


class _HashedFile:
    """A file that is hashed as it is written, beside its final name until it is published."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes_written = 0
        self._part = path.with_name(f".{path.name}.part")
        self._digest = hashlib.sha256()
        self._file: Any = None
        self._discarded = False

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.discard()
            return
        self.finish()
        self.publish()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    @property
    def closed(self) -> bool:
        return self._file is None or bool(self._file.closed)

    def open(self) -> None:
        self._file = self._part.open("wb")

    def write(self, data: bytes) -> int:
        if self._discarded:
            # A library that was given up flushes once more when it is collected.
            return len(data)
        self._file.write(data)
        self._digest.update(data)
        self.bytes_written += len(data)
        return len(data)

    def tell(self) -> int:
        return self.bytes_written

    def flush(self) -> None:
        if not self._discarded:
            self._file.flush()

    def close(self) -> None:
        """Libraries that write here call this early; the file is closed by `finish`."""

    def finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def publish(self) -> None:
        self._part.replace(self.path)

    def discard(self) -> None:
        self._discarded = True
        if self._file is not None:
            self._file.close()
        self._part.unlink(missing_ok=True)


class _JsonlFile:
    """One JSON object a line, packed with gzip that names no file and no time."""

    def __init__(self, path: Path) -> None:
        self._sink = _HashedFile(path)
        self._rows = 0
        self._packer: Any = None

    def open(self) -> None:
        self._sink.open()
        self._packer = gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=self._sink, mtime=0)

    def add(self, row: Row) -> int:
        """Write a row and return its length in bytes."""
        line = json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_encode)
        data = f"{line.translate(_LINE_ENDS)}\n".encode()
        self._packer.write(data)
        self._rows += 1
        return len(data)

    def finish(self) -> None:
        self._packer.close()
        self._sink.finish()

    def publish(self, table: ReleaseTable) -> WrittenFile:
        self._sink.publish()
        return _describe(self._sink, self._rows, table)

    def discard(self) -> None:
        self._sink.discard()


class _ParquetFile:
    """Rows gathered into row groups of at most `ROW_GROUP_ROWS` rows and about `ROW_GROUP_CHARS` characters."""

    def __init__(self, path: Path, schema: Any) -> None:
        self._sink = _HashedFile(path)
        self._schema = schema
        self._waiting: list[Row] = []
        self._chars = 0
        self._rows = 0
        self._writer: Any = None

    def open(self) -> None:
        self._sink.open()
        self._writer = pq.ParquetWriter(
            pa.PythonFile(self._sink, mode="w"),
            self._schema,
            compression="zstd",
            version="2.6",
            write_page_checksum=True,
        )

    def add(self, row: Row, *, chars: int) -> None:
        self._waiting.append(row)
        self._chars += chars
        self._rows += 1
        if len(self._waiting) >= ROW_GROUP_ROWS or self._chars >= ROW_GROUP_CHARS:
            self._write_group()

    def finish(self) -> None:
        self._write_group()
        self._writer.close()
        self._sink.finish()

    def publish(self, table: ReleaseTable) -> WrittenFile:
        self._sink.publish()
        return _describe(self._sink, self._rows, table)

    def discard(self) -> None:
        self._waiting.clear()
        self._sink.discard()

    def _write_group(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting.clear()
            self._chars = 0


def _describe(sink: _HashedFile, rows: int, table: ReleaseTable) -> WrittenFile:
    return WrittenFile(name=sink.path.name, rows=rows, bytes=sink.bytes_written, sha256=sink.sha256, table=table)


def _encode(value: object) -> str:
    if isinstance(value, datetime):
        return format_time(value)
    raise TypeError(f"A row of a release cannot hold {type(value).__name__}.")
