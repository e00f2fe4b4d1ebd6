"""Keep what claims know of people: one narrow row for each person in a campaign, written only where it changes."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from annotate.queries.rows import Row, run
from annotate.queries.traits import PersonTraits
from annotate.services.stale import Turn, keep_turn

#: Rows a statement: claims read them meanwhile.
ROWS_A_WRITE = 1_000

#: Whoever was erased meanwhile is left out.
_PUT = """
INSERT INTO annotate_annotatortraits AS t (campaign_id, annotator_id, sharpness, opinion, "group", judgments, computed_at)
SELECT %(campaign)s, a.id, p.sharpness, p.opinion, p.people, p.judgments, %(now)s
FROM unnest(%(annotators)s::bigint[], %(sharpness)s::float8[], %(opinions)s::smallint[], %(groups)s::text[],
  %(judgments)s::int[]) AS p (annotator, sharpness, opinion, people, judgments)
JOIN annotate_annotator a ON a.id = p.annotator ORDER BY a.id
ON CONFLICT (campaign_id, annotator_id) DO UPDATE SET sharpness = excluded.sharpness, opinion = excluded.opinion,
  "group" = excluded."group", judgments = excluded.judgments, computed_at = excluded.computed_at
  WHERE (t.sharpness, t.opinion, t."group", t.judgments)
    IS DISTINCT FROM (excluded.sharpness, excluded.opinion, excluded."group", excluded.judgments)"""

_FORGET = """
DELETE FROM annotate_annotatortraits WHERE campaign_id = %(campaign)s AND NOT annotator_id = ANY(%(annotators)s::bigint[])"""


def store_traits(*, turn: Turn, people: Sequence[PersonTraits], now: datetime) -> int:
    """Write the traits of everybody in a campaign, and forget whoever is not among them; returns how many rows changed.

    Nothing happens where the turn is another's by now.
    """
    campaign, changed = turn.subject_id, 0
    with transaction.atomic():
        if not keep_turn(turn=turn):
            return 0
        for start in range(0, len(people), ROWS_A_WRITE):
            changed += run(_PUT, _as_columns(campaign, people[start : start + ROWS_A_WRITE], now))
        changed += run(_FORGET, {"campaign": campaign, "annotators": [person.annotator for person in people]})
    return changed


def _as_columns(campaign_id: int, people: Sequence[PersonTraits], now: datetime) -> Row:
    return {
        "campaign": campaign_id,
        "now": now,
        "annotators": [person.annotator for person in people],
        "sharpness": [person.sharpness for person in people],
        "opinions": [person.opinion for person in people],
        "groups": [person.group for person in people],
        "judgments": [person.judgments for person in people],
    }
