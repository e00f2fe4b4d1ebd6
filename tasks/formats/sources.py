"""Bytes of an import file: plain or gzip, metered so that a small file cannot unpack into a large one."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from tasks.formats.refusals import RefusedFile
from tasks.records.imports import ImportLimits

GZIP_MAGIC = b"\x1f\x8b"
UTF8_BOM = b"\xef\xbb\xbf"
CHUNK_BYTES = 256 * 1024
#: Containers that are not read, by their first bytes.
_FOREIGN = {
    b"PK\x03\x04": "a zip archive",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"BZh": "compressed with bzip2",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}


class MeteredBytes(io.RawIOBase):
    """A readable stream that counts what comes out of it and stops at the limits.

    `compressed`: the file underneath, whose position tells how much went in; None for a plain file.
    """

    def __init__(self, stream: BinaryIO, *, compressed: BinaryIO | None, limits: ImportLimits) -> None:
        super().__init__()
        self._stream = stream
        self._compressed = compressed
        self._limits = limits
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        try:
            chunk = self._stream.read(len(buffer))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise RefusedFile(
                f"The compressed file is damaged or was cut after {self.bytes_read:,} bytes of content. "
                "Compress it again and import it again; what is there already is not added twice."
            ) from error
        self.bytes_read += len(chunk)
        self._check()
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def _check(self) -> None:
        limits = self._limits
        if self.bytes_read > limits.max_bytes:
            raise RefusedFile(f"The file holds more than {limits.max_bytes:,} bytes. Split it into smaller files.")
        if self._compressed is None or self.bytes_read < limits.ratio_from_bytes:
            return
        packed = max(1, self._compressed.tell())
        if self.bytes_read / packed > limits.max_ratio:
            raise RefusedFile(
                f"The file unpacks to more than {limits.max_ratio:,.0f} times its size, which looks like a "
                "decompression bomb. If it is genuine, import it uncompressed."
            )


@contextmanager
def open_bytes(path: Path, limits: ImportLimits) -> Iterator[io.BufferedReader]:
    """Open `path` for reading, unpacked when it is gzip, without a UTF-8 byte order mark.

    Raises `RefusedFile` for containers and encodings that are not read, here or while reading.
    """
    with path.open("rb") as raw:
        head = raw.read(8)
        raw.seek(0)
        refuse_foreign(head)
        is_gzip = head.startswith(GZIP_MAGIC)
        unpacked: BinaryIO = gzip.GzipFile(fileobj=raw, mode="rb") if is_gzip else raw  # type: ignore[assignment]
        metered = MeteredBytes(unpacked, compressed=raw if is_gzip else None, limits=limits)
        with io.BufferedReader(metered, buffer_size=CHUNK_BYTES) as stream:
            start = stream.peek(8)[:8]
            refuse_foreign(start)
            if start.startswith(GZIP_MAGIC):
                raise RefusedFile("The file is compressed twice. Unpack it once and import the result.")
            if start.startswith(UTF8_BOM):
                stream.read(len(UTF8_BOM))
            yield cast("io.BufferedReader", stream)


def refuse_foreign(head: bytes) -> None:
    """Raise `RefusedFile` when the first bytes are those of a container or an encoding that is not read."""
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise RefusedFile(
                f"The file is {name}. Send it as UTF-8 text, plain or compressed with gzip, or as Parquet."
            )


def iter_lines(stream: io.BufferedReader, *, max_line_bytes: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield (line number from 1, line without its end); None for a line longer than `max_line_bytes`.

    Blank lines are yielded too, so that numbers match an editor's. Memory is bounded by `max_line_bytes`.
    """
    number = 0
    while line := stream.readline(max_line_bytes + 2):
        number += 1
        if not line.endswith(b"\n") and len(line) > max_line_bytes:
            _skip_rest_of_line(stream)
            yield number, None
            continue
        content = line.removesuffix(b"\n").removesuffix(b"\r")
        yield number, content if len(content) <= max_line_bytes else None


def _skip_rest_of_line(stream: io.BufferedReader) -> None:
    while part := stream.readline(CHUNK_BYTES):
        if part.endswith(b"\n"):
            return
