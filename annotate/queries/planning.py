"""What a plan is made from: open units, cells of the target space and vectors, in columns of plain numbers, in bounded parts."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from annotate.queries.backlog import QUEUES_OF
from annotate.queries.rows import Row, fetch_all, fetch_row
from tasks.vocabulary import ORDERING_KINDS

#: Units that are read in one statement.
ROWS_AT_ONCE = 20_000
#: The newest judgments of all that say how long one takes, and the fewest of a kind in a campaign.
TIMED, FEWEST_TIMED = 5_000, 20
#: Units that no plan has looked at, the newest of all, that are gone through for those of one campaign.
MOST_NEW = 20_000

_POOL = """
SELECT u.id, u.kind, q.language, u.band, u.tie, u.done, u.held, u.needed, d.wanted, d.stratum_id,
  d.scored_at IS NOT NULL AS is_scored, d.policy, m.tree_id, p.cell_id, r.author_id,
  c.uncertainty,
  CASE WHEN k.parameters->>'stop_best' IS NOT NULL THEN (
    SELECT max(best.value::float8) FROM jsonb_array_elements_text(c.result->'p_best') best) END AS p_best,
  (c.result->>'gain')::float8 AS gain, (d.terms->>'reach')::float8 AS reach, (d.terms->>'part')::float8 AS part,
  EXTRACT(EPOCH FROM %(now)s::timestamptz - GREATEST(m.created_at, k.state_changed_at, CASE WHEN u.done > 0 THEN (
    SELECT max(s.closed_at) FROM annotate_assignment s WHERE s.unit_id = u.id AND s.state = 'submitted') END)) / 86400
    AS waiting
FROM annotate_unit u
JOIN annotate_queue q ON q.id = u.queue_id
JOIN annotate_campaign k ON k.id = q.campaign_id
JOIN annotate_unitdetail d ON d.unit_id = u.id
JOIN annotate_message m ON m.id = u.subject_id
LEFT JOIN annotate_message r ON r.tree_id = m.tree_id AND r.parent_id IS NULL
LEFT JOIN annotate_promptplace p ON p.tree_id = m.tree_id
LEFT JOIN annotate_consensus c ON c.id = m.current_consensus_id AND u.kind = ANY(%(ordering)s::text[])
WHERE u.id = ANY(%(units)s::bigint[]) AND u.is_open AND NOT q.is_gold
ORDER BY u.id"""

_IDS = f"""
SELECT u.id FROM annotate_unit u
WHERE u.queue_id = ANY({QUEUES_OF}) AND u.is_open AND u.id > %(after)s ORDER BY u.id LIMIT %(limit)s"""

#: Where trees grow, no plan ever looks at writing and reviews: they would keep others out of the newest. What was closed before
#: a plan looked at it is never scored either, and grows with the site: no more than the newest of all are gone through.
_NEW = f"""
SELECT u.id FROM (
  SELECT n.unit_id FROM annotate_unitdetail n WHERE n.scored_at IS NULL ORDER BY n.unit_id DESC LIMIT %(most)s) newest
JOIN annotate_unit u ON u.id = newest.unit_id
WHERE u.queue_id = ANY({QUEUES_OF}) AND u.is_open AND (u.kind = ANY(%(ordering)s::text[])
  OR NOT (SELECT COALESCE((k.parameters->>'grow_trees')::boolean, false) FROM annotate_campaign k WHERE k.id = %(campaign)s))
ORDER BY u.id DESC LIMIT %(limit)s"""

_JUDGED = f"""
SELECT DISTINCT j.unit_id AS id FROM (
  SELECT unit_id, created_at FROM annotate_judgment WHERE created_at > %(since)s ORDER BY created_at DESC LIMIT %(limit)s) j
JOIN annotate_unit u ON u.id = j.unit_id WHERE u.queue_id = ANY({QUEUES_OF}) AND u.is_open"""

_FEW_OPEN = f"""
SELECT count(*) AS n FROM (SELECT 1 FROM annotate_unit u WHERE u.queue_id = ANY({QUEUES_OF}) AND u.is_open LIMIT %(limit)s) few"""

#: A prompt is finished as far as its units are: those that closed with judgments wholly, others by what they have.
_COUNTS = f"""
WITH parts AS (
  SELECT m.tree_id, u.done, u.held,
    CASE WHEN u.is_open THEN LEAST(1.0, u.done::float8 / GREATEST(d.wanted, 1)) ELSE 1.0 END AS finished,
    CASE WHEN u.is_open THEN LEAST(1.0, u.held::float8 / GREATEST(d.wanted, 1)) ELSE 0.0 END AS under_way
  FROM annotate_unit u JOIN annotate_unitdetail d ON d.unit_id = u.id JOIN annotate_message m ON m.id = u.subject_id
  WHERE u.queue_id = ANY({QUEUES_OF}) AND (u.is_open OR u.done > 0)),
trees AS (
  SELECT tree_id, avg(finished) AS finished, avg(under_way) AS under_way, sum(done) AS done, sum(held) AS held
  FROM parts GROUP BY tree_id),
counts AS (
  SELECT p.cell_id, sum(t.finished) AS finished, sum(t.under_way) AS under_way, sum(t.done) AS judgments, sum(t.held) AS held
  FROM trees t JOIN annotate_promptplace p ON p.tree_id = t.tree_id WHERE p.campaign_id = %(campaign)s GROUP BY p.cell_id)"""

#: Cells with what was counted of each (`n`). To be filled in: what is finished, and how many judgments stand.
TELL_CELLS = """
SELECT c.id, c.language, o.number AS topic, c.difficulty, c.length, c.share, c.prompts, c.groups,
  {finished}::float8 AS finished, COALESCE(n.under_way, 0)::float8 AS under_way,
  {judgments}::bigint AS judgments, COALESCE(n.held, 0)::bigint AS held,
  EXISTS (SELECT 1 FROM annotate_targetshare s WHERE s.campaign_id = c.campaign_id AND (
    (s.axis = 'language' AND s.value = c.language) OR (s.axis = 'topic' AND s.value = o.number::text)
    OR (s.axis = 'difficulty' AND s.value = c.difficulty) OR (s.axis = 'length' AND s.value = c.length))) AS is_targeted
FROM annotate_coveragecell c LEFT JOIN annotate_topic o ON o.id = c.topic_id LEFT JOIN counts n ON n.cell_id = c.id
WHERE c.campaign_id = %(campaign)s ORDER BY c.id"""

_MINUTES = """
SELECT j.kind, (percentile_cont(0.5) WITHIN GROUP (ORDER BY j.active_seconds) / 60)::float8 AS minutes
FROM (SELECT unit_id, kind, active_seconds FROM annotate_judgment ORDER BY id DESC LIMIT %(timed)s) j
JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_queue q ON q.id = u.queue_id
WHERE q.campaign_id = %(campaign)s AND j.active_seconds > 0 GROUP BY j.kind HAVING count(*) >= %(fewest)s"""

_FINISHED = f"""
SELECT t.tree_id, t.cell_id FROM (
  SELECT p.tree_id, p.cell_id FROM annotate_promptplace p
  WHERE p.campaign_id = %(campaign)s AND EXISTS (
      SELECT 1 FROM annotate_message m JOIN annotate_unit u ON u.subject_id = m.id
      WHERE m.tree_id = p.tree_id AND u.queue_id = ANY({QUEUES_OF}) AND u.done > 0 AND (NOT u.is_open OR u.done >= u.needed))
  ORDER BY hashint8extended(p.tree_id, 1) LIMIT %(limit)s) t"""


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One open unit as a plan needs it."""

    id: int
    kind: str
    language: str
    band: int
    tie: int
    done: int
    held: int
    needed: int
    wanted: int
    stratum_id: int
    is_scored: bool
    policy: str
    tree_id: int
    cell_id: int | None
    author_id: int | None
    uncertainty: float | None
    p_best: float | None
    gain: float | None
    reach: float | None
    part: float | None
    waiting: float


def read_units(*, unit_ids: Sequence[int], now: datetime) -> list[UnitRow]:
    """These units, where they are open, by id."""
    found: list[UnitRow] = []
    for start in range(0, len(unit_ids), ROWS_AT_ONCE):
        params: dict[str, Any] = {
            "units": list(unit_ids[start : start + ROWS_AT_ONCE]),
            "now": now,
            "ordering": _ordering(),
        }
        with connection.cursor() as cursor:
            cursor.execute(_POOL, params)
            found += [UnitRow(*values) for values in cursor.fetchall()]
    return found


def iterate_units(*, campaign_id: int, now: datetime) -> Iterator[list[UnitRow]]:
    """All open units of a campaign, part by part."""
    after = 0
    while ids := [
        row["id"] for row in fetch_all(_IDS, {"campaign": campaign_id, "after": after, "limit": ROWS_AT_ONCE})
    ]:
        yield read_units(unit_ids=ids, now=now)
        after = ids[-1]


def has_more_open(*, campaign_id: int, than: int) -> bool:
    """Whether a campaign has more open units than so many."""
    return int(fetch_row(_FEW_OPEN, {"campaign": campaign_id, "limit": than + 1})["n"]) > than


def list_new_units(*, campaign_id: int, limit: int) -> list[int]:
    """Open units that no plan has looked at yet, the newest first; of very many on the site, those among the newest."""
    params: Row = {"campaign": campaign_id, "limit": limit, "most": MOST_NEW, "ordering": _ordering()}
    return [row["id"] for row in fetch_all(_NEW, params)]


def list_judged_units(*, campaign_id: int, since: datetime, limit: int) -> list[int]:
    """Open units that were judged since then."""
    return [row["id"] for row in fetch_all(_JUDGED, {"campaign": campaign_id, "since": since, "limit": limit})]


def count_cells(*, campaign_id: int) -> list[Row]:
    """The cells of a campaign's target space with what is finished and under way in them now, by id; every unit is counted."""
    told = TELL_CELLS.format(finished="COALESCE(n.finished, 0)", judgments="COALESCE(n.judgments, 0)")
    return read_cells(_COUNTS + told, {"campaign": campaign_id})


def read_cells(statement: str, params: Row) -> list[Row]:
    """The rows of a statement that ends with `TELL_CELLS`."""
    return [{**row, "groups": json.loads(row["groups"])} for row in fetch_all(statement, params)]


def list_finished_trees(*, campaign_id: int, limit: int) -> list[tuple[int, int]]:
    """Tree and cell of prompts of which something is finished, at most so many, drawn by lot."""
    rows = fetch_all(_FINISHED, {"campaign": campaign_id, "limit": limit})
    return [(row["tree_id"], row["cell_id"]) for row in rows]


def time_kinds(*, campaign_id: int) -> Mapping[str, float]:
    """Minutes that a judgment of each kind takes, where enough of them say so."""
    rows = fetch_all(_MINUTES, {"campaign": campaign_id, "timed": TIMED, "fewest": FEWEST_TIMED})
    return {row["kind"]: row["minutes"] for row in rows if row["minutes"]}


def _ordering() -> list[str]:
    return [kind.value for kind in ORDERING_KINDS]
