"""What is known of generators: how fast they answer, what came to nothing and why, their trials and servers.

Figures are of requests that ended within the last day, of one campaign or of all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from annotate.models import GenerationRequest, GeneratorTrial, Server
from annotate.queries.campaigns import list_site_generators
from annotate.queries.rows import fetch_all

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MOST_NAMED = 100
#: Under which the API tells what has no outcome.
NO_OUTCOME = "unknown"

_FIGURES = """
SELECT r.generator_id AS generator,
  count(*) FILTER (WHERE r.state = 'done') AS day,
  count(*) FILTER (WHERE r.state = 'done' AND r.finished_at > %(hour)s) AS hour,
  count(*) FILTER (WHERE r.state IN ('failed', 'set_aside')) AS failed,
  min(r.finished_at) FILTER (WHERE r.state = 'done') AS since,
  sum(r.compute_seconds) AS seconds,
  count(r.compute_seconds) FILTER (WHERE r.state = 'done') AS timed,
  sum(r.completion_tokens) FILTER (WHERE r.compute_seconds > 0) AS tokens,
  sum(r.compute_seconds) FILTER (WHERE r.completion_tokens IS NOT NULL) AS writing_seconds,
  sum(r.draws) AS redrawn
FROM annotate_generationrequest r
WHERE r.finished_at > %(day)s AND r.generator_id = ANY(%(generators)s::bigint[])
  AND r.campaign_id = COALESCE(%(campaign)s::bigint, r.campaign_id)
GROUP BY r.generator_id"""

_FAILURES = """
SELECT r.generator_id AS generator, COALESCE(r.outcome, '') AS outcome, r.state = 'queued' AS waits,
  count(*) AS requests
FROM annotate_generationrequest r
WHERE (r.state IN ('failed', 'set_aside') OR (r.state = 'queued' AND r.not_before IS NOT NULL))
  AND r.generator_id = ANY(%(generators)s::bigint[])
  AND r.campaign_id = COALESCE(%(campaign)s::bigint, r.campaign_id)
GROUP BY 1, 2, 3 ORDER BY count(*) DESC, 2"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a generator did in the last day.

    hour, day              candidates that were stored in the last hour and day
    failed                 requests that came to nothing in the last day
    since                  when the first of `day` was stored
    seconds_per_candidate  of computing, what was thrown away included; None: not known
    tokens_per_second      tokens written for each second of computing; None: not known
    redrawn                answers that were drawn again, because they were nearly the same as another, empty, or cut off
    failures               what came to nothing and was not tried again, at any time: outcome → requests
    waits                  what is tried again later, because of what came of it last: outcome → requests
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

    def per_hour(self, *, now: datetime) -> float | None:
        """Candidates an hour: of the last hour, or over the time since the first of the last day; None: none came."""
        if self.hour:
            return float(self.hour)
        hours = (now - self.since) / HOUR if self.since else 0.0
        return self.day / max(hours, 1.0) if self.day else None


def generator_figures(
    *, generator_ids: Collection[int], now: datetime, campaign_id: int | None = None
) -> dict[int, Figures]:
    """Figures of these generators, in one campaign or in all; two queries."""
    given = {
        "generators": sorted(generator_ids),
        "campaign": campaign_id,
        "hour": now - HOUR,
        "day": now - DAY,
    }
    outcomes: dict[tuple[int, bool], dict[str, int]] = {}
    for row in fetch_all(_FAILURES, given):
        outcomes.setdefault((row["generator"], row["waits"]), {})[row["outcome"]] = row["requests"]
    rows = {row["generator"]: row for row in fetch_all(_FIGURES, given)}
    return {
        one: _make_figures(
            rows.get(one, {}), failures=outcomes.get((one, False), {}), waits=outcomes.get((one, True), {})
        )
        for one in generator_ids
    }


def describe_figures(figures: Figures) -> dict[str, Any]:
    """Figures in the API's shape."""
    return {
        "hour": figures.hour,
        "day": figures.day,
        "failed": figures.failed,
        "redrawn": figures.redrawn,
        "seconds_per_candidate": figures.seconds_per_candidate,
        "tokens_per_second": figures.tokens_per_second,
        "failures": {outcome or NO_OUTCOME: count for outcome, count in figures.failures.items()},
        "waits": {outcome or NO_OUTCOME: count for outcome, count in figures.waits.items()},
    }


def estimate_seconds(waiting: Mapping[int, int], figures: Mapping[int, Figures], *, now: datetime) -> float | None:
    """How long until what is asked for is there, by what each generator did lately; None where one did nothing."""
    longest = 0.0
    for one, count in waiting.items():
        rate = figures[one].per_hour(now=now) if count else None
        if count and not rate:
            return None
        longest = max(longest, 3600 * count / rate if rate else 0.0)
    return longest


def _make_figures(row: Mapping[str, Any], *, failures: Mapping[str, int], waits: Mapping[str, int]) -> Figures:
    if not row:
        return Figures(failures=failures, waits=waits)
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
    )


def was_asked(*, generator_id: int) -> bool:
    """Whether a candidate was ever asked of it, which fixes what its texts come from."""
    return GenerationRequest.objects.filter(generator_id=generator_id).exists()


def list_base_models() -> list[str]:
    """Models that generators of the site were made from, or are: what another one may have been made from."""
    named = list_site_generators().order_by("-pk").values_list("model", "base_model")[:MOST_NAMED]
    return sorted({name for pair in named for name in pair if name})


def list_trials(*, generator_id: int) -> QuerySet[GeneratorTrial]:
    """Trials of a generator; order and limit are the caller's."""
    return GeneratorTrial.objects.filter(generator_id=generator_id)


def list_servers() -> QuerySet[Server]:
    """What is known of the servers that were asked, by host."""
    return Server.objects.order_by("host")


def find_server(*, host: str) -> Server | None:
    """What is known of one of them; nothing of one that never failed."""
    return Server.objects.filter(host=host).first() if host else None
