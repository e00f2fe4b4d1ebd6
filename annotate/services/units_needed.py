"""How many judgments open units need, when a campaign's redundancy or number of replies changes.

`needed = GREATEST(wanted, done + held)` in the UPDATE itself: a unit never needs less than it has and holds,
whoever submits or claims meanwhile. Only rows that change are written, in small transactions by id. Where trees grow,
texts and reviews are asked for by the trees and by the supply of prompts; only what puts candidates in order follows here.
"""

from collections.abc import Sequence

from django.db import transaction

from annotate.models import Queue
from annotate.queries.rows import Row, fetch_all, run
from tasks.records.parameters import CampaignSettings
from tasks.vocabulary import ORDERING_KINDS, WRITING_KINDS, MessageRole

#: Rows that one transaction writes: measured, people who claim beside it do not notice.
ROWS_A_WRITE = 500

#: What a unit should have. A prompt asks for as many replies by people as it lacks: those of this unit are
#: its `done`, and texts that people wrote elsewhere count as well. While certainty decides how often work
#: that is judged is judged again, the scheduler alone says it. OFFSET 0 keeps each look-up a descent of an
#: index, whatever the planner believes of tables that have just grown (see `services.units`).
_WANTED = """
SELECT u.id, u.needed, u.done, u.held, d.wanted AS was, w.wanted
FROM (SELECT u.* FROM annotate_unit u WHERE {those} AND u.is_open AND u.queue_id = ANY(%(queues)s::bigint[]) OFFSET 0) AS u
CROSS JOIN LATERAL (SELECT d.wanted FROM annotate_unitdetail d WHERE d.unit_id = u.id OFFSET 0) AS d
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN u.kind = 'improve_reply' THEN %(improvements)s::int
    WHEN u.kind = ANY(%(writing)s::text[]) THEN GREATEST(0, %(replies)s::int + u.done - (
      SELECT count(r.author_id) FROM annotate_message r
      WHERE r.parent_id = u.subject_id AND r.role = %(assistant)s AND r.removed_at IS NULL AND r.withdrawn_at IS NULL))
    WHEN %(certainty)s::boolean THEN d.wanted
    ELSE %(redundancy)s::int END AS wanted OFFSET 0) AS w"""

_FIND = f"""
SELECT w.id FROM ({_WANTED.format(those="u.id > %(after)s AND u.id <= %(last)s")}) w
WHERE w.was <> w.wanted OR w.needed <> GREATEST(w.wanted, w.done + w.held) ORDER BY w.id"""

_LOCK = "SELECT id FROM annotate_unit WHERE id = ANY(%(units)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"

_WRITE = f"""
WITH w AS MATERIALIZED ({_WANTED.format(those="u.id = ANY(%(units)s::bigint[])")}),
cold AS (UPDATE annotate_unitdetail d SET wanted = w.wanted FROM w WHERE d.unit_id = w.id AND d.wanted <> w.wanted)
UPDATE annotate_unit u SET needed = GREATEST(w.wanted, u.done + u.held)
FROM w WHERE u.id = w.id AND u.needed <> GREATEST(w.wanted, u.done + u.held)"""


#: What is told of gold is what is told of other work; of what grew as many are asked as of that.
_OF_GOLD = """
SELECT u.id FROM annotate_golditem gi JOIN annotate_unit u ON u.id = gi.unit_id
WHERE gi.campaign_id = %(campaign)s AND gi.retired_at IS NULL ORDER BY u.id FOR NO KEY UPDATE OF u"""

_WRITE_GOLD = """
WITH cold AS (
  UPDATE annotate_unitdetail d SET wanted = %(redundancy)s WHERE d.unit_id = ANY(%(units)s::bigint[]) AND d.wanted <> %(redundancy)s)
UPDATE annotate_unit u SET needed = GREATEST(%(redundancy)s, u.done + u.held)
WHERE u.id = ANY(%(units)s::bigint[]) AND %(grows)s AND u.needed <> GREATEST(%(redundancy)s, u.done + u.held)"""


def change_gold_needed(*, campaign_id: int, settings: CampaignSettings) -> None:
    """Bring the gold items that people are asked about to `settings`. Idempotent."""
    with transaction.atomic():
        units = [row["id"] for row in fetch_all(_OF_GOLD, {"campaign": campaign_id})]
        if units:
            run(_WRITE_GOLD, {"units": units, "redundancy": settings.redundancy, "grows": settings.grow_trees})


def change_units_needed(*, campaign_id: int, settings: CampaignSettings, after: int, last: int) -> int:
    """Bring the campaign's open units with ids above `after` up to `last` to `settings`; returns how many changed.

    Idempotent, and safe at any moment beside claims and submits.
    """
    params = _read_wishes(campaign_id=campaign_id, settings=settings)
    found = [row["id"] for row in fetch_all(_FIND, {**params, "after": after, "last": last})]
    for start in range(0, len(found), ROWS_A_WRITE):
        _write(params, found[start : start + ROWS_A_WRITE])
    return len(found)


def _write(params: Row, units: Sequence[int]) -> None:
    with transaction.atomic():
        # In the order of ids, as everybody locks units; the UPDATE by itself would take any order.
        run(_LOCK, {"units": list(units)})
        run(_WRITE, {**params, "units": list(units)})


def _read_wishes(*, campaign_id: int, settings: CampaignSettings) -> Row:
    queues = Queue.objects.filter(campaign_id=campaign_id, is_gold=False)
    if settings.grow_trees:
        queues = queues.filter(kind__in=ORDERING_KINDS)
    return {
        "queues": list(queues.values_list("pk", flat=True)),
        "redundancy": settings.redundancy,
        "replies": settings.replies_wanted,
        "improvements": settings.improvements_wanted,
        "certainty": settings.stops_by_certainty,
        "writing": [str(kind) for kind in WRITING_KINDS],
        "assistant": MessageRole.ASSISTANT,
    }
