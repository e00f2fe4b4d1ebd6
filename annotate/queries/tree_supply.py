"""What a campaign has in each language: trees by state, prompts that wait and their merits, people who review.

Read while whoever decides holds the campaign's briefs. Nothing here writes.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from annotate.queries.rows import Row, fetch_all, fetch_one
from tasks.records.parameters import CampaignSettings, read_settings
from tasks.records.trees import LanguageFacts, SupplyRules, WaitingPrompt
from tasks.vocabulary import STARTING_KINDS, CampaignState, Kind, TreeState

#: What somebody gave within this time counts in the draw of turns.
MERIT_DAYS = 30

_CAMPAIGN = """
SELECT c.id, c.state, c.kinds, c.languages, c.parameters::text AS parameters FROM annotate_campaign c
WHERE c.id = %(campaign)s"""

_STATES = """
SELECT t.language, t.state, count(*) AS n FROM annotate_messagetree t WHERE t.campaign_id = %(campaign)s GROUP BY 1, 2"""

_WAITING = """
SELECT t.id AS tree, t.language, t.state_changed_at, p.id AS prompt, p.author_id
FROM annotate_messagetree t CROSS JOIN LATERAL (
  SELECT m.id, m.author_id FROM annotate_message m WHERE m.tree_id = t.id AND m.parent_id IS NULL OFFSET 0) p
WHERE t.campaign_id = %(campaign)s AND t.state = %(waiting)s ORDER BY t.id"""

#: Accepted replies, and a second time those that a consensus puts first. Prompts are no merit: who writes many of them
#: would take the turns of others.
_MERITS = """
SELECT a.id AS author, m.language, count(*) + count(*) FILTER (WHERE m.is_first) AS merits
FROM unnest(%(authors)s::bigint[]) AS a (id) CROSS JOIN LATERAL (
  SELECT t.language, COALESCE(c.result->'tiers'->0 @> to_jsonb(m.id), false) AS is_first
  FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
  JOIN annotate_message p ON p.id = m.parent_id LEFT JOIN annotate_consensus c ON c.id = p.current_consensus_id
  WHERE m.author_id = a.id AND m.review_state = 'accepted' AND m.created_at > %(since)s AND t.campaign_id = %(campaign)s
    AND m.removed_at IS NULL AND m.withdrawn_at IS NULL) m
GROUP BY 1, 2"""

#: By prompt: 1 where everybody put it first, 0 where everybody put it last; all in one tier say nothing of each.
_SCORES = """
SELECT c.message_id AS prompt, avg(CASE WHEN last.tier > 1 THEN 1 - (r.tier - 1)::float / (last.tier - 1) ELSE 0.5 END) AS score
FROM annotate_unitcandidate c
JOIN annotate_unit u ON u.id = c.unit_id AND u.brief_id IS NOT NULL
JOIN annotate_judgment j ON j.unit_id = u.id AND j.is_current
JOIN annotate_rankedcandidate r ON r.judgment_id = j.id AND r.message_id = c.message_id
CROSS JOIN LATERAL (SELECT max(x.tier) AS tier FROM annotate_rankedcandidate x WHERE x.judgment_id = j.id) last
WHERE c.message_id = ANY(%(prompts)s::bigint[]) GROUP BY 1"""

_BRIEFS = """
SELECT b.id, b.language, b.topic, b.wanted, b.is_open,
  b.topic = '' AND b.difficulty = '' AND b.words = '' AND b.wanted IS NULL AS is_free,
  CASE WHEN b.wanted IS NULL THEN 0 ELSE (SELECT count(*) FROM annotate_messagetree t
    WHERE t.brief_id = b.id AND t.state <> ALL(%(failed)s::text[])) END AS standing
FROM annotate_brief b WHERE b.campaign_id = %(campaign)s ORDER BY b.id"""

_OPEN_UNITS = """
SELECT u.id, u.brief_id, u.kind, u.needed, u.done, u.held FROM annotate_unit u
WHERE u.brief_id = ANY(%(briefs)s::bigint[]) AND u.is_open AND u.kind = ANY(%(kinds)s::text[]) ORDER BY u.id"""

_REVIEWERS = """
SELECT q.language, count(DISTINCT j.annotator_id) AS n
FROM annotate_judgment j JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_queue q ON q.id = u.queue_id
WHERE j.created_at > %(since)s AND j.is_current AND q.campaign_id = %(campaign)s GROUP BY 1"""


@dataclass(frozen=True, slots=True)
class BriefState:
    """A brief, and how many prompts that were made to it stand (counted only where a number is wanted)."""

    id: int
    language: str
    topic: str
    wanted: int | None
    is_open: bool
    is_free: bool
    standing: int


@dataclass(frozen=True, slots=True)
class CampaignSupply:
    """Facts by language, for every language of the campaign.

    `waiting_roots`: prompts by the trees that wait, for each language, the oldest first.
    """

    campaign_id: int
    settings: CampaignSettings
    rules: SupplyRules
    is_open: bool
    ranks_prompts: bool
    facts: Mapping[str, LanguageFacts]
    briefs: Sequence[BriefState]
    open_units: Sequence[Row]
    waiting_roots: Mapping[str, Mapping[int, int]] = field(default_factory=dict)


def load_supply(*, campaign_id: int, now: datetime) -> CampaignSupply | None:
    """What a campaign has now, or None when there is no such campaign."""
    params = {"campaign": campaign_id, "waiting": TreeState.WAITING, "since": now - timedelta(days=MERIT_DAYS)}
    campaign = fetch_one(_CAMPAIGN, params)
    if campaign is None:
        return None
    settings = read_settings(json.loads(campaign["parameters"]))
    failed = [str(state) for state in (TreeState.LOW_GRADE, TreeState.HALTED, TreeState.RETIRED)]
    briefs = [BriefState(**row) for row in fetch_all(_BRIEFS, {**params, "failed": failed})]
    starting = [str(kind) for kind in STARTING_KINDS]
    units = fetch_all(_OPEN_UNITS, {"briefs": [brief.id for brief in briefs], "kinds": starting})
    states = count_states(campaign_id=campaign_id)
    waiting: defaultdict[str, list[Row]] = defaultdict(list)
    for row in sorted(fetch_all(_WAITING, params), key=lambda row: (row["state_changed_at"], row["tree"])):
        waiting[row["language"]].append(row)
    everyone = [row for rows in waiting.values() for row in rows]
    scores = {} if not settings.rank_prompts else _load_scores(everyone)
    merits = _load_merits(everyone, params=params)
    return CampaignSupply(
        campaign_id=campaign_id,
        settings=settings,
        rules=_make_rules(settings, kinds=campaign["kinds"]),
        is_open=campaign["state"] == CampaignState.OPEN,
        ranks_prompts=settings.rank_prompts and Kind.RANK in campaign["kinds"],
        facts={
            language: LanguageFacts(
                language=language,
                in_review=states.get((language, TreeState.PROMPT_REVIEW), 0),
                growing=states.get((language, TreeState.GROWING), 0),
                waiting=tuple(
                    WaitingPrompt(row["tree"], row["author_id"], row["state_changed_at"], scores.get(row["prompt"]))
                    for row in waiting[language]
                ),
                merits=merits[language],
            )
            for language in campaign["languages"]
        },
        briefs=briefs,
        open_units=units,
        waiting_roots={language: {row["tree"]: row["prompt"] for row in rows} for language, rows in waiting.items()},
    )


def count_states(*, campaign_id: int) -> dict[tuple[str, str], int]:
    """How many trees a campaign has, by language and state."""
    rows = fetch_all(_STATES, {"campaign": campaign_id})
    return {(row["language"], row["state"]): row["n"] for row in rows}


def count_reviewers(*, campaign_id: int, days: int, now: datetime) -> dict[str, int]:
    """By language, how many people have judged or written in the campaign within so many days."""
    rows = fetch_all(_REVIEWERS, {"campaign": campaign_id, "since": now - timedelta(days=days)})
    return {row["language"]: row["n"] for row in rows}


def _make_rules(settings: CampaignSettings, *, kinds: Sequence[str]) -> SupplyRules:
    return SupplyRules(
        active_trees=settings.active_trees,
        waiting_prompts=settings.waiting_prompts,
        max_waiting_prompts=settings.max_waiting_prompts,
        prompt_days=settings.prompt_days,
        pair_share=settings.pair_share,
        asks_prompts=Kind.WRITE_PROMPT in kinds,
        asks_pairs=Kind.WRITE_PAIR in kinds,
        rank_prompts=settings.rank_prompts,
    )


def _load_scores(waiting: Sequence[Row]) -> dict[int, float]:
    rows = fetch_all(_SCORES, {"prompts": [row["prompt"] for row in waiting]})
    return {row["prompt"]: float(row["score"]) for row in rows}


def _load_merits(waiting: Sequence[Row], *, params: Row) -> defaultdict[str, dict[int, int]]:
    authors = sorted({row["author_id"] for row in waiting if row["author_id"] is not None})
    merits: defaultdict[str, dict[int, int]] = defaultdict(dict)
    if authors:
        for row in fetch_all(_MERITS, {**params, "authors": authors}):
            merits[row["language"]][row["author"]] = row["merits"]
    return merits
