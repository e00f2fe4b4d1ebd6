"""Where a unit stands among those that are offered, and what that came from. Nothing here writes."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from annotate.queries.reading import start_of
from annotate.queries.rows import Row, fetch_all

#: Units before one are counted up to so many.
MOST_COUNTED = 10_000
#: A message has one unit of each kind at a time, and those that are closed.
MOST_UNITS = 40
START_CHARS = 300

_UNITS = f"""
SELECT u.public_id AS id, u.kind, u.band, u.needed, u.done, u.held, u.is_open, u.is_vacant, q.language, q.is_gold,
  u.subject_id AS message, m.text, m.language AS text_language, u.brief_id AS brief, s.topic AS stratum_topic,
  s.target, s.done AS stratum_done, d.wanted, d.reason_code, d.reason_args, d.terms, d.scored_at, d.policy,
  c.difficulty, c.length, c.share, c.prompts, c.finished, c.coverage, t.name AS topic,
  CASE WHEN u.is_vacant THEN (SELECT count(*) FROM (SELECT FROM annotate_unit f
    WHERE f.queue_id = u.queue_id AND f.is_vacant AND f.band >= u.band AND (f.band > u.band OR f.tie < u.tie)
    LIMIT {MOST_COUNTED + 1}) few) END AS ahead
FROM annotate_unit u JOIN annotate_queue q ON q.id = u.queue_id JOIN annotate_unitdetail d ON d.unit_id = u.id
JOIN annotate_stratum s ON s.id = d.stratum_id
LEFT JOIN annotate_message m ON m.id = u.subject_id
LEFT JOIN annotate_promptplace p ON p.tree_id = m.tree_id
LEFT JOIN annotate_coveragecell c ON c.id = p.cell_id LEFT JOIN annotate_topic t ON t.id = c.topic_id
WHERE q.campaign_id = %(campaign)s AND {{which}}
ORDER BY u.is_open DESC, u.id DESC LIMIT {MOST_UNITS}"""


def find_unit_place(*, campaign_id: int, public_id: UUID) -> Row | None:
    """One unit of a campaign: what it has, what decided its band, its cell, and how many are offered before it."""
    rows = fetch_all(_UNITS.format(which="u.public_id = %(unit)s"), {"campaign": campaign_id, "unit": public_id})
    return _present(rows[0]) if rows else None


def list_unit_places(*, campaign_id: int, message_id: int) -> list[Row]:
    """The same of every unit on a message, open ones first."""
    rows = fetch_all(
        _UNITS.format(which="u.subject_id = %(message)s"), {"campaign": campaign_id, "message": message_id}
    )
    return [_present(row) for row in rows]


def _present(row: Row) -> dict[str, Any]:
    text = row.pop("text")
    cell = {
        name: row.pop(name) for name in ("difficulty", "length", "share", "prompts", "finished", "coverage", "topic")
    }
    return {
        **row,
        "text": "" if text is None else start_of(text, length=START_CHARS),
        "reason_args": json.loads(row["reason_args"]),
        "terms": json.loads(row["terms"]),
        "cell": None if cell["length"] is None else cell,
    }
