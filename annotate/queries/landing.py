"""What the public first page tells of the whole site: numbers, open campaigns, releases. Never writes.

A few seconds old at most, and the same cost whatever the size of the site: up to `LIVE_JUDGMENTS` judgments are
counted when somebody looks, beyond that what the sweep counted is added up.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.core.cache import cache

from annotate.queries.rows import Row, fetch_all, fetch_row

LIVE_JUDGMENTS = 10_000
CACHE_SECONDS = 5
#: How long a large site's number of people is kept; it moves slowly.
PEOPLE_SECONDS = 600
MOST_CAMPAIGNS = 6
MOST_RELEASES = 6

_LIVE = """
SELECT count(*) AS judgments, count(DISTINCT COALESCE(a.merged_into_id, a.id)) AS people,
  count(DISTINCT q.language) AS languages, count(*) FILTER (WHERE j.created_at >= %(midnight)s) AS today
FROM (SELECT annotator_id, unit_id, created_at FROM annotate_judgment WHERE is_current LIMIT %(most)s) j
JOIN annotate_annotator a ON a.id = j.annotator_id
JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_queue q ON q.id = u.queue_id"""

_SWEPT = """
SELECT (SELECT COALESCE(sum((p.result->>'judgments')::bigint), 0) FROM annotate_campaignprogress p)::bigint AS judgments,
  (SELECT count(DISTINCT q.row->>'language') FROM annotate_campaignprogress p
     CROSS JOIN LATERAL jsonb_array_elements(p.result->'queues') AS q (row)
     WHERE (q.row->>'done')::bigint + (q.row->>'surplus')::bigint > 0) AS languages,
  (SELECT count(*) FROM annotate_judgment j WHERE j.is_current AND j.created_at >= %(midnight)s) AS today"""

# One look-up a person, said so that the planner does not read every judgment instead.
_PEOPLE = """
SELECT count(*) AS people FROM annotate_annotator a
WHERE a.merged_into_id IS NULL
  AND (SELECT j.id FROM annotate_judgment j WHERE j.annotator_id = a.id LIMIT 1) IS NOT NULL"""

_CAMPAIGNS = """
SELECT c.slug, c.title, c.purpose, c.licence, c.languages, c.kinds, c.allow_guests,
  (p.result->>'judgments')::bigint AS judgments, count(*) OVER () AS total
FROM annotate_campaign c LEFT JOIN annotate_campaignprogress p ON p.campaign_id = c.id
WHERE c.state = 'open' ORDER BY c.allow_guests DESC, c.id DESC LIMIT %(most)s"""

_RELEASES = """
SELECT c.slug, c.title, r.number, r.sealed_at, r.licence, r.counts::text AS counts, count(*) OVER () AS total
FROM annotate_release r JOIN annotate_campaign c ON c.id = r.campaign_id
WHERE r.state IN ('sealed', 'published') AND c.state <> 'draft'
ORDER BY r.sealed_at DESC, r.id DESC LIMIT %(most)s"""


def get_landing(*, now: datetime) -> dict[str, Any]:
    """`numbers`, `campaigns` and `releases` with their totals, and whether a campaign `takes_guests`."""
    known: dict[str, Any] | None = cache.get("landing")
    if known is None:
        known = _read(now)
        cache.set("landing", known, CACHE_SECONDS)
    return known


def _read(now: datetime) -> dict[str, Any]:
    campaigns = fetch_all(_CAMPAIGNS, {"most": MOST_CAMPAIGNS})
    releases = fetch_all(_RELEASES, {"most": MOST_RELEASES})
    for release in releases:
        release["counts"] = json.loads(release["counts"])
    released = releases[0]["total"] if releases else 0
    return {
        "numbers": {**count_site(now=now), "releases": released},
        "campaigns": campaigns,
        "campaigns_total": campaigns[0]["total"] if campaigns else 0,
        "releases": releases,
        "releases_total": released,
        "takes_guests": bool(campaigns) and campaigns[0]["allow_guests"],
    }


def count_site(*, now: datetime) -> Row:
    """`judgments` that stand, `people` who gave one, their `languages`, and those of `today` (in UTC)."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    people: int | None = cache.get("landing-people")  # known of a large site alone
    if people is None:
        live = fetch_row(_LIVE, {"midnight": midnight, "most": LIVE_JUDGMENTS})
        if live["judgments"] < LIVE_JUDGMENTS:
            return live
        people = int(fetch_row(_PEOPLE, {})["people"])
        cache.set("landing-people", people, PEOPLE_SECONDS)
    swept = fetch_row(_SWEPT, {"midnight": midnight})
    return {**swept, "judgments": max(swept["judgments"], LIVE_JUDGMENTS), "people": people}
