"""Messages that so many reported or skipped that they are hidden until a moderator has looked. Nothing here writes."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotate.models import AuditEvent
from annotate.queries.rows import fetch_all
from tasks.records.parameters import CampaignSettings
from tasks.vocabulary import ENDED_TREES, AuditAction

#: What the audit of a restored message keeps: the skips until then, which hide it no more.
FORGIVEN_SKIPS = "forgiven_skips"

#: People are counted, not what each of them does: who skips all work on a message has skipped it once, and whose report
#: of it a moderator dismissed hides it by no second one; nor does whoever is suspended. Skips count where trees grow; what was told to be hard to
#: judge is no skip.
_REFUSED = """
SELECT m.id, m.tree_id, t.campaign_id, m.parent_id IS NULL AS is_prompt, grows.yes AS grows, reported.n AS reports,
  skipped.n AS skips, l.skip_limit, reported.n >= l.report_limit AS is_reported, t.state = ANY(%(ended)s::text[]) AS has_ended
FROM annotate_message m
JOIN annotate_messagetree t ON t.id = m.tree_id
JOIN annotate_campaign c ON c.id = t.campaign_id
CROSS JOIN LATERAL (SELECT coalesce((c.parameters->>'grow_trees')::boolean, false) AS yes) grows
CROSS JOIN LATERAL (SELECT coalesce((c.parameters->>'report_limit')::int, %(report_limit)s) AS report_limit,
  coalesce((c.parameters->>'skip_limit')::int, %(skip_limit)s) AS skip_limit) l
CROSS JOIN LATERAL (
  SELECT count(*) AS n FROM annotate_report r JOIN annotate_annotator a ON a.id = r.annotator_id AND a.suspended_at IS NULL
  WHERE r.message_id = m.id AND r.state = 'open' AND NOT EXISTS (
    SELECT 1 FROM annotate_report d
    WHERE d.message_id = r.message_id AND d.annotator_id = r.annotator_id AND d.state = 'dismissed')) reported
CROSS JOIN LATERAL (
  SELECT count(DISTINCT s.annotator_id) AS n FROM annotate_unit u JOIN annotate_assignment s ON s.unit_id = u.id
  WHERE grows.yes AND u.subject_id = m.id AND s.state = 'skipped' AND s.skip_reason IS NOT NULL) skipped
WHERE m.tree_id = ANY(%(trees)s::bigint[]) AND m.removed_at IS NULL AND m.withdrawn_at IS NULL
  AND (reported.n >= l.report_limit OR skipped.n >= l.skip_limit)
ORDER BY m.id"""

_SKIPS = """
SELECT count(DISTINCT s.annotator_id) AS n FROM annotate_unit u JOIN annotate_assignment s ON s.unit_id = u.id
WHERE u.subject_id = %(message)s AND s.state = 'skipped' AND s.skip_reason IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class Refused:
    """A message over a limit. `is_reported`: by open reports; else by skips. `grows`: whether its tree does.

    `has_ended`: the tree has ended already, for another reason.
    """

    message_id: int
    tree_id: int
    campaign_id: int
    is_prompt: bool
    grows: bool
    is_reported: bool
    has_ended: bool
    reports: int
    skips: int


def find_refused(*, tree_ids: Sequence[int]) -> list[Refused]:
    """The messages of these trees that are over a limit of their campaign, by id."""
    limits = CampaignSettings()
    rows = fetch_all(
        _REFUSED,
        {
            "trees": list(tree_ids),
            "report_limit": limits.report_limit,
            "skip_limit": limits.skip_limit,
            "ended": [str(state) for state in ENDED_TREES],
        },
    )
    found = []
    for row in rows:
        limit, message = row.pop("skip_limit"), row.pop("id")
        if row["is_reported"] or row["skips"] - _count_forgiven(row["campaign_id"], message) >= limit:
            found.append(Refused(message_id=message, **row))
    return found


def count_skips(*, message_id: int) -> int:
    """How many have skipped work on this message, with a reason."""
    return sum(row["n"] for row in fetch_all(_SKIPS, {"message": message_id}))


def _count_forgiven(campaign_id: int, message_id: int) -> int:
    restored = AuditEvent.objects.filter(
        campaign_id=campaign_id,
        action=AuditAction.MESSAGE_RESTORED,
        object_kind="message",
        object_id=str(message_id),
    )
    after = restored.order_by("-pk").values_list("after", flat=True).first()
    return int((after or {}).get(FORGIVEN_SKIPS, 0))
