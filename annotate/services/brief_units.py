"""Units to briefs: places for prompts, and prompts that wait to be put in order.

The caller holds the campaign's briefs (`services.prompt_supply`), so that nobody else opens or closes these units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from annotate.queries.rows import Row, fetch_all, run
from annotate.queries.tree_supply import BriefState, CampaignSupply
from annotate.services.units import OWN_TEXT, START_BAND
from tasks.vocabulary import Kind, ReasonCode

#: Until then somebody who takes their prompt back finds its place.
FINISHED_SECONDS = 3600.0
#: Whoever skipped a brief is not asked again by it for so long.
SKIP_DAYS = 1
#: Where a place for a prompt stands when nothing is missing, and when everything is.
LEAST_BAND = 300
MOST_BAND = 800
FEWEST_PROMPTS = 2

_FINISHED = """
UPDATE annotate_unit u SET is_open = false
WHERE u.id = ANY(ARRAY(
    SELECT l.id FROM annotate_unit l WHERE l.id = ANY(%(units)s::bigint[]) ORDER BY l.id FOR NO KEY UPDATE SKIP LOCKED))
  AND u.held = 0 AND u.done >= u.needed
  AND NOT EXISTS (SELECT 1 FROM annotate_judgment j WHERE j.unit_id = u.id AND j.is_current AND j.created_at > %(since)s)"""

#: A place that somebody holds is theirs until they write, skip or leave it; the newest of the others go first.
_CLOSE_PLACES = """
UPDATE annotate_unit u SET is_open = false
WHERE u.id = ANY(ARRAY(
  SELECT l.id FROM annotate_unit l WHERE l.id = ANY(%(units)s::bigint[]) AND l.held = 0 AND l.done = 0
  ORDER BY l.id DESC LIMIT %(number)s FOR NO KEY UPDATE SKIP LOCKED)) AND u.held = 0 AND u.done = 0"""

_MAKE_STRATA = """
INSERT INTO annotate_stratum (campaign_id, language, topic, done)
SELECT DISTINCT %(campaign)s::bigint, s.language, s.topic, 0 FROM unnest(%(languages)s::text[], %(topics)s::text[]) AS s (language, topic)
WHERE NOT EXISTS (SELECT 1 FROM annotate_stratum h
  WHERE h.campaign_id = %(campaign)s AND h.language = s.language AND h.topic = s.topic)
ORDER BY 2, 3
ON CONFLICT DO NOTHING"""

_MAKE_QUEUES = """
INSERT INTO annotate_queue (campaign_id, kind, language)
SELECT DISTINCT %(campaign)s::bigint, w.kind, w.language FROM unnest(%(kinds)s::text[], %(languages)s::text[]) AS w (kind, language)
WHERE NOT EXISTS (SELECT 1 FROM annotate_queue q
  WHERE q.campaign_id = %(campaign)s AND q.kind = w.kind AND q.language = w.language AND q.qualification IS NULL AND NOT q.is_gold)
ORDER BY 2, 3
ON CONFLICT DO NOTHING"""

_MAKE_UNITS = """
WITH w AS MATERIALIZED (
  SELECT w.*, q.id AS queue_id, s.id AS stratum_id, n.unit_id
  FROM unnest(%(briefs)s::bigint[], %(kinds)s::text[], %(languages)s::text[], %(topics)s::text[], %(numbers)s::int[],
    %(needs)s::smallint[], %(bands)s::smallint[]) AS w (brief, kind, language, topic, number, needed, band)
  JOIN annotate_queue q ON q.campaign_id = %(campaign)s AND q.kind = w.kind AND q.language = w.language AND q.qualification IS NULL
    AND NOT q.is_gold
  JOIN annotate_stratum s ON s.campaign_id = %(campaign)s AND s.language = w.language AND s.topic = w.topic
  CROSS JOIN LATERAL (
    SELECT nextval(pg_get_serial_sequence('annotate_unit', 'id')) AS unit_id FROM generate_series(1, w.number)) n),
made AS (
  INSERT INTO annotate_unit (id, public_id, queue_id, kind, brief_id, band, tie, needed, done, held, surplus, is_open)
  SELECT w.unit_id, gen_random_uuid(), w.queue_id, w.kind, w.brief, w.band, (random() * 2147483647)::int, w.needed, 0, 0, 0, true
  FROM w RETURNING id),
details AS (
  INSERT INTO annotate_unitdetail (unit_id, stratum_id, wanted, reason_code, reason_args, terms)
  SELECT w.unit_id, w.stratum_id, w.needed, %(reason)s, '{}', '{}' FROM w)
SELECT made.id FROM made ORDER BY made.id"""

#: The last few units of a brief tell who has skipped it lately.
_EXCLUDE_SKIPPERS = """
INSERT INTO annotate_exclusion (annotator_id, unit_id, why)
SELECT DISTINCT s.annotator_id, n.id, 'brief_skipped'
FROM annotate_unit n CROSS JOIN LATERAL (
  SELECT u.id FROM annotate_unit u WHERE u.brief_id = n.brief_id AND u.kind = n.kind ORDER BY u.id DESC LIMIT 200) u
JOIN annotate_assignment s ON s.unit_id = u.id AND s.state = 'skipped' AND s.closed_at > %(since)s
WHERE n.id = ANY(%(units)s::bigint[])
ORDER BY 1, 2
ON CONFLICT DO NOTHING"""

_UNRANKED = """
SELECT p.id FROM unnest(%(prompts)s::bigint[]) WITH ORDINALITY AS p (id, place)
WHERE NOT EXISTS (SELECT 1 FROM annotate_unitcandidate c JOIN annotate_unit u ON u.id = c.unit_id
  WHERE c.message_id = p.id AND u.brief_id IS NOT NULL AND u.kind = %(rank)s)
ORDER BY p.place"""

_ADD_CANDIDATES = """
INSERT INTO annotate_unitcandidate (unit_id, message_id, added_at)
SELECT w.unit, w.message, %(now)s FROM unnest(%(units)s::bigint[], %(messages)s::bigint[]) AS w (unit, message)
ON CONFLICT DO NOTHING"""

_EXCLUDE_AUTHORS = """
INSERT INTO annotate_exclusion (annotator_id, unit_id, why)
SELECT DISTINCT m.author_id, c.unit_id, %(own_text)s
FROM annotate_unitcandidate c JOIN annotate_message m ON m.id = c.message_id
WHERE c.unit_id = ANY(%(units)s::bigint[]) AND m.author_id IS NOT NULL ORDER BY 1, 2
ON CONFLICT DO NOTHING"""

#: Prompts that wait no more are not shown to anybody else, and two at least are needed for an order.
_DROP_CANDIDATES = """
UPDATE annotate_unitcandidate c SET removed_at = %(now)s
FROM annotate_unit u, annotate_message m, annotate_messagetree t
WHERE u.brief_id = ANY(%(briefs)s::bigint[]) AND u.kind = %(rank)s AND u.is_open AND c.unit_id = u.id AND c.removed_at IS NULL
  AND m.id = c.message_id AND t.id = m.tree_id AND t.state <> %(waiting)s"""

_CLOSE_RANKINGS = """
UPDATE annotate_unit u SET is_open = false
WHERE u.id = ANY(ARRAY(
  SELECT l.id FROM annotate_unit l
  WHERE l.brief_id = ANY(%(briefs)s::bigint[]) AND l.kind = %(rank)s AND l.is_open AND (%(all)s::boolean OR l.done >= l.needed
    OR %(fewest)s > (SELECT count(*) FROM annotate_unitcandidate c WHERE c.unit_id = l.id AND c.removed_at IS NULL))
  ORDER BY l.id FOR NO KEY UPDATE SKIP LOCKED))"""


@dataclass(frozen=True, slots=True)
class Places:
    """A kind of work to a brief."""

    brief: BriefState
    kind: Kind

    @property
    def key(self) -> tuple[int, str]:
        return self.brief.id, str(self.kind)


def open_places(*, supply: CampaignSupply, lacking: Mapping[Places, int], now: datetime) -> None:
    """Open so many units, of one place each."""
    if not lacking:
        return
    most = max(1, supply.settings.waiting_prompts + supply.settings.active_trees)
    share = min(1.0, sum(lacking.values()) / most)
    band = round((LEAST_BAND + (MOST_BAND - LEAST_BAND) * share) / 20) * 20
    rows = {
        "briefs": [places.brief.id for places in lacking],
        "kinds": [str(places.kind) for places in lacking],
        "languages": [places.brief.language for places in lacking],
        "topics": [places.brief.topic for places in lacking],
        "numbers": list(lacking.values()),
        "needs": [1] * len(lacking),
        "bands": [band] * len(lacking),
        "reason": ReasonCode.PROMPT_WANTED,
    }
    units = _make_units(supply, rows)
    run(_EXCLUDE_SKIPPERS, {"units": units, "since": now - timedelta(days=SKIP_DAYS)})


def close_places(*, units: Sequence[int], number: int) -> None:
    """Close so many of these places that nobody holds; one that somebody is just claiming stays until the next time."""
    if number > 0:
        run(_CLOSE_PLACES, {"units": list(units), "number": number})


def close_finished(*, units: Sequence[Row], now: datetime) -> None:
    """Close places whose prompt came a while ago."""
    finished = [unit["id"] for unit in units if unit["done"] >= unit["needed"]]
    if finished:
        run(_FINISHED, {"units": finished, "since": now - timedelta(seconds=FINISHED_SECONDS)})


def rank_prompts(*, supply: CampaignSupply, drawn: Sequence[int], now: datetime) -> None:
    """Ask for an order of the prompts that wait, a few at a time and each of them once."""
    _follow_waiting(supply, now=now)
    turns = set(drawn)
    for language in sorted(supply.facts):
        brief = next((brief for brief in supply.briefs if brief.language == language), None)
        waiting = {prompt.tree for prompt in supply.facts[language].waiting} - turns
        prompts = [root for tree, root in supply.waiting_roots.get(language, {}).items() if tree in waiting]
        rows = fetch_all(_UNRANKED, {"prompts": prompts, "rank": Kind.RANK})
        size = supply.settings.candidates_shown
        groups = [[row["id"] for row in rows[at : at + size]] for at in range(0, len(rows), size)]
        groups = [group for group in groups if len(group) >= FEWEST_PROMPTS]
        if brief is not None and groups:
            _make_rankings(supply, brief=brief, groups=groups, now=now)


def close_prompt_rankings(*, supply: CampaignSupply) -> None:
    """Ask for no order of prompts any more."""
    _close_rankings(supply, everything=True)


def _follow_waiting(supply: CampaignSupply, *, now: datetime) -> None:
    run(
        _DROP_CANDIDATES,
        {"briefs": [brief.id for brief in supply.briefs], "rank": Kind.RANK, "waiting": "waiting", "now": now},
    )
    _close_rankings(supply, everything=False)


def _close_rankings(supply: CampaignSupply, *, everything: bool) -> None:
    briefs = [brief.id for brief in supply.briefs]
    run(_CLOSE_RANKINGS, {"briefs": briefs, "rank": Kind.RANK, "all": everything, "fewest": FEWEST_PROMPTS})


def _make_rankings(
    supply: CampaignSupply, *, brief: BriefState, groups: Sequence[Sequence[int]], now: datetime
) -> None:
    rows = {
        "briefs": [brief.id],
        "kinds": [str(Kind.RANK)],
        "languages": [brief.language],
        "topics": [""],
        "numbers": [len(groups)],
        "needs": [supply.settings.redundancy],
        "bands": [START_BAND],
        "reason": ReasonCode.FIRST_JUDGMENT,
    }
    units = _make_units(supply, rows)
    pairs = [(unit, message) for unit, group in zip(units, groups, strict=True) for message in group]
    run(
        _ADD_CANDIDATES,
        {"units": [unit for unit, _ in pairs], "messages": [message for _, message in pairs], "now": now},
    )
    run(_EXCLUDE_AUTHORS, {"units": units, "own_text": OWN_TEXT})


def _make_units(supply: CampaignSupply, rows: Row) -> list[int]:
    params = {**rows, "campaign": supply.campaign_id}
    run(_MAKE_STRATA, params)
    run(_MAKE_QUEUES, params)
    return [row["id"] for row in fetch_all(_MAKE_UNITS, params)]
