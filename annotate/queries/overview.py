"""What the page of a campaign tells beside its progress: counted by the sweep, never while somebody waits.

Each statement reads what an index finds: judgments of a month, holds that ran out in a week, requests that came to
nothing, messages that were removed; only the prompts without candidates take a walk over all prompts.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from annotate.queries.generation import PROBLEM_STATES
from annotate.queries.rows import Row, fetch_all, fetch_row
from tasks.vocabulary import ORDERING_KINDS, TreeState

#: Days of judgments that are kept, today among them.
DAYS = 30
WEEK = timedelta(days=7)

_GIVEN = """
FROM annotate_judgment j
JOIN annotate_unit u ON u.id = j.unit_id
JOIN annotate_queue q ON q.id = u.queue_id
JOIN annotate_annotator a ON a.id = j.annotator_id
WHERE j.is_current AND j.created_at >= %(since)s AND q.campaign_id = %(campaign)s"""

_DAYS = f"""
SELECT to_char(j.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, count(*) AS judgments {_GIVEN}
GROUP BY 1 ORDER BY 1"""

_PEOPLE = f"SELECT count(DISTINCT COALESCE(a.merged_into_id, a.id)) AS people {_GIVEN}"

#: Who says that they work in a language, or has judged in it here this month.
_ABLE = f"""
SELECT known.language, count(DISTINCT known.person) AS people FROM (
  SELECT k.language, a.id AS person FROM annotate_languageskill k JOIN annotate_annotator a ON a.id = k.annotator_id
  WHERE k.language = ANY(%(languages)s) AND a.suspended_at IS NULL AND a.merged_into_id IS NULL
  UNION ALL
  SELECT q.language, COALESCE(a.merged_into_id, a.id) {_GIVEN} AND a.suspended_at IS NULL) AS known
GROUP BY 1 ORDER BY 1"""

_GENERATION = """
SELECT g.name AS generator, COALESCE(r.outcome, '') AS outcome, count(*) AS requests, max(r.finished_at) AS latest
FROM annotate_generationrequest r
JOIN annotate_generator g ON g.id = r.generator_id
JOIN annotate_message m ON m.id = r.parent_id
JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE r.state IN ({states}) AND t.campaign_id = %(campaign)s
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 20""".format(states=", ".join(f"'{state}'" for state in PROBLEM_STATES))

#: Prompts that nobody can be asked to order: they never had two candidates.
_WITHOUT_CANDIDATES = """
SELECT count(*) AS prompts
FROM annotate_messagetree t JOIN annotate_message m ON m.tree_id = t.id AND m.parent_id IS NULL
WHERE t.campaign_id = %(campaign)s AND t.state = %(ranking)s AND m.removed_at IS NULL AND m.withdrawn_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM annotate_unit u WHERE u.subject_id = m.id AND u.kind = ANY(%(ordering)s))"""

_REMOVED = """
SELECT count(*) AS messages FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE m.removed_at IS NOT NULL AND t.campaign_id = %(campaign)s"""

_EXPIRED = """
SELECT count(*) AS holds
FROM annotate_assignment s JOIN annotate_unit u ON u.id = s.unit_id JOIN annotate_queue q ON q.id = u.queue_id
WHERE s.state = 'expired' AND s.closed_at >= %(since)s AND q.campaign_id = %(campaign)s"""


def count_overview(*, campaign_id: int, languages: Sequence[str], kinds: Sequence[str], now: datetime) -> Row:
    """Plain JSON of what is counted of one campaign.

    days                 [day in UTC, judgments given then that stand], without days that have none
    people_week          people who gave one in the last seven days
    able                 people by language, of those that the campaign has; see `_ABLE`
    generation           requests that came to nothing, by generator and outcome
    without_candidates   prompts that wait for two candidates; None where nothing is ordered
    removed              messages taken down by moderators
    expired_week         holds that ran out in the last seven days
    """
    ordering = [str(kind) for kind in ORDERING_KINDS if kind in kinds]
    of: Row = {"campaign": campaign_id}
    month, week = {**of, "since": first_day(now)}, {**of, "since": now - WEEK}
    waiting = {**of, "ranking": TreeState.RANKING, "ordering": ordering}
    return {
        "days": [[row["day"], row["judgments"]] for row in fetch_all(_DAYS, month)],
        "people_week": fetch_row(_PEOPLE, week)["people"],
        "able": {row["language"]: row["people"] for row in fetch_all(_ABLE, {**month, "languages": list(languages)})},
        "generation": [_as_problem(row) for row in fetch_all(_GENERATION, of)],
        "without_candidates": fetch_row(_WITHOUT_CANDIDATES, waiting)["prompts"] if ordering else None,
        "removed": fetch_row(_REMOVED, of)["messages"],
        "expired_week": fetch_row(_EXPIRED, week)["holds"],
    }


def first_day(now: datetime) -> datetime:
    """The beginning, in UTC, of the first of the days that are kept."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=DAYS - 1)


def _as_problem(row: Row) -> dict[str, Any]:
    latest = row.pop("latest")
    return {**row, "latest": None if latest is None else latest.isoformat()}
