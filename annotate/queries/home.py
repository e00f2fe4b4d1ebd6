"""What somebody finds on their own first page: what is needed of them, what they began, what became of theirs.

Nothing here writes or claims. Every statement is bounded by the open campaigns, by the front of their queues or by
one page of the person's own rows, whatever the size of a campaign. Nothing tells what others thought: of a unit one
learns at most how many judgments it has, and only after one's own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from annotate.queries.eligibility import Clause, Level, Moment, find_refusal, render_columns, render_conditions
from annotate.queries.rows import Row, fetch_all, fetch_row
from annotate.queries.vacancies import NoneReason, explain_nothing

#: Bounds of one page.
MOST_CAMPAIGNS, MOST_QUEUES, MOST_OPENINGS, MOST_NEEDS, MOST_DRAFTS = 50, 100, 8, 4, 6
FRONT = 32

_CAMPAIGNS = f"""
SELECT c.id AS campaign, c.slug, c.title, c.kinds, c.languages, a.id AS me, a.user_id,
  ARRAY(SELECT k.language FROM annotate_languageskill k WHERE k.annotator_id = a.id ORDER BY 1) AS skills,
  {render_columns(moment=Moment.OFFER, level=Level.PERSON)}
FROM annotate_annotator a CROSS JOIN annotate_campaign c
WHERE a.id = %(me)s AND c.state = 'open' ORDER BY c.id DESC LIMIT {MOST_CAMPAIGNS}"""

# The clauses ask about one campaign; here each queue brings the kinds and languages of its own.
_QUEUE = (
    render_conditions(moment=Moment.OFFER, level=Level.QUEUE)
    .replace("%(kinds)s", "c.kinds")
    .replace("%(languages)s", "c.languages")
)

#: The best unit at the front of each queue that this person has not met, and why it is wanted.
_OPENINGS = f"""
SELECT c.slug, c.title, q.id AS queue, q.campaign_id AS campaign, q.kind, q.language, d.reason_code,
  d.reason_args::text AS reason_args
FROM (SELECT q.* FROM annotate_queue q JOIN annotate_campaign c ON c.id = q.campaign_id
      WHERE q.campaign_id = ANY(%(campaigns)s::bigint[]) AND NOT q.is_gold AND {_QUEUE}
        AND (cardinality(%(skills)s::text[]) = 0 OR q.language = ANY(%(skills)s::text[]))
      ORDER BY q.id LIMIT {MOST_QUEUES}) q
JOIN annotate_campaign c ON c.id = q.campaign_id
CROSS JOIN LATERAL (
  SELECT u.id, u.band FROM (
    SELECT id, band, tie FROM annotate_unit WHERE queue_id = q.id AND is_vacant ORDER BY band DESC, tie LIMIT {FRONT}) u
  WHERE {render_conditions(moment=Moment.OFFER, level=Level.UNIT)} LIMIT 1) front
JOIN annotate_unitdetail d ON d.unit_id = front.id
ORDER BY front.band DESC, q.id LIMIT {MOST_OPENINGS}"""

#: Cells farthest behind their target, of the languages in which something is open to this person.
_BEHIND = f"""
SELECT s.campaign_id AS campaign, s.language, s.topic, s.done, s.target FROM annotate_stratum s
JOIN unnest(%(campaigns)s::bigint[], %(languages)s::text[]) AS mine (campaign_id, language)
  ON mine.campaign_id = s.campaign_id AND mine.language = s.language
WHERE s.target > s.done ORDER BY s.done::float / s.target, s.target DESC, s.id LIMIT {MOST_NEEDS}"""

#: What the sweep counted of the queues of these campaigns.
_COUNTED = """
SELECT p.campaign_id AS campaign, q.row->>'kind' AS kind, q.row->>'language' AS language,
  (q.row->>'needed')::bigint AS target, (q.row->>'done')::bigint AS done
FROM annotate_campaignprogress p CROSS JOIN LATERAL jsonb_array_elements(p.result->'queues') AS q (row)
WHERE p.campaign_id = ANY(%(campaigns)s::bigint[])"""

_BEGUN = """
SELECT s.id, s.state, s.lease_expires_at, s.draft::text AS draft, u.kind, q.language, c.slug, c.title,
  c.state AS campaign_state, {text} AS text
FROM annotate_assignment s
JOIN annotate_unit u ON u.id = s.unit_id LEFT JOIN annotate_message m ON m.id = u.subject_id
JOIN annotate_queue q ON q.id = u.queue_id JOIN annotate_campaign c ON c.id = q.campaign_id
WHERE s.id IN (
  (SELECT h.id FROM annotate_assignment h WHERE h.annotator_id = %(me)s AND h.state = 'live' ORDER BY h.id DESC LIMIT {most})
  UNION ALL
  (SELECT h.id FROM annotate_assignment h WHERE h.annotator_id = %(me)s AND h.state IN ('expired', 'released')
     AND h.draft IS NOT NULL ORDER BY h.id + 0 DESC LIMIT {most}))
ORDER BY s.state = 'live' DESC, s.id DESC LIMIT {most}"""
_TEXT = "CASE WHEN m.removed_at IS NULL AND m.withdrawn_at IS NULL THEN COALESCE(left(m.text, 200), '') ELSE '' END"
#: Work that begins a conversation has no text but what its brief asks for.
_OR_BRIEF = f"""COALESCE((SELECT left(COALESCE(NULLIF(b.words, ''), b.topic), 200) FROM annotate_brief b WHERE b.id = u.brief_id),
  {_TEXT})"""
_BEGUN = _BEGUN.format(text=_OR_BRIEF, most=MOST_DRAFTS)

#: No end of judgments is needed of a gold item, which must not be told apart from other work.
_NEEDED = """CASE WHEN q.is_gold THEN (SELECT d.wanted FROM annotate_unitdetail d WHERE d.unit_id = u.id)
    ELSE u.needed END"""

#: Names what became of it, and no release that was taken back.
_GIVEN = f"""
SELECT j.id, j.kind, j.counted, j.created_at, j.assignment_id AS assignment, j.message_id AS message, j.withdrawn_at, q.language, c.slug, c.title,
  {_TEXT} AS text, u.is_open,
  {_NEEDED} AS needed, LEAST(u.done, {_NEEDED}) AS done, w.review_state AS review,
  EXISTS (SELECT 1 FROM annotate_goldresult gr WHERE gr.judgment_id = j.id AND gr.told_at IS NOT NULL) AS is_told, t.state AS tree, t.state_reason AS tree_reason,
  (SELECT max(r.number) FROM annotate_releaseitem i JOIN annotate_release r ON r.id = i.release_id
   WHERE i.kind = 'judgment' AND i.object_id = j.id AND r.state IN ('sealed', 'published')) AS release
FROM (
  SELECT * FROM annotate_judgment mine WHERE mine.annotator_id = %(me)s AND mine.is_current
    AND (%(before)s::bigint IS NULL OR (mine.created_at, mine.id) < (
      SELECT past.created_at, past.id FROM annotate_judgment past WHERE past.id = %(before)s AND past.annotator_id = %(me)s))
  ORDER BY mine.created_at DESC, mine.id DESC LIMIT %(limit)s) j
JOIN annotate_unit u ON u.id = j.unit_id LEFT JOIN annotate_message m ON m.id = COALESCE(u.subject_id, j.message_id)
LEFT JOIN annotate_message w ON w.id = j.message_id LEFT JOIN annotate_messagetree t ON t.id = w.tree_id
JOIN annotate_queue q ON q.id = u.queue_id JOIN annotate_campaign c ON c.id = q.campaign_id
ORDER BY j.created_at DESC, j.id DESC"""

_LATELY = """
SELECT count(*) AS judgments FROM annotate_judgment j
WHERE j.annotator_id = %(me)s AND j.is_current AND j.created_at > %(since)s"""


@dataclass(frozen=True, slots=True)
class OpenCampaign:
    """An open campaign as one person meets it; `refusal`: why it offers them nothing."""

    row: Row
    refusal: Clause | None

    @property
    def id(self) -> int:
        return int(self.row["campaign"])

    @property
    def languages(self) -> list[str]:
        """Those of its languages that this person works in."""
        skills = self.row["skills"]
        return [language for language in self.row["languages"] if not skills or language in skills]


def list_open_to(*, annotator_id: int, terms: str, now: datetime) -> list[OpenCampaign]:
    """The open campaigns, newest first, each with the first clause that keeps this person from its work."""
    rows = fetch_all(_CAMPAIGNS, {"me": annotator_id, "terms": terms, "now": now, "closing": None, "giving": 0})
    return [OpenCampaign(row, find_refusal(row, moment=Moment.OFFER, level=Level.PERSON)) for row in rows]


def list_openings(*, annotator_id: int, campaigns: Sequence[OpenCampaign]) -> list[Row]:
    """Where this person would be given work now, most wanted first. One query, none where nothing may be offered."""
    allowed = [campaign for campaign in campaigns if campaign.refusal is None and campaign.languages]
    if not allowed:
        return []
    params = {
        "me": annotator_id,
        "campaigns": [campaign.id for campaign in allowed],
        "skills": allowed[0].row["skills"],
    }
    rows = fetch_all(_OPENINGS, params)
    return [{**row, "reason_args": json.loads(row["reason_args"])} for row in rows]


def list_needs(*, openings: Sequence[Row]) -> list[Row]:
    """What is farthest behind where something is open to this person: cells with a target, then whole queues.

    Rows have `slug, title, kind, language, topic, done, target`; done and target are None while nobody has counted.
    """
    if not openings:
        return []
    pairs = sorted({(opening["campaign"], opening["language"]) for opening in openings})
    params = {"campaigns": [pair[0] for pair in pairs], "languages": [pair[1] for pair in pairs]}
    best = {(opening["campaign"], opening["language"]): opening for opening in reversed(openings)}
    cells = [
        {**_head(best[cell["campaign"], cell["language"]]), "topic": cell["topic"], "done": cell["done"], "target": cell["target"]}
        for cell in fetch_all(_BEHIND, params)
    ]  # fmt: skip
    counted = {
        (row["campaign"], row["kind"], row["language"]): row
        for row in fetch_all(_COUNTED, {"campaigns": sorted({pair[0] for pair in pairs})})
    }
    told = {(cell["slug"], cell["language"]) for cell in cells}
    queues = [
        {**_head(opening), "topic": "", **_numbers(counted.get((opening["campaign"], opening["kind"], opening["language"])))}
        for opening in openings
        if (opening["slug"], opening["language"]) not in told
    ]  # fmt: skip
    return [*cells, *queues][:MOST_NEEDS]


def explain_none(*, campaigns: Sequence[OpenCampaign], now: datetime) -> tuple[str, NoneReason] | None:
    """Why nothing is open to this person, told of the campaign nearest to it, and its slug; None without a campaign.

    At most three bounded look-ups; nothing is claimed.
    """
    if not campaigns:
        return None
    nearest = next((c for c in campaigns if c.refusal is None and c.languages), None)
    nearest = nearest or next((c for c in campaigns if c.refusal is None), campaigns[0])
    kinds = list(nearest.row["kinds"])
    reason = explain_nothing(row=nearest.row, clause=nearest.refusal, kinds=kinds, languages=nearest.languages, now=now)
    return str(nearest.row["slug"]), reason


def list_begun(*, annotator_id: int) -> list[Row]:
    """What somebody holds, and what they left with a draft: live holds first, newest first."""
    rows = fetch_all(_BEGUN, {"me": annotator_id})
    return [{**row, "draft": None if row["draft"] is None else json.loads(row["draft"])} for row in rows]


def list_given(*, annotator_id: int, before: int | None = None, limit: int) -> list[Row]:
    """Somebody's judgments that stand, newest first, from before the one with the id `before`."""
    return fetch_all(_GIVEN, {"me": annotator_id, "before": before, "limit": limit})


def count_lately(*, annotator_id: int, now: datetime) -> int:
    """Judgments of the last seven days that stand."""
    return int(fetch_row(_LATELY, {"me": annotator_id, "since": now - timedelta(days=7)})["judgments"])


def _head(opening: Row) -> dict[str, Any]:
    return {name: opening[name] for name in ("slug", "title", "kind", "language")}


def _numbers(row: Row | None) -> dict[str, Any]:
    return {"done": None, "target": None} if row is None else {"done": row["done"], "target": row["target"]}
