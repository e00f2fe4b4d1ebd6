"""Which trees and campaigns the regular look at growing trees comes to. Nothing here writes."""

from datetime import datetime

from annotate.queries.rows import fetch_all
from tasks.vocabulary import ENDED_TREES, CampaignState, StaleKind, TreeState

_DUE = """
SELECT c.id FROM annotate_campaign c
LEFT JOIN annotate_stale s ON s.kind = %(turn)s AND s.subject_id = c.id
WHERE c.state = %(open)s AND coalesce((c.parameters->>'grow_trees')::boolean, false)
  AND (s.lease_expires_at IS NULL OR s.lease_expires_at <= %(now)s)
ORDER BY c.id"""

_AFTER = """
SELECT t.id FROM annotate_messagetree t
WHERE t.campaign_id = %(campaign)s AND t.id > %(after)s AND t.state <> ALL(%(passed)s::text[])
ORDER BY t.id LIMIT %(limit)s"""


def list_campaigns_to_look_at(*, now: datetime) -> list[int]:
    """Campaigns that offer work and whose trees grow, at which nobody looks now and none rests."""
    return [
        row["id"] for row in fetch_all(_DUE, {"turn": StaleKind.TURN_TREES, "open": CampaignState.OPEN, "now": now})
    ]


def list_trees_after(*, campaign_id: int, after: int, limit: int) -> list[int]:
    """Trees with ids above `after` that have not ended, by id, at most `limit`. Those that wait need nothing but their turn."""
    passed = [str(state) for state in (*ENDED_TREES, TreeState.WAITING)]
    params = {"campaign": campaign_id, "after": after, "limit": limit, "passed": passed}
    return [row["id"] for row in fetch_all(_AFTER, params)]


def list_trees_to_follow(*, campaign_id: int, after: int, limit: int, grows: bool) -> list[int]:
    """Trees that follow a change of their campaign: all that have not ended, or those that had begun to grow."""
    moving = (TreeState.PROMPT_REVIEW, TreeState.WAITING, TreeState.GROWING)
    passed = [str(state) for state in TreeState if (state in ENDED_TREES if grows else state not in moving)]
    params = {"campaign": campaign_id, "after": after, "limit": limit, "passed": passed}
    return [row["id"] for row in fetch_all(_AFTER, params)]
