"""Why a database cannot be reached, in a sentence: the pool of connections says only that it waited."""

from __future__ import annotations

import psycopg
from django.db import connection
from django.db.utils import OperationalError
from psycopg_pool import PoolTimeout


def explain_unreached(error: OperationalError) -> str | None:
    """A sentence for the person at the terminal, or None when the error is about something else."""
    if not isinstance(error.__cause__, PoolTimeout):
        return None
    return f"PostgreSQL at DATABASE_URL does not answer: {find_cause(error)}. Start it, or correct DATABASE_URL."


def find_cause(error: OperationalError) -> str:
    """What the server, or the way to it, says to one connection made without the pool; else what `error` says."""
    try:
        psycopg.connect(**connection.get_connection_params()).close()
    except psycopg.OperationalError as cause:
        return str(cause).strip()
    return str(error).strip()
