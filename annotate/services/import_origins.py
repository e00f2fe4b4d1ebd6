"""Where imported texts came from: stored with new messages, and added to replies that were there before."""

from collections.abc import Mapping, Sequence

from django.db import connection

from annotate.queries.rows import Row, fetch_all
from annotate.services.import_planned import PlannedMessage, PlannedOrigin
from tasks.vocabulary import OriginKind

_COPY_ORIGINS = """
COPY annotate_messageorigin (message_id, kind, generator_id, import_run_id, key, provenance, created_at) FROM STDIN"""

_ADD_ORIGINS = """
INSERT INTO annotate_messageorigin (message_id, kind, generator_id, import_run_id, key, provenance, created_at)
SELECT o.message_id, %(imported)s, o.generator_id, %(import_run)s, o.key, o.provenance, %(now)s
FROM unnest(%(messages)s::bigint[], %(generators)s::bigint[], %(keys)s::text[], %(provenances)s::jsonb[])
  AS o (message_id, generator_id, key, provenance)
ON CONFLICT (message_id, key) DO NOTHING
RETURNING message_id, key"""


def copy_origins(*, messages: Sequence[PlannedMessage], generators: Mapping[str, int], params: Row) -> None:
    if not messages:
        return
    imported, import_run, when = OriginKind.IMPORTED.value, params["import_run"], params["now"].isoformat()
    with connection.cursor() as cursor, cursor.copy(_COPY_ORIGINS) as copy:
        for message in messages:
            for key, origin in message.origins.items():
                generator = _generator_id(origin, generators)
                copy.write_row((message.id, imported, generator, import_run, key, origin.provenance, when))


def add_origins(
    *, messages: Sequence[PlannedMessage], generators: Mapping[str, int], params: Row
) -> dict[int, list[str]]:
    """Tell origins of replies that were there before; returns the keys that are new, by message id."""
    rows = [(message, key, origin) for message in messages for key, origin in message.origins.items()]
    if not rows:
        return {}
    params = params | {
        "imported": OriginKind.IMPORTED,
        "messages": [message.id for message, _, _ in rows],
        "generators": [_generator_id(origin, generators) for _, _, origin in rows],
        "keys": [key for _, key, _ in rows],
        "provenances": [origin.provenance for _, _, origin in rows],
    }
    told: dict[int, list[str]] = {}
    for row in fetch_all(_ADD_ORIGINS, params):
        told.setdefault(row["message_id"], []).append(row["key"])
    return told


def _generator_id(origin: PlannedOrigin, generators: Mapping[str, int]) -> int | None:
    return generators[origin.generator] if origin.generator else None
