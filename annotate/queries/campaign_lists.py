"""What a list of campaigns tells of each: whether work waits, and what is missing most. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from annotate.queries.rows import fetch_all

#: Cells that are named for each campaign.
MOST_NAMED = 3

# Each look-up is ordered as its index is: a campaign without units or prompts would else read those of all the others.
_WAITING = """
SELECT c.id, EXISTS (
  SELECT 1 FROM annotate_queue q WHERE q.campaign_id = c.id AND NOT q.is_gold AND (
    SELECT u.id FROM annotate_unit u WHERE u.queue_id = q.id AND u.is_vacant
    ORDER BY u.band DESC, u.tie LIMIT 1) IS NOT NULL) AS is_waiting,
  (SELECT t.id FROM annotate_messagetree t WHERE t.campaign_id = c.id ORDER BY t.key LIMIT 1) IS NOT NULL AS has_prompts
FROM unnest(%(campaigns)s::bigint[]) AS c (id)"""

_MISSING = """
SELECT campaign_id, language, topic, target, done, cells FROM (
  SELECT s.campaign_id, s.language, s.topic, s.target, s.done,
    row_number() OVER (PARTITION BY s.campaign_id ORDER BY s.target - s.done DESC, s.language, s.topic) AS place,
    count(*) OVER (PARTITION BY s.campaign_id) AS cells
  FROM annotate_stratum s WHERE s.campaign_id = ANY(%(campaigns)s::bigint[]) AND s.target > s.done) missing
WHERE place <= %(most)s ORDER BY campaign_id, place"""


@dataclass(frozen=True, slots=True)
class MissingCell:
    """A cell of the target space that has fewer judgments than it should."""

    language: str
    topic: str
    target: int
    done: int


@dataclass(slots=True)
class Needs:
    """What a campaign needs: `cells` that are short in all, the shortest of them, and whether work waits now."""

    is_waiting: bool = False
    has_prompts: bool = False
    cells: int = 0
    missing: list[MissingCell] = field(default_factory=list)


def find_waiting(*, campaign_id: int) -> Needs:
    """Whether work waits in one campaign and whether it has prompts; nothing of what is missing."""
    (row,) = fetch_all(_WAITING, {"campaigns": [campaign_id]})
    return Needs(row["is_waiting"], row["has_prompts"])


def load_needs(*, campaign_ids: Sequence[int]) -> dict[int, Needs]:
    """The needs of these campaigns by id: two queries, whatever their number; none for none."""
    if not campaign_ids:
        return {}
    params = {"campaigns": list(campaign_ids), "most": MOST_NAMED}
    needs = {row["id"]: Needs(row["is_waiting"], row["has_prompts"]) for row in fetch_all(_WAITING, params)}
    for row in fetch_all(_MISSING, params):
        needs[row["campaign_id"]].cells = row["cells"]
        cell = MissingCell(row["language"], row["topic"], row["target"], row["done"])
        needs[row["campaign_id"]].missing.append(cell)
    return needs
