"""How generators do: what they wrote in the last hour and day, how fast, at what cost, and what came to nothing and why.

A look takes bounded time: of each generator the newest `MOST_COUNTED` requests that ended within the day are read, along
an index, and as many that came to nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from annotate.queries.rows import fetch_all

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
#: Of a generator that did more, only so many are looked at: figures are then of the time since the oldest of them.
MOST_COUNTED = 50_000

_OF_SITE = """
SELECT {columns} FROM annotate_generationrequest r
WHERE r.generator_id = g.id AND r.finished_at > %(day)s
ORDER BY r.finished_at DESC LIMIT %(most)s"""

_OF_CAMPAIGN = """
SELECT {columns} FROM unnest(ARRAY['done', 'failed', 'set_aside']) AS s (state) CROSS JOIN LATERAL (
  SELECT * FROM annotate_generationrequest r
  WHERE r.campaign_id = %(campaign)s AND r.generator_id = g.id AND r.state = s.state AND r.finished_at > %(day)s
  ORDER BY r.finished_at DESC LIMIT %(most)s) r"""

_FIGURES = """
SELECT g.id AS generator, did.* FROM unnest(%(generators)s::bigint[]) AS g (id) CROSS JOIN LATERAL (
  SELECT {looked_at} AS most_looked_at,
    count(*) FILTER (WHERE r.state = 'done') AS day,
    count(*) FILTER (WHERE r.state = 'done' AND r.finished_at > %(hour)s) AS hour,
    count(*) FILTER (WHERE r.state IN ('failed', 'set_aside')) AS failed,
    min(r.finished_at) FILTER (WHERE r.state = 'done') AS since,
    sum(r.compute_seconds) AS seconds,
    count(r.compute_seconds) FILTER (WHERE r.state = 'done') AS timed,
    sum(r.completion_tokens) FILTER (WHERE r.compute_seconds > 0) AS tokens,
    sum(r.compute_seconds) FILTER (WHERE r.completion_tokens IS NOT NULL) AS writing_seconds,
    sum(r.draws) AS redrawn
  FROM ({ended}) r) did"""

_COLUMNS = "r.state, r.finished_at, r.compute_seconds, r.completion_tokens, r.draws"
_OF_ALL_CAMPAIGNS = _FIGURES.format(looked_at="count(*)", ended=_OF_SITE.format(columns=_COLUMNS))
_OF_ONE_CAMPAIGN = _FIGURES.format(looked_at="0", ended=_OF_CAMPAIGN.format(columns=_COLUMNS))

_OUTCOMES = """
SELECT g.id AS generator, COALESCE(came.outcome, '') AS outcome, came.waits, count(*) AS requests
FROM unnest(%(generators)s::bigint[]) AS g (id) CROSS JOIN LATERAL (
  (SELECT r.outcome, false AS waits FROM annotate_generationrequest r
   WHERE r.generator_id = g.id AND r.state IN ('failed', 'set_aside') {of_campaign} LIMIT %(most)s)
  UNION ALL
  (SELECT r.outcome, true FROM (
     SELECT r.outcome, r.campaign_id FROM annotate_generationrequest r
     WHERE r.generator_id = g.id AND r.state = 'queued' AND r.not_before IS NOT NULL LIMIT %(most)s) r
   WHERE true {of_campaign})) came
GROUP BY g.id, came.outcome, came.waits ORDER BY count(*) DESC, came.outcome"""

_OUTCOMES_OF_ALL = _OUTCOMES.format(of_campaign="")
_OUTCOMES_OF_ONE = _OUTCOMES.format(of_campaign="AND r.campaign_id = %(campaign)s")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a generator did in the last day.

    hour, day              candidates that were stored in the last hour and day
    failed                 requests that came to nothing in the last day
    since                  when the first of `day` was stored
    seconds_per_candidate  of computing, what was thrown away and what failed included; None: not known
    tokens_per_second      tokens written for each second of computing; None: not known
    redrawn                answers that were thrown away because another one was wanted
    failures               what came to nothing and was not tried again, at any time: outcome → requests
    waits                  what is tried again later, because of what came of it last: outcome → requests
    is_whole               whether these are all of the day; else the newest, since `since`
    """

    hour: int = 0
    day: int = 0
    failed: int = 0
    since: datetime | None = None
    seconds_per_candidate: float | None = None
    tokens_per_second: float | None = None
    redrawn: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    waits: Mapping[str, int] = field(default_factory=dict)
    is_whole: bool = True

    def per_hour(self, *, now: datetime) -> float | None:
        """Candidates an hour: of the last hour, or over the time since the first of the last day; None: none came."""
        if self.hour and self.is_whole:
            return float(self.hour)
        hours = (now - self.since) / HOUR if self.since else 0.0
        shortest = 1.0 if self.is_whole else 1 / 60
        return self.day / max(hours, shortest) if self.day else None


def generator_figures(
    *, generator_ids: Collection[int], now: datetime, campaign_id: int | None = None
) -> dict[int, Figures]:
    """Figures of these generators, in one campaign or in all; two queries."""
    generators = sorted(set(generator_ids))
    given = {
        "generators": generators,
        "campaign": campaign_id,
        "hour": now - HOUR,
        "day": now - DAY,
        "most": MOST_COUNTED,
    }
    is_of_all = campaign_id is None
    came: dict[int, tuple[dict[str, int], dict[str, int]]] = {one: ({}, {}) for one in generators}
    for row in fetch_all(_OUTCOMES_OF_ALL if is_of_all else _OUTCOMES_OF_ONE, given):
        came[row["generator"]][row["waits"]][row["outcome"]] = row["requests"]
    rows = fetch_all(_OF_ALL_CAMPAIGNS if is_of_all else _OF_ONE_CAMPAIGN, given)
    return {row["generator"]: _make_figures(row, *came[row["generator"]]) for row in rows}


def _make_figures(row: Mapping[str, Any], failures: Mapping[str, int], waits: Mapping[str, int]) -> Figures:
    return Figures(
        hour=row["hour"],
        day=row["day"],
        failed=row["failed"],
        since=row["since"],
        seconds_per_candidate=row["seconds"] / row["timed"] if row["timed"] else None,
        tokens_per_second=row["tokens"] / row["writing_seconds"] if row["tokens"] and row["writing_seconds"] else None,
        redrawn=int(row["redrawn"] or 0),
        failures=failures,
        waits=waits,
        is_whole=max(row["most_looked_at"], row["day"], row["failed"]) < MOST_COUNTED,
    )
