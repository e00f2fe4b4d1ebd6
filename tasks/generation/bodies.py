"""Bounded reading of what a server sends."""

import json

import httpx

from tasks.generation.answers import find_error_message

#: An error body is read this far for the server's words (bytes).
_ERROR_BYTES = 16_384
#: A Content-Length with more digits than this is not worth converting.
_LONGEST_LENGTH = 15


def read_body(response: httpx.Response, *, limit: int) -> bytes | None:
    """The raw body, or `None` when it is longer than `limit` bytes; never reads on beyond it."""
    length = response.headers.get("content-length", "")
    if length.isdigit() and (len(length) > _LONGEST_LENGTH or int(length) > limit):
        return None
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def read_error_words(response: httpx.Response) -> str:
    """The server's own words, with a space before them; nothing where there are none to read."""
    body = read_body(response, limit=_ERROR_BYTES)
    if not body:
        return ""
    try:
        words = find_error_message(json.loads(body))
    except (ValueError, RecursionError):
        words = None
    return f" It said: {words}" if words else ""
