"""What waits for workers with a model of their own: how much, and of which generators."""

from collections.abc import Sequence
from datetime import datetime

from annotate.queries.generation_lanes import READY, RIPE, SUSPECT, TAKEN
from annotate.queries.rows import fetch_all, fetch_row
from tasks.vocabulary import CampaignState, Engine

#: A longer queue is told as this long: nobody needs to know it closer.
LONGEST_COUNTED = 100_000

# Each campaign is looked at on its own, so that one that is paused is passed over whatever it asked for.
_WAITING = f"""
SELECT least(COALESCE(sum(lane.waiting), 0), %(most)s) AS waiting
FROM annotate_campaign c JOIN annotate_generator g ON g.id = ANY(%(generators)s::bigint[]) AND {TAKEN}
CROSS JOIN LATERAL (
  SELECT count(*) AS waiting FROM (
    SELECT 1 FROM annotate_generationrequest r
    WHERE r.campaign_id = c.id AND r.generator_id = g.id AND r.state = 'queued' LIMIT %(most)s) r) lane
WHERE c.state = ANY(%(generating)s::text[])"""

#: A trial is answered before anything else: an administrator waits for it.
_WANTED = f"""
SELECT g.id, wish.is_trial, wish.priority FROM annotate_generator g CROSS JOIN LATERAL (
  (SELECT true AS is_trial, 0::smallint AS priority FROM annotate_generatortrial t
   WHERE t.generator_id = g.id AND t.state = 'queued' LIMIT 1)
  UNION ALL
  (SELECT false, max(front.priority) FROM annotate_campaign c CROSS JOIN LATERAL (
     (SELECT r.priority FROM annotate_generationrequest r
      WHERE r.generator_id = g.id AND r.campaign_id = c.id AND {READY} ORDER BY r.priority DESC, r.id LIMIT 1)
     UNION ALL
     (SELECT r.priority FROM annotate_generationrequest r
      WHERE r.generator_id = g.id AND r.campaign_id = c.id AND {SUSPECT} ORDER BY r.priority DESC, r.id LIMIT 1)) front
   WHERE c.state = ANY(%(generating)s::text[]) AND {TAKEN} HAVING count(*) > 0)
  UNION ALL
  (SELECT false, r.priority FROM annotate_generationrequest r JOIN annotate_campaign c ON c.id = r.campaign_id
   WHERE r.generator_id = g.id AND {RIPE} AND c.state = ANY(%(generating)s::text[]) AND {TAKEN} LIMIT 1)
  ORDER BY is_trial DESC, priority DESC LIMIT 1) wish
WHERE g.enabled AND g.engine = %(engine)s
ORDER BY wish.is_trial DESC, wish.priority DESC, g.id"""

#: States in which a campaign generates.
_GENERATING = [CampaignState.DRAFT.value, CampaignState.OPEN.value]


def count_waiting(*, generator_ids: Sequence[int]) -> int:
    """How many requests wait for these generators, whether they may be tried now or later."""
    params = {"generators": list(generator_ids), "generating": _GENERATING, "most": LONGEST_COUNTED}
    return int(fetch_row(_WAITING, params)["waiting"])


def list_wanted(*, engine: Engine, now: datetime) -> list[int]:
    """Ids of enabled generators of an engine that have something to do now, the most urgent first."""
    params = {"engine": engine.value, "generating": _GENERATING, "now": now}
    return [row["id"] for row in fetch_all(_WANTED, params)]
