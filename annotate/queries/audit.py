"""Reads of the audit. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from annotate.models import AuditEvent, Campaign

CHUNK = 500


def find_events(
    *,
    campaign: Campaign | None = None,
    action: str | None = None,
    actor_id: int | None = None,
    object_kind: str | None = None,
    object_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEvent]:
    """Events with their actors, by every filter that is given; `since` included, `until` not."""
    given = {
        "campaign": campaign,
        "action": action,
        "actor_id": actor_id,
        "object_kind": object_kind,
        "object_id": object_id,
        "created_at__gte": since,
        "created_at__lt": until,
    }
    filters = {name: value for name, value in given.items() if value is not None}
    return AuditEvent.objects.select_related("actor", "campaign").filter(**filters)


def stream_events(events: QuerySet[AuditEvent]) -> Iterator[dict[str, Any]]:
    """Every event, oldest first, in short reads by id: no long snapshot, whatever their number.

    What is added meanwhile with a higher id comes too.
    """
    last = 0
    while rows := list(events.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield from map(describe_event, rows)
        last = rows[-1].pk


def describe_event(event: AuditEvent) -> dict[str, Any]:
    """One event as the API and the export tell it. `actor` None: the system."""
    return {
        "id": event.pk,
        "at": event.created_at.isoformat(),
        "actor": None if event.actor is None else {"id": event.actor.pk, "name": str(event.actor)},
        "campaign": None if event.campaign is None else event.campaign.slug,
        "action": event.action,
        "object": {"kind": event.object_kind, "id": event.object_id},
        "before": event.before,
        "after": event.after,
        "reason": event.reason,
    }
