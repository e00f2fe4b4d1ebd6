"""What decides which generation requests come first: what waits, and how much volunteers have left to judge.

Every look is bounded: so many requests of each lane, so many units of each queue, however many there are.
"""

from collections.abc import Sequence

from annotate.queries.generation_lanes import READY, TAKEN
from annotate.queries.rows import fetch_all
from tasks.scheduling.request_priorities import SCHEDULED_PRIORITIES, WaitingPrompt, WaitingRequest
from tasks.vocabulary import ORDERING_KINDS, MessageRole

#: A queue with so many vacant units has enough for every stratum of its language: what is beyond is not counted.
COUNTED_UNITS = 1000

# One look into `request_ready` for each generator and each priority that the scheduler gives.
_WAITING = f"""
SELECT near.id, near.parent_id, near.priority
FROM annotate_campaign c JOIN annotate_generator g ON g.enabled AND g.engine <> 'label' AND {TAKEN}
CROSS JOIN unnest(%(levels)s::smallint[]) AS p (priority) CROSS JOIN LATERAL (
  SELECT r.id, r.parent_id, r.priority FROM annotate_generationrequest r
  WHERE r.generator_id = g.id AND r.campaign_id = c.id AND {READY} AND r.priority = p.priority AND r.id > %(after)s
  ORDER BY r.id LIMIT %(limit)s) near
WHERE c.id = %(campaign)s"""

_FRONT = f"{_WAITING} ORDER BY near.priority DESC, near.id LIMIT %(limit)s"
_AFTER = f"{_WAITING} ORDER BY near.id LIMIT %(limit)s"

_PROMPTS = f"""
SELECT t.stratum_id AS stratum, r.ids, r.priorities, (
  SELECT count(*) FROM annotate_message x
  WHERE x.parent_id = p.id AND x.role = %(assistant)s AND x.removed_at IS NULL AND x.withdrawn_at IS NULL) + (
  SELECT count(*) FROM annotate_generationrequest x WHERE x.parent_id = p.id AND x.state = 'running') AS candidates
FROM annotate_message p JOIN annotate_messagetree t ON t.id = p.tree_id JOIN annotate_campaign c ON c.id = t.campaign_id
CROSS JOIN LATERAL (
  SELECT array_agg(r.id ORDER BY r.id) AS ids, array_agg(r.priority ORDER BY r.id) AS priorities
  FROM annotate_generationrequest r JOIN annotate_generator g ON g.id = r.generator_id AND g.enabled AND {TAKEN}
  WHERE r.parent_id = p.id AND {READY} HAVING count(*) > 0) r
WHERE p.id = ANY(%(parents)s::bigint[]) ORDER BY p.id"""

_VACANT = """
SELECT q.id AS queue, q.language, d.stratum_id AS stratum, count(*) AS vacant
FROM annotate_queue q CROSS JOIN LATERAL (
  SELECT u.id FROM annotate_unit u WHERE u.queue_id = q.id AND u.is_vacant
  ORDER BY u.band DESC, u.tie LIMIT %(most)s) u
JOIN annotate_unitdetail d ON d.unit_id = u.id
WHERE q.campaign_id = %(campaign)s AND q.kind = ANY(%(kinds)s::text[]) AND NOT q.is_gold GROUP BY q.id, q.language, d.stratum_id"""

_STRATA = """
SELECT s.id, s.language, c.kinds && %(kinds)s::varchar[] AS is_ordered
FROM annotate_stratum s JOIN annotate_campaign c ON c.id = s.campaign_id WHERE s.campaign_id = %(campaign)s"""


def list_front_requests(*, campaign_id: int, limit: int) -> list[tuple[int, int]]:
    """Request and its parent, of what the scheduler orders and a worker takes next."""
    return _list_waiting(_FRONT, campaign_id=campaign_id, after=0, limit=limit)


def list_requests_after(*, campaign_id: int, after: int, limit: int) -> list[tuple[int, int]]:
    """Request and its parent, of what the scheduler orders and may be taken now, by id above `after`."""
    return _list_waiting(_AFTER, campaign_id=campaign_id, after=after, limit=limit)


def load_waiting_prompts(*, parent_ids: Sequence[int]) -> list[WaitingPrompt]:
    """These messages with all that waits under them, and how many candidates each has or is getting; by id."""
    params = {"parents": list(parent_ids), "assistant": MessageRole.ASSISTANT}
    return [
        WaitingPrompt(
            stratum=row["stratum"],
            candidates=row["candidates"],
            requests=tuple(WaitingRequest(*pair) for pair in zip(row["ids"], row["priorities"], strict=True)),
        )
        for row in fetch_all(_PROMPTS, params)
    ]


def count_vacant(*, campaign_id: int) -> dict[int, int | None]:
    """By stratum: how many units ask for an order there and have room.

    None: enough, uncounted, because a queue of its language holds more than is looked at, or nobody is asked for an
    order in this campaign.
    """
    params = {"campaign": campaign_id, "kinds": [kind.value for kind in ORDERING_KINDS], "most": COUNTED_UNITS}
    by_queue: dict[int, int] = {}
    vacant: dict[int, int] = {}
    full = set()
    for row in fetch_all(_VACANT, params):
        vacant[row["stratum"]] = vacant.get(row["stratum"], 0) + row["vacant"]
        by_queue[row["queue"]] = by_queue.get(row["queue"], 0) + row["vacant"]
        if by_queue[row["queue"]] >= COUNTED_UNITS:
            full.add(row["language"])
    return {
        row["id"]: vacant.get(row["id"], 0) if row["is_ordered"] and row["language"] not in full else None
        for row in fetch_all(_STRATA, params)
    }


def _list_waiting(sql: str, *, campaign_id: int, after: int, limit: int) -> list[tuple[int, int]]:
    params = {"campaign": campaign_id, "after": after, "limit": limit, "levels": list(SCHEDULED_PRIORITIES)}
    return [(row["id"], row["parent_id"]) for row in fetch_all(sql, params)]
