"""Bounded reading of what a server sends."""

import json
import zlib

import httpx

from tasks.generation.answers import find_error_message

#: An error body is read this far for the server's words (bytes).
_ERROR_BYTES = 16_384
#: A Content-Length with more digits than this is not worth converting.
_LONGEST_LENGTH = 15
#: Compressed bodies that are read, by what zlib calls their headers: some proxies compress whatever they are asked.
_WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class UnreadableBody(Exception):
    """The body cannot be unpacked; the message is a sentence for an organizer."""


def read_body(response: httpx.Response, *, limit: int) -> bytes | None:
    """The body, unpacked, or `None` when it is longer than `limit` bytes; never reads or unpacks on beyond it.

    Raises UnreadableBody for a compression that is not known, and for a body that is not what it says it is.
    """
    length = response.headers.get("content-length", "")
    if length.isdigit() and (len(length) > _LONGEST_LENGTH or int(length) > limit):
        return None
    unpack = _find_unpacker(response)
    body = bytearray()
    for chunk in response.iter_raw():
        try:
            body += unpack.decompress(chunk, limit + 1 - len(body)) if unpack else chunk
        except zlib.error:
            raise UnreadableBody("The server's answer is compressed, and damaged.") from None
        if len(body) > limit:
            return None
    return bytes(body)


def read_error_words(response: httpx.Response) -> str:
    """The server's own words, with a space before them; nothing where there are none to read."""
    try:
        body = read_body(response, limit=_ERROR_BYTES)
        words = find_error_message(json.loads(body or b""))
    except (ValueError, RecursionError, UnreadableBody):
        words = None
    return f" It said: {words}" if words else ""


def _find_unpacker(response: httpx.Response) -> "zlib._Decompress | None":
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding not in _WINDOWS:
        raise UnreadableBody("The server sent a compressed answer although none was asked for.")
    return zlib.decompressobj(_WINDOWS[encoding])
