"""Gold items as organizers see them: how often each was answered and how, and what could be promoted."""

from __future__ import annotations

import json
from typing import Any

from annotate.queries.gold import GOLD_TREES
from annotate.queries.rows import Row, fetch_all, fetch_one

#: Somebody is good at gold from this mean score on so many other items. An item is doubtful that so many of them get
#: worse than this, on average: perhaps its answer is not right.
GOOD_SCORE, GOOD_ITEMS = 0.8, 3
DOUBTFUL_SCORE, DOUBTFUL_PEOPLE = 0.6, 3
START_CHARS = 280

_ITEMS = f"""
WITH results AS MATERIALIZED (
  SELECT r.item_id, COALESCE(a.merged_into_id, a.id) AS person, r.score
  FROM annotate_golditem gi JOIN annotate_goldresult r ON r.item_id = gi.unit_id
  JOIN annotate_judgment j ON j.id = r.judgment_id AND j.is_current AND j.withdrawn_at IS NULL
  JOIN annotate_annotator a ON a.id = j.annotator_id WHERE gi.campaign_id = %(campaign)s),
placed AS (
  SELECT item_id, score, count(*) OVER p > {GOOD_ITEMS} AND
    (sum(score) OVER p - score) / GREATEST(count(*) OVER p - 1, 1) >= {GOOD_SCORE} AS is_good
  FROM results WINDOW p AS (PARTITION BY person)),
tally AS (
  SELECT item_id, count(*) AS answers, avg(score) AS score, count(*) FILTER (WHERE is_good) AS good,
    avg(score) FILTER (WHERE is_good) AS good_score
  FROM placed GROUP BY item_id)
SELECT gi.unit_id AS id, u.kind, q.language, gi.origin, gi.answer::text AS answer, gi.explanation, gi.created_at, gi.retired_at,
  u.is_open, u.subject_id AS message, m.tree_id AS tree, m.role,
  CASE WHEN m.removed_at IS NULL AND m.withdrawn_at IS NULL THEN left(m.text, {START_CHARS}) ELSE '' END AS text,
  COALESCE(tally.answers, 0) AS answers, tally.score, COALESCE(tally.good, 0) AS good, tally.good_score
FROM annotate_golditem gi JOIN annotate_unit u ON u.id = gi.unit_id JOIN annotate_queue q ON q.id = u.queue_id
JOIN annotate_message m ON m.id = u.subject_id LEFT JOIN tally ON tally.item_id = gi.unit_id
WHERE gi.campaign_id = %(campaign)s AND (%(item)s::bigint IS NULL OR gi.unit_id = %(item)s)
ORDER BY gi.retired_at IS NOT NULL, gi.unit_id DESC LIMIT %(limit)s"""

#: Parents whose order is certain, whose ordinary work is done, and that nobody can read with their order.
_CERTAIN = f"""
SELECT m.id AS message, t.language, left(m.text, {START_CHARS}) AS text, k.n AS ballots,
  (k.result->>'confidence')::float AS confidence, jsonb_array_length(k.result->'candidates') AS candidates
FROM annotate_messagetree t JOIN annotate_message m ON m.tree_id = t.id
JOIN annotate_consensus k ON k.id = m.current_consensus_id
WHERE t.campaign_id = %(campaign)s AND t.state = 'ranking' AND k.n >= %(ballots)s
  AND (k.result->>'confidence')::float >= %(confidence)s AND m.removed_at IS NULL AND m.withdrawn_at IS NULL
  AND jsonb_array_length(k.result->'candidates') BETWEEN 2 AND 8 AND t.id <> ALL({GOLD_TREES})
  AND NOT EXISTS (SELECT 1 FROM annotate_unit u
    WHERE u.subject_id = m.id AND u.kind IN ('rank', 'compare') AND u.is_open AND u.done < u.needed)
ORDER BY (k.result->>'confidence')::float DESC, k.n DESC, m.id LIMIT %(limit)s"""

_REPLIES = """
SELECT r.id, r.text FROM annotate_message r WHERE r.parent_id = %(message)s AND r.role = 'assistant' AND r.removed_at IS NULL
  AND r.withdrawn_at IS NULL ORDER BY r.id"""

_ORDER = """
SELECT k.n AS ballots, (k.result->>'confidence')::float AS confidence, (k.result->'tiers') #>> '{}' AS tiers,
  (k.result->>'acceptable_tiers')::int AS acceptable_tiers
FROM annotate_message m JOIN annotate_consensus k ON k.id = m.current_consensus_id WHERE m.id = %(message)s"""

_TEXTS = "SELECT m.id, m.text FROM annotate_message m WHERE m.id = ANY(%(messages)s::bigint[])"


def list_gold_items(*, campaign_id: int, limit: int) -> list[dict[str, Any]]:
    """The gold items of a campaign, newest first, retired ones last: one query."""
    return [_describe(row) for row in fetch_all(_ITEMS, {"campaign": campaign_id, "item": None, "limit": limit})]


def find_gold_item(*, campaign_id: int, item_id: int) -> dict[str, Any] | None:
    """One gold item, or None."""
    row = fetch_one(_ITEMS, {"campaign": campaign_id, "item": item_id, "limit": 1})
    return None if row is None else _describe(row)


def list_certain(*, campaign_id: int, confidence: float, ballots: int, limit: int) -> list[Row]:
    """What could be promoted, most certain first: `message, language, text, ballots, confidence, candidates`."""
    params = {"campaign": campaign_id, "confidence": confidence, "ballots": ballots, "limit": limit}
    return fetch_all(_CERTAIN, params)


def load_texts(*, message_ids: list[int]) -> dict[int, str]:
    """Texts by message."""
    return {row["id"]: row["text"] for row in fetch_all(_TEXTS, {"messages": message_ids})}


def list_replies(*, message_id: int) -> dict[int, str]:
    """The replies to a message that could be put in order, by id, with their texts."""
    return {row["id"]: row["text"] for row in fetch_all(_REPLIES, {"message": message_id})}


def find_order(*, message_id: int) -> dict[str, Any] | None:
    """The current consensus of a parent as an answer would say it: `tiers` of texts, `acceptable_tiers`, `ballots`, `confidence`."""
    row = fetch_one(_ORDER, {"message": message_id})
    if row is None:
        return None
    tiers: list[list[int]] = json.loads(row["tiers"])
    texts = load_texts(message_ids=[message for tier in tiers for message in tier])
    return {**row, "tiers": [[texts.get(message, "") for message in tier] for tier in tiers]}


def _describe(row: Row) -> dict[str, Any]:
    """`is_offered`: people may be asked about it. `is_doubtful`: those who are right elsewhere are not here."""
    score, good_score = row.pop("score"), row.pop("good_score")
    is_open = row.pop("is_open")
    return {
        **row,
        "answer": json.loads(row["answer"]),
        "score": None if score is None else round(float(score), 6),
        "good_score": None if good_score is None else round(float(good_score), 6),
        "is_offered": is_open and row["retired_at"] is None,
        "is_doubtful": row["good"] >= DOUBTFUL_PEOPLE and float(good_score) < DOUBTFUL_SCORE,
    }
