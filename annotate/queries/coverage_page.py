"""What was measured of a campaign's coverage, and the cells it is made of, as pages and the API tell it. Nothing here writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from annotate.models import TargetShare, TargetStanding
from annotate.queries.rows import Row, fetch_all

#: Days of history that are told, and the cells, those with the largest share first.
DAYS = 90
MOST_CELLS = 5_000
PARTS = ("prompts", "candidates", "people", "facility")

_FIELDS = "r.language, r.measured_at, r.coverage, r.prompts, r.candidates, r.people, r.facility, r.judgments"

#: Of each hour of the last two days the last report, of each earlier day the last one.
_HISTORY = f"""
SELECT DISTINCT ON (h.slot) h.* FROM (
  SELECT {_FIELDS}, date_trunc(CASE WHEN r.measured_at > %(recent)s THEN 'hour' ELSE 'day' END, r.measured_at, 'UTC') AS slot
  FROM annotate_coveragereport r
  WHERE r.campaign_id = %(campaign)s AND r.language IS NOT DISTINCT FROM %(language)s AND r.measured_at >= %(since)s
    AND r.measured_at < %(until)s) h
ORDER BY h.slot, h.measured_at DESC"""

_LATEST = f"""
SELECT DISTINCT ON (r.language) {_FIELDS}, r.result FROM annotate_coveragereport r
WHERE r.campaign_id = %(campaign)s AND r.measured_at < %(until)s
ORDER BY r.language NULLS FIRST, r.measured_at DESC"""

_CELLS = """
SELECT c.id, c.language, t.number AS topic, COALESCE(t.name, '') AS topic_name, c.difficulty, c.length, c.share, c.prompts,
  c.finished, c.judgments, c.held, c.coverage, c.counted_at
FROM annotate_coveragecell c LEFT JOIN annotate_topic t ON t.id = c.topic_id
WHERE c.campaign_id = %(campaign)s AND (c.prompts > 0 OR c.share > 0) AND t.merged_into_id IS NULL
ORDER BY c.share DESC, c.prompts DESC, c.id LIMIT %(most)s"""

_TAGS = """
SELECT tag, count(*) AS prompts FROM annotate_promptplace p JOIN annotate_messagetree t ON t.id = p.tree_id
CROSS JOIN LATERAL (SELECT DISTINCT unnest(t.tags) AS tag) AS tagged
WHERE p.campaign_id = %(campaign)s AND tag = ANY(%(tags)s::text[]) GROUP BY tag"""


def list_latest(*, campaign_id: int, until: datetime) -> list[Row]:
    """The last report before a moment: that of the campaign (language None) first, then one of each language."""
    rows = fetch_all(_LATEST, {"campaign": campaign_id, "until": until})
    return [{**row, "result": json.loads(row["result"])} for row in rows]


def list_history(*, campaign_id: int, language: str | None, until: datetime) -> list[Row]:
    """Reports, oldest first: one an hour of the last two days, one a day of what is older."""
    params: Row = {"campaign": campaign_id, "language": language, "until": until}
    return fetch_all(_HISTORY, {**params, "since": until - timedelta(days=DAYS), "recent": until - timedelta(days=2)})


def list_cells(*, campaign_id: int, most: int = MOST_CELLS) -> list[Row]:
    """The cells that have prompts or a share, the largest share first. `topic` is its number; None: no topic."""
    return fetch_all(_CELLS, {"campaign": campaign_id, "most": most})


def list_share_rows(*, campaign_id: int) -> list[Row]:
    """The shares that organizers set: axis, value, share."""
    shares = TargetShare.objects.filter(campaign_id=campaign_id).order_by("axis", "-share", "value")
    return [dict(row) for row in shares.values("axis", "value", "share")]


def find_standing(*, campaign_id: int) -> TargetStanding | None:
    """How far the campaign is from its targets, as last measured."""
    return TargetStanding.objects.filter(campaign_id=campaign_id).first()


def count_tags(*, campaign_id: int, tags: Sequence[str]) -> dict[str, int]:
    """How many prompts have each of these tags."""
    if not tags:
        return {}
    rows = fetch_all(_TAGS, {"campaign": campaign_id, "tags": list(tags)})
    return dict.fromkeys(tags, 0) | {row["tag"]: row["prompts"] for row in rows}


def compare_shares(
    shares: Sequence[Row], cells: Sequence[Row], *, tags: Mapping[str, int] | None = None
) -> list[dict[str, Any]]:
    """Each share that is wanted beside what is there: of the prompts, and of those that are finished.

    `has`, `finished`: shares of all prompts, and of all finished ones; `prompts`: how many there are of it. Cells know
    nothing of tags: what is finished of one is None, and so is the rest without `tags`, the prompts of each.
    """
    names = {"language": "language", "topic": "topic", "difficulty": "difficulty", "length": "length"}
    prompts = sum(cell["prompts"] for cell in cells)
    finished = sum(cell["finished"] for cell in cells)
    compared = []
    for row in shares:
        name = names.get(row["axis"])
        of = [cell for cell in cells if name is not None and str(cell[name]) == row["value"]]
        mine = sum(cell["prompts"] for cell in of) if name is not None else (tags or {}).get(row["value"])
        done = sum(cell["finished"] for cell in of)
        compared.append({
            **row,
            "name": next((cell["topic_name"] for cell in of), "") if row["axis"] == "topic" else row["value"],
            "prompts": mine,
            "has": mine / prompts if mine is not None and prompts else None,
            "finished": done / finished if name is not None and finished else None,
        })  # fmt: skip
    return compared


def moment_until(now: datetime, *, is_insider: bool) -> datetime:
    """Up to when reports are told: to whoever judges up to the last midnight, so that nobody sees in them what one answer did."""
    if is_insider:
        return now + timedelta(seconds=1)
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def blur_cells(cells: Sequence[Row], *, latest: Sequence[Row]) -> list[Row]:
    """Cells as everybody may see them: coverage in tenths as the last report before midnight has it, no counts of judgments.

    Of a cell with one prompt one answer moves the coverage by tenths, and more where it agrees with others; so nothing newer
    is told. `latest`: reports of `list_latest` up to `moment_until`; a cell that they do not know has nothing covered.
    """
    results: list[dict[str, Any]] = [report["result"] for report in latest if report["language"] is None]
    tenths = results[0].get("tenths", {}) if results else {}
    return [{**cell, "coverage": tenths.get(str(cell["id"]), 0) / 10, "finished": None} for cell in cells]
