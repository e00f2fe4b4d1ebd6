"""Open Assistant's flat messages, one a line (or in one list), gathered into trees.

Messages come in any order and a file may be larger than memory, so they are checked one by one and put
into a temporary SQLite file; then each tree is read from it, prompts in the order of the file. Disk use
is about the size of the unpacked file, memory that of one tree. The same file gives the same stream.

Also takes the shape of Open Assistant's seed data: `user_message_id`, `parent_message_id`.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tasks.formats.items import read_name
from tasks.formats.json_records import iter_json_records
from tasks.formats.open_assistant import (
    PlacedMessage,
    check_node,
    check_prompt_stands,
    check_size,
    is_omitted,
    make_tree,
    read_ballots,
    read_node,
    read_state,
)
from tasks.formats.refusals import BadRecord, show
from tasks.formats.sources import open_bytes
from tasks.records.imports import BadLine, ImportedTree, ImportLimits
from tasks.vocabulary import MessageRole

_SEED_KEYS = {"user_message_id": "message_id", "parent_message_id": "parent_id"}
_KEPT = (
    "message_id",
    "user_id",
    "created_date",
    "text",
    "role",
    "lang",
    "rank",
    "synthetic",
    "model_name",
    "tree_state",
    "review_result",
    "events",
)
_TABLE = """
    CREATE TABLE message (line INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, parent TEXT, omitted INTEGER NOT NULL,
                          fields TEXT NOT NULL, reached INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX message_by_parent ON message (parent, line);
"""
_MARK_TREE = """
    WITH RECURSIVE below(id) AS (SELECT ? UNION SELECT m.id FROM message m JOIN below ON m.parent = below.id)
    UPDATE message SET reached = 1 WHERE id IN (SELECT id FROM below)
"""
_COUNT_BELOW = """
    WITH RECURSIVE below(id) AS (SELECT ? UNION SELECT m.id FROM message m JOIN below ON m.parent = below.id)
    SELECT count(*) FROM below
"""


def read_messages(path: Path, limits: ImportLimits) -> Iterator[ImportedTree | BadLine]:
    """Yield first the lines that are no messages, then the trees, then the messages that belong to none."""
    with _open_spill() as spill:
        with open_bytes(path, limits) as stream:
            for number, value in iter_json_records(stream, limits):
                try:
                    if isinstance(value, BadRecord):
                        raise value
                    _spill_message(spill, value, number, limits)
                except BadRecord as bad:
                    yield BadLine(ordinal=number, line=number, reason=str(bad))
        yield from _iter_trees(spill, limits)
        yield from _iter_unreached(spill)


@contextmanager
def _open_spill() -> Iterator[sqlite3.Connection]:
    with (
        TemporaryDirectory(prefix="chorus-import-") as folder,
        closing(sqlite3.connect(Path(folder) / "messages.sqlite3", isolation_level=None)) as spill,
    ):
        # A scratch file: nothing in it must survive, so nothing is written twice.
        spill.execute("PRAGMA journal_mode = OFF")
        spill.execute("PRAGMA synchronous = OFF")
        spill.executescript(_TABLE)
        yield spill


def _spill_message(spill: sqlite3.Connection, value: object, line: int, limits: ImportLimits) -> None:
    """Check one message by itself and keep it, or raise `BadRecord`."""
    fields = _rename_seed_keys(check_node(value))
    message_id = read_name(fields.get("message_id"), what="message_id", max_chars=limits.max_id_chars)
    if message_id is None:
        raise BadRecord('The key "message_id" is missing. Messages are joined into trees by it and "parent_id".')
    parent_id = read_name(fields.get("parent_id"), what="parent_id", max_chars=limits.max_id_chars)
    omitted = is_omitted(fields)
    if not omitted:
        # The role is checked against its parent's later; here against itself, so that a bad one has its line.
        read_node(fields, parent_role=_find_turn(fields, parent_id), limits=limits)
        read_ballots(fields, limits=limits)
        read_state(fields.get("tree_state"))
    kept = "{}" if omitted else json.dumps({key: fields[key] for key in _KEPT if key in fields})
    stored = spill.execute(
        "INSERT OR IGNORE INTO message (line, id, parent, omitted, fields) VALUES (?, ?, ?, ?, ?)",
        (line, message_id, parent_id, omitted, kept),
    )
    if not stored.rowcount:
        (first,) = spill.execute("SELECT line FROM message WHERE id = ?", (message_id,)).fetchone()
        raise BadRecord(f"Message {show(message_id)} stands already on line {first:,}. Keep one.")


def _rename_seed_keys(fields: dict[str, object]) -> dict[str, object]:
    if "message_id" in fields:
        return fields
    return {_SEED_KEYS.get(key, key): item for key, item in fields.items()}


def _find_turn(fields: dict[str, object], parent_id: str | None) -> MessageRole | None:
    """Return the role a parent must have for this message's own role to be right."""
    if parent_id is None:
        return None
    return MessageRole.PROMPTER if fields.get("role") == MessageRole.ASSISTANT else MessageRole.ASSISTANT


def _iter_trees(spill: sqlite3.Connection, limits: ImportLimits) -> Iterator[ImportedTree | BadLine]:
    after = 0
    while root := spill.execute(
        "SELECT line, id, omitted FROM message WHERE parent IS NULL AND line > ? ORDER BY line LIMIT 1", (after,)
    ).fetchone():
        line, root_id, omitted = root
        after = line
        spill.execute(_MARK_TREE, (root_id,))
        try:
            check_prompt_stands(omitted=bool(omitted))
            yield _gather_tree(spill, line, root_id, limits)
        except BadRecord as bad:
            yield BadLine(ordinal=line, line=line, reason=str(bad))


def _gather_tree(spill: sqlite3.Connection, line: int, root_id: str, limits: ImportLimits) -> ImportedTree:
    placed: list[PlacedMessage] = []
    omitted = 0
    (fields,) = spill.execute("SELECT fields FROM message WHERE line = ?", (line,)).fetchone()
    state = read_state(json.loads(fields).get("tree_state"))
    waiting: list[tuple[str, str, bool, int | None, int]] = [(root_id, fields, False, None, 1)]
    while waiting:
        message_id, fields, is_left_out, parent, depth = waiting.pop()
        if is_left_out:
            omitted += spill.execute(_COUNT_BELOW, (message_id,)).fetchone()[0]
            continue
        check_size(len(placed), depth, limits)
        parent_role = None if parent is None else placed[parent].message.role
        node = json.loads(fields)
        message = read_node(node, parent_role=parent_role, limits=limits)
        placed.append(PlacedMessage(message, parent, read_ballots(node, limits=limits)))
        replies = spill.execute(
            "SELECT id, fields, omitted FROM message WHERE parent = ? ORDER BY line DESC LIMIT ?",
            (message_id, limits.max_tree_messages + 1),
        )
        index = len(placed) - 1
        waiting.extend((id_, data, bool(left_out), index, depth + 1) for id_, data, left_out in replies)
        check_size(len(placed) + len(waiting) - 1, depth, limits)
    return make_tree(placed, line=line, external_id=root_id, state=state, omitted=omitted)


def _iter_unreached(spill: sqlite3.Connection) -> Iterator[BadLine]:
    for line, message_id in spill.execute("SELECT line, id FROM message WHERE NOT reached ORDER BY line"):
        reason = (
            f"Message {show(message_id)} leads to no prompt: a message above it is not in the file, or could not be "
            "used. Send whole trees."
        )
        yield BadLine(ordinal=line, line=line, reason=reason)
