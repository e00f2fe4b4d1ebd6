"""Messages whose candidates may be too much alike: what is under them, and what was asked for. Nothing here writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from annotate.models import CampaignGenerator
from annotate.queries.gold import GOLD_TREES
from annotate.queries.rows import fetch_all
from tasks.scheduling.variety import FEWEST_CANDIDATES, MOST_CANDIDATES, MOST_UNDER_ONE
from tasks.vocabulary import ORDERING_KINDS, CampaignState

#: Characters of a candidate that are compared.
MOST_CHARS = 4_000

#: Nobody has judged them yet, so that all judgments are of the same candidates; nothing is on its way to them.
_PARENTS = f"""
SELECT DISTINCT u.subject_id AS parent FROM annotate_unit u JOIN annotate_queue q ON q.id = u.queue_id
JOIN annotate_message m ON m.id = u.subject_id JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold AND u.is_open AND u.kind = ANY(%(ordering)s) AND u.subject_id > %(after)s
  AND u.done = 0 AND u.held = 0 AND u.surplus = 0 AND t.state = 'ranking' AND t.id <> ALL({GOLD_TREES})
  AND NOT EXISTS (SELECT 1 FROM annotate_generationrequest r
    WHERE r.parent_id = u.subject_id AND r.state IN ('queued', 'running'))
  AND {MOST_UNDER_ONE} > (SELECT count(*) FROM annotate_generationrequest r
    WHERE r.parent_id = u.subject_id AND r.is_for_variety)
ORDER BY 1 LIMIT %(limit)s"""

_STATE = f"""
SELECT p.id AS parent,
  (SELECT json_agg(left(c.text, {MOST_CHARS}) ORDER BY c.id) FROM (
     SELECT c.id, c.text FROM annotate_message c WHERE c.parent_id = p.id AND c.removed_at IS NULL AND c.withdrawn_at IS NULL
     ORDER BY c.id DESC LIMIT {MOST_CANDIDATES}) c)::text AS texts,
  (SELECT json_agg(json_build_array(r.generator_id, r.sample_index)) FROM annotate_generationrequest r
     WHERE r.parent_id = p.id)::text AS asked
FROM unnest(%(parents)s::bigint[]) AS p (id) ORDER BY p.id"""


@dataclass(frozen=True, slots=True)
class AlikeState:
    """A message with the texts under it, and the samples that each generator was asked for."""

    parent: int
    texts: tuple[str, ...]
    asked: dict[int, frozenset[int]]


def list_varied_campaigns() -> list[int]:
    """Open campaigns that ask for variety and name a generator for it."""
    named = CampaignGenerator.objects.filter(
        is_for_variety=True, campaign__state=CampaignState.OPEN, campaign__parameters__ask_variety=True
    )
    return list(named.order_by("campaign_id").values_list("campaign_id", flat=True).distinct())


def list_unjudged_parents(*, campaign_id: int, after: int, limit: int) -> list[int]:
    """Messages with candidates that nobody has judged and nothing is on its way to, with ids above `after`."""
    params = {
        "campaign": campaign_id,
        "after": after,
        "limit": limit,
        "ordering": [str(kind) for kind in ORDERING_KINDS],
    }
    return [row["parent"] for row in fetch_all(_PARENTS, params)]


def load_alike_states(*, parent_ids: Sequence[int]) -> list[AlikeState]:
    """What is under these messages, by id; those with fewer than two candidates left out."""
    states = []
    for row in fetch_all(_STATE, {"parents": list(parent_ids)}):
        texts = tuple(json.loads(row["texts"] or "[]"))
        asked: dict[int, frozenset[int]] = {}
        for generator, sample in json.loads(row["asked"] or "[]"):
            asked[generator] = asked.get(generator, frozenset()) | {sample}
        if len(texts) >= FEWEST_CANDIDATES:
            states.append(AlikeState(row["parent"], texts, asked))
    return states
