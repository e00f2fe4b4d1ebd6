"""Open an import file: any format in, one stream of records out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from tasks.formats.detection import HEAD_BYTES, detect_format
from tasks.records.imports import ImportLimits, ImportRecord
from tasks.vocabulary import ImportFormat

Reader = Callable[[Path, ImportLimits], Iterator[ImportRecord]]

#: Named, so that a run imports no more than it needs.
_READERS = {
    ImportFormat.PROMPTS: ("tasks.formats.prompt_files", "read_prompt_lines"),
    ImportFormat.JSONL: ("tasks.formats.prompt_files", "read_json_items"),
    ImportFormat.OASST_TREES: ("tasks.formats.open_assistant", "read_trees"),
    ImportFormat.OASST_MESSAGES: ("tasks.formats.open_assistant_messages", "read_messages"),
    ImportFormat.SAMPLING_REPORT: ("tasks.formats.sampling_reports", "read_sampling_report"),
    ImportFormat.CSV: ("tasks.formats.csv_reader", "read_csv"),
    ImportFormat.PARQUET: ("tasks.formats.parquet_reader", "read_parquet"),
}


def open_import(
    path: Path, file_format: ImportFormat, limits: ImportLimits, *, after: int = 0
) -> Iterator[ImportRecord]:
    """Yield the records of a file, numbered from 1 by `ordinal`, those up to `after` left out.

    Memory is constant in the size of the file. The same file and limits give the same stream, so a run
    that stopped after record n goes on with `after=n`. Raises `RefusedFile`, at the first record or
    later, when the file cannot be read (any further).
    """
    for ordinal, record in enumerate(find_reader(file_format)(path, limits), start=1):
        if ordinal > after:
            yield record if record.ordinal == ordinal else replace(record, ordinal=ordinal)


def find_reader(file_format: ImportFormat) -> Reader:
    """Return the reader of a format."""
    module, name = _READERS[file_format]
    reader: Reader = getattr(import_module(module), name)
    return reader


def detect_file(path: Path, *, name: str | None = None) -> ImportFormat:
    """Return the format of a file on disk. `name`: what its sender called it, when it is stored under another."""
    with path.open("rb") as file:
        return detect_format(name or path.name, file.read(HEAD_BYTES))
