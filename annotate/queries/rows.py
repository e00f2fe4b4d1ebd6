"""Run one SQL statement through Django's connection and get mappings back."""

from collections.abc import Mapping
from typing import Any

from django.db import connection

Row = dict[str, Any]

#: Column names by statement; psycopg makes an object for each column anew, which costs more than reading its value.
_NAMES: dict[str, tuple[str, ...]] = {}
#: Statements whose columns are remembered; there are fewer, as all but a few are constants.
MOST_REMEMBERED = 1_000


def fetch_one(sql: str, params: Mapping[str, Any]) -> Row | None:
    """The first row of the answer as a mapping of column to value, or None."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        values = cursor.fetchone()
        return None if values is None else dict(zip(_name_columns(sql, cursor), values, strict=True))


def fetch_row(sql: str, params: Mapping[str, Any]) -> Row:
    """The one row of a statement that always answers one. Raises LookupError when it does not."""
    row = fetch_one(sql, params)
    if row is None:
        raise LookupError("A statement that always answers a row answered none.")
    return row


def fetch_all(sql: str, params: Mapping[str, Any]) -> list[Row]:
    """Every row of the answer as a mapping of column to value."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        columns = _name_columns(sql, cursor)
        return [dict(zip(columns, values, strict=True)) for values in cursor.fetchall()]


def run(sql: str, params: Mapping[str, Any]) -> int:
    """Run a statement that answers nothing; returns how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def _name_columns(sql: str, cursor: Any) -> tuple[str, ...]:
    names = _NAMES.get(sql)
    if names is None:
        names = tuple(column.name for column in cursor.description)
        if len(_NAMES) < MOST_REMEMBERED:
            _NAMES[sql] = names
    return names
