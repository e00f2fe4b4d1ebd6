"""Briefs of a campaign: what prompts are asked for, and how far each is. Nothing here writes."""

from __future__ import annotations

import json
from typing import Any

from annotate.models import Brief, Stratum
from annotate.queries.rows import Row, fetch_all, fetch_one
from tasks.vocabulary import BriefOrigin, TreeState

#: Prompts of one brief are counted up to so many: nobody waits for a million to be counted.
MOST_COUNTED = 10_000
MOST_TOPICS = 50
#: A prompt whose tree ended like this does not count for its brief: another one is asked for.
FAILED = [str(state) for state in (TreeState.LOW_GRADE, TreeState.HALTED, TreeState.RETIRED)]

_BRIEFS = f"""
SELECT b.id, b.language, b.topic, b.difficulty, b.words, b.wanted, b.is_open, b.created_at, b.created_by_id IS NULL AS is_own,
  b.origin, b.vetoed_at, b.why, b.examples,
  (SELECT count(*) FROM (SELECT FROM annotate_messagetree t WHERE t.brief_id = b.id LIMIT {MOST_COUNTED + 1}) AS few) AS written,
  (SELECT count(*) FROM (SELECT FROM annotate_messagetree t WHERE t.brief_id = b.id AND t.state <> ALL(%(failed)s::text[])
     LIMIT {MOST_COUNTED + 1}) AS few) AS standing,
  (SELECT coalesce(sum(u.needed - u.done), 0) FROM annotate_unit u WHERE u.brief_id = b.id AND u.is_open
     AND u.kind <> 'rank') AS asked
FROM annotate_brief b WHERE b.campaign_id = %(campaign)s {{more}}
ORDER BY b.is_open DESC, b.id DESC LIMIT %(limit)s"""


def list_briefs(*, campaign_id: int, limit: int) -> list[Row]:
    """The briefs of a campaign, open ones first, newest first: one query.

    `written`: prompts by it, at most `MOST_COUNTED` + 1; `standing`: those of them that were neither rejected nor
    ended early, which count towards `wanted`; `asked`: prompts that people are asked for now; `is_own`: the campaign
    made it for itself; `why`: of one that the scheduler opened, the numbers that it was opened for.
    """
    rows = fetch_all(_BRIEFS.format(more=""), {"campaign": campaign_id, "limit": limit, "failed": FAILED})
    return [_read_why(row) for row in rows]


def find_brief(*, campaign_id: int, brief_id: int) -> Row | None:
    """One brief as `list_briefs` tells it."""
    params = {"campaign": campaign_id, "brief": brief_id, "limit": 1, "failed": FAILED}
    row = fetch_one(_BRIEFS.format(more="AND b.id = %(brief)s"), params)
    return None if row is None else _read_why(row)


def _read_why(row: Row) -> Row:
    return {**row, "why": json.loads(row["why"])}


def describe_brief(brief: Brief) -> dict[str, Any]:
    """What organizers decide about a brief, as plain JSON."""
    described = {
        "language": brief.language,
        "topic": brief.topic,
        "difficulty": brief.difficulty,
        "words": brief.words,
        "wanted": brief.wanted,
        "is_open": brief.is_open,
    }
    return (
        described if brief.origin == BriefOrigin.ORGANIZER else {**described, "is_vetoed": brief.vetoed_at is not None}
    )


def list_topics(*, campaign_id: int) -> list[str]:
    """Topics of the campaign's target space, to choose from."""
    cells = Stratum.objects.filter(campaign_id=campaign_id).exclude(topic="")
    return list(cells.order_by("topic").values_list("topic", flat=True).distinct()[:MOST_TOPICS])
