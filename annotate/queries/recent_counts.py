"""What is finished in cells and strata, from what was counted last and what came since: as much work as there are changes.

A full plan counts every unit and keeps what it counted (`CoverageCell.counted_at` says when). Between two of them the judgments
that came since are added, and what is under way is read from the holds that are live. What else changes a count, such as a
judgment that is withdrawn or a prompt that moves to another cell, is seen by the next full plan, minutes later.
"""

from datetime import datetime, timedelta

from annotate.queries.backlog import QUEUES_OF, Cell
from annotate.queries.planning import TELL_CELLS, read_cells
from annotate.queries.rows import Row, fetch_all, fetch_row

#: What was counted longer ago than this is counted anew: that is no more work than to read all that came since.
LONGEST_SINCE = timedelta(hours=1)

#: Since topics were found anew, every prompt may be in another cell.
_LAST = """
SELECT max(c.counted_at) AS counted_at,
  (SELECT max(f.fitted_at) FROM annotate_topicfit f WHERE f.campaign_id = %(campaign)s) AS fitted_at
FROM annotate_coveragecell c WHERE c.campaign_id = %(campaign)s"""

#: Strata are counted by the small ticks of a campaign that has grown large since, too, and where no prompt has its place.
_STRATA_AT = "SELECT max(s.counted_at) AS at FROM annotate_stratum s WHERE s.campaign_id = %(campaign)s"

#: Units that were judged since then or are held now. Of a judgment that replaces one from before nothing is added, whatever was
#: taken back and given again since.
#: Nothing is joined but by its key: how many there are is guessed far too low, and what is joined otherwise is gone through for
#: each of them.
_CHANGED = f"""
WITH met AS MATERIALIZED (
  SELECT unit_id, sum(given)::int AS given FROM (
    SELECT j.unit_id, 1 AS given FROM annotate_judgment j
    WHERE j.created_at > %(since)s AND j.is_current AND j.counted AND j.withdrawn_at IS NULL
      AND (j.supersedes_id IS NULL OR (SELECT b.id FROM annotate_judgment b
        WHERE b.assignment_id = j.assignment_id AND b.created_at <= %(since)s LIMIT 1) IS NULL)
    UNION ALL SELECT s.unit_id, 0 FROM annotate_assignment s WHERE s.state = 'live') each
  GROUP BY unit_id),
changed AS MATERIALIZED (
  SELECT u.id, u.subject_id, u.is_open, u.done, u.held, met.given, d.wanted, d.stratum_id
  FROM met JOIN annotate_unit u ON u.id = met.unit_id JOIN annotate_unitdetail d ON d.unit_id = met.unit_id
  WHERE u.queue_id = ANY({QUEUES_OF}))"""

#: A unit that had some judgments less was open then.
_CELLS = f"""{_CHANGED},
trees AS MATERIALIZED (
  SELECT m.tree_id, sum(h.given) AS given, sum(h.held) AS held,
    sum(CASE WHEN h.is_open THEN LEAST(1.0, h.done::float8 / GREATEST(h.wanted, 1)) ELSE 1.0 END
      - CASE WHEN h.is_open OR h.given > 0 THEN LEAST(1.0, (h.done - h.given)::float8 / GREATEST(h.wanted, 1)) ELSE 1.0 END)
      AS finished,
    sum(CASE WHEN h.is_open THEN LEAST(1.0, h.held::float8 / GREATEST(h.wanted, 1)) ELSE 0.0 END) AS under_way
  FROM changed h JOIN annotate_message m ON m.id = h.subject_id GROUP BY m.tree_id),
counts AS (
  SELECT p.cell_id, sum(t.finished / z.units) AS finished, sum(t.under_way / z.units) AS under_way,
    sum(t.given) AS judgments, sum(t.held) AS held
  FROM trees t JOIN annotate_promptplace p ON p.tree_id = t.tree_id CROSS JOIN LATERAL (
    SELECT count(*) AS units FROM annotate_message m JOIN annotate_unit u ON u.subject_id = m.id
    WHERE m.tree_id = t.tree_id AND (u.is_open OR u.done > 0) AND u.queue_id = ANY({QUEUES_OF})) z
  WHERE p.campaign_id = %(campaign)s AND z.units > 0 GROUP BY p.cell_id)"""

_STRATA = f"""{_CHANGED},
counts AS (SELECT stratum_id, sum(given) AS given, sum(held) AS held FROM changed GROUP BY stratum_id)
SELECT s.id, s.language, s.topic, s.target,
  s.done + COALESCE(CASE WHEN s.topic = '' THEN sum(c.given) OVER (PARTITION BY s.language) ELSE c.given END, 0)::bigint AS done,
  COALESCE(CASE WHEN s.topic = '' THEN sum(c.held) OVER (PARTITION BY s.language) ELSE c.held END, 0)::bigint AS held
FROM annotate_stratum s LEFT JOIN counts c ON c.stratum_id = s.id
WHERE s.campaign_id = %(campaign)s ORDER BY s.language, s.topic"""


def find_last_count(*, campaign_id: int, now: datetime) -> datetime | None:
    """When everything was counted last; None where it must be counted anew."""
    row = fetch_row(_LAST, {"campaign": campaign_id})
    at, fitted = row["counted_at"], row["fitted_at"]
    if at is None or now - at > LONGEST_SINCE or (fitted is not None and fitted > at):
        return None
    return at if isinstance(at, datetime) else None


def count_cells_since(*, campaign_id: int, since: datetime) -> list[Row]:
    """The cells of a campaign as `annotate.queries.planning.count_cells` tells them."""
    finished = "GREATEST(c.finished + COALESCE(n.finished, 0), 0)"
    told = TELL_CELLS.format(finished=finished, judgments="(c.judgments + COALESCE(n.judgments, 0))")
    return read_cells(_CELLS + told, {"campaign": campaign_id, "since": since})


def load_strata_since(*, campaign_id: int, since: datetime) -> list[Cell]:
    """The strata of a campaign as `annotate.queries.backlog.load_cells` tells them. They may have been counted after the cells."""
    counted = fetch_row(_STRATA_AT, {"campaign": campaign_id})["at"]
    since = max(since, counted or since)
    return [Cell(**row) for row in fetch_all(_STRATA, {"campaign": campaign_id, "since": since})]
