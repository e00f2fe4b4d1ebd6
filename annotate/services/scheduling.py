"""Write what the scheduler decided, and what the sweeps counted.

Bands and needs go in small transactions by id, and only where they change: measured, people who claim
beside it do not notice. Units that somebody is just submitting to are passed over until the next tick.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction

from annotate.queries.backlog import Cell
from annotate.queries.rows import fetch_all, run
from tasks.records.scheduling import Band

ROWS_A_WRITE = 500
#: Bands that are put in order together, so that a million of them are never all in memory.
SORTED_AT_ONCE = 10_000

#: A unit never needs less than it has and holds, whoever submits or claims meanwhile.
_WRITE = """
WITH w AS MATERIALIZED (
  SELECT * FROM unnest(%(units)s::bigint[], %(bands)s::smallint[], %(wanted)s::smallint[], %(codes)s::text[],
    %(args)s::jsonb[], %(terms)s::jsonb[], %(policies)s::text[])
    AS w (id, band, wanted, reason_code, reason_args, terms, policy)),
got AS MATERIALIZED (
  SELECT u.id FROM annotate_unit u WHERE u.id = ANY(%(units)s::bigint[]) AND u.is_open
  ORDER BY u.id FOR NO KEY UPDATE SKIP LOCKED),
cold AS (
  UPDATE annotate_unitdetail d
  SET wanted = w.wanted, reason_code = w.reason_code, reason_args = w.reason_args, terms = COALESCE(w.terms, d.terms),
    policy = CASE WHEN w.terms IS NULL THEN d.policy ELSE w.policy END,
    scored_at = CASE WHEN w.terms IS NULL THEN d.scored_at ELSE %(now)s END
  FROM w JOIN got ON got.id = w.id WHERE d.unit_id = w.id)
UPDATE annotate_unit u SET band = COALESCE(w.band, u.band), needed = GREATEST(w.wanted, u.done + u.held)
FROM w JOIN got ON got.id = w.id
WHERE u.id = w.id
  AND (u.band, u.needed) IS DISTINCT FROM (COALESCE(w.band, u.band), GREATEST(w.wanted, u.done + u.held))
RETURNING u.id"""

_COUNT_STRATA = """
UPDATE annotate_stratum s SET done = c.done, counted_at = %(now)s
FROM unnest(%(strata)s::bigint[], %(done)s::int[]) AS c (id, done)
WHERE s.id = c.id AND (s.done <> c.done OR s.counted_at IS NULL)"""

_KEEP_PROGRESS = """
INSERT INTO annotate_campaignprogress AS p (campaign_id, units, result, overview, computed_at)
VALUES (%(campaign)s, %(units)s, %(result)s::jsonb, %(overview)s::jsonb, %(now)s)
ON CONFLICT (campaign_id) DO UPDATE SET units = excluded.units, result = excluded.result, overview = excluded.overview,
  computed_at = excluded.computed_at
  WHERE p.computed_at <= excluded.computed_at"""


def write_bands(*, bands: Iterable[Band], now: datetime) -> list[int]:
    """Write band, need and reason of these units; returns those whose band or need changed."""
    rest = iter(bands)
    changed: list[int] = []
    while part := sorted(islice(rest, SORTED_AT_ONCE), key=lambda band: band.unit):
        for start in range(0, len(part), ROWS_A_WRITE):
            batch = part[start : start + ROWS_A_WRITE]
            with transaction.atomic():
                changed += [row["id"] for row in fetch_all(_WRITE, {**_as_columns(batch), "now": now})]
    return changed


def store_stratum_counts(*, cells: Sequence[Cell], now: datetime) -> int:
    """Write how many judgments stand in each cell, where that changed; returns how many cells did."""
    params = {"strata": [cell.id for cell in cells], "done": [cell.done for cell in cells], "now": now}
    return run(_COUNT_STRATA, params)


def store_progress(
    *, campaign_id: int, units: int, result: dict[str, Any], overview: dict[str, Any], now: datetime
) -> None:
    """Keep what was counted of a campaign; an older count never replaces a newer one."""
    counted = {"units": units, "result": json.dumps(result), "overview": json.dumps(overview)}
    run(_KEEP_PROGRESS, {"campaign": campaign_id, "now": now, **counted})


def _as_columns(bands: Sequence[Band]) -> dict[str, object]:
    return {
        "units": [band.unit for band in bands],
        "bands": [band.band for band in bands],
        "wanted": [band.wanted for band in bands],
        "codes": [band.reason_code for band in bands],
        "args": [json.dumps(dict(band.reason_args)) for band in bands],
        "terms": [None if band.terms is None else json.dumps(dict(band.terms)) for band in bands],
        "policies": [band.policy for band in bands],
    }
