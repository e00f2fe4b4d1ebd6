"""What format a file is in, by its name and its first bytes."""

import json
import re
import zlib

from tasks.formats.csv_reader import find_separator
from tasks.formats.refusals import RefusedFile
from tasks.formats.sources import GZIP_MAGIC, UTF8_BOM, refuse_foreign
from tasks.vocabulary import ImportFormat

#: How much of a file `detect_format` wants to see, packed or not.
HEAD_BYTES = 64 * 1024
_PARQUET_MAGIC = b"PAR1"
_JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
_TABLE_ENDINGS = (".csv", ".tsv")
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\]:,]')
_CHOICES = ", ".join(ImportFormat)


def detect_format(name: str, head: bytes) -> ImportFormat:
    """Return the format of a file from its name and its first `HEAD_BYTES`, or raise `RefusedFile`."""
    refuse_foreign(head)
    if head.startswith(_PARQUET_MAGIC):
        return ImportFormat.PARQUET
    lower = name.lower()
    if head.startswith(GZIP_MAGIC):
        head = _unpack_head(head)
        lower = lower.removesuffix(".gz")
    text = head.removeprefix(UTF8_BOM).decode("utf-8", errors="replace").lstrip()
    if not text:
        raise RefusedFile("The file is empty. Send one with at least one prompt.")
    if lower.endswith(_TABLE_ENDINGS):
        return ImportFormat.CSV
    if lower.endswith(".txt"):
        return ImportFormat.PROMPTS
    found = _detect_json(text) if text[0] in '{["' else _detect_table(text)
    if found is None and lower.endswith(_JSON_ENDINGS):
        return ImportFormat.JSONL
    if found is None:
        raise RefusedFile(f"The format of this file cannot be told. Name it: {_CHOICES}.")
    return found


def _unpack_head(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        raise RefusedFile("The compressed file is damaged. Compress it again.") from None


def _detect_table(text: str) -> ImportFormat | None:
    header = text.split("\n", 1)[0].rstrip("\r")
    return ImportFormat.CSV if find_separator(header) else None


def _detect_json(text: str) -> ImportFormat | None:
    """Tell the shapes of JSON apart by the keys of the first object, complete or cut."""
    first = text[1:].lstrip() if text[0] == "[" else text
    if first.startswith('"'):
        return ImportFormat.JSONL
    if not first.startswith("{"):
        return None
    keys = _first_keys(first)
    if text[0] == "{" and ("prompts" in keys or "model_name" in keys) and "message_id" not in keys:
        return ImportFormat.SAMPLING_REPORT
    if ("message_tree_id" in keys and "message_id" not in keys) or keys.get("prompt") == "{":
        return ImportFormat.OASST_TREES
    if "message_id" in keys or "user_message_id" in keys:
        return ImportFormat.OASST_MESSAGES
    return ImportFormat.JSONL if "prompt" in keys else None


def _first_keys(text: str) -> dict[str, str]:
    """Return the keys of the object that `text` starts with, each with the first character of its value."""
    keys: dict[str, str] = {}
    depth = 0
    last = ""
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece in "{[":
            depth += 1
        elif piece in "}]":
            depth -= 1
            if depth == 0:
                break
        elif piece == ":" and depth == 1 and last.startswith('"'):
            keys[_unquote(last)] = text[match.end() :].lstrip()[:1]
        last = piece
    return keys


def _unquote(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        return quoted
