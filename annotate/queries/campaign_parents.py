"""Which messages of a campaign lack a unit that its kinds of work ask for. Nothing here writes."""

from annotate.models import LabelDimension
from annotate.queries.gold import GOLD_TREES
from annotate.queries.rows import fetch_all, fetch_one
from tasks.records.parameters import CampaignSettings
from tasks.vocabulary import ORDERING_KINDS, Kind, MessageRole, TreeState

_LIVE = "{m}.removed_at IS NULL AND {m}.withdrawn_at IS NULL"
_LIVE_CHILD = f"c.parent_id = m.id AND c.role = %(assistant)s AND {_LIVE.format(m='c')}"

#: A reply that lacks nothing but its label is done along with its parent, whose replies are labelled together.
#: Only a first look: `services.units.open_units` decides, under the lock of the tree. OFFSET 0 keeps each look-up a
#: descent of an index, whatever the planner believes of tables that have just grown (see there).
_LACKING = f"""
SELECT DISTINCT CASE WHEN m.role = %(assistant)s AND NOT lacks.work THEN m.parent_id ELSE m.id END AS id
FROM (
  SELECT m.id, m.parent_id, m.role, m.tree_id FROM annotate_message m
  WHERE m.id > %(after)s AND m.id <= %(last)s AND {_LIVE.format(m="m")} OFFSET 0) AS m
CROSS JOIN LATERAL (
  SELECT t.campaign_id, t.state FROM annotate_messagetree t WHERE t.id = m.tree_id OFFSET 0) AS t
CROSS JOIN LATERAL (
  SELECT EXISTS (
    SELECT 1 FROM unnest(%(ordering)s::text[]) AS k(kind)
    WHERE NOT EXISTS (SELECT 1 FROM annotate_unit u WHERE u.subject_id = m.id AND u.kind = k.kind OFFSET 0)
      AND (SELECT count(*) FROM annotate_message c WHERE {_LIVE_CHILD}) >= 2 OFFSET 0)
  OR (%(writes)s::boolean AND m.role = %(prompter)s
    AND NOT EXISTS (
      SELECT 1 FROM annotate_unit u WHERE u.subject_id = m.id AND u.kind = %(write)s AND u.is_open OFFSET 0)
    AND (SELECT count(c.author_id) FROM annotate_message c WHERE {_LIVE_CHILD}) < %(replies)s::int)
  OR (%(improves)s::boolean
    AND EXISTS (SELECT 1 FROM annotate_message c WHERE {_LIVE_CHILD} AND c.author_id IS NULL OFFSET 0)
    AND NOT EXISTS (
      SELECT 1 FROM annotate_message c JOIN annotate_unit u ON u.subject_id = c.id AND u.kind = %(improve)s
      WHERE c.parent_id = m.id OFFSET 0)) AS work,
  %(labels)s::boolean AND m.role = ANY(%(labelled)s::text[]) AND NOT EXISTS (
    SELECT 1 FROM annotate_unit u WHERE u.subject_id = m.id AND u.kind = %(label)s OFFSET 0) AS labels
  OFFSET 0) AS lacks
WHERE t.campaign_id = %(campaign)s AND t.state = %(ranking)s AND m.tree_id <> ALL({GOLD_TREES})
  AND (lacks.work OR lacks.labels)
ORDER BY 1"""


def list_parents_without_units(
    *,
    campaign_id: int,
    kinds: list[str],
    label_schema_id: int | None,
    settings: CampaignSettings,
    after: int,
    last: int,
) -> list[int]:
    """The messages to open units under, for those with ids above `after` up to `last` that may lack one."""
    params = {
        "campaign": campaign_id,
        "after": after,
        "last": last,
        "ranking": TreeState.RANKING,
        "assistant": MessageRole.ASSISTANT,
        "prompter": MessageRole.PROMPTER,
        "ordering": [str(kind) for kind in ORDERING_KINDS if kind in kinds],
        "labels": Kind.LABEL in kinds,
        "label": Kind.LABEL,
        "labelled": list_labelled_roles(schema_id=label_schema_id),
        "writes": Kind.WRITE_ASSISTANT_REPLY in kinds,
        "write": Kind.WRITE_ASSISTANT_REPLY,
        "replies": settings.replies_wanted,
        "improves": Kind.IMPROVE_REPLY in kinds and settings.improvements_wanted > 0,
        "improve": Kind.IMPROVE_REPLY,
    }
    return [row["id"] for row in fetch_all(_LACKING, params)]


def list_labelled_roles(*, schema_id: int | None) -> list[str]:
    """The roles of messages that a version of a label schema has questions for, sorted."""
    rows = LabelDimension.objects.filter(schema_id=schema_id).values_list("applies_to", flat=True)
    return sorted({role for roles in rows for role in roles})


def find_last_ids() -> tuple[int, int]:
    """The highest id of a message and of a unit, 0 where there is none: where a walk over ids may end."""
    row = fetch_one(
        "SELECT (SELECT max(id) FROM annotate_message) AS message, (SELECT max(id) FROM annotate_unit) AS unit", {}
    )
    return (0, 0) if row is None else (row["message"] or 0, row["unit"] or 0)
