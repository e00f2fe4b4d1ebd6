"""What is known of each target of a campaign: judgments by day, people, prompts, and what could still be judged.

Gold items are not among them. Nothing here writes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from annotate.models import Campaign
from annotate.queries.backlog import Cell, load_cells
from annotate.queries.gold import GOLD_TREES
from annotate.queries.rows import Row, fetch_all
from tasks.records.parameters import read_settings
from tasks.records.standing import CampaignFacts, TargetFacts
from tasks.scheduling.forecast import DAYS
from tasks.scheduling.redundancy import read_redundancy
from tasks.vocabulary import ORDERING_KINDS, STARTING_KINDS, CampaignState, TreeState

#: Targets that are told, those that lack most first; and of those that stand still, how many are looked into for people.
MOST_TARGETS, MOST_STILL = 500, 50
#: People of a language who are asked whether anything is left for them.
MOST_PEOPLE = 500
#: Days in which somebody worked who is counted as working here.
WORKING_DAYS = 30

_QUEUES = "ARRAY(SELECT q.id FROM annotate_queue q WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold)"

_DAYS = f"""
SELECT d.stratum_id AS stratum, (j.created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS judgments
FROM annotate_judgment j JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_unitdetail d ON d.unit_id = u.id
WHERE j.is_current AND j.created_at >= %(since)s AND u.queue_id = ANY({_QUEUES})
GROUP BY 1, 2"""

_PEOPLE = f"""
SELECT d.stratum_id AS stratum, s.language, COALESCE(a.merged_into_id, a.id) AS person,
  COALESCE(max(j.created_at) FILTER (WHERE j.created_at < %(today)s) >= %(since)s, false) AS is_late
FROM annotate_judgment j JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_unitdetail d ON d.unit_id = u.id
JOIN annotate_stratum s ON s.id = d.stratum_id JOIN annotate_annotator a ON a.id = j.annotator_id
WHERE j.is_current AND j.created_at >= %(working)s AND u.queue_id = ANY({_QUEUES}) AND a.suspended_at IS NULL
GROUP BY 1, 2, 3"""

_SKILLED = """
SELECT k.language, a.id AS person FROM annotate_languageskill k JOIN annotate_annotator a ON a.id = k.annotator_id
WHERE k.language = ANY(%(languages)s) AND a.suspended_at IS NULL AND a.merged_into_id IS NULL"""

_ROOM = f"""
SELECT d.stratum_id AS stratum,
  sum(GREATEST(CASE WHEN u.kind = ANY(%(ordering)s) THEN GREATEST(u.needed, %(most)s) ELSE u.needed END - u.done, 0))::bigint AS room
FROM annotate_unit u JOIN annotate_unitdetail d ON d.unit_id = u.id
WHERE u.queue_id = ANY({_QUEUES}) AND u.is_open GROUP BY 1"""

_PROMPTS = f"""
SELECT t.stratum_id AS stratum, count(*) AS prompts, count(*) FILTER (WHERE t.state = %(ranking)s AND NOT EXISTS (
    SELECT 1 FROM annotate_unit u WHERE u.subject_id = m.id)) AS bare
FROM annotate_messagetree t JOIN annotate_message m ON m.tree_id = t.id AND m.parent_id IS NULL
WHERE t.campaign_id = %(campaign)s AND t.state <> ALL(%(failed)s) AND m.removed_at IS NULL AND m.withdrawn_at IS NULL
  AND t.id <> ALL({GOLD_TREES})
GROUP BY 1"""

#: Whoever has met everything is looked at to the end; anybody else is done with at their first unit.
_FRESH = f"""
WITH vacant AS MATERIALIZED (
  SELECT u.id FROM annotate_unit u JOIN annotate_unitdetail d ON d.unit_id = u.id
  WHERE u.queue_id = ANY({_QUEUES}) AND u.is_vacant AND d.stratum_id = ANY(%(strata)s))
SELECT p.id FROM unnest(%(people)s::bigint[]) AS p (id) WHERE NOT EXISTS (SELECT 1 FROM vacant) OR EXISTS (
  SELECT 1 FROM vacant v
  WHERE NOT EXISTS (SELECT 1 FROM annotate_assignment a WHERE a.annotator_id = p.id AND a.unit_id = v.id)
    AND NOT EXISTS (SELECT 1 FROM annotate_exclusion e WHERE e.annotator_id = p.id AND e.unit_id = v.id))"""


class _Counts:
    """What was counted of every stratum, by its id; of a cell whose topic is any, that of its whole language."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.of_language: defaultdict[str, list[int]] = defaultdict(list)
        for cell in cells:
            self.of_language[cell.language].append(cell.id)
        self.days: defaultdict[int, dict[date, int]] = defaultdict(dict)
        self.late: defaultdict[int, set[int]] = defaultdict(set)
        self.working: defaultdict[str, set[int]] = defaultdict(set)
        self.able: defaultdict[str, set[int]] = defaultdict(set)
        self.room: dict[int, int] = {}
        self.prompts: dict[int, Row] = {}

    def ids(self, cell: Cell) -> list[int]:
        return [cell.id] if cell.topic else self.of_language[cell.language]


def load_campaign_facts(campaign: Campaign) -> CampaignFacts:
    """What holds for all of a campaign's targets."""
    grows = read_settings(campaign.parameters).grow_trees
    return CampaignFacts(
        is_open=campaign.state == CampaignState.OPEN,
        languages=tuple(campaign.languages),
        grows=grows,
        asks=grows and bool(set(campaign.kinds) & set(STARTING_KINDS)),
    )


def load_target_facts(*, campaign: Campaign, now: datetime) -> list[TargetFacts]:
    """Every target of a campaign as it stands; at most `MOST_TARGETS`, those that lack most first."""
    cells = load_cells(campaign_id=campaign.pk)
    wanted = [cell for cell in cells if cell.target]
    if not wanted:
        return []
    counts = _count(campaign, cells, now=now)
    facts = [_describe(cell, counts) for cell in wanted]
    order = sorted(zip(wanted, facts, strict=True), key=lambda pair: -pair[1].missing)[:MOST_TARGETS]
    return _look_into_still([pair[0] for pair in order], [pair[1] for pair in order], counts, campaign, now=now)


def _count(campaign: Campaign, cells: Sequence[Cell], *, now: datetime) -> _Counts:
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    languages = sorted({cell.language for cell in cells})
    params: Row = {
        "campaign": campaign.pk,
        "languages": languages,
        "since": today - timedelta(days=DAYS),
        "today": today,
    }
    counts = _Counts(cells)
    for row in fetch_all(_DAYS, params):
        counts.days[row["stratum"]][row["day"]] = row["judgments"]
    for row in fetch_all(_PEOPLE, {**params, "working": today - timedelta(days=WORKING_DAYS)}):
        counts.working[row["language"]].add(row["person"])
        if row["is_late"]:
            counts.late[row["stratum"]].add(row["person"])
    for row in fetch_all(_SKILLED, params):
        counts.able[row["language"]].add(row["person"])
    rule = read_redundancy(read_settings(campaign.parameters))
    ordering = [str(kind) for kind in ORDERING_KINDS]
    most = rule.maximum if rule.is_adaptive else 0
    counts.room = {
        row["stratum"]: row["room"] for row in fetch_all(_ROOM, {**params, "ordering": ordering, "most": most})
    }
    failed = [str(state) for state in (TreeState.LOW_GRADE, TreeState.HALTED, TreeState.RETIRED)]
    found = fetch_all(_PROMPTS, {**params, "failed": failed, "ranking": TreeState.RANKING})
    counts.prompts = {row["stratum"]: row for row in found}
    return counts


def _describe(cell: Cell, counts: _Counts) -> TargetFacts:
    ids = counts.ids(cell)
    days: defaultdict[date, int] = defaultdict(int)
    for stratum in ids:
        for day, judgments in counts.days[stratum].items():
            days[day] += judgments
    return TargetFacts(
        language=cell.language,
        topic=cell.topic,
        target=cell.target or 0,
        done=cell.done,
        room=sum(counts.room.get(stratum, 0) for stratum in ids),
        prompts=sum(counts.prompts[stratum]["prompts"] for stratum in ids if stratum in counts.prompts),
        bare=sum(counts.prompts[stratum]["bare"] for stratum in ids if stratum in counts.prompts),
        people=len(set().union(*(counts.late[stratum] for stratum in ids))),
        able=len(counts.able[cell.language] | counts.working[cell.language]),
        days=dict(days),
    )


def _look_into_still(
    cells: Sequence[Cell], facts: list[TargetFacts], counts: _Counts, campaign: Campaign, *, now: datetime
) -> list[TargetFacts]:
    """Where work is open and nothing came today and yesterday, count the people for whom something is left in it."""
    today = now.astimezone(UTC).date()
    recent = (today, today - timedelta(days=1))
    still = [
        place
        for place, each in enumerate(facts)
        if each.missing
        and each.room
        and not any(each.days.get(day) for day in recent)
        and counts.working[each.language]
    ][:MOST_STILL]
    told = list(facts)
    for place in still:
        cell = cells[place]
        people = sorted(counts.working[cell.language])[:MOST_PEOPLE]
        params: Row = {"campaign": campaign.pk, "strata": counts.ids(cell), "people": people}
        told[place] = replace(facts[place], fresh=len(fetch_all(_FRESH, params)))
    return told
