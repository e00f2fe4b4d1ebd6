"""Labels are asked for where the label schema has questions: units of a role that it drops close, and open again with it.

What is held may be submitted: it is answered under the version of the schema that was shown. Where trees grow, a label
is a review, and the tree decides about it (`services.tree_growth`).
"""

from collections.abc import Sequence

from django.db import transaction

from annotate.models import Campaign
from annotate.queries.campaign_parents import list_labelled_roles
from annotate.queries.rows import Row, fetch_all, run
from annotate.services.trees import lock_trees
from tasks.vocabulary import Kind, TreeState

#: Units that one transaction writes: measured, people who claim beside it do not notice.
ROWS_A_WRITE = 500

#: Units whose state is wrong. Only what was dropped with its role is closed while its conversation stands.
_WRONG = """
FROM annotate_message s JOIN annotate_messagetree t ON t.id = s.tree_id
WHERE s.id = u.subject_id AND u.kind = %(label)s AND t.campaign_id = %(campaign)s AND CASE
  WHEN u.is_open THEN s.role <> ALL(%(labelled)s::text[])
  ELSE s.role = ANY(%(labelled)s::text[]) AND t.state = %(ranking)s AND NOT EXISTS (
      SELECT 1 FROM annotate_golditem gi JOIN annotate_unit gu ON gu.id = gi.unit_id
      WHERE gu.subject_id = u.subject_id AND gu.kind = u.kind AND (gi.retired_at IS NOT NULL OR gu.id <> u.id))
    AND NOT EXISTS (SELECT 1 FROM annotate_message m WHERE m.id = ANY(s.thread)
      AND (m.removed_at IS NOT NULL OR m.withdrawn_at IS NOT NULL))
    AND NOT EXISTS (SELECT 1 FROM annotate_unit o WHERE o.kind = u.kind AND o.subject_id = u.subject_id AND o.is_open) END"""

_FIND = f"""
SELECT u.id, u.subject_id FROM (
  SELECT u.* FROM annotate_unit u
  WHERE u.id > %(after)s AND u.id <= %(last)s AND u.queue_id = ANY(ARRAY(
    SELECT q.id FROM annotate_queue q WHERE q.campaign_id = %(campaign)s AND q.kind = %(label)s)) OFFSET 0) AS u
WHERE EXISTS (SELECT 1 {_WRONG}) ORDER BY u.id"""

_LOCK = "SELECT id FROM annotate_unit WHERE id = ANY(%(units)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"

_WRITE = f"UPDATE annotate_unit u SET is_open = NOT u.is_open {_WRONG} AND u.id = ANY(%(units)s::bigint[])"


def follow_label_schema(*, campaign: Campaign, after: int, last: int) -> int:
    """Close or open the label units with ids above `after` up to `last` that the schema asks so; returns how many."""
    if not _is_asked_here(campaign):
        return 0
    found = fetch_all(_FIND, _read_wishes(campaign) | {"after": after, "last": last})
    for start in range(0, len(found), ROWS_A_WRITE):
        batch = found[start : start + ROWS_A_WRITE]
        with transaction.atomic():
            lock_trees(message_ids=[row["subject_id"] for row in batch])
            settle_label_units(campaign=campaign, units=[row["id"] for row in batch])
    return len(found)


def settle_label_units(*, campaign: Campaign, units: Sequence[int]) -> None:
    """The same for these units, in the transaction of a caller who holds the locks of their trees."""
    if _is_asked_here(campaign):
        run(_LOCK, {"units": list(units)})
        run(_WRITE, _read_wishes(campaign) | {"units": list(units)})


def _is_asked_here(campaign: Campaign) -> bool:
    return Kind.LABEL in campaign.kinds and not campaign.parameters.get("grow_trees")


def _read_wishes(campaign: Campaign) -> Row:
    return {
        "campaign": campaign.pk,
        "label": Kind.LABEL,
        "ranking": TreeState.RANKING,
        "labelled": list_labelled_roles(schema_id=campaign.label_schema_id),
    }
