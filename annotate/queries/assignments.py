"""Lists of a person's own assignments."""

from typing import Any

from django.db.models import F

from annotate.models import Assignment
from annotate.queries.presentation import format_time


def list_assignments(
    *, annotator_id: int, state: str | None, before: int | None, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """One page of a person's assignments, newest first, and the id to go on from (None on the last page)."""
    rows = Assignment.objects.filter(annotator_id=annotator_id)
    if state is not None:
        rows = rows.filter(state=state)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    # Not by the key itself: its index, read from the end, goes through everybody's until a page of one's own is full.
    found = list(rows.select_related("unit__queue__campaign").order_by((F("pk") + 0).desc())[: limit + 1])
    page = [
        {
            "id": row.pk,
            "campaign": row.unit.queue.campaign.slug,
            "kind": row.unit.kind,
            "language": row.unit.queue.language,
            "state": row.state,
            "has_draft": row.draft is not None,
            "draft_version": row.draft_version,
            "lease_expires_at": format_time(row.lease_expires_at),
            "created_at": format_time(row.created_at),
        }
        for row in found[:limit]
    ]
    return page, found[limit - 1].pk if len(found) > limit else None
