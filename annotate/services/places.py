"""Where prompts lie in their campaign's target space: a place each, cells as there are prompts, shares by the targets.

Cells are made with their first prompt, or for a share that no prompt serves yet, and go with their last. What is
counted of them otherwise (finished, judgments, groups) is not touched here. In the order of locks cells come before places.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from annotate.queries.rows import run
from annotate.queries.target_shares import load_cell_facts, load_served_shares
from annotate.queries.vectors import GONE, STANDING
from annotate.services.stale import Turn, keep_turn
from tasks.scheduling.shares import CellFacts, add_wanted, share_cells
from tasks.vocabulary import StaleKind

_GIVEN = """given AS (
  SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS g (message bigint, tree bigint, language text, topic bigint,
    difficulty text, length text, x float8, y float8, density float8))"""

_MAKE_CELLS = f"""
WITH {_GIVEN}
INSERT INTO annotate_coveragecell (campaign_id, language, topic_id, difficulty, length, groups)
SELECT DISTINCT %(campaign)s, language, topic, difficulty, length, '{{}}'::jsonb FROM given
ORDER BY language, topic, difficulty, length
ON CONFLICT (campaign_id, language, topic_id, difficulty, length) DO NOTHING"""

_WRITE_PLACES = f"""
WITH {_GIVEN}
INSERT INTO annotate_promptplace (message_id, campaign_id, tree_id, cell_id, topic_id, fit, x, y, density, placed_at)
SELECT m.id, %(campaign)s, g.tree, c.id, g.topic, %(fit)s, g.x, g.y, g.density, %(now)s FROM given g
JOIN annotate_message m ON m.id = g.message AND m.withdrawn_at IS NULL
JOIN annotate_coveragecell c ON c.campaign_id = %(campaign)s AND c.language = g.language
  AND c.topic_id IS NOT DISTINCT FROM g.topic AND c.difficulty = g.difficulty AND c.length = g.length
ORDER BY m.id
ON CONFLICT (message_id) DO UPDATE SET cell_id = excluded.cell_id, topic_id = excluded.topic_id, fit = excluded.fit,
  x = excluded.x, y = excluded.y, density = excluded.density, placed_at = excluded.placed_at"""

_FORGET = f"""
DELETE FROM annotate_promptplace p WHERE p.campaign_id = %(campaign)s AND NOT EXISTS (
  SELECT 1 FROM annotate_messagetree t JOIN annotate_message m ON m.tree_id = t.id AND {STANDING}
  WHERE t.id = p.tree_id)"""

#: What was just being made when its text was withdrawn.
_FORGET_VECTORS = """
DELETE FROM annotate_textvector v USING annotate_message m
WHERE v.campaign_id = %(campaign)s AND m.id = v.message_id AND m.withdrawn_at IS NOT NULL"""

_FORGET_REFUSED = """
DELETE FROM annotate_stale s USING annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE s.kind = %(refused)s AND m.id = s.subject_id AND t.campaign_id = %(campaign)s AND m.withdrawn_at IS NOT NULL"""

#: By id, as everybody who writes several cells does.
_LOCK_CELLS = "SELECT id FROM annotate_coveragecell WHERE campaign_id = %(campaign)s ORDER BY id FOR UPDATE"

_COUNT_CELLS = """
UPDATE annotate_coveragecell c SET prompts = counted.prompts FROM (
  SELECT k.id, count(p.message_id) AS prompts FROM annotate_coveragecell k
  LEFT JOIN annotate_promptplace p ON p.cell_id = k.id WHERE k.campaign_id = %(campaign)s GROUP BY k.id) counted
WHERE c.id = counted.id AND c.prompts <> counted.prompts"""

_COUNT_TOPICS = """
UPDATE annotate_topic o SET prompts = counted.prompts FROM (
  SELECT k.id, count(p.message_id) AS prompts FROM annotate_topic k
  LEFT JOIN annotate_promptplace p ON p.topic_id = k.id WHERE k.campaign_id = %(campaign)s GROUP BY k.id) counted
WHERE o.id = counted.id AND o.prompts <> counted.prompts"""

_WRITE_SHARES = """
WITH given AS (
  SELECT g.language, o.id AS topic, g.difficulty, g.length, g.share
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS g (language text, topic text, difficulty text, length text, share float8)
  LEFT JOIN annotate_topic o ON o.campaign_id = %(campaign)s AND o.number::text = g.topic)
INSERT INTO annotate_coveragecell AS c (campaign_id, language, topic_id, difficulty, length, share, groups)
SELECT %(campaign)s, language, topic, difficulty, length, share, '{}'::jsonb FROM given
ORDER BY language, topic, difficulty, length
ON CONFLICT (campaign_id, language, topic_id, difficulty, length) DO UPDATE SET share = excluded.share
  WHERE abs(c.share - excluded.share) > 1e-9"""

#: A cell that a brief asks for, or asked for, stays without a share: that brief names it.
_DROP_CELLS = """
WITH given AS (
  SELECT g.language, o.id AS topic, g.difficulty, g.length
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS g (language text, topic text, difficulty text, length text, share float8)
  LEFT JOIN annotate_topic o ON o.campaign_id = %(campaign)s AND o.number::text = g.topic),
gone AS MATERIALIZED (
  SELECT c.id, EXISTS (SELECT 1 FROM annotate_brief b WHERE b.cell_id = c.id) AS is_named
  FROM annotate_coveragecell c WHERE c.campaign_id = %(campaign)s AND c.prompts = 0
    AND NOT EXISTS (SELECT 1 FROM annotate_promptplace p WHERE p.cell_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM given g WHERE g.language = c.language AND g.topic IS NOT DISTINCT FROM c.topic_id
      AND g.difficulty = c.difficulty AND g.length = c.length)),
emptied AS (UPDATE annotate_coveragecell c SET share = 0 FROM gone WHERE c.id = gone.id AND gone.is_named AND c.share <> 0)
DELETE FROM annotate_coveragecell c USING gone WHERE c.id = gone.id AND NOT gone.is_named"""


@dataclass(frozen=True, slots=True)
class NewPlace:
    """Where a prompt lies. `topic_id` None, and no coordinates: its campaign has no topics, or the prompt no vector."""

    message: int
    tree: int
    language: str
    topic_id: int | None
    difficulty: str
    length: str
    x: float | None = None
    y: float | None = None
    density: float | None = None


def store_places(*, turn: Turn, fit: int, places: Sequence[NewPlace], now: datetime) -> bool:
    """Put prompts in their places, by this version of the topics (0: by none); False where the turn is another's."""
    rows = [
        {
            "message": place.message, "tree": place.tree, "language": place.language, "topic": place.topic_id,
            "difficulty": place.difficulty, "length": place.length, "x": place.x, "y": place.y, "density": place.density,
        }
        for place in places
    ]  # fmt: skip
    params = {"campaign": turn.subject_id, "rows": json.dumps(rows), "fit": fit, "now": now}
    with transaction.atomic():
        if not keep_turn(turn=turn):
            return False
        run(_MAKE_CELLS, params)
        run(_WRITE_PLACES, params)
    return True


def forget_gone(*, campaign_id: int) -> int:
    """Take prompts that stand no more out of the target space, and vectors of withdrawn texts; returns how many prompts."""
    run(_FORGET_VECTORS, {"campaign": campaign_id})
    run(_FORGET_REFUSED, {"campaign": campaign_id, "refused": StaleKind.TEXT_REFUSED})
    return run(_FORGET, {"campaign": campaign_id, "gone": list(GONE)})


def share_out(*, turn: Turn, language: str) -> int | None:
    """Count the prompts of each cell, give each its share of the target, and drop those that nothing is left of.

    `language`: of an empty cell that is wanted, where no prompt says one. Returns how many cells there are; None where the
    turn is another's.
    """
    with transaction.atomic():
        if not keep_turn(turn=turn):
            return None
        params: dict[str, object] = {"campaign": turn.subject_id}
        run(_LOCK_CELLS, params)
        run(_COUNT_CELLS, params)
        run(_COUNT_TOPICS, params)
    # Nobody waits for the arithmetic. Whoever sets shares meanwhile takes the turn, and nothing of this is written.
    shares = load_served_shares(campaign_id=turn.subject_id)
    cells = add_wanted(load_cell_facts(campaign_id=turn.subject_id, shares=shares), shares, language=language)
    rows = [_as_row(cell, share) for cell, share in zip(cells, share_cells(cells, shares), strict=True)]
    params = {"campaign": turn.subject_id, "rows": json.dumps(rows)}
    with transaction.atomic():
        if not keep_turn(turn=turn):
            return None
        run(_LOCK_CELLS, params)
        run(_WRITE_SHARES, params)
        run(_DROP_CELLS, params)
    return len(cells)


def _as_row(cell: CellFacts, share: float) -> dict[str, object]:
    return {
        "language": cell.language,
        "topic": cell.topic,
        "difficulty": cell.difficulty,
        "length": cell.length,
        "share": share,
    }
