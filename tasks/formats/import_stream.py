"""A file as a stream of records that tells how far it is, and ends with a refusal instead of an exception.

What runs an import knows neither formats nor files: it takes records from here, sees `bytes_read` move, and
finds in `refusal` why there are no more. The file is read ahead in a thread, while the database works.
"""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from tasks.formats.parquet_reader import count_rows
from tasks.formats.read_ahead import read_ahead
from tasks.formats.readers import detect_file, open_import
from tasks.formats.refusals import RefusedFile
from tasks.records.imports import ImportedPrompt, ImportedTree, ImportLimits, ImportRecord
from tasks.vocabulary import ImportFormat

#: What a message of a tree is taken to weigh.
CHARS_A_MESSAGE = 4_000


class ImportStream:
    """The records of one file, once.

    `file_format`: None until it is known, where it was not given. `bytes_read`: how far into the file as it
    lies on disk (for Parquet, by rows). `refusal`: a sentence, when the file cannot be read (any further).
    `watch` is called every now and then, also while a reader takes long to come to a record; what it raises
    ends the stream.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        file_format: ImportFormat | None,
        limits: ImportLimits | None = None,
        watch: Callable[[], None] | None = None,
    ) -> None:
        self.path = path
        self.name = name
        self.file_format = file_format
        self.limits = limits or ImportLimits()
        self.watch = watch or (lambda: None)
        self.bytes_read = 0
        self.refusal: str | None = None
        self._is_abandoned = False

    def __iter__(self) -> Iterator[ImportRecord]:
        try:
            yield from read_ahead(self._read(), weigh=_weigh, watch=self.watch, abandon=self._abandon)
        except RefusedFile as refused:
            self.refusal = str(refused)
        except FileNotFoundError:
            self.refusal = "The file is no longer where it was put. Send it again."
        except PermissionError:
            self.refusal = "The file may not be read. Check its permissions, or send it again."

    def _read(self) -> Iterator[ImportRecord]:
        size = self.path.stat().st_size
        self.file_format = self.file_format or detect_file(self.path, name=self.name)
        rows = _count_rows(self.path, self.limits) if self.file_format is ImportFormat.PARQUET else 0
        for record in open_import(_WatchedPath.make(self.path, self._move), self.file_format, self.limits):
            if rows:
                self._move(size * record.ordinal // rows)
            yield record
        self._move(size)

    def _abandon(self) -> None:
        self._is_abandoned = True

    def _move(self, position: int) -> None:
        if self._is_abandoned:
            raise _AbandonedError
        # A reader may open the file more than once; how far we are never goes back.
        self.bytes_read = max(self.bytes_read, position)


class _AbandonedError(Exception):
    """Ends a reader that nobody waits for any more, wherever in its file it is."""


def _weigh(record: ImportRecord) -> int:
    """About how many characters a record holds, for the bound on what is read ahead."""
    if isinstance(record, ImportedPrompt):
        return len(record.text) + sum(len(candidate.text) for candidate in record.candidates)
    return record.message_count * CHARS_A_MESSAGE if isinstance(record, ImportedTree) else len(record.reason)


def _count_rows(path: Path, limits: ImportLimits) -> int:
    """Rows by the footer of a Parquet file; 0 where it cannot be read, which the reader tells better."""
    try:
        return count_rows(path, limits)
    except RefusedFile:
        return 0


class _WatchedFile(io.FileIO):
    """A file opened for reading that tells its position after every read."""

    moved: Callable[[int], None]

    def read(self, size: int | None = -1, /) -> Any:
        data = super().read(-1 if size is None else size)
        self.moved(self.tell())
        return data


class _WatchedPath(type(Path())):  # type: ignore[misc]  # the path class of this system
    """A path whose files tell how far they have been read."""

    moved: Callable[[int], None]

    @classmethod
    def make(cls, path: Path, moved: Callable[[int], None]) -> Path:
        watched = cls(path)
        watched.moved = moved
        return cast("Path", watched)

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> BinaryIO:
        if mode != "rb":
            raise ValueError("An import file is opened for reading bytes.")
        file = _WatchedFile(str(self), "rb")
        file.moved = self.moved
        return cast("BinaryIO", file)
