"""Keep what was measured of a campaign's coverage: cells, and a history that is thinned as it grows old."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from annotate.queries.rows import fetch_all, run
from annotate.services.stale import Turn, keep_turn

ROWS_A_WRITE = 500

#: Locked by id, as everybody who writes several cells does. When they were counted is told although nothing changed, now and
#: then: what goes on from a count reads all that came since.
_CELLS = """
WITH mine AS MATERIALIZED (
  SELECT id FROM annotate_coveragecell WHERE id = ANY(%(cells)s::bigint[]) ORDER BY id FOR NO KEY UPDATE)
UPDATE annotate_coveragecell c SET finished = n.finished, judgments = n.judgments, held = n.held, coverage = n.coverage,
  groups = n.groups, counted_at = %(now)s
FROM unnest(%(cells)s::bigint[], %(finished)s::float8[], %(judgments)s::int[], %(held)s::int[], %(coverage)s::float8[],
  %(groups)s::jsonb[]) AS n (id, finished, judgments, held, coverage, groups)
JOIN mine ON mine.id = n.id
WHERE c.id = n.id AND ((c.finished, c.judgments, c.held, c.coverage, c.groups)
  IS DISTINCT FROM (n.finished, n.judgments, n.held, n.coverage, n.groups) OR c.counted_at IS NULL
  OR c.counted_at < %(now)s::timestamptz - interval '30 minutes')"""

_REPORT = """
INSERT INTO annotate_coveragereport (campaign_id, language, measured_at, coverage, prompts, candidates, people, facility,
  judgments, result)
VALUES (%(campaign)s, %(language)s, %(now)s, %(coverage)s, %(prompts)s, %(candidates)s, %(people)s, %(facility)s,
  %(judgments)s, %(result)s::jsonb)
ON CONFLICT DO NOTHING"""

#: Of each hour of the last two days, and of each day before, the newest row stays; the newest of all is always one of them.
_THIN = """
DELETE FROM annotate_coveragereport r USING (
  SELECT id, row_number() OVER (PARTITION BY language, CASE
      WHEN measured_at > %(now)s::timestamptz - interval '2 days' THEN date_trunc('hour', measured_at, 'UTC')
      ELSE date_trunc('day', measured_at, 'UTC') END ORDER BY measured_at DESC) AS place
  FROM annotate_coveragereport WHERE campaign_id = %(campaign)s) old
WHERE r.id = old.id AND old.place > 1 RETURNING r.id"""


@dataclass(frozen=True, slots=True)
class CellCount:
    """What was counted of one cell."""

    id: int
    finished: float
    judgments: int
    held: int
    coverage: float
    groups: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ReportRow:
    """The coverage of a campaign, or of one language of it."""

    language: str | None
    coverage: float
    prompts: float | None
    candidates: float | None
    people: float | None
    facility: float | None
    judgments: int
    result: Mapping[str, Any]


def store_cells(*, cells: Sequence[CellCount], now: datetime) -> None:
    """Write the counts of cells, where they changed."""
    for start in range(0, len(cells), ROWS_A_WRITE):
        part = cells[start : start + ROWS_A_WRITE]
        columns = {
            "cells": [cell.id for cell in part],
            "finished": [cell.finished for cell in part],
            "judgments": [cell.judgments for cell in part],
            "held": [cell.held for cell in part],
            "coverage": [cell.coverage for cell in part],
            "groups": [json.dumps(dict(cell.groups)) for cell in part],
        }
        run(_CELLS, {**columns, "now": now})


def store_reports(*, turn: Turn, reports: Sequence[ReportRow], now: datetime) -> bool:
    """Add these to the history and thin it; False, and nothing is written, when the turn is no longer one's own."""
    with transaction.atomic():
        if not keep_turn(turn=turn):
            return False
        for report in reports:
            fields = {name: getattr(report, name) for name in ReportRow.__slots__ if name != "result"}
            run(_REPORT, {**fields, "campaign": turn.subject_id, "result": json.dumps(dict(report.result)), "now": now})
        thin_reports(campaign_id=turn.subject_id, now=now)
    return True


def thin_reports(*, campaign_id: int, now: datetime) -> int:
    """Take rows out of the history: one an hour stays for two days, one a day from then on; how many went."""
    return len(fetch_all(_THIN, {"campaign": campaign_id, "now": now}))
