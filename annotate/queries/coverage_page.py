"""What was measured of a campaign's coverage, and the cells it is made of, as pages and the API tell it. Nothing here writes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from annotate.models import TargetStanding
from annotate.queries.rows import Row, fetch_all
from tasks.records.standing import Unmet
from tasks.vocabulary import StaleKind, TargetAxis

#: Days of history that are told, and the cells, those with the largest share first.
DAYS = 90
MOST_CELLS = 5_000
#: Nearer to what is wanted than this is as wanted.
AS_WANTED = 0.005
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
SELECT tag, count(*) AS prompts, sum(c.share / GREATEST(c.prompts, 1)) AS target
FROM annotate_promptplace p JOIN annotate_messagetree t ON t.id = p.tree_id JOIN annotate_coveragecell c ON c.id = p.cell_id
CROSS JOIN LATERAL (SELECT DISTINCT unnest(t.tags) AS tag) AS tagged
WHERE p.campaign_id = %(campaign)s AND tag = ANY(%(tags)s::text[]) GROUP BY tag"""


#: `is_settled`: the cells have their parts of these shares. After a change they have not, until a turn at the topics has ended.
_SHARES = """
SELECT s.axis, s.value, s.share,
  s.axis = 'topic' AND NOT EXISTS (SELECT 1 FROM annotate_topic t WHERE t.campaign_id = s.campaign_id
    AND t.number::text = s.value AND t.retired_at IS NULL AND t.merged_into_id IS NULL) AS is_gone,
  s.axis = 'language' AND NOT EXISTS (SELECT 1 FROM annotate_languageskill k JOIN annotate_annotator a ON a.id = k.annotator_id
    WHERE k.language = s.value AND a.suspended_at IS NULL AND a.merged_into_id IS NULL)
    AND NOT EXISTS (SELECT 1 FROM annotate_coveragecell c WHERE c.campaign_id = s.campaign_id AND c.language = s.value
      AND c.judgments > 0)
    AND NOT EXISTS (SELECT 1 FROM annotate_annotatortraits r WHERE r.campaign_id = s.campaign_id  -- who says none works in all
      AND NOT EXISTS (SELECT 1 FROM annotate_languageskill k WHERE k.annotator_id = r.annotator_id)) AS is_foreign,
  EXISTS (SELECT 1 FROM annotate_stale x WHERE x.kind = %(turn)s AND x.subject_id = s.campaign_id
    AND x.lease_expires_at IS NOT NULL AND x.marked = 0) AS is_settled
FROM annotate_targetshare s WHERE s.campaign_id = %(campaign)s ORDER BY s.axis, s.share DESC, s.value"""


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
    """The shares that organizers set: axis, value, share; `is_gone`: a topic that takes no prompts; `is_foreign`: a language
    that nobody knows; `is_settled`: cells have their parts of them.
    """
    return fetch_all(_SHARES, {"campaign": campaign_id, "turn": StaleKind.TURN_TOPICS})


def find_standing(*, campaign_id: int) -> TargetStanding | None:
    """How far the campaign is from its targets, as last measured."""
    return TargetStanding.objects.filter(campaign_id=campaign_id).first()


def count_tags(*, campaign_id: int, tags: Sequence[str]) -> dict[str, tuple[int, float]]:
    """How many prompts have each of these tags, and how much of the target lies in them."""
    if not tags:
        return {}
    rows = fetch_all(_TAGS, {"campaign": campaign_id, "tags": list(tags)})
    return dict.fromkeys(tags, (0, 0.0)) | {row["tag"]: (row["prompts"], row["target"]) for row in rows}


def compare_shares(
    shares: Sequence[Row], cells: Sequence[Row], *, tags: Mapping[str, tuple[int, float]] | None = None
) -> list[dict[str, Any]]:
    """Each share that is wanted beside what is there: of the prompts, and of those that are finished.

    `has`, `finished`: shares of all prompts, and of all finished ones; `prompts`: how many there are of it. Cells know
    nothing of tags: what is finished of one is None, and so is the rest without `tags`, what `count_tags` says of each.
    `unmet`: why it cannot be reached, a word of `Unmet`, or "".
    """
    prompts, finished, sums = 0, 0.0, defaultdict[tuple[str, str], list[float]](lambda: [0, 0.0, 0.0])
    names: dict[str, str] = {}
    for cell in cells:
        prompts, finished = prompts + cell["prompts"], finished + cell["finished"]
        names[str(cell["topic"])] = cell["topic_name"]
        for axis in ("language", "topic", "difficulty", "length"):
            of = sums[axis, str(cell[axis])]
            of[0], of[1], of[2] = of[0] + cell["prompts"], of[1] + cell["finished"], of[2] + cell["share"]
    is_whole = len(cells) < MOST_CELLS  # else some cells are not among these
    return [
        _compare(
            {**row, "is_settled": row["is_settled"] and is_whole},
            sums,
            prompts=prompts,
            finished=finished,
            names=names,
            tags=tags,
        )
        for row in shares
    ]


def _compare(
    row: Row,
    sums: Mapping[tuple[str, str], Sequence[float]],
    *,
    prompts: int,
    finished: float,
    names: Mapping[str, str],
    tags: Mapping[str, tuple[int, float]] | None,
) -> dict[str, Any]:
    mine: float | None
    if row["axis"] == TargetAxis.TAG:
        (mine, target), done = (tags or {}).get(row["value"], (None, 0.0)), None
    else:
        mine, done, target = sums.get((row["axis"], row["value"]), (0, 0.0, 0.0))
    return {
        "axis": row["axis"],
        "value": row["value"],
        "share": row["share"],
        "name": names.get(row["value"], "") if row["axis"] == TargetAxis.TOPIC else row["value"],
        "prompts": mine,
        "has": mine / prompts if mine is not None and prompts else None,
        "finished": done / finished if done is not None and finished else None,
        "unmet": _find_unmet(row, prompts=mine, target=target),
    }


def _find_unmet(row: Row, *, prompts: float | None, target: float) -> str:
    if not row["share"]:
        return ""
    if row["is_gone"]:
        return Unmet.TOPIC_GONE
    if row["is_foreign"]:
        return Unmet.NO_PEOPLE
    if prompts == 0 and row["axis"] == TargetAxis.TAG:
        return Unmet.NO_TAG
    is_short = prompts is not None and target < row["share"] - AS_WANTED
    return Unmet.NO_ROOM if row["is_settled"] and is_short else ""


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
