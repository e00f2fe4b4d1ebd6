"""A gold item ends: it is offered no more, and everybody who answered it is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from annotate.queries.rows import fetch_all, run

_FIND = """
SELECT gi.unit_id AS id FROM annotate_message m JOIN annotate_unit u ON u.subject_id = m.id
JOIN annotate_golditem gi ON gi.unit_id = u.id AND gi.retired_at IS NULL
WHERE m.tree_id = ANY(%(trees)s::bigint[]) ORDER BY gi.unit_id"""

#: Statements of their own: whoever submits at this moment holds the unit, and their result is there once this one has it.
_CLOSE = (
    "SELECT id FROM annotate_unit WHERE id = ANY(%(units)s::bigint[]) ORDER BY id FOR NO KEY UPDATE",
    "UPDATE annotate_unit SET is_open = false WHERE id = ANY(%(units)s::bigint[]) AND is_open",
    """
WITH told AS (
  UPDATE annotate_goldresult SET told_at = %(now)s WHERE item_id = ANY(%(units)s::bigint[]) AND told_at IS NULL)
UPDATE annotate_golditem SET retired_at = %(now)s WHERE unit_id = ANY(%(units)s::bigint[]) AND retired_at IS NULL""",
)


def end_gold(*, unit_ids: Sequence[int], now: datetime) -> None:
    """Retire these items. The caller's transaction, which holds the locks of what comes before units."""
    if unit_ids:
        for statement in _CLOSE:
            run(statement, {"units": list(unit_ids), "now": now})


def end_gold_of_trees(*, tree_ids: Sequence[int], now: datetime) -> None:
    """Everybody can read trees that ended, so that what was asked there has an answer that everybody knows."""
    end_gold(unit_ids=[row["id"] for row in fetch_all(_FIND, {"trees": list(tree_ids)})], now=now)
