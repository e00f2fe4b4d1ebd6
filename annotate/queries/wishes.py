"""What the scheduler's briefs are decided by: cells, the briefs it opened, and prompts to name as examples. Nothing here writes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from annotate.models import Brief, TargetShare
from annotate.queries.briefs import FAILED
from annotate.queries.rows import Row, fetch_all
from tasks.records.wishes import StandingWish, Wish, WishCell
from tasks.vocabulary import BriefOrigin, ReviewState

#: Prompts that a brief names as being there already.
MOST_EXAMPLES = 3

_CELLS = """
SELECT c.id, c.language, t.number AS topic, COALESCE(t.name, '') AS topic_name, c.difficulty, c.length, c.share, c.prompts
FROM annotate_coveragecell c LEFT JOIN annotate_topic t ON t.id = c.topic_id
WHERE c.campaign_id = %(campaign)s AND t.merged_into_id IS NULL AND t.retired_at IS NULL ORDER BY c.id"""

_STANDING = """
SELECT b.id AS brief, b.language, b.is_open, b.vetoed_at IS NOT NULL AS is_vetoed, b.wanted, b.why,
  CASE WHEN b.is_open THEN (SELECT count(*) FROM annotate_messagetree t
    WHERE t.brief_id = b.id AND t.state <> ALL(%(failed)s)) ELSE 0 END AS standing
FROM annotate_brief b
WHERE b.campaign_id = %(campaign)s AND b.origin = %(origin)s AND (b.is_open OR b.vetoed_at IS NOT NULL) ORDER BY b.id"""

#: The most typical first: those that have most neighbours. What nobody has reviewed yet is shown to no other writers.
_EXAMPLES = """
SELECT p.message_id AS message FROM annotate_promptplace p
JOIN annotate_coveragecell c ON c.id = p.cell_id LEFT JOIN annotate_topic t ON t.id = c.topic_id
JOIN annotate_message m ON m.id = p.message_id JOIN annotate_messagetree r ON r.id = m.tree_id
WHERE p.campaign_id = %(campaign)s AND c.language = %(language)s AND t.number IS NOT DISTINCT FROM %(topic)s::int
  AND m.removed_at IS NULL AND m.withdrawn_at IS NULL AND m.review_state = ANY(%(shown)s)
  AND r.state <> ALL(%(failed)s)
ORDER BY (c.difficulty = %(difficulty)s AND c.length = %(length)s) DESC, p.density DESC NULLS LAST, p.message_id
LIMIT %(most)s"""


def list_wish_cells(*, campaign_id: int) -> list[WishCell]:
    """The cells of a campaign, those without prompts too."""
    return [WishCell(**row) for row in fetch_all(_CELLS, {"campaign": campaign_id})]


def list_axes(*, campaign_id: int) -> frozenset[str]:
    """Axes along which the campaign has set shares."""
    return frozenset(TargetShare.objects.filter(campaign_id=campaign_id).values_list("axis", flat=True))


def list_standing_wishes(*, campaign_id: int) -> list[StandingWish]:
    """The briefs that the scheduler opened and that are open, or vetoed."""
    rows = fetch_all(_STANDING, {"campaign": campaign_id, "failed": FAILED, "origin": BriefOrigin.SCHEDULER})
    return [StandingWish(key=json.loads(row.pop("why")).get("key", ""), **row) for row in rows]


def list_asked(*, campaign_id: int) -> frozenset[tuple[str, str]]:
    """Language and topic of what organizers ask for by open briefs that name a topic."""
    mine = Brief.objects.filter(campaign_id=campaign_id, is_open=True, origin=BriefOrigin.ORGANIZER).exclude(topic="")
    return frozenset(mine.values_list("language", "topic"))


def find_examples(*, campaign_id: int, wish: Wish) -> list[int]:
    """Prompts that are there already in its language and topic, the most alike and the most typical first."""
    params: Row = {
        "campaign": campaign_id,
        "language": wish.language,
        "topic": wish.topic,
        "difficulty": wish.difficulty,
        "length": wish.length,
        "shown": [str(ReviewState.NONE), str(ReviewState.ACCEPTED)],
        "failed": FAILED,
        "most": MOST_EXAMPLES,
    }
    return [row["message"] for row in fetch_all(_EXAMPLES, params)]


def list_wishing_campaigns(*, campaign_ids: Sequence[int]) -> list[int]:
    """Of these, the campaigns that let the scheduler ask for prompts, or in which a brief of its is open."""
    sql = """SELECT c.id FROM annotate_campaign c WHERE c.id = ANY(%(campaigns)s) AND (
        COALESCE((c.parameters->>'open_briefs')::boolean, false)
        OR EXISTS (SELECT 1 FROM annotate_brief b WHERE b.campaign_id = c.id AND b.origin = %(origin)s AND b.is_open))
      ORDER BY c.id"""
    rows = fetch_all(sql, {"campaigns": list(campaign_ids), "origin": BriefOrigin.SCHEDULER})
    return [row["id"] for row in rows]
