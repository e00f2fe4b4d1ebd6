"""Prompts of a campaign that compares two policies: what each has, by its tree. Nothing here writes."""

from __future__ import annotations

from annotate.queries.backlog import QUEUES_OF
from annotate.queries.rows import Row, fetch_all
from tasks.vocabulary import ORDERING_KINDS

#: Prompts of which the rankings themselves are read, drawn by a hash of the message.
MOST_RANKED = 2_000

#: A prompt is finished as far as its units are, as the cells count it.
_PROMPTS = f"""
SELECT m.tree_id AS tree, p.cell_id AS cell, sum(u.done)::bigint AS judgments,
  avg(CASE WHEN u.is_open THEN LEAST(1.0, u.done::float8 / GREATEST(d.wanted, 1)) ELSE 1.0 END)::float8 AS finished,
  avg(1 - c.uncertainty)::float8 AS certainty
FROM annotate_unit u JOIN annotate_unitdetail d ON d.unit_id = u.id JOIN annotate_message m ON m.id = u.subject_id
JOIN annotate_promptplace p ON p.tree_id = m.tree_id
LEFT JOIN annotate_consensus c ON c.id = m.current_consensus_id AND u.kind = ANY(%(ordering)s::text[])
WHERE u.queue_id = ANY({QUEUES_OF}) AND (u.is_open OR u.done > 0)
GROUP BY m.tree_id, p.cell_id ORDER BY m.tree_id"""

_RANKED = f"""
SELECT m.tree_id AS tree, u.id AS unit FROM annotate_unit u JOIN annotate_message m ON m.id = u.subject_id
WHERE u.queue_id = ANY({QUEUES_OF}) AND u.kind = ANY(%(ordering)s::text[]) AND u.done + u.surplus > 1
ORDER BY hashint8extended(u.subject_id, 1), u.id LIMIT {MOST_RANKED}"""


def list_arm_prompts(*, campaign_id: int) -> list[Row]:
    """Prompts that have a place and a unit: `tree`, `cell`, `judgments`, `finished`, `certainty` (None: nothing is known)."""
    return fetch_all(_PROMPTS, _params(campaign_id))


def list_ranked_units(*, campaign_id: int) -> list[Row]:
    """Units that two people or more put in order, with their trees."""
    return fetch_all(_RANKED, _params(campaign_id))


def _params(campaign_id: int) -> Row:
    return {"campaign": campaign_id, "ordering": [str(kind) for kind in ORDERING_KINDS]}
