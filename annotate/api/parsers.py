"""JSON as the API takes it: nothing that a database, a file or another parser would read differently."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from annotate.exceptions import ChorusError, TooLarge
from annotate.figures import whole

MAX_DEPTH = 32
#: What a bigint holds; a larger number has no place here.
MAX_INTEGER = 2**63 - 1
MAX_INTEGER_CHARS = 20


class Malformed(ChorusError):
    """The body is not what its content type says."""

    status = 400
    code = "malformed"


class StrictJSONParser(BaseParser):
    """Parses `application/json` in UTF-8.

    Refused with 400: bytes that are not UTF-8, NUL and lone surrogates in any string or name, NaN, Infinity and
    numbers beyond 64 bits, a name said twice in one object, nesting deeper than 32. With 413: more than
    `limit` bytes (DATA_UPLOAD_MAX_MEMORY_SIZE unless a subclass says otherwise).
    """

    media_type = "application/json"
    limit: int | None = None

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The parsed value. Raises `Malformed` or `TooLarge`."""
        check_charset(media_type or "")
        return parse_json(read_body(stream, limit=self.limit or settings.DATA_UPLOAD_MAX_MEMORY_SIZE))


def read_body(stream: IO[bytes], *, limit: int) -> bytes:
    """The whole body, of at most `limit` bytes; reads no more than that. Raises `TooLarge`."""
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise TooLarge(
            _("The body is larger than %(limit)s bytes. Send less at a time, or a file.") % {"limit": whole(limit)},
            code="body_too_large",
            details={"limit_bytes": limit},
        )
    return body


def check_charset(media_type: str) -> None:
    charset = parse_header_parameters(media_type)[1].get("charset", "utf-8").lower()
    if charset not in {"utf-8", "utf8", "us-ascii"}:
        raise Malformed("The body must be in UTF-8: JSON has no other charset.", code="charset_not_utf8")


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. Raises `Malformed` with a sentence that says where it went wrong."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"Byte {error.start + 1} of the body is not UTF-8.", code="not_utf8") from None
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        message = f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise Malformed(message, code="not_json") from None
    # Only an escape can bring what UTF-8 and JSON forbid; only many brackets can nest deeply.
    if b"\\u" in body or body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _check_everywhere(value)
    return value


def _check_everywhere(value: Any) -> None:
    """Look at every string and at the depth, without recursion."""
    levels: list[Iterator[Any]] = [iter((value,))]
    while levels:
        for item in levels[-1]:
            if isinstance(item, str):
                _check_string(item)
            elif isinstance(item, list | dict):
                if len(levels) > MAX_DEPTH:
                    raise _too_deep()
                if isinstance(item, dict):
                    for name in item:
                        _check_string(name)
                levels.append(iter(item.values() if isinstance(item, dict) else item))
                break
        else:
            levels.pop()


def _check_string(text: str) -> None:
    if "\x00" in text:
        raise Malformed("A text holds a NUL character (\\u0000). Remove it.", code="text_has_nul")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed(
            "A text holds half of a character (a lone surrogate). It was cut or decoded wrongly; send the whole character.",
            code="text_has_surrogate",
        ) from None


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        shown = ascii(twice[:40])[1:-1]
        raise Malformed(f'The name "{shown}" is said twice in one object. Say it once.', code="name_said_twice")
    return found


def _read_integer(digits: str) -> int:
    if len(digits) > MAX_INTEGER_CHARS or abs(int(digits)) > MAX_INTEGER:
        raise _number_too_large()
    return int(digits)


def _read_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _number_too_large()
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not a number of JSON. Send null where there is no value.", code="number_not_finite")


def _number_too_large() -> Malformed:
    return Malformed("A number in the body is too large.", code="number_too_large")


def _too_deep() -> Malformed:
    return Malformed(f"The body is nested more than {MAX_DEPTH} deep.", code="nested_too_deep")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_read_object,
    parse_int=_read_integer,
    parse_float=_read_float,
    parse_constant=_refuse_constant,
)
