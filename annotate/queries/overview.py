"""What the page of a campaign tells beside its progress: counted by the sweep, never while somebody waits.

Each statement reads what an index finds: judgments of a month, holds that ran out in a week, requests that came to
nothing, messages that were removed; only the prompts without candidates take a walk over all prompts.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from annotate.queries.generation import PROBLEM_STATES
from annotate.queries.gold import GOLD_TREES
from annotate.queries.rows import Row, fetch_all, fetch_one, fetch_row
from tasks.vocabulary import ORDERING_KINDS, TreeReason, TreeState

#: Days of judgments that are kept, today among them.
DAYS = 30
WEEK = timedelta(days=7)

#: The judgments of the month are read once, and counted by day, queue and person before anything else is looked up:
#: a few thousand rows instead of a million. `able`: who says that they work in a language, or has judged in it here.
_GIVEN = """
WITH given AS MATERIALIZED (
  SELECT (j.created_at AT TIME ZONE 'UTC')::date AS day, j.created_at >= %(week)s AS is_late, u.queue_id, j.annotator_id,
    count(*) AS judgments
  FROM annotate_judgment j
  JOIN annotate_unit u ON u.id = j.unit_id
  WHERE j.is_current AND j.created_at >= %(since)s
    AND u.queue_id IN (SELECT q.id FROM annotate_queue q WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold)
  GROUP BY 1, 2, 3, 4),
people AS (
  SELECT g.is_late, q.language, COALESCE(a.merged_into_id, a.id) AS person, a.suspended_at IS NULL AS may_work
  FROM given g JOIN annotate_queue q ON q.id = g.queue_id JOIN annotate_annotator a ON a.id = g.annotator_id),
days AS (SELECT day, sum(judgments)::bigint AS judgments FROM given GROUP BY day),
able AS (
  SELECT language, count(*) AS people FROM (
    SELECT k.language, a.id FROM annotate_languageskill k JOIN annotate_annotator a ON a.id = k.annotator_id
    WHERE k.language = ANY(%(languages)s) AND a.suspended_at IS NULL AND a.merged_into_id IS NULL
    UNION
    SELECT language, person FROM people WHERE may_work GROUP BY language, person) AS known
  GROUP BY language)
SELECT
  (SELECT jsonb_agg(jsonb_build_array(to_char(day, 'YYYY-MM-DD'), judgments) ORDER BY day) FROM days) AS days,
  (SELECT count(*) FROM (SELECT FROM people WHERE is_late GROUP BY person) AS late) AS people_week,
  (SELECT jsonb_object_agg(language, people) FROM able) AS able"""

_GENERATION = """
SELECT g.name AS generator, COALESCE(r.outcome, '') AS outcome, count(*) AS requests, max(r.finished_at) AS latest
FROM annotate_generationrequest r
JOIN annotate_generator g ON g.id = r.generator_id
JOIN annotate_message m ON m.id = r.parent_id
JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE r.state IN ({states}) AND t.campaign_id = %(campaign)s
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 20""".format(states=", ".join(f"'{state}'" for state in PROBLEM_STATES))

#: Prompts that nobody can be asked to order: they never had two candidates.
_WITHOUT_CANDIDATES = f"""
SELECT count(*) AS prompts
FROM annotate_messagetree t JOIN annotate_message m ON m.tree_id = t.id AND m.parent_id IS NULL
WHERE t.campaign_id = %(campaign)s AND t.state = %(ranking)s AND m.removed_at IS NULL AND m.withdrawn_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM annotate_unit u WHERE u.subject_id = m.id AND u.kind = ANY(%(ordering)s))
  AND t.id <> ALL({GOLD_TREES})"""

_REMOVED = """
SELECT count(*) AS removed, (
  SELECT count(*) FROM annotate_finding f WHERE f.campaign_id = %(campaign)s AND f.state = 'open') AS findings
FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE m.removed_at IS NOT NULL AND t.campaign_id = %(campaign)s"""

_EXPIRED = """
SELECT count(*) AS holds
FROM annotate_assignment s JOIN annotate_unit u ON u.id = s.unit_id JOIN annotate_queue q ON q.id = u.queue_id
WHERE s.state = 'expired' AND s.closed_at >= %(week)s AND q.campaign_id = %(campaign)s AND NOT q.is_gold"""


#: One walk over the index of trees by state, which holds all that is asked for.
_TREES = """
SELECT t.language, t.state, count(*) AS trees FROM annotate_messagetree t
WHERE t.campaign_id = %(campaign)s GROUP BY 1, 2 ORDER BY 1, 2"""

#: Trees that people, not a moderator, brought to an end: somebody should look whether they were right.
_STOPPED = """
SELECT t.id, t.language, t.state_reason AS reason, count(*) OVER () AS trees FROM annotate_messagetree t
WHERE t.campaign_id = %(campaign)s AND t.state = ANY(%(ends)s) AND t.state_reason = ANY(%(reasons)s)
ORDER BY t.state_changed_at DESC, t.id DESC LIMIT %(most)s"""

_REPORTED = """
SELECT r.message_id AS message, t.language, count(*) AS reports, count(*) OVER () AS messages
FROM annotate_report r JOIN annotate_message m ON m.id = r.message_id JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE r.state = 'open' AND t.campaign_id = %(campaign)s GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT %(most)s"""

#: The last measurement, and the last one before today, which is what everybody else is told.
_COVERAGE = """
SELECT (SELECT r.coverage FROM annotate_coveragereport r WHERE r.campaign_id = %(campaign)s AND r.language IS NULL
    ORDER BY r.measured_at DESC LIMIT 1) AS now,
  (SELECT r.coverage FROM annotate_coveragereport r WHERE r.campaign_id = %(campaign)s AND r.language IS NULL
    AND r.measured_at < date_trunc('day', %(now)s::timestamptz, 'UTC') ORDER BY r.measured_at DESC LIMIT 1) AS midnight"""

_UNLIKE = """
SELECT c.different AS consensuses, c.parents[1] AS parent, c.reliability IS NOT FALSE AS reliability, c.checked
FROM annotate_consensuscheck c
WHERE c.campaign_id = %(campaign)s AND (c.different > 0 OR NOT c.reliability)"""

#: Of what was reported or stopped so many are named.
MOST_NAMED = 3


def count_overview(
    *, campaign_id: int, languages: Sequence[str], kinds: Sequence[str], now: datetime, grows: bool = False
) -> Row:
    """Plain JSON of what is counted of one campaign.

    days                 [day in UTC, judgments given then that stand], without days that have none
    people_week          people who gave one in the last seven days
    able                 people by language, of those that the campaign has; see `_GIVEN`
    generation           requests that came to nothing, by generator and outcome
    without_candidates   prompts that wait for two candidates; None where nothing is ordered, or trees grow
    removed              messages taken down by moderators
    expired_week         holds that ran out in the last seven days
    reported             messages with open reports, and those that most people reported: [id, language, reports]
    growth               None where no trees grow; else `trees` by language and state, and those that people stopped:
                         how many, and the newest as [id, language, reason]
    unlike               None, or what did not come out as it is stored when it was computed again: `consensuses`, the first
                         `parent` of them, whether `reliability` did, and `checked` of how many
    findings             signs of manipulation that wait for a moderator
    covered              coverage as last measured: `now`, and at the last `midnight` (UTC); None: not measured
    """
    ordering = [str(kind) for kind in ORDERING_KINDS if kind in kinds]
    of: Row = {"campaign": campaign_id, "since": first_day(now), "week": now - WEEK}
    given = fetch_row(_GIVEN, {**of, "languages": list(languages)})
    return {
        "days": json.loads(given["days"] or "[]"),
        "people_week": given["people_week"],
        "able": json.loads(given["able"] or "{}"),
        "generation": [_as_problem(row) for row in fetch_all(_GENERATION, of)],
        "without_candidates": fetch_row(
            _WITHOUT_CANDIDATES, {**of, "ranking": TreeState.RANKING, "ordering": ordering}
        )["prompts"]
        if ordering and not grows
        else None,
        **fetch_row(_REMOVED, of),
        "expired_week": fetch_row(_EXPIRED, of)["holds"],
        "reported": _count_reported(of),
        "growth": _count_growth(of) if grows else None,
        "unlike": fetch_one(_UNLIKE, of),
        "covered": fetch_one(_COVERAGE, {**of, "now": now}),
    }


def first_day(now: datetime) -> datetime:
    """The beginning, in UTC, of the first of the days that are kept."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=DAYS - 1)


def _count_reported(of: Row) -> Row:
    rows = fetch_all(_REPORTED, {**of, "most": MOST_NAMED})
    return {
        "messages": rows[0]["messages"] if rows else 0,
        "most": [[row["message"], row["language"], row["reports"]] for row in rows],
    }


def _count_growth(of: Row) -> Row:
    trees: dict[str, dict[str, int]] = {}
    for row in fetch_all(_TREES, of):
        trees.setdefault(row["language"], {})[row["state"]] = row["trees"]
    ends, reasons = [TreeState.HALTED, TreeState.LOW_GRADE], [TreeReason.SKIPPED_BY_MANY, TreeReason.REPORTED]
    stopped = fetch_all(_STOPPED, {**of, "ends": ends, "reasons": reasons, "most": MOST_NAMED})
    return {
        "trees": trees,
        "stopped": stopped[0]["trees"] if stopped else 0,
        "newest_stopped": [[row["id"], row["language"], row["reason"]] for row in stopped],
    }


def _as_problem(row: Row) -> dict[str, Any]:
    latest = row.pop("latest")
    return {**row, "latest": None if latest is None else latest.isoformat()}
