"""JSON from strangers: parsed with bounds, and read in pieces from documents larger than memory.

`parse_json` takes one small text. `JsonCursor` walks a document and hands out the bytes of its parts, by
finding brackets and string ends only; each part then goes through `parse_json`.
"""

import io
import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from tasks.formats.refusals import BadRecord, RefusedFile, show
from tasks.formats.sources import CHUNK_BYTES
from tasks.records.imports import ImportLimits

#: Digits that an integer may have; more cannot be stored, and conversion costs the square of them.
MAX_INTEGER_DIGITS = 18
_MARK = re.compile(rb'["\[\]{}]')
#: From inside a string as far as its end, without backtracking.
_INSIDE_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_VISIBLE = re.compile(rb"[^ \t\r\n]")
_SCALAR_END = re.compile(rb"[,\]}\s]")


def parse_json(data: bytes, limits: ImportLimits) -> object:
    """Parse one JSON text in UTF-8, or raise `BadRecord` with a sentence.

    Bounded before anything is built: depth and number of containers. Refused too: integers beyond 18
    digits, numbers that are not finite, the same key twice in an object.
    """
    _check_containers(data, limits)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRecord(f"Not valid UTF-8 at byte {error.start + 1}. Save the file in UTF-8.") from None
    try:
        parsed: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadRecord(f"Not valid JSON: {error.msg} at character {error.pos + 1}. Correct it.") from None
    return parsed


def _check_containers(data: bytes, limits: ImportLimits) -> None:
    """Refuse what would nest too deep for the parser, or fill the memory with empty containers."""
    if data.count(b"[") + data.count(b"{") <= limits.max_json_depth:
        return
    depth = containers = position = 0
    while match := _MARK.search(data, position):
        position = match.end()
        mark = match.group()
        if mark == b'"':
            inside = _INSIDE_STRING.match(data, position)
            position = (inside.end() if inside else position) + 1
        elif mark in b"[{":
            depth += 1
            containers += 1
            if depth > limits.max_json_depth:
                raise BadRecord(f"The JSON nests deeper than {limits.max_json_depth} levels. Flatten it.")
            if containers > limits.max_json_containers:
                raise BadRecord(f"The JSON holds more than {limits.max_json_containers:,} lists and objects. Split it.")
        else:
            depth -= 1


def _read_integer(digits: str) -> int:
    if len(digits) > MAX_INTEGER_DIGITS + 1:
        raise BadRecord(
            f"A number has {len(digits):,} digits; at most {MAX_INTEGER_DIGITS} are taken. Write it as text."
        )
    return int(digits)


def _read_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadRecord(f"The number {show(digits)} is too large. Write it as text.")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise BadRecord(f"{name} is not JSON. Write null for a missing number.")


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise BadRecord(f"The key {show(_find_doubled(pairs))} stands twice in one object. Keep one.")
    return result


def _find_doubled(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    return next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]


_DECODER = json.JSONDecoder(
    object_pairs_hook=_read_object, parse_int=_read_integer, parse_float=_read_float, parse_constant=_refuse_constant
)


class JsonCursor:
    """A place in a JSON document that is read once from front to back, in bounded memory.

    Nothing is parsed here: values come out as their bytes. A document that is not well formed ends in
    `RefusedFile`; a value longer than `max_record_bytes` comes out as None and is passed over.
    """

    def __init__(self, stream: io.BufferedReader, limits: ImportLimits) -> None:
        self._stream = stream
        self._limits = limits
        self._buffer = b""
        self._position = 0

    def peek(self) -> bytes:
        """Return the next byte that is no white space, without taking it; empty at the end."""
        while True:
            match = _VISIBLE.search(self._buffer, self._position)
            self._position = match.start() if match else len(self._buffer)
            if match:
                return match.group()
            if not self._fill():
                return b""

    def take(self, wanted: bytes, *, where: str) -> None:
        """Take the next byte, which must be `wanted`."""
        found = self.peek()
        if found != wanted:
            raise RefusedFile(_describe_break(wanted, found, where))
        self._position += 1

    def iter_list(self, *, where: str) -> Iterator[bytes | None]:
        """Take a list and yield the bytes of each element."""
        self.take(b"[", where=where)
        if self.peek() == b"]":
            self._position += 1
            return
        number = 0
        while True:
            number += 1
            here = f"element {number} of {where}"
            yield self.take_value(where=here)
            if self.peek() == b"]":
                self._position += 1
                return
            self.take(b",", where=f"the end of {here}")

    def iter_keys(self, *, where: str) -> Iterator[str]:
        """Take an object and yield its keys; the caller takes the value of each before asking for the next."""
        self.take(b"{", where=where)
        if self.peek() == b"}":
            self._position += 1
            return
        while True:
            raw = self.take_value(where=f"a key of {where}")
            yield self._read_key(raw, where)
            if self.peek() == b"}":
                self._position += 1
                return
            self.take(b",", where=f"the end of a value of {where}")

    def take_value(self, *, where: str) -> bytes | None:
        """Take one value and return its bytes; None when it is longer than a record may be."""
        first = self.peek()
        kept = _Kept(self._limits.max_record_bytes)
        if first == b'"':
            self._take_string(kept, where)
        elif first in (b"{", b"["):
            self._take_container(kept, where)
        elif first in (b"", b",", b"]", b"}", b":"):
            raise RefusedFile(_describe_break(b"a value", first, where))
        else:
            self._take_scalar(kept)
        return kept.value()

    def _read_key(self, raw: bytes | None, where: str) -> str:
        if raw is None or not raw.startswith(b'"'):
            raise RefusedFile(f"The document is not valid JSON: a key of {where} is not a string.")
        try:
            key = parse_json(raw, self._limits)
        except BadRecord as bad:
            raise RefusedFile(f"The document is not valid JSON in a key of {where}. {bad}") from None
        self.take(b":", where=f"key {show(str(key))}")
        return str(key)

    def _take_string(self, kept: "_Kept", where: str) -> None:
        """Take a string whose opening quote is the next byte."""
        self._keep(kept, 1)
        while True:
            inside = _INSIDE_STRING.match(self._buffer, self._position)
            if inside:
                self._keep(kept, inside.end() - self._position)
            rest = self._buffer[self._position : self._position + 1]
            if rest == b'"':
                self._keep(kept, 1)
                return
            # The end of the buffer, or a backslash whose other half is still to come.
            if not self._fill():
                raise RefusedFile(f"The file ends inside {where}. It was cut; send the whole file.")

    def _take_container(self, kept: "_Kept", where: str) -> None:
        depth = 0
        while True:
            match = _MARK.search(self._buffer, self._position)
            if match is None:
                self._keep(kept, len(self._buffer) - self._position)
                if not self._fill():
                    raise RefusedFile(f"The file ends inside {where}. It was cut; send the whole file.")
                continue
            mark = match.group()
            if mark == b'"':
                self._keep(kept, match.start() - self._position)
                self._take_string(kept, where)
                continue
            self._keep(kept, match.end() - self._position)
            depth += 1 if mark in b"[{" else -1
            if depth == 0:
                return

    def _take_scalar(self, kept: "_Kept") -> None:
        while True:
            match = _SCALAR_END.search(self._buffer, self._position)
            self._keep(kept, (match.start() if match else len(self._buffer)) - self._position)
            if match or not self._fill():
                return

    def _keep(self, kept: "_Kept", count: int) -> None:
        kept.add(self._buffer, self._position, count)
        self._position += count

    def _fill(self) -> bool:
        chunk = self._stream.read(CHUNK_BYTES)
        self._buffer = self._buffer[self._position :] + chunk
        self._position = 0
        return bool(chunk)


class _Kept:
    """Bytes of a value as they are passed, let go once they are too many."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes: bytearray | None = bytearray()

    def add(self, buffer: bytes, start: int, count: int) -> None:
        if self._bytes is None:
            return
        if len(self._bytes) + count > self._max_bytes:
            self._bytes = None
            return
        self._bytes += memoryview(buffer)[start : start + count]

    def value(self) -> bytes | None:
        return None if self._bytes is None else bytes(self._bytes)


def _describe_break(wanted: bytes, found: bytes, where: str) -> str:
    what = wanted.decode()
    if not found:
        return f"The file ends where {what} should stand, at {where}. It was cut; send the whole file."
    return f"The document is not valid JSON at {where}: {what} should stand where {show(found.decode('latin-1'))} is."
